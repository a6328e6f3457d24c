/** The daily digest: what waits, what yesterday brought and cost, and no row without a figure. */

import { describe, expect, test } from "bun:test";
import { canonical } from "../domain/effect.ts";
import { nano } from "../domain/money.ts";
import { proposeEffect } from "../store/effects.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addQuestion, addTask, at, DAY, fillSmallStore, HOUR, NOON } from "../test/small-store.ts";
import { dayLines } from "./day-lines.ts";

const CAPS = { day: nano(10), month: nano(50) };

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`the digest on ${engine.name}`, () => {
    test("of a team that did nothing yet: no row of dashes", async () => {
      await using store = await engine.open();
      expect(await at(store, NOON).read((read) => dayLines(read, NOON, CAPS))).toEqual([
        "Nothing waits for you.",
        "Yesterday, 2026-11-20 (UTC): 0 goals completed; $0.00 spent of $10.00, $0.00 of $50.00 in 2026-11.",
        "The last 30 days:",
        "- Questions a week: 0",
      ]);
    });

    test("real work counts, a rehearsal's actions and questions do not", async () => {
      await using inner = await engine.open();
      const store = at(inner, NOON);
      await store.write("t.fill", async (tx) => {
        for (const rehearsal of [0, 1]) {
          await addGoal(tx, { id: `goal_${rehearsal}`, rehearsal, status: "completed", ended_at: NOON - DAY });
          await addTask(tx, { id: `task_${rehearsal}`, goal_id: `goal_${rehearsal}`, status: "done", rehearsal });
          await addQuestion(tx, { id: `ask_${rehearsal}`, goal_id: `goal_${rehearsal}`, rehearsal });
          const noted = await proposeEffect(tx, {
            ...{
              goalId: `goal_${rehearsal}`,
              taskId: `task_${rehearsal}`,
              revision: 0,
              skill: "writing",
              step: "make",
              round: 0,
            },
            ...{ useIndex: 0, server: "mail", tool: "send", toolHash: "h", args: canonical({}), class: "send", preview: "p" },
            ...{ recipients: 1, cost: null, tainted: false, blocked: null, expiresAt: NOON + HOUR, rehearsal: rehearsal === 1 },
          });
          if ("refused" in noted) throw new Error(noted.refused);
        }
      });
      const lines = await store.read((read) => dayLines(read, NOON, CAPS));
      expect(lines[0]).toBe("Waits for you: 1 question, 1 action outside (`approvals`).");
      expect(lines[1]).toStartWith("Yesterday, 2026-11-20 (UTC): 1 goal completed; $0.00 spent");
      expect(lines).toContain("- Goals completed: 1 of 1 that ended");
    });

    test("the money is yesterday's", async () => {
      await using inner = await engine.open();
      await inner.write("t.fill", (tx) => fillSmallStore(tx));
      const tomorrow = at(inner, NOON + DAY);
      const [, yesterday] = await tomorrow.read((read) => dayLines(read, NOON + DAY, CAPS));
      expect(yesterday).toMatch(/^Yesterday, 2026-11-21 \(UTC\): \d+ goals? completed.*; \$\d+\.\d\d spent/);
      expect(yesterday).not.toContain("$0.00 spent of");
    });
  });
}
