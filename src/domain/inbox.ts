/** An event in the inbox: what came from outside (or from the team itself), what was decided about it, and why. */

import { z } from "zod";

/** An event of this type says a goal in words. */
export const GOAL_EVENT = "goal";
/** Who sent an event that says nothing of its source. */
export const PLAIN_SOURCE = "webhook";
/** The source of the team's own events. */
export const OWN_SOURCE = "marketeam";
/** What the team itself tells; nobody outside may. */
export const OWN_EVENTS = ["budget_warning", "budget_critical", "pipeline_blocked"] as const;

/** A second event with the same source and id is the same event for so long. */
export const SAME_EVENT_MS = 30 * 86_400_000;
export const GOAL_TEXT_MAX_CHARS = 4_000;

/**
 * `waiting`: for the last of a burst. `overtaken`: a later one of the burst came. `ignored`: it is mapped, but the condition,
 * the cooldown or its switch says no. `refused`: it cannot be judged as it is. `unmapped`: nothing answers this type.
 */
const INBOX_DECISIONS = ["started", "waiting", "overtaken", "ignored", "refused", "unmapped"] as const;
export const inboxDecision = z.enum(INBOX_DECISIONS);
export type InboxDecision = z.infer<typeof inboxDecision>;

export type InboxEvent = {
  readonly id: string;
  readonly source: string;
  /** The sender's id of it, or what stands for one; unique with the source for 30 days. */
  readonly key: string;
  /** Of the content: the same key with another hash is a conflict. */
  readonly hash: string;
  readonly type: string;
  /** What the sender calls the type, where the source's map gave it another name. */
  readonly theirType: string | null;
  /** A goal in words may be said by this event. */
  readonly mayAsk: boolean;
  /** When it happened, as the sender says, UTC ms. */
  readonly happenedAt: number | null;
  /** JSON. */
  readonly data: string;
  readonly rehearsal: boolean;
  readonly receivedAt: number;
  readonly decision: InboxDecision;
  /** Why, in a sentence without its full stop; may hold words of the sender. */
  readonly reason: string;
  readonly pipeline: string | null;
  /** The type, with the value of its `key`: cooldown and debounce count per topic. */
  readonly topic: string | null;
  readonly goalId: string | null;
  /** When it started its goal, UTC ms. */
  readonly startedAt: number | null;
  /** While it waits: when it is decided, UTC ms. */
  readonly dueAt: number | null;
  /** When the first of its burst came, and which of the burst it is, from 1. */
  readonly burstAt: number | null;
  readonly burst: number;
  /** The id of the event that this one repeats. */
  readonly replays: string | null;
};
