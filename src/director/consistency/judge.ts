/** What only a reader can tell: whether statements of different texts about the same thing contradict each other. One call, on facts alone. */

import { z } from "zod";
import type { Fact } from "../../domain/deliverable.ts";
import type { Goal } from "../../domain/goal.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry } from "../../domain/registry.ts";
import type { Lease } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { lines, openingParts, tag } from "../../skills/prompt.ts";
import { valuesOf } from "../facts/values.ts";
import { CONTEXT, type Found, type Text } from "./text.ts";

export const consistencyReply = z.object({
  /** Of the pairs that code suspects: which ones are contradictions. */
  suspected: z.array(z.object({ id: z.string(), contradicts: z.boolean(), why: z.string() })),
  contradictions: z.array(
    z.object({
      subject: z.string().min(1),
      /** The statement, and the one that it cannot be true beside: another statement's id, or `context`. */
      a: z.string(),
      b: z.string(),
      /** The words of the context, when b is the context; else empty. */
      context_quote: z.string(),
      why: z.string().min(1),
    }),
  ),
});

/** Facts of one text, as its review stated them. */
export type Stated = { readonly text: Text; readonly facts: readonly Fact[] };

const MAX_FACTS = 120;
const MAX_TOKENS = 4_000;

export type JudgeInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly stated: readonly Stated[];
  /** What code has found: a reader confirms it before anybody has to change a text. */
  readonly suspected: readonly Found[];
  readonly lease: Lease;
};

export type Judged = {
  /** Of `suspected`, those that the reader confirmed. */
  readonly confirmed: readonly Found[];
  /** What only the reader saw. */
  readonly found: readonly Found[];
};

const SUSPECTED =
  'These pairs look like contradictions to a comparison by rules. For each one, by its id, in "suspected": contradicts is true only when the two passages speak of the same thing and cannot both be true; another plan, period, edition, time, a rounded figure, an example, or an old value that is called old, is none.';

function suspectLine({ id, entry }: { id: string; entry: Found }) {
  const { kind, subject, wrong, right } = entry;
  return { id, kind, subject, a: { text: right.name, quote: right.quote }, b: { text: wrong.name, quote: wrong.quote } };
}

type Side = { readonly text: Text; readonly quote: string };
type Numbered = Fact & { readonly id: string; readonly text: Text };

/** Facts whose values code can compare are left out: prices, dates and figures have been compared already. */
export function unsettledFacts(stated: readonly Stated[]): Numbered[] {
  return stated
    .flatMap(({ text, facts }) => facts.map((fact) => ({ ...fact, text })))
    .filter((fact) => valuesOf(fact.value).length === 0 && fact.text.body.includes(fact.quote))
    .slice(0, MAX_FACTS)
    .map((fact, i) => ({ ...fact, id: `S${i + 1}` }));
}

/** Null when there is nothing to ask: code suspects nothing, and fewer than two texts state anything that it cannot judge. */
export async function judgeFacts(
  journal: Journal,
  registry: Registry,
  input: JudgeInput,
  signal: AbortSignal,
): Promise<Decision<Judged> | null> {
  const facts = unsettledFacts(input.stated);
  const several = new Set(facts.map((fact) => fact.text.name)).size > 1;
  if (!several && input.suspected.length === 0) return null;
  const suspects = input.suspected.map((entry, i) => ({ id: `P${i + 1}`, entry }));
  const byId = new Map(facts.map((fact) => [fact.id, fact]));
  const spec = {
    key: { goalId: input.goal.id, subject: input.lease.taskId, revision: 0, step: "consistency", round: 0 },
    lease: input.lease,
    goal: input.goal,
    skill: null,
    tier: "standard" as const,
    maxTokens: MAX_TOKENS,
    system: openingParts(registry.texts.charter, input.context, "once"),
    user: [
      {
        kind: "inputs" as const,
        text: [
          tag("goal", {}, input.goal.text),
          ...(suspects.length > 0 ? [tag("suspected", {}, lines(suspects.map(suspectLine))), SUSPECTED] : []),
          tag(
            "statements",
            {},
            lines(
              facts.map(({ id, text, kind, subject, value, quote }) => ({ id, text: text.name, kind, subject, value, quote })),
            ),
          ),
          'These statements stand in texts of one campaign. Name each pair from different texts that cannot both be true of the same thing: another offer, another audience, another name for one product or plan, another next step where there is to be one, claims that exclude each other. Different things, different degrees of detail, and variants that are offered as alternatives do not contradict each other. A statement may also contradict the product context: then b is "context", and context_quote its words, verbatim. Where there is no contradiction, the list is empty.',
        ].join("\n"),
      },
    ],
  };
  const contextText: Text | null = input.context && { name: CONTEXT, rank: -1, body: input.context.body };
  const sideOf = (id: string, quote: string): Side | null => {
    const fact = byId.get(id);
    if (fact) return { text: fact.text, quote: fact.quote };
    return id === CONTEXT && contextText?.body.includes(quote) && quote !== "" ? { text: contextText, quote } : null;
  };
  const decision = await decide(journal, spec, consistencyReply, signal, (reply) => [
    ...suspects.flatMap(({ id }) =>
      reply.suspected.some((entry) => entry.id === id) ? [] : [`nothing is said of the suspected pair ${id}`],
    ),
    ...reply.contradictions.flatMap(({ a, b, context_quote }) => {
      if (!byId.has(a)) return [`there is no statement "${a}"`];
      const other = sideOf(b, context_quote);
      if (!other) return [b === CONTEXT ? `the context does not say "${context_quote}"` : `there is no statement "${b}"`];
      return other.text.name === byId.get(a)?.text.name ? [`${a} and ${b} stand in the same text`] : [];
    }),
  ]);
  if (decision.kind !== "decided") return decision;
  const found = decision.value.contradictions.flatMap(({ subject, a, b, context_quote, why }): Found[] => {
    const fact = byId.get(a);
    const [one, other] = [sideOf(a, ""), sideOf(b, context_quote)];
    if (!fact || !one || !other) return [];
    const [right, wrong] = one.text.rank <= other.text.rank ? [one, other] : [other, one];
    return [
      {
        kind: fact.kind,
        subject,
        wrong: { name: wrong.text.name, quote: wrong.quote },
        right: { name: right.text.name, quote: right.quote },
        note: why,
      },
    ];
  });
  const yes = new Set(decision.value.suspected.filter((entry) => entry.contradicts).map((entry) => entry.id));
  return { ...decision, value: { found, confirmed: suspects.filter(({ id }) => yes.has(id)).map(({ entry }) => entry) } };
}
