/** Every model call of a goal: when, what for, on which model, what filled it, what came from the cache, what it cost. */

import { PART_KINDS, STABLE_PARTS, type Call, type PartKind } from "../domain/call.ts";
import type { Goal } from "../domain/goal.ts";
import { dollars, nano, usd } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import { cacheShare, promptTokens, tokensByPart } from "../journal/cache-share.ts";
import { columns } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";

export type CallsView = {
  /** In the order in which they began. */
  readonly calls: readonly Call[];
  readonly startedAt: number;
  /** Task keys by id. */
  readonly keys: ReadonlyMap<string, string>;
  readonly rehearsal: boolean;
};

/** The flag of a call that a person settled: when it ended says nothing of how long it took. */
export const RECONCILED = "reconciled";

/** In the order in which people read them; the domain's order is that of the wire. */
const SHOWN_PARTS: readonly PartKind[] = ["charter", "context", "skill", "learnings", "inputs", "tools"];

export function callsJson(view: CallsView) {
  return view.calls.map((call) => {
    const { usage } = call;
    const parts = tokensByPart(call.parts, promptTokens(usage));
    return {
      id: call.id,
      startedAt: new Date(call.startedAt).toISOString(),
      offsetMs: call.startedAt - view.startedAt,
      task: view.keys.get(call.subject) ?? call.subject,
      step: call.step,
      revision: call.revision,
      round: call.round,
      attempt: call.attempt,
      skill: call.skill,
      model: call.model,
      state: call.state,
      stop: call.stop,
      /** Estimated: the provider's count of the whole prompt, shared out by characters. */
      partTokens: Object.fromEntries(PART_KINDS.map((kind) => [kind, parts.get(kind) ?? 0])) as Record<PartKind, number>,
      promptTokens: promptTokens(usage),
      inputTokens: usage.input,
      cacheReadTokens: usage.cacheRead,
      cacheWriteTokens: usage.cacheWrite5m + usage.cacheWrite1h,
      outputTokens: usage.output,
      holdUsd: usd(call.hold),
      costUsd: usd(call.cost),
      durationMs: call.endedAt === null || call.flags.includes(RECONCILED) ? null : call.endedAt - call.startedAt,
      flags: call.flags,
      batch: call.batchShare !== null,
      learnings: call.learnings,
    };
  });
}

export type CallJson = ReturnType<typeof callsJson>[number];

export function callsText(goal: Pick<Goal, "id" | "title">, view: CallsView, style: Styles): string {
  const title = `${style.bold(`Calls of "${oneLine(goal.title, 80)}"`)}  ${goal.id}`;
  if (view.calls.length === 0) return `${title}\n\nNo model call was made yet.`;
  const calls = callsJson(view);
  const head = [
    "at",
    "task",
    "step",
    "v/r/a",
    "model",
    "end",
    ...SHOWN_PARTS,
    "read",
    "write",
    "out",
    "cost",
    "time",
    "call",
  ].map(style.dim);
  const right = head.map((_, i) => i).filter((i) => i === 0 || (i > 5 && i < head.length - 1));
  const out = [title, "", columns([head, ...calls.map((call) => callRow(call, style))], right), ""];
  const legend = "v/r/a: version, round, attempt. Tokens by part share out the provider's count by characters.";
  out.push(style.dim(legend), "", ...totals(view, calls), "", style.dim("What filled one of them: show --prompt <call>"));
  return out.join("\n");
}

function callRow(call: CallJson, style: Styles): string[] {
  const figure = (n: number) => (n === 0 ? style.dim("-") : String(n));
  const end = call.state === "settled" ? (call.stop ?? "") : `${call.state}${call.stop === null ? "" : ` (${call.stop})`}`;
  const good = call.stop === "end" || call.stop === "tool_use";
  const cost =
    call.state === "unknown" || call.state === "held" ? `held ${dollars(nano(call.holdUsd))}` : dollars(nano(call.costUsd));
  const learned = call.learnings.length > 0 ? [count(call.learnings.length, "learning")] : [];
  return [
    `+${(call.offsetMs / 1000).toFixed(1)}s`,
    oneLine(call.task, 28),
    oneLine(call.step, 32),
    `${call.revision + 1}/${call.round}/${call.attempt}`,
    call.model,
    good ? end : style.yellow(end),
    ...SHOWN_PARTS.map((kind) => figure(call.partTokens[kind])),
    figure(call.cacheReadTokens),
    figure(call.cacheWriteTokens),
    figure(call.outputTokens),
    cost,
    call.durationMs === null ? "" : `${(call.durationMs / 1000).toFixed(1)}s`,
    [call.id, ...(call.batch ? ["batch"] : []), ...learned, ...call.flags.map((flag) => style.yellow(flag))].join("  "),
  ];
}

function totals(view: CallsView, calls: readonly CallJson[]): string[] {
  const sum = (of: (call: CallJson) => number) => calls.reduce((total, call) => total + of(call), 0);
  const n = (value: number) => value.toLocaleString("en");
  const read = sum((call) => call.cacheReadTokens);
  const write = sum((call) => call.cacheWriteTokens);
  const cost = dollars(view.calls.reduce((total, call) => total + call.cost, 0));
  const held = view.calls.reduce((total, call) => total + (call.state === "held" || call.state === "unknown" ? call.hold : 0), 0);
  const { eligible, share } = cacheShare(view.calls);
  const stable = STABLE_PARTS.join(", ");
  return [
    `${count(calls.length, "call")}: ${n(sum((call) => call.promptTokens))} prompt tokens (${n(read)} read from the cache, ${n(write)} written to it), ` +
      `${n(sum((call) => call.outputTokens))} output tokens, ${view.rehearsal ? `nothing spent (a real run: about ${cost})` : cost}` +
      `${held > 0 ? `, and ${dollars(held)} held` : ""}.`,
    share === null
      ? "Cache: no call came after an earlier one of the same skill and model had begun to answer, so none could read from it."
      : `Cache: ${(share * 100).toFixed(1)} % of the tokens of the stable parts (${stable}) were cache reads, over ${count(eligible, "call")} that began after an earlier call of the same skill and model had begun to answer.`,
  ];
}
