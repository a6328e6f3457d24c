/** Words and columns that the commands share: figures to the right, times and ages, what an empty place says. */

import { table } from "./output.ts";

export const START = 'bun run start "your goal" (or --rehearse "your goal", without a key and without spending)';
export const START_HINT = `start one: ${START}`;

/** Rows of cells as aligned columns; the columns named in `right` (from 0) are aligned to the right. Cells may hold colours. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = right.map((column) => Math.max(0, ...rows.map((row) => Bun.stringWidth(row[column] ?? ""))));
  return table(
    rows.map((row) =>
      row.map((cell, i) => {
        const at = right.indexOf(i);
        return at === -1 ? cell : " ".repeat((widths[at] ?? 0) - Bun.stringWidth(cell)) + cell;
      }),
    ),
  );
}

/** Indents every line that has text. */
export function indent(text: string, by = "  "): string {
  return text.replace(/^(?=.)/gm, by);
}

/** `2026-11-21 13:36:05` in UTC. */
export function stamp(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace("T", " ");
}

/** How long ago, in one unit: `45 s`, `12 min`, `3 h`, `5 d`. A clock that went back counts as now. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** What calls that belong to no goal of the store were made for, by the id they stand under. */
export function withoutGoal(id: string): string {
  if (id.startsWith("validation-")) return "(a learning put to the test)";
  if (id.startsWith("evals-")) return "(evals)";
  return id.startsWith("init-") ? "(init)" : "(a dry run)";
}
