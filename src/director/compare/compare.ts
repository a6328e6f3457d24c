/** Comparing two texts for one task: judged blind in both orders, and once more against length; what does not hold is a tie. */

import { z } from "zod";
import type { CallKey } from "../../domain/call.ts";
import type { Goal } from "../../domain/goal.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry } from "../../domain/registry.ts";
import type { Lease, Task } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { bullets, lines, openingParts, SHARE, tag } from "../../skills/prompt.ts";

export const compareReply = z.object({
  /** Which of the two texts serves the task better, or `equal`. */
  better: z.enum(["first", "second", "equal"]),
  reason: z.string().min(1),
});

export type Candidate = { readonly name: string; readonly body: string };

export type CompareInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly task: Pick<Task, "key" | "brief" | "criteria" | "skill">;
  /** Where the journal keeps the calls; the step gets the names of the two texts. */
  readonly key: Pick<CallKey, "goalId" | "subject" | "revision">;
  readonly a: Candidate;
  readonly b: Candidate;
  readonly lease: Lease | null;
};

/** `by` says what a tie came from: equal texts, a judge that changed its mind with the order, or one that went by length. */
export type Comparison = {
  readonly a: string;
  readonly b: string;
  readonly winner: string | null;
  readonly by: "both_orders" | "equal" | "order" | "length";
  readonly reason: string;
};

const MAX_TOKENS = 2_000;
/** A winner that is longer by less than this did not win by its length. */
const LONGER = 1.1;

/** The better of two texts, or a tie. Two calls side by side; a third where the longer text won. */
export async function compareTexts(
  journal: Journal,
  registry: Registry,
  input: CompareInput,
  signal: AbortSignal,
): Promise<Decision<Comparison>> {
  const { a, b } = input;
  const names = { a: a.name, b: b.name };
  if (a.body === b.body) return decided({ ...names, winner: null, by: "equal", reason: "both texts are the same" }, "");
  const [forth, back] = await Promise.all([
    ask(journal, registry, input, a, b, signal),
    ask(journal, registry, input, b, a, signal),
  ]);
  if (forth.kind !== "decided") return forth;
  if (back.kind !== "decided") return back;
  const first = winnerOf(forth.value.better, a, b);
  const second = winnerOf(back.value.better, b, a);
  if (first === null && second === null)
    return decided({ ...names, winner: null, by: "equal", reason: forth.value.reason }, forth.model);
  if (first !== second || first === null) {
    const reason = "the choice changed with the order in which the texts were read";
    return decided({ ...names, winner: null, by: "order", reason }, forth.model);
  }
  const loser = first === a ? b : a;
  if (first.body.length > loser.body.length * LONGER) {
    // The same weaker text, made the longer one: a judge that goes by length now takes it.
    const padded = { name: `${loser.name}+`, body: padTo(loser.body, first.body.length * LONGER) };
    const control = await ask(journal, registry, input, padded, first, signal);
    if (control.kind !== "decided") return control;
    if (winnerOf(control.value.better, padded, first) !== first) {
      const reason = "the choice followed the length of the texts";
      return decided({ ...names, winner: null, by: "length", reason }, forth.model);
    }
  }
  return decided({ ...names, winner: first.name, by: "both_orders", reason: forth.value.reason }, forth.model);
}

function decided(value: Comparison, model: string): Decision<Comparison> {
  return { kind: "decided", value, model };
}

function winnerOf(better: z.infer<typeof compareReply>["better"], first: Candidate, second: Candidate): Candidate | null {
  return better === "first" ? first : better === "second" ? second : null;
}

/** Says its own last paragraphs again until it is long enough: more words, nothing new. */
function padTo(body: string, length: number): string {
  const paragraphs = body.split(/\n{2,}/).filter((part) => part.trim() !== "");
  let text = body;
  for (let i = paragraphs.length - 1; text.length < length; i = i > 0 ? i - 1 : paragraphs.length - 1) {
    text += `\n\n${paragraphs[i] ?? body}`;
  }
  return text;
}

async function ask(
  journal: Journal,
  registry: Registry,
  input: CompareInput,
  first: Candidate,
  second: Candidate,
  signal: AbortSignal,
): Promise<Decision<z.infer<typeof compareReply>>> {
  const { goal, context, task } = input;
  const skill = registry.skills.get(task.skill);
  const criteria = skill ? (registry.rubrics.get(skill.rubric)?.criteria ?? []) : [];
  return decide(
    journal,
    {
      key: { ...input.key, step: `compare:${first.name}:${second.name}`, round: 0 },
      lease: input.lease,
      goal,
      skill: null,
      tier: "strong" as const,
      maxTokens: MAX_TOKENS,
      system: openingParts(registry.texts.reviewer, context, "cached"),
      user: [
        {
          kind: "inputs" as const,
          share: SHARE,
          text: [
            tag("goal", {}, goal.text),
            tag("task", { key: task.key }, task.brief),
            tag("criteria", {}, bullets(task.criteria)),
            tag("rubric", {}, lines(criteria.map(({ id, weight, asks }) => ({ id, weight, asks })))),
          ].join("\n"),
        },
        {
          kind: "inputs" as const,
          text: [
            tag("first", {}, first.body),
            tag("second", {}, second.body),
            'Two texts for the same task. Which one serves the task better, by its criteria and the rubric? Neither their order nor their length is a merit; a text that says a thing twice is the weaker one. "reason": in one or two sentences, what decided it, with the words of the text that show it. Say "equal" where you would not put one before the other.',
          ].join("\n"),
        },
      ],
    },
    compareReply,
    signal,
  );
}
