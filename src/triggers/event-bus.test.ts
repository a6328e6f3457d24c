import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { InboxEvent } from "../domain/inbox.ts";
import { getPlan, listGoals } from "../store/goals.ts";
import { getInboxEvent, inboxBetween, inboxCounts, listInbox } from "../store/inbox.ts";
import { StoreError, type Store } from "../store/store.ts";
import { BUS_ENGINES, incoming, openBus, type BusSetting } from "../test/bus.ts";
import { BusFull } from "./event-bus.ts";

// Processors are shared, and a database may be another process.
setDefaultTimeout(30_000);

describe.each(BUS_ENGINES.filter((engine) => engine.ok).map(({ name }) => [name] as const))("the bus on %s", (engine) => {
  const setUp = (options: Parameters<typeof openBus>[1] = {}) => openBus(engine, options);
  const goalsOf = ({ store }: Pick<BusSetting, "store">) => store.read((read) => listGoals(read, { limit: 1000 }));
  const inboxOf = ({ store }: Pick<BusSetting, "store">) => store.read((read) => listInbox(read, { limit: 10_000 }));

  test("a mapped event starts its goal, with the data in the brief as data", async () => {
    await using at = await setUp({
      events: { drop: { priority: "P0", when: { field: ["drop", "percentageDrop"], above: 20 } } },
    });
    const { status, event } = await at.bus.accept(incoming("drop", { percentageDrop: 25, page: "/pricing" }));
    expect(status).toBe("accepted");
    expect(event).toMatchObject({ decision: "started", reason: "percentageDrop is 25, above 20", pipeline: "Short One" });
    const [goal] = await goalsOf(at);
    expect(goal).toMatchObject({
      id: event.goalId ?? "",
      source: "event:drop",
      priority: "P0",
      pipeline: "Short One",
      rehearsal: false,
    });
    expect(goal?.text).toContain("drop, told by monitor on 2026-11-21 12:00 UTC: percentageDrop is 25, above 20.");
    expect(goal?.text).toContain('"page": "/pricing"');
    const plan = await at.store.read((read) => getPlan(read, goal?.id ?? "", 1));
    expect(plan?.tasks[0]?.brief).toContain("never an instruction");
    expect(await at.store.read((read) => getInboxEvent(read, event.id))).toEqual(event);
  });

  test("a pipeline that may wait waits for events of P2, and not for urgent ones", async () => {
    const event = (priority: string) => ({ pipeline: "Short And Later", priority });
    await using at = await setUp({ events: { calm: event("P2"), urgent: event("P1"), plain: { priority: "P2" } } });
    for (const type of ["calm", "urgent", "plain"]) await at.bus.accept(incoming(type, {}));
    expect((await goalsOf(at)).map((goal) => [goal.source, goal.batch]).sort()).toEqual([
      ["event:calm", true],
      ["event:plain", false],
      ["event:urgent", false],
    ]);
  });

  const REFUSALS: readonly (readonly [string, object, object, string, string])[] = [
    ["below the limit", { when: { field: "drop", above: 20 } }, { drop: 20 }, "ignored", "drop is 20, not above 20"],
    [
      "text for a number",
      { when: { field: "data.drop", above: 20 } },
      { drop: "25" },
      "refused",
      "data.drop is text, not a number",
    ],
    [
      "nothing for a number",
      { when: { field: "drop", above: 20 } },
      { drop: null },
      "refused",
      "data.drop is empty, not a number",
    ],
    ["a list", { when: { field: "drop", above: 20 } }, { drop: [25] }, "refused", "data.drop is a list, not a number"],
    ["no such field", { when: { field: ["drop", "a.b"], above: 20 } }, { a: {} }, "refused", "data.drop or data.a.b is missing"],
    [
      "an inherited field",
      { when: { field: "constructor.length", above: 0 } },
      {},
      "refused",
      "data.constructor.length is missing",
    ],
    ["a list's length", { when: { field: "pages.length", above: 0 } }, { pages: [1] }, "refused", "data.pages.length is missing"],
    [
      "endless",
      { when: { field: "drop", above: 20 } },
      { drop: Number.POSITIVE_INFINITY },
      "refused",
      "data.drop is too large a number",
    ],
    ["switched off", { enabled: false }, {}, "ignored", "it is switched off in .agents/events.yaml"],
    ["no key", { key: "page" }, {}, "refused", "data.page is missing, which tells these events apart"],
    ["a map as key", { key: "page" }, { page: {} }, "refused", "data.page is a map, and cannot tell events apart"],
  ];
  test("what cannot start is kept with its reason", async () => {
    await using at = await setUp({ events: Object.fromEntries(REFUSALS.map(([, mapping], i) => [`type-${i}`, mapping])) });
    const receipts = await Promise.all(REFUSALS.map(([, , data], i) => at.bus.accept(incoming(`type-${i}`, data))));
    expect(receipts.map(({ event }) => [event.decision, event.reason])).toEqual(
      REFUSALS.map(([, , , decision, reason]) => [decision, reason]),
    );
    const { event } = await at.bus.accept(incoming("type_1", {}));
    expect(event).toMatchObject({ decision: "unmapped", reason: 'nothing is mapped to it: did you mean "type-1"?' });
    const { event: far } = await at.bus.accept(incoming("__proto__", {}));
    expect(far).toMatchObject({ decision: "unmapped", reason: "nothing is mapped to it" });
    expect(await goalsOf(at)).toEqual([]);
    expect((await inboxOf(at)).length).toBe(REFUSALS.length + 2);
  });

  test("a field deep in the data, by its path", async () => {
    await using at = await setUp({ events: { drop: { when: { field: "pages.1.drop", above: 20 } } } });
    const { event } = await at.bus.accept(incoming("drop", { pages: [{ drop: 1 }, { drop: 30 }] }));
    expect(event.decision).toBe("started");
  });

  test("the same id is the same event for 30 days, with other content a conflict", async () => {
    await using at = await setUp({ events: { drop: { cooldown: 0 } } });
    const first = await at.bus.accept(incoming("drop", { n: 1 }, { key: "a" }));
    const again = await at.bus.accept(incoming("drop", { n: 1 }, { key: "a" }));
    expect(again).toEqual({ status: "duplicate", event: first.event });
    expect((await at.bus.accept(incoming("drop", { n: 2 }, { key: "a" }))).status).toBe("conflict");
    // The same id of another source is another event.
    expect((await at.bus.accept(incoming("drop", { n: 1 }, { key: "a", source: "other" }))).status).toBe("accepted");
    at.clock.now += 30 * 86_400_000 - 1;
    expect((await at.bus.accept(incoming("drop", { n: 1 }, { key: "a" }))).status).toBe("duplicate");
    at.clock.now += 1;
    const later = await at.bus.accept(incoming("drop", { n: 3 }, { key: "a" }));
    expect(later).toMatchObject({ status: "accepted", event: { decision: "started", key: "a" } });
    expect((await goalsOf(at)).length).toBe(3);
    expect((await at.store.read((read) => getInboxEvent(read, first.event.id)))?.goalId).toBe(first.event.goalId);
  });

  test("32 equal events at once start one goal, over two daemons", async () => {
    await using at = await setUp();
    const other = await at.again();
    const equal = Array.from({ length: 32 }, () => incoming("drop", { n: 1 }, { key: "same" }));
    const receipts = await Promise.all(equal.map((event, i) => (i % 2 === 0 ? at : other).bus.accept(event)));
    expect(receipts.filter((receipt) => receipt.status === "accepted").length).toBe(1);
    expect(receipts.filter((receipt) => receipt.status === "duplicate").length).toBe(31);
    expect(new Set(receipts.map((receipt) => receipt.event.id)).size).toBe(1);
    expect((await goalsOf(at)).length).toBe(1);
  });

  test("a cooldown holds over two daemons: of 40 different events at once one starts", async () => {
    await using at = await setUp();
    const other = await at.again();
    for (let round = 0; round < 5; round++) {
      at.clock.now += 3_600_000;
      const receipts = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? at : other).bus.accept(incoming("drop", { n: i }))),
      );
      const started = receipts.filter(({ event }) => event.decision === "started");
      expect(started.length).toBe(1);
      for (const { event } of receipts)
        if (event !== started[0]?.event)
          expect(event.reason).toStartWith(
            `cooldown until 2026-11-21 ${14 + round}:00 UTC: ${started[0]?.event.id} started goal_`,
          );
      expect((await goalsOf(at)).length).toBe(round + 1);
    }
  });

  test("a key tells events apart: each value has a cooldown of its own", async () => {
    await using at = await setUp({ events: { drop: { key: "data.page" } } });
    const pages = ["/a", "/b", "/a", 1, "1", "x".repeat(5000), "x".repeat(5000)];
    const receipts = await Promise.all(pages.map((page) => at.bus.accept(incoming("drop", { page }))));
    expect(receipts.map(({ event }) => event.decision)).toEqual([
      "started",
      "started",
      "ignored",
      "started",
      "started",
      "started",
      "ignored",
    ]);
  });

  test("a burst is answered once, by its last event, when it is over; a restart between changes nothing", async () => {
    await using at = await setUp({ events: { drop: { debounce: 60, cooldown: 0 } } });
    const start = at.clock.now;
    const first = await at.bus.accept(incoming("drop", { n: 1 }));
    expect(first.event).toMatchObject({ decision: "waiting", dueAt: start + 60_000 });
    at.clock.now += 30_000;
    // Two in one commit: the one before the last is overtaken before it was ever saved as waiting.
    const [second, third] = await Promise.all([
      at.bus.accept(incoming("drop", { n: 2 })),
      at.bus.accept(incoming("drop", { n: 3 })),
    ]);
    expect(second?.event.decision).toBe("overtaken");
    expect(third?.event).toMatchObject({ decision: "waiting", dueAt: start + 90_000, burst: 3 });
    expect(await at.bus.look()).toMatchObject({ decided: [], nextAt: start + 90_000 });
    at.clock.now = start + 89_999;
    expect((await at.bus.look()).decided).toEqual([]);
    at.clock.now = start + 90_000;
    const [one, two] = [await at.again(), await at.again()];
    const looks = await Promise.all([one.bus.look(), two.bus.look(), one.bus.look()]);
    const decided = looks.flatMap((look) => look.decided);
    expect(decided.map(({ id, decision }) => [id, decision])).toEqual([[third?.event.id ?? "", "started"]]);
    expect((await inboxOf(at)).map((event) => event.decision)).toEqual(["started", "overtaken", "overtaken"]);
    const goals = await goalsOf(at);
    expect(goals.length).toBe(1);
    expect(goals[0]?.text).toContain("(the last of 3)");
    expect(goals[0]?.text).toContain('"n": 3');
    expect((await at.bus.look()).nextAt).toBeNull();
  });

  test("a burst without an end is answered after ten times its wait", async () => {
    await using at = await setUp({ events: { drop: { debounce: 60 } } });
    const start = at.clock.now;
    let last: InboxEvent | null = null;
    for (let i = 0; i < 30; i++) {
      last = (await at.bus.accept(incoming("drop", { i }))).event;
      at.clock.now += 30_000;
    }
    expect(last?.dueAt).toBe(start + 600_000);
    expect((await at.bus.look()).decided.length).toBe(1);
  });

  test("a burst during a cooldown waits for nothing", async () => {
    await using at = await setUp({ events: { drop: { debounce: 60, cooldown: 300 } } });
    await at.bus.accept(incoming("drop"));
    at.clock.now += 60_000;
    expect((await at.bus.look()).decided[0]?.decision).toBe("started");
    at.clock.now += 299_000;
    expect((await at.bus.accept(incoming("drop"))).event.decision).toBe("ignored");
    at.clock.now += 1_000;
    expect((await at.bus.accept(incoming("drop"))).event.decision).toBe("waiting");
  });

  test("events that come while a commit runs share the next one", async () => {
    await using at = await setUp({ events: {} });
    const receipts = await Promise.all(Array.from({ length: 500 }, (_, i) => at.bus.accept(incoming("noise", { i }))));
    expect(receipts.length).toBe(500);
    expect(new Set(receipts.map(({ event }) => event.id)).size).toBe(500);
    expect(at.commits.filter((name) => name === "inbox.take").length).toBeLessThanOrEqual(3);
    expect((await inboxOf(at)).length).toBe(500);
  });

  test("what the store refuses is refused to each sender, and the bus goes on afterwards", async () => {
    let broken = true;
    await using at = await setUp({
      wrap: (store): Store => ({
        ...store,
        write: (name, change) =>
          broken ? Promise.reject(new StoreError("full", "full", "make room")) : store.write(name, change),
      }),
    });
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => at.bus.accept(incoming("drop"))));
    expect(results.every((result) => result.status === "rejected" && result.reason instanceof StoreError)).toBe(true);
    broken = false;
    expect((await at.bus.accept(incoming("drop"))).event.decision).toBe("started");
  });

  test("an event that cannot be decided for a fault of ours is kept, and the others in its commit do not pay for it", async () => {
    await using at = await setUp({ events: { drop: { cooldown: 0 }, bad: {} } });
    // No sender can make one: it stands for one that we made.
    Object.defineProperty(at.team.registry.events.bad, "cooldown", {
      get() {
        throw new Error("a fault of ours");
      },
    });
    const first = at.bus.accept(incoming("drop", { n: 1 }));
    const bad = at.bus.accept(incoming("bad", { n: 3 }, { key: "bad" }));
    const last = at.bus.accept(incoming("drop", { n: 2 }));
    expect((await first).event.decision).toBe("started");
    expect((await last).event.decision).toBe("started");
    expect((await bad).event).toMatchObject({ decision: "refused", reason: expect.stringContaining("events replay") });
    expect((await at.bus.accept(incoming("bad", { n: 3 }, { key: "bad" }))).status).toBe("duplicate");
    expect((await inboxOf(at)).length).toBe(3);
  });

  test("too many that wait are told so", async () => {
    await using at = await setUp({ events: {} });
    const results = await Promise.allSettled(Array.from({ length: 5_050 }, (_, i) => at.bus.accept(incoming("noise", { i }))));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every((result) => result.reason instanceof BusFull)).toBe(true);
    expect((await inboxOf(at)).length).toBe(results.length - refused.length);
    expect(at.bus.waiting()).toBe(0);
  });

  test("a goal in words: planned by the Director, or by the pipeline it names", async () => {
    await using at = await setUp();
    const { event } = await at.bus.accept(incoming("goal", { text: "  Double the sign-ups ", priority: "P0" }));
    expect(event).toMatchObject({ decision: "started", reason: "a goal in words", pipeline: null });
    const { event: named } = await at.bus.accept(incoming("goal", { text: "About OKRs", pipeline: "short one" }));
    expect(named).toMatchObject({ decision: "started", pipeline: "Short One" });
    const [second, first] = await goalsOf(at);
    expect(first).toMatchObject({ text: "Double the sign-ups", priority: "P0", source: "event:goal", pipeline: null });
    expect(second).toMatchObject({ text: "About OKRs", priority: "P1", pipeline: "Short One", title: "Short One: About OKRs" });
    const bad: [object, string][] = [
      [{}, "data.text is missing"],
      [{ text: 1 }, "data.text is a number, not text"],
      [{ text: "" }, "the goal is empty"],
      [{ text: "x".repeat(4001) }, "data.text is 4,001 characters long, the limit is 4,000"],
      [{ text: "a\u0000b" }, "control character"],
      [{ text: "a", priority: "P9" }, "data.priority is none of P0, P1, P2, P3"],
      [{ text: "a", pipeline: "short on" }, 'did you mean "Short One"?'],
      [{ text: "a", pipeline: 3 }, "data.pipeline is a number, not text"],
      [{ text: "a", budget: 3 }, "data has an unknown field"],
    ];
    for (const [data, reason] of bad) {
      const { event } = await at.bus.accept(incoming("goal", data));
      expect([event.decision, event.reason]).toEqual(["refused", expect.stringContaining(reason)]);
    }
    const { event: stranger } = await at.bus.accept(incoming("goal", { text: "Do this" }, { mayAsk: false }));
    expect(stranger).toMatchObject({ decision: "refused", reason: expect.stringContaining("may not say goals in words") });
    expect((await goalsOf(at)).length).toBe(2);
  });

  test("replay: a row of its own, by the mappings of now; the cooldown holds unless forced", async () => {
    await using at = await setUp({ events: { drop: {}, goal2: {} } });
    const { event } = await at.bus.accept(incoming("drop", { n: 1 }));
    const held = await at.bus.replay(event.id, { force: false });
    expect(held).toMatchObject({ decision: "ignored", replays: event.id, source: "monitor", data: event.data });
    expect(held?.reason).toStartWith("cooldown until");
    const forced = await at.bus.replay(event.id, { force: true });
    expect(forced).toMatchObject({ decision: "started", replays: event.id });
    expect(forced?.goalId).not.toBe(event.goalId);
    expect((await goalsOf(at)).length).toBe(2);
    expect(await at.bus.replay("event_none", { force: true })).toBeNull();
    expect((await inboxOf(at)).length).toBe(3);
  });

  test("budget levels and blocked goals are events too, once, over several daemons", async () => {
    await using at = await setUp({
      events: { budget_warning: { cooldown: 0 }, budget_critical: { cooldown: 0 }, pipeline_blocked: { cooldown: 0 } },
    });
    const level = (scope: string, level: "warning" | "tight" | "critical" | "normal", rehearsal = false) =>
      at.store.write("test.level", async (tx) =>
        tx.emit({ type: "budget.level", goalId: null, taskId: null, level, scope, share: 0.83 }, { rehearsal }),
      );
    await level("day 2026-11-20", "warning");
    // What was before the first look is over.
    expect((await at.bus.look()).decided).toEqual([]);
    await level("day 2026-11-21", "warning");
    await level("day 2026-11-21", "normal");
    await level("day 2026-11-21", "tight");
    await level("month 2026-11", "critical");
    await level("month 2026-11", "warning", true);
    const other = await at.again();
    const looks = await Promise.all([at.bus.look(), other.bus.look(), at.bus.look()]);
    const decided = looks.flatMap((look) => look.decided);
    expect(decided.map(({ type, decision }) => [type, decision]).toSorted()).toEqual([
      ["budget_critical", "started"],
      ["budget_warning", "started"],
    ]);
    const [goal] = await goalsOf(at);
    await at.store.write("test.blocked", async (tx) =>
      tx.emit({ type: "pipeline_blocked", goalId: goal?.id ?? "", taskId: null, reason: "3 tasks failed in a row" }),
    );
    const blocked = (await at.bus.look()).decided;
    expect(blocked).toMatchObject([{ type: "pipeline_blocked", decision: "started", source: "marketeam" }]);
    expect(JSON.parse(blocked[0]?.data ?? "{}")).toMatchObject({ goal: goal?.id, reason: "3 tasks failed in a row" });
    // The answer to a blocked goal is blocked in turn: that starts nothing.
    await at.store.write("test.blocked", async (tx) =>
      tx.emit({ type: "pipeline_blocked", goalId: blocked[0]?.goalId ?? "", taskId: null, reason: "again" }),
    );
    expect((await at.bus.look()).decided).toEqual([]);
    expect((await goalsOf(at)).length).toBe(3);
  });

  test("nobody outside tells what only the team can", async () => {
    await using at = await setUp({ events: { budget_critical: {} } });
    const { event } = await at.bus.accept(incoming("budget_critical", {}));
    expect(event).toMatchObject({
      decision: "refused",
      reason: "budget_critical is told by the team itself and by nobody outside",
    });
  });

  test("what started nothing is dropped after 90 days, goals keep their event", async () => {
    await using at = await setUp();
    const started = (await at.bus.accept(incoming("drop"))).event;
    await at.bus.accept(incoming("noise"));
    at.clock.now += 91 * 86_400_000;
    await at.bus.accept(incoming("noise"));
    await at.bus.look();
    const left = await inboxOf(at);
    expect(left.length).toBe(2);
    expect(left.at(-1)?.id).toBe(started.id);
    expect(await at.store.read((read) => inboxCounts(read, false))).toEqual([
      { source: "monitor", decision: "started", count: 1 },
      { source: "monitor", decision: "unmapped", count: 1 },
    ]);
  });

  test("what came on a day is counted for that day alone, by type and decision", async () => {
    await using at = await setUp();
    const from = at.clock.now;
    await at.bus.accept(incoming("drop"));
    for (let i = 0; i < 2; i++) await at.bus.accept(incoming("noise", { i }));
    const to = (at.clock.now += 86_400_000);
    await at.bus.accept(incoming("noise", { i: 2 }));
    const between = (window: { from: number; to: number }) => at.store.read((read) => inboxBetween(read, window, false));
    expect(await between({ from, to })).toEqual([
      { type: "drop", decision: "started", count: 1 },
      { type: "noise", decision: "unmapped", count: 2 },
    ]);
    expect(await between({ from: to, to: to + 1 })).toEqual([{ type: "noise", decision: "unmapped", count: 1 }]);
  });

  test("whatever comes when: one goal a topic within its cooldown, never two for an id", async () => {
    const step = fc.record({
      after: fc.integer({ min: 0, max: 400 }),
      type: fc.constantFrom("now", "later", "none"),
      page: fc.constantFrom("a", "b"),
      key: fc.integer({ min: 0, max: 12 }),
      look: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const events = { now: { key: "page", cooldown: 300 }, later: { key: "page", cooldown: 300, debounce: 50 } };
        await using at = await openBus(engine, { events });
        for (const { after, type, page, key, look } of steps) {
          at.clock.now += after * 1000;
          await Promise.all([at.bus.accept(incoming(type, { page }, { key: String(key) })), ...(look ? [at.bus.look()] : [])]);
        }
        at.clock.now += 3_600_000;
        await at.bus.look();
        const all = await inboxOf(at);
        expect(all.some((event) => event.decision === "waiting")).toBe(false);
        const started = all.filter((event) => event.decision === "started");
        expect((await goalsOf(at)).length).toBe(started.length);
        expect(new Set(all.map((event) => event.key)).size).toBe(all.length);
        for (const topic of new Set(started.map((event) => event.topic))) {
          const times = started
            .filter((event) => event.topic === topic)
            .map((event) => event.startedAt ?? 0)
            .toSorted((a, b) => a - b);
          for (const [i, time] of times.entries()) if (i > 0) expect(time - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(300_000);
        }
      }),
      { numRuns: engine === "sqlite" ? 25 : 5 },
    );
  }, 60_000);
});
