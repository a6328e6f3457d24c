/**
 * What a process that comes back late may do, and no more: it was paused, or its clock was set, its lease ran out, and another
 * took the task while a call was on its way. Both calls are made and paid for; nothing that it writes about the task counts.
 */

import type { CallRow } from "../kill/books.ts";
import type { DaemonBooks } from "./books.ts";

export const callKey = (call: CallRow) => `${call.goal_id}/${call.subject}/${call.revision}/${call.step}/${call.round}`;

/**
 * Calls that were made again while an earlier attempt was still on its way: each attempt was asked for before the first answer
 * was there, by the order of the events. Whichever answer came first counts, the other one is paid for.
 */
export function madeAtOnce({ calls, events }: DaemonBooks): string[] {
  const seqOf = (type: string) =>
    new Map(
      events.flatMap((event) =>
        event.type === type ? [[(JSON.parse(event.data) as { callId?: string }).callId ?? "", event.seq] as const] : [],
      ),
    );
  const [asked, ended] = [seqOf("call.held"), seqOf("call.settled")];
  return [...Map.groupBy(calls, callKey)].flatMap(([key, rows]) => {
    const stored = rows.filter((row) => row.state === "settled" && row.reply !== null);
    const first = stored.toSorted((a, b) => (ended.get(a.id) ?? 0) - (ended.get(b.id) ?? 0))[0];
    if (first === undefined || !rows.some((row) => row.attempt > first.attempt || (row !== first && row.reply !== null)))
      return [];
    const firstSeq = ended.get(first.id) ?? 0;
    return rows.every((row) => (asked.get(row.id) ?? Infinity) < firstSeq) ? [key] : [];
  });
}

/** Of these faults, the ones that are not about these calls. */
export function withoutCalls(faults: readonly string[], keys: readonly string[]): string[] {
  return faults.filter((fault) => !keys.some((key) => fault.startsWith(`${key} `)));
}

/** The books as the wire may be held against them: a process that was paused between hold and call asks when its hold is long lost. */
export function askedLate(books: DaemonBooks, tasks: ReadonlySet<string>): DaemonBooks {
  const open = (call: CallRow) => call.state === "unknown" && tasks.has(call.subject);
  return { ...books, calls: books.calls.map((call) => (open(call) ? { ...call, ended_at: null } : call)) };
}
