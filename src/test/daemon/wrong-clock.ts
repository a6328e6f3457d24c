/**
 * Loaded into a daemon before the program (`bun --preload`): this process's `Date` is off by as many ms as the file at
 * WRONG_CLOCK_FILE says, and jumps when the file changes. Timers run on, as they do when a machine's clock is set.
 */

import { readFileSync } from "node:fs";

const LOOK_MS = 50;
const path = process.env["WRONG_CLOCK_FILE"];
if (path === undefined) throw new Error("WRONG_CLOCK_FILE is not set");

const Right = Date;
const rightNow = Date.now;
let off = 0;
let looked = Number.NEGATIVE_INFINITY;

function now(): number {
  const at = performance.now();
  if (at - looked > LOOK_MS) {
    looked = at;
    // Empty while it is being written: the last word holds.
    const said = readFileSync(path ?? "", "utf8").trim();
    if (said !== "") off = Number(said);
  }
  return rightNow() + off;
}

class Wrong extends Right {
  constructor(...args: [] | [number | string | Date]) {
    if (args.length === 0) super(now());
    else super(...(args as [number]));
  }
  static override now = now;
}

globalThis.Date = Wrong as DateConstructor;
