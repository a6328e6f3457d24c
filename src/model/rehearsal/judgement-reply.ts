/** The replies to comparisons: one of two texts by a seeded taste that no order and no length changes; and no contradictions. */

import { chance } from "./chance.ts";
import { sha256, textOf } from "./json.ts";
import { MARK } from "./make-text.ts";
import { type Element, documentSections, elementText, jsonLines } from "./prompt.ts";
import { sentences, short } from "./words.ts";

const EQUAL = 0.2;

/** A text is liked by its first half alone, so that saying its end again changes nothing. */
export function compareReply(
  elements: readonly Element[],
  seed: number,
): { better: "first" | "second" | "equal"; reason: string } {
  const first = elementText(elements, "first");
  const second = elementText(elements, "second");
  const [one, other] = [taste(first, seed), taste(second, seed)];
  if (Math.abs(one - other) < EQUAL / 2) return { better: "equal", reason: "Rehearsal: neither is put before the other." };
  const quote = sentences(one > other ? first : second)[0] ?? "";
  return {
    better: one > other ? "first" : "second",
    reason: `Rehearsal: no model compared them; by lot, for "${short(quote, 120)}".`,
  };
}

/** What rules suspect is confirmed; nothing is seen beside it. */
export function consistencyReply(elements: readonly Element[]): {
  suspected: { id: string; contradicts: boolean; why: string }[];
  contradictions: [];
} {
  const why = "Rehearsal: no model read the passages.";
  return {
    suspected: jsonLines(elements, "suspected").map((line) => ({ id: textOf(line.id), contradicts: true, why })),
    contradictions: [],
  };
}

/** What the state of work says, section by section; one goal where something failed or waits. */
export function lookBackReply(elements: readonly Element[]): {
  report: string;
  five_lines: string[];
  goals: { text: string; category: null; priority: "P2"; why: string }[];
} {
  const state = elementText(elements, "state_of_work");
  const sections = documentSections(state);
  const stuck = state.split("\n").find((line) => /: (?:failed|blocked|paused)\b/.test(line));
  const parts = sections.map(({ name, text }) => `## ${name}\n\n${short(text, 600) || "none"}`);
  return {
    report: [MARK, ...parts].join("\n\n"),
    five_lines: [
      "Rehearsal: no model read this; the lines show where its words belong.",
      ...sections.slice(0, 4).map(({ name, text }) => `Rehearsal: ${name}: ${short(text.replace(/\s+/g, " "), 120) || "none"}`),
    ],
    goals:
      stuck === undefined
        ? []
        : [
            {
              text: `Find out why this came to a stop: ${short(stuck.replace(/^\s*-\s*/, ""), 160)}`,
              category: null,
              priority: "P2",
              why: "Rehearsal: the state of work shows it.",
            },
          ],
  };
}

function taste(text: string, seed: number): number {
  return chance(seed, "taste", sha256(text.slice(0, 400)));
}
