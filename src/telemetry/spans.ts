/** Spans from the store's rows: goal → task → call → tool, with ids that come from ours, as OTLP's JSON. */

import { hashOf } from "../domain/deliverable.ts";
import { usd } from "../domain/money.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Goal } from "../domain/goal.ts";
import type { Task } from "../domain/task.ts";
import { POLICY } from "../store/effect-answers.ts";
import type { TracedCall, TracedEffect, TracedTools } from "../store/figures-traces.ts";

type Value = string | number | boolean | readonly string[];

export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for a root. */
  readonly parentSpanId: string | null;
  readonly name: string;
  /** OTLP's numbers: 1 internal, 3 client. */
  readonly kind: 1 | 3;
  /** UTC ms; the end is never before the start. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, Value>>;
  /** What went wrong, as a short word; null when nothing did. */
  readonly error: string | null;
};

/** The same thing has the same ids wherever and however often its span is made. */
export function traceIdOf(tenant: string, goalId: string): string {
  return hashOf(`trace ${tenant} ${goalId}`).slice(0, 32);
}
export function spanIdOf(tenant: string, id: string): string {
  return hashOf(`span ${tenant} ${id}`).slice(0, 16);
}

export function goalSpan(tenant: string, goal: Goal): Span {
  return {
    traceId: traceIdOf(tenant, goal.id),
    spanId: spanIdOf(tenant, goal.id),
    parentSpanId: null,
    name: goal.pipeline === null ? "invoke_workflow" : `invoke_workflow ${goal.pipeline}`,
    kind: 1,
    ...times(goal.createdAt, goal.endedAt),
    attributes: {
      "gen_ai.operation.name": "invoke_workflow",
      "gen_ai.conversation.id": goal.id,
      "marketeam.goal.id": goal.id,
      "marketeam.goal.status": goal.status,
      "marketeam.goal.source": goal.source,
      "marketeam.goal.priority": goal.priority,
      ...(goal.category === null ? {} : { "marketeam.goal.category": goal.category }),
      ...(goal.pipeline === null ? {} : { "marketeam.pipeline": goal.pipeline }),
      "marketeam.rehearsal": goal.rehearsal,
    },
    error: goal.status === "failed" ? "failed" : null,
  };
}

/** A task that was begun; one that was cancelled before has no span. */
export function taskSpan(tenant: string, goal: Goal, task: Task): Span | null {
  if (task.startedAt === null) return null;
  return {
    traceId: traceIdOf(tenant, goal.id),
    spanId: spanIdOf(tenant, task.id),
    parentSpanId: spanIdOf(tenant, goal.id),
    name: `invoke_agent ${task.skill}`,
    kind: 1,
    ...times(task.startedAt, task.endedAt ?? goal.endedAt),
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": task.skill,
      "gen_ai.conversation.id": goal.id,
      "marketeam.task.id": task.id,
      "marketeam.task.kind": task.kind,
      "marketeam.task.status": task.status,
      "marketeam.task.revision": task.revision,
      ...(task.score === null ? {} : { "marketeam.task.score": task.score }),
      "marketeam.rehearsal": goal.rehearsal,
    },
    error: task.status === "failed" ? "failed" : null,
  };
}

/** How answers end that are none of the model's, or of the line's, failures. */
const FINE: readonly string[] = ["end", "tool_use", "truncated"];

/** `parentId`: the task or goal it was made for; null for a call that belongs to neither, like a dry run's. */
export function callSpan(tenant: string, call: TracedCall, parentId: string | null): Span {
  const { usage } = call;
  const settled = call.state === "settled";
  return {
    traceId: traceIdOf(tenant, call.goalId),
    spanId: spanIdOf(tenant, call.id),
    parentSpanId: parentId === null ? null : spanIdOf(tenant, parentId),
    name: `chat ${call.model}`,
    kind: 3,
    ...times(call.startedAt, call.endedAt),
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "anthropic",
      "gen_ai.request.model": call.model,
      "gen_ai.agent.name": call.skill ?? DIRECTOR,
      "gen_ai.conversation.id": call.goalId,
      ...(call.stop === null ? {} : { "gen_ai.response.finish_reasons": [call.stop] }),
      ...(settled
        ? {
            // With what the cache read and wrote, as the conventions want it.
            "gen_ai.usage.input_tokens": usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h,
            "gen_ai.usage.output_tokens": usage.output,
            "gen_ai.usage.cache_read.input_tokens": usage.cacheRead,
            "gen_ai.usage.cache_write.input_tokens": usage.cacheWrite5m + usage.cacheWrite1h,
          }
        : {}),
      "marketeam.call.id": call.id,
      "marketeam.call.state": call.state,
      "marketeam.call.step": call.step,
      "marketeam.call.revision": call.revision,
      "marketeam.call.round": call.round,
      "marketeam.call.attempt": call.attempt,
      "marketeam.call.cost_usd": usd(call.cost),
      "marketeam.rehearsal": call.rehearsal,
    },
    error: call.stop !== null && FINE.includes(call.stop) ? null : (call.stop ?? "lost"),
  };
}

/** A use's span begins when the answer asked for it; what was read outside has its own times. An action's comes with its end. */
export function toolSpans(tenant: string, asked: TracedTools): Span[] {
  return asked.uses.flatMap(({ id, name: used, read, acted }, i) => {
    if (acted) return [];
    const name = read ? toolName(read) : used;
    return {
      traceId: traceIdOf(tenant, asked.goalId),
      // Providers' ids of tool uses are their own business; the place in the answer is ours.
      spanId: spanIdOf(tenant, `${asked.callId}/${i}`),
      parentSpanId: spanIdOf(tenant, asked.callId),
      name: `execute_tool ${name}`,
      kind: read ? 3 : 1,
      ...(read ? times(Math.max(asked.from, read.at - read.ms), read.at) : times(asked.from, asked.to)),
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": id,
        "gen_ai.conversation.id": asked.goalId,
        ...(read ? outsideAttributes(read, "read", read.isError ? "error" : "answered") : {}),
        "marketeam.rehearsal": asked.rehearsal,
      },
      error: read?.isError === true ? "tool_error" : null,
    } satisfies Span;
  });
}

/** An action that has ended: from its sending to its answer; one that never left is a moment, when it was asked for. */
export function effectSpan(tenant: string, effect: TracedEffect): Span {
  const { sentAt, createdAt, endedAt, state } = effect;
  return {
    traceId: traceIdOf(tenant, effect.goalId),
    spanId: spanIdOf(tenant, effect.id),
    parentSpanId: spanIdOf(tenant, effect.callId ?? effect.taskId),
    name: `execute_tool ${toolName(effect)}`,
    kind: 3,
    ...(sentAt === null ? times(createdAt, createdAt) : times(sentAt, endedAt)),
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": toolName(effect),
      "gen_ai.conversation.id": effect.goalId,
      ...outsideAttributes(effect, effect.class, state),
      "marketeam.effect.id": effect.id,
      "marketeam.effect.by_policy": effect.approvedBy === POLICY,
      "marketeam.rehearsal": effect.rehearsal,
    },
    error: state === "failed" ? state : null,
  };
}

const toolName = ({ server, tool }: { readonly server: string; readonly tool: string }) => `${server}__${tool}`;

function outsideAttributes({ server, bytes }: { readonly server: string; readonly bytes: number }, of: string, outcome: string) {
  return {
    "marketeam.tool.server": server,
    "marketeam.tool.class": of,
    "marketeam.tool.outcome": outcome,
    "marketeam.tool.bytes": bytes,
  };
}

/** Clocks of two machines may disagree: a span never ends before it starts. */
function times(start: number, end: number | null): { start: number; end: number } {
  return { start, end: Math.max(start, end ?? start) };
}

/** The body of `POST /v1/traces`: ids in hex, 64-bit numbers as text. */
export function otlpBody(spans: readonly Span[], service: { name: string; version: string }): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ "service.name": service.name, "service.version": service.version }) },
        scopeSpans: [
          {
            scope: { name: "marketeam", version: service.version },
            spans: spans.map((span) => ({
              traceId: span.traceId,
              spanId: span.spanId,
              ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
              name: span.name,
              kind: span.kind,
              startTimeUnixNano: nanoText(span.start),
              endTimeUnixNano: nanoText(span.end),
              attributes: attributesOf(span.error === null ? span.attributes : { ...span.attributes, "error.type": span.error }),
              status: span.error === null ? {} : { code: 2, message: span.error },
            })),
          },
        ],
      },
    ],
  };
}

const nanoText = (ms: number) => (BigInt(Math.round(ms)) * 1_000_000n).toString();

function attributesOf(attributes: Readonly<Record<string, Value>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: Value): object {
  if (typeof value === "string") return { stringValue: value.toWellFormed() };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { arrayValue: { values: value.map((entry) => valueOf(entry)) } };
}
