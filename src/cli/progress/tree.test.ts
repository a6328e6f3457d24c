/** The live tree on a terminal made of an array: frames over each other, words above them, the cursor always given back. */

import { expect, test } from "bun:test";
import { styles } from "../output.ts";
import { halfway, START } from "./recorded.ts";
import { createTree } from "./tree.ts";
import type { ProgressState } from "./state.ts";

/** As much of a terminal as the tree needs; throws on an escape sequence that it does not know. */
function fakeScreen(columns: number, rows: number) {
  const lines: string[] = [""];
  let [x, y] = [0, 0];
  const screen = {
    columns,
    rows,
    cursor: true,
    frames: 0,
    unsynced: 0,
    text: () => lines.join("\n").trimEnd(),
    size: () => ({ columns: screen.columns, rows: screen.rows }),
    write(text: string) {
      screen.frames++;
      for (const [token] of text.matchAll(/\x1b\[[?\d]*[A-Za-z]|\r|\n|[^\x1b\r\n]+/g)) {
        const up = /^\x1b\[(\d+)([AB])$/.exec(token);
        if (token === "\r") x = 0;
        else if (token === "\n") lines[++y] ??= "";
        else if (token === "\x1b[2K") lines[y] = "";
        else if (token === "\x1b[J") {
          lines.length = y + 1;
          lines[y] = (lines[y] ?? "").slice(0, x);
        } else if (token === "\x1b[?25l") screen.cursor = false;
        else if (token === "\x1b[?25h") screen.cursor = true;
        else if (token === "\x1b[?2026h") screen.unsynced++;
        else if (token === "\x1b[?2026l") screen.unsynced--;
        // Down stops at the last row, as a terminal does.
        else if (up) y = up[2] === "A" ? y - Number(up[1]) : Math.min(y + Number(up[1]), lines.length - 1);
        else if (token.startsWith("\x1b")) throw new Error(`unknown sequence ${JSON.stringify(token)}`);
        else {
          const line = (lines[y] ?? "").padEnd(x);
          lines[y] = line.slice(0, x) + token + line.slice(x + token.length);
          x += token.length;
        }
        if (y < 0) throw new Error("above the first row");
      }
    },
  };
  return screen;
}

function setUp(columns = 64, rows = 24) {
  const screen = fakeScreen(columns, rows);
  screen.write("$ marketeam\r\n");
  screen.frames = 0;
  const errors: unknown[] = [];
  let [now, state, ticking] = [START + 20_000, halfway(), true];
  let tick = () => {};
  let broken = false;
  const tree = createTree({
    screen,
    now: () => now,
    every: (ms, run) => {
      expect(ms).toBeGreaterThanOrEqual(100);
      tick = run;
      return () => (ticking = false);
    },
    style: styles(false),
    state() {
      if (broken) throw new Error("broken");
      return state;
    },
    failed: (error) => errors.push(error),
  });
  return {
    screen,
    tree,
    errors,
    ticking: () => ticking,
    pass(ms: number, next: ProgressState = state) {
      [now, state] = [now + ms, next];
      tick();
    },
    breakIt: () => (broken = true),
  };
}

const TREE = [
  "Grow signups",
  "Research 1/2",
  "  ✔ customer-research           8.4       7s",
  "  ⠋ competitor-profiling  v2    6.1       9s  sent back: names…",
  "  ○ gate",
  "Draft 0/1",
  "  ○ landing-page",
  "",
  "23.3k tokens · $0.13 of $20.00 · 20s · ctrl-c to stop",
].join("\n");

test("frames are drawn over each other, in sync, with the cursor hidden", () => {
  const { screen, pass } = setUp();
  expect(screen.text()).toBe(`$ marketeam\n\n${TREE}`);
  expect(screen.cursor).toBe(false);
  pass(1_000);
  expect(screen.text()).toBe(`$ marketeam\n\n${TREE.replace(" 9s", "10s").replace("20s", "21s")}`);
  expect(screen.unsynced).toBe(0);
});

test("nothing is written while nothing changes", () => {
  const { screen, pass } = setUp();
  const still = { ...halfway(), status: "paused" as const, reason: "budget", tasks: [] };
  pass(100, still);
  const { frames } = screen;
  pass(100);
  pass(100);
  expect(screen.frames).toBe(frames);
});

test("what is said, and what others write, stands above the tree", () => {
  const { screen, tree, pass } = setUp();
  tree.say("Stopping: calls may finish.\nsecond \u001b[2J line\n");
  expect(screen.text()).toBe(`$ marketeam\nStopping: calls may finish.\nsecond [2J line\n\n${TREE}`);
  screen.write("[12:00:00] WARN: a log line\r\n");
  pass(1_000);
  const later = TREE.replace(" 9s", "10s").replace("20s", "21s");
  expect(screen.text()).toBe(
    `$ marketeam\nStopping: calls may finish.\nsecond [2J line\n[12:00:00] WARN: a log line\n\n${later}`,
  );
});

test("a terminal that becomes smaller gets a smaller tree at the next frame", () => {
  const { screen, pass } = setUp(100, 30);
  screen.columns = 40;
  screen.rows = 6;
  pass(0);
  const rows = screen.text().split("\n").slice(1);
  expect(rows.length).toBeLessThanOrEqual(6);
  for (const row of rows) expect(Bun.stringWidth(row)).toBeLessThanOrEqual(40);
  expect(rows.join("\n")).toContain("⠋ competitor-profiling");
});

test("the end leaves the whole tree and gives the cursor back", () => {
  const { screen, tree, ticking, pass } = setUp(64, 6);
  tree.close();
  expect(ticking()).toBe(false);
  expect(screen.cursor).toBe(true);
  const last = screen.text();
  expect(last).toBe(`$ marketeam\n\n${TREE.replace(" · ctrl-c to stop", "")}`);
  pass(100);
  tree.close();
  tree.abandon();
  tree.release();
  expect(screen.text()).toBe(last);
  tree.say("after");
  expect(screen.text()).toBe(`${last}\nafter`);
});

test("a sudden end gives the cursor back below the tree", () => {
  const { screen, tree, ticking } = setUp();
  tree.abandon();
  screen.write("error: out of memory\r\n");
  expect(screen.text()).toBe(`$ marketeam\n\n${TREE}\nerror: out of memory`);
  expect([screen.cursor, ticking()]).toEqual([true, false]);
});

test("a suspended tree is drawn anew below what came between", () => {
  const { screen, tree, pass } = setUp();
  tree.release();
  expect(screen.cursor).toBe(true);
  screen.write("$ fg\r\n");
  pass(0);
  expect(screen.cursor).toBe(false);
  expect(screen.text()).toBe(`$ marketeam\n\n${TREE}\n$ fg\n\n${TREE}`);
});

test("a tree that cannot be drawn is given up, told once, and takes nothing with it", () => {
  const { screen, tree, errors, breakIt, pass, ticking } = setUp();
  breakIt();
  pass(100);
  expect([screen.cursor, ticking(), errors.length]).toEqual([true, false, 1]);
  tree.say("still heard");
  tree.close();
  expect(screen.text()).toEndWith("still heard");
  expect(errors.length).toBe(1);
});
