/** The notifier on both engines with a given clock: told once, kept over a crash, quiet at night, tried again, given up. */

import { describe, expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import type { EventBody } from "../domain/event.ts";
import type { QuestionKind } from "../domain/question.ts";
import type { Priority } from "../domain/goal.ts";
import { type Log, silentLog } from "../log/log.ts";
import { insertGoal, moveGoal, needGoal } from "../store/goals.ts";
import { listSends } from "../store/notices.ts";
import { askQuestion, getQuestion, recordAnswer } from "../store/questions.ts";
import type { Store } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import type { Channel, Delivery, Message } from "./channel.ts";
import { createNotifier, type NotifierOptions } from "./notifier.ts";
import { TRIES } from "./pace.ts";
import { createSlackChannel } from "./slack/slack.ts";
import { createWebhookChannel } from "./webhook/webhook.ts";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const HOUR = 3_600_000;

/** A store whose clock stands where the test puts it. */
function clocked(store: Store) {
  let at = NOON;
  const turned: Store = {
    ...store,
    write: (name, change) => store.write(name, (tx) => change({ ...tx, now: at })),
    read: (query) => store.read((read) => query({ ...read, now: at })),
  };
  return {
    store: turned,
    now: () => at,
    to: (time: number) => {
      at = time;
    },
    by: (ms: number) => {
      at += ms;
    },
  };
}

function memory(name: string, answer: (message: Message) => Delivery | Promise<Delivery> = () => ({ ok: true }), outside = true) {
  const seen: Message[] = [];
  const channel: Channel = {
    name,
    outside,
    async send(message) {
      seen.push(message);
      return await answer(message);
    },
  };
  return { channel, seen };
}

function notes() {
  const lines: string[] = [];
  const note = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
  return { log, lines };
}

type Clock = ReturnType<typeof clocked>;
const notifierOf = (clock: Clock, channels: readonly Channel[], more: Partial<NotifierOptions> = {}) =>
  createNotifier({
    store: clock.store,
    channels,
    route: () => channels.map((channel) => channel.name),
    quiet: null,
    digest: null,
    secrets: [],
    now: clock.now,
    log: silentLog,
    ...more,
  });

async function addGoal(store: Store, id: string, { priority = "P1" as Priority, rehearsal = false, title = `The ${id}` } = {}) {
  const goal = {
    id,
    title,
    text: title,
    category: null,
    source: "cli",
    pipeline: null,
    priority,
    rehearsal,
    cap: 1,
    contextVersion: 0,
  };
  await store.write("goal.test", (tx) => insertGoal(tx, goal));
}

async function ask(store: Store, id: string, goalId: string, { rehearsal = false, title = `May ${id}?` } = {}) {
  const kind: QuestionKind = "quality";
  const question = { id, goalId, taskId: null, kind, title, detail: "…", approveMeans: "take it", rejectMeans: "drop it" };
  await store.write("question.test", (tx) => askQuestion(tx, question, rehearsal));
}

const emit = (store: Store, event: EventBody, rehearsal = false) =>
  store.write("event.test", async (tx) => tx.emit(event, { rehearsal }));
const done = (goalId: string): EventBody => ({ type: "goal.completed", goalId, taskId: null, open: 0 });

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`notices on ${engine.name}`, () => {
    test("each thing is told once, however often one looks, and after a restart too", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const { store } = clock;
      const team = memory("team");
      const notifier = notifierOf(clock, [team.channel]);
      await addGoal(store, "goal_1");
      await emit(store, done("goal_1"));
      // The past is not told.
      expect(await notifier.look()).toEqual({ sent: 0, failed: 0, next: null });
      await ask(store, "ask_1", "goal_1");
      const gathering = await notifier.look();
      expect(gathering).toEqual({ sent: 0, failed: 0, next: NOON + 2000 });
      clock.by(2000);
      expect(await notifier.look()).toMatchObject({ sent: 1, failed: 0 });
      await emit(store, { type: "goal.failed", goalId: "goal_1", taskId: null, reason: "no\nmodel" });
      await emit(store, { type: "goal.failed", goalId: "goal_1", taskId: null, reason: "no model" });
      await notifier.look();
      clock.by(2000);
      await notifier.look();
      clock.by(HOUR);
      expect(await notifierOf(clock, [team.channel]).look()).toEqual({ sent: 0, failed: 0, next: null });
      expect(team.seen.map((message) => message.title)).toEqual(["A question waits: May ask_1?", "Goal failed: The goal_1"]);
      expect(team.seen[0]).toMatchObject({ type: "question.waiting", goal: "goal_1", urgent: false });
      expect(team.seen[0]?.text).toContain("`approvals ask_1`");
      expect(new Set(team.seen.map((message) => message.id)).size).toBe(2);
    });

    test("questions that waited before the first look are told, as one", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      await addGoal(clock.store, "goal_1");
      for (let i = 0; i < 5; i++) await ask(clock.store, `ask_${i}`, "goal_1");
      const team = memory("team");
      const notifier = notifierOf(clock, [team.channel]);
      await notifier.look();
      clock.by(2000);
      await notifier.look();
      expect(team.seen.map((message) => message.title)).toEqual(["5 questions wait"]);
    });

    test("a flood of 100 questions is one summary, told to whoever looks while it comes", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const team = memory("team");
      const notifier = notifierOf(clock, [team.channel]);
      await notifier.look();
      await addGoal(clock.store, "goal_1");
      const looks: Promise<unknown>[] = [];
      for (let i = 0; i < 100; i++) {
        await ask(clock.store, `ask_${i}`, "goal_1");
        looks.push(notifier.look());
      }
      await Promise.all(looks);
      clock.by(2000);
      expect(await notifier.look()).toEqual({ sent: 1, failed: 0, next: null });
      expect(team.seen.map((message) => [message.type, message.title])).toEqual([["summary", "100 questions wait"]]);
      expect(await clock.store.read((read) => listSends(read, { state: "sent", limit: 500 }))).toHaveLength(100);
    });

    test("two notifiers that look at the same time send each thing once", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const [one, two] = [memory("team"), memory("team")];
      const notifiers = [notifierOf(clock, [one.channel]), notifierOf(clock, [two.channel])];
      await notifiers[0]?.look();
      for (let i = 0; i < 12; i++) {
        await addGoal(clock.store, `goal_${i}`);
        await emit(clock.store, done(`goal_${i}`));
        await Promise.all(notifiers.map((notifier) => notifier.look()));
        clock.by(2000);
        await Promise.all(notifiers.map((notifier) => notifier.look()));
        clock.by(HOUR);
      }
      const titles = [...one.seen, ...two.seen].map((message) => message.title).sort();
      expect(titles).toEqual(Array.from({ length: 12 }, (_, i) => `Goal done: The goal_${i}`).sort());
    });

    test("a crash between wanted and sent loses nothing: the same message, under the same id", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      // The receiver takes it, and the process never hears of it.
      const reached = Promise.withResolvers<void>();
      const dying = memory("team", () => {
        reached.resolve();
        return new Promise<Delivery>(() => {});
      });
      const first = notifierOf(clock, [dying.channel]);
      await first.look();
      await addGoal(clock.store, "goal_1");
      await emit(clock.store, done("goal_1"));
      await first.look();
      clock.by(2000);
      void first.look();
      await reached.promise;
      const team = memory("team");
      const second = notifierOf(clock, [team.channel]);
      expect(await second.look()).toEqual({ sent: 0, failed: 0, next: clock.now() + 60_000 });
      await addGoal(clock.store, "goal_2");
      await emit(clock.store, done("goal_2"));
      clock.by(60_000);
      await second.look();
      clock.by(2000);
      await second.look();
      expect(team.seen.map((message) => message.title)).toEqual(["Goal done: The goal_1", "Goal done: The goal_2"]);
      expect(team.seen[0]).toEqual(dying.seen[0] as Message);
    });

    test("a try that ends late counts when it was a success, and not when it failed", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const answers: PromiseWithResolvers<Delivery>[] = [];
      const begun: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
      const slow = memory("team", () => {
        const answer = Promise.withResolvers<Delivery>();
        begun[answers.push(answer) - 1]?.resolve();
        return answer.promise;
      });
      const [one, two] = [notifierOf(clock, [slow.channel]), notifierOf(clock, [slow.channel])];
      await one.look();
      await addGoal(clock.store, "goal_1");
      await emit(clock.store, done("goal_1"));
      await one.look();
      clock.by(2000);
      const first = one.look();
      await begun[0]?.promise;
      clock.by(60_000);
      const second = two.look();
      await begun[1]?.promise;
      answers[0]?.resolve({ ok: false, problem: "late", retryAfterMs: null });
      await first;
      const states = () => clock.store.read((read) => listSends(read));
      expect(await states()).toMatchObject([{ state: "wanted", attempts: 2, problem: null }]);
      answers[1]?.resolve({ ok: true });
      await second;
      expect(await states()).toMatchObject([{ state: "sent", attempts: 2 }]);
    });

    test("a message that was given up and arrived after all is sent, and nothing of it is told again", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const answer = Promise.withResolvers<Delivery>();
      const begun = Promise.withResolvers<void>();
      let tries = 0;
      const slow = memory("team", () => {
        if (++tries < TRIES) return { ok: false, problem: "away", retryAfterMs: null };
        begun.resolve();
        return answer.promise;
      });
      const [one, two] = [notifierOf(clock, [slow.channel]), notifierOf(clock, [slow.channel])];
      await one.look();
      await addGoal(clock.store, "goal_1");
      await emit(clock.store, done("goal_1"));
      for (let look = await one.look(); tries < TRIES - 1; look = await one.look()) clock.to(look.next ?? Number.NaN);
      clock.by(4 * HOUR);
      const last = one.look();
      await begun.promise;
      clock.by(HOUR);
      await two.look();
      const states = () => clock.store.read((read) => listSends(read));
      expect(await states()).toMatchObject([{ state: "given_up", attempts: TRIES }]);
      answer.resolve({ ok: true });
      await last;
      expect(await states()).toMatchObject([{ state: "sent", problem: null }]);
      clock.by(HOUR);
      await two.look();
      expect(slow.seen).toHaveLength(TRIES);
    });

    test("failures are tried again with growing pauses, eight times, then given up where one can see it", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const { log, lines } = notes();
      const times: number[] = [];
      const team = memory("team", () => {
        times.push(clock.now());
        return { ok: false, problem: "Slack answered 503", retryAfterMs: null };
      });
      const notifier = notifierOf(clock, [team.channel], { log });
      await notifier.look();
      await addGoal(clock.store, "goal_1");
      await emit(clock.store, done("goal_1"));
      for (let look = await notifier.look(); look.next !== null; look = await notifier.look()) clock.to(look.next);
      expect(times).toHaveLength(TRIES);
      const hours = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / HOUR;
      expect(hours).toBeGreaterThan(5);
      expect(hours).toBeLessThan(7);
      expect(new Set(team.seen.map((message) => message.id)).size).toBe(1);
      const givenUp = await clock.store.read((read) => listSends(read, { state: "given_up" }));
      expect(givenUp).toMatchObject([{ channel: "team", attempts: TRIES, problem: "Slack answered 503" }]);
      expect(lines.filter((line) => line.startsWith("a message was given up"))).toHaveLength(1);
    });

    test("a channel that fails holds up no other, and rests: what comes meanwhile goes as one", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      let busy = true;
      const team = memory("team", () => (busy ? { ok: false, problem: "busy", retryAfterMs: 120_000 } : { ok: true }));
      const other = memory("other");
      const notifier = notifierOf(clock, [team.channel, other.channel]);
      await notifier.look();
      for (let i = 0; i < 6; i++) {
        await addGoal(clock.store, `goal_${i}`);
        await emit(clock.store, done(`goal_${i}`));
        await notifier.look();
        clock.by(2000);
        await notifier.look();
      }
      expect(team.seen).toHaveLength(1);
      expect(other.seen.length).toBeGreaterThanOrEqual(5);
      busy = false;
      clock.to(NOON + 2000 + 120_000);
      await notifier.look();
      expect(team.seen.map((message) => message.title)).toEqual([
        "Goal done: The goal_0",
        "Goal done: The goal_0",
        "5 goals done",
      ]);
      expect(team.seen[1]?.id).toBe(team.seen[0]?.id ?? "");
    });

    test("quiet hours: P0 and critical go at once, the rest as one in the morning, what was answered not at all", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const { store } = clock;
      const quiet = { from: "22:00", to: "07:00", zone: "Europe/Berlin" };
      const team = memory("team");
      const notifier = notifierOf(clock, [team.channel], { quiet });
      await notifier.look();
      clock.to(Date.parse("2026-11-21T22:30:00Z"));
      await addGoal(store, "goal_1");
      await addGoal(store, "goal_0", { priority: "P0" });
      await emit(store, done("goal_1"));
      await ask(store, "ask_1", "goal_1");
      await ask(store, "ask_2", "goal_1");
      await ask(store, "ask_0", "goal_0");
      const level = { type: "budget.level", goalId: "goal_1", taskId: null, scope: "day 2026-11-21" } as const;
      await emit(store, { ...level, level: "warning", share: 0.8 });
      await emit(store, { ...level, level: "critical", share: 0.96 });
      expect(await notifier.look()).toMatchObject({ sent: 2, next: Date.parse("2026-11-22T06:00:00Z") });
      expect(team.seen.map((message) => message.title)).toEqual([
        "A question waits: May ask_0?",
        "Budget of the day 2026-11-21: 96 % used (critical)",
      ]);
      const question = await store.read((read) => getQuestion(read, "ask_2"));
      if (question === null) throw new Error("no question");
      const answer = { choice: "approve", note: null, version: null, drop: false, body: null } as const;
      await store.write("answer.test", (tx) => recordAnswer(tx, question, answer, false));
      clock.to(Date.parse("2026-11-22T05:59:59Z"));
      expect(await notifier.look()).toMatchObject({ sent: 0 });
      clock.to(Date.parse("2026-11-22T06:00:00Z"));
      expect(await notifier.look()).toEqual({ sent: 1, failed: 0, next: null });
      expect(team.seen.at(-1)?.title).toBe("1 question waits, 1 goal done");
      expect(team.seen.at(-1)?.text).toContain("ask_1");
    });

    test("a pause is told when no question tells it; who interrupted a run is told nothing", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const { store } = clock;
      const team = memory("team");
      const notifier = notifierOf(clock, [team.channel]);
      await notifier.look();
      const pauses = { goal_1: "model_away", goal_2: "question", goal_3: "interrupted" } as const;
      for (const [id, pause] of Object.entries(pauses)) {
        await addGoal(store, id);
        if (pause === "question") await ask(store, "ask_1", id);
        await store.write("pause.test", async (tx) => {
          await moveGoal(tx, await needGoal(tx, id), "paused", { pause, reason: "because" });
          tx.emit({ type: "goal.paused", goalId: id, taskId: null, pause, reason: "because" });
          if (pause !== "interrupted") tx.emit({ type: "pipeline_blocked", goalId: id, taskId: null, reason: "because" });
        });
      }
      await notifier.look();
      clock.by(2000);
      await notifier.look();
      expect(team.seen.map((message) => message.title)).toEqual(["Goal blocked: The goal_1", "A question waits: May ask_1?"]);
    });

    test("a rehearsal reaches no channel outside", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const [team, log] = [memory("team"), memory("log", () => ({ ok: true }), false)];
      const notifier = notifierOf(clock, [team.channel, log.channel]);
      await notifier.look();
      await addGoal(clock.store, "goal_1", { rehearsal: true });
      await ask(clock.store, "ask_1", "goal_1", { rehearsal: true });
      await notifier.look();
      await emit(clock.store, done("goal_1"), true);
      await notifier.look();
      clock.by(HOUR);
      await notifier.look();
      expect(team.seen).toEqual([]);
      expect(log.seen.map((message) => message.title)).toEqual([
        "[rehearsal] A question waits: May ask_1?",
        "[rehearsal] Goal done: The goal_1",
      ]);
    });

    test("health is told when it changes, once for all who see it, the digest once a day", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const team = memory("team");
      const digest = { at: "08:30", zone: "UTC", lines: async (day: string) => [`Goals completed on ${day}: 3`] };
      const notifiers = [notifierOf(clock, [team.channel], { digest }), notifierOf(clock, [team.channel], { digest })];
      const look = () => Promise.all(notifiers.map((notifier) => notifier.look()));
      const health = (level: "full" | "minimal" | "limited", where = "host") =>
        Promise.all(notifiers.map((notifier) => notifier.health({ where, level, reasons: ["the disk is full"] })));
      clock.to(Date.parse("2026-11-21T08:00:00Z"));
      await health("full");
      expect((await look())[0]?.next).toBe(Date.parse("2026-11-21T08:30:00Z"));
      await health("minimal");
      await health("minimal");
      await look();
      // Overtaken before anybody heard of it.
      await health("limited");
      await health("full");
      clock.to(Date.parse("2026-11-21T08:30:00Z"));
      await look();
      clock.by(2000);
      await look();
      clock.by(HOUR);
      expect((await look())[0]?.next).toBe(Date.parse("2026-11-22T08:30:00Z"));
      expect(team.seen.map((message) => message.title).sort()).toEqual([
        "Health of host: everything works again",
        "Health of host: minimal",
        "The team's day, 2026-11-21",
      ]);
      expect(team.seen.find((message) => message.type === "digest.daily")?.text).toBe("Goals completed on 2026-11-21: 3");
      expect(team.seen.find((message) => message.urgent)?.title).toBe("Health of host: minimal");
    });

    test("no secret leaves in a message, nor in the log when everything fails", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      const { log, lines } = notes();
      const secret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
      const seen: string[] = [];
      await using receiver = serving(async (request) => {
        const body = await request.text();
        if (request.url.endsWith("/hook")) new Webhook(secret).verify(body, Object.fromEntries(request.headers));
        seen.push(body);
        return new Response(`you sent ${secret} to ${request.url}`, { status: 500 });
      });
      const gone = "http://127.0.0.1:9/services/T/B/SLACKSECRET";
      const channels = [
        createWebhookChannel({ name: "hook", url: `${receiver.url}/hook`, secret, now: Date.now }),
        createSlackChannel({ name: "team", to: { token: "xoxb-SLACKTOKEN", channel: "C1" }, api: receiver.url }),
        createSlackChannel({ name: "lost", to: { url: gone } }),
      ];
      const secrets = [secret, gone, "xoxb-SLACKTOKEN", "sk-ant-KEYKEYKEY"];
      const notifier = notifierOf(clock, channels, { log, secrets });
      await notifier.look();
      await addGoal(clock.store, "goal_1", { title: "Publish sk-ant-KEYKEYKEY" });
      await emit(clock.store, { type: "goal.failed", goalId: "goal_1", taskId: null, reason: "it said sk-ant-KEYKEYKEY" });
      await notifier.look();
      clock.by(2000);
      expect(await notifier.look()).toMatchObject({ sent: 0, failed: 3 });
      expect(await notifier.test("lost")).toMatchObject({ ok: false });
      expect(seen).toHaveLength(2);
      expect(lines).toHaveLength(3);
      const stored = await clock.store.read((read) => listSends(read));
      const told = [...seen, ...lines, JSON.stringify(stored)].join("\n");
      expect(told).toContain("Publish [redacted]");
      expect(told).toContain("it said [redacted]");
      expect(told).not.toMatch(/KEYKEYKEY|SLACKSECRET|SLACKTOKEN|whsec_|MDEyMzQ1/);
    });

    test("a look does not reject when the store is away, and nothing begins after close", async () => {
      await using opened = await engine.open();
      const clock = clocked(opened);
      let away = true;
      const gone: Store = {
        ...clock.store,
        read: (query) => (away ? Promise.reject(new Error("away")) : clock.store.read(query)),
      };
      const { log, lines } = notes();
      const team = memory("team");
      const notifier = notifierOf(clock, [team.channel], { store: gone, log });
      expect(await notifier.look()).toEqual({ sent: 0, failed: 0, next: NOON + 30_000 });
      expect(lines.length).toBeGreaterThan(0);
      away = false;
      await notifier.look();
      await addGoal(clock.store, "goal_1");
      await emit(clock.store, done("goal_1"));
      await notifier.close();
      clock.by(HOUR);
      expect(await notifier.look()).toEqual({ sent: 0, failed: 0, next: null });
      expect(team.seen).toEqual([]);
    });
  });
}

function serving(fetch: (request: Request) => Promise<Response>) {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}
