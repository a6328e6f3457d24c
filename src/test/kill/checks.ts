/** What must hold after a kill and after everything that follows it, as functions from what lies there to a list of faults. */

import type { Books, CallRow, EventRow } from "./books.ts";
import type { Seen } from "./witness.ts";

/** Caps in nano-dollars, as the program was started with them. */
export type CapsInForce = { readonly task: number; readonly day: number; readonly month: number };

const REPLAYS = { id: "replays", cap: 5e9, allowed: 0 };

/** Money: the counters of each scope are the sum of its calls, and no cap is passed. */
export function moneyFaults({ calls, scopes, goals }: Books, caps: CapsInForce): string[] {
  const faults: string[] = [];
  const sums = new Map<string, { spent: number; held: number }>();
  const keyOf = (kind: string, id: string, rehearsal: number) => `${kind} ${id} ${rehearsal}`;
  for (const call of calls) {
    for (const { kind, id } of JSON.parse(call.scopes) as { kind: string; id: string }[]) {
      const key = keyOf(kind, id, call.rehearsal);
      const sum = sums.get(key) ?? { spent: 0, held: 0 };
      const open = call.state === "held" || call.state === "unknown";
      sums.set(key, { spent: sum.spent + (open ? 0 : call.cost), held: sum.held + (open ? call.hold : 0) });
    }
    if (call.state === "unknown" && call.cost !== 0) faults.push(`call ${call.id} is unknown and has a cost`);
    if (call.cost > call.hold) faults.push(`call ${call.id} cost ${call.cost}, more than its hold of ${call.hold}`);
  }
  for (const scope of scopes) {
    const key = keyOf(scope.kind, scope.id, scope.rehearsal);
    const sum = sums.get(key) ?? { spent: 0, held: 0 };
    sums.delete(key);
    if (sum.spent !== scope.spent || sum.held !== scope.held)
      faults.push(`scope ${key}: spent ${scope.spent} held ${scope.held}, its calls say ${sum.spent} and ${sum.held}`);
    const owner = scope.id.split("/")[0] ?? "";
    // Replays of a learning are of no goal: what the command allowed is their cap.
    const goal = goals.find((entry) => entry.id === owner) ?? (owner.startsWith("validation-") ? REPLAYS : undefined);
    const cap =
      scope.kind === "day"
        ? caps.day
        : scope.kind === "month"
          ? caps.month
          : scope.kind === "goal"
            ? goal?.cap
            : Math.min(caps.task, goal?.cap ?? 0) + (goal?.allowed ?? 0);
    if (cap === undefined) faults.push(`scope ${key} is of no goal`);
    else if (scope.spent + scope.held > cap + scope.allowed)
      faults.push(`scope ${key}: ${scope.spent + scope.held} is over its cap of ${cap + scope.allowed}`);
    if (scope.kind === "goal" && goal && goal.allowed !== scope.allowed)
      faults.push(`goal ${goal.id}: allowed ${goal.allowed}, its scope says ${scope.allowed}`);
  }
  for (const key of sums.keys()) faults.push(`calls name the scope ${key}, which has no row`);
  return faults;
}

const keyOf = (call: CallRow) => `${call.goal_id}/${call.subject}/${call.revision}/${call.step}/${call.round}`;

/** Calls: one accepted answer for a key; as many lost ones as kills could lose; `rest`: nothing is on its way any more. */
export function callFaults({ calls }: Books, kills: number, rest: boolean): string[] {
  const faults: string[] = [];
  for (const [key, rows] of Map.groupBy(calls, keyOf)) {
    const stored = rows.filter((row) => row.state === "settled" && row.reply !== null);
    if (stored.length > 1) faults.push(`${key} has ${stored.length} stored answers`);
    const lost = rows.filter((row) => row.state === "unknown").length;
    if (lost > kills) faults.push(`${key} lost ${lost} answers in ${kills} kills`);
    if (new Set(rows.map((row) => row.attempt)).size !== rows.length) faults.push(`${key} has an attempt twice`);
    const first = stored[0];
    if (first && rows.some((row) => row.attempt > first.attempt))
      faults.push(`${key} was called again after its answer was stored`);
    if (rest && rows.some((row) => row.state === "held")) faults.push(`${key} has a hold that nobody works on`);
  }
  return faults;
}

const SLACK_MS = 5;

/**
 * The witness: every request on the wire has a row of its own, every settled row had its request, one request text is one
 * prompt, and what was settled by the end of a phase is not asked for in a later one. `settledBefore[i]` are the ids of
 * the calls that were settled when phase `i` ended.
 */
export function wireFaults(
  { calls, tasks }: Books,
  seen: readonly Seen[],
  settledBefore: readonly ReadonlySet<string>[],
): string[] {
  const faults: string[] = [];
  const open = new Set(calls);
  // A new brief may have changed the task's skill since.
  const skillOf = new Map(tasks.map((task) => [task.id, task.skill]));
  const hashOf = new Map<string, string>();
  const requestOf = new Map<string, Seen>();
  const replays = new Set<Seen>();
  for (const request of seen) {
    const fitting = [...open].filter((row) => fits(row, request, skillOf));
    const row =
      fitting.find((entry) => hashOf.get(entry.request_hash) === request.hash) ??
      fitting.find((entry) => !hashOf.has(entry.request_hash) && ![...hashOf.values()].includes(request.hash));
    if (!row) {
      const name = `${request.kind} ${request.skill ?? ""}`.trim();
      faults.push(`request ${request.n} (${name}, ${request.hash.slice(0, 8)}) went over the wire without a row of its own`);
      continue;
    }
    open.delete(row);
    hashOf.set(row.request_hash, request.hash);
    requestOf.set(row.id, request);
    if (row.step.startsWith("replay:")) replays.add(request);
  }
  for (const row of open)
    // A row that a person put right has no answer, and may never have been sent.
    if (row.state === "settled" && row.reply !== null)
      faults.push(`call ${row.id} (${row.step}) is settled and was never on the wire`);
  for (const [phase, ids] of settledBefore.entries()) {
    const asked = new Set([...ids].flatMap((id) => requestOf.get(id)?.hash ?? []));
    // A replay asks on purpose what was asked before.
    const again = seen.filter((request) => request.phase > phase && asked.has(request.hash) && !replays.has(request));
    for (const request of again)
      faults.push(`request ${request.n} (${request.kind}) repeats a call that was settled before the kill`);
  }
  return faults;
}

function fits(row: CallRow, request: Seen, skillOf: ReadonlyMap<string, string>): boolean {
  const [word = "", reviewer] = row.step.split(":");
  if ((word === "replay" ? "make" : word) !== request.kind || row.model !== request.model) return false;
  if (request.kind === "make" && row.skill !== request.skill) return false;
  // A review is read by the playbook of its reviewer; the Director's, by the maker's.
  const reads = reviewer === "director" ? skillOf.get(row.subject) : reviewer;
  if (request.kind === "review" && reads !== request.skill) return false;
  return request.at >= row.started_at - SLACK_MS && request.at <= (row.ended_at ?? Number.POSITIVE_INFINITY) + SLACK_MS;
}

/** The states a task may be in when an event of it comes, and the state it is in after it. */
const TASK_EVENTS: Record<string, readonly [from: readonly string[], to: string | null]> = {
  "task.ready": [["new", "waiting", "ready", "running", "blocked"], "ready"],
  "task.parked": [["running", "reviewing"], "ready"],
  // A lost lease is begun again.
  "task.started": [["ready", "running", "reviewing"], "running"],
  "task.delivered": [["running"], "reviewing"],
  "task.reviewed": [["running", "reviewing"], null],
  // What is done may be sent back once: it contradicts another text.
  "task.returned": [["running", "reviewing", "done"], "running"],
  "task.done": [["running", "reviewing", "blocked"], "done"],
  "task.failed": [["running", "reviewing", "blocked"], "failed"],
  "task.blocked": [["running", "reviewing"], "blocked"],
  "task.cancelled": [["new", "waiting", "ready", "running", "reviewing", "blocked"], "cancelled"],
};
const GOAL_ENDS = ["goal.completed", "goal.failed", "goal.cancelled"];

/** Events: numbered upwards, each in a state that allows it, one end for a task and for a goal, and the rows say the same. */
export function eventFaults({ events, tasks, goals }: Books): string[] {
  const faults: string[] = [];
  const state = new Map<string, string>();
  const goalState = new Map<string, string>();
  let last: EventRow | null = null;
  for (const event of events) {
    const name = `event ${event.seq} ${event.type}`;
    if (last && event.seq <= last.seq) faults.push(`${name} comes after ${last.seq}`);
    last = event;
    const rule = TASK_EVENTS[event.type];
    if (rule && event.task_id !== null) {
      const [from, to] = rule;
      const before = state.get(event.task_id) ?? "new";
      if (!from.includes(before)) faults.push(`${name}: the task ${event.task_id} was ${before}`);
      if (to !== null) state.set(event.task_id, to);
    }
    if (event.goal_id === null || !event.type.startsWith("goal.")) continue;
    const before = goalState.get(event.goal_id) ?? "new";
    if ((event.type === "goal.accepted") !== (before === "new")) faults.push(`${name}: the goal was ${before}`);
    if (GOAL_ENDS.includes(before)) faults.push(`${name} comes after the goal's end (${before})`);
    if (event.type === "goal.resumed" && before !== "goal.paused") faults.push(`${name}: the goal was not paused`);
    if (event.type !== "goal.planned") goalState.set(event.goal_id, event.type);
  }
  for (const task of tasks) {
    const said = state.get(task.id);
    const ended = ["done", "failed", "cancelled", "blocked"].includes(task.status);
    if (ended && said !== task.status) faults.push(`task ${task.key} is ${task.status}, its events say ${said ?? "nothing"}`);
    if (!ended && said && ["done", "failed", "cancelled"].includes(said))
      faults.push(`task ${task.key} is ${task.status}, its events say ${said}`);
  }
  const words: Record<string, string> = { "goal.accepted": "running", "goal.resumed": "running" };
  for (const goal of goals) {
    const said = goalState.get(goal.id) ?? "nothing";
    const means = words[said] ?? said.replace("goal.", "");
    if (means !== goal.status) faults.push(`goal ${goal.id} is ${goal.status}, its events say ${means}`);
  }
  return faults;
}

/** Tasks: `unmet` counts the needs that are not done, and nothing is done twice. */
export function taskFaults({ tasks, needs, deliverables }: Books): string[] {
  const faults: string[] = [];
  const byId = new Map(tasks.map((task) => [task.id, task]));
  for (const task of tasks) {
    const open = needs.filter((need) => need.task_id === task.id && byId.get(need.need_id)?.status !== "done").length;
    if (task.status === "waiting" && (task.unmet !== open || open === 0))
      faults.push(`task ${task.key} waits for ${task.unmet} needs, ${open} are open`);
    const versions = deliverables.filter((entry) => entry.task_id === task.id);
    if (new Set(versions.map((entry) => entry.revision)).size !== versions.length)
      faults.push(`task ${task.key} has a version twice`);
    if (task.kind === "work" && task.status === "done" && !versions.some((entry) => entry.id === task.deliverable_id))
      faults.push(`task ${task.key} is done without a version`);
  }
  for (const [key, same] of Map.groupBy(tasks, (task) => `${task.goal_id}/${task.key}/${task.kind}`))
    if (same.length > 1) faults.push(`${key} is there ${same.length} times`);
  return faults;
}

/** What was there before and is gone or different now. Everything that was committed counts as acknowledged. */
export function lostFaults(before: Books, after: Books): string[] {
  const faults: string[] = [];
  const events = new Map(after.events.map((event) => [event.seq, JSON.stringify(event)]));
  for (const event of before.events)
    if (events.get(event.seq) !== JSON.stringify(event)) faults.push(`event ${event.seq} ${event.type} is gone`);
  const calls = new Map(after.calls.map((call) => [call.id, call]));
  for (const call of before.calls) {
    const now = calls.get(call.id);
    if (!now) faults.push(`call ${call.id} is gone`);
    else if (call.state !== "held" && call.state !== "unknown" && JSON.stringify(now) !== JSON.stringify(call))
      faults.push(`call ${call.id} was ${call.state} and has changed`);
    else if (now.hold !== call.hold) faults.push(`call ${call.id} has another hold`);
  }
  for (const goal of before.goals) {
    const now = after.goals.find((entry) => entry.id === goal.id);
    if (!now) faults.push(`goal ${goal.id} is gone`);
    else if (now.allowed < goal.allowed) faults.push(`goal ${goal.id} lost an allowance`);
  }
  for (const task of before.tasks) {
    const now = after.tasks.find((entry) => entry.id === task.id);
    if (!now) faults.push(`task ${task.key} is gone`);
    else if (task.status === "done" && (now.status !== "done" || now.deliverable_id !== task.deliverable_id))
      faults.push(`task ${task.key} was done and has changed`);
  }
  for (const entry of before.deliverables) {
    const now = after.deliverables.find((other) => other.id === entry.id);
    if (now?.hash !== entry.hash) faults.push(`version ${entry.id} is gone or changed`);
  }
  for (const learning of before.learnings)
    if (!after.learnings.some((entry) => entry.id === learning.id)) faults.push(`learning ${learning.id} is gone`);
  for (const question of before.questions) {
    const now = after.questions.find((other) => other.id === question.id);
    if (!now) faults.push(`question ${question.id} is gone`);
    else if (question.answer !== null && now.answer !== question.answer)
      faults.push(`the answer to ${question.id} is gone or changed`);
  }
  return faults;
}

/** Events that the program printed (`--events`) were saved: the store has each one, word for word. */
export function printedFaults(stdout: string, { events }: Books): string[] {
  const faults: string[] = [];
  const saved = new Map(events.map((event) => [event.seq, event]));
  // A line that the kill cut off is not an acknowledgement.
  for (const line of stdout.split("\n").slice(0, -1)) {
    const said = JSON.parse(line) as { seq: number; type: string };
    if (saved.get(said.seq)?.type !== said.type) faults.push(`event ${said.seq} ${said.type} was printed and is not there`);
  }
  return faults;
}
