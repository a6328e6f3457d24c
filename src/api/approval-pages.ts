/** The pages behind a signed link: GET shows what will happen, and only the button's POST answers. No script, nothing from elsewhere. */

import type { Choice } from "../domain/approval-link.ts";
import type { Effect } from "../domain/effect.ts";
import { effectWords, EFFECT_STATE_WORDS } from "../domain/effect-words.ts";
import { dollars } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import { previewText } from "../notify/preview-text.ts";
import { waitsFor } from "../store/effect-answers.ts";
import { getEffect } from "../store/effects.ts";
import { getGoal } from "../store/goals.ts";
import type { Store } from "../store/store.ts";
import { APPROVAL_PATH, type ApprovalLinks } from "../work/effect-links.ts";
import type { Effects } from "../work/effects.ts";
import { createBodyReader, textOf } from "./body.ts";

export type ApprovalPagesOptions = {
  readonly store: Store;
  readonly effects: Pick<Effects, "approve" | "reject">;
  readonly links: ApprovalLinks;
  /** Lets the sender look now. */
  readonly answered: () => void;
};

/** Answers requests to `/approve/` and below; null for all others. */
export type ApprovalPages = (request: Request, path: string) => Promise<Response | null>;

const NOTE_MAX = 2_000;
const NO_ANSWER = "Nothing was done. An expiry never approves.";

export const isApprovalPath = (path: string) => path.startsWith(APPROVAL_PATH) || `${path}/` === APPROVAL_PATH;

export function createApprovalPages({ store, effects, links, answered }: ApprovalPagesOptions): ApprovalPages {
  const readBody = createBodyReader();
  return async (request, path) => {
    if (!isApprovalPath(path)) return null;
    const found = await links.open(path.slice(APPROVAL_PATH.length));
    if (found === "false") return page(404, "This link is not valid", say("It may be cut off, or what it was for has changed."));
    if ("late" in found) return page(410, "This link has expired", say(lateWords(found.late)));
    const { effect, choice } = found;
    if (request.method === "GET" || request.method === "HEAD") return shown(effect, choice, request);
    if (request.method !== "POST")
      return page(405, "Not so", say("Open the link, and use the button."), { allow: "GET, HEAD, POST" });
    const body = await readBody(request);
    if ("refusal" in body) return page(body.refusal.status, "That did not arrive", say(body.refusal.error), body.refusal.headers);
    const note = new URLSearchParams(textOf(body.bytes) ?? "").get("note")?.trim().slice(0, NOTE_MAX) || null;
    const by = "a signed link";
    const given =
      choice === "approve"
        ? await effects.approve(effect.id, { hash: effect.hash, by })
        : await effects.reject(effect.id, { by, note });
    if ("refused" in given) {
      // Mostly a second press: what the first one did is what somebody wants to know.
      const now = (await store.read((read) => getEffect(read, effect.id))) ?? effect;
      if (now.state !== "intent") return page(409, sentence(stands(now)), say("It was answered before: this changed nothing."));
      return page(409, "Nothing was changed", say(`${sentence(given.refused)}.`));
    }
    answered();
    if (choice === "reject") return page(200, "Rejected", say("It will not be done."));
    const { note: why } = given.effect;
    return page(200, "Approved", say(why === null ? `It will be done exactly so, once. ${AGAIN}` : `${sentence(why)}.`));
  };

  async function shown(effect: Effect, choice: Choice, { url }: Request): Promise<Response> {
    const { goal, waits, now } = await store.read(async (read) => ({
      goal: await getGoal(read, effect.goalId),
      waits: effect.state === "intent" && effect.blocked === null ? await waitsFor(read, effect) : null,
      now: read.now,
    }));
    const facts = factsOf(effect, { goal: goal?.title ?? effect.goalId, now });
    if (effect.state !== "intent") {
      const next =
        effect.state === "unknown"
          ? `Look outside, then say what you found: effects ${effect.id} --happened, or --did-not-happen.`
          : "There is nothing to answer any more.";
      const why = effect.note === null ? "" : say(`Why: ${effect.note}`);
      return page(200, sentence(stands(effect)), `${say(next)}${why}${facts}`);
    }
    const means = (words: string) =>
      say(effect.rehearsal ? "This is a rehearsal: nothing is done outside, whatever you answer." : words);
    // Relative, for a door below another path; a chat may have put a slash behind the link.
    const beside = /^[^?#]*\/(?:[?#]|$)/.test(url) ? "../" : "";
    const reject = form("Reject", NOTE_FIELD, choice === "reject" ? "" : `${beside}${await links.token(effect, "reject")}`);
    if (choice === "reject")
      return page(
        200,
        "Reject this?",
        `${facts}${means("Rejected, it is never done. The same goes for no answer until then.")}${reject}`,
      );
    if (effect.blocked !== null)
      return page(200, "It can only be rejected", `${say(`${sentence(effect.blocked)}.`)}${facts}${reject}`);
    if (waits !== null) return page(200, "Not yet", `${say(`It cannot be approved: ${waits}.`)}${facts}${reject}`);
    const both = means("Approved, it is done exactly so, once. Rejected, or without an answer until then, nothing is done.");
    return page(200, "Do exactly this?", `${facts}${both}${form("Approve exactly this", "", "")}${reject}`);
  }
}

/** For a request that could not be answered: a person reads it, who cannot know whether the press counted. */
export function failedPage(headers: Readonly<Record<string, string>>): Response {
  return page(503, "That did not work", say("Open the link again in a minute: it shows whether your answer counts."), headers);
}

const AGAIN = "To see what became of it, open the link again.";

/** How an effect stands, as a sentence without its capital. */
const stands = ({ state }: Effect) => `${state === "unknown" ? "" : "it is "}${EFFECT_STATE_WORDS[state]}`;

/** Whoever holds an old link learns what became of it, and no more. */
function lateWords(effect: Effect): string {
  switch (effect.state) {
    case "intent":
    case "expired":
      return NO_ANSWER;
    case "stopped":
    case "withdrawn":
      return `${sentence(stands(effect))}.`;
    default:
      return `It was answered in time: ${stands(effect)}.`;
  }
}

function factsOf(effect: Effect, { goal, now }: { readonly goal: string; readonly now: number }): string {
  const { cost, recipients, expiresAt } = effect;
  const until = `${new Date(expiresAt).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const facts: [string, string][] = [
    ["What", effectWords(effect)],
    ["For", goal],
    ...(cost !== null || effect.class === "spend"
      ? [["Cost", cost === null ? "not said: look at the arguments below" : `up to ${dollars(cost)}`] satisfies [string, string]]
      : []),
    ...(recipients !== null || effect.class === "send"
      ? [["Recipients", recipients === null ? "not known" : recipients.toLocaleString("en")] satisfies [string, string]]
      : []),
    ["Asked by", effect.skill ?? "the team"],
    ["Until", expiresAt > now && effect.state === "intent" ? `${until}, ${left(expiresAt - now)} from now` : until],
  ];
  const rows = facts.map(([name, value]) => `<dt>${name}</dt><dd>${text(value)}</dd>`).join("\n");
  const tainted = effect.tainted ? say("The run that asked for this had read content from outside: look at every argument.") : "";
  return `<dl>${rows}</dl>\n${tainted}\n<pre>${text(previewText(effect.preview))}</pre>`;
}

/** The time that is left, as a person would say it. */
function left(ms: number): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000));
  return minutes < 120
    ? count(minutes, "minute")
    : minutes < 2 * 24 * 60
      ? count(Math.floor(minutes / 60), "hour")
      : count(Math.floor(minutes / 1440), "day");
}

const NOTE_FIELD = `<label>Why not (the team reads it)<textarea name="note" rows="2" maxlength="${NOTE_MAX}"></textarea></label>`;

/** `to` is another token beside the page's own; the page's own where it is empty. */
function form(button: string, field: string, to: string): string {
  return `<form method="post" action="${text(to)}">${field}<button>${text(button)}</button></form>`;
}

const say = (words: string) => `<p>${text(words)}</p>`;
const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;

/** Everything that is not ours goes through here. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}

const STYLE = `*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}pre{white-space:pre-wrap;border:1px solid #999;padding:1rem}dt{font-weight:bold}textarea{display:block;width:100%;font:inherit}button{font:inherit;padding:.5rem 1rem;margin:1rem 0}`;
const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");

function page(status: number, title: string, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(title)}</title><style>${STYLE}</style></head>\n<body><h1>${text(title)}</h1>\n${body}\n</body></html>\n`,
    {
      status,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex, nofollow",
        ...headers,
      },
    },
  );
}
