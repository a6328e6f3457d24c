/** Printing: stdout carries results, stderr everything else; colour only where a person looks. */

import { writeSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";

/** Writes all of a text to stdout before it returns: a pipe that is slow, or an exit right after, loses nothing. */
export function print(text: string): void {
  writeAll(1, text.endsWith("\n") ? text : `${text}\n`);
}

export function note(text: string): void {
  writeAll(2, text.endsWith("\n") ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      // The reader went away (`| head`): there is nobody to write for.
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}

export type Style = (text: string) => string;
export type Styles = {
  readonly bold: Style;
  readonly dim: Style;
  readonly red: Style;
  readonly green: Style;
  readonly yellow: Style;
  readonly cyan: Style;
};

const plain: Style = (text) => text;
const ansi =
  (open: number, close: number): Style =>
  (text) =>
    `\x1b[${open}m${text}\x1b[${close}m`;

export function styles(color: boolean): Styles {
  return color
    ? { bold: ansi(1, 22), dim: ansi(2, 22), red: ansi(31, 39), green: ansi(32, 39), yellow: ansi(33, 39), cyan: ansi(36, 39) }
    : { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };
}

/** Where a text will be read: how many columns there are (null: no terminal, lines as long as they are), and from which folder. */
export type Page = { readonly columns: number | null; readonly folder: string };

export function columnsOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): number | null {
  return stream.isTTY ? stream.columns || 80 : null;
}

/** Prose broken between words; what follows the first line begins with `hang`. Never for commands and paths: they are copied. */
export function wrap(text: string, columns: number | null, hang = ""): string {
  if (columns === null || columns - hang.length < 20) return text;
  const lines: string[] = [];
  let line = "";
  for (const [, gap = "", word = ""] of text.matchAll(/(\s*)(\S+)/g)) {
    const longer = line + gap + word;
    if (line.trim() === "" || Bun.stringWidth(longer) <= columns) line = longer;
    else {
      lines.push(line);
      line = hang + word;
    }
  }
  return [...lines, line].join("\n");
}

export function fits(text: string, columns: number | null): boolean {
  return columns === null || text.split("\n").every((line) => Bun.stringWidth(line) <= columns);
}

/** A path of the workspace as a person can open it from where they are: short below their folder, else whole. */
export function openable(workspace: string, path: string, folder: string): string {
  const whole = join(workspace, path);
  const here = relative(folder, whole);
  return here.startsWith("..") || isAbsolute(here) ? whole : here;
}

/** Rows of cells as aligned columns. Cells may hold colours. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, Bun.stringWidth(cell))));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - Bun.stringWidth(cell))))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A text from outside on one line, without control characters, cut to a width. */
export function oneLine(text: string, max = 100): string {
  const line = text
    .replace(/\s+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, "")
    .trim();
  return Bun.stringWidth(line) <= max ? line : `${Bun.sliceAnsi(line, 0, max - 1)}…`;
}
