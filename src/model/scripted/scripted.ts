/** A model that answers by script: for tests that need the port, and no wire. */

import type { Usage } from "../../domain/call.ts";
import type { Model, ModelRequest, Reply, Stop } from "../model.ts";

type Respond = (request: ModelRequest, index: number) => Reply | Promise<Reply>;

/** Words that the request must contain anywhere, or a question to it. */
export type Matcher = string | ((request: ModelRequest) => boolean);

export type Rule = {
  readonly when: Matcher;
  /** Given out in this order, each once; a function makes its reply from the request. */
  readonly replies: readonly (Reply | Respond)[];
};

/** One function for every call (null: not expected), or rules: the first that matches and has a reply left answers. */
export type Script = ((request: ModelRequest, index: number) => Reply | Promise<Reply> | null) | readonly Rule[];

export type ScriptedModel = Model & {
  /** Every request that was made, in order, as frozen copies. */
  readonly requests: readonly ModelRequest[];
  /** Throws when a call came that the script does not know, or when a reply was never asked for. */
  assertComplete(): void;
};

/** A Model without a network. An unexpected call resolves to `bad_request` and is told by `assertComplete`. */
export function scriptedModel(script: Script): ScriptedModel {
  const requests: ModelRequest[] = [];
  const unexpected: string[] = [];
  const rules = typeof script === "function" ? [] : script.map((rule) => ({ ...rule, left: [...rule.replies] }));

  const find = (request: ModelRequest, index: number): Reply | Promise<Reply> | null => {
    if (typeof script === "function") return script(request, index);
    const reply = rules.find((rule) => rule.left.length > 0 && matches(rule.when, request))?.left.shift();
    return typeof reply === "function" ? reply(request, index) : (reply ?? null);
  };

  return {
    requests,
    async respond(request, { signal, onStart }) {
      if (signal.aborted) return stopReply("aborted", "the call was stopped", { billable: false });
      const copy = freeze(structuredClone(request));
      const index = requests.push(copy) - 1;
      const found = find(copy, index);
      if (found === null) {
        unexpected.push(`call ${index} (${copy.model}): ${excerpt(copy)}`);
        return stopReply("bad_request", `the script has no reply for call ${index}: ${excerpt(copy)}`);
      }
      const reply = await orAborted(found, signal);
      if (BEGUN.has(reply.stop)) onStart?.();
      return reply;
    },
    assertComplete() {
      const unused = rules.flatMap((rule, at) =>
        rule.left.length > 0 ? [`rule ${at}: ${rule.left.length} replies not asked for`] : [],
      );
      const problems = [...unexpected.map((call) => `unexpected ${call}`), ...unused];
      if (problems.length > 0) throw new Error(`the script does not fit the calls:\n${problems.join("\n")}`);
    },
  };
}

/** Ends whose answer had begun, so that `onStart` is called. */
const BEGUN: ReadonlySet<Stop> = new Set(["end", "tool_use", "truncated", "refusal"]);
/** Ends for which the provider asks money, or may. */
const BILLABLE: ReadonlySet<Stop> = new Set([...BEGUN, "lost", "idle", "aborted"]);

/** A whole answer. Its usage grows with the text, unless the test says otherwise. */
export function textReply(text: string, changes: Partial<Reply> = {}): Reply {
  return {
    stop: "end",
    text,
    uses: [],
    blocks: [],
    usage: usageFor(text),
    billable: true,
    detail: null,
    retryAfterMs: null,
    requestId: "req_scripted",
    ...changes,
  };
}

/** A whole answer of a structured call. */
export function jsonReply(value: unknown, changes: Partial<Reply> = {}): Reply {
  return textReply(JSON.stringify(value), changes);
}

/** An answer that asks for tools. */
export function toolReply(uses: Reply["uses"], changes: Partial<Reply> = {}): Reply {
  return textReply("", { stop: "tool_use", uses, usage: usageFor(JSON.stringify(uses)), ...changes });
}

/** An answer that ended otherwise: billed and with usage where the provider would say so. */
export function stopReply(stop: Stop, detail: string | null = `scripted ${stop}`, changes: Partial<Reply> = {}): Reply {
  return textReply("", { stop, detail, usage: BEGUN.has(stop) ? usageFor("") : null, billable: BILLABLE.has(stop), ...changes });
}

/** Holds a reply back: `asked` resolves when a call waits for it, `release` lets it go. */
export function holdReply(reply: Reply): { reply: Respond; asked: Promise<ModelRequest>; release: () => void } {
  const asked = Promise.withResolvers<ModelRequest>();
  const released = Promise.withResolvers<Reply>();
  return {
    reply: (request) => {
      asked.resolve(request);
      return released.promise;
    },
    asked: asked.promise,
    release: () => released.resolve(reply),
  };
}

async function orAborted(reply: Reply | Promise<Reply>, signal: AbortSignal): Promise<Reply> {
  const aborted = Promise.withResolvers<Reply>();
  const abort = () => aborted.resolve(stopReply("aborted", "the call was stopped"));
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([reply, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function matches(when: Matcher, request: ModelRequest): boolean {
  return typeof when === "function" ? when(request) : wordsOf(request).includes(when);
}

function wordsOf(request: ModelRequest): string {
  const messages = request.messages.map((message) =>
    message.role === "assistant"
      ? message.text
      : [...(message.results ?? []), ...message.parts].map((part) => part.text).join("\n"),
  );
  return [...request.system.map((part) => part.text), ...messages].join("\n");
}

function excerpt(request: ModelRequest): string {
  const words = wordsOf({ ...request, system: [] }).replaceAll("\n", " ");
  return words.length <= 120 ? words : `${words.slice(0, 119)}…`;
}

function usageFor(text: string): Usage {
  return { input: 1200, output: Math.max(1, Math.ceil(text.length / 4)), cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
