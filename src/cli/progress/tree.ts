/** The live tree on a terminal: draws frames over each other, lets text through above them, and leaves the last one standing. */

import { oneLine, type Styles } from "../output.ts";
import { frame } from "./frame.ts";
import type { ProgressState } from "./state.ts";

/** Where it draws. */
export type Screen = {
  write(text: string): void;
  size(): { readonly columns: number; readonly rows: number };
};

export type TreeOptions = {
  readonly screen: Screen;
  readonly now: () => number;
  /** Calls `tick` every `ms`; returns how to stop. */
  readonly every: (ms: number, tick: () => void) => () => void;
  readonly style: Styles;
  readonly state: () => ProgressState;
  /** Told of an error while drawing. Nothing more is drawn then. */
  readonly failed: (error: unknown) => void;
};

export type Tree = {
  /** Prints lines above the tree. */
  say(text: string): void;
  /** Draws the tree a last time, whole, and gives the cursor back below it.  */
  close(): void;
  /** Gives the terminal back at once, as it is: for an end that nobody planned. */
  abandon(): void;
  /** Gives the terminal back until the next frame, which is drawn below whatever came between. */
  release(): void;
};

const FRAME_MS = 100;
const SYNC = "\x1b[?2026h";
const UNSYNC = "\x1b[?2026l";
const HIDE = "\x1b[?25l";
const SHOW = "\x1b[?25h";
const CLEAR_ROW = "\x1b[2K";
const CLEAR_BELOW = "\x1b[J";

/**
 * Between frames the cursor stands on an empty row above the tree. What others write to the terminal (a log line, the
 * ^C of the keyboard) therefore begins there, and the next frame is drawn below it. It also makes resizing harmless:
 * whatever a terminal does to rows that no longer fit, it does below the cursor, where each frame clears.
 */
export function createTree({ screen, now, every, style, state, failed }: TreeOptions): Tree {
  let last = "";
  let height = 0;
  let over = false;

  function rows(ended: boolean): string[] {
    const { columns, rows } = screen.size();
    // One row is the empty one.
    return frame(state(), { columns, rows: ended ? null : Math.max(1, rows - 1), now: now(), style, ended });
  }

  const overwrite = (lines: readonly string[]) => lines.map((line) => CLEAR_ROW + line).join("\r\n");

  function draw(above: readonly string[] = []): void {
    if (over) return;
    const lines = ["", ...rows(false)];
    const { columns } = screen.size();
    const drawing = `${overwrite(lines)}${CLEAR_BELOW}\x1b[${lines.length - 1}A\r`;
    const shown = `${columns}:${drawing}`;
    if (shown === last && above.length === 0) return;
    last = shown;
    height = lines.length;
    screen.write(`${SYNC}${HIDE}\r${above.map((line) => `${CLEAR_ROW}${line}\r\n`).join("")}${drawing}${UNSYNC}`);
  }

  function release(): void {
    if (over) return;
    last = "";
    screen.write(`\x1b[${Math.max(1, height - 1)}B\r\n${SHOW}`);
  }

  function abandon(): void {
    release();
    over = true;
    stop();
  }

  /** A display that cannot be drawn must not take the work with it. */
  function safely(action: () => void): void {
    try {
      action();
    } catch (error) {
      abandon();
      failed(error);
    }
  }

  const stop = every(FRAME_MS, () => safely(draw));
  safely(draw);
  return {
    say(text) {
      const lines = text
        .trimEnd()
        .split("\n")
        .map((line) => oneLine(line, 10_000));
      if (!over) safely(() => draw(lines));
      else screen.write(lines.map((line) => `${line}\r\n`).join(""));
    },
    close() {
      if (over) return;
      safely(() => {
        const lines = rows(true);
        over = true;
        stop();
        screen.write(`${SYNC}\r${overwrite(["", ...lines])}${CLEAR_BELOW}\r\n${SHOW}${UNSYNC}`);
      });
    },
    abandon,
    release,
  };
}
