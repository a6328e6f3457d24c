/** Slack: an incoming webhook, or the Web API with a bot's token, where people may answer by buttons. Plain HTTP: three calls need no package. */

import type { Channel, Delivery, Message } from "../channel.ts";
import { post } from "../post.ts";
import { actionBlocks, plainSection, SECTION_CHARS } from "./blocks.ts";
import { slackText } from "./text.ts";

export type SlackOptions = {
  readonly name: string;
  readonly to: { readonly url: string } | { readonly token: string; readonly channel: string };
  /** Whether the channel's messages have buttons: there is somebody who may press them, and a door that believes Slack. */
  readonly answers?: object | null;
  /** Where the Web API is; tests have their own. */
  readonly api?: string;
};

const TITLE_CHARS = 600;
const FALLBACK_CHARS = 3000;

/** A Channel that posts to Slack. Sent is what Slack said yes to; it knows no id by which it could drop a repetition. */
export function createSlackChannel({ name, to, answers = null, api = "https://slack.com/api" }: SlackOptions): Channel {
  const buttons = answers !== null && "token" in to;
  /** One call of the Web API; `ref` is what it says of where the message stands. */
  async function call(method: string, given: object): Promise<Delivery> {
    if (!("token" in to)) return { ok: false, problem: "an incoming webhook only takes messages", retryAfterMs: null };
    const body = JSON.stringify({ channel: to.channel, ...given });
    const headers = { authorization: `Bearer ${to.token}`, "content-type": "application/json; charset=utf-8" };
    return delivered(await post({ url: `${api}/${method}`, headers, body }), { web: true });
  }
  return {
    name,
    outside: true,
    async send(message) {
      const content = slackContent(message, buttons);
      if ("url" in to) return delivered(await post({ url: to.url, headers: {}, body: JSON.stringify(content) }));
      const delivery = await call("chat.postMessage", { ...PLAIN, ...content });
      if (!delivery.ok) return delivery;
      return buttons && message.actions && delivery.ref ? delivery : { ok: true };
    },
    ...(buttons && {
      answers: {
        edit: (ref, message) => call("chat.update", { ts: ref, ...PLAIN, ...slackContent(message, true) }),
        whisper: (person, text) =>
          call("chat.postEphemeral", {
            user: person,
            ...PLAIN,
            text: slackText(text, SECTION_CHARS),
            blocks: [plainSection(text)],
          }),
      },
    }),
  };
}

const PLAIN = { parse: "none", link_names: false } as const;

function slackContent({ title, text, actions }: Message, buttons: boolean): object {
  const section = (content: string) => ({ type: "section", text: { type: "mrkdwn", text: content, verbatim: true } });
  const bold = `*${slackText(title, TITLE_CHARS)}*`;
  return {
    // What notifications on a phone show.
    text: slackText(`${title}\n${text}`, FALLBACK_CHARS),
    blocks: actions
      ? [section(bold), ...actionBlocks(actions, buttons)]
      : text === ""
        ? [section(bold)]
        : [section(bold), section(slackText(text, SECTION_CHARS))],
    unfurl_links: false,
    unfurl_media: false,
  };
}

function delivered(answer: Awaited<ReturnType<typeof post>>, { web = false }: { web?: boolean } = {}): Delivery {
  if ("problem" in answer) return { ok: false, problem: answer.problem, retryAfterMs: null };
  const { status, body, retryAfterMs } = answer;
  const good = status >= 200 && status < 300;
  if (good && !web) return { ok: true };
  const reply: ReturnType<typeof webReply> = web ? webReply(body) : { ok: false, error: word(body) };
  if (good && reply.ok) return reply.ts === undefined ? { ok: true } : { ok: true, ref: reply.ts };
  return { ok: false, problem: `Slack answered ${status}${reply.error === null ? "" : ` ${reply.error}`}`, retryAfterMs };
}

/** The Web API says 200 also when it refuses: `{"ok":false,"error":"not_in_channel"}`. */
function webReply(body: string): { ok: boolean; error: string | null; ts?: string } {
  try {
    const reply: unknown = JSON.parse(body);
    if (typeof reply !== "object" || reply === null) return { ok: false, error: null };
    const error = "error" in reply && typeof reply.error === "string" ? word(reply.error) : null;
    const ts = "ts" in reply && typeof reply.ts === "string" && /^\d{1,12}\.\d{1,9}$/.test(reply.ts) ? { ts: reply.ts } : {};
    return { ok: "ok" in reply && reply.ok === true, error, ...ts };
  } catch {
    return { ok: false, error: null };
  }
}

/** Slack's errors are single words; anything else might repeat what was sent. */
function word(text: string): string | null {
  return /^[a-z_]{2,60}$/.test(text.trim()) ? text.trim() : null;
}
