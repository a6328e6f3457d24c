/** Between the program and the rehearsal server: keeps what went over the wire, and gives answers the length that a model's have. */

import { listOf, parseJson, recordOf, textOf, tokensOf } from "../src/model/rehearsal/json.ts";
import { readRequest, type MessagesRequest } from "../src/model/rehearsal/request.ts";
import { startRehearsal } from "../src/model/rehearsal/server.ts";
import { showCall, type ShownCall } from "../src/model/rehearsal/shown-call.ts";

export type Sent = {
  readonly kind: ShownCall["kind"];
  readonly model: string;
  readonly request: MessagesRequest;
  /** It asked for references or tools, and wrote nothing yet. */
  readonly lookedUp: boolean;
  /** It was handed in as edits of the version before. */
  readonly edits: boolean;
  /** A reader whose reading nobody hands on: another sums up. */
  readonly reads: boolean;
  /** Of what was sent back, thinking apart. */
  readonly answerTokens: number;
  readonly maxTokens: number;
};

export type Wire = AsyncDisposable & {
  readonly url: string;
  /** Answered requests in the order in which they arrived. */
  readonly sent: () => readonly Sent[];
  /** How many requests the rehearsal's own log counts. */
  readonly witnessed: () => number;
};

/** The worked-out deliverables in docs/examples have 13,000 to 19,500 characters. */
const DELIVERABLE_CHARS = 14_000;
/** At most 200 words, as the reviewer's stance asks. */
const SUMMARY_CHARS = 1_200;
/** What a finding's passage becomes. */
const CHANGED_CHARS = 700;
/** Sentences that hold no figure, claim or name: nothing is tied to them, quoted from them or repeated after them. */
const FILLER =
  "In a real run a whole paragraph of the work stands here, in the words of the product and of its customers, and the reader can act on it. ";

export function openWire(options: { seed: number }): Wire {
  const server = startRehearsal({ seed: options.seed, returns: 0.3 });
  const sent: Sent[] = [];
  let next = 0;
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    async fetch(request) {
      const place = next++;
      const text = await request.text();
      const answer = await fetch(`${server.url}${new URL(request.url).pathname}`, {
        method: request.method,
        headers: { "content-type": "application/json", "x-api-key": "any" },
        body: text,
      });
      const said = await answer.text();
      const body = parseJson(text);
      const read = readRequest(body, { counting: false });
      if (!answer.ok || "error" in read) return new Response(said, { status: answer.status, headers: answer.headers });
      const shown = showCall(body);
      const stream = lengthen(eventsOf(said), shown.kind, text);
      sent[place] = {
        kind: shown.kind,
        model: shown.model ?? "",
        request: read.request,
        lookedUp: stream.stop === "tool_use",
        edits: stream.text.startsWith("<edit>"),
        reads: text.includes("Another reads it after you and sums it up"),
        answerTokens: tokensOf(stream.text),
        maxTokens: read.request.maxTokens,
      };
      const headers = { "content-type": "text/event-stream", "request-id": answer.headers.get("request-id") ?? "" };
      return new Response(stream.bytes, { headers });
    },
  });
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    sent: () => sent,
    witnessed: () => server.requests().filter((line) => line.event === "answered" && line.status === 200).length,
    async [Symbol.asyncDispose]() {
      await proxy.stop(true);
      await server.stop();
    },
  };
}

type Event = Record<string, unknown>;

function eventsOf(stream: string): Event[] {
  return [...stream.matchAll(/^data: (.*)$/gm)].map((match) => recordOf(parseJson(match[1] ?? "")));
}

/** The same stream with its text made as long as a model's would be; all of a text comes in one delta. */
function lengthen(events: readonly Event[], kind: Sent["kind"], prompt: string): { bytes: string; text: string; stop: string } {
  const isText = (event: Event) => recordOf(event.delta).type === "text_delta";
  const text = events
    .filter(isText)
    .map((event) => textOf(recordOf(event.delta).text))
    .join("");
  const stop = events.map((event) => textOf(recordOf(event.delta).stop_reason)).find((reason) => reason !== "") ?? "";
  const whole = stop === "end_turn";
  const long =
    whole && kind === "make" ? (edits(text, prompt) ?? longWork(text)) : whole && kind === "review" ? longSummary(text) : text;
  let written = false;
  const out = events.flatMap((event) => {
    if (!isText(event)) return [event];
    if (written) return [];
    written = true;
    return [{ ...event, delta: { type: "text_delta", text: long } }];
  });
  return {
    bytes: out.map((event) => `event: ${textOf(event.type)}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
    text: long,
    stop,
  };
}

/** A revision as the prompt asks for it: each passage that a finding quotes is replaced. Null for a first version, or when nothing is quoted. */
function edits(text: string, body: string): string | null {
  const prompt = listOf(recordOf(parseJson(body)).messages)
    .flatMap((message) => listOf(recordOf(message).content))
    .map((block) => textOf(recordOf(block).text))
    .join("\n");
  const before = /<previous_version[^>]*>\n([\s\S]*?)\n<\/previous_version>/.exec(prompt)?.[1];
  const findings = /<findings>\n([\s\S]*?)\n<\/findings>/.exec(prompt)?.[1] ?? "";
  const quotes = [...new Set(findings.split("\n").map((line) => textOf(recordOf(parseJson(line)).quote)))];
  const once = quotes.filter((quote) => quote !== "" && before?.split(quote).length === 2);
  const found = once.filter((quote) => !once.some((other) => other !== quote && other.includes(quote)));
  if (before === undefined || found.length === 0) return null;
  const list = found.map((quote) => `<edit>\n<find>\n${quote}\n</find>\n<replace>\n${fill(CHANGED_CHARS)}\n</replace>\n</edit>`);
  return `${list.join("\n")}\n${text.slice(text.lastIndexOf("<handoff>"))}`;
}

function longWork(text: string): string {
  const at = text.lastIndexOf("\n\n<handoff>");
  const body = at === -1 ? text : text.slice(0, at);
  const room = DELIVERABLE_CHARS - body.length;
  return room <= 0 ? text : `${body}\n\n${fill(room)}${at === -1 ? "" : text.slice(at)}`;
}

function longSummary(text: string): string {
  const reply = recordOf(parseJson(text));
  const summary = textOf(reply.summary);
  if (listOf(reply.scores).length === 0 || summary.length >= SUMMARY_CHARS) return text;
  return JSON.stringify({ ...reply, summary: `${summary} ${fill(SUMMARY_CHARS - summary.length)}` });
}

function fill(chars: number): string {
  return FILLER.repeat(Math.ceil(chars / FILLER.length))
    .slice(0, Math.max(0, chars))
    .trimEnd();
}
