/** The port of notifications: a channel takes a message, or says in a sentence why it did not. */

/** What a message can be about; routing in `.agents/notify.yaml` names them. */
export const NOTICE_KINDS = [
  "question.waiting",
  "effect.waiting",
  "effect.unknown",
  "effects.stopped",
  "budget.level",
  "health.level",
  "goal.blocked",
  "goal.done",
  "goal.failed",
  "digest.daily",
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/**
 * An action that waits for a person's answer, as it stood when it was asked for: none of it ever changes, but for `became`.
 * Only channels outside are given them: a link answers for whoever holds it, and is nothing for a log.
 */
export type WaitingAction = {
  readonly id: string;
  /** An approval is bound to it. */
  readonly hash: string;
  /** One line: what will happen. */
  readonly title: string;
  /** The title of the goal that asked. */
  readonly goal: string;
  /** All that a person approves, with its line breaks. */
  readonly preview: string;
  /** Why it can only be rejected; null when it can be approved. */
  readonly blocked: string | null;
  /** The run that asked had read from outside. */
  readonly tainted: boolean;
  /** UTC ms. */
  readonly expiresAt: number;
  /** Where a browser answers it; null where the door has no address. */
  readonly links: Readonly<Record<"approve" | "reject", string>> | null;
  /** What became of it, in a sentence or two, and who answered; null while it waits. */
  readonly became: { readonly words: string; readonly by: string | null } | null;
};

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
  /** Of a message of the kind `effect.waiting`, to a channel outside. */
  readonly actions?: readonly WaitingAction[];
};

/** `ref` is where the message stands, for `edit`. `problem` holds no address and no secret; `retryAfterMs` is what the channel asked for. */
export type Delivery =
  | { readonly ok: true; readonly ref?: string }
  | { readonly ok: false; readonly problem: string; readonly retryAfterMs: number | null };

export interface Channel {
  readonly name: string;
  /** Leads out of this machine: quiet hours and gathering hold for it, and it never gets a rehearsal. */
  readonly outside: boolean;
  /** Sends once, within seconds. Never rejects. */
  send(message: Message): Promise<Delivery>;
  /** Where people answer in the channel itself. */
  readonly answers?: {
    /** Shows a message that was sent as it stands now. Never rejects. */
    edit(ref: string, message: Message): Promise<Delivery>;
    /** Tells one person of the channel something that the others do not see. Never rejects. */
    whisper(person: string, text: string): Promise<Delivery>;
  };
}
