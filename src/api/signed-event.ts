/** Signed events: the sender's own reference library checks the signature, then their envelope becomes our event. */

import { hashOf } from "../domain/deliverable.ts";
import { GOAL_EVENT } from "../domain/inbox.ts";
import type { SignedSource } from "../triggers/event-sources.ts";
import { valueAt } from "../triggers/event-match.ts";
import type { Incoming } from "../triggers/event-take.ts";
import { isMap } from "./body.ts";
import { isType } from "./plain-event.ts";

/** A signature holds for so long before and after its time. */
export const WINDOW_SECONDS = 300;

export type Signed = {
  readonly text: string;
  readonly header: (name: string) => string | null;
  /** UTC ms. */
  readonly now: number;
};

type Verdict = "good" | "bad" | "late";

/** `late`: the signature may be right, but its time is more than five minutes from ours. Never rejects. */
export async function verifySigned(source: SignedSource, signed: Signed): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const secret of source.secrets) verdicts.push(await VERIFY[source.kind](secret, signed));
  return verdicts.includes("good") ? "good" : verdicts.includes("late") ? "late" : "bad";
}

// Each library is loaded when its first event comes: Stripe's takes 50 ms.
const VERIFY: Record<SignedSource["kind"], (secret: string, signed: Signed) => Promise<Verdict>> = {
  async standard(secret, { text, header, now }) {
    const { Webhook } = await import("standardwebhooks");
    const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    const headers = Object.fromEntries(names.map((name) => [name, header(name) ?? ""]));
    try {
      new Webhook(secret).verify(text, headers, { jsonParse: false });
    } catch (error) {
      return error instanceof Error && /timestamp too (?:old|new)/.test(error.message) ? "late" : "bad";
    }
    return inWindow(Number.parseInt(headers["webhook-timestamp"] ?? "", 10), now) ? "good" : "late";
  },
  async github(secret, { text, header }) {
    const { verify } = await import("@octokit/webhooks-methods");
    const signature = header("x-hub-signature-256");
    if (!signature || text === "") return "bad";
    return (await verify(secret, text, signature)) ? "good" : "bad";
  },
  async stripe(secret, { text, header, now }) {
    const { default: Stripe } = await import("stripe");
    const signature = header("stripe-signature");
    const reference = Stripe.webhooks.signature;
    if (!reference || !signature || text === "") return "bad";
    try {
      // The asynchronous form: on Bun the library has no other one.
      await reference.verifyHeaderAsync(text, signature, secret, WINDOW_SECONDS, undefined, now);
    } catch (error) {
      return error instanceof Error && /tolerance/.test(error.message) ? "late" : "bad";
    }
    // The library lets a time in the future pass.
    return inWindow(Number(/(?:^|,)t=(\d+)/.exec(signature)?.[1]), now) ? "good" : "late";
  },
};

function inWindow(seconds: number, now: number): boolean {
  return Math.abs(now / 1000 - seconds) <= WINDOW_SECONDS + 1;
}

/** The event in a body whose signature is good, or what is wrong with it in one line. */
export function readSignedEvent(
  source: SignedSource,
  body: Readonly<Record<string, unknown>>,
  { text, header }: Pick<Signed, "text" | "header">,
): { readonly event: Incoming } | { readonly problem: string } {
  const theirs = typesOf(source, body, header);
  if ("problem" in theirs) return theirs;
  const mapped = theirs.types.find((type) => Object.hasOwn(source.map, type));
  const [exact = ""] = theirs.types;
  const type = mapped === undefined ? exact : (source.map[mapped] ?? exact);
  if (!isType(type))
    return { problem: `the type ${JSON.stringify(type.slice(0, 60))} is not 1 to 100 letters, digits and . _ : / -` };
  const event = ENVELOPE[source.kind](body, { text, header });
  if ("problem" in event) return event;
  return {
    event: {
      ...event,
      source: source.name,
      type,
      theirType: mapped === undefined ? null : mapped,
      // What strangers write into an issue must not become the team's order unseen.
      mayAsk: mapped !== undefined && type === GOAL_EVENT,
    },
  };
}

/** Their types, the most exact first. */
function typesOf(
  { kind, typePath }: SignedSource,
  body: unknown,
  header: Signed["header"],
): { types: string[] } | { problem: string } {
  if (kind === "github" && typePath === null) {
    const event = header("x-github-event");
    if (!event) return { problem: "the header X-GitHub-Event is missing" };
    const action = valueAt(body, "action");
    return { types: typeof action === "string" && action !== "" ? [`${event}.${action}`, event] : [event] };
  }
  const path = typePath ?? "type";
  const type = valueAt(body, path);
  return typeof type === "string" && type !== "" ? { types: [type] } : { problem: `${path} is missing or not text` };
}

type Envelope = Pick<Incoming, "key" | "hash" | "happenedAt" | "data"> | { readonly problem: string };
type Read = (body: Readonly<Record<string, unknown>>, signed: Pick<Signed, "text" | "header">) => Envelope;

const ENVELOPE: Record<SignedSource["kind"], Read> = {
  standard(body, { text, header }) {
    const key = header("webhook-id") ?? "";
    if (!isId(key)) return { problem: "webhook-id is not 1 to 200 visible ASCII characters" };
    const at = Number.parseInt(header("webhook-timestamp") ?? "", 10) * 1000;
    const said = typeof body.timestamp === "string" ? Date.parse(body.timestamp) : Number.NaN;
    return { key, hash: hashOf(text), happenedAt: Number.isNaN(said) ? at : said, data: isMap(body.data) ? body.data : body };
  },
  github(body, { text }) {
    const hash = hashOf(text);
    // The delivery's id stands in a header that is not signed: who has seen one delivery could send it again under another.
    return { key: `body ${hash}`, hash, happenedAt: null, data: body };
  },
  stripe(body) {
    const { id, type, created, data } = body;
    if (typeof id !== "string" || !isId(id)) return { problem: "id is not 1 to 200 visible ASCII characters" };
    const at = typeof created === "number" && created > 0 && created < 1e11 ? Math.round(created * 1000) : null;
    const own = isMap(data) ? data : body;
    // A second delivery of one event differs in what it says of the first (pending_webhooks).
    return { key: id, hash: hashOf(JSON.stringify([type, own])), happenedAt: at, data: own };
  },
};

const isId = (text: string) => /^[\x21-\x7e]{1,200}$/.test(text);
