/** The witness's log against the books, where many goals run side by side: every request has a row of its own, and none is one too many. */

import type { Books, CallRow } from "../kill/books.ts";
import type { Seen } from "../kill/witness.ts";

const SLACK_MS = 5;

/**
 * Requests with the same text are one prompt. A prompt of the wire belongs to a prompt of the books when each of its
 * requests fits a row of its own (kind, model, skill, time). Faults: a prompt of the wire that no free one of the books
 * answers to, and a settled row whose prompt was never on the wire. With `callFaults` (no row after a settled one) it
 * follows that no settled call was asked again.
 */
export function promptFaults({ calls, tasks }: Books, seen: readonly Seen[]): string[] {
  const skillOf = new Map(tasks.map((task) => [task.id, task.skill]));
  const asked = [...Map.groupBy(seen, (request) => request.hash).values()];
  const kept = [...Map.groupBy(calls, (call) => call.request_hash).values()];
  const byKind = Map.groupBy(kept.keys(), (i) => kindOf(kept[i]?.[0]));
  const choices = asked.map((requests) => {
    const at = requests[0];
    return (byKind.get(at ? `${at.kind} ${at.model}` : "") ?? []).filter((i) => eachFits(requests, kept[i] ?? [], skillOf));
  });
  const owner = new Map<number, number>();
  const faults: string[] = [];
  const give = (prompt: number, tried: Set<number>): boolean => {
    for (const i of choices[prompt] ?? []) {
      if (tried.has(i)) continue;
      tried.add(i);
      const holder = owner.get(i);
      if (holder !== undefined && !give(holder, tried)) continue;
      owner.set(i, prompt);
      return true;
    }
    return false;
  };
  // Those with the fewest choices first: the others seldom have to move.
  const order = [...asked.keys()].sort((a, b) => (choices[a]?.length ?? 0) - (choices[b]?.length ?? 0));
  for (const prompt of order) {
    if (give(prompt, new Set())) continue;
    const first = asked[prompt]?.[0];
    faults.push(
      `request ${first?.n} (${first?.kind} ${first?.skill ?? ""}, ${asked[prompt]?.length} times) went over the wire without a row for each time`,
    );
  }
  for (const [i, rows] of kept.entries()) {
    const settled = rows.find((row) => row.state === "settled" && row.reply !== null);
    if (settled && !owner.has(i)) faults.push(`call ${settled.id} (${settled.step}) is settled and was never on the wire`);
  }
  return faults;
}

function kindOf(row: CallRow | undefined): string {
  const word = row?.step.split(":")[0] ?? "";
  return `${word === "replay" ? "make" : word} ${row?.model}`;
}

/** Whether each request has a row of its own among these, by time. */
function eachFits(requests: readonly Seen[], rows: readonly CallRow[], skillOf: ReadonlyMap<string, string>): boolean {
  if (requests.length > rows.length) return false;
  const open = new Set(rows);
  // Both in their order: the row that ends first is of no use to a later request.
  for (const request of requests) {
    const row = [...open]
      .filter((entry) => fits(entry, request, skillOf))
      .reduce<CallRow | null>((best, entry) => (best === null || endOf(entry) < endOf(best) ? entry : best), null);
    if (!row) return false;
    open.delete(row);
  }
  return true;
}

const endOf = (row: CallRow) => row.ended_at ?? Number.POSITIVE_INFINITY;

function fits(row: CallRow, request: Seen, skillOf: ReadonlyMap<string, string>): boolean {
  const [word, reviewer] = row.step.split(":");
  if (word === "make" && row.skill !== request.skill) return false;
  // A review is read by the playbook of its reviewer; the Director's, by the maker's.
  const reads = reviewer === "director" ? skillOf.get(row.subject) : reviewer;
  if (word === "review" && reads !== request.skill) return false;
  return request.at >= row.started_at - SLACK_MS && request.at <= endOf(row) + SLACK_MS;
}
