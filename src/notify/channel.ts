/** The port of notifications: a channel takes a message, or says in a sentence why it did not. */

/** What a message can be about; routing in `.agents/notify.yaml` names them. */
export const NOTICE_KINDS = [
  "question.waiting",
  "budget.level",
  "health.level",
  "goal.blocked",
  "goal.done",
  "goal.failed",
  "digest.daily",
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Plain text, not yet escaped for any channel; the title is one line. */
export type Message = {
  /** Stays the same when a message is sent again, so that a receiver can drop the second one. */
  readonly id: string;
  /** A kind of notice, `summary` for several in one, or `test`. */
  readonly type: NoticeKind | "summary" | "test";
  /** When it happened, UTC ms. */
  readonly at: number;
  readonly goal: string | null;
  readonly title: string;
  readonly text: string;
  readonly urgent: boolean;
  readonly rehearsal: boolean;
};

/** `problem` holds no address and no secret; `retryAfterMs` is what the channel itself asked for. */
export type Delivery =
  { readonly ok: true } | { readonly ok: false; readonly problem: string; readonly retryAfterMs: number | null };

export interface Channel {
  readonly name: string;
  /** Leads out of this machine: quiet hours and gathering hold for it, and it never gets a rehearsal. */
  readonly outside: boolean;
  /** Sends once, within seconds. Never rejects. */
  send(message: Message): Promise<Delivery>;
}
