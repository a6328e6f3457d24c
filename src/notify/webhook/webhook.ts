/** An outgoing webhook, signed as Standard Webhooks says: id, time and body under HMAC-SHA256. */

import type { Channel, Message } from "../channel.ts";
import { post } from "../post.ts";

export type WebhookOptions = {
  readonly name: string;
  readonly url: string;
  /** `whsec_` and base64 of 24 to 64 bytes; see `secretProblem` in settings.ts. */
  readonly secret: string;
  /** UTC ms: the time that is signed is the time of the try. */
  readonly now: () => number;
};

/** A Channel that posts JSON. `webhook-id` is the same in every try, so that a receiver can drop repetitions. */
export function createWebhookChannel({ name, url, secret, now }: WebhookOptions): Channel {
  return {
    name,
    outside: true,
    async send(message) {
      const { Webhook } = await import("standardwebhooks");
      const body = JSON.stringify(payload(message));
      const at = new Date(now());
      const headers = {
        "webhook-id": message.id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": new Webhook(secret).sign(message.id, at, body),
      };
      const answer = await post({ url, headers, body });
      if ("problem" in answer) return { ok: false, problem: answer.problem, retryAfterMs: null };
      if (answer.status >= 200 && answer.status < 300) return { ok: true };
      // The receiver's words are not repeated: they may quote what it was sent.
      return { ok: false, problem: `the receiver answered ${answer.status}`, retryAfterMs: answer.retryAfterMs };
    },
  };
}

function payload({ id, type, at, goal, title, text, actions }: Message): object {
  const asked = actions?.map(({ id: effect, title: what, preview, blocked, tainted, expiresAt, links }) => ({
    ...{ effect, what, preview, blocked, tainted, expiresAt: new Date(expiresAt).toISOString(), links },
  }));
  return { id, type, at: new Date(at).toISOString(), goal, title, text, ...(asked && { actions: asked }) };
}
