/** Buttons in Slack, with a fake of its Web API on this machine: signature, who may, once, and what the message says afterwards. */

import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { z } from "zod";
import { canonical } from "../domain/effect.ts";
import { silentLog, type Log } from "../log/log.ts";
import { createNotifier } from "../notify/notifier.ts";
import { createSlackChannel } from "../notify/slack/slack.ts";
import { getEffect, proposeEffect, stopEffects, type NewEffect } from "../store/effects.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { tempDir } from "../test/cli.ts";
import { addGoal, addTask } from "../test/small-store.ts";
import { DEFAULT_POLICY } from "../domain/action.ts";
import { createEffects } from "../work/effects.ts";
import { createDoor } from "./door.ts";
import { createSlackActions, SLACK_PATH } from "./slack-actions.ts";
import { verifySlack } from "./slack-signature.ts";

const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
const NOON = Date.UTC(2026, 10, 21, 12);
const HOUR = 3_600_000;
const ANN = "U0ANN0001";
const BOB = "U0BOB0002";

const sign = (body: string, at: number, secret = SECRET) =>
  `v0=${createHmac("sha256", secret).update(`v0:${at}:${body}`).digest("hex")}`;

describe("the signature", () => {
  test("Slack's own example", () => {
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const signed = { body, timestamp: "1531420618", signature };
    expect(verifySlack(SECRET, signed, 1_531_420_618_000)).toBe("good");
    expect(verifySlack(SECRET, signed, 1_531_420_918_000)).toBe("good");
    expect(verifySlack(SECRET, signed, 1_531_420_919_000)).toBe("late");
    expect(verifySlack(SECRET, signed, 1_531_420_317_000)).toBe("late");
    expect(verifySlack(`${SECRET}x`, signed, 1_531_420_618_000)).toBe("bad");
  });

  test("property: whatever was signed is good; one thing changed is bad", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat(4_000_000_000),
        fc.nat(),
        fc.constantFrom("body", "time", "mac", "secret"),
        (body, at, where, what) => {
          const timestamp = String(at);
          const signature = sign(body, at);
          const now = at * 1000;
          expect(verifySlack(SECRET, { body, timestamp, signature }, now)).toBe("good");
          const i = 3 + (where % 64);
          const changed = {
            body: { body: `${body}x`, timestamp, signature },
            time: { body, timestamp: String(at + 1), signature },
            mac: {
              body,
              timestamp,
              signature: `${signature.slice(0, i)}${signature[i] === "0" ? "1" : "0"}${signature.slice(i + 1)}`,
            },
            secret: { body, timestamp, signature: sign(body, at, `${SECRET}2`) },
          }[what];
          expect(verifySlack(SECRET, changed, now)).toBe("bad");
        },
      ),
    );
  });

  test("property: nonsense is bad and never throws", () => {
    fc.assert(
      fc.property(fc.option(fc.string()), fc.option(fc.string()), (timestamp, signature) => {
        expect(verifySlack(SECRET, { body: "b", timestamp, signature }, NOON)).toBe("bad");
      }),
    );
    for (const timestamp of ["", " 1", "1e9", "-1", "0x10", "1.5", "9".repeat(13), "1, 2"])
      expect(verifySlack(SECRET, { body: "b", timestamp, signature: sign("b", 1) }, NOON)).toBe("bad");
    const right = sign("b", NOON / 1000);
    for (const signature of [
      right.toUpperCase(),
      right.slice(3),
      `${right}00`,
      `v1=${right.slice(3)}`,
      `${right},${right}`,
      ` ${right}`,
    ])
      expect(verifySlack(SECRET, { body: "b", timestamp: String(NOON / 1000), signature }, NOON)).toBe("bad");
  });
});

const element = z.object({ action_id: z.string().optional(), value: z.string().optional() }).loose();
const block = z.object({ type: z.string(), elements: z.array(element).optional() }).loose();
const call = z.object({
  text: z.string(),
  blocks: z.array(block),
  channel: z.string(),
  user: z.string().optional(),
  ts: z.string().optional(),
});
type Call = z.infer<typeof call> & { readonly method: string };

/** Slack's Web API, as far as it is called. `next` resolves with the first call after now that fits. */
function fakeSlack() {
  const calls: Call[] = [];
  const waiting: { fits: (one: Call) => boolean; resolve: (one: Call) => void }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (request.headers.get("authorization") !== "Bearer xoxb-test") return Response.json({ ok: false, error: "invalid_auth" });
      const one = { ...call.parse(await request.json()), method: new URL(request.url).pathname.slice("/api/".length) };
      calls.push(one);
      for (const each of waiting.splice(0))
        if (each.fits(one)) each.resolve(one);
        else waiting.push(each);
      return Response.json({ ok: true, channel: one.channel, ts: one.ts ?? `1700000000.00000${calls.length}` });
    },
  });
  const next = (method: string) => {
    const { promise, resolve } = Promise.withResolvers<Call>();
    waiting.push({ fits: (one) => one.method === method, resolve });
    return promise;
  };
  return { api: `http://127.0.0.1:${server.port}/api`, calls, next, stop: () => server.stop(true) };
}

async function opened() {
  const dir = await tempDir();
  const clock = { now: NOON };
  const now = () => clock.now;
  const inner = await openSqliteStore({ path: `${dir.path}/m.db`, tenant: "default", now, log: silentLog, reached: () => {} });
  await inner.write("t.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a", title: "The newsletter" });
    await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done" });
  });
  let n = 0;
  const propose = (change: Partial<NewEffect> = {}) =>
    inner.write("t.propose", async (tx) => {
      const useIndex = n++;
      const noted = await proposeEffect(tx, {
        ...{ goalId: "goal_a", taskId: "task_a", revision: 0, skill: "writing", step: "make", round: 0, useIndex },
        ...{ server: "mail", tool: "send", toolHash: "h", args: canonical({ secretArgument: useIndex }), class: "send" },
        ...{ preview: "Recipients: 1 <!channel> *b* `c`", recipients: 1, cost: null, tainted: false, blocked: null },
        ...{ expiresAt: NOON + 48 * HOUR, rehearsal: false, ...change },
      });
      if ("refused" in noted) throw new Error(noted.refused);
      return noted.effect;
    });
  const effects = createEffects({
    ...{ store: inner, server: () => null, toolHash: () => "h", processId: async () => "proc", secrets: [], now, log: silentLog },
    rules: () => ({
      policy: DEFAULT_POLICY,
      ttlMs: HOUR,
      maxRecipients: null,
      perDay: null,
      verify: null,
      accepted: true,
      notBefore: null,
    }),
    reached: () => {},
  });
  const slack = fakeSlack();
  const answers = { channel: "C0TEAM", signingSecret: SECRET, approvers: [ANN] };
  const channel = createSlackChannel({ name: "team", to: { token: "xoxb-test", channel: "C0TEAM" }, answers, api: slack.api });
  const notifier = createNotifier({
    ...{ store: inner, channels: [channel], route: () => ["team"], quiet: null, digest: null, secrets: [], now, log: silentLog },
    links: async () => ({ approve: "https://m.example/approve/token", reject: "https://m.example/approve/other" }),
  });
  await notifier.look();
  const lines: string[] = [];
  const note = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
  let woken = 0;
  const actions = createSlackActions({
    ...{ store: inner, effects, log, now, answered: () => woken++ },
    channels: [{ ...answers, ...(channel.answers && { answers: channel.answers }) }],
  });
  const door = createDoor({
    bus: { accept: () => Promise.reject(new Error("nothing was posted")) },
    ...{ health: () => ({ ready: true, level: "full", reasons: [] }), metrics: () => "", slack: actions, tokens: [] },
    ...{ sources: new Map(), host: "127.0.0.1", port: 0, log, now },
  });
  /** The notices that are due, sent. */
  const told = async () => {
    await notifier.look();
    clock.now += 2_000;
    await notifier.look();
    return slack.calls.at(-1) as Call;
  };
  const post = (body: string, headers: Record<string, string> = {}) => {
    const at = Math.floor(clock.now / 1000);
    const own = { "x-slack-request-timestamp": String(at), "x-slack-signature": sign(body, at) };
    const type = { "content-type": "application/x-www-form-urlencoded" };
    return fetch(`${door.url}${SLACK_PATH}`, { method: "POST", body, headers: { ...type, ...own, ...headers } });
  };
  const payload = (
    button: { action_id?: string | undefined; value?: string | undefined },
    { user = ANN, in: where = "C0TEAM" } = {},
  ) =>
    new URLSearchParams({
      payload: JSON.stringify({
        type: "block_actions",
        user: { id: user, name: "x" },
        channel: { id: where },
        actions: [button],
      }),
    }).toString();
  const state = async (id: string) => (await inner.read((read) => getEffect(read, id)))?.state;
  return {
    ...{ store: inner, clock, propose, slack, notifier, told, post, payload, state, effects, lines, door },
    woken: () => woken,
    async [Symbol.asyncDispose]() {
      await notifier.close();
      await door.stop();
      await slack.stop();
      await inner.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const buttons = (message: Call) => message.blocks.flatMap((each) => (each.type === "actions" ? (each.elements ?? []) : []));
const [approveOf, rejectOf] = ["approve", "reject"].map((choice) => (message: Call) => {
  const found = buttons(message).find((each) => each.action_id === `marketeam.${choice}`);
  if (!found) throw new Error(`no button to ${choice}`);
  return found;
}) as [(message: Call) => z.infer<typeof element>, (message: Call) => z.infer<typeof element>];

describe("buttons", () => {
  test("the message shows it literally, its buttons hold id and hash alone, and no link goes round who may answer", async () => {
    await using at = await opened();
    const { id, hash } = await at.propose();
    const message = await at.told();
    expect(message).toMatchObject({ method: "chat.postMessage", channel: "C0TEAM" });
    expect(buttons(message).map(({ action_id, value }) => [action_id, value])).toEqual([
      ["marketeam.approve", `${id} ${hash}`],
      ["marketeam.reject", `${id} ${hash}`],
    ]);
    const all = JSON.stringify(message);
    expect(all).not.toMatch(/secretArgument|m\.example/);
    const preview = message.blocks.find((each) => each.type === "rich_text");
    expect(preview?.elements).toEqual([
      { type: "rich_text_preformatted", elements: [{ type: "text", text: "Recipients: 1 <!channel> *b* `c`" }] },
    ]);
  });

  test("approved once, by name; the message says so; pressed again, another answer, a replay: a clear word, nothing twice", async () => {
    await using at = await opened();
    const { id } = await at.propose();
    const message = await at.told();
    const body = at.payload(approveOf(message));
    const response = await at.post(body);
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(await at.store.read((read) => getEffect(read, id))).toMatchObject({ state: "approved", approvedBy: `slack:${ANN}` });
    expect(at.woken()).toBe(1);
    await at.notifier.look();
    const update = at.slack.calls.at(-1) as Call;
    expect(update).toMatchObject({ method: "chat.update", channel: "C0TEAM", ts: "1700000000.000001" });
    expect(buttons(update)).toEqual([]);
    expect(JSON.stringify(update.blocks)).toContain(`Approved. It will be done exactly so, once. Answered by <@${ANN}>.`);
    for (const again of [body, at.payload(rejectOf(message))]) {
      const whisper = at.slack.next("chat.postEphemeral");
      expect((await at.post(again)).status).toBe(200);
      expect(await whisper).toMatchObject({
        user: ANN,
        text: "Nothing was changed: it is approved: there is nothing to answer any more.",
      });
    }
    expect([await at.state(id), at.woken()]).toEqual(["approved", 1]);
    // The same bytes with the same signature, too late.
    at.clock.now += 301_000;
    const old = { "x-slack-request-timestamp": String(NOON / 1000), "x-slack-signature": sign(body, NOON / 1000) };
    expect((await at.post(body, old)).status).toBe(400);
  });

  test("two at the same moment: one answer counts", async () => {
    await using at = await opened();
    const { id } = await at.propose();
    const message = await at.told();
    const whisper = at.slack.next("chat.postEphemeral");
    await Promise.all([at.post(at.payload(approveOf(message))), at.post(at.payload(rejectOf(message)))]);
    expect((await whisper).text).toStartWith("Nothing was changed: it is ");
    expect([at.woken(), ["approved", "rejected"].includes((await at.state(id)) ?? "")]).toEqual([1, true]);
  });

  test("who may not, another channel, another hash, no such action, a strange button, expired, stopped, blocked: each refused in a word", async () => {
    await using at = await opened();
    const { id, hash } = await at.propose();
    const message = await at.told();
    const approve = approveOf(message);
    const value = (text: string) => ({ ...approve, value: text });
    const refused = async (body: string) => {
      const whisper = at.slack.next("chat.postEphemeral");
      expect((await at.post(body)).status).toBe(200);
      const { text, user } = await whisper;
      return `${user}: ${text}`;
    };
    expect(await refused(at.payload(approve, { user: BOB }))).toStartWith(`${BOB}: Nothing was changed: you may not answer here`);
    expect(at.lines.join()).toContain(BOB);
    expect(await refused(at.payload(value(`${id} ${"0".repeat(64)}`)))).toContain("it is not what was shown");
    expect(await refused(at.payload(value(`act_${"0".repeat(26)} ${hash}`)))).toContain("there is no action");
    for (const strange of [
      { ...approve, action_id: "other.approve" },
      value(`${id}`),
      value(`${id} ${hash} {}`),
      { action_id: approve.action_id },
    ])
      expect(await refused(at.payload(strange))).toContain("not one of ours");
    const before = at.slack.calls.length;
    expect((await at.post(at.payload(approve, { in: "C0OTHER" }))).status).toBe(200);
    expect([at.slack.calls.length, await at.state(id)]).toEqual([before, "intent"]);
    at.clock.now = NOON + 49 * HOUR;
    expect(await refused(at.payload(approve))).toContain("its time is over");
    at.clock.now = NOON;
    const blocked = await at.propose({ blocked: "too many" });
    const told = await at.told();
    expect(buttons(told).map(({ action_id }) => action_id)).toEqual(["marketeam.reject"]);
    expect(await refused(at.payload(value(`${blocked.id} ${blocked.hash}`)))).toContain("cannot be approved as it is: too many");
    await at.store.write("t.stop", (tx) => stopEffects(tx, "a person"));
    expect(await refused(at.payload(approve))).toContain("everything outside was stopped");
    expect([await at.state(id), await at.state(blocked.id), at.woken()]).toEqual(["stopped", "stopped", 0]);
  });

  test("what is not signed by Slack changes nothing: 401; wrong method, type, size, form: a plain refusal", async () => {
    await using at = await opened();
    const { id } = await at.propose();
    const body = at.payload(approveOf(await at.told()));
    const at0 = Math.floor(at.clock.now / 1000);
    const wrong: Record<string, string>[] = [
      { "x-slack-signature": sign(body, at0, "another secret of thirty-two byte") },
      { "x-slack-signature": sign(`${body}&a=b`, at0) },
      { "x-slack-signature": "" },
      { "x-slack-request-timestamp": "" },
      { "x-slack-request-timestamp": String(at0 + 1) },
    ];
    for (const headers of wrong) expect((await at.post(body, headers)).status).toBe(401);
    expect((await fetch(`${at.door.url}${SLACK_PATH}`)).status).toBe(405);
    expect((await at.post(body, { "content-type": "application/json" })).status).toBe(415);
    expect((await at.post("x".repeat(300_000))).status).toBe(413);
    for (const strange of ["", "payload=", "payload=%5B%5D", "payload=%7B", "payload=%7B%22type%22%3A%22block_actions%22%7D"])
      expect((await at.post(strange)).status).toBe(400);
    expect((await at.post(`payload=${encodeURIComponent(`${"[".repeat(90)}${"]".repeat(90)}`)}`)).status).toBe(400);
    // Slack looks whether the address is there; views and shortcuts are not ours.
    expect((await at.post("ssl_check=1&token=x")).status).toBe(200);
    expect((await at.post(`payload=${encodeURIComponent('{"type":"view_submission"}')}`)).status).toBe(200);
    expect([await at.state(id), at.woken()]).toEqual(["intent", 0]);
    expect(at.lines.join()).not.toContain(SECRET);
  });

  test("what has no place cannot be approved there; after the send the message says how it ended", async () => {
    await using at = await opened();
    const long = await at.propose({ preview: `${"é".repeat(10_499)}\nthe end` });
    const message = await at.told();
    expect(buttons(message).map(({ action_id }) => action_id)).toEqual(["marketeam.reject"]);
    expect(JSON.stringify(message)).toContain("7 more characters have no place here: it cannot be approved here.");
    expect(JSON.stringify(message.blocks).length).toBeLessThan(13_000);
    await at.post(at.payload(rejectOf(message)));
    expect(await at.state(long.id)).toBe("rejected");
    await at.notifier.look();
    expect(JSON.stringify(at.slack.calls.at(-1)?.blocks)).toContain(`Rejected. Answered by <@${ANN}>.`);
  });
});
