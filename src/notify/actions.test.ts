/** Actions that wait for a person, on both engines: told when they can be answered, once, to outside with all of it, and then what became of them. */

import { describe, expect, test } from "bun:test";
import { canonical } from "../domain/effect.ts";
import { silentLog } from "../log/log.ts";
import { approveEffect, rejectEffect } from "../store/effect-answers.ts";
import { endSending, startSending } from "../store/effect-sends.ts";
import { getEffect, proposeEffect, resumeEffects, stopEffects, withdrawEffects, type NewEffect } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addTask, HOUR, NOON } from "../test/small-store.ts";
import type { Channel, Message } from "./channel.ts";
import { createNotifier, type NotifierOptions } from "./notifier.ts";

const PREVIEW = "**Sends to people**: `send` of `mail`\n\nRecipients: 1 (ann@x.co)";
const NO_LIMITS = { maxRecipients: null, perDay: null };

function channelOf(name: string, outside: boolean) {
  const seen: Message[] = [];
  const edits: { ref: string; message: Message }[] = [];
  const it = { fail: false };
  const channel: Channel = {
    name,
    outside,
    async send(message) {
      seen.push(message);
      return outside ? { ok: true, ref: `1.${seen.length}` } : { ok: true };
    },
    ...(outside && {
      answers: {
        async edit(ref, message) {
          edits.push({ ref, message });
          return it.fail ? { ok: false, problem: "away", retryAfterMs: null } : { ok: true };
        },
        whisper: async () => ({ ok: true }),
      },
    }),
  };
  return { channel, seen, edits, it };
}

async function opened(engine: (typeof ENGINES)[number], more: Partial<NotifierOptions> = {}) {
  const inner = await engine.open();
  let at = NOON;
  const store: Store = {
    ...inner,
    write: (name, change) => inner.write(name, (tx) => change({ ...tx, now: at })),
    read: (query) => inner.read((read) => query({ ...read, now: at })),
  };
  const team = channelOf("team", true);
  const log = channelOf("log", false);
  const notifier = createNotifier({
    store,
    channels: [team.channel, log.channel],
    route: () => ["team", "log"],
    quiet: null,
    digest: null,
    secrets: ["canary-1234"],
    links: async ({ id }) => ({ approve: `https://m.example/a/${id}`, reject: `https://m.example/r/${id}` }),
    now: () => at,
    log: silentLog,
    ...more,
  });
  await store.write("t.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a", title: "The newsletter" });
    await addGoal(tx, { id: "goal_p0", priority: "P0" });
    await addGoal(tx, { id: "goal_r", rehearsal: 1 });
    await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "reviewing" });
    await addTask(tx, { id: "task_done", goal_id: "goal_a", status: "done" });
    await addTask(tx, { id: "task_p0", goal_id: "goal_p0", status: "done" });
    await addTask(tx, { id: "task_r", goal_id: "goal_r", status: "done", rehearsal: 1 });
  });
  let n = 0;
  const propose = (change: Partial<NewEffect> = {}) =>
    store.write("t.propose", async (tx) => {
      const useIndex = n++;
      const noted = await proposeEffect(tx, {
        ...{ goalId: "goal_a", taskId: "task_done", revision: 0, skill: "writing", step: "make", round: 0, useIndex },
        ...{ server: "mail", tool: "send", toolHash: "h", args: canonical({ n: useIndex }), class: "send", preview: PREVIEW },
        ...{ recipients: 1, cost: null, tainted: false, blocked: null, expiresAt: NOON + 48 * HOUR, rehearsal: false },
        ...change,
      });
      if ("refused" in noted) throw new Error(noted.refused);
      return noted.effect;
    });
  const later = async (ms = 2000) => {
    await notifier.look();
    at += ms;
    return notifier.look();
  };
  await notifier.look();
  const state = async (id: string) => (await store.read((read) => getEffect(read, id)))?.state;
  return { store, team, log, notifier, propose, later, state, now: () => at, [Symbol.asyncDispose]: () => inner.close() };
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`actions on ${engine.name}`, () => {
    test("told when its work is accepted, once; outside with preview and links, to the log without", async () => {
      await using at = await opened(engine);
      const { id, hash } = await at.propose({ taskId: "task_a" });
      await at.later();
      expect(at.team.seen).toEqual([]);
      await at.store.write("t.done", async (tx) => {
        await tx.db.updateTable("tasks").set({ status: "done" }).where("id", "=", "task_a").execute();
        tx.emit({ type: "task.done", goalId: "goal_a", taskId: "task_a", score: 8, revision: 0 }, { rehearsal: false });
      });
      await at.later();
      await at.later(HOUR);
      expect(at.team.seen).toHaveLength(1);
      const [message] = at.team.seen;
      expect(message).toMatchObject({ type: "effect.waiting", title: "Send to 1 recipient with mail.send?", urgent: false });
      expect(message?.text).toContain(`approvals ${id}`);
      expect(message?.actions).toEqual([
        {
          ...{ id, hash, title: "Send to 1 recipient with mail.send", goal: "The newsletter", preview: PREVIEW },
          ...{ blocked: null, tainted: false, expiresAt: NOON + 48 * HOUR, became: null },
          links: { approve: `https://m.example/a/${id}`, reject: `https://m.example/r/${id}` },
        },
      ]);
      expect(at.log.seen).toHaveLength(1);
      // Who holds a link can answer, and many read a log.
      expect(JSON.stringify(at.log.seen)).not.toMatch(/m\.example|ann@x\.co/);
    });

    test("a goal that is done says what of it still waits for a yes, and how many tasks were left open", async () => {
      await using at = await opened(engine);
      const complete = (goalId: string, open: number) =>
        at.store.write("t.complete", async (tx) =>
          tx.emit({ type: "goal.completed", goalId, taskId: null, open }, { rehearsal: false }),
        );
      await at.propose();
      await complete("goal_a", 0);
      await complete("goal_p0", 1);
      await at.later();
      const texts = at.log.seen.filter(({ type }) => type === "goal.done").map(({ text }) => text);
      expect(texts[0]).toStartWith("The work is done; 1 action outside waits for your yes (`approvals`).");
      expect(texts[1]).toStartWith("1 task was left open.");
    });

    test("up to three in one message, many are only named; a draft need not wait for its work", async () => {
      await using at = await opened(engine);
      for (let i = 0; i < 4; i++) await at.propose(i === 0 ? { class: "draft", taskId: "task_a" } : {});
      await at.later();
      expect(at.team.seen.map(({ actions }) => actions?.length)).toEqual([3, 1]);
      expect(at.team.seen[0]).toMatchObject({ type: "effect.waiting", title: "3 actions wait for your yes" });
      for (let i = 0; i < 12; i++) await at.propose();
      await at.later();
      expect(at.team.seen).toHaveLength(3);
      expect(at.team.seen[2]).toMatchObject({ title: "12 actions wait for your yes" });
      expect(at.team.seen[2]?.actions).toBeUndefined();
      expect(at.team.seen[2]?.text.match(/`approvals act_\w{26}`/g)).toHaveLength(12);
    });

    test("what was answered, withdrawn or done by the policy before it was told is not told; a rehearsal's never outside", async () => {
      await using at = await opened(engine);
      const [answered, , byPolicy] = [
        await at.propose(),
        await at.propose({ goalId: "goal_p0", taskId: "task_p0", class: "write" }),
        await at.propose({ class: "draft" }),
      ];
      await at.store.write("t.policy", (tx) => approveEffect(tx, byPolicy.id, { hash: byPolicy.hash, by: "policy" }));
      await at.notifier.look();
      await at.store.write("t.answer", async (tx) => {
        await rejectEffect(tx, answered.id, { by: "a person", note: null });
        await withdrawEffects(tx, "task_p0", null);
      });
      await at.propose({ goalId: "goal_r", taskId: "task_r", rehearsal: true });
      await at.later();
      expect(at.team.seen).toEqual([]);
      expect(at.log.seen.map(({ title, rehearsal }) => [title, rehearsal])).toContainEqual([
        "[rehearsal] Send to 1 recipient with mail.send?",
        true,
      ]);
    });

    test("at night only what strangers would notice of a P0 goal goes; the rest comes in the morning with all of it", async () => {
      await using at = await opened(engine, { quiet: { from: "10:00", to: "14:00", zone: "UTC" } });
      await at.propose();
      await at.propose({ goalId: "goal_p0", taskId: "task_p0", class: "draft" });
      await at.propose({ goalId: "goal_p0", taskId: "task_p0" });
      await at.later();
      expect(at.team.seen.map(({ urgent, actions }) => [urgent, actions?.length])).toEqual([[true, 1]]);
      await at.later(2 * HOUR);
      expect(at.team.seen.map(({ actions }) => actions?.length)).toEqual([1, 2]);
    });

    test("unknown is told when the first looks for it found nothing, and not when they did", async () => {
      await using at = await opened(engine);
      const effects = [await at.propose(), await at.propose()];
      for (const { id, hash } of effects)
        await at.store.write("t.send", async (tx) => {
          await approveEffect(tx, id, { hash, by: "a person" });
          await startSending(tx, id, "proc", NO_LIMITS);
          await endSending(tx, id, { state: "unknown", result: null, note: "no answer came: secret of a server" });
        });
      await at.later(40_000);
      expect(at.team.seen).toEqual([]);
      await at.store.write("t.found", (tx) =>
        endSending(tx, effects[0]?.id ?? "", { state: "confirmed", result: null, note: null }),
      );
      await at.later(6_000);
      expect(at.team.seen).toHaveLength(1);
      expect(at.team.seen[0]).toMatchObject({ type: "effect.unknown", urgent: true });
      expect(at.team.seen[0]?.text).toContain(`effects ${effects[1]?.id} --did-not-happen`);
      expect(at.team.seen[0]?.text).not.toContain("secret of a server");
    });

    test("the kill switch is told once, also when there was nothing to stop, and so is its end", async () => {
      await using at = await opened(engine);
      const { id } = await at.propose();
      await at.notifier.look();
      await at.store.write("t.stop", (tx) => stopEffects(tx, "a person"));
      await at.later();
      await at.later();
      expect(at.team.seen.map(({ type, urgent }) => [type, urgent])).toEqual([["effects.stopped", true]]);
      expect(at.team.seen[0]?.title).toBe("Everything outside was stopped by a person at 2026-11-21 12:00 UTC");
      expect(await at.state(id)).toBe("stopped");
      await at.store.write("t.resume", (tx) => resumeEffects(tx));
      await at.later();
      await at.store.write("t.stop", (tx) => stopEffects(tx, "a person"));
      await at.later();
      expect(at.team.seen.map(({ title }) => title.slice(0, 18))).toEqual([
        "Everything outside",
        "Actions outside ar",
        "Everything outside",
      ]);
    });

    test("a message says what became of its actions, whoever answered and wherever; a failed edit comes again", async () => {
      await using at = await opened(engine);
      const [first, second] = [await at.propose(), await at.propose()];
      await at.later();
      expect(at.team.edits).toEqual([]);
      await at.store.write("t.answer", async (tx) => {
        await approveEffect(tx, first.id, { hash: first.hash, by: "slack:U012" });
        await rejectEffect(tx, second.id, { by: "slack:U034", note: "canary-1234 on a Friday" });
      });
      at.team.it.fail = true;
      await at.notifier.look();
      expect(at.team.edits).toHaveLength(1);
      at.team.it.fail = false;
      await at.later(60_000);
      expect(at.team.edits[1]?.ref).toBe("1.1");
      const became = () => at.team.edits.at(-1)?.message.actions?.map((action) => action.became);
      expect(became()).toEqual([
        { words: "Approved. It will be done exactly so, once.", by: "slack:U012" },
        { words: expect.stringMatching(/^Rejected: .*on a Friday\.$/), by: "slack:U034" },
      ]);
      expect(JSON.stringify(at.team.edits)).not.toContain("canary-1234");
      await at.store.write("t.send", async (tx) => {
        await startSending(tx, first.id, "proc", NO_LIMITS);
        await endSending(tx, first.id, { state: "confirmed", result: "ok", note: null });
      });
      await at.later();
      await at.later(HOUR);
      expect(at.team.edits).toHaveLength(3);
      expect(became()?.[0]).toEqual({ words: "Done.", by: "slack:U012" });
      // A try again of a message says what it said the first time.
      expect(at.team.seen).toHaveLength(1);
    });

    test("answered while its message was on its way: brought up to date next", async () => {
      await using at = await opened(engine);
      const { id, hash } = await at.propose();
      const send = at.team.channel.send.bind(at.team.channel);
      Object.assign(at.team.channel, {
        async send(message: Message) {
          await at.store.write("t.answer", (tx) => approveEffect(tx, id, { hash, by: "a person" }));
          return send(message);
        },
      });
      await at.later();
      expect(at.team.edits.at(-1)?.message.actions?.[0]?.became?.words).toStartWith("Approved.");
    });
  });
}
