/** The audit on a real store: silent while the counters are the sums of the calls, and exact when they are not. */

import { describe, expect, test } from "bun:test";
import type { Scope } from "../domain/budget.ts";
import { NO_USAGE } from "../domain/call.ts";
import { newId } from "../domain/id.ts";
import { nano } from "../domain/money.ts";
import { endCall, holdCall, type CallEnd } from "../store/calls.ts";
import { allowInScope, HoldRefused } from "../store/scopes.ts";
import { ENGINES, type Engine } from "../test/engines.ts";
import { auditScopes } from "./audit.ts";

async function bench(engine: Engine) {
  const store = await engine.open();
  let round = 0;
  const hold = async (goal: string, usd: number, rehearsal = false) => {
    const id = newId("call");
    const scopes: Scope[] = [
      { kind: "task", id: `${goal}/task`, cap: nano(5) },
      { kind: "goal", id: goal, cap: nano(5) },
      { kind: "month", id: "2026-11", cap: nano(9) },
    ];
    await store.write("hold", (tx) =>
      holdCall(tx, {
        id,
        goalId: goal,
        subject: "task",
        revision: 0,
        step: "make",
        round: round++,
        attempt: 1,
        skill: null,
        model: "m",
        requestHash: "h",
        parts: [],
        hold: nano(usd),
        usage: NO_USAGE,
        rehearsal,
        learnings: [],
        scopes,
        processId: "p",
      }),
    );
    return id;
  };
  const end = (id: string, state: CallEnd["state"], usd = 0) =>
    store.write("end", (tx) =>
      endCall(tx, id, { state, cost: nano(usd), usage: NO_USAGE, stop: "end", flags: [], reply: null, answeredAt: null }),
    );
  const audit = () => store.read((read) => auditScopes(read));
  return {
    store,
    hold,
    end,
    audit,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`the audit on ${engine.name}`, () => {
    test("holds, settlements, releases, lost answers, allowances and rehearsals all add up", async () => {
      await using at = await bench(engine);
      expect(await at.audit()).toEqual([]);
      await at.hold("goal_a", 1);
      await at.end(await at.hold("goal_a", 1), "settled", 0.000_000_01);
      await at.end(await at.hold("goal_a", 1), "released");
      await at.end(await at.hold("goal_b", 2), "unknown");
      const lost = await at.hold("goal_b", 1);
      await at.end(lost, "unknown");
      await at.end(lost, "settled", 0.5);
      await at.end(await at.hold("goal_a", 3, true), "settled", 2.5);
      await at.store.write("allow", (tx) => allowInScope(tx, { kind: "goal", id: "goal_c" }, nano(1), false));
      expect(await at.hold("goal_a", 4.5).catch((error: unknown) => error)).toBeInstanceOf(HoldRefused);
      expect(await at.audit()).toEqual([]);
    });

    test("a counter that is off by the smallest amount is told, with its scope and both figures", async () => {
      await using at = await bench(engine);
      await at.end(await at.hold("goal_a", 1), "settled", 0.25);
      await at.hold("goal_a", 1);
      await at.store.write("break", ({ db }) =>
        db
          .updateTable("scopes")
          .set((eb) => ({ spent: eb("spent", "-", 1) }))
          .where("kind", "=", "month")
          .execute(),
      );
      expect(await at.audit()).toEqual([
        "month 2026-11 counts $0.249999999 spent and $1 held, its calls add up to $0.25 spent and $1 held",
      ]);
    });

    test("a rehearsal's money in a real counter, and a counter that is gone, are both told", async () => {
      await using at = await bench(engine);
      await at.end(await at.hold("goal_a", 1, true), "settled", 1);
      await at.store.write("break", ({ db }) =>
        db.updateTable("scopes").set({ rehearsal: 0 }).where("kind", "=", "goal").execute(),
      );
      await at.store.write("lose", ({ db }) => db.deleteFrom("scopes").where("kind", "=", "task").execute());
      const found = await at.audit();
      expect(found.map((line) => line.split(" counts")[0])).toEqual([
        "goal goal_a",
        "goal goal_a (rehearsal)",
        "task goal_a/task (rehearsal)",
      ]);
    });

    test("another tenant's calls are not ours", async () => {
      await using at = await bench(engine);
      await at.end(await at.hold("goal_a", 1), "settled", 1);
      expect(await at.store.read(({ db, now }) => auditScopes({ db, now, tenant: "other" }))).toEqual([]);
    });
  });
}
