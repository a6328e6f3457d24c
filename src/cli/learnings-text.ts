/** Learnings as text and as JSON. */

import type { Learning } from "../domain/learning.ts";
import { columns } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";

export function learningJson({
  id,
  statement,
  skill,
  category,
  tags,
  confidence,
  evidence,
  status,
  origin,
  createdAt,
}: Learning) {
  return {
    id,
    statement,
    skill,
    category,
    tags,
    confidence,
    evidence,
    status,
    origin,
    createdAt: new Date(createdAt).toISOString(),
  };
}

/** Surest first within a skill. `rehearsed`: how many rehearsals have left behind, which never count. */
export function learningsText(found: readonly Learning[], rehearsed: number, style: Styles): string {
  if (found.length === 0) {
    const aside = rehearsed > 0 ? [`(${rehearsed} from rehearsals: they never inform real work.)`] : [];
    return [
      "No learnings here yet. Reviews make them as goals run; or say one yourself:",
      '  bun run start learnings add "Say the price on the button"',
      ...aside,
    ].join("\n");
  }
  const of = (entry: Learning) => entry.skill ?? "";
  const sorted = found.toSorted((a, b) => (of(a) === of(b) ? b.confidence - a.confidence : of(a) < of(b) ? -1 : 1));
  const paint = { active: style.green, hypothesis: style.yellow, retired: style.dim, pruned: style.dim };
  const rows = sorted.map((entry) => [
    entry.skill ?? style.dim("all skills"),
    oneLine(entry.statement, 90),
    entry.confidence.toFixed(2),
    paint[entry.status](entry.status),
    entry.origin,
    entry.id,
  ]);
  return columns([["skill", "statement", "conf.", "status", "from", "id"].map(style.dim), ...rows], [2]);
}
