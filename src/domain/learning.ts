/** A learning: one short statement that a goal taught, with the evidence for it. */

import { z } from "zod";
import { overlap, stemsOf } from "./words.ts";

export const LEARNING_STATUSES = ["hypothesis", "active", "retired", "pruned"] as const;
/** `retired` by a person, `pruned` by trials that showed no use or harm: both are kept, and read by nobody. */
export const UNUSED: readonly string[] = ["retired", "pruned"];
export const learningStatus = z.enum(LEARNING_STATUSES);

export type Learning = {
  readonly id: string;
  readonly statement: string;
  readonly skill: string | null;
  readonly category: string | null;
  readonly tags: readonly string[];
  /** 0 to 1. A person's own learning starts at 0.9, one from a review at 0.5. */
  readonly confidence: number;
  readonly evidence: string;
  readonly status: z.infer<typeof learningStatus>;
  readonly origin: "review" | "person";
  readonly rehearsal: boolean;
  /** Where it was learned; null when a person said it. */
  readonly goalId: string | null;
  readonly taskId: string | null;
  readonly createdAt: number;
};

export const LEARNING_MAX_CHARS = 400;

const MONTH_MS = 30 * 86_400_000;

/**
 * What fits the work first, then what is surest and newest, within a budget in characters: relevance is the share of a
 * statement's words that `about` has too, and counts as much as half of all confidence; 30 days of age count a tenth of it.
 * A statement and the one that disputes it come together or not at all.
 */
export function selectLearnings(
  candidates: readonly Learning[],
  { now, maxChars, about }: { now: number; maxChars: number; about: string },
): Learning[] {
  const words = stemsOf(about);
  const fits = (entry: Learning) => {
    const own = [...stemsOf(entry.statement), ...entry.tags.flatMap((tag) => [...stemsOf(tag)])];
    return own.length === 0 ? 0 : own.filter((word) => words.has(word)).length / own.length;
  };
  const meanings = new Map(candidates.map((entry) => [entry.id, meaningOf(entry.statement)]));
  const against = (a: Learning, b: Learning) => {
    const [one, other] = [meanings.get(a.id), meanings.get(b.id)];
    return a.id !== b.id && one !== undefined && other !== undefined && opposed(one, other);
  };
  const ranked = candidates
    .filter((entry) => !UNUSED.includes(entry.status))
    .map((entry) => ({ entry, rank: entry.confidence + 0.5 * fits(entry) - ((now - entry.createdAt) / MONTH_MS) * 0.1 }))
    .sort((a, b) => b.rank - a.rank || (a.entry.id < b.entry.id ? 1 : -1))
    .map(({ entry }) => entry);
  const chosen = new Set<Learning>();
  let used = 0;
  for (const entry of ranked) {
    // Before it is held against all others: of many, most do not fit.
    if (chosen.has(entry) || used + entry.statement.length > maxChars) continue;
    const together = [entry];
    let size = entry.statement.length;
    for (const other of ranked) {
      if (chosen.has(other) || !against(entry, other)) continue;
      together.push(other);
      size += other.statement.length;
      if (used + size > maxChars) break;
    }
    if (used + size > maxChars) continue;
    used += size;
    for (const one of together) chosen.add(one);
  }
  return [...chosen];
}

/** Two statements about the same thing that say the opposite, or name another figure for it. */
export function disputes(a: Pick<Learning, "id" | "statement">, b: Pick<Learning, "id" | "statement">): boolean {
  return a.id !== b.id && opposed(meaningOf(a.statement), meaningOf(b.statement));
}

/** Two statements that say nearly the same: most words in common, and nothing that turns one of them round. */
export function nearlyTheSame(a: string, b: string): boolean {
  if (learningKey(a) === learningKey(b)) return true;
  const [one, other] = [meaningOf(a), meaningOf(b)];
  return overlap(one.about, other.about) >= NEARLY_SAME && one.figures === other.figures && !opposed(one, other);
}

/** Share of words in common from which two statements are about the same thing, and from which they say the same. */
const SAME_SUBJECT = 0.5;
const NEARLY_SAME = 0.8;
const NEGATION =
  /\b(?:not|no|never|nor|without|avoid|avoids|stop|less|instead of|rather than|don't|doesn't|do not|leave out|fewer)\b/i;
// By their first letters, as stems are.
const OPPOSITES: readonly (readonly [string, string])[] = [
  ["short", "long"],
  ["shorte", "longer"],
  ["before", "after"],
  ["first", "last"],
  ["above", "below"],
  ["raises", "lowers"],
  ["helps", "hurts"],
  ["early", "late"],
  ["formal", "casual"],
  ["always", "never"],
  ["increa", "decrea"],
];
const TURNING = new Set([
  "not",
  "never",
  "without",
  "avoid",
  "avoids",
  "stop",
  "less",
  "fewer",
  "instea",
  "rather",
  "leave",
  ...OPPOSITES.flat(),
]);

type Meaning = { readonly about: Set<string>; readonly all: Set<string>; readonly negated: boolean; readonly figures: string };

function opposed(one: Meaning, other: Meaning): boolean {
  if (overlap(one.about, other.about) < SAME_SUBJECT) return false;
  if (one.negated !== other.negated) return true;
  if (one.figures !== "" && other.figures !== "" && one.figures !== other.figures) return true;
  return OPPOSITES.some(([x, y]) => (one.all.has(x) && other.all.has(y)) || (one.all.has(y) && other.all.has(x)));
}

function meaningOf(statement: string): Meaning {
  const all = stemsOf(statement, 3);
  return {
    about: new Set([...all].filter((word) => !TURNING.has(word))),
    all,
    negated: NEGATION.test(statement),
    figures: (statement.match(/\d+(?:[.,]\d+)?/g) ?? []).sort().join(" "),
  };
}

/** Two statements that say the same, apart from case, spaces and punctuation. */
export function learningKey(statement: string): string {
  return statement
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
