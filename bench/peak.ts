/** Preloaded into a command: at its end it writes the most memory that it had, in kB, to the file that BENCH_PEAK names. */

import { readFileSync, writeFileSync } from "node:fs";

const file = process.env["BENCH_PEAK"];
// What the system counts for an ended child begins with the memory of whoever started it; this is the process's own.
if (file !== undefined)
  process.on("exit", () => {
    const status = readFileSync("/proc/self/status", "utf8");
    writeFileSync(file, /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? "NaN");
  });
