/** The journal and the budget: paid once, never past a cap, whatever comes and however many call at once. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Caps } from "../domain/budget.ts";
import { nano } from "../domain/money.ts";
import { newId } from "../domain/id.ts";
import type { Priority } from "../domain/goal.ts";
import { silentLog } from "../log/log.ts";
import type { Reply } from "../model/model.ts";
import { scriptedModel, stopReply, textReply, type Script } from "../model/scripted/scripted.ts";
import { loadRegistry } from "../skills/registry.ts";
import { callsOfGoal } from "../store/calls.ts";
import { listScopes } from "../store/scopes.ts";
import { insertGoal } from "../store/goals.ts";
import { listEvents } from "../store/events.ts";
import type { Store } from "../store/store.ts";
import { ROOT } from "../test/cli.ts";
import { ENGINES } from "../test/engines.ts";
import { createJournal } from "./journal.ts";
import type { CallOutcome } from "./outcome.ts";
import { costOf, priceAt } from "./prices.ts";
import type { CallSpec } from "./request.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const { models } = registry;

const CAPS: Caps = { call: nano(2), task: nano(1_000), goal: nano(1_000), day: nano(1_000), month: nano(1_000) };
const never = new AbortController().signal;

/** `waits` takes down how long each sleep would have been, in ms. */
function journalOn(store: Store, script: Script, caps: Partial<Caps> = {}, waits: number[] = []) {
  const model = scriptedModel(script);
  const journal = createJournal({
    store,
    model,
    models,
    caps: { ...CAPS, ...caps },
    retry: { attempts: 3, baseMs: 1, maxMs: 2 },
    now: Date.now,
    random: () => 0.5,
    sleep: async (ms) => void waits.push(ms),
    processId: "proc_test",
    log: silentLog,
    reached: () => {},
  });
  return { journal, model };
}

async function newGoal(store: Store, options: { cap?: number; priority?: Priority; rehearsal?: boolean } = {}) {
  const id = newId("goal");
  await store.write("goal.accept", (tx) =>
    insertGoal(tx, {
      id,
      title: "t",
      text: "t",
      category: null,
      source: "test",
      pipeline: null,
      priority: options.priority ?? "P1",
      rehearsal: options.rehearsal ?? false,
      cap: options.cap ?? nano(1_000),
      contextVersion: 0,
    }),
  );
  return {
    id,
    priority: options.priority ?? "P1",
    cap: options.cap ?? nano(1_000),
    allowed: 0,
    rehearsal: options.rehearsal ?? false,
  } as const;
}

function spec(goal: CallSpec["goal"], subject: string, changes: Partial<CallSpec> = {}): CallSpec {
  return {
    key: { goalId: goal.id, subject, revision: 0, step: "make", round: 0 },
    lease: null,
    goal,
    skill: "copywriting",
    tier: "standard",
    maxTokens: 1_000,
    system: [{ kind: "charter", text: "Be good." }],
    user: [{ kind: "inputs", text: "Write." }],
    ...changes,
  };
}

/** Counters equal rows in every scope; nothing is past its cap. */
async function auditMoney(store: Store, goalId: string, cap: number): Promise<{ spent: number; held: number }> {
  const { calls, goals } = await store.read(async (read) => ({
    calls: await callsOfGoal(read, goalId),
    goals: await listScopes(read, "goal", false),
  }));
  const scope = goals.find((entry) => entry.id === goalId) ?? { spent: 0, held: 0 };
  const open = calls.filter((call) => call.state === "held" || call.state === "unknown");
  expect(scope.held).toBe(open.reduce((sum, call) => sum + call.hold, 0));
  expect(scope.spent).toBe(calls.filter((call) => call.state === "settled").reduce((sum, call) => sum + call.cost, 0));
  expect(scope.spent + scope.held).toBeLessThanOrEqual(cap);
  return scope;
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`the journal on ${engine.name}`, () => {
    test("a stored answer is read, never called for again", async () => {
      await using store = await engine.open();
      const goal = await newGoal(store);
      const { journal, model } = journalOn(store, () => textReply("the answer"));
      const first = await journal.call(spec(goal, "plan"), never);
      const again = await journal.call(spec(goal, "plan"), never);
      expect(first).toMatchObject({ kind: "answer", text: "the answer", replayed: false });
      expect(again).toMatchObject({ kind: "answer", text: "the answer", replayed: true });
      expect(model.requests.length).toBe(1);
    });

    test("a rate limit that one process meets holds for the others that share the store, and for rehearsals apart", async () => {
      await using store = await engine.open();
      const goal = await newGoal(store);
      const waits: number[] = [];
      const limited = journalOn(
        store,
        (_request, index) =>
          index === 0
            ? { ...textReply(""), stop: "rate_limited", billable: false, usage: null, retryAfterMs: 20_000 }
            : textReply("late"),
        {},
        waits,
      );
      expect(await limited.journal.call(spec(goal, "one"), never)).toMatchObject({ kind: "answer", text: "late" });
      // It waits as long as it was asked to; so does the next call of another process.
      expect(waits[0]).toBeGreaterThanOrEqual(20_000);
      const others: number[] = [];
      const other = journalOn(store, () => textReply("other"), {}, others);
      await other.journal.call(spec(goal, "two"), never);
      expect(others[0]).toBeGreaterThan(15_000);
      const rehearsed: number[] = [];
      const rehearsal = journalOn(store, () => textReply("r"), {}, rehearsed);
      await rehearsal.journal.call(spec(await newGoal(store, { rehearsal: true }), "three"), never);
      expect(rehearsed).toEqual([]);
    });

    test("1,000 calls at once never pass a cap, and as many as fit are admitted", async () => {
      await using store = await engine.open();
      const price = priceAt(models, models.tiers.light, Date.now());
      const goal = await newGoal(store);
      const probe = journalOn(store, () => textReply("x"));
      // The lightest tier: nothing cheaper is left to turn to when the goal's money gets tight.
      await probe.journal.call(spec(goal, "probe", { tier: "light" }), never);
      const one = (await store.read((read) => callsOfGoal(read, goal.id)))[0]?.hold ?? 0;
      expect(one).toBeGreaterThan(nano((1_000 * price.output) / 1_000_000));
      const fits = 50;
      const capped = await newGoal(store, { cap: one * fits });
      // No answer comes before all have asked: every hold stands at once.
      const gate = Promise.withResolvers<Reply>();
      const { journal } = journalOn(store, () => gate.promise, { task: one });
      let refused = 0;
      const outcomes = Array.from({ length: 1_000 }, (_, i) =>
        journal.call(spec(capped, `t${i}`, { tier: "light" }), never).then((outcome: CallOutcome) => {
          if (outcome.kind === "stopped" && ++refused === 1_000 - fits) gate.resolve(textReply("done"));
          return outcome;
        }),
      );
      const results = await Promise.all(outcomes);
      expect(results.filter((outcome) => outcome.kind === "answer").length).toBe(fits);
      const { held } = await auditMoney(store, capped.id, one * fits);
      expect(held).toBe(0);
    }, 60_000);

    test("a lost answer stays held in full; the retry is a new hold within the cap", async () => {
      await using store = await engine.open();
      const goal = await newGoal(store);
      let calls = 0;
      const { journal } = journalOn(store, () => (calls++ === 0 ? stopReply("lost", "reset") : textReply("ok")));
      expect(await journal.call(spec(goal, "plan"), never)).toMatchObject({ kind: "answer", text: "ok" });
      const rows = await store.read((read) => callsOfGoal(read, goal.id));
      expect(rows.map((row) => [row.attempt, row.state])).toEqual([
        [1, "unknown"],
        [2, "settled"],
      ]);
      expect((await auditMoney(store, goal.id, goal.cap)).held).toBe(rows[0]?.hold ?? -1);
    });

    test("ten cap hits in a row stop new work of other goals too, until a person allows an amount", async () => {
      await using store = await engine.open();
      const poor = await newGoal(store, { cap: 1 });
      const rich = await newGoal(store);
      const { journal } = journalOn(store, () => textReply("ok"));
      for (let i = 0; i < 10; i++)
        expect(await journal.call(spec(poor, `t${i}`), never)).toMatchObject({ kind: "stopped", why: "budget" });
      expect(await journal.call(spec(rich, "plan"), never)).toMatchObject({ kind: "stopped", why: "cap_hits" });
      expect(await journal.call(spec({ ...rich, allowed: nano(1) }, "plan"), never)).toMatchObject({ kind: "answer" });
    });
  });
}

const sqlite = ENGINES[0];
if (!sqlite) throw new Error("no engine");

describe("levels", () => {
  test("at 90 % only P0 and P1 work, at 95 % only P0 and on a cheaper model, at 100 % nobody", async () => {
    await using store = await sqlite.open();
    const [p0, p1, p2] = [
      await newGoal(store, { priority: "P0" }),
      await newGoal(store, { priority: "P1" }),
      await newGoal(store, { priority: "P2" }),
    ];
    const usage = (output: number) => ({ input: 0, output, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 });
    const price = priceAt(models, models.tiers.standard, Date.now());
    let next = 0;
    const { journal, model } = journalOn(store, () => textReply("ok", { usage: usage(next) }), {
      day: nano(100),
      call: nano(200),
    });
    const spend = async (usdAmount: number, subject: string) => {
      next = (usdAmount / price.output) * 1_000_000;
      const outcome = await journal.call(spec(p0, subject), never);
      next = 0;
      return outcome;
    };
    await spend(85, "a");
    expect(await journal.call(spec(p2, "b"), never)).toMatchObject({ kind: "answer" });
    await spend(6, "c");
    expect(await journal.call(spec(p2, "d"), never)).toMatchObject({ kind: "stopped", why: "budget" });
    expect(await journal.call(spec(p1, "e"), never)).toMatchObject({ kind: "answer", model: models.tiers.standard });
    await spend(5, "f");
    expect(await journal.call(spec(p1, "g"), never)).toMatchObject({ kind: "stopped", why: "budget" });
    expect(await journal.call(spec(p0, "h"), never)).toMatchObject({ kind: "answer", model: models.tiers.light });
    next = (5 / priceAt(models, models.tiers.light, Date.now()).output) * 1_000_000;
    await journal.call(spec(p0, "i"), never);
    next = 0;
    const asked = model.requests.length;
    expect(await journal.call(spec(p0, "j"), never)).toMatchObject({ kind: "stopped", why: "budget" });
    expect(model.requests.length).toBe(asked);
    const levels = (await store.read((read) => listEvents(read, {}))).flatMap((event) =>
      event.type === "budget.level" && event.scope.startsWith("day") ? [event.level] : [],
    );
    expect(levels.filter((level, i) => level !== levels[i - 1])).toEqual(
      expect.arrayContaining(["warning", "tight", "critical", "exhausted"]),
    );
  });

  test("rehearsal money is counted apart and never limits a real goal", async () => {
    await using store = await sqlite.open();
    const rehearsed = await newGoal(store, { rehearsal: true });
    const real = await newGoal(store);
    const { journal } = journalOn(
      store,
      () => textReply("ok", { usage: { input: 0, output: 10_000_000, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 } }),
      { day: nano(1), call: nano(1) },
    );
    await journal.call(spec(rehearsed, "a"), never);
    expect(await journal.call(spec(rehearsed, "b"), never)).toMatchObject({ kind: "stopped" });
    expect(await journal.call(spec(real, "a"), never)).toMatchObject({ kind: "answer" });
  });
});

describe("money, whatever happens", () => {
  test("after any sequence of answers, losses, aborts and refusals the counters equal the rows and no cap is passed", async () => {
    const fate = fc.constantFrom("answer", "lost", "refused", "no_usage", "abort", "overloaded", "refusal");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fate, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 40 }),
        async (fates, capCents) => {
          await using store = await sqlite.open();
          const cap = nano(capCents / 100);
          const goal = await newGoal(store, { cap });
          const { journal } = journalOn(store, (request) => {
            const kind = JSON.stringify(request).match(/fate:(\w+)/)?.[1] ?? "answer";
            if (kind === "abort") return new Promise<Reply>(() => {});
            if (kind === "lost") return stopReply("lost", "gone");
            if (kind === "overloaded") return stopReply("overloaded", "busy");
            if (kind === "refusal") return stopReply("refusal", "no");
            if (kind === "no_usage") return textReply("ok", { usage: null });
            if (kind === "refused") return stopReply("bad_request", "no");
            return textReply("ok");
          });
          await Promise.all(
            fates.map((kind, i) => {
              const controller = new AbortController();
              if (kind === "abort") queueMicrotask(() => setImmediate(() => controller.abort()));
              return journal.call(spec(goal, `t${i}`, { user: [{ kind: "inputs", text: `fate:${kind}` }] }), controller.signal);
            }),
          );
          await auditMoney(store, goal.id, cap);
          expect((await store.read((read) => callsOfGoal(read, goal.id))).filter((call) => call.state === "held")).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  test("a call holds the dearest rate that its own breakpoints allow, and no dearer one", async () => {
    await using store = await sqlite.open();
    const goal = await newGoal(store);
    const { journal } = journalOn(store, () => textReply("ok"));
    const text = "x".repeat(400_000);
    for (const share of ["1h", "5m"] as const)
      await journal.call(spec(goal, share, { system: [{ kind: "skill", text, share }], maxTokens: 1 }), never);
    await journal.call(spec(goal, "plain", { system: [{ kind: "skill", text }], maxTokens: 1 }), never);
    const price = priceAt(models, models.tiers.standard, Date.now());
    const rates = (await store.read((read) => callsOfGoal(read, goal.id))).map(({ hold }) => (hold / nano(1)) * 2.5);
    expect(rates.map((rate) => Math.round(rate * 10) / 10)).toEqual([price.cache_write_1h, price.cache_write_5m, price.input]);
  });
});

describe("prices", () => {
  // Two sources agree on these figures: the provider's own tables and its released program (2026-11-21).
  test.each([
    ["claude-opus-5-5", { input: 1_000_000 }, 4],
    ["claude-opus-5-5", { cacheRead: 1_000_000 }, 0.2],
    ["claude-sonnet-5-5", { output: 1_000_000 }, 10],
    ["claude-sonnet-5-5", { cacheRead: 1_000_000 }, 0.1],
    ["claude-sonnet-5-5", { cacheWrite1h: 1_000_000 }, 4],
    ["claude-haiku-5-5", { input: 100_000 }, 0.01],
    ["claude-haiku-5-5", { input: 1_000, cacheRead: 100_000 }, 0.0055],
  ])("%s %o costs $%d", (model, usage, expected) => {
    const whole = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, ...usage };
    expect(costOf(whole, priceAt(models, model, Date.parse("2026-11-21")))).toBe(nano(expected));
  });

  test("a price has its date: before the cut a cached token cost twice as much", () => {
    expect(priceAt(models, "claude-sonnet-5-5", Date.parse("2026-10-06")).cache_read).toBe(0.2);
    expect(priceAt(models, "claude-sonnet-5-5", Date.parse("2026-10-07")).cache_read).toBe(0.1);
  });

  test("an unknown model is an error, never free", () => {
    expect(() => priceAt(models, "claude-sonnet-6", Date.now())).toThrow('no price for model "claude-sonnet-6"');
  });
});
