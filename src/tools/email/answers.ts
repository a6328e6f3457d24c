/** What became of a request, as the answer of a tool. */

import type { ToolAnswer } from "../server.ts";
import type { Decision } from "./guard.ts";
import type { Failure } from "./wire.ts";

export function answerOf(failure: Failure): ToolAnswer {
  if (failure.kind !== "refused") return failure;
  const wait = failure.retryAfterMs === null ? "" : ` (again in ${Math.ceil(failure.retryAfterMs / 1000)} s)`;
  return refusal(`${failure.detail}${wait}`);
}

/** Of what comes before the deed: however it went, nothing has left. */
export function before(failure: Failure): ToolAnswer {
  return failure.kind === "lost" ? { kind: "unsent", detail: failure.detail } : answerOf(failure);
}

function answered(text: string, isError: boolean): ToolAnswer {
  return { kind: "answered", text, isError, bytes: Buffer.byteLength(text), spilled: null };
}

export const refusal = (words: string): ToolAnswer => answered(words, true);
export const json = (value: object): ToolAnswer => answered(JSON.stringify(value), false);
export const state = (word: "happened" | "unknown", note: string | null): ToolAnswer => json({ state: word, note });

export function counts({ suppressed, capped, unusable }: Decision) {
  return { suppressed: suppressed.length, capped: capped.length, unusable: unusable.length };
}

export function grown(now: number, people: number): string {
  return `it would reach ${now} people now, and ${people} was asked for: look at it again with campaign_report`;
}
