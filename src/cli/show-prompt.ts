/** What filled the prompt of one call: its parts with their sizes, what it was held and billed at, what it had learned from. */

import type { Call } from "../domain/call.ts";
import type { Goal } from "../domain/goal.ts";
import { dollars, usd } from "../domain/money.ts";
import { promptTokens, tokensByPart } from "../journal/cache-share.ts";
import { getLearning } from "../store/learnings.ts";
import type { Read } from "../store/store.ts";
import { columns, indent, stamp, withoutGoal } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";
import { RECONCILED } from "./show-calls.ts";

/** Where the provider did not count: English text has about four characters a token. */
const CHARS_PER_TOKEN = 4;

export type PromptView = {
  readonly call: Call;
  /** Null for a dry run's planning call: its goal was never kept. */
  readonly goal: Pick<Goal, "title"> | null;
  readonly task: string;
  readonly learnings: readonly { readonly id: string; readonly statement: string | null }[];
};

export async function promptView(read: Read, call: Call, of: Pick<PromptView, "goal" | "task">): Promise<PromptView> {
  const learnings: { id: string; statement: string | null }[] = [];
  for (const id of call.learnings) learnings.push({ id, statement: (await getLearning(read, id))?.statement ?? null });
  return { call, learnings, ...of };
}

export function promptJson({ call, task, learnings }: PromptView) {
  const { usage } = call;
  return {
    call: call.id,
    goal: call.goalId,
    task,
    step: call.step,
    revision: call.revision,
    round: call.round,
    attempt: call.attempt,
    skill: call.skill,
    model: call.model,
    state: call.state,
    stop: call.stop,
    flags: call.flags,
    rehearsal: call.rehearsal,
    hash: call.requestHash,
    ...sizes(call),
    usage,
    holdUsd: usd(call.hold),
    costUsd: usd(call.cost),
    startedAt: new Date(call.startedAt).toISOString(),
    endedAt: call.endedAt === null ? null : new Date(call.endedAt).toISOString(),
    learnings,
  };
}

/** The parts in the order of the prompt. `counted`: the tokens share out the provider's own count. */
function sizes(call: Call): { counted: boolean; parts: { kind: string; chars: number; tokens: number }[] } {
  const chars = call.parts.reduce((sum, part) => sum + part.chars, 0);
  const real = promptTokens(call.usage);
  const tokens = tokensByPart(call.parts, real > 0 ? real : Math.ceil(chars / CHARS_PER_TOKEN));
  return {
    counted: real > 0,
    parts: call.parts.map((part) => ({ kind: part.kind, chars: part.chars, tokens: tokens.get(part.kind) ?? 0 })),
  };
}

export function promptText(view: PromptView, style: Styles): string {
  const { call } = view;
  const { parts, counted } = sizes(call);
  const n = (value: number) => value.toLocaleString("en");
  const total = parts.reduce((sum, part) => ({ chars: sum.chars + part.chars, tokens: sum.tokens + part.tokens }), {
    chars: 0,
    tokens: 0,
  });
  const share = (chars: number) => `${Math.round((chars / Math.max(1, total.chars)) * 100)} %`;
  const { usage } = call;
  const facts = [
    ["goal", `${call.goalId}  ${view.goal === null ? withoutGoal(call.goalId) : oneLine(view.goal.title, 80)}`],
    ["task", `${view.task}, version ${call.revision + 1}, ${call.step}, round ${call.round}, attempt ${call.attempt}`],
    ["model", call.model],
    [
      "state",
      `${call.state}${call.stop === null ? "" : `, ended with ${call.stop}`}${call.flags.length > 0 ? `, ${call.flags.join(", ")}` : ""}`,
    ],
    [
      "began",
      `${stamp(call.startedAt)} UTC${call.endedAt === null || call.flags.includes(RECONCILED) ? "" : `, took ${((call.endedAt - call.startedAt) / 1000).toFixed(1)} s`}`,
    ],
    ["hold", `${dollars(call.hold)} at worst`],
    ["cost", `${dollars(call.cost)}${call.rehearsal ? " (a rehearsal: nothing was spent)" : ""}`],
    [
      "tokens",
      `${n(usage.input)} input, ${n(usage.cacheRead)} cache reads, ${n(usage.cacheWrite5m + usage.cacheWrite1h)} cache writes, ${n(usage.output)} output`,
    ],
    ["hash", call.requestHash],
  ];
  const rows = [
    ["part", "characters", "tokens", ""].map(style.dim),
    ...parts.map((part) => [part.kind, n(part.chars), n(part.tokens), share(part.chars)]),
    ["all", n(total.chars), n(total.tokens), ""],
  ];
  const learned = view.learnings.map(
    ({ id, statement }) => `  - ${statement === null ? "(no longer there)" : oneLine(statement, 400)}  ${style.dim(id)}`,
  );
  return [
    style.bold(call.id),
    indent(columns(facts, [])),
    "",
    indent(columns(rows, [1, 2, 3])),
    style.dim(
      `  Tokens by part are an estimate: ${counted ? "the provider's count" : "a token for four characters"}, shared out by characters.`,
    ),
    "",
    ...(learned.length > 0 ? ["Learnings in it:", ...learned] : ["No learnings in it."]),
  ].join("\n");
}
