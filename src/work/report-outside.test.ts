/** What a goal did outside, in its report and the day's, on both engines. */

import { describe, expect, test } from "bun:test";
import { canonical } from "../domain/effect.ts";
import { nano } from "../domain/money.ts";
import { approveEffect, rejectEffect } from "../store/effect-answers.ts";
import { endSending, startSending } from "../store/effect-sends.ts";
import { proposeEffect, type NewEffect } from "../store/effects.ts";
import { storeRead } from "../store/tool-reads.ts";
import type { Store, Tx } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addTask, at, DAY, HOUR, NOON } from "../test/small-store.ts";
import { composeDayReport, windowOf } from "./report-day.ts";
import { outsideOfGoal } from "./report-outside.ts";

const CAPS = { day: nano(10), month: nano(50) };

async function fill(store: Store) {
  const ids: Record<string, string> = {};
  let n = 0;
  const made = async (tx: Tx, name: string, change: Partial<NewEffect> = {}) => {
    const useIndex = n++;
    const noted = await proposeEffect(tx, {
      ...{ goalId: "goal_a", taskId: "task_a", revision: 0, skill: "writing", step: "make", round: 0, useIndex },
      ...{ server: "mail", tool: "send|all", toolHash: "h", args: canonical({ n: useIndex }), class: "send", preview: "p" },
      ...{ recipients: 2, cost: null, tainted: false, blocked: null, expiresAt: NOON + 3 * DAY, rehearsal: false },
      ...change,
    });
    if ("refused" in noted) throw new Error(noted.refused);
    ids[name] = noted.effect.id;
    return noted.effect;
  };
  const send = async (tx: Tx, id: string, hash: string, state: "confirmed" | "failed" | "unknown", note: string | null) => {
    await approveEffect(tx, id, { hash, by: "a person" });
    await startSending(tx, id, "proc", { maxRecipients: null, perDay: null });
    await endSending(tx, id, { state, result: null, note });
  };
  await at(store, NOON).write("t.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a", status: "completed", ended_at: NOON });
    await addGoal(tx, { id: "goal_r", rehearsal: 1 });
    await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done" });
    await addTask(tx, { id: "task_b", goal_id: "goal_a", status: "reviewing" });
    await addTask(tx, { id: "task_r", goal_id: "goal_r", status: "done" });
    const done = await made(tx, "done");
    await send(tx, done.id, done.hash, "confirmed", null);
    const failed = await made(tx, "failed", { class: "publish", recipients: null });
    await send(tx, failed.id, failed.hash, "failed", "the tool said\n| <no> |");
    const unknown = await made(tx, "unknown");
    await send(tx, unknown.id, unknown.hash, "unknown", "no answer came");
    await made(tx, "waits");
    await made(tx, "early", { taskId: "task_b" });
    await made(tx, "rehearsal", { goalId: "goal_r", taskId: "task_r", rehearsal: true });
    for (const [i, [server, isError]] of (
      [
        ["web", false],
        ["web", true],
        ["gsc", false],
      ] as const
    ).entries())
      await storeRead(tx, {
        ...{ goalId: "goal_a", subject: "task_a", revision: 0, step: "make", round: 0, useIndex: i, server, tool: "get" },
        ...{ args: "{}", text: "t", isError, bytes: 1, spilled: null, tainted: true, ms: 1, rehearsal: false },
      });
  });
  return ids;
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`outside in reports on ${engine.name}`, () => {
    test("a goal's: each action with how it stands and who said yes, what waits or is unknown as open, the reads by server", async () => {
      await using store = await engine.open();
      const ids = await fill(store);
      const of = (goalId: string) => at(store, NOON).read((read) => outsideOfGoal(read, goalId));
      const { lines, open } = await of("goal_a");
      const when = "2026-11-21 12:00";
      expect(lines).toEqual([
        "| action | how it stands | who said yes | when (UTC) |",
        "|---|---|---|---|",
        `| Send to 2 recipients with mail.send\\|all (\`${ids.done}\`) | done | a person | ${when} |`,
        `| Publish with mail.send\\|all (\`${ids.failed}\`) | not done: the tool said \\| \\<no\\> \\| | a person | ${when} |`,
        `| Send to 2 recipients with mail.send\\|all (\`${ids.unknown}\`) | nobody knows whether it happened: no answer came | a person | ${when} |`,
        `| Send to 2 recipients with mail.send\\|all (\`${ids.waits}\`) | waits for your yes: \`approvals ${ids.waits}\` |  | ${when} |`,
        `| Send to 2 recipients with mail.send\\|all (\`${ids.early}\`) | proposed |  | ${when} |`,
        "",
        "Read from outside: web 2 times (1 time not with a usable answer), gsc once.",
        "",
      ]);
      expect(open.map((line) => line.match(/act_\w+/)?.[0])).toEqual([ids.unknown, ids.waits]);
      expect((await of("goal_r")).open).toEqual([]);
      expect(await of("goal_none")).toEqual({ lines: [], open: [] });
    });

    test("the day's: what became of real actions, what waited at its end; an answer on the next day changes nothing", async () => {
      await using store = await engine.open();
      const ids = await fill(store);
      const day = (time: number) =>
        at(store, time).read((read) => composeDayReport(read, windowOf(NOON), { caps: CAPS, schedules: [], events: [] }));
      const first = await day(NOON);
      const part = (title: string) => first?.text.split(`## ${title}\n\n`)[1]?.split("\n\n")[0];
      expect(part("Waits for you")?.split("\n")).toEqual([
        `- nobody knows whether this happened: Send to 2 recipients with mail.send|all (\`effects ${ids.unknown}\`)`,
        `- Send to 2 recipients with mail.send|all? (since 2026-11-21; \`approvals ${ids.waits}\`)`,
      ]);
      expect(part("Actions outside")?.split("\n")).toEqual([
        "- done: 1 (1 send)",
        "- not done: 1 (1 publish)",
        "- read: web 2 times (1 time not with a usable answer), gsc once",
      ]);
      expect(first?.text).toContain("open: 2");
      const before = (text: string | undefined) => text?.split("## The last")[0];
      await at(store, NOON + DAY).write("t.later", (tx) => rejectEffect(tx, ids.waits ?? "", { by: "a person", note: null }));
      expect(before((await day(NOON + DAY))?.text)).toBe(before(first?.text));
      const next = await at(store, NOON + DAY).read((read) =>
        composeDayReport(read, windowOf(NOON + DAY), { caps: CAPS, schedules: [], events: [] }),
      );
      expect(next?.text).toContain("- rejected: 1 (1 send)");
      expect(windowOf(NOON + HOUR)).toEqual(windowOf(NOON));
    });
  });
}
