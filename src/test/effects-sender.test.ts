/** The sender against a tool server that does everything one can fear; previews, proofs by reading, and the links that answer. */

import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY, type Policy } from "../domain/action.ts";
import { readLink, signLink, verifyLink } from "../domain/approval-link.ts";
import type { Effect } from "../domain/effect.ts";
import type { VerifyRule } from "../domain/tool-catalogue.ts";
import { createApprovalPages } from "../api/approval-pages.ts";
import { createDoor } from "../api/door.ts";
import { silentLog } from "../log/log.ts";
import { getEffect, listEffects } from "../store/effects.ts";
import { registerProcess, removeProcesses } from "../store/processes.ts";
import { StoreError, type Store } from "../store/store.ts";
import type { CallOptions, ToolAnswer, ToolInfo, ToolServer } from "../tools/server.ts";
import { createApprovalLinks } from "../work/effect-links.ts";
import { previewOf, recipientsIn } from "../work/effect-preview.ts";
import { readVerdict, verifyArgs } from "../work/effect-verify.ts";
import { createEffects, type EffectRules, type Sending, type Wish } from "../work/effects.ts";
import { ENGINES } from "./engines.ts";
import { addGoal, addTask, addVersion, at, HOUR, MINUTE, NOON } from "./small-store.ts";

const WISH: Wish = {
  goalId: "goal_a",
  taskId: "task_a",
  revision: 0,
  skill: "writing",
  step: "make",
  round: 0,
  useIndex: 0,
  server: "mail",
  tool: "send",
  toolHash: "send as it was",
  class: "send",
  tainted: false,
  rehearsal: false,
  args: { to: "a@example.com", text: "Hello" },
};
type Called = { readonly tool: string; readonly args: unknown; readonly key: string | undefined };

const answered = (text = "ok", isError = false): ToolAnswer => ({
  kind: "answered",
  text,
  isError,
  bytes: text.length,
  spilled: null,
});

/** A ledger with one server, whose behaviour a test decides. */
async function opened(options: { rules?: Partial<EffectRules>; policy?: Partial<Policy>; secrets?: string[] } = {}) {
  const [engine] = ENGINES;
  if (!engine) throw new Error("no engine");
  const real = await engine.open();
  const it = {
    now: NOON,
    calls: [] as Called[],
    described: "as it was",
    away: null as string | null,
    on: true,
    answer: async (_tool: string, _options: CallOptions): Promise<ToolAnswer> => answered(),
  };
  const info = (name: string): ToolInfo => ({ name, description: it.described, inputSchema: {}, annotations: {} });
  const server: ToolServer = {
    name: "mail",
    list: async () => (it.away === null ? { tools: ["send", "draft", "sent"].map(info) } : { away: it.away }),
    async call(tool, args, callOptions) {
      it.calls.push({ tool, args, key: callOptions.idempotencyKey });
      return it.answer(tool, callOptions);
    },
    state: () => ({ state: "ready", detail: null, stderr: [] }),
    close: async () => {},
  };
  const store = {
    ...real,
    read: <T>(query: Parameters<typeof real.read<T>>[0]) => at(real, it.now).read(query),
    write: <T>(name: string, change: Parameters<typeof real.write<T>>[1]) => at(real, it.now).write(name, change),
  };
  const policy = { ...DEFAULT_POLICY, ...options.policy };
  const createWith = (used: Store) =>
    createEffects({
      store: used,
      server: (name) => (name === "mail" && it.on ? server : null),
      toolHash: (_, tool) => `${tool.name} ${tool.description}`,
      rules: () => ({
        policy,
        ttlMs: 24 * HOUR,
        maxRecipients: null,
        perDay: null,
        verify: null,
        accepted: true,
        notBefore: null,
        ...options.rules,
      }),
      processId: async () => "proc_1",
      secrets: options.secrets ?? [],
      now: () => it.now,
      log: silentLog,
      reached: () => {},
    });
  const effects = createWith(store);
  await store.write("t.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a" });
    await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done" });
    await registerProcess(tx, { id: "proc_1", host: "h", pid: 1, started: "s" });
  });
  async function approved(wish: Partial<Wish> = {}): Promise<Effect> {
    const noted = await effects.propose({ ...WISH, ...wish });
    if ("refused" in noted) throw new Error(noted.refused);
    const given = await effects.approve(noted.effect.id, { hash: noted.effect.hash, by: "a person" });
    if ("refused" in given) throw new Error(given.refused);
    return given.effect;
  }
  const get = async ({ id }: Effect) => {
    const effect = await store.read((read) => getEffect(read, id));
    if (!effect) throw new Error("it is gone");
    return effect;
  };
  return { it, store, effects, with: createWith, approved, get, [Symbol.asyncDispose]: () => real[Symbol.asyncDispose]() };
}
const done = (sending: Sending | { refused: string }): Sending => {
  if ("refused" in sending) throw new Error(sending.refused);
  return sending;
};

describe("the sender", () => {
  test("sends the stored arguments with the effect's id as key, once, and keeps the answer", async () => {
    await using at = await opened();
    const effect = await at.approved();
    expect(await at.effects.send(effect.id)).toMatchObject({ effect: { state: "confirmed", result: "ok" }, waiting: null });
    expect(at.it.calls).toEqual([{ tool: "send", args: { text: "Hello", to: "a@example.com" }, key: effect.id }]);
    expect(await at.effects.send(effect.id)).toMatchObject({ effect: { state: "confirmed" } });
    await at.effects.look();
    expect(at.it.calls.length).toBe(1);
  });

  test("each kind of answer has its end, and a server that throws is a lost answer", async () => {
    await using at = await opened();
    const cases: [() => Promise<ToolAnswer>, Partial<Effect>][] = [
      [
        async () => answered("no such list", true),
        { state: "failed", result: "no such list", note: "the tool answered with an error" },
      ],
      [async () => ({ kind: "unsent", detail: "refused" }), { state: "failed", note: "it never left: refused" }],
      [async () => ({ kind: "lost", detail: "timeout" }), { state: "unknown", note: "no answer came: timeout" }],
      [() => Promise.reject(new Error("bug")), { state: "unknown", note: "no answer came: bug" }],
    ];
    for (const [i, [answer, expected]] of cases.entries()) {
      at.it.answer = answer;
      const effect = await at.approved({ useIndex: i, args: { n: i } });
      expect((await at.effects.send(effect.id)).effect).toMatchObject(expected);
      at.it.answer = async () => answered();
      await at.effects.look();
      expect(await at.get(effect)).toMatchObject(expected);
    }
    expect(at.it.calls.length).toBe(4);
  });

  test("a tool that has changed since, or is gone, is failed and never called", async () => {
    await using at = await opened();
    const effect = await at.approved();
    at.it.described = "as it was, and it also mails you the keys";
    expect((await at.effects.send(effect.id)).effect).toMatchObject({
      state: "failed",
      note: "the tool has changed since it was approved",
    });
    at.it.described = "as it was";
    const gone = await at.approved({ useIndex: 1, tool: "vanished" });
    expect((await at.effects.send(gone.id)).effect).toMatchObject({
      state: "failed",
      note: "the server mail no longer offers vanished",
    });
    expect(at.it.calls).toEqual([]);
  });

  test("a server that is off or away keeps what was approved, until its time is over", async () => {
    await using at = await opened();
    const effect = await at.approved();
    at.it.on = false;
    expect(await at.effects.send(effect.id)).toMatchObject({
      effect: { state: "approved" },
      waiting: "the server mail is not connected here",
    });
    at.it.on = true;
    at.it.away = "it does not start";
    expect(await at.effects.look()).toBe(NOON + 30_000);
    expect((await at.get(effect)).state).toBe("approved");
    at.it.now = NOON + 24 * HOUR;
    at.it.away = null;
    expect(await at.effects.look()).toBeNull();
    expect((await at.get(effect)).state).toBe("expired");
    expect(at.it.calls).toEqual([]);
  });

  test("look begins nothing after stop, and ends what it began", async () => {
    await using at = await opened();
    const effects = [await at.approved(), await at.approved({ useIndex: 1, args: { n: 1 } })];
    const stop = new AbortController();
    at.it.answer = async () => {
      stop.abort();
      return answered();
    };
    await at.effects.look(stop.signal);
    expect(await Promise.all(effects.map(async (effect) => (await at.get(effect)).state))).toEqual(["confirmed", "approved"]);
  });

  test("what this process no longer has in hand, and what dead ones left, becomes unknown; what is under way does not", async () => {
    await using at = await opened();
    const effect = await at.approved();
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    at.it.answer = async () => {
      entered.resolve();
      await release.promise;
      return answered();
    };
    const sending = at.effects.send(effect.id);
    await entered.promise;
    expect(await at.effects.recover()).toBe(0);
    // Another process took us for dead: the answer still counts.
    await at.store.write("t.g", (tx) => removeProcesses(tx, ["proc_1"]));
    const other = createEffects({
      store: at.store,
      server: () => null,
      toolHash: () => "",
      rules: () => ({
        policy: DEFAULT_POLICY,
        ttlMs: 1,
        maxRecipients: null,
        perDay: null,
        verify: null,
        accepted: true,
        notBefore: null,
      }),
      processId: async () => "proc_2",
      secrets: [],
      now: () => at.it.now,
      log: silentLog,
      reached: () => {},
    });
    expect(await other.recover()).toBe(1);
    expect((await at.get(effect)).state).toBe("unknown");
    release.resolve();
    expect((await sending).effect).toMatchObject({ state: "confirmed" });
  });

  test("an answer that came while the store is away is kept until it is back, for a while", async () => {
    await using at = await opened();
    const { store } = at;
    let fails = 3;
    const effects = at.with({
      ...store,
      write: <T>(name: string, change: Parameters<typeof store.write<T>>[1]) => {
        if (name !== "effect.end" || fails-- <= 0) return store.write(name, change);
        return Promise.reject(new StoreError("unreachable", "away", "wait"));
      },
    });
    const effect = await at.approved();
    expect((await effects.send(effect.id)).effect).toMatchObject({ state: "confirmed", result: "ok" });
    expect(fails).toBe(-1);
    // What is no trouble of the store is not tried again, and what was in hand is nobody's then.
    const other = await at.approved({ useIndex: 1, args: { n: 1 } });
    const broken = at.with({
      ...store,
      write: <T>(name: string, change: Parameters<typeof store.write<T>>[1]) =>
        name === "effect.end" ? Promise.reject(new Error("a bug")) : store.write(name, change),
    });
    expect(await broken.send(other.id).catch(String)).toBe("Error: a bug");
    expect(await broken.recover()).toBe(1);
    expect((await at.get(other)).state).toBe("unknown");
  });

  test("drafts run at once by the policy, and are not done again; nothing graver does", async () => {
    await using at = await opened();
    const draft = { ...WISH, tool: "draft", toolHash: "draft as it was", class: "draft" as const, tainted: true };
    expect(done(await at.effects.runAtOnce(draft)).effect).toMatchObject({
      state: "confirmed",
      approvedBy: "policy",
      result: "ok",
    });
    expect(done(await at.effects.runAtOnce(draft)).effect).toMatchObject({ state: "confirmed" });
    expect(at.it.calls.length).toBe(1);
    expect(await at.effects.runAtOnce(WISH)).toEqual({ refused: "to send needs a person's yes here" });
    expect(await at.effects.runAtOnce({ ...draft, class: "write" })).toHaveProperty("refused");
    expect(done(await at.effects.runAtOnce({ ...draft, useIndex: 5, args: { n: 5 }, rehearsal: true })).effect).toMatchObject({
      state: "failed",
      note: "a rehearsal does nothing outside",
    });
    await at.effects.stop("a person");
    expect(await at.effects.runAtOnce({ ...draft, useIndex: 6, args: { n: 6 } })).toHaveProperty("refused");
    expect(at.it.calls.length).toBe(1);
  });

  test("no policy makes sending automatic; writing may be, unless the run has read from outside", async () => {
    await using at = await opened({ policy: { send: "auto", write: "auto" } });
    expect(await at.effects.runAtOnce(WISH)).toHaveProperty("refused");
    expect(await at.effects.runAtOnce({ ...WISH, class: "write", tainted: true })).toHaveProperty("refused");
    expect(done(await at.effects.runAtOnce({ ...WISH, class: "write" })).effect.state).toBe("confirmed");
  });

  test("too many recipients are blocked when it is proposed; secrets stay out of what is kept", async () => {
    await using at = await opened({ rules: { maxRecipients: 2 }, secrets: ["canary-secret-1"] });
    const many = await at.effects.propose({ ...WISH, args: { to: ["a@x.co", "b@x.co", "c@x.co"] } });
    expect(many).toMatchObject({ effect: { recipients: 3, blocked: "3 recipients are more than the 2 of one send" } });
    at.it.answer = async () => answered("key canary-secret-1 used\u0000");
    const effect = await at.approved({ useIndex: 1 });
    expect((await at.effects.send(effect.id)).effect.result).toBe("key [redacted] used\ufffd");
  });

  test("what nothing supports in the accepted text keeps it from being published, until a person answers for the words", async () => {
    await using at = await opened({ policy: { publish: "auto", write: "auto" } });
    const of = { task_id: "task_a", goal_id: "goal_a" };
    const claim = { kind: "number", quote: "10,000 teams use it", source: "" };
    const accept = (status: string) =>
      at.store.write("t.accept", async (tx) => {
        const claims = JSON.stringify([{ ...claim, status }]);
        await tx.db.updateTable("deliverables").set({ claims }).where("id", "=", "dlv_0").execute();
      });
    await at.store.write("t.version", async (tx) => {
      await addVersion(tx, { id: "dlv_0", ...of }, "APPROVE");
      await tx.db.updateTable("tasks").set({ deliverable_id: "dlv_0" }).where("id", "=", "task_a").execute();
    });
    const noted = await at.effects.propose({ ...WISH, class: "publish" });
    if ("refused" in noted) throw new Error(noted.refused);
    const { id, hash } = noted.effect;
    for (const status of ["unsupported", "open"]) {
      await accept(status);
      expect(await at.effects.approve(id, { hash, by: "a person" })).toMatchObject({
        refused: expect.stringContaining('("10,000 teams use it"), and nothing unsupported goes out'),
      });
      await at.effects.look();
      expect(await at.get(noted.effect)).toMatchObject({ state: "intent" });
    }
    // What no stranger sees is not held to it.
    await at.approved({ useIndex: 1, class: "write", args: { n: 1 } });
    await at.store.write("t.edit", (tx) => addVersion(tx, { id: "dlv_1", revision: 1, origin: "person", ...of }, "APPROVE"));
    expect(await at.effects.approve(id, { hash, by: "a person" })).toMatchObject({ effect: { state: "approved" } });
  });

  test("not there yet is no proof that it did not happen: somebody may still be at it", async () => {
    const verify: VerifyRule = { tool: "sent", args: {}, found: { matches: "{id}" }, absent: "failed" };
    await using at = await opened({ rules: { verify } });
    let seen = "nothing";
    at.it.answer = async (tool) => (tool === "sent" ? answered(seen) : { kind: "lost", detail: "timeout" });
    const [late, never] = [await at.approved(), await at.approved({ useIndex: 1, args: { n: 1 } })];
    expect((await at.effects.send(late.id)).effect.state).toBe("unknown");
    expect((await at.effects.send(never.id)).effect.state).toBe("unknown");
    at.it.now = NOON + 6 * MINUTE;
    await at.effects.look();
    expect([(await at.get(late)).state, (await at.get(never)).state]).toEqual(["unknown", "unknown"]);
    seen = late.id;
    at.it.now = NOON + 2 * HOUR;
    await at.effects.look();
    expect([(await at.get(late)).state, (await at.get(never)).state]).toEqual(["confirmed", "failed"]);
  });

  test("an unknown effect is proven by the catalogue's read, else a person is waited for", async () => {
    const verify: VerifyRule = { tool: "sent", args: { key: "{id}" }, found: { path: "items.*.key", matches: "^{id}$" } };
    await using at = await opened({ rules: { verify } });
    let seen = '{"items":[]}';
    at.it.answer = async (tool) => (tool === "sent" ? answered(seen) : { kind: "lost", detail: "reset" });
    const effect = await at.approved();
    const sent = await at.effects.send(effect.id);
    expect(sent).toMatchObject({ effect: { state: "unknown" }, at: NOON + 30_000 });
    at.it.now = NOON + 10_000;
    await at.effects.look();
    expect(at.it.calls.length).toBe(2);
    at.it.now = NOON + MINUTE;
    seen = JSON.stringify({ items: [{ key: "other" }, { key: effect.id }] });
    await at.effects.look();
    expect(await at.get(effect)).toMatchObject({ state: "confirmed", note: "sent says that it happened" });
    expect(at.it.calls.map((call) => call.tool)).toEqual(["send", "sent", "sent"]);
    // Never found: after five looks only a person can say, and it is not sent again.
    seen = "{}";
    const lost = await at.approved({ useIndex: 1, args: { n: 1 } });
    await at.effects.send(lost.id);
    for (let hour = 1; hour < 20; hour++) {
      at.it.now += HOUR;
      await at.effects.look();
    }
    expect((await at.get(lost)).state).toBe("unknown");
    expect(at.it.calls.slice(3).map((call) => call.tool)).toEqual(["send", "sent", "sent", "sent", "sent", "sent"]);
  });
});

describe("proofs by reading", () => {
  const values = { id: "act_1", args: { to: "a.b@x.co", n: 3, deep: { list: ["x"] } } };
  test("arguments are filled in and keep their kind; one that is missing means no read", () => {
    const rule = (args: Record<string, unknown>): VerifyRule => ({ tool: "t", args, found: { matches: "x" } });
    expect(verifyArgs(rule({ a: "{arg:n}", b: "to {arg:to}", c: ["{id}"], d: { e: "{arg:deep.list.0}" } }), values)).toEqual({
      a: 3,
      b: "to a.b@x.co",
      c: ["act_1"],
      d: { e: "x" },
    });
    for (const args of [{ a: "{arg:none}" }, { a: ["x {arg:none}"] }, { a: "{arg:__proto__}" }])
      expect(verifyArgs(rule(args), values)).toBeNull();
  });
  test("what is filled in is words, never a pattern", () => {
    const rule: VerifyRule = { tool: "t", args: {}, found: { matches: "^{arg:to}$" } };
    expect(readVerdict(rule, values, "a.b@x.co")).toBe("happened");
    expect(readVerdict(rule, values, "aXb@x.co")).toBe("unclear");
    expect(readVerdict({ ...rule, absent: "failed" }, values, "aXb@x.co")).toBe("did_not");
    expect(readVerdict({ ...rule, absent: "failed" }, { ...values, args: {} }, "x")).toBe("unclear");
    // An answer that cannot be read proves nothing.
    expect(readVerdict({ ...rule, absent: "failed", found: { path: "a", matches: "b" } }, values, "<html>")).toBe("unclear");
    expect(readVerdict({ ...rule, found: { path: "state", matches: "^sent$" } }, values, '{"state":"sent"}')).toBe("happened");
  });
});

test("a preview names all who are reached, shows every argument, and is no command to anybody", () => {
  const args = {
    to: [{ name: "Ann", email: "Ann@x.co" }, { email: "bob@x.co" }],
    cc: "Ann <ann@x.co>, c@x.co",
    text: "```\n# Hi\u001b[2J\u202e",
  };
  expect([...recipientsIn(args)].sort()).toEqual(["ann@x.co", "bob@x.co", "c@x.co"]);
  const { preview, recipients } = previewOf({ server: "mail", tool: "send", class: "send", args });
  expect(recipients).toBe(3);
  expect(preview).toContain("Recipients: 3 (ann@x.co, bob@x.co, c@x.co)");
  expect(preview).toContain("    ```\n    # Hi[2J");
  expect(preview).not.toMatch(/[\u001b\u202e]/);
  expect(previewOf({ server: "m", tool: "t", class: "send", args: { list: "all" } })).toMatchObject({ recipients: null });
  expect(previewOf({ server: "m", tool: "t", class: "write", args: { text: "x".repeat(9_000) } }).preview).toContain(
    "5000 more characters",
  );
});

describe("links", () => {
  const claim = { id: `act_${"0".repeat(26)}`, choice: "approve" as const, expiresAt: NOON };
  test("one character changed, another effect, answer, hash, time or secret: false; too late: late", () => {
    const token = signLink("secret", claim, "hash");
    const link = readLink(token);
    if (!link) throw new Error("cannot be read");
    expect(verifyLink("secret", link, { hash: "hash", now: NOON - 1 })).toBe("good");
    expect(verifyLink("secret", link, { hash: "hash", now: NOON })).toBe("late");
    expect(verifyLink("secret", link, { hash: "other", now: 0 })).toBe("false");
    expect(verifyLink("another", link, { hash: "hash", now: 0 })).toBe("false");
    for (let i = 0; i < token.length; i++)
      for (const letter of ["a", "r", "0", "z", "-", "."]) {
        const forged = `${token.slice(0, i)}${letter}${token.slice(i + 1)}`;
        if (forged === token) continue;
        const read = readLink(forged);
        expect(read === null ? "false" : verifyLink("secret", read, { hash: "hash", now: 0 })).toBe("false");
      }
  });

  test("GET shows and never answers; POST answers once; everything is escaped, nothing runs", async () => {
    await using at = await opened();
    const noted = await at.effects.propose({ ...WISH, args: { to: "a@x.co", text: "<script>alert(1)</script>\"'&" } });
    if ("refused" in noted) throw new Error(noted.refused);
    const { effect } = noted;
    const links = createApprovalLinks({ store: at.store, publicUrl: "https://m.example/", now: () => at.it.now });
    let woken = 0;
    const pages = createApprovalPages({ store: at.store, effects: at.effects, links, answered: () => woken++ });
    const urls = await links.links(effect);
    if (!urls) throw new Error("no links");
    expect(urls.approve).toStartWith("https://m.example/approve/act_");
    const ask = async (url: string, method = "GET", body?: string) => {
      const response = await pages(new Request(url, { method, ...(body === undefined ? {} : { body }) }), new URL(url).pathname);
      if (!response) throw new Error("not ours");
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const shown = await ask(urls.approve);
    expect([shown.status, await at.get(effect)]).toEqual([200, effect]);
    expect(shown.text).toContain("Approve exactly this");
    expect(shown.text).toContain("&#60;script&#62;");
    expect(shown.text).not.toContain("<script");
    expect(shown.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(shown.headers.get("referrer-policy")).toBe("no-referrer");
    await ask(urls.approve, "HEAD");
    expect((await ask(`${urls.approve}x`)).status).toBe(404);
    expect((await ask(urls.approve, "PUT")).status).toBe(405);
    expect((await ask("https://m.example/approve/")).status).toBe(404);
    expect(await pages(new Request("https://m.example/webhook"), "/webhook")).toBeNull();
    expect((await at.get(effect)).state).toBe("intent");
    // A link to reject cannot approve.
    expect((await ask(urls.reject)).text).not.toContain("Approve");
    const first = await ask(urls.approve, "POST");
    expect([first.status, (await at.get(effect)).approvedBy, woken]).toEqual([200, "a signed link", 1]);
    expect((await ask(urls.approve, "POST")).status).toBe(409);
    expect((await ask(urls.approve)).text).toContain("It is approved");
    at.it.now = NOON + 24 * HOUR;
    expect((await ask(urls.approve, "POST")).status).toBe(410);
    expect((await at.store.read((read) => listEffects(read))).map((one) => one.state)).toEqual(["approved"]);
  });

  test("through the daemon's door: no token is asked for, and what is not ours goes on as before", async () => {
    await using at = await opened();
    const noted = await at.effects.propose(WISH);
    if ("refused" in noted) throw new Error(noted.refused);
    const links = createApprovalLinks({ store: at.store, publicUrl: null, now: () => at.it.now });
    const door = createDoor({
      bus: { accept: () => Promise.reject(new Error("nothing was posted")) },
      health: () => ({ ready: true, level: "full", reasons: [] }),
      metrics: () => "",
      approvals: createApprovalPages({ store: at.store, effects: at.effects, links, answered: () => {} }),
      tokens: [],
      sources: new Map(),
      host: "127.0.0.1",
      port: 0,
      log: silentLog,
      now: Date.now,
    });
    try {
      const url = `${door.url}/approve/${await links.token(noted.effect, "approve")}`;
      expect((await fetch(url)).headers.get("content-type")).toContain("text/html");
      expect((await fetch(`${url}/`)).status).toBe(200);
      const big = await fetch(url, { method: "POST", body: "x".repeat(400_000) });
      expect([big.status, (await at.get(noted.effect)).state]).toEqual([413, "intent"]);
      expect((await fetch(url, { method: "POST" })).status).toBe(200);
      expect((await at.get(noted.effect)).state).toBe("approved");
      expect((await fetch(`${door.url}/approve`)).status).toBe(404);
      expect((await fetch(`${door.url}/webhook`, { method: "POST" })).status).toBe(401);
    } finally {
      await door.stop();
    }
  });

  test("a rejection by link carries its note, and without an address there are no links", async () => {
    await using at = await opened();
    const noted = await at.effects.propose(WISH);
    if ("refused" in noted) throw new Error(noted.refused);
    const links = createApprovalLinks({ store: at.store, publicUrl: null, now: () => at.it.now });
    expect(await links.links(noted.effect)).toBeNull();
    const pages = createApprovalPages({ store: at.store, effects: at.effects, links, answered: () => {} });
    const url = `http://x/approve/${await links.token(noted.effect, "reject")}`;
    const answer = await pages(new Request(url, { method: "POST", body: "note=Not+on+a+Friday" }), new URL(url).pathname);
    expect(answer?.status).toBe(200);
    expect(await at.get(noted.effect)).toMatchObject({ state: "rejected", note: "Not on a Friday" });
  });
});
