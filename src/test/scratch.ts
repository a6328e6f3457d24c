/**
 * Before every test file: temporary folders lie in memory where the machine has room there, unless TMPDIR says where. They are
 * made and removed by the thousand, and what a test kills is a process, never the machine.
 */

import { accessSync, constants, statfsSync } from "node:fs";

const MEMORY = "/dev/shm";
const ROOM_BYTES = 4 * 1024 ** 3;

if (process.env.TMPDIR === undefined && hasRoom()) process.env.TMPDIR = MEMORY;

function hasRoom(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize > ROOM_BYTES;
  } catch {
    // Not on Linux, or not for us.
    return false;
  }
}
