/** The terminal on stderr, written at once, and given back when the process ends before its time. */

import { writeSync } from "node:fs";
import type { Screen } from "./tree.ts";

const STDERR = 2;

export const terminal: Screen = {
  write(text) {
    let rest = Buffer.from(text);
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(STDERR, rest));
      } catch (error) {
        // A terminal that is slow gets the rest in a moment; one that is gone, and with it whoever would look, gets nothing.
        if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
        Bun.sleepSync(1);
      }
    }
  },
  // Asked for each frame: that is all it takes to follow a resize.
  size: () => ({ columns: process.stderr.columns || 80, rows: process.stderr.rows || 24 }),
};

/** Calls `ending` if the process ends, and `pausing` if it is suspended (ctrl-z), before this is taken back. */
export function onSuddenEnd(ending: () => void, pausing: () => void): () => void {
  const suspend = () => {
    pausing();
    process.kill(process.pid, "SIGSTOP");
  };
  process.on("exit", ending);
  process.on("SIGTSTP", suspend);
  return () => {
    process.off("exit", ending);
    process.off("SIGTSTP", suspend);
  };
}

export function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms);
  // What is left to draw keeps no process alive.
  timer.unref();
  return () => clearInterval(timer);
}
