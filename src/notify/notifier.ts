/** The notifier: looks at what happened, records what is to be told, sends what is due. Safe to run in several processes. */

import { dayAt, type QuietHours } from "../domain/quiet-hours.ts";
import type { Log } from "../log/log.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import { lockNotices, noticeKnown } from "../store/notices.ts";
import type { Read, Store } from "../store/store.ts";
import type { Channel, Delivery, NoticeKind } from "./channel.ts";
import { cleanTitle } from "./message.ts";
import { createOutbox } from "./outbox.ts";
import type { Links } from "./waiting-action.ts";
import { digestDraft, healthDraft, type HealthLevel } from "./words.ts";

export type NotifierOptions = {
  readonly store: Store;
  readonly channels: readonly Channel[];
  /** The channels (by name) that a kind goes to. */
  readonly route: (kind: NoticeKind) => readonly string[];
  readonly quiet: QuietHours | null;
  /** When the digest of a day goes out, and the lines that stand in it then. */
  readonly digest: {
    readonly at: string;
    readonly zone: string;
    readonly lines: (day: string) => Promise<readonly string[]>;
  } | null;
  /** Texts that leave in no message. */
  readonly secrets: readonly string[];
  /** Where a browser answers an effect, or null; none when not given. Called outside of any transaction. */
  readonly links?: Links;
  /** UTC ms; the store's own clock. */
  readonly now: () => number;
  readonly log: Log;
};

/** `next`: when there will be something to do without a new event, in UTC ms; null for never. */
export type Look = { readonly sent: number; readonly failed: number; readonly next: number | null };

export interface Notifier {
  /**
   * Reads the events since the last look, records and sends what is due. Looks at the same time are one, and one more
   * after it. Never rejects: what went wrong is logged and `next` is soon.
   */
  look(): Promise<Look>;
  /** Tells of the health of a place (a host) when its level is another than the last one told. Then look(). */
  health(health: { readonly where: string; readonly level: HealthLevel; readonly reasons: readonly string[] }): Promise<void>;
  /** Sends a test message to one channel now, whatever the hour; it is not recorded. */
  test(channel: string): Promise<Delivery>;
  /** Begins no message any more; resolves when the one on its way is settled. */
  close(): Promise<void>;
}

const AGAIN_MS = 30_000;

export function createNotifier({ digest, log, now, ...options }: NotifierOptions): Notifier {
  const { store, channels } = options;
  const outbox = createOutbox(options);
  let running: Promise<Look> | null = null;
  let queued: Promise<Look> | null = null;
  let closed = false;
  let digestDone = "";

  async function round(): Promise<Look> {
    const looks: Look[] = [];
    // What can be sent is sent, also when a part of the look failed.
    const part = async (what: string, run: () => Promise<Look>) => {
      if (closed) return;
      try {
        looks.push(await run());
      } catch (error) {
        log.warn(`${what}; looking again soon`, { error });
        looks.push({ sent: 0, failed: 0, next: now() + AGAIN_MS });
      }
    };
    await part("new events could not be read for notices", async () => {
      await outbox.takeEvents();
      return { sent: 0, failed: 0, next: null };
    });
    await part("the daily digest could not be made", daily);
    await Promise.all(channels.map((channel) => part(`notices to ${channel.name} could not be handled`, () => deliver(channel))));
    const times = looks.flatMap((look) => (look.next === null ? [] : [look.next]));
    const sum = (of: "sent" | "failed") => looks.reduce((total, look) => total + look[of], 0);
    return { sent: sum("sent"), failed: sum("failed"), next: times.length === 0 ? null : Math.min(...times) };
  }

  async function deliver(channel: Channel): Promise<Look> {
    let [sent, failed] = [0, 0];
    while (!closed) {
      const claim = await outbox.claim(channel);
      if ("until" in claim) return { sent, failed, next: claim.until };
      if ("givenUp" in claim) {
        log.error("a message was given up", { channel: channel.name, message_id: claim.givenUp });
        continue;
      }
      const { edit } = claim;
      const delivery =
        edit && channel.answers ? await channel.answers.edit(edit.ref, claim.message) : await channel.send(claim.message);
      const end = await outbox.settle(channel, claim, delivery);
      if (delivery.ok) sent += edit ? 0 : 1;
      else {
        failed += edit ? 0 : 1;
        const fields = { channel: channel.name, message_id: claim.message.id, attempt: claim.attempt, problem: delivery.problem };
        if (end === "given up") log.error("a message was given up", fields);
        else log.warn("a message could not be sent", fields);
      }
    }
    return { sent, failed, next: null };
  }

  async function daily(): Promise<Look> {
    const nothing = { sent: 0, failed: 0 };
    if (digest === null) return { ...nothing, next: null };
    const { day, due, next } = dayAt(digest.at, digest.zone, now());
    if (now() < due) return { ...nothing, next: due };
    const draft = digestDraft(day, [], now());
    const known = async (read: Read) => noticeKnown(read, `${draft.kind} ${draft.subject} ${draft.state}`);
    if (digestDone !== day && !(await store.read(known))) {
      const filled = digestDraft(day, await digest.lines(day), now());
      await store.write("notice.digest", async (tx) => {
        await lockNotices(tx);
        await outbox.want(tx, filled);
      });
    }
    digestDone = day;
    return { ...nothing, next };
  }

  function start(): Promise<Look> {
    running = round().finally(() => {
      running = null;
    });
    return running;
  }

  return {
    look() {
      if (closed) return Promise.resolve({ sent: 0, failed: 0, next: null });
      if (running === null) return start();
      // The look under way may have read before the event that this one is for.
      queued ??= running.then(() => {
        queued = null;
        return start();
      });
      return queued;
    },
    async health({ where, level, reasons }) {
      const key = `notify.health.${where}`;
      const last = async (read: Read) => (await getMeta(read, key)) ?? "full";
      if ((await store.read(last)) === level) return;
      await store.write("notice.health", async (tx) => {
        await lockNotices(tx);
        if ((await last(tx)) === level) return;
        await setMeta(tx, key, level);
        const draft = healthDraft({ where: cleanTitle(where), level, reasons, at: tx.now });
        await outbox.record(tx, { drafts: [draft], overtakes: [{ subject: draft.subject }] });
      });
    },
    async test(name) {
      const channel = channels.find((entry) => entry.name === name);
      if (channel === undefined) return { ok: false, problem: `there is no channel "${name}"`, retryAfterMs: null };
      return await channel.send({
        id: `msg_${Bun.randomUUIDv7()}`,
        type: "test",
        at: now(),
        goal: null,
        title: "A test from marketeam",
        text: `The channel "${name}" works.`,
        urgent: false,
        rehearsal: false,
      });
    },
    async close() {
      closed = true;
      await Promise.all([running, queued]);
    },
  };
}
