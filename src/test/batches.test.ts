/** Calls that wait for a batch: half held, half paid, sent once and answered once, whatever is lost on the way. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Caps } from "../domain/budget.ts";
import { mayBatch } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import { nano, usd } from "../domain/money.ts";
import type { Lease, Task } from "../domain/task.ts";
import { createCollector, type Collector } from "../journal/batches.ts";
import { createJournal } from "../journal/journal.ts";
import { batchShareAt, costOf, priceAt } from "../journal/prices.ts";
import { taskCosts } from "../journal/quote.ts";
import type { CallSpec } from "../journal/request.ts";
import { silentLog } from "../log/log.ts";
import type { Batches } from "../model/batches.ts";
import { createClaudeBatches } from "../model/claude/batches.ts";
import { createClaude } from "../model/claude/claude.ts";
import { parseFault } from "../model/rehearsal/faults.ts";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { loadRegistry } from "../skills/registry.ts";
import { callsOfGoal, orphanHolds } from "../store/calls.ts";
import { insertGoal, needGoal } from "../store/goals.ts";
import { claimTask, LeaseLost } from "../store/leases.ts";
import { registerProcess, removeProcesses } from "../store/processes.ts";
import { listScopes } from "../store/scopes.ts";
import type { Store } from "../store/store.ts";
import { insertTasks, needTask } from "../store/tasks.ts";
import { cancelGoal } from "../work/answers.ts";
import { stopTask } from "../work/stopped.ts";
import { ROOT } from "./cli.ts";
import { ENGINES, type Engine } from "./engines.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const { models } = registry;
const CAPS: Caps = { call: nano(2), task: nano(1_000), goal: nano(1_000), day: nano(1_000), month: nano(1_000) };
const never = new AbortController().signal;
const MINUTE = 60_000;

type World = Awaited<ReturnType<typeof openWorld>>;

async function openWorld(engine: Engine, faults: readonly string[] = []) {
  const opened = await engine.open();
  const wait = { ms: 0 };
  const store = { ...opened, now: () => opened.now() + wait.ms };
  const server = startRehearsal({ seed: 1, faults: faults.map(fault) });
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  const address = { apiKey: "key", baseURL: server.url, idleMs: 2_000, log: silentLog };
  const journalOf = (batches: boolean, file = models) =>
    createJournal({
      ...{
        store,
        model: createClaude(address),
        models: file,
        caps: CAPS,
        now: Date.now,
        random: () => 0.5,
        log: silentLog,
        batches,
      },
      ...{ retry: { attempts: 2, baseMs: 1, maxMs: 2 }, sleep: async () => {}, processId: "proc_journal", reached: () => {} },
    });
  const collector = (
    processId = "proc_a",
    reached: (point: string) => void = () => {},
    batches: Batches = createClaudeBatches(address),
  ): Collector =>
    createCollector({
      ...{
        store,
        batches,
        models,
        rehearsal: false,
        processId,
        now,
        log: silentLog,
        reached,
        sends: true,
      },
    });
  const born = (...ids: string[]) =>
    store.write("process.register", async (tx) => {
      for (const id of ids) await registerProcess(tx, { id, host: "h", pid: 1, started: "1" });
    });
  await born("proc_a");

  async function newTasks(count: number, batch = true): Promise<{ goalId: string; taskIds: string[] }> {
    const goalId = newId("goal");
    const taskIds = Array.from({ length: count }, () => newId("task"));
    await store.write("goal.accept", async (tx) => {
      const of = {
        id: goalId,
        title: "t",
        text: "t",
        category: null,
        source: "schedule:s",
        pipeline: null,
        priority: "P2",
      } as const;
      await insertGoal(tx, { ...of, rehearsal: false, batch, cap: CAPS.goal, contextVersion: 0 });
      await insertTasks(
        tx,
        taskIds.map((id) => ({
          ...{ id, goalId, key: id, kind: "work", phase: "p", skill: "copywriting", brief: "b", criteria: [], reviewers: [] },
          ...{ variants: 1, needs: [], unmet: 0, priority: "P2", rehearsal: false },
        })),
      );
    });
    return { goalId, taskIds };
  }

  async function claim(): Promise<{ task: Task; lease: Lease } | null> {
    const filter = { owner: "proc_journal", leaseMs: MINUTE, rehearsal: false, goalId: null };
    const task = await store.write("task.claim", (tx) => claimTask(tx, filter));
    return task && { task, lease: { goalId: task.goalId, taskId: task.id, owner: "proc_journal", epoch: task.epoch } };
  }

  async function call(held: { task: Task; lease: Lease }, journal = journalOf(true), changes: Partial<CallSpec> = {}) {
    const goal = await store.read((read) => needGoal(read, held.task.goalId));
    const spec: CallSpec = {
      key: { goalId: goal.id, subject: held.task.id, revision: 0, step: "make", round: 0 },
      ...{ lease: held.lease, goal, skill: "copywriting", tier: "standard", maxTokens: 1_000 },
      system: [{ kind: "charter", text: "Be good." }],
      user: [{ kind: "inputs", text: `Write about ${held.task.id}.` }],
      ...changes,
    };
    return journal.call(spec, never);
  }

  /** One attempt at each task that may be claimed, as a worker makes it. Returns what each call came to. */
  async function work(journal = journalOf(true), changes: Partial<CallSpec> = {}): Promise<string[]> {
    const ends: string[] = [];
    for (let held = await claim(); held; held = await claim()) {
      const outcome = await call(held, journal, changes);
      ends.push(outcome.kind === "stopped" ? outcome.why : outcome.replayed ? "replayed" : "live");
      if (outcome.kind === "stopped") await stopTask(store, held.lease, outcome);
      else await store.write("task.stop", (tx) => rest(tx, held?.task.id ?? ""));
    }
    return ends;
  }

  return {
    ...{ store, wait, server, clock, collector, journalOf, newTasks, claim, call, work, born },
    /** Looks until nothing more is due soon. */
    async collect(one = collector()) {
      for (let i = 0; i < 6; i++) {
        clock.ahead += 1_000;
        await one.look(never);
      }
    },
    calls: async (goalId: string) => store.read((read) => callsOfGoal(read, goalId)),
    requests: () => server.requests().filter((line) => line.event === "request"),
    batches: () => new Set(server.requests().flatMap((line) => line.batch ?? [])).size,
    task: (id: string) => store.read((read) => needTask(read, id)),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Out of the way of later claims. */
async function rest(tx: Parameters<Parameters<Store["write"]>[1]>[0], id: string): Promise<void> {
  await tx.db.updateTable("tasks").set({ status: "done", lease_owner: null }).where("id", "=", id).execute();
}

function fault(text: string) {
  const parsed = parseFault(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.fault;
}

/** What is spent and held in every scope is what the calls say. */
async function moneyHolds(world: World, goalIds: readonly string[]): Promise<void> {
  const scopes = await world.store.read((read) => Promise.all([listScopes(read, "goal", false), listScopes(read, "day", false)]));
  const all = (await Promise.all(goalIds.map((id) => world.calls(id)))).flat();
  const sums = (calls: typeof all) => ({
    spent: calls.filter((call) => call.state === "settled").reduce((sum, call) => sum + call.cost, 0),
    held: calls.filter((call) => call.state === "held" || call.state === "unknown").reduce((sum, call) => sum + call.hold, 0),
  });
  for (const id of goalIds)
    expect(scopes[0].find((scope) => scope.id === id) ?? { spent: 0, held: 0 }).toMatchObject(
      sums(all.filter((call) => call.goalId === id)),
    );
  expect({ spent: scopes[1].reduce((n, day) => n + day.spent, 0), held: scopes[1].reduce((n, day) => n + day.held, 0) }).toEqual(
    sums(all),
  );
}

test("only what a schedule or an event of P2 or P3 starts may wait", () => {
  expect(mayBatch("P2", "allowed", undefined)).toBe(true);
  expect(mayBatch("P3", undefined, "allowed")).toBe(true);
  expect([mayBatch("P2"), mayBatch("P1", "allowed"), mayBatch("P0", "allowed", "allowed")]).toEqual([false, false, false]);
  expect(batchShareAt(models, Date.UTC(2026, 10, 21))).toBe(0.5);
  expect(batchShareAt(models, Date.UTC(2026, 0, 1))).toBeNull();
  expect(batchShareAt({}, Date.UTC(2026, 10, 21))).toBeNull();
});

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`batches on ${engine.name}`, () => {
    test("calls of several goals go together at half price, and their tasks go on with the answers", async () => {
      await using world = await openWorld(engine);
      const [one, two, live] = [await world.newTasks(2), await world.newTasks(1), await world.newTasks(1, false)];
      expect((await world.work()).sort()).toEqual(["batched", "batched", "batched", "live"]);
      const before = world.requests().length;
      // Parked for a day, the attempt is not counted, and a second attempt takes no second hold.
      const [task] = await Promise.all(one.taskIds.map(world.task));
      expect([task?.status, task?.attempts, (task?.runAt ?? 0) > Date.now() + 24 * 60 * MINUTE]).toEqual(["ready", 0, true]);
      await world.store.write("task.ready", async (tx) => {
        await tx.db.updateTable("tasks").set({ run_at: 0 }).where("goal_id", "=", two.goalId).execute();
      });
      expect(await world.work()).toEqual(["batched"]);
      expect((await world.calls(two.goalId)).length).toBe(1);
      const [at, full] = [(await world.calls(two.goalId))[0], (await world.calls(live.goalId))[0]];
      expect([at?.hold, at?.batchShare, full?.batchShare]).toEqual([(full?.hold ?? 0) / 2, 0.5, null]);
      await moneyHolds(world, [one.goalId, two.goalId, live.goalId]);

      await world.collect();
      expect([world.batches(), world.requests().length]).toEqual([1, before + 3]);
      for (const call of [...(await world.calls(one.goalId)), ...(await world.calls(two.goalId))]) {
        const price = priceAt(models, call.model, Date.now());
        expect([call.state, call.cost, call.flags]).toEqual(["settled", costOf(call.usage, price, 0.5), []]);
        expect(call.cost * 2).toBeWithin(costOf(call.usage, price), costOf(call.usage, price) + 2);
      }
      await moneyHolds(world, [one.goalId, two.goalId, live.goalId]);
      expect(await world.work()).toEqual(["replayed", "replayed", "replayed"]);
      expect(world.requests().length).toBe(before + 3);
      // What a task costs is told at the full price, however it was made.
      const costs = (await world.store.read((read) => taskCosts(read))).get("copywriting") ?? [];
      const paid = (await world.calls(one.goalId)).map((call) => usd(call.cost));
      expect(costs.length).toBe(4);
      expect(costs.some((cost) => Math.abs(cost - 2 * (paid[0] ?? 0)) < 1e-8)).toBe(true);
      // Nothing is left of the requests.
      expect(await world.store.read((read) => read.db.selectFrom("batch_requests").selectAll().execute())).toEqual([]);
    });

    test("who comes within a minute goes along: a task at work is waited for, but not for longer", async () => {
      await using world = await openWorld(engine);
      await world.newTasks(2);
      const [first, second] = [await world.claim(), await world.claim()];
      if (!first || !second) throw new Error("nothing to claim");
      const outcome = await world.call(first);
      if (outcome.kind === "stopped") await stopTask(world.store, first.lease, outcome);
      const collector = world.collector();
      const next = await collector.look(never);
      expect([world.batches(), (next ?? 0) > Date.now() + MINUTE / 2]).toEqual([0, true]);
      world.clock.ahead = MINUTE;
      await collector.look(never);
      expect(world.batches()).toBe(1);
    });

    test("a sending whose answer was lost is found again, and sent only once", async () => {
      await using world = await openWorld(engine, ["batch_lost"]);
      const { goalId } = await world.newTasks(2);
      await world.work();
      await world.collect();
      expect(world.batches()).toBe(1);
      expect((await world.calls(goalId)).map((call) => call.state)).toEqual(["settled", "settled"]);
      expect(await world.work()).toEqual(["replayed", "replayed"]);
    });

    test("a batch that was refused for the moment is sent again later, and only then", async () => {
      await using world = await openWorld(engine, ["overloaded"]);
      const { goalId } = await world.newTasks(1);
      await world.work();
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([0, "held"]);
      world.clock.ahead += 3 * MINUTE;
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([1, "settled"]);
    });

    test.each(["batch_expire", "batch_error"])("%s: nothing is billed, and the next attempt is made at once", async (text) => {
      await using world = await openWorld(engine, [text]);
      const { goalId, taskIds } = await world.newTasks(2);
      await world.work();
      await world.collect();
      expect((await world.calls(goalId)).map((call) => call.state).sort()).toEqual(["released", "settled"]);
      expect((await world.work()).sort()).toEqual(["live", "replayed"]);
      const calls = await world.calls(goalId);
      expect(calls.map((call) => [call.state, call.batchShare, call.attempt]).sort()).toEqual([
        ["released", 0.5, 1],
        ["settled", null, 2],
        ["settled", 0.5, 1],
      ]);
      expect(taskIds.length).toBe(2);
      await moneyHolds(world, [goalId]);
    });

    test("nothing is written to the cache in a batch; the same call made at once writes what its parts share", async () => {
      await using world = await openWorld(engine, ["batch_expire"]);
      const { goalId } = await world.newTasks(2);
      const system = [{ kind: "skill" as const, text: "A long playbook. ".repeat(1_000), share: "5m" as const }];
      const turns = [
        {
          assistant: { text: "", uses: [{ id: "u", name: "look", input: {} }] },
          user: { text: "", results: [{ id: "u", text: "seen", isError: false }], share: "5m" as const },
        },
      ];
      await world.work(world.journalOf(true), { system, turns, tools: [{ name: "look", description: "d", inputSchema: {} }] });
      await world.collect();
      // The one that the batch did not answer is made at once.
      expect((await world.work(world.journalOf(true), { system })).sort()).toEqual(["live", "replayed"]);
      const calls = await world.calls(goalId);
      const settled = calls.filter((call) => call.state === "settled");
      const [batched, live] = [true, false].map((is) => settled.find((call) => (call.batchShare !== null) === is));
      expect(batched?.usage).toMatchObject({ cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 });
      expect(batched?.usage.input).toBeGreaterThan(4_000);
      expect(live?.usage.cacheWrite5m).toBeGreaterThan(4_000);
      // What cannot be written is not held either.
      const price = priceAt(models, batched?.model ?? "", Date.now());
      const bytes = 17_000;
      expect(usd(batched?.hold ?? 0) - (1_000 * price.output) / 2_000_000).toBeWithin(
        (bytes * price.input) / 2_000_000,
        ((bytes + 1_500) * price.input) / 2_000_000,
      );
      expect(usd(live?.hold ?? 0)).toBeGreaterThan((bytes * price.cache_write_5m) / 1_000_000);
      await moneyHolds(world, [goalId]);
    });

    test("a key that is not accepted releases all, and the live call says what is wrong", async () => {
      await using world = await openWorld(engine, ["bad_key x*"]);
      const { goalId } = await world.newTasks(1);
      await world.work();
      await world.collect();
      expect((await world.calls(goalId)).map((call) => call.state)).toEqual(["released"]);
      expect(await world.work()).toEqual(["auth"]);
      expect(await world.store.read((read) => needGoal(read, goalId))).toMatchObject({ status: "paused", pause: "model_away" });
    });

    test("a cancelled goal: what is not sent is not sent, what is on its way is paid for and wakes nobody", async () => {
      await using world = await openWorld(engine, ["batch_slow:60000"]);
      const [unsent, sent] = [await world.newTasks(1), await world.newTasks(1)];
      await world.work();
      await cancelGoal(world.store, unsent.goalId);
      await world.collector().look(never);
      expect([world.requests().length, (await world.calls(unsent.goalId))[0]?.state]).toEqual([1, "released"]);
      await cancelGoal(world.store, sent.goalId);
      await endAll(world);
      await world.collect();
      const [call] = await world.calls(sent.goalId);
      expect([call?.state, (await world.task(sent.taskIds[0] ?? "")).status]).toEqual(["released", "cancelled"]);
      await using other = await openWorld(engine);
      const goal = await other.newTasks(1);
      await other.work();
      const collector = other.collector();
      await collector.look(never);
      await cancelGoal(other.store, goal.goalId);
      await other.collect(collector);
      const [paid] = await other.calls(goal.goalId);
      expect([paid?.state, (paid?.cost ?? 0) > 0, (await other.task(goal.taskIds[0] ?? "")).status]).toEqual([
        "settled",
        true,
        "cancelled",
      ]);
      await moneyHolds(other, [goal.goalId]);
    });

    test("two daemons and many calls: each is sent once and settled once", async () => {
      await using world = await openWorld(engine);
      await world.born("proc_b");
      const goals = [await world.newTasks(8), await world.newTasks(8)];
      const [a, b] = [world.collector("proc_a"), world.collector("proc_b")];
      await world.work();
      for (let i = 0; i < 6; i++) {
        await Promise.all([a.look(never), b.look(never)]);
        world.clock.ahead += 1_000;
      }
      expect(world.requests().length).toBe(16);
      const calls = (await Promise.all(goals.map(({ goalId }) => world.calls(goalId)))).flat();
      expect(calls.map((call) => call.state)).toEqual(Array(16).fill("settled"));
      await moneyHolds(
        world,
        goals.map(({ goalId }) => goalId),
      );
      expect(await world.work()).toEqual(Array(16).fill("replayed"));
    });

    test("a process that died in the middle: its calls are left alone, and the next one finds what it sent", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(2);
      await world.born("proc_b", "proc_journal");
      await world.work();
      const dying = world.collector("proc_a", (point) => {
        if (point === "batch:answered") throw new Error("died");
      });
      await expect(dying.look(never)).rejects.toThrow("died");
      const next = world.collector("proc_b");
      await world.collect(next);
      // As long as it lives, what it was sending is its own.
      expect((await world.calls(goalId)).map((call) => call.state)).toEqual(["held", "held"]);
      await world.store.write("process.sweep", async (tx) => {
        expect(await orphanHolds(tx, ["proc_a", "proc_journal"])).toBe(0);
        await removeProcesses(tx, ["proc_a", "proc_journal"]);
      });
      await world.collect(next);
      expect([world.batches(), ...(await world.calls(goalId)).map((call) => call.state)]).toEqual([1, "settled", "settled"]);
    });

    test("a batch that was committed and never sent is sent by whoever comes next, after a while", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(1);
      await world.work();
      const dying = world.collector("proc_gone", (point) => {
        if (point === "batch:before") throw new Error("died");
      });
      await expect(dying.look(never)).rejects.toThrow("died");
      await world.collect();
      expect(world.batches()).toBe(0);
      world.clock.ahead += 3 * MINUTE;
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([1, "settled"]);
    });

    test("what was never sent is not taken for an earlier batch of ours of the same size", async () => {
      await using world = await openWorld(engine);
      const earlier = await world.newTasks(1);
      await world.work();
      await world.collect();
      expect(await world.work()).toEqual(["replayed"]);
      const { goalId } = await world.newTasks(1);
      await world.work();
      const dying = world.collector("proc_gone", (point) => {
        if (point === "batch:before") throw new Error("died");
      });
      await expect(dying.look(never)).rejects.toThrow("died");
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([1, "held"]);
      world.clock.ahead += 3 * MINUTE;
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([2, "settled"]);
      await moneyHolds(world, [earlier.goalId, goalId]);
    });

    test("what the provider did not do at a batch's price is paid in full", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(1);
      await world.work();
      const whole = createClaudeBatches({ apiKey: "key", baseURL: world.server.url, log: silentLog });
      const dear: Batches = {
        ...whole,
        results: (id, take, options) => whole.results(id, (result) => take({ ...result, reduced: false }), options),
      };
      await world.collect(world.collector("proc_a", undefined, dear));
      const [call] = await world.calls(goalId);
      if (!call) throw new Error("there is no call");
      expect([call.state, call.cost]).toEqual(["settled", costOf(call.usage, priceAt(models, call.model, Date.now()))]);
      await moneyHolds(world, [goalId]);
    });

    test("a process that stood still before the sending leaves it to whoever looks for it", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(1);
      await world.work();
      const still = world.collector("proc_a", (point) => {
        // As if it had been stopped and let go on a minute later.
        if (point === "batch:before") world.wait.ms = MINUTE;
      });
      await still.look(never);
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([0, "held"]);
      world.wait.ms = 0;
      world.clock.ahead += 3 * MINUTE;
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([1, "settled"]);
    });

    test("a key that is no longer accepted is told, and what waits is fetched when it is again", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(1);
      await world.work();
      const whole = createClaudeBatches({ apiKey: "key", baseURL: world.server.url, log: silentLog });
      const failure = { stop: "auth", billable: false, detail: "check the key", retryAfterMs: null } as const;
      let accepted = false;
      const port: Batches = { ...whole, state: async (id, options) => (accepted ? whole.state(id, options) : { failure }) };
      const collector = world.collector("proc_a", undefined, port);
      await collector.look(never);
      await expect(collector.look(never)).rejects.toThrow("check the key");
      // It stays told until somebody answers.
      await expect(collector.look(never)).rejects.toThrow("check the key");
      expect((await world.calls(goalId))[0]?.state).toBe("held");
      accepted = true;
      world.clock.ahead += MINUTE;
      await world.collect(collector);
      expect((await world.calls(goalId))[0]?.state).toBe("settled");
    });

    test("results that are cut off are fetched again, and nothing is settled twice", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(3);
      await world.work();
      const whole = createClaudeBatches({ apiKey: "key", baseURL: world.server.url, log: silentLog });
      let fetched = 0;
      const cut: Batches = {
        ...whole,
        results: (id, take, options) => {
          let left = ++fetched === 1 ? 1 : 3;
          return whole.results(id, async (result) => void (left-- > 0 && (await take(result))), options);
        },
      };
      const collector = world.collector("proc_a", undefined, cut);
      await world.collect(collector);
      const states = async () => (await world.calls(goalId)).map((call) => call.state).sort();
      expect(await states()).toEqual(["held", "held", "settled"]);
      world.clock.ahead += MINUTE / 2;
      await world.collect(collector);
      expect([await states(), fetched]).toEqual([["settled", "settled", "settled"], 2]);
      await moneyHolds(world, [goalId]);
    });

    test("another project's batch of the same size is taken for ours only until its results are read", async () => {
      await using world = await openWorld(engine);
      const { goalId } = await world.newTasks(1);
      await world.work();
      const dying = world.collector("proc_gone", (point) => {
        if (point === "batch:before") throw new Error("died");
      });
      await expect(dying.look(never)).rejects.toThrow("died");
      const others = createClaudeBatches({ apiKey: "key", baseURL: world.server.url, log: silentLog });
      const request = {
        model: models.tiers.light,
        maxTokens: 100,
        system: [],
        messages: [{ role: "user", parts: [{ text: "Hi" }] }],
      } as const;
      await others.create([{ id: "theirs", request }], { signal: never });
      await world.collect();
      expect((await world.calls(goalId))[0]?.state).toBe("held");
      world.clock.ahead += 3 * MINUTE;
      await world.collect();
      expect([world.batches(), (await world.calls(goalId))[0]?.state]).toEqual([2, "settled"]);
      expect(await world.work()).toEqual(["replayed"]);
    });

    test("an answer that came before the task was at rest is not slept through", async () => {
      await using world = await openWorld(engine);
      const { taskIds } = await world.newTasks(1);
      const held = await world.claim();
      if (!held) throw new Error("nothing to claim");
      const outcome = await world.call(held);
      world.clock.ahead = MINUTE;
      await world.collect();
      if (outcome.kind === "stopped") await stopTask(world.store, held.lease, outcome);
      expect((await world.task(taskIds[0] ?? "")).runAt).toBeLessThanOrEqual(Date.now());
      expect(await world.work()).toEqual(["replayed"]);
    });

    test("in both orders at once, for many tasks: none sleeps", async () => {
      await using world = await openWorld(engine);
      await world.newTasks(12);
      const held = [];
      for (let each = await world.claim(); each; each = await world.claim()) held.push(each);
      const outcomes = await Promise.all(held.map(async (each) => ({ each, outcome: await world.call(each) })));
      world.clock.ahead = MINUTE;
      const collector = world.collector();
      await collector.look(never);
      world.clock.ahead += 1_000;
      await Promise.all([
        collector.look(never),
        ...outcomes.map(({ each, outcome }) => (outcome.kind === "stopped" ? stopTask(world.store, each.lease, outcome) : null)),
      ]);
      await world.collect(collector);
      expect(await world.work()).toEqual(Array(12).fill("replayed"));
    });

    test("a batch that the provider no longer knows counts in full, and the work goes on", async () => {
      await using world = await openWorld(engine, ["batch_slow:60000"]);
      const { goalId } = await world.newTasks(1);
      await world.work();
      await world.collector().look(never);
      await world.store.write("batch.made", async (tx) => {
        await tx.db.updateTable("batches").set({ provider_id: "msgbatch_of_a_server_that_is_gone" }).execute();
      });
      const collector = world.collector();
      await world.collect(collector);
      expect((await world.calls(goalId))[0]?.state).toBe("held");
      world.clock.ahead += 2 * MINUTE;
      await world.collect(collector);
      expect((await world.calls(goalId))[0]).toMatchObject({ state: "unknown", flags: ["batch_gone"] });
      expect(await world.work()).toEqual(["live"]);
      await moneyHolds(world, [goalId]);
    });

    test("a process that does not stay takes back what is not sent, waits for what is, and batches nothing", async () => {
      await using world = await openWorld(engine, ["batch_slow:60000"]);
      const sent = await world.newTasks(1);
      await world.work();
      await world.collector().look(never);
      const back = await world.newTasks(1);
      await world.work();
      const fresh = await world.newTasks(1);
      await world.store.write("task.ready", async (tx) => {
        await tx.db.updateTable("tasks").set({ run_at: 0 }).execute();
      });
      expect((await world.work(world.journalOf(false))).sort()).toEqual(["batched", "live", "live"]);
      expect((await world.calls(back.goalId)).map((call) => call.stop).sort()).toEqual(["end", "taken_back"]);
      await moneyHolds(world, [sent.goalId, back.goalId, fresh.goalId]);
    });

    test("without a price for batches, or a task, everything is made at once", async () => {
      await using world = await openWorld(engine);
      await world.newTasks(1);
      const { batch: _, ...unpriced } = models;
      expect(await world.work(world.journalOf(true, unpriced))).toEqual(["live"]);
    });

    test("whatever comes: each call is paid once, and what is spent and held is what the calls say", async () => {
      const kinds = fc.constantFrom("batch_lost", "batch_error", "batch_expire", "overloaded", "no_usage", "truncate", "refusal");
      const steps = fc.array(fc.constantFrom("work", "look", "other", "wait", "new", "cancel"), { minLength: 4, maxLength: 14 });
      await fc.assert(
        fc.asyncProperty(fc.array(kinds, { maxLength: 4 }), steps, async (faults, order) => {
          await using world = await openWorld(engine, faults);
          await world.born("proc_b");
          const [a, b] = [world.collector("proc_a"), world.collector("proc_b")];
          const goals = [await world.newTasks(2)];
          for (const step of order) {
            if (step === "work") await world.work();
            else if (step === "look") await a.look(never);
            else if (step === "other") await Promise.all([a.look(never), b.look(never)]);
            else if (step === "wait") world.clock.ahead += MINUTE;
            else if (step === "new") goals.push(await world.newTasks(1));
            else await cancelGoal(world.store, goals[0]?.goalId ?? "");
            await moneyHolds(
              world,
              goals.map(({ goalId }) => goalId),
            );
          }
          for (let i = 0; i < 6; i++) {
            await world.work().catch((error: unknown) => {
              if (!(error instanceof LeaseLost)) throw error;
            });
            world.clock.ahead += 2 * MINUTE;
            await Promise.all([a.look(never), b.look(never)]);
          }
          const ids = goals.map(({ goalId }) => goalId);
          await moneyHolds(world, ids);
          const calls = (await Promise.all(ids.map((id) => world.calls(id)))).flat();
          expect(calls.filter((call) => call.state === "held")).toEqual([]);
          // The witness: no request of a batch came twice.
          const hashes = world.requests().flatMap((line) => (line.batch === undefined ? [] : [line.hash]));
          expect(new Set(hashes).size).toBe(hashes.length);
        }),
        { numRuns: engine.name === "sqlite" ? 12 : 5 },
      );
    });
  });
}

/** As if the day went by: the provider ends its batches. */
async function endAll(world: World): Promise<void> {
  const list = (await (await fetch(`${world.server.url}/v1/messages/batches`, { headers: { "x-api-key": "k" } })).json()) as {
    data: { id: string }[];
  };
  for (const { id } of list.data)
    await fetch(`${world.server.url}/v1/messages/batches/${id}/cancel`, { method: "POST", headers: { "x-api-key": "k" } });
}
