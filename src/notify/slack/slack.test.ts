/** Slack as a local fake: both ways in, its refusals, and text that would be a mention. */

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { Message, WaitingAction } from "../channel.ts";
import { actionBlocks } from "./blocks.ts";
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
  blocks: z.array(z.object({ text: z.object({ text: z.string(), verbatim: z.literal(true).optional() }).default({ text: "" }) })),
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

describe("actions", () => {
  const action = (change: Partial<WaitingAction> = {}): WaitingAction => ({
    ...{
      id: `act_${"0".repeat(26)}`,
      hash: "a".repeat(64),
      title: "Send to <!here> with mail.send",
      goal: "<G>",
      preview: "To: ann",
    },
    ...{ blocked: null, tainted: false, expiresAt: 0, links: null, became: null },
    ...change,
  });
  const links = { approve: "https://m.example/approve/act.a?x=1&y|2", reject: "https://m.example/approve/act.r" };

  test("by an incoming webhook: links in words of ours, no buttons; without an address the terminal is named", () => {
    const shown = JSON.stringify(actionBlocks([action({ links })], false));
    expect(shown).toContain(
      "<https://m.example/approve/act.a?x=1&amp;y%7C2|Look and approve>  ·  <https://m.example/approve/act.r|Look and reject>",
    );
    expect(shown).not.toContain("button");
    expect(JSON.stringify(actionBlocks([action({ links, blocked: "no" })], false))).not.toContain("Look and approve");
    expect(JSON.stringify(actionBlocks([action()], false))).toContain("In the terminal: approvals act_0");
  });

  test("three fit into a message with all of their previews, cut nowhere that matters; titles mention nobody", () => {
    const preview = `${"é\n".repeat(1_700)}😀`;
    const blocks = actionBlocks(
      [1, 2, 3].map((n) => action({ preview, tainted: true, id: `act_${String(n).repeat(26)}` })),
      true,
    );
    const text = JSON.stringify(blocks);
    expect(text.match(/"style":"primary"/g)).toHaveLength(3);
    expect(JSON.stringify(blocks.filter((each) => "text" in each))).not.toContain("<!here>");
    expect(text.length).toBeLessThan(20_000);
    const literals = z.object({
      type: z.literal("rich_text"),
      elements: z.array(z.object({ elements: z.array(z.object({ text: z.string() })) })),
    });
    const pieces = blocks.flatMap((each) => {
      const found = literals.safeParse(each);
      return found.success ? [found.data.elements[0]?.elements[0]?.text ?? ""] : [];
    });
    expect(pieces.join("")).toBe(preview.repeat(3));
    for (const piece of pieces) expect([piece.length <= 3000, piece.isWellFormed()]).toEqual([true, true]);
  });

  test("a preview stands there without marks that nothing renders, but what an agent wrote to the letter", () => {
    const preview = "**To** jane\\_doe@x.co\n\ntext:\n\n    **kept** \\_";
    const shown = JSON.stringify(actionBlocks([action({ preview })], true));
    expect(shown).toContain(JSON.stringify("To: jane_doe@x.co\n\ntext:\n\n    **kept** \\_").slice(1, -1));
  });

  test("what became of it stands in the place of its buttons; only a real user is a mention", () => {
    const shown = (by: string | null) =>
      JSON.stringify(actionBlocks([action({ links, became: { words: "Not done: <!channel>.", by } })], true));
    expect(shown("slack:U0123")).toContain("Not done: &lt;!channel&gt;. Answered by <@U0123>.");
    expect(shown("slack:U0123> <!here")).not.toMatch(/<[@!]/);
    expect(shown(null)).not.toMatch(/Answered|button/);
  });

  test("an edit and a whisper go to their methods with the token; only messages with buttons tell where they stand", async () => {
    await using slack = fakeSlack(() => Response.json({ ok: true, ts: "12.34" }));
    const to = { token: "xoxb-1", channel: "C1" };
    const channel = createSlackChannel({ name: "team", to, answers: {}, api: `${slack.url}/api` });
    expect(await channel.send(message)).toEqual({ ok: true });
    expect(await channel.send({ ...message, actions: [action()] })).toEqual({ ok: true, ref: "12.34" });
    expect(await channel.answers?.edit("12.34", message)).toMatchObject({ ok: true });
    expect(await channel.answers?.whisper("U1", "No <!here>")).toMatchObject({ ok: true });
    expect(slack.seen.map(({ path }) => path.slice(5))).toEqual([
      "chat.postMessage",
      "chat.postMessage",
      "chat.update",
      "chat.postEphemeral",
    ]);
    expect(createSlackChannel({ name: "team", to }).answers).toBeUndefined();
    expect(createSlackChannel({ name: "team", to: { url: slack.url }, answers: {} }).answers).toBeUndefined();
  });
});
