/** `effects` and `approvals` as people type them: lists, one whole, answers one by one and in bulk, the kill switch, bad input. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { canonical } from "../domain/effect.ts";
import { silentLog } from "../log/log.ts";
import { approveEffect } from "../store/effect-answers.ts";
import { endSending, startSending } from "../store/effect-sends.ts";
import { getEffect, listEffects, proposeEffect } from "../store/effects.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import type { Store } from "../store/store.ts";
import type { NewEffect } from "../store/effects.ts";
import { cleanEnv, command, ROOT, tempDir } from "./cli.ts";
import { addGoal, addTask, HOUR } from "./small-store.ts";

const BASE: Omit<NewEffect, "useIndex" | "args" | "class"> = {
  goalId: "goal_a",
  taskId: "task_a",
  revision: 0,
  skill: "writing",
  step: "make",
  round: 0,
  server: "mail",
  tool: "send",
  toolHash: "send as it was",
  preview: "**Sends to people**: `send` of `mail`\n\nRecipients: 2\n",
  recipients: 2,
  cost: null,
  tainted: true,
  blocked: null,
  expiresAt: Date.now() + 48 * HOUR,
  rehearsal: false,
};
type Made = { send: string; write: string; draft: string; later: string; blocked: string; unknown: string; rehearsal: string };

let dir: Awaited<ReturnType<typeof tempDir>>;
let template = "";
let ids: Made;

beforeAll(async () => {
  dir = await tempDir();
  template = join(dir.path, "template");
  const made: Partial<Made> = {};
  await inStore(template, async (store) => {
    await store.write("t.fill", async (tx) => {
      await addGoal(tx, { id: "goal_a", status: "completed" });
      await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done" });
      await addTask(tx, { id: "task_b", goal_id: "goal_a", status: "reviewing" });
      const all: [keyof Made, Partial<NewEffect>][] = [
        ["send", { class: "send" }],
        ["write", { class: "write" }],
        ["draft", { class: "draft" }],
        ["later", { class: "send", taskId: "task_b" }],
        ["blocked", { class: "send", blocked: "2 recipients are more than the 1 of one send" }],
        ["unknown", { class: "send" }],
        ["rehearsal", { class: "send", rehearsal: true }],
      ];
      for (const [i, [name, change]] of all.entries()) {
        const noted = await proposeEffect(tx, {
          ...BASE,
          useIndex: i,
          args: canonical({ to: name, n: i }),
          class: "send",
          ...change,
        });
        if ("refused" in noted) throw new Error(noted.refused);
        made[name] = noted.effect.id;
        if (name !== "unknown") continue;
        await approveEffect(tx, noted.effect.id, { hash: noted.effect.hash, by: "a person" });
        await startSending(tx, noted.effect.id, "proc_gone", { maxRecipients: null, perDay: null });
        await endSending(tx, noted.effect.id, { state: "unknown", result: null, note: "no answer came: reset" });
      }
    });
  });
  ids = made as Made;
});
afterAll(() => dir[Symbol.asyncDispose]());

async function inStore<T>(workspace: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({
    path: join(workspace, ".marketeam/marketeam.db"),
    tenant: "default",
    now: Date.now,
    log: silentLog,
    reached: () => {},
  });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

let copies = 0;
/** A workspace of its own, with `run` for the real command line in it. */
async function workspace() {
  const folder = join(dir.path, `copy-${++copies}`);
  await Bun.$`cp -r ${template} ${folder}`.quiet();
  const run = (...args: string[]) => command([...args, "--workspace", folder]);
  const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout) as Record<string, unknown>;
  const state = (id: string) => inStore(folder, (store) => store.read(async (read) => (await getEffect(read, id))?.state));
  return { folder, run, json, state };
}

/** The command in a child whose server is a fake: `answer` is what it says. */
async function withServer(folder: string, typed: readonly string[], flags: object, answer: object) {
  const code = `import { answerEffects } from "${join(ROOT, "src/cli/effects-answer.ts")}";
    import { openLedger } from "${join(ROOT, "src/cli/effects-open.ts")}";
    import { openApplication } from "${join(ROOT, "src/cli/application.ts")}";
    import { reportError } from "${join(ROOT, "src/cli/errors.ts")}";
    import { createEffects } from "${join(ROOT, "src/work/effects.ts")}";
    import { silentLog } from "${join(ROOT, "src/log/log.ts")}";
    const server = { name: "mail", list: async () => ({ tools: [{ name: "send", description: "", inputSchema: {}, annotations: {} }] }),
      call: async () => (${JSON.stringify(answer)}), state: () => ({}), close: async () => {} };
    const open = async (options) => {
      const app = await openApplication(options);
      const effects = createEffects({ store: app.store, server: () => server, toolHash: () => "send as it was",
        rules: () => ({ policy: {}, ttlMs: 1, maxRecipients: null, perDay: null, verify: null, accepted: true, notBefore: null }),
        processId: async () => (await app.presence()).processId, secrets: [], now: Date.now, log: silentLog, reached: () => {} });
      return { store: app.store, effects, recover: async () => 0, report: async () => {}, [Symbol.asyncDispose]: () => app.shutdown() };
    };
    process.exitCode = await answerEffects(${JSON.stringify(typed)}, ${JSON.stringify({ ...flags, workspace: folder })}, open).catch(reportError);`;
  const child = Bun.spawn([process.execPath, "-e", code], { cwd: ROOT, env: cleanEnv(), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

test("effects lists them with state, what, and who approved; one whole has preview, arguments, history and what one can do", async () => {
  const { run, json } = await workspace();
  const { code, stdout } = await run("effects");
  expect(code).toBe(0);
  expect(stdout.split("\n")[0]).toMatch(/^effect\s+state\s+what\s+approved by\s+asked$/);
  expect(stdout).toMatch(new RegExp(`${ids.unknown}\\s+unknown\\s+send: mail\\.send to 2 recipients\\s+a person`));
  expect(stdout).toContain("1 effect may have happened: only you can look.");
  const list = (await json("effects")) as { effects: { id: string; state: string }[]; stopped: null };
  expect(list.stopped).toBeNull();
  expect(new Set(list.effects.map((effect) => effect.id))).toEqual(new Set(Object.values(ids)));
  expect(((await json("effects", "--limit", "2")).effects as object[]).length).toBe(2);
  const whole = await run("effects", ids.unknown.slice(4));
  expect(whole.stdout).toContain('Exactly these arguments:\n{"n":5,"to":"unknown"}');
  expect(whole.stdout).toContain("read content from outside");
  expect(whole.stdout).toMatch(
    /History:\n.*wants to send with mail\.send, 2 recipients.*\n.*approved by a person.*\n.*on its way.*\n.*nobody knows/,
  );
  expect(whole.stdout).toContain(`bun run start effects ${ids.unknown} --did-not-happen`);
  expect(await json("effects", ids.later)).toMatchObject({
    args: { to: "later" },
    waits: expect.stringContaining("reviewing"),
    version: 1,
  });
});

test("approvals lists what can be answered now, and shows one", async () => {
  const { run, json } = await workspace();
  const { approvals, effects } = (await json("approvals")) as { approvals: object[]; effects: { id: string }[] };
  expect(approvals).toEqual([]);
  const listed = effects.map((effect) => effect.id);
  expect(listed).toEqual([ids.send, ids.write, ids.draft, ids.blocked, ids.unknown, ids.rehearsal]);
  const { stdout } = await run("approvals");
  expect(stdout.split("\n")[0]).toBe("send: mail.send to 2 recipients");
  expect(stdout).toContain("6 actions outside.");
  expect((await run("approvals", ids.send)).stdout).toContain(`approvals ${ids.send} --approve`);
  expect((await run("approvals", ids.send.slice(4))).stdout).toContain("Exactly these arguments");
});

test("completion knows them: what may wait, and all, the newest first", async () => {
  const { folder } = await workspace();
  const words = async (typed: string) => {
    const { stdout } = await command(["complete", "--", typed, "--workspace", folder, ""]);
    return stdout.trimEnd().split("\n").slice(1);
  };
  const newest = Object.values(ids).toReversed();
  expect(await words("effects")).toEqual(newest.map((id) => `${id}\t${id === ids.unknown ? "unknown" : "intent"}: send`));
  expect((await words("approvals")).map((line) => line.split("\t")[0])).toEqual(newest);
});

test("an approval sends at once and says what became of it: done 0, refused 1, lost 4", async () => {
  const { folder, state } = await workspace();
  const yes = { approve: true };
  const good = await withServer(folder, [ids.send, ids.write], yes, { kind: "answered", text: "ok", isError: false });
  expect([good.code, good.stdout.match(/: confirmed/g)?.length]).toEqual([0, 2]);
  // The preview stands before the answer, and away from the result.
  expect(good.stderr).toContain("Recipients: 2");
  const again = await withServer(folder, [ids.send], yes, {});
  expect([again.code, again.stdout, again.stderr]).toEqual([
    2,
    "",
    expect.stringContaining(`${ids.send} cannot be approved: it is confirmed`),
  ]);
  const lost = await withServer(folder, [ids.draft], yes, { kind: "lost", detail: "reset" });
  expect([lost.code, lost.stdout]).toEqual([4, expect.stringContaining("It may have happened")]);
  expect(await state(ids.draft)).toBe("unknown");
  const play = await withServer(folder, [ids.rehearsal], { ...yes, json: true }, { kind: "lost", detail: "never called" });
  expect([play.code, JSON.parse(play.stdout)]).toEqual([
    0,
    { approved: [expect.objectContaining({ state: "failed", note: "a rehearsal does nothing outside", rehearsal: true })] },
  ]);
});

test("where its server is not connected it is approved and waits (4); in bulk only drafts and writes", async () => {
  const { run, json, state } = await workspace();
  const waits = await run("approvals", "--approve", "--all", "--class", "write");
  expect([waits.code, waits.stdout]).toEqual([
    4,
    expect.stringContaining("approved; it waits: the server mail is not connected here"),
  ]);
  expect([await state(ids.write), await state(ids.draft)]).toEqual(["approved", "intent"]);
  for (const kind of ["send", "spend", "delete", "admin", "publish"]) {
    const refused = await run("approvals", "--approve", "--all", "--class", kind);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`nothing of class ${kind} is approved in bulk`)]);
  }
  expect((await run("approvals", "--approve", "--all")).code).toBe(2);
  expect(await state(ids.send)).toBe("intent");
  const { rejected } = (await json("approvals", "--reject", "--all", "--note", "not now")) as {
    rejected: { state: string; note: string }[];
  };
  expect(rejected.length).toBe(5);
  expect(rejected.every((effect) => effect.state === "rejected" && effect.note === "not now")).toBe(true);
});

test("one that cannot be approved stops all that were named with it", async () => {
  const { run, state } = await workspace();
  for (const [bad, words] of [
    [ids.later, "reviewing"],
    [ids.blocked, "more than the 1"],
    [ids.unknown, "it is unknown"],
    ["act_zzzz", "there is no effect"],
  ] as const) {
    const refused = await run("approvals", ids.send, bad, "--approve");
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([2, "", expect.stringContaining(words)]);
  }
  expect(await state(ids.send)).toBe("intent");
});

test("the kill switch drops what has not left, and says what cannot be taken back", async () => {
  const { run, json } = await workspace();
  const stop = await run("effects", "--stop");
  expect([stop.code, stop.stdout]).toEqual([0, expect.stringContaining("6 effects will not be sent")]);
  expect(stop.stdout).toContain("cannot be taken back (1 effect");
  expect(stop.stdout).toContain(ids.unknown);
  expect((await run("effects")).stdout).toStartWith("Stopped: everything outside was stopped by a person");
  expect(await json("effects", "--stop")).toMatchObject({ stopped: [], gone: [{ id: ids.unknown }] });
  expect(await json("effects", "--resume")).toEqual({ resumed: true });
  expect((await run("effects", "--resume")).stdout).toBe("Nothing was stopped.\n");
});

test("the kill switch works when the team's files do not", async () => {
  const { folder, state } = await workspace();
  const broken = join(dir.path, "broken");
  await Bun.write(join(broken, "skills.yaml"), "squads: [");
  await Bun.write(join(broken, "tools.yaml"), "mcpServers: [");
  const stop = await command(["effects", "--stop", "--workspace", folder], { cwd: broken });
  expect([stop.code, await state(ids.send)]).toEqual([0, "stopped"]);
  expect((await command(["effects", "--resume", "--workspace", folder], { cwd: broken })).code).toBe(0);
});

test("a person settles what nobody knows, once; a send whose process is gone is found by the list", async () => {
  const { folder, run, json, state } = await workspace();
  const said = await run("effects", ids.unknown, "--did-not-happen", "--note", "not in the outbox");
  expect([said.code, said.stdout]).toEqual([
    0,
    expect.stringContaining("a person says that it did not happen: not in the outbox"),
  ]);
  expect(await state(ids.unknown)).toBe("failed");
  expect((await run("effects", ids.unknown, "--happened")).code).toBe(2);
  await inStore(folder, (store) =>
    store.write("t.s", async (tx) => {
      const effect = await getEffect(tx, ids.send);
      await approveEffect(tx, ids.send, { hash: effect?.hash ?? "", by: "a person" });
      await startSending(tx, ids.send, "proc_dead", { maxRecipients: null, perDay: null });
    }),
  );
  const { effects } = (await json("effects")) as { effects: { id: string; state: string }[] };
  expect(effects.find((effect) => effect.id === ids.send)?.state).toBe("unknown");
  expect((await inStore(folder, (store) => store.read((read) => listEffects(read, { states: ["sent"] })))).length).toBe(0);
});

test("bad input is one clear line and exit 2, and makes nothing", async () => {
  const { run } = await workspace();
  const cases: [string[], string][] = [
    [["effects", "--stop", "--resume"], "exclude each other"],
    [["effects", ids.send, "--stop"], "concerns everything"],
    [["effects", "--happened"], "say which effect"],
    [["effects", ids.send, "--happened"], "only what is unknown"],
    [["effects", "--note", "x"], "--note goes with"],
    [["effects", "nonsense!"], "is not the id of an effect"],
    [["effects", "act_zz"], "there is no effect"],
    [["effects", "--limit", "0"], "--limit"],
    [["approvals", "--approve"], "say which effects"],
    [["approvals", ids.send, "--approve", "--reject"], "exclude each other"],
    [["approvals", ids.send, "--approve", "--note", "x"], "--note goes with --reject"],
    [["approvals", ids.send, "--all", "--reject"], "exclude each other"],
    [["approvals", "--class", "write"], "--class goes with"],
    [["approvals", "--reject", "--class", "write", ids.send], "--class goes with --all"],
    [["approvals", ids.send, ids.write], "name one"],
    [["approvals", "ask_01", "--approve"], "is a question"],
    [["approvals", "--all", "--approve", "--class", "rubbish"], "Allowed choices"],
  ];
  const results = await Promise.all(cases.map(([args]) => run(...args)));
  for (const [i, [args, words]] of cases.entries()) {
    const { code, stdout, stderr } = results[i] ?? { code: -1, stdout: "", stderr: "" };
    expect({ args, code, stdout, stderr }).toEqual({ args, code: 2, stdout: "", stderr: expect.stringContaining(words) });
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  }
  const none = join(dir.path, "none");
  const empty = await command(["effects", "--workspace", none]);
  expect([empty.code, empty.stdout]).toEqual([0, "Nothing was done outside, and nothing is to be.\n"]);
  expect((await command(["effects", "act_1", "--workspace", none])).code).toBe(2);
  expect(await Bun.file(join(none, ".marketeam/marketeam.db")).exists()).toBe(false);
}, 60_000);
