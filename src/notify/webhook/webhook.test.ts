/** The outgoing webhook at a local receiver, which checks the signature with the reference library. */

import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import type { Message } from "../channel.ts";
import { createWebhookChannel } from "./webhook.ts";

const SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
const message: Message = {
  id: "msg_1",
  type: "goal.done",
  at: Date.UTC(2026, 10, 21),
  goal: "goal_1",
  title: "Goal done: ünïcode",
  text: "All of it.",
  urgent: false,
  rehearsal: false,
};

function receiver(status = 204) {
  const seen: { id: string | null; body: unknown }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const text = await request.text();
      const body = new Webhook(SECRET).verify(text, Object.fromEntries(request.headers));
      seen.push({ id: request.headers.get("webhook-id"), body });
      return new Response(status === 204 ? null : `no: ${SECRET}`, { status });
    },
  });
  return { url: `http://127.0.0.1:${server.port}/hook`, seen, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("the signature holds, the body is what is promised, a second try has the same id", async () => {
  await using there = receiver();
  const channel = createWebhookChannel({ name: "hook", url: there.url, secret: SECRET, now: Date.now });
  expect(await channel.send(message)).toEqual({ ok: true });
  expect(await channel.send(message)).toEqual({ ok: true });
  const body = {
    id: "msg_1",
    type: "goal.done",
    at: "2026-11-21T00:00:00.000Z",
    goal: "goal_1",
    title: "Goal done: ünïcode",
    text: "All of it.",
  };
  expect(there.seen).toEqual([
    { id: "msg_1", body },
    { id: "msg_1", body },
  ]);
});

test("anything but 2xx is a failure, told without the receiver's words", async () => {
  await using there = receiver(500);
  const channel = createWebhookChannel({ name: "hook", url: there.url, secret: SECRET, now: Date.now });
  expect(await channel.send(message)).toEqual({ ok: false, problem: "the receiver answered 500", retryAfterMs: null });
});
