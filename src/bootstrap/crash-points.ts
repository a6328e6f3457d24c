/** Where a test has this process killed. */

import { writeSync } from "node:fs";

/**
 * `MARKETEAM_CRASH_AT=point#n` kills this process, as -9 does, when it passes that point for the nth time;
 * `MARKETEAM_CRASH_AT=list` writes each point that it passes to stderr instead, so that a test knows which there are.
 */
export function crashPoints(crashAt: string | null): (point: string) => void {
  if (crashAt === null) return () => {};
  if (crashAt === "list") return (point) => void writeSync(2, `passed ${point}\n`);
  const [wanted, count = "1"] = crashAt.split("#");
  let left = Number(count);
  return (point) => {
    if (point === wanted && --left === 0) process.kill(process.pid, "SIGKILL");
  };
}
