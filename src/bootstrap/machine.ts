/** This machine and its processes, as the system tells of them. */

import { readFileSync } from "node:fs";
import type { RuntimeConfig } from "../config.ts";
import type { Machine } from "../work/presence.ts";

/** Linux tells boot and start time of a process; elsewhere a pid alone must do, and a lease runs out in seconds. */
export function thisMachine(config: Pick<RuntimeConfig, "host">): Machine {
  const bootId = readOr("/proc/sys/kernel/random/boot_id", "");
  const startedOf = (pid: number): string | null => {
    try {
      process.kill(pid, 0);
    } catch (error) {
      // EPERM: it runs, under another user.
      if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return null;
    }
    const stat = readOr(`/proc/${pid}/stat`, "");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return ticks === undefined ? "" : `${bootId}:${ticks}`;
  };
  return { host: config.host, pid: process.pid, started: startedOf(process.pid) ?? "", startedOf };
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return fallback;
  }
}
