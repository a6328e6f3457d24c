/** Slack: an incoming webhook, or chat.postMessage with a bot's token. */

import type { Channel, Delivery, Message } from "../channel.ts";
import { post } from "../post.ts";
import { slackText } from "./text.ts";

export type SlackOptions = {
  readonly name: string;
  readonly to: { readonly url: string } | { readonly token: string; readonly channel: string };
  /** Where the Web API is; tests have their own. */
  readonly api?: string;
};

// Slack takes 3,000 characters in a section, and refused about 13,000 in all blocks together.
const SECTION_CHARS = 3000;
const TITLE_CHARS = 600;
const FALLBACK_CHARS = 3000;

/** A Channel that posts to Slack. Sent is what Slack said yes to; it knows no id by which it could drop a repetition. */
export function createSlackChannel({ name, to, api = "https://slack.com/api" }: SlackOptions): Channel {
  return {
    name,
    outside: true,
    async send(message) {
      const content = slackContent(message);
      if ("url" in to) return delivered(await post({ url: to.url, headers: {}, body: JSON.stringify(content) }));
      const body = JSON.stringify({ channel: to.channel, parse: "none", link_names: false, ...content });
      const headers = { authorization: `Bearer ${to.token}`, "content-type": "application/json; charset=utf-8" };
      return delivered(await post({ url: `${api}/chat.postMessage`, headers, body }), { web: true });
    },
  };
}

function slackContent({ title, text }: Message): object {
  const section = (content: string) => ({ type: "section", text: { type: "mrkdwn", text: content, verbatim: true } });
  const bold = `*${slackText(title, TITLE_CHARS)}*`;
  return {
    // What notifications on a phone show.
    text: slackText(`${title}\n${text}`, FALLBACK_CHARS),
    blocks: text === "" ? [section(bold)] : [section(bold), section(slackText(text, SECTION_CHARS))],
    unfurl_links: false,
    unfurl_media: false,
  };
}

function delivered(answer: Awaited<ReturnType<typeof post>>, { web = false }: { web?: boolean } = {}): Delivery {
  if ("problem" in answer) return { ok: false, problem: answer.problem, retryAfterMs: null };
  const { status, body, retryAfterMs } = answer;
  const good = status >= 200 && status < 300;
  if (good && !web) return { ok: true };
  const reply = web ? webReply(body) : { ok: false, error: word(body) };
  if (good && reply.ok) return { ok: true };
  return { ok: false, problem: `Slack answered ${status}${reply.error === null ? "" : ` ${reply.error}`}`, retryAfterMs };
}

/** The Web API says 200 also when it refuses: `{"ok":false,"error":"not_in_channel"}`. */
function webReply(body: string): { ok: boolean; error: string | null } {
  try {
    const reply: unknown = JSON.parse(body);
    if (typeof reply !== "object" || reply === null) return { ok: false, error: null };
    const error = "error" in reply && typeof reply.error === "string" ? word(reply.error) : null;
    return { ok: "ok" in reply && reply.ok === true, error };
  } catch {
    return { ok: false, error: null };
  }
}

/** Slack's errors are single words; anything else might repeat what was sent. */
function word(text: string): string | null {
  return /^[a-z_]{2,60}$/.test(text.trim()) ? text.trim() : null;
}
