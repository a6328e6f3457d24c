/** Fuzz of what comes from outside: links, pages, events, addresses, ids, tools' schemas, arguments and answers, and typed commands. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createApprovalPages } from "../../api/approval-pages.ts";
import { isMap, mapOf } from "../../api/body.ts";
import { readPlainEvent } from "../../api/plain-event.ts";
import { actionHash, canonical, type Effect } from "../../domain/effect.ts";
import { normalAddress, normalDomain, parseSender } from "../../domain/email.ts";
import { checkGoalText, titleOf } from "../../domain/goal.ts";
import { ID_KINDS, idPrefix, newId, SLUG, slug } from "../../domain/id.ts";
import { nano } from "../../domain/money.ts";
import { readLink, signLink } from "../../domain/approval-link.ts";
import { silentLog } from "../../log/log.ts";
import { cleanText, cleanTitle } from "../../notify/message.ts";
import { loadRegistry } from "../../skills/registry.ts";
import { smallTeam } from "../../skills/registry.fixture.ts";
import { getEffect, proposeEffect } from "../../store/effects.ts";
import { listGoals } from "../../store/goals.ts";
import { idsLike } from "../../store/ids.ts";
import { openSqliteStore } from "../../store/sqlite/store.ts";
import type { Store } from "../../store/store.ts";
import { argumentProblems } from "../../tools/arguments.ts";
import { classByArguments, classifyCall } from "../../tools/classify.ts";
import { briefOf } from "../../triggers/event-brief.ts";
import { createBus } from "../../triggers/event-bus.ts";
import { matchEvent, valueAt } from "../../triggers/event-match.ts";
import { createApprovalLinks } from "../../work/effect-links.ts";
import { createEffects } from "../../work/effects.ts";
import { createWorkspace } from "../../workspace/workspace.ts";
import { command as cli, tempDir } from "../cli.ts";
import { harmless, NASTY, runs, spoilt, spoiltValue } from "../fuzz.ts";
import { addGoal, addTask, addVersion, NOON } from "../small-store.ts";

const files = await smallTeam();
await files.write(
  ".agents/events.yaml",
  `events:
  drop: { pipeline: Write And Check, when: { field: [drop, page.drop], above: 20 }, key: page.url, cooldown: 0 }
  push: { pipeline: Look Back, cooldown: 0 }
`,
);
const { registry: loaded } = await loadRegistry({ root: files.root });
if (!loaded) throw new Error("the fixture does not load");
const registry = loaded;
afterAll(() => files[Symbol.asyncDispose]());

const clock = { at: NOON };
let dir: Awaited<ReturnType<typeof tempDir>>;
let store: Store;
beforeAll(async () => {
  dir = await tempDir();
  const path = join(dir.path, "store.db");
  store = await openSqliteStore({ path, tenant: "default", now: () => clock.at, log: silentLog, reached: () => {} });
});
afterAll(async () => {
  await store.close();
  await dir[Symbol.asyncDispose]();
});

describe("approval links", () => {
  let effect: Effect;
  beforeAll(async () => {
    effect = await store.write("t.fill", async (tx) => {
      await addGoal(tx, { id: "goal_a" });
      await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done", deliverable_id: "dlv_0" });
      await addVersion(tx, { id: "dlv_0", task_id: "task_a", goal_id: "goal_a" }, "APPROVE");
      const made = await proposeEffect(tx, {
        ...{ goalId: "goal_a", taskId: "task_a", revision: 0, skill: "writing", step: "make", round: 0, useIndex: 0 },
        ...{ server: "mail", tool: "send", toolHash: "h", args: canonical({ to: "a@example.com" }), class: "send" },
        ...{ preview: "<script>alert(1)</script>", recipients: 1, cost: null, tainted: true, blocked: null },
        ...{ expiresAt: NOON + 3_600_000, rehearsal: false },
      });
      if ("refused" in made) throw new Error(made.refused);
      return made.effect;
    });
  });
  const links = () => createApprovalLinks({ store, publicUrl: "https://door.example/", now: () => clock.at });
  const pages = () =>
    createApprovalPages({
      ...{ store, links: links(), answered: () => {} },
      effects: createEffects({
        ...{ store, server: () => null, toolHash: () => "h", processId: async () => "proc_1", secrets: [], log: silentLog },
        ...{ now: () => clock.at, reached: () => {} },
        rules: () => {
          throw new Error("nothing is sent here");
        },
      }),
    });

  test("no other token than the very one opens anything, however near it is; what is asked with it changes nothing", async () => {
    const approve = await links().token(effect, "approve");
    const open = pages();
    const method = fc.constantFrom("GET", "POST", "HEAD", "PUT", "DELETE");
    // Other encodings of the same characters name the same path.
    const near = fc.oneof(
      spoilt(approve),
      fc.constantFrom(
        approve.replace(".a.", ".r."),
        `${approve}=`,
        approve.toUpperCase(),
        ` ${approve}`,
        approve.replaceAll("-", "+"),
        signLink("other", { id: effect.id, choice: "approve", expiresAt: effect.expiresAt }, effect.hash),
      ),
    );
    await fc.assert(
      fc.asyncProperty(near, method, fc.string(), async (token, method, note) => {
        fc.pre(token !== approve);
        const path = `/approve/${token}`;
        const body = method === "POST" || method === "PUT" ? { body: note } : {};
        const response = await harmless(() => open(new Request("http://localhost/x", { method, ...body }), path));
        expect([404, 410]).toContain(response?.status ?? 0);
        const text = await (response as Response).text();
        expect(text).not.toContain("alert(1)");
        expect((await store.read((read) => getEffect(read, effect.id)))?.state).toBe("intent");
        const link = readLink(token);
        if (link) expect(token).toContain(link.mac);
      }),
      runs(400),
    );
  }, 120_000);

  test("whatever a note or a preview holds, the page has no markup of theirs", async () => {
    const reject = await links().token(effect, "reject");
    const response = await pages()(new Request("http://localhost/x"), `/approve/${reject}`);
    const text = await (response as Response).text();
    expect(text).toContain("&#60;script&#62;");
    expect(text).not.toContain("<script>");
    expect(actionHash(effect)).toBe(effect.hash);
  });
});

describe("events", () => {
  const BODY = {
    id: "evt-1",
    type: "drop",
    source: "shop",
    timestamp: "2026-11-21T16:30:00Z",
    data: { drop: 25, page: { url: "/a", drop: 3 } },
  };

  test("from a body to a decision and a goal's text: nothing in it is taken for anything but data", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          spoiltValue(BODY).map((value) => JSON.stringify(value) ?? ""),
          spoilt(JSON.stringify(BODY)),
        ),
        async (text) => {
          const body = await harmless(() => mapOf(text));
          if ("problem" in body) return expect(body.problem).not.toMatch(/[\n\u001b]/);
          const read = await harmless(() => readPlainEvent(body.map, { text, taken: new Set(["github"]) }));
          if ("problem" in read) return expect(JSON.stringify({ error: read.problem }).length).toBeLessThan(400_000);
          const { event } = read;
          expect(event.source).not.toBe("github");
          const match = await harmless(() => matchEvent(event, registry));
          if (match.fits && match.topic !== null) expect(match.topic.length).toBeLessThan(400);
          const brief = await harmless(() =>
            briefOf({
              type: event.type,
              source: event.source,
              at: NOON,
              because: match.fits ? match.because : "",
              burst: 1,
              data: event.data,
            }),
          );
          expect(brief.length).toBeLessThan(9_000);
          // The fence that the data stand in is closed by the last line, and by no line before it.
          const lines = brief.split("\n");
          const fence = lines.at(-1) ?? "";
          expect(
            lines.slice(lines.findIndex((line) => line.startsWith(fence)) + 1).findIndex((line) => line.startsWith(fence)),
          ).toBe(lines.length - 2 - lines.findIndex((line) => line.startsWith(fence)));
          for (const path of ["__proto__", "constructor.name", "data.__proto__.polluted", "length", "0.1.2"]) {
            const value = valueAt(event.data, path);
            expect(typeof value).not.toBe("function");
          }
        },
      ),
      runs(1_000),
    );
  }, 120_000);

  test("taken in by the bus, many at once: a row for each, a goal for what fits, and the same again is the same", async () => {
    const workspace = createWorkspace({ root: join(dir.path, "workspace"), reached: () => {} });
    const journal = { call: () => Promise.reject(new Error("an event makes no call")), refuseNew: () => {} };
    const caps = { call: nano(1), task: nano(1), goal: nano(1), day: nano(5), month: nano(9) };
    const bus = createBus({
      team: { store, registry, workspace, journal, secrets: ["canary-secret"], caps, now: () => clock.at, log: silentLog },
      rehearsal: false,
    });
    const data = fc.oneof(spoiltValue(BODY.data), fc.constant(BODY.data)).filter(isMap);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("drop", "push", "goal", "constructor", "__proto__"), data, fc.boolean()), {
          minLength: 1,
          maxLength: 12,
        }),
        async (events) => {
          const run = newId("event");
          const incoming = events.map(([type, inner, mayAsk], i) => ({
            ...{
              source: "shop",
              key: `${run} ${i}`,
              hash: `h${i}`,
              type,
              theirType: null,
              mayAsk,
              happenedAt: null,
              data: inner,
            },
          }));
          const goals = async () => (await store.read((read) => listGoals(read, { limit: 100_000 }))).length;
          const before = await goals();
          const first = await harmless(() => Promise.all(incoming.map((one) => bus.accept(one))));
          expect(first.map((receipt) => receipt.status)).toEqual(incoming.map(() => "accepted"));
          const started = new Set(first.flatMap((receipt) => receipt.event.goalId ?? []));
          expect((await goals()) - before).toBe(started.size);
          const again = await Promise.all(incoming.map((one) => bus.accept(one)));
          expect(again.map((receipt) => receipt.status)).toEqual(incoming.map(() => "duplicate"));
          expect((await goals()) - before).toBe(started.size);
          // A goal that is not over would hold back the next one of its topic.
          await store.write("t.end", (tx) => tx.db.updateTable("goals").set({ status: "cancelled" }).execute());
        },
      ),
      runs(10),
    );
  }, 120_000);
});

describe("ids, addresses and words", () => {
  const anything = fc.oneof(
    spoilt("goal_01k9zzzzzzzzzzzzzzzzzzzzzz", "Jo <jo@example.com>", "news@sub.example.co.uk"),
    fc.constantFrom(...NASTY),
    fc.string({ unit: "binary" }),
  );

  test("what is typed for an id finds what begins so, and nothing else", async () => {
    const known = newId("goal");
    await store.write("t.goal", (tx) => addGoal(tx, { id: known }));
    const typed = fc.oneof(
      anything,
      fc.nat(31).map((n) => known.slice(0, n)),
      fc.constantFrom("%", "_", "goal_%", "goal__", "' or 1=1 --", "GOAL_01", "goal_~"),
    );
    await fc.assert(
      fc.asyncProperty(typed, async (text) => {
        for (const kind of ID_KINDS) {
          const prefix = await harmless(() => idPrefix(kind, text));
          if (prefix === null) continue;
          expect(prefix).toMatch(/^[a-z]+_[0-9a-z]{1,26}$/);
          if (kind === "goal")
            for (const id of await store.read((read) => idsLike(read, "goals", prefix))) expect(id.startsWith(prefix)).toBe(true);
          if (kind === "act")
            for (const id of await store.read((read) => idsLike(read, "effects", prefix)))
              expect(id.startsWith(prefix)).toBe(true);
        }
        expect(slug(text)).toMatch(SLUG);
      }),
      runs(300),
    );
  }, 120_000);

  test("an address has one spelling, and what it is compared by stays as it is", () => {
    fc.assert(
      fc.property(anything, (text) => {
        const address = normalAddress(text);
        if (address !== null) {
          expect(normalAddress(address)).toBe(address);
          expect(address).toMatch(/^[\x21-\x7e]+@[a-z0-9.-]+$/);
          expect(address.length).toBeLessThanOrEqual(254);
        }
        const domain = normalDomain(text);
        if (domain !== null) expect(normalDomain(domain)).toBe(domain);
        const sender = parseSender(text);
        // A header is one line: nothing in it begins another.
        if (sender) expect(`${sender.name ?? ""}${sender.address}`).not.toMatch(/[\r\n<>]/);
      }),
      runs(3_000),
    );
  });

  test("a goal's text and a notice's words hold no control characters", () => {
    fc.assert(
      fc.property(anything, (text) => {
        const goal = checkGoalText(text);
        if ("text" in goal) {
          expect(goal.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
          expect(titleOf(goal.text).length).toBeLessThanOrEqual(80);
        } else expect(goal.problem).not.toMatch(/[\u0000-\u001f]/);
        expect(cleanTitle(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        expect(cleanText(text)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
      runs(2_000),
    );
  });
});

describe("tools", () => {
  const SCHEMA = {
    type: "object",
    properties: {
      to: { type: "string", pattern: "^a+$" },
      n: { type: "integer", minimum: 1 },
      list: { type: "array", items: { $ref: "#/$defs/x" } },
    },
    required: ["to"],
    additionalProperties: false,
    $defs: { x: { type: "object", properties: { next: { $ref: "#/$defs/x" } } } },
  };

  test("any schema of any server and any arguments: sentences, or none", async () => {
    const words = fc.constantFrom(
      "$ref",
      "$dynamicRef",
      "$async",
      "$id",
      "$anchor",
      "pattern",
      "not",
      "if",
      "items",
      "dependencies",
    );
    const hostile = fc
      .tuple(words, fc.constantFrom<unknown>("#", "#/$defs/x", "#x", true, "^(a+)+$", 5, null, {}, { $ref: "#" }))
      .map(([key, value]) => ({ ...SCHEMA, [key]: value }));
    const schema = fc.oneof(fc.constant<unknown>(SCHEMA), spoiltValue(SCHEMA), hostile).filter((value) => isMap(value));
    const args = fc.oneof(spoiltValue({ to: "aaa", n: 2, list: [{ next: {} }] }), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(schema, args, async (schema, args) => {
        const problems = await harmless(() => argumentProblems(schema as Record<string, unknown>, args));
        expect(problems.length).toBeLessThanOrEqual(5);
        if (!isMap(args)) expect(problems.length).toBe(1);
        // The text of an action is the same whatever order its arguments come in, and says all of them.
        const text = canonical(args);
        expect(canonical(JSON.parse(text ?? "null"))).toBe(text);
      }),
      runs(120),
    );
  }, 120_000);

  test("arguments make a call no graver and no milder than its rule can say", () => {
    const rule = {
      class: "write",
      when: [
        { arg: "mode.kind", match: "send*", class: "send" },
        { arg: "dry", match: "yes", class: "read", missing: "draft" },
      ],
    } as const;
    fc.assert(
      fc.property(
        fc.oneof(spoiltValue({ mode: { kind: "send now" }, dry: "yes" }), fc.jsonValue()).filter(isMap),
        fc.string(),
        (args, name) => {
          const of = classByArguments(rule as never, args);
          expect(["write", "send", "read", "draft"]).toContain(of);
          if (valueAt(args, "mode.kind") !== undefined && typeof valueAt(args, "mode.kind") !== "string") expect(of).toBe("send");
          const tool = { name, annotations: { readOnlyHint: true } };
          const called = classifyCall(tool as never, args, { server: "s", actions: {}, catalogue: null });
          expect(called.class).not.toBe("");
        },
      ),
      runs(500),
    );
  });
});

describe("typed commands", () => {
  const COMMANDS = [
    ...[
      "status",
      "show",
      "resume",
      "cancel",
      "approvals",
      "effects",
      "approve",
      "reject",
      "costs",
      "learnings",
      "skills",
      "schedules",
    ],
    ...["events", "email", "queue", "tools", "validate", "evals", "doctor", "export", "backup"],
  ];
  const FLAGS = [
    "--json",
    "--note",
    "--all",
    "--limit",
    "--goal",
    "--version",
    "--settle",
    "--usd",
    "--text",
    "--skill",
    "--cron",
    "--zone",
    "--args",
    "--class",
    "--",
    "-",
    "--no-run",
    "--prompt",
    "--scores",
  ];
  const WORDS = ["last", "goal_0", "add", "retire", "next", "run", "show", "replay", "suppress", "1", "-1", "1e9", "NaN", "{}"];
  // No NUL: no shell can pass it.
  const odd = fc
    .oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary", maxLength: 12 }))
    .map((text) => text.toWellFormed().replaceAll("\0", "").slice(0, 2_000));
  const word = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...FLAGS) },
    { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
    { weight: 3, arbitrary: odd },
  );

  test("any words: an answer or one message with what to do, never a stack, and nothing beside the workspace", async () => {
    await using place = await tempDir();
    // A team of its own: `schedules add` may write to it.
    await mkdir(join(place.path, "team", ".agents"), { recursive: true });
    for (const name of await readdir(files.root, { recursive: true })) {
      const file = Bun.file(join(files.root, name));
      if (await file.stat().then((stat) => stat.isFile())) {
        await mkdir(join(place.path, "team", name, ".."), { recursive: true });
        await writeFile(join(place.path, "team", name), await file.bytes());
      }
    }
    const before = (await readdir(place.path)).sort();
    const cwd = join(place.path, "team");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...COMMANDS), fc.array(word, { maxLength: 4 }), async (command, words) => {
        // Behind the words: whatever they are, they name no other folder to write to.
        const env = { WORKSPACE_DIR: join(cwd, "workspace") };
        const run = await cli(command === "backup" ? [command] : [command, ...words], { cwd, env });
        expect([0, 1, 2, 3, 4]).toContain(run.code);
        expect(run.stderr).not.toContain("This is a fault of the program");
        expect(run.stderr).not.toMatch(/\n {4,}at /);
        expect(run.stderr).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
        if (run.code === 2) expect(run.stderr).toContain("error");
        if (
          run.code === 0 &&
          words.includes("--json") &&
          !words.includes("--") &&
          run.stdout.trim() !== "" &&
          !/^(?:Usage|\d)/.test(run.stdout)
        )
          JSON.parse(run.stdout);
        expect((await readdir(place.path)).sort()).toEqual(before);
      }),
      runs(12),
    );
  }, 300_000);
});
