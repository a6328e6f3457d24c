/** A sender of events as there are many: it tries one daemon after the other until its event is acknowledged, and remembers the receipts. */

import type { Posted } from "./checks.ts";
import type { DaemonProcess } from "./program.ts";
import { pollUntil } from "./poll.ts";
import { post } from "./world.ts";

type Noted = Posted & { readonly receipts: Set<string> };

export type Sender = {
  /** All that was sent, with the ids that it was acknowledged by. */
  readonly posted: readonly Posted[];
  /** Resolves when it is acknowledged. Sent `times` times at once it is still one event. */
  send(event: { readonly id: string; readonly type: string; readonly data: object }, times?: number): Promise<void>;
};

/** It waits so long for an answer: a paused daemon takes connections and says nothing. */
const PATIENCE_MS = 3_000;
const LIMIT_MS = 120_000;
/** What a door may say that has no room, or no database. */
const LATER = [429, 503];

/** `fault` is told of any other answer than yes and later. */
export function createSender(daemons: () => readonly DaemonProcess[], fault: (text: string) => void): Sender {
  const posted: Noted[] = [];
  let turn = 0;

  async function sendUntilTaken({ receipts, ...event }: Noted): Promise<void> {
    const taken = async () => {
      const all = daemons();
      const url = await Promise.race([all[(turn++ + Date.now()) % all.length]?.ready, Bun.sleep(500).then(() => null)]);
      const answer = url ? await Promise.race([post(url, event), Bun.sleep(PATIENCE_MS).then(() => null)]) : null;
      if (answer?.status === 202 || answer?.status === 200) receipts.add(answer.id);
      else if (answer !== null && !LATER.includes(answer.status)) fault(`event ${event.id} was answered ${answer.status}`);
      return receipts.size > 0;
    };
    await pollUntil(`event ${event.id} is taken`, taken, { limitMs: LIMIT_MS, everyMs: 200 });
  }

  return {
    posted,
    async send(event, times = 1) {
      const noted = { ...event, receipts: new Set<string>() };
      posted.push(noted);
      await Promise.all(Array.from({ length: times }, () => sendUntilTaken(noted)));
    },
  };
}
