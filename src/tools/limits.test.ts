/** Units and dollars of vendors: counted in the store before the wire, shared by machines and servers of one account, never beyond the limit. */

import { describe, expect, test } from "bun:test";
import { nano } from "../domain/money.ts";
import { toolLimits, type ToolLimits } from "../domain/tools-file.ts";
import { approveEffect } from "../store/effect-answers.ts";
import { startSending } from "../store/effect-sends.ts";
import { proposeEffect } from "../store/effects.ts";
import { chargeUse, outsideByServer, type OutsideUse } from "../store/outside-use.ts";
import type { Store } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addTask, addVersion, at, DAY, NOON } from "../test/small-store.ts";
import { limitedServer, useOf } from "./limits.ts";
import type { ToolAnswer, ToolServer } from "./server.ts";

const entry = (name: string, limits: ToolLimits, credential = name) => ({ name, credential, limits: toolLimits.parse(limits) });
const NONE = { unitsPerDay: null, costPerDay: null, costPerMonth: null };
const use = (change: Partial<OutsideUse> = {}): OutsideUse => ({
  ...{ server: "seo", account: ["seo"], units: 50, cost: 0 },
  limits: { ...NONE, unitsPerDay: 500 },
  ...change,
});
const said: ToolAnswer = { kind: "answered", text: "ok", isError: false, bytes: 2, spilled: null };

function fake(answer: () => ToolAnswer | Promise<ToolAnswer> = () => said) {
  const calls: string[] = [];
  const server: ToolServer = {
    name: "seo",
    list: async () => ({ tools: [] }),
    async call(tool) {
      calls.push(tool);
      return answer();
    },
    state: () => ({ state: "ready", detail: null, stderr: [] }),
    close: async () => {},
  };
  return { server, calls };
}

const go = { signal: new AbortController().signal };
const sums = async (store: Pick<Store, "read">) => store.read((read) => outsideByServer(read, read.now));

describe("what one use takes", () => {
  test("a unit a call unless the entry says more; dollars only where it says so, or the action does", () => {
    const entries = [
      entry("seo", { units: { perDay: 500 } }),
      entry("x", { usd: { perDay: 1, perCall: 0.01 } }),
      entry("free", {}),
    ];
    expect(useOf(entries, "seo")).toEqual(use({ units: 1 }));
    expect(useOf(entries, "x")).toMatchObject({ units: 0, cost: nano(0.01), limits: { ...NONE, costPerDay: nano(1) } });
    expect(useOf(entries, "x", nano(3))?.cost).toBe(nano(3));
    expect(useOf(entries, "free")).toBeNull();
    expect(useOf(entries, "free", nano(3))).toMatchObject({ account: ["free"], units: 0, cost: nano(3), limits: NONE });
    expect(useOf(entries, "gone", nano(3))).toMatchObject({ account: ["gone"], limits: NONE });
    expect(useOf(entries, "gone")).toBeNull();
  });

  test("servers of one credential share the account; the smaller limit counts", () => {
    const entries = [
      entry("a", { units: { perDay: 500, perCall: 50 } }, "key"),
      entry("b", { units: { perDay: 300 } }, "key"),
      entry("c", {}, "key"),
      entry("d", { units: { perDay: 7 } }, "other"),
    ];
    const shared = { account: ["a", "b", "c"], limits: { ...NONE, unitsPerDay: 300 } };
    expect(useOf(entries, "a")).toMatchObject({ ...shared, units: 50 });
    expect(useOf(entries, "c")).toMatchObject({ ...shared, units: 1 });
  });
});

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`limits on ${engine.name}`, () => {
    test("as many as the day has units, with the words for the next; after midnight there is room", async () => {
      await using store = await engine.open();
      let now = NOON;
      const clock = { ...at(store, NOON), write: (name: string, change: never) => at(store, now).write(name, change) } as never;
      const { server, calls } = fake();
      const limited = limitedServer(server, use(), clock);
      for (let i = 0; i < 10; i++) expect(await limited.call("look", {}, go)).toEqual(said);
      const over = await limited.call("look", {}, go);
      expect(over).toEqual({
        kind: "unsent",
        detail: "the day's 500 units of seo are used up (500 so far, this takes 50); tomorrow again (UTC)",
      });
      expect(calls).toHaveLength(10);
      now += 12 * 3_600_000;
      expect(await limited.call("look", {}, go)).toEqual(said);
    });

    test("twenty at once, by two machines: never more than there is room for", async () => {
      await using store = await engine.open();
      const { server, calls } = fake();
      const machines = [limitedServer(server, use(), store), limitedServer(server, use(), store)];
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => machines[i % 2]?.call("look", {}, go)));
      expect(answers.filter((answer) => answer?.kind === "answered")).toHaveLength(10);
      expect(calls).toHaveLength(10);
      expect((await sums(store))[0]?.today).toEqual({ calls: 10, units: 500, cost: 0 });
    });

    test("what never left is given back; what failed, was lost or broke off stays counted", async () => {
      await using store = await engine.open();
      const answers: (() => ToolAnswer)[] = [
        () => ({ kind: "unsent", detail: "away" }),
        () => ({ kind: "lost", detail: "no answer" }),
        () => ({ ...said, isError: true }),
        () => {
          throw new Error("a bug");
        },
      ];
      const limited = limitedServer(fake(() => answers.shift()?.() ?? said).server, use(), store);
      const counted: number[] = [];
      for (let i = 0; i < 4; i++) {
        await limited.call("look", {}, go).catch(() => null);
        counted.push((await sums(store))[0]?.today.units ?? 0);
      }
      expect(counted).toEqual([0, 50, 100, 150]);
    });

    test("an action's call is not counted again: it was, when it was committed as sent", async () => {
      await using store = await engine.open();
      const { server, calls } = fake();
      await limitedServer(server, use(), store).call("send", {}, { ...go, idempotencyKey: "act_1" });
      expect(calls).toEqual(["send"]);
      expect(await sums(store)).toEqual([]);
    });

    test("an action that does not fit stays approved until there is room; what it costs is what was approved", async () => {
      await using store = await engine.open();
      const limits = { ...NONE, costPerDay: nano(10) };
      const rules = {
        ...{ maxRecipients: null, perDay: null },
        use: (cost: number | null) => use({ units: 0, cost: cost ?? 0, limits }),
      };
      const start = (id: string, now: number) => at(store, now).write("test.send", (tx) => startSending(tx, id, "proc_1", rules));
      const ids = await at(store, NOON).write("test.fill", async (tx) => {
        await addGoal(tx, { id: "goal_a" });
        await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done", deliverable_id: "dlv_0" });
        await addVersion(tx, { id: "dlv_0", task_id: "task_a", goal_id: "goal_a" }, "APPROVE");
        const made: string[] = [];
        for (const useIndex of [0, 1]) {
          const noted = await proposeEffect(tx, {
            ...{ goalId: "goal_a", taskId: "task_a", revision: 0, step: "make", round: 0, useIndex, skill: null },
            ...{ server: "seo", tool: "boost", toolHash: "h", args: `{"n":${useIndex}}`, class: "spend" as const, preview: "p" },
            ...{ recipients: null, cost: nano(6), tainted: false, blocked: null, expiresAt: NOON + 3 * DAY, rehearsal: false },
          });
          if ("refused" in noted) throw new Error(noted.refused);
          const answer = await approveEffect(tx, noted.effect.id, { hash: noted.effect.hash, by: "a person" });
          if ("refused" in answer) throw new Error(answer.refused);
          made.push(noted.effect.id);
        }
        return made;
      });
      const [first = "", second = ""] = ids;
      expect(await start(first, NOON)).toMatchObject({ kind: "sent" });
      const midnight = Date.UTC(2026, 10, 22);
      expect(await start(second, NOON)).toMatchObject({
        kind: "later",
        at: midnight,
        effect: { state: "approved" },
        why: "the day's $10.00 of seo are used up ($6.00 so far, this takes $6.00); tomorrow again (UTC)",
      });
      // Asked again it counts nothing twice, and what was sent is not sent again.
      expect(await start(first, NOON)).toMatchObject({ kind: "no" });
      expect(await start(second, midnight)).toMatchObject({ kind: "sent" });
      expect(await at(store, midnight).read((read) => outsideByServer(read, read.now))).toEqual([
        { server: "seo", today: { calls: 1, units: 0, cost: nano(6) }, month: { calls: 2, units: 0, cost: nano(12) } },
      ]);
    });

    test("dollars of the day and of the month; the longer wait is told; what costs nothing goes on", async () => {
      await using store = await engine.open();
      const limits = { unitsPerDay: null, costPerDay: nano(1), costPerMonth: nano(1.5) };
      const charge = (cost: number, day: number) =>
        at(store, Date.UTC(2026, 10, day, 12)).write("test.charge", (tx) =>
          chargeUse(tx, use({ units: 0, cost: nano(cost), limits })),
        );
      expect(await charge(1, 20)).toEqual({ day: "2026-11-20" });
      expect(await charge(0.25, 20)).toEqual({
        at: Date.UTC(2026, 10, 21),
        why: "the day's $1.00 of seo are used up ($1.00 so far, this takes $0.25); tomorrow again (UTC)",
      });
      expect(await charge(0, 20)).toEqual({ day: "2026-11-20" });
      expect(await charge(0.5, 21)).toEqual({ day: "2026-11-21" });
      expect(await charge(0.25, 21)).toEqual({
        at: Date.UTC(2026, 11, 1),
        why: "the month's $1.50 of seo are used up ($1.50 so far, this takes $0.25); next month again (UTC)",
      });
      expect(await charge(2, 21)).toMatchObject({ why: "one use of seo takes $2.00, more than the month's $1.50" });
      expect(await at(store, Date.UTC(2026, 10, 21, 12)).read((read) => outsideByServer(read, read.now))).toEqual([
        { server: "seo", today: { calls: 1, units: 0, cost: nano(0.5) }, month: { calls: 3, units: 0, cost: nano(1.5) } },
      ]);
    });

    test("servers of one account use it up together, and another tenant's use is its own", async () => {
      await using store = await engine.open();
      const of = (server: string) => use({ server, account: ["a", "b"], units: 300 });
      const charge = (server: string, tenant?: string) =>
        store.write("test.charge", (tx) => chargeUse(tenant === undefined ? tx : { ...tx, tenant }, of(server)));
      expect(await charge("a")).toHaveProperty("day");
      expect(await charge("b")).toHaveProperty("why", expect.stringContaining("500 units of a and b are used up"));
      expect(await charge("b", "other")).toHaveProperty("day");
    });
  });
}
