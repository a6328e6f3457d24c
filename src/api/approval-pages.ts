/** The pages behind a signed link: GET shows what will happen, and only the button's POST answers. No script, nothing from elsewhere. */

import type { Choice } from "../domain/approval-link.ts";
import type { Effect } from "../domain/effect.ts";
import { waitsFor } from "../store/effect-answers.ts";
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

/** Answers requests below `/approve/`; null for all others. */
export type ApprovalPages = (request: Request, path: string) => Promise<Response | null>;

const NOTE_MAX = 2_000;

export function createApprovalPages({ store, effects, links, answered }: ApprovalPagesOptions): ApprovalPages {
  const readBody = createBodyReader();
  return async (request, path) => {
    if (!path.startsWith(APPROVAL_PATH)) return null;
    const found = await links.open(path.slice(APPROVAL_PATH.length));
    if (found === "false") return page(404, "This link is not valid", say("It may be cut off, or what it was for has changed."));
    if (found === "late") return page(410, "This link has expired", say("Nothing was done. An expiry never approves."));
    const { effect, choice } = found;
    if (request.method === "GET" || request.method === "HEAD") return shown(effect, choice);
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
    if ("refused" in given) return page(409, "Nothing was changed", say(sentence(given.refused)));
    answered();
    return choice === "approve"
      ? page(200, "Approved", say(given.effect.note === null ? "It will be done exactly so, once." : sentence(given.effect.note)))
      : page(200, "Rejected", say("It will not be done."));
  };

  async function shown(effect: Effect, choice: Choice): Promise<Response> {
    const facts = `<dl><dt>What</dt><dd>${text(effect.class)} with ${text(effect.server)}.${text(effect.tool)}</dd>
<dt>Recipients</dt><dd>${effect.recipients === null ? "not known" : text(effect.recipients.toLocaleString("en"))}</dd>
<dt>Asked by</dt><dd>${text(effect.skill ?? "the team")}, ${text(effect.goalId)}</dd>
<dt>Until</dt><dd>${text(new Date(effect.expiresAt).toISOString().slice(0, 16).replace("T", " "))} UTC</dd></dl>
${effect.tainted ? say("The run that asked for this had read content from outside.") : ""}
<pre>${text(effect.preview)}</pre>`;
    if (effect.state !== "intent")
      return page(200, `It is ${effect.state}`, `${say("There is nothing to answer any more.")}${facts}`);
    if (choice === "approve") {
      const waits = effect.blocked ?? (await store.read((read) => waitsFor(read, effect)));
      if (waits !== null) return page(200, "Not yet", `${say(`It cannot be approved: ${waits}.`)}${facts}`);
      const reject = await links.token(effect, "reject");
      return page(
        200,
        "Do exactly this?",
        `${facts}${form("Approve exactly this", "", "")}${form("Reject", NOTE_FIELD, reject)}`,
      );
    }
    return page(200, "Reject this?", `${facts}${form("Reject", NOTE_FIELD, "")}`);
  }
}

const NOTE_FIELD = `<label>Why (the team reads it)<textarea name="note" rows="2" maxlength="${NOTE_MAX}"></textarea></label>`;

/** `to` is another token beside the page's own; the page's own where it is empty. */
function form(button: string, field: string, to: string): string {
  return `<form method="post" action="${text(to)}">${field}<button>${text(button)}</button></form>`;
}

const say = (words: string) => `<p>${text(words)}</p>`;
const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

/** Everything that is not ours goes through here. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #999;padding:1rem}dt{font-weight:bold}textarea{display:block;width:100%}button{font:inherit;padding:.5rem 1rem;margin:1rem 0}`;
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
