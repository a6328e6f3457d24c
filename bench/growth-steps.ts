/** What people and workers ask of a store over and over, as steps to be timed; the same on every engine. */

import { NO_USAGE } from "../src/domain/call.ts";
import { hashOf } from "../src/domain/deliverable.ts";
import { newId } from "../src/domain/id.ts";
import { learningsForSkill } from "../src/director/learn/learn.ts";
import { storeFacts } from "../src/health/facts.ts";
import { callsOfGoal, endCall, holdCall } from "../src/store/calls.ts";
import { claimTask } from "../src/store/leases.ts";
import { eventsOf, listEvents, newestEvent } from "../src/store/events.ts";
import { messagesSince, openSends } from "../src/store/notices.ts";
import { tasksOfGoal } from "../src/store/tasks.ts";
import { createMetrics } from "../src/telemetry/metrics.ts";
import { readScorecard } from "../src/telemetry/scorecard.ts";
import { createBus } from "../src/triggers/event-bus.ts";
import { composeBudget } from "../src/work/budget-file.ts";
import { createPresence } from "../src/work/presence.ts";
import { composeDayReport, windowOf } from "../src/work/report-day.ts";
import type { Team } from "../src/work/team.ts";
import { acceptMany, CAPS } from "./work.ts";

export type Step = {
  readonly key: string;
  readonly what: string;
  readonly runs: number;
  /** It tells of everything there is: more history is more to read. */
  readonly grows?: true;
  readonly run: (run: number) => Promise<unknown>;
};

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

/** `goal`: one that is done. What the steps keep open goes with `stack`. */
export async function steps(team: Team, goal: string, stack: AsyncDisposableStack): Promise<Step[]> {
  const { store, registry } = team;
  const presence = await createPresence({
    store,
    machine: { host: "bench", pid: process.pid, started: "1", startedOf: () => "1" },
  });
  stack.defer(() => presence.close());
  const bus = createBus({ team, rehearsal: false });
  const window = windowOf(Date.now());
  const claim = { owner: "bench", leaseMs: DAY, rehearsal: false, goalId: null };
  const [task] = (await store.read((read) => tasksOfGoal(read, goal))).filter((entry) => entry.kind === "work");
  if (!task) throw new Error("the history has no task");
  const call = async (): Promise<void> => {
    const id = newId("call");
    const now = new Date().toISOString();
    const scopes = [
      { kind: "goal", id: "bench", cap: CAPS.goal },
      { kind: "task", id: "bench/task", cap: CAPS.task },
      { kind: "day", id: now.slice(0, 10), cap: CAPS.day },
      { kind: "month", id: now.slice(0, 7), cap: CAPS.month },
    ] as const;
    const key = { goalId: "bench", subject: id, revision: 0, step: "make", round: 0, attempt: 1 };
    const own = { id, skill: null, model: "bench", requestHash: "", parts: [], usage: NO_USAGE, learnings: [] };
    await store.write("call.hold", (tx) =>
      holdCall(tx, { ...key, ...own, hold: 1000, rehearsal: false, scopes, processId: "x" }),
    );
    const end = { state: "settled", cost: 10, usage: NO_USAGE, stop: "end", flags: [], reply: "{}", answeredAt: null } as const;
    await store.write("call.settle", (tx) => endCall(tx, id, end));
  };
  const metrics = () =>
    createMetrics({
      ...{ store, tiers: registry.models.tiers, caps: CAPS, webhooks: null, schedules: null, memory: () => 0, now: Date.now },
      health: async () => ({ level: "full" }),
      queue: async () => ({ up: true, signalled: 0, delivered: 0, health: null }),
      log: team.log,
    }).text();
  return [
    { key: "claim", what: "a task is claimed", runs: 60, run: () => store.write("task.claim", (tx) => claimTask(tx, claim)) },
    { key: "call", what: "a call is held and settled", runs: 60, run: call },
    { key: "accept", what: "a goal is accepted", runs: 15, run: () => acceptMany(team, 1, 1) },
    {
      key: "event",
      what: "an event from outside is decided",
      runs: 30,
      run: () => {
        const data = { page: "/pricing", drop: 25 };
        const key = newId("event");
        const of = { source: "bench", type: "traffic_drop", theirType: null, mayAsk: false, happenedAt: null };
        return bus.accept({ ...of, key, hash: hashOf(key), data });
      },
    },
    { key: "sweep", what: "the sweep for dead processes", runs: 60, run: () => presence.sweep() },
    { key: "health", what: "the facts of /health", runs: 60, run: () => store.read((read) => storeFacts(read, CAPS)) },
    {
      key: "notices",
      what: "a look for notices: the newest 100 events, what is to be sent",
      runs: 30,
      run: () =>
        store.read(async (read) => {
          const upTo = await newestEvent(read);
          await eventsOf(read, { types: ["goal.completed", "goal.paused"], after: upTo - 100, upTo, limit: 100 });
          await openSends(read, "slack", 100);
          await messagesSince(read, "slack", Date.now() - MINUTE);
        }),
    },
    {
      key: "goal",
      what: "one goal: its tasks, calls and events",
      runs: 30,
      run: () =>
        store.read(async (read) => {
          await tasksOfGoal(read, goal);
          await callsOfGoal(read, goal);
          await listEvents(read, { goalId: goal });
        }),
    },
    { key: "budget", what: "the day's budget document", runs: 15, run: () => store.read((read) => composeBudget(read, CAPS)) },
    {
      key: "day",
      what: "the day's report, with the scorecard of 30 days",
      runs: 8,
      grows: true,
      run: () => store.read((read) => composeDayReport(read, window, { caps: CAPS, schedules: [], events: [] })),
    },
    {
      key: "learnings",
      what: "the learnings for a prompt",
      runs: 15,
      grows: true,
      run: () => store.read((read) => learningsForSkill(read, task, false)),
    },
    {
      key: "scorecard",
      what: "the scorecard of 30 days",
      runs: 8,
      grows: true,
      run: () => store.read((read) => readScorecard(read, Date.now())),
    },
    { key: "metrics", what: "/metrics, read anew", runs: 15, grows: true, run: metrics },
  ];
}
