/** Slack as a local fake: both ways in, its refusals, and text that would be a mention. */

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { Message } from "../channel.ts";
import { createSlackChannel } from "./slack.ts";
import { slackText } from "./text.ts";

const message: Message = {
  id: "msg_1",
  type: "question.waiting",
  at: 0,
  goal: "goal_1",
  title: "A question waits: <!channel> & <@U1>",
  text: "See <https://evil.example|here>",
  urgent: false,
  rehearsal: false,
};
const sent = z.object({
  text: z.string(),
  blocks: z.array(z.object({ text: z.object({ text: z.string(), verbatim: z.literal(true) }) })),
  channel: z.string().optional(),
});

function fakeSlack(answer: () => Response) {
  const seen: { path: string; auth: string | null; body: z.infer<typeof sent> }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = sent.parse(await request.json());
      seen.push({ path: new URL(request.url).pathname, auth: request.headers.get("authorization"), body });
      return answer();
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, seen, [Symbol.asyncDispose]: () => server.stop(true) };
}

describe("incoming webhook", () => {
  test("posts text and blocks, with nothing in it that Slack would act on", async () => {
    await using slack = fakeSlack(() => new Response("ok"));
    const channel = createSlackChannel({ name: "team", to: { url: `${slack.url}/services/T/B/x` } });
    expect(await channel.send(message)).toEqual({ ok: true });
    const { body } = slack.seen[0] ?? { body: { text: "", blocks: [] } };
    const all = [body.text, ...body.blocks.map((block) => block.text.text)];
    expect(all).toHaveLength(3);
    expect(all.join()).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    expect(all[1]).toBe("*A question waits: &lt;!channel&gt; &amp; &lt;@U1&gt;*");
  });

  test("long text stays within Slack's limits", async () => {
    await using slack = fakeSlack(() => new Response("ok"));
    const channel = createSlackChannel({ name: "team", to: { url: slack.url } });
    await channel.send({ ...message, title: "<".repeat(9000), text: "&".repeat(9000) });
    const { body } = slack.seen[0] ?? { body: { text: "", blocks: [] } };
    for (const text of [body.text, ...body.blocks.map((block) => block.text.text)]) {
      expect(text.length).toBeLessThanOrEqual(3000);
      expect(text).toMatch(/;…\*?$/);
    }
  });

  test("a refusal is told by its word, what is no word of Slack's is not repeated", async () => {
    await using gone = fakeSlack(() => new Response("no_service", { status: 404 }));
    const to = { url: `${gone.url}/services/T/B/SECRET` };
    const refused = await createSlackChannel({ name: "team", to }).send(message);
    expect(refused).toEqual({ ok: false, problem: "Slack answered 404 no_service", retryAfterMs: null });
    await using chatty = fakeSlack(() => new Response("you sent /services/T/B/SECRET", { status: 500 }));
    const told = await createSlackChannel({ name: "team", to: { url: chatty.url } }).send(message);
    expect(told).toEqual({ ok: false, problem: "Slack answered 500", retryAfterMs: null });
  });

  test("429 hands on how long to wait", async () => {
    await using busy = fakeSlack(() => new Response("rate_limited", { status: 429, headers: { "retry-after": "30" } }));
    const delivery = await createSlackChannel({ name: "team", to: { url: busy.url } }).send(message);
    expect(delivery).toEqual({ ok: false, problem: "Slack answered 429 rate_limited", retryAfterMs: 30_000 });
  });
});

describe("Web API", () => {
  const open = (url: string) => createSlackChannel({ name: "team", to: { token: "xoxb-1", channel: "C1" }, api: `${url}/api` });

  test("posts to the channel with the token", async () => {
    await using slack = fakeSlack(() => Response.json({ ok: true }));
    expect(await open(slack.url).send(message)).toEqual({ ok: true });
    expect(slack.seen[0]).toMatchObject({ path: "/api/chat.postMessage", auth: "Bearer xoxb-1", body: { channel: "C1" } });
  });

  test("a 200 that says no is no", async () => {
    await using slack = fakeSlack(() => Response.json({ ok: false, error: "not_in_channel" }));
    expect(await open(slack.url).send(message)).toMatchObject({ ok: false, problem: "Slack answered 200 not_in_channel" });
    await using page = fakeSlack(() => new Response("<html>"));
    expect(await open(page.url).send(message)).toMatchObject({ ok: false, problem: "Slack answered 200" });
  });
});

test("escaping never cuts an entity or a character", () => {
  expect(slackText("a<b", 100)).toBe("a&lt;b");
  expect(slackText("a<b", 4)).toBe("a…");
  expect(slackText("ab😀", 4)).toBe("ab😀");
  expect(slackText("ab😀x", 4)).toBe("ab…");
  for (let max = 1; max < 30; max++) expect(slackText("<&>😀".repeat(9), max).length).toBeLessThanOrEqual(max);
});
