/** The pages behind a signed link, as somebody reads them on a phone: what is asked, what it costs, what a yes and a no do, and how it stands later. */

import { expect, test } from "bun:test";
import { canonical, type Effect } from "../domain/effect.ts";
import { nano } from "../domain/money.ts";
import { silentLog } from "../log/log.ts";
import { approveEffect, rejectEffect } from "../store/effect-answers.ts";
import { endSending, startSending } from "../store/effect-sends.ts";
import { proposeEffect, type NewEffect } from "../store/effects.ts";
import { StoreError } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addTask, at, HOUR, NOON } from "../test/small-store.ts";
import { createApprovalLinks } from "../work/effect-links.ts";
import { createApprovalPages } from "./approval-pages.ts";
import { createHandler } from "./handler.ts";

const PREVIEW = "**Sends to people**: `send` of `mail`\n\nRecipients: 1 (jane\\_doe@x.co)\n\ntext:\n\n    A *raw* `text`\\_\n";
const PROPOSED: Omit<NewEffect, "args"> = {
  ...{ goalId: "goal_a", taskId: "task_a", revision: 0, skill: "writing", step: "make", round: 0, useIndex: 0 },
  ...{ server: "mail", tool: "send", toolHash: "h", class: "send", preview: PREVIEW, recipients: 1, cost: null },
  ...{ tainted: false, blocked: null, expiresAt: NOON + 48 * HOUR, rehearsal: false },
};

async function opened() {
  const [engine] = ENGINES;
  if (!engine) throw new Error("no engine");
  const real = await engine.open();
  const it = { now: NOON, broken: false };
  const store = {
    ...real,
    read: <T>(query: Parameters<typeof real.read<T>>[0]) => at(real, it.now).read(query),
    write: <T>(name: string, change: Parameters<typeof real.write<T>>[1]) => at(real, it.now).write(name, change),
  };
  await store.write("t.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a", title: "Winter <b>box</b>" });
    await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done" });
  });
  const links = createApprovalLinks({ store, publicUrl: "https://m.example", now: () => it.now });
  const pages = createApprovalPages({
    store,
    links,
    answered: () => {},
    effects: {
      approve: async (id, answer) => {
        if (it.broken) throw new StoreError("full", "the disk is full", "make room");
        return store.write("t.approve", (tx) => approveEffect(tx, id, answer));
      },
      reject: (id, answer) => store.write("t.reject", (tx) => rejectEffect(tx, id, answer)),
    },
  });
  const handle = createHandler({
    bus: { accept: () => Promise.reject(new Error("nothing was posted")) },
    health: () => ({ ready: true, level: "full", reasons: [] }),
    metrics: () => "",
    ...{ tokens: [], sources: new Map(), approvals: pages, log: silentLog, now: () => it.now },
  });
  let asked = 0;
  return {
    ...{ it, store },
    async propose(change: Partial<NewEffect> = {}) {
      const args = canonical({ n: ++asked });
      const noted = await store.write("t.ask", (tx) => proposeEffect(tx, { ...PROPOSED, useIndex: asked, args, ...change }));
      if ("refused" in noted) throw new Error(noted.refused);
      const urls = await links.links(noted.effect);
      if (!urls) throw new Error("no links");
      return { effect: noted.effect, ...urls };
    },
    async ask(url: string, method = "GET", body?: string) {
      const request = new Request(url, { method, ...(body === undefined ? {} : { body }) });
      const response = await handle(request, { address: "127.0.0.1" });
      const html = await response.text();
      const words = html.replace(/<style>.*?<\/style>/s, "").replace(/<[^>]+>/g, "");
      return { status: response.status, type: response.headers.get("content-type"), html, words };
    },
    async finish({ id, hash }: Effect, state: "confirmed" | "unknown") {
      await store.write("t.approve", (tx) => approveEffect(tx, id, { hash, by: "slack:U1" }));
      await store.write("t.start", (tx) => startSending(tx, id, "p", { maxRecipients: null, perDay: null }));
      await store.write("t.end", (tx) => endSending(tx, id, { state, result: null, note: null }));
    },
    [Symbol.asyncDispose]: async () => real.close(),
  };
}

test("what is asked, for which goal, what it costs, what a yes and a no do, until when and how long that is", async () => {
  await using there = await opened();
  const { approve } = await there.propose({ class: "spend", cost: nano(25), recipients: null });
  const { words } = await there.ask(approve);
  expect(words).toContain("Spend up to $25.00 with mail.send");
  expect(words).toContain("up to $25.00");
  expect(words).toContain("Winter &#60;b&#62;box&#60;/b&#62;");
  expect(words).toContain("2026-11-23 12:00 UTC, 2 days from now");
  expect(words).toContain("Approved, it is done exactly so, once. Rejected, or without an answer until then, nothing is done.");
  expect(words).not.toContain("goal_a");
  const unsaid = await there.propose({ class: "spend", recipients: null });
  expect((await there.ask(unsaid.approve)).words).toContain("not said: look at the arguments below");
});

test("a preview reads as it was meant: an address without backslashes, what an agent wrote to the letter", async () => {
  await using there = await opened();
  const { words } = await there.ask((await there.propose()).approve);
  expect(words).toContain("Sends to people: `send` of `mail`\n\nRecipients: 1 (jane_doe@x.co)");
  expect(words).toContain("    A *raw* `text`\\_");
});

test("what cannot be approved says so and can be rejected there", async () => {
  await using there = await opened();
  const { approve, reject, effect } = await there.propose({ blocked: "2 recipients are more than the 1 of one send" });
  const shown = await there.ask(approve);
  expect(shown.words).toContain("It can only be rejected");
  expect(shown.words).not.toContain("Not yet");
  expect(shown.html).not.toContain("Approve exactly this");
  const to = /<form method="post" action="([^"]+)"/.exec(shown.html)?.[1];
  expect(reject).toEndWith(to ?? "nothing");
  expect((await there.ask(new URL(to ?? "", approve).href, "POST", "note=")).words).toContain("It will not be done");
  expect((await there.ask(approve)).words).toContain("It is rejected");
  expect(effect.blocked).not.toBeNull();
});

test("a slash that a chat put behind the link changes nothing: a rejection goes where it should", async () => {
  await using there = await opened();
  const { approve } = await there.propose();
  const to = /action="([^"]+)"/.exec((await there.ask(`${approve}/`)).html)?.[1] ?? "";
  expect((await there.ask(new URL(to, `${approve}/`).href, "POST", "note=")).words).toContain("It will not be done");
});

test("an old link never says that nothing was done when it was, and shows nothing else any more", async () => {
  await using there = await opened();
  const [done, unknown, untouched] = [await there.propose(), await there.propose(), await there.propose()];
  await there.finish(done.effect, "confirmed");
  await there.finish(unknown.effect, "unknown");
  there.it.now = NOON + 49 * HOUR;
  const [first, second, third] = [
    await there.ask(done.approve),
    await there.ask(unknown.reject),
    await there.ask(untouched.approve),
  ];
  expect([first.status, second.status, third.status]).toEqual([410, 410, 410]);
  expect(first.words).toContain("It was answered in time: it is done.");
  expect(first.words).not.toContain("Nothing was done");
  expect(second.words).toContain("nobody knows whether it happened");
  expect(third.words).toContain("Nothing was done. An expiry never approves.");
  for (const { words } of [first, second, third]) expect(words).not.toContain("jane");
});

test("how it stands is told in words, and a second press says what the first one did", async () => {
  await using there = await opened();
  const [one, done, unknown] = [await there.propose(), await there.propose(), await there.propose()];
  expect((await there.ask(one.approve, "POST")).words).toContain("open the link again");
  const again = await there.ask(one.approve, "POST");
  expect([again.status, again.words]).toEqual([409, expect.stringContaining("It is approved, not sent yet")]);
  await there.finish(done.effect, "confirmed");
  expect((await there.ask(done.approve)).words).toContain("It is done");
  await there.finish(unknown.effect, "unknown");
  const lost = (await there.ask(unknown.approve)).words;
  expect(lost).toContain("Nobody knows whether it happened");
  expect(lost).not.toContain("It is unknown");
});

test("a store that fails is a page too, which promises nothing; and so is a link that lost its end", async () => {
  await using there = await opened();
  const { approve } = await there.propose();
  there.it.broken = true;
  const failed = await there.ask(approve, "POST");
  expect([failed.status, failed.type]).toEqual([503, "text/html; charset=utf-8"]);
  expect(failed.words).toContain("Open the link again in a minute: it shows whether your answer counts.");
  const cut = await there.ask("https://m.example/approve/");
  expect([cut.status, cut.type]).toEqual([404, "text/html; charset=utf-8"]);
});

test("it fits a phone, and a rehearsal is named as one", async () => {
  await using there = await opened();
  const { html, words } = await there.ask((await there.propose({ rehearsal: true })).approve);
  // A field as wide as its line, with its border and padding, would stand out to the right.
  expect(html).toContain("box-sizing:border-box");
  expect(words).toContain("This is a rehearsal: nothing is done outside, whatever you answer.");
});
