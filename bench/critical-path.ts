/** How much longer a goal takes than the model calls on its longest chain, with a model that answers in 200 ms. */

import type { Call } from "../src/domain/call.ts";
import type { Task } from "../src/domain/task.ts";
import type { LoggedRequest } from "../src/model/rehearsal/request-log.ts";
import { callsOfGoal } from "../src/store/calls.ts";
import { listEvents } from "../src/store/events.ts";
import type { Store } from "../src/store/store.ts";
import { graphOf, tasksOfGoal } from "../src/store/tasks.ts";
import { sample, type Figure } from "./figure.ts";
import { GOAL, openTeam, startServer } from "./team.ts";

const LATENCY_MS = 200;
const RUNS = 7;
const MIN_CALLS = 8;
/** More than any goal is wide: what is measured is the work's own order, not the limit on agents. */
const CONCURRENCY = 16;

type Run = { readonly goalMs: number; readonly wholeMs: number; readonly chain: readonly Call[]; readonly wireMs: number };

export async function criticalPath(): Promise<Figure[]> {
  await using server = await startServer({ latencyMs: LATENCY_MS });
  await using team = await openTeam(server.url, { concurrency: CONCURRENCY });
  await team.run(GOAL);
  const runs: Run[] = [];
  for (let run = 0; run < RUNS; run++) {
    const seen = server.requests().length;
    const { id, ms } = await team.run(GOAL);
    const { goalMs, chain } = await chainOf(team.app.store, id);
    if (chain.length < MIN_CALLS)
      throw new Error(`the longest chain has ${chain.length} calls: at least ${MIN_CALLS} are needed`);
    runs.push({ goalMs, wholeMs: ms, chain, wireMs: wireMs(chain, server.requests().slice(seen)) });
  }
  const of = (pick: (run: Run) => number) => sample(runs.map(pick));
  const journalled = (run: Run) => run.chain.reduce((sum, call) => sum + lasted(call), 0);
  const goal = of((run) => run.goalMs);
  return [
    {
      key: "goal",
      drift: 0.02,
      what: "goal saved → goal ended",
      unit: "ms",
      value: goal,
      base: {
        what: "journalled durations on the longest chain: hold's transaction → settle's transaction",
        value: of(journalled),
      },
      ratio: of((run) => run.goalMs / journalled(run)).median,
      bar: { of: "ratio", atMost: 1.05, from: "promise" },
    },
    {
      key: "wire",
      drift: 0.02,
      what: "the same, against the wire",
      unit: "ms",
      value: goal,
      base: { what: "the server's log: request → answered", value: of((run) => run.wireMs) },
      ratio: of((run) => run.goalMs / run.wireMs).median,
    },
    { key: "calls", what: "calls on the longest chain", unit: "", value: of((run) => run.chain.length) },
    {
      key: "beside-call",
      what: "beside a journalled call",
      unit: "ms a call",
      value: of((run) => (run.goalMs - journalled(run)) / run.chain.length),
    },
    {
      key: "beside-wire",
      what: "beside the wire",
      unit: "ms a call",
      value: of((run) => (run.goalMs - run.wireMs) / run.chain.length),
    },
    {
      key: "whole",
      drift: 0.02,
      what: "goal given → documents on disk",
      unit: "ms",
      value: of((run) => run.wholeMs),
      base: { what: "goal saved → goal ended", value: goal },
    },
  ];
}

const lasted = (call: Call) => (call.endedAt ?? call.startedAt) - call.startedAt;

/** The time between a goal's two events, and the calls that could not be made side by side. */
async function chainOf(store: Store, goalId: string): Promise<{ goalMs: number; chain: Call[] }> {
  const { events, calls, tasks, graph } = await store.read(async (read) => ({
    events: await listEvents(read, { goalId, limit: 100_000 }),
    calls: await callsOfGoal(read, goalId),
    tasks: await tasksOfGoal(read, goalId),
    graph: await graphOf(read, goalId),
  }));
  const at = (type: string) => events.find((event) => event.type === type)?.at ?? Number.NaN;
  return { goalMs: at("goal.completed") - at("goal.accepted"), chain: longestChain(tasks, graph, calls) };
}

/** Planning, the longest way through the tasks' needs, the comparison of the texts, the report. The calls of one task follow each other. */
export function longestChain(
  tasks: readonly Task[],
  graph: readonly { taskId: string; needId: string }[],
  calls: readonly Call[],
): Call[] {
  const ofTask = Map.groupBy(calls, (call) => call.subject);
  const needs = Map.groupBy(graph, (edge) => edge.taskId);
  const length = (chain: readonly Call[]) => chain.reduce((sum, call) => sum + lasted(call), 0);
  const longest = (chains: readonly Call[][]) =>
    chains.reduce((best, chain) => (length(chain) > length(best) ? chain : best), []);
  const known = new Map<string, Call[]>();
  const upTo = (taskId: string): Call[] => {
    const chain = known.get(taskId) ?? [
      ...longest((needs.get(taskId) ?? []).map((edge) => upTo(edge.needId))),
      ...(ofTask.get(taskId) ?? []),
    ];
    known.set(taskId, chain);
    return chain;
  };
  const ofKind = (kind: Task["kind"]) => tasks.filter((task) => task.kind === kind).flatMap((task) => ofTask.get(task.id) ?? []);
  const middle = tasks.filter((task) => task.kind === "work" || task.kind === "gate").map((task) => upTo(task.id));
  return [...ofKind("plan"), ...longest(middle), ...ofKind("check"), ...ofKind("report")];
}

/** How long the server had these calls: to each the first request of its model within its time that no other call has taken. */
function wireMs(chain: readonly Call[], log: readonly LoggedRequest[]): number {
  const ends = new Map(log.filter((line) => line.event === "answered").map((line) => [line.n, Date.parse(line.at)]));
  const requests = log.filter((line) => line.event === "request");
  const taken = new Set<number>();
  let sum = 0;
  for (const call of chain) {
    const found = requests.find((line) => {
      const [begin, end] = [Date.parse(line.at), ends.get(line.n) ?? Number.POSITIVE_INFINITY];
      // A review by the Director is of no skill; the wire shows whose work it judges.
      const skill = line.skill === null || call.skill === null || line.skill === call.skill;
      return !taken.has(line.n) && line.model === call.model && skill && begin >= call.startedAt && end <= (call.endedAt ?? 0);
    });
    if (!found) throw new Error(`the server's log has no request for the call ${call.id} (${call.step})`);
    taken.add(found.n);
    sum += (ends.get(found.n) ?? 0) - Date.parse(found.at);
  }
  return sum;
}
