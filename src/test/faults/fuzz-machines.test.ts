/**
 * State machines under any sequence of events, against the real store: goals and their tasks with their money, and effects.
 * What no sequence may break is checked after every step, by queries of its own.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { join } from "node:path";
import { canonical, EFFECT_STATES, toEffect as mayMove, type EffectState } from "../../domain/effect.ts";
import { GOAL_ENDED, GOAL_TRANSITIONS, type GoalStatus } from "../../domain/goal.ts";
import { nano } from "../../domain/money.ts";
import type { Plan } from "../../domain/plan.ts";
import { TASK_ENDED, TASK_TRANSITIONS, type TaskStatus } from "../../domain/task.ts";
import type { Answer, Question } from "../../domain/question.ts";
import type { Registry } from "../../domain/registry.ts";
import { auditScopes } from "../../journal/audit.ts";
import { createJournal } from "../../journal/journal.ts";
import { silentLog } from "../../log/log.ts";
import type { Model, ModelRequest, Reply } from "../../model/model.ts";
import { loadRegistry } from "../../skills/registry.ts";
import { smallTeam } from "../../skills/registry.fixture.ts";
import { orphanHolds } from "../../store/calls.ts";
import { claimTask, endAttempt, LeaseLost, renewLease } from "../../store/leases.ts";
import { approveEffect, POLICY, rejectEffect } from "../../store/effect-answers.ts";
import { endSending, failUnsent, orphanSends, resolveEffect, startSending } from "../../store/effect-sends.ts";
import {
  expireEffects,
  getEffect,
  listEffects,
  proposeEffect,
  resumeEffects,
  stopEffects,
  withdrawEffects,
} from "../../store/effects.ts";
import { listQuestions } from "../../store/questions.ts";
import { registerProcess, removeProcesses } from "../../store/processes.ts";
import { openFreshStore } from "../fresh-store.ts";
import type { Store } from "../../store/store.ts";
import { acceptGoal } from "../../work/accept.ts";
import { answerQuestion, cancelGoal, resumeGoal } from "../../work/answers.ts";
import { attempt } from "../../work/attempt.ts";
import type { Team } from "../../work/team.ts";
import { createWorkspace } from "../../workspace/workspace.ts";
import { tempDir } from "../cli.ts";
import { runs } from "../fuzz.ts";
import { addGoal, addTask, addVersion, NOON } from "../small-store.ts";

const MINUTE = 60_000;
const LEASE_MS = 12_000;
/** A call holds about 0.04: two or three at once are all that a goal can pay for. */
const CAPS = { call: nano(1), task: nano(0.08), goal: nano(0.1), day: nano(0.6), month: nano(2) };

const files = await smallTeam();
const { registry: loaded } = await loadRegistry({ root: files.root });
if (!loaded) throw new Error("the fixture does not load");
const registry: Registry = loaded;
afterAll(() => files[Symbol.asyncDispose]());

let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());
let opened = 0;
const openStore = (now: () => number): Promise<Store> =>
  openFreshStore({
    path: join(dir.path, `${++opened}.db`),
    tenant: "default",
    now,
    log: silentLog,
    reached: () => {},
    sync: async () => {},
  });

describe("goals, their tasks and their money", () => {
  const work = (key: string, phase: string, skill: string, needs: string[] = [], more: object = {}) => ({
    ...{ key, phase, skill, brief: `Write the ${key}.`, criteria: ["It is written."], needs },
    ...more,
  });
  const plan = (phases: Plan["phases"], ...tasks: ReturnType<typeof work>[]): Plan => ({
    ...{ title: "A plan", category: "content", pipeline: null, phases, tasks, assumptions: [], missing: [] },
  });
  const PLANS: readonly (Plan | null)[] = [
    null,
    plan([{ name: "One", gate: false }], work("page", "One", "writer")),
    plan(
      [
        { name: "One", gate: true },
        { name: "Two", gate: false },
      ],
      work("page", "One", "writer"),
      work("mail", "One", "writer"),
      work("test", "Two", "checker", ["page"]),
      work("next", "Two", "checker", ["mail", "test"], { reviewers: ["director", "writer"] }),
    ),
    plan([{ name: "One", gate: false }], work("page", "One", "writer", [], { variants: 2 }), work("mail", "One", "writer")),
  ];

  /** What the model may say, and what may go wrong on the way to it. */
  const SAID = [
    ...["good", "good", "good", "good", "weak", "weak", "weak", "wrong", "wrong", "contradict", "contradict"],
    ...["broken", "broken", "empty", "empty", "no usage", "absurd"],
    ...["truncated", "refusal", "refusal", "refusal", "context_too_long"],
    ...["overloaded", "rate_limited", "server_error", "lost", "idle", "spend_limit", "auth", "bad_request", "unknown_model"],
  ] as const;
  type Said = (typeof SAID)[number];

  const NONE: Reply = {
    stop: "end",
    text: "",
    uses: [],
    blocks: [],
    usage: { input: 40, output: 20, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
    billable: true,
    detail: null,
    retryAfterMs: null,
    requestId: null,
  };
  const UNBILLED = ["overloaded", "rate_limited", "server_error", "spend_limit", "auth", "bad_request", "unknown_model"];

  function replyTo(request: ModelRequest, said: Said, n: number): Reply {
    switch (said) {
      case "good":
      case "weak":
      case "wrong":
      case "contradict":
        return { ...NONE, text: textFor(request, said, n) };
      case "broken":
        return { ...NONE, text: '{"half": ' };
      case "empty":
        return NONE;
      case "no usage":
        return { ...NONE, usage: null, text: textFor(request, "good", n) };
      case "absurd":
        return { ...NONE, text: textFor(request, "good", n), usage: { ...NONE.usage!, output: 3_000 } };
      default: {
        const words = said === "truncated" || said === "refusal" || said === "context_too_long";
        return {
          ...NONE,
          stop: said,
          detail: said,
          billable: !UNBILLED.includes(said),
          usage: words ? NONE.usage : null,
        };
      }
    }
  }

  function textFor(request: ModelRequest, said: "good" | "weak" | "wrong" | "contradict", n: number): string {
    const text = request.messages
      .flatMap((message) => (message.role === "user" ? message.parts.map((part) => part.text) : []))
      .join("\n");
    const properties = Object.keys((request.format?.["properties"] as object | undefined) ?? {});
    const ids = [...text.matchAll(/"id":"([A-Z]\d+)"/g)].map(([, id]) => id);
    if (!request.format) {
      const price = said === "contradict" ? 49 : 29;
      const section = (name: string) =>
        `## ${name}\n\nThe Pro plan costs $${price} per month. ${"These are words that say what it is. ".repeat(8)}Try ${n}.`;
      return `# Work\n\n${["Basics", "Text", "Report"].map(section).join("\n\n")}\n\n<handoff>\nmissing:\n- none\n</handoff>`;
    }
    if (properties.includes("phases")) {
      const { tasks, ...rest } = PLANS[2] as Plan;
      return JSON.stringify({
        ...rest,
        tasks: tasks.map((task) => ({ reviewers: [], variants: 1, ...task })),
        ...(said === "wrong" ? { category: "none" } : {}),
      });
    }
    if (properties.includes("scores")) {
      const score = said === "good" || said === "contradict" ? 9 : said === "weak" ? 6 : 2;
      const finding = { severity: "major", quote: "", problem: `problem ${n}`, request: "mend it" };
      return JSON.stringify({
        scores: [{ criterion: "clarity", score, evidence: "e" }],
        findings: score >= 8 ? [] : [finding],
        wrong_work: said === "wrong",
        summary: "s",
        facts: [],
        claims: ids.map((id) => ({ id, status: "no_claim", source: "" })),
        learnings: [{ statement: `Lesson ${n % 3}`, tags: [] }],
      });
    }
    if (properties.includes("decision"))
      return JSON.stringify({
        decision: said === "good" ? "go_on" : "change",
        note: "n",
        rebrief: said === "weak" ? [{ key: "test", brief: "b", criteria: ["c"] }] : [],
        add: said === "contradict" ? [work(`extra-${n}`, "Two", "checker", ["page"])] : [],
        drop: said === "wrong" ? [{ key: "next", reason: "r" }] : [],
      });
    if (properties.includes("suspected"))
      return JSON.stringify({ suspected: ids.map((id) => ({ id, contradicts: said !== "good", why: "w" })), contradictions: [] });
    if (properties.includes("better"))
      return JSON.stringify({ better: said === "good" ? "first" : said === "weak" ? "equal" : "second", reason: "r" });
    if (properties.includes("headline"))
      return JSON.stringify({ headline: "h", summary: [], next_steps: [], open_questions: [] });
    if (properties.includes("brief"))
      return JSON.stringify({ skill: said === "good" ? "writer" : "checker", brief: "b", criteria: [], reason: "r" });
    return "{}";
  }

  type Hand = {
    readonly owner: string;
    readonly taskId: string;
    readonly goalId: string;
    readonly epoch: number;
    readonly controller: AbortController;
    readonly asks: { request: ModelRequest; resolve: (reply: Reply) => void }[];
    ended: boolean;
    fault: unknown;
    /** Wakes whoever waits for the attempt to ask or to end. */
    moved: PromiseWithResolvers<void>;
  };

  async function world(clockAt: number) {
    const clock = { at: clockAt };
    const store = await openStore(() => clock.at);
    const hands: Hand[] = [];
    const claims = new Set<string>();
    let asked = 0;
    let processes = 0;
    const owners: string[] = [];
    for (let i = 0; i < 2; i++) owners.push(await born());

    async function born(): Promise<string> {
      const id = `proc_${++processes}`;
      await store.write("t.process", (tx) => registerProcess(tx, { id, host: "h", pid: processes, started: "s" }));
      return id;
    }
    function teamOf(model: Model, owner: string): Team {
      const journal = createJournal({
        ...{
          store,
          model,
          models: registry.models,
          caps: CAPS,
          retry: { attempts: 2, baseMs: 1, maxMs: 2 },
          now: () => clock.at,
        },
        ...{ random: () => 0.5, sleep: () => Promise.resolve(), processId: owner, log: silentLog, reached: () => {} },
      });
      const workspace = createWorkspace({ root: join(dir.path, "workspace"), reached: () => {} });
      return { store, journal, registry, workspace, secrets: [], caps: CAPS, now: () => clock.at, log: silentLog };
    }
    const idle: Team = teamOf({ respond: () => Promise.reject(new Error("nobody asks here")) }, "none");

    async function rest(hand: Hand): Promise<void> {
      while (!hand.ended && hand.asks.length === 0) await hand.moved.promise;
    }
    function wake(hand: Hand): void {
      hand.moved.resolve();
      hand.moved = Promise.withResolvers();
    }

    return {
      clock,
      store,
      hands,
      idle,
      owners,
      async claim(which: number): Promise<boolean> {
        const owner = owners[which % owners.length] ?? "";
        const filter = { owner, leaseMs: LEASE_MS, rehearsal: false, goalId: null };
        const task = await store.write("task.claim", async (tx) => {
          const held = await tx.db.selectFrom("tasks").select("id").where("lease_until", ">=", tx.now).execute();
          const claimed = await claimTask(tx, filter);
          // In two hands it would be.
          if (claimed) expect(held.map((one) => one.id)).not.toContain(claimed.id);
          return claimed;
        });
        if (!task) return false;
        const name = `${task.id} ${task.epoch}`;
        expect(claims.has(name)).toBe(false);
        claims.add(name);
        const hand: Hand = {
          ...{ owner, taskId: task.id, goalId: task.goalId, epoch: task.epoch, controller: new AbortController() },
          ...{ asks: [], ended: false, fault: null, moved: Promise.withResolvers<void>() },
        };
        const model: Model = {
          respond: (request, { signal }) =>
            new Promise((resolve) => {
              const one = { request, resolve };
              const stopped = () => resolve({ ...NONE, stop: "aborted", usage: null, billable: true });
              if (signal.aborted) return stopped();
              signal.addEventListener("abort", stopped);
              hand.asks.push(one);
              wake(hand);
            }),
        };
        hands.push(hand);
        const lease = { goalId: task.goalId, taskId: task.id, owner, epoch: task.epoch };
        attempt(teamOf(model, owner), task, lease, hand.controller.signal)
          .catch(async (error: unknown) => {
            if (!(error instanceof LeaseLost)) hand.fault = error;
          })
          .finally(() => {
            hand.ended = true;
            wake(hand);
          });
        await rest(hand);
        return true;
      },
      async answer(which: number, said: Said): Promise<boolean> {
        const open = hands.filter((hand) => hand.asks.length > 0);
        const hand = open[which % Math.max(1, open.length)];
        const ask = hand?.asks.shift();
        if (!hand || !ask) return false;
        const row = () =>
          store.read((read) => read.db.selectFrom("tasks").selectAll().where("id", "=", hand.taskId).executeTakeFirstOrThrow());
        const before = await row();
        ask.resolve(replyTo(ask.request, said, ++asked));
        await rest(hand);
        // Whoever has it in hand no longer changes nothing of it.
        if (before.epoch !== hand.epoch || before.lease_owner !== hand.owner) expect(await row()).toEqual(before);
        return true;
      },
      async renew(which: number) {
        const hand = hands[which % Math.max(1, hands.length)];
        if (hand) await store.write("task.renew", (tx) => renewLease(tx, hand, LEASE_MS));
      },
      /** What an attempt that ended in an error leaves to its worker, at any moment. */
      async errorIn(which: number) {
        const hand = hands[which % Math.max(1, hands.length)];
        if (!hand) return;
        hand.controller.abort();
        await store
          .write("task.stop", (tx) => endAttempt(tx, hand))
          .catch((error: unknown) => expect(error).toBeInstanceOf(LeaseLost));
        while (!hand.ended) await hand.moved.promise;
        hand.asks.length = 0;
      },
      async abort(which: number) {
        const hand = hands[which % Math.max(1, hands.length)];
        hand?.controller.abort();
        while (hand && !hand.ended) await hand.moved.promise;
        if (hand) hand.asks.length = 0;
      },
      async die(which: number) {
        const at = which % owners.length;
        const gone = owners[at] ?? "";
        await store.write("t.gone", async (tx) => {
          await orphanHolds(tx, [gone]);
          await removeProcesses(tx, [gone]);
        });
        owners[at] = await born();
      },
      async close() {
        for (const hand of hands) hand.controller.abort();
        await Promise.all(
          hands.map(async (hand) => {
            while (!hand.ended) await hand.moved.promise;
          }),
        );
        await store.close();
      },
    };
  }
  type World = Awaited<ReturnType<typeof world>>;

  const goalReaches = closure(GOAL_TRANSITIONS);
  const taskReaches = closure(TASK_TRANSITIONS);

  /** Everything that holds at every moment. Remembers what it saw, to see what went back. */
  function watcher({ store, clock, hands }: World) {
    const goals = new Map<string, GoalStatus>();
    const tasks = new Map<string, { status: TaskStatus; epoch: number }>();
    return async () => {
      const faults = hands.map((hand) => hand.fault).filter((fault) => fault !== null);
      if (faults.length > 0) throw faults[0];
      const seen = await store.read(async (read) => ({
        goals: await read.db.selectFrom("goals").selectAll().execute(),
        tasks: await read.db.selectFrom("tasks").selectAll().execute(),
        needs: await read.db.selectFrom("task_needs").selectAll().execute(),
        scopes: await read.db.selectFrom("scopes").selectAll().execute(),
        calls: await read.db.selectFrom("calls").selectAll().execute(),
        questions: await read.db.selectFrom("questions").selectAll().execute(),
        returned: await read.db
          .selectFrom("events")
          .select(["task_id", "type"])
          .where("type", "in", ["task.done", "task.returned"])
          .orderBy("seq")
          .execute(),
        audit: await auditScopes(read),
      }));
      expect(seen.audit).toEqual([]);
      /** What the calls of a scope cost above their holds: the one way over a cap, and it comes with an alarm. */
      const overOf = (kind: string, id: string) =>
        seen.calls
          .filter((call) => call.state === "settled" && call.cost > call.hold)
          .filter((call) =>
            (JSON.parse(call.scopes) as { kind: string; id: string }[]).some((one) => one.kind === kind && one.id === id),
          )
          .reduce((sum, call) => sum + call.cost - call.hold, 0);
      for (const call of seen.calls)
        expect([call.cost >= 0, call.hold >= 0, Number.isSafeInteger(call.cost)]).toEqual([true, true, true]);
      for (const scope of seen.scopes) {
        expect([scope.kind, scope.spent >= 0, scope.held >= 0, scope.allowed >= 0]).toEqual([scope.kind, true, true, true]);
        const goal = seen.goals.find((entry) => entry.id === (scope.kind === "task" ? scope.id.split("/")[0] : scope.id));
        const cap =
          {
            goal: goal?.cap ?? 0,
            day: CAPS.day,
            month: CAPS.month,
            task: Math.min(CAPS.task, goal?.cap ?? 0) + (goal?.allowed ?? 0),
          }[scope.kind] ?? 0;
        expect([scope.kind, scope.spent + scope.held - overOf(scope.kind, scope.id) <= cap + scope.allowed]).toEqual([
          scope.kind,
          true,
        ]);
      }
      const statusOf = new Map(seen.tasks.map((task) => [task.id, task]));
      for (const task of seen.tasks) {
        const status = task.status as TaskStatus;
        const before = tasks.get(task.id);
        if (before) {
          expect(taskReaches(before.status, status)).toBe(true);
          expect(task.epoch).toBeGreaterThanOrEqual(before.epoch);
        }
        tasks.set(task.id, { status, epoch: task.epoch });
        const held = status === "running" || status === "reviewing";
        expect([status, task.lease_owner !== null]).toEqual([status, held]);
        expect([task.attempts >= 0, task.unmet >= 0, task.revision >= 0]).toEqual([true, true, true]);
        if (status === "waiting") {
          expect(task.unmet).toBeGreaterThan(0);
          const needs = seen.needs.flatMap((edge) => (edge.task_id === task.id ? (statusOf.get(edge.need_id) ?? []) : []));
          // What was accepted and is being repaired still counts as handed in.
          expect(task.unmet).toBe(needs.filter((need) => need.status !== "done" && need.deliverable_id === null).length);
        }
        if (TASK_ENDED.includes(status)) expect(task.ended_at).not.toBeNull();
        const moves = seen.returned.filter((event) => event.task_id === task.id).map((event) => event.type);
        const repairs = moves.filter((type, i) => type === "task.returned" && moves.slice(0, i).includes("task.done"));
        expect(repairs.length).toBeLessThanOrEqual(1);
      }
      for (const goal of seen.goals) {
        const status = goal.status as GoalStatus;
        const before = goals.get(goal.id);
        if (before) expect(goalReaches(before, status)).toBe(true);
        goals.set(goal.id, status);
        const mine = seen.tasks.filter((task) => task.goal_id === goal.id);
        const open = mine.filter((task) => !TASK_ENDED.includes(task.status as TaskStatus));
        const asks = seen.questions.filter((question) => question.goal_id === goal.id && question.status === "open");
        if (GOAL_ENDED.includes(status)) {
          expect([status, open.map((task) => task.status), asks.length]).toEqual([status, [], 0]);
          if (before && GOAL_ENDED.includes(before)) expect(status).toBe(before);
        }
        // A goal that runs can go on: something may be claimed, or is in hand.
        if (status === "running") expect(open.some((task) => ["ready", "running", "reviewing"].includes(task.status))).toBe(true);
        if (status === "paused") expect([goal.pause, goal.pause !== null, open.length > 0]).toEqual([goal.pause, true, true]);
        if (status === "paused" && goal.pause === "question") expect(asks.length).toBeGreaterThan(0);
        for (const task of open)
          if (task.status === "blocked") expect(asks.filter((question) => question.task_id === task.id).length).toBe(1);
      }
      expect(Number.isFinite(clock.at)).toBe(true);
    };
  }

  const answerOf = (how: number): Answer => ({
    choice: how % 5 === 0 || how % 5 === 1 ? "approve" : how % 5 === 2 ? "approve" : "reject",
    note: how % 3 === 0 ? "A note." : null,
    version: how % 5 === 1 ? 1 + (how % 4) : null,
    drop: how % 5 === 4,
    body: how % 5 === 2 ? "# Mine\n\nMy own words." : null,
  });
  async function question({ store, idle }: World, which: number, given: Answer): Promise<void> {
    // Answered ones too: the second answer must change nothing.
    const all: Question[] = await store.read((read) => listQuestions(read));
    const one = all[which % Math.max(1, all.length)];
    if (one) expect([null, "string"]).toContainEqual((await answerQuestion(idle.store, one, given)) === null ? null : "string");
  }
  async function goalOf({ store }: World, which: number): Promise<string | null> {
    const ids = await store.read((read) => read.db.selectFrom("goals").select("id").orderBy("id").execute());
    return ids[which % Math.max(1, ids.length)]?.id ?? null;
  }

  const step = fc.oneof(
    { weight: 20, arbitrary: fc.record({ do: fc.constant("claim" as const), which: fc.nat(9) }) },
    {
      weight: 24,
      arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat(9), said: fc.constantFrom(...SAID) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("accept" as const),
        which: fc.nat(9),
        priority: fc.constantFrom("P0", "P1", "P2", "P3"),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("clock" as const), ms: fc.integer({ min: -10_000, max: 30_000 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("person" as const), which: fc.nat(9), how: fc.nat(59) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("resume" as const), which: fc.nat(9), allow: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom("renew" as const, "error" as const, "die" as const, "abort" as const),
        which: fc.nat(9),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(9) }) },
  );
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

  async function take(it: World, step: Step): Promise<void> {
    switch (step.do) {
      case "claim":
        return void (await it.claim(step.which));
      case "answer":
        return void (await it.answer(step.which, step.said));
      case "accept": {
        const source = { source: "test", rehearsal: false, category: null, cap: CAPS.goal };
        const priority = step.priority as "P0";
        await acceptGoal(it.idle, { ...source, text: "A page", priority, plan: PLANS[step.which % PLANS.length] ?? null });
        return;
      }
      case "clock":
        it.clock.at += step.ms;
        return;
      case "person":
        return question(it, step.which, answerOf(step.how));
      case "resume": {
        const id = await goalOf(it, step.which);
        if (id !== null) await resumeGoal(it.store, id, step.allow ? nano(0.3) : null);
        return;
      }
      case "renew":
        return it.renew(step.which);
      case "error":
        return it.errorIn(step.which);
      case "die":
        return it.die(step.which);
      case "abort":
        return it.abort(step.which);
      case "cancel": {
        const id = await goalOf(it, step.which);
        if (id !== null) await cancelGoal(it.store, id);
      }
    }
  }

  /** With a model that answers well, money, and a person who says yes, every goal comes to its end, whatever came before. */
  async function bringToAnEnd(it: World, check: () => Promise<void>): Promise<void> {
    for (let round = 0; round < 400; round++) {
      const left = await it.store.read((read) =>
        read.db.selectFrom("goals").select(["id", "status"]).where("status", "in", ["running", "paused"]).execute(),
      );
      if (left.length === 0) return;
      while (await it.answer(0, "good"));
      if (await it.claim(round)) continue;
      it.clock.at += MINUTE;
      for (const open of await it.store.read((read) => listQuestions(read, { status: "open" })))
        await answerQuestion(it.store, open, { choice: "approve", note: null, version: null, drop: false, body: null });
      for (const goal of left) if (goal.status === "paused") await resumeGoal(it.store, goal.id, nano(5));
      await check();
    }
    const left = await it.store.read(async (read) => ({
      goals: await read.db
        .selectFrom("goals")
        .select(["id", "status", "pause", "reason"])
        .where("status", "in", ["running", "paused"])
        .execute(),
      tasks: await read.db.selectFrom("tasks").select(["goal_id", "key", "status", "run_at", "unmet", "lease_until"]).execute(),
    }));
    throw new Error(`these never end: ${JSON.stringify(left)} at ${it.clock.at}`);
  }

  test("no sequence of events leaves them, spends what is not there, or leaves a goal that cannot end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(PLANS.length - 1),
        fc.array(step, { minLength: 40, maxLength: 120, size: "max" }),
        async (first, steps) => {
          const it = await world(NOON);
          try {
            const check = watcher(it);
            await take(it, { do: "accept", which: first, priority: "P1" });
            for (const one of steps) {
              await take(it, one);
              await check();
            }
            await bringToAnEnd(it, check);
            await check();
          } finally {
            await it.close();
          }
        },
      ),
      runs(8),
    );
  }, 600_000);
});

/** Whether one state can come from another, in any number of moves or none. */
function closure<S extends string>(table: Record<S, readonly S[]>): (from: S, to: S) => boolean {
  return (from, to) => {
    const seen = new Set<S>([from]);
    for (const state of seen) for (const next of table[state]) seen.add(next);
    return seen.has(to);
  };
}

describe("effects", () => {
  const REST: readonly EffectState[] = ["confirmed", "failed", "rejected", "expired", "stopped", "withdrawn"];
  const often = ["propose", "propose", "approve", "approve", "approve", "send", "send", "send"] as const;
  const seldom = [
    "policy",
    "reject",
    "confirmed",
    "failed",
    "unknown",
    "orphan",
    "happened",
    "not",
    "stop",
    "resume",
    "resume",
  ] as const;
  const step = fc.record({
    do: fc.constantFrom(...often, ...often, ...seldom, "expire" as const, "withdraw" as const, "unsent" as const),
    which: fc.nat(5),
    by: fc.integer({ min: -2 * MINUTE, max: 6 * MINUTE }),
  });

  const reached = new Set<EffectState>();

  test("no sequence of events sends one twice, without a yes, after its time or while everything is stopped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80, size: "max" }), async (steps) => {
        const clock = { at: NOON };
        const store = await openStore(() => clock.at);
        try {
          await store.write("t.fill", async (tx) => {
            await addGoal(tx, { id: "goal_a" });
            await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done", deliverable_id: "dlv_0" });
            await addVersion(tx, { id: "dlv_0", task_id: "task_a", goal_id: "goal_a" }, "APPROVE");
            await registerProcess(tx, { id: "proc_1", host: "h", pid: 1, started: "s" });
          });
          const ids: string[] = [];
          const states = new Map<string, EffectState>();
          const sends = new Map<string, number>();
          let stopped = false;
          for (const { do: what, which, by } of steps) {
            const id = ids[which % Math.max(1, ids.length)] ?? "";
            if (what === "propose") {
              const kind = (["send", "draft", "write", "spend"] as const)[which % 4] ?? "send";
              const made = await store.write("t.propose", (tx) =>
                proposeEffect(tx, {
                  ...{
                    goalId: "goal_a",
                    taskId: "task_a",
                    revision: which % 2,
                    skill: "writing",
                    step: "make",
                    round: 0,
                    useIndex: which,
                  },
                  ...{
                    server: "mail",
                    tool: "send",
                    toolHash: "h",
                    args: canonical({ to: which % 3 }),
                    class: kind,
                    preview: "p",
                  },
                  ...{ recipients: which * 20, cost: null, tainted: which % 2 === 0, blocked: which === 5 ? "no" : null },
                  ...{ expiresAt: clock.at + 2 * 60 * MINUTE, rehearsal: which === 4 },
                }),
              );
              if ("refused" in made) expect(stopped).toBe(true);
              else if (!ids.includes(made.effect.id)) ids.push(made.effect.id);
            } else if (what === "expire") await store.write("t", (tx) => expireEffects(tx));
            else if (what === "withdraw") await store.write("t", (tx) => withdrawEffects(tx, "task_a", which % 2));
            else if (what === "orphan")
              await store.write("t", (tx) => orphanSends(tx, { sender: "proc_1", inHand: new Set(which % 2 ? [] : [id]) }));
            else if (what === "stop") {
              await store.write("t", (tx) => stopEffects(tx, "me"));
              stopped = true;
            } else if (what === "resume") {
              await store.write("t", (tx) => resumeEffects(tx));
              stopped = false;
            } else if (id !== "") {
              const before = await store.read((read) => getEffect(read, id));
              if (!before) throw new Error("gone");
              if (what === "approve" || what === "policy") {
                const given = await store.write("t", (tx) =>
                  approveEffect(tx, id, { hash: which === 3 ? "other" : before.hash, by: what === "policy" ? POLICY : "me" }),
                );
                if ("effect" in given) {
                  expect([stopped, before.state, before.expiresAt > clock.at, before.blocked, which]).toEqual([
                    false,
                    "intent",
                    true,
                    null,
                    which === 3 ? 0 : which,
                  ]);
                  if (what === "policy") expect(["draft", "write"]).toContain(before.class);
                }
              } else if (what === "reject") await store.write("t", (tx) => rejectEffect(tx, id, { by: "me", note: null }));
              else if (what === "unsent") await store.write("t", (tx) => failUnsent(tx, id, "r"));
              else if (what === "happened" || what === "not")
                await store.write("t", (tx) => resolveEffect(tx, id, { happened: what === "happened", by: "me", note: null }));
              else if (what === "send") {
                const start = await store.write("t", (tx) => startSending(tx, id, "proc_1", { maxRecipients: 60, perDay: 2 }));
                if (start.kind === "sent") {
                  sends.set(id, (sends.get(id) ?? 0) + 1);
                  expect([stopped, before.state, before.expiresAt > clock.at, before.rehearsal]).toEqual([
                    false,
                    "approved",
                    true,
                    false,
                  ]);
                  expect((before.recipients ?? 0) <= 60).toBe(true);
                }
              } else if (what === "confirmed" || what === "failed" || what === "unknown")
                await store.write("t", (tx) => endSending(tx, id, { state: what, result: null, note: null }));
            }
            clock.at += by;
            const rows = await store.read((read) => listEffects(read));
            for (const { id, state, approvedBy, sentAt } of rows) {
              const was = states.get(id) ?? "intent";
              expect(effectReaches(was, state)).toBe(true);
              if (REST.includes(was)) expect(state).toBe(was);
              states.set(id, state);
              reached.add(state);
              if (["sent", "confirmed", "unknown"].includes(state))
                expect([approvedBy !== null, sentAt !== null]).toEqual([true, true]);
            }
            for (const count of sends.values()) expect(count).toBe(1);
            // The same words of one task go out once, whichever version asks for them.
            const out = rows.filter((row) => row.sentAt !== null).map((row) => row.hash);
            expect(new Set(out).size).toBe(out.length);
          }
          const done = (await store.read((read) => listEffects(read))).filter((row) => row.sentAt !== null);
          expect(done.every((row) => sends.get(row.id) === 1)).toBe(true);
        } finally {
          await store.close();
        }
      }),
      runs(14),
    );
    // Else the property speaks of nothing.
    expect([...reached]).toEqual(expect.arrayContaining(["approved", "sent", "stopped"]));
  }, 300_000);
});

/** Whether one state of an effect can come from another. */
function effectReaches(from: EffectState, to: EffectState): boolean {
  const next = (at: EffectState) =>
    EFFECT_STATES.filter((other) => {
      try {
        return mayMove(at, other) === other;
      } catch {
        return false;
      }
    });
  const seen = new Set([from]);
  for (const at of seen) for (const other of next(at)) seen.add(other);
  return seen.has(to);
}
