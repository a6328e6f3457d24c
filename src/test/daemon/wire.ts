/** The witness's log against the books, where many goals run side by side: every request has a row of its own, and none is one too many. */

import type { Books, CallRow } from "../kill/books.ts";
import type { Seen } from "../kill/witness.ts";

/** The books go by the database's clock, which a process knows to within its way there and back; the witness by its own. */
const SLACK_MS = 100;

/**
 * Requests with the same text are one prompt. A prompt of the wire can be a prompt of the books when each of its requests
 * fits a row of its own (kind, model, skill, time), and no row is settled beyond them. Faults: a prompt of the wire that is
 * none of the books, and a settled one of the books that was never on the wire. (Where both can be given each its own, one
 * assignment gives all theirs: Mendelsohn and Dulmage.) With `callFaults`, which allows no row after a settled one, it
 * follows that no settled call was asked again.
 */
export function promptFaults({ calls, tasks }: Books, seen: readonly Seen[]): string[] {
  const settledOf = (rows: readonly CallRow[] | undefined) =>
    (rows ?? []).filter((row) => row.state === "settled" && row.reply !== null);
  const skillOf = new Map(tasks.map((task) => [task.id, task.skill]));
  const asked = [...Map.groupBy(seen, (request) => request.hash).values()];
  const kept = [...Map.groupBy(calls, (call) => call.request_hash).values()];
  const byKind = Map.groupBy(kept.keys(), (i) => kindOf(kept[i]?.[0]));
  const pairs = asked.flatMap((requests, prompt) =>
    (byKind.get(`${requests[0]?.kind} ${requests[0]?.model}`) ?? []).flatMap((i) =>
      eachFits(requests, kept[i] ?? [], skillOf) ? [{ prompt, i }] : [],
    ),
  );
  const choices = (from: "prompt" | "i", to: "prompt" | "i") => {
    const found = new Map<number, number[]>();
    for (const pair of pairs) found.set(pair[from], [...(found.get(pair[from]) ?? []), pair[to]]);
    return found;
  };
  const strange = unmatched([...asked.keys()], choices("prompt", "i")).map((prompt) => {
    const [first, ...more] = asked[prompt] ?? [];
    const times = more.length === 0 ? "once" : `${more.length + 1} times`;
    return `request ${first?.n} (${first?.kind} ${first?.skill ?? ""}) went over the wire ${times} without a row for each`;
  });
  const settled = [...kept.keys()].filter((i) => settledOf(kept[i]).length > 0);
  const unseen = unmatched(settled, choices("i", "prompt")).flatMap((i) =>
    settledOf(kept[i]).map((row) => `call ${row.id} (${row.step}) is settled and was never on the wire`),
  );
  return [...strange, ...unseen];

  function eachFits(requests: readonly Seen[], rows: readonly CallRow[], skills: ReadonlyMap<string, string>): boolean {
    if (requests.length > rows.length || settledOf(rows).length > requests.length) return false;
    const open = new Set(rows);
    // Both in their order: the row that ends first is of no use to a later request.
    for (const request of requests) {
      const row = [...open]
        .filter((entry) => fits(entry, request, skills))
        .reduce<CallRow | null>((best, entry) => (best === null || endOf(entry) < endOf(best) ? entry : best), null);
      if (!row) return false;
      open.delete(row);
    }
    return true;
  }
}

/** Of these, the ones for whom nothing is left when each takes one choice of its own (augmenting paths). */
function unmatched(all: readonly number[], choices: ReadonlyMap<number, readonly number[]>): number[] {
  const owner = new Map<number, number>();
  const give = (one: number, tried: Set<number>): boolean => {
    for (const choice of choices.get(one) ?? []) {
      if (tried.has(choice)) continue;
      tried.add(choice);
      const holder = owner.get(choice);
      if (holder !== undefined && !give(holder, tried)) continue;
      owner.set(choice, one);
      return true;
    }
    return false;
  };
  // Those with the fewest choices first: the others seldom have to move.
  const order = [...all].sort((a, b) => (choices.get(a)?.length ?? 0) - (choices.get(b)?.length ?? 0));
  return order.filter((one) => !give(one, new Set()));
}

function kindOf(row: CallRow | undefined): string {
  const word = row?.step.split(":")[0] ?? "";
  return `${word === "replay" ? "make" : word} ${row?.model}`;
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
