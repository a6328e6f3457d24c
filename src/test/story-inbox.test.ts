/** Stories of `events --inbox`, `events show` and `events replay`, through the real command line. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "../log/log.ts";
import { loadRegistry } from "../skills/registry.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { createBus } from "../triggers/event-bus.ts";
import { createWorkspace } from "../workspace/workspace.ts";
import { incoming } from "./bus.ts";
import { command, lanes, ROOT, tempDir } from "./cli.ts";
import { CAPS } from "./team.ts";

const story = (name: string, body: () => Promise<void>) => test(name, body, 60_000);

const dir = await tempDir();
const workspace = join(dir.path, "workspace");
const ids: Record<string, string> = {};
let goal = "";

beforeAll(async () => {
  const { registry } = await loadRegistry({ root: ROOT });
  if (!registry) throw new Error("the shipped registry does not load");
  await mkdir(join(workspace, ".marketeam"), { recursive: true });
  const path = join(workspace, ".marketeam/marketeam.db");
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached: () => {} });
  const bus = createBus({
    team: {
      store,
      registry,
      journal: { call: () => Promise.reject(new Error("no model here")), refuseNew: () => {} },
      workspace: createWorkspace({ root: workspace, reached: () => {} }),
      secrets: [],
      caps: CAPS,
      now: Date.now,
      log: silentLog,
    },
    rehearsal: false,
  });
  const take = async (name: string, type: string, data: object) => {
    const { event } = await bus.accept(incoming(type, data, { source: "shop-monitor", key: `their-${name}` }));
    ids[name] = event.id;
    goal ||= event.goalId ?? "";
  };
  await take("started", "traffic_drop", { percentageDrop: 31.5, page: "/pricing\u001b[2J\u202e" });
  await take("cooling", "traffic_drop", { drop: 40 });
  await take("refused", "conversion_drop", { drop: "12 %" });
  await take("unmapped", "trafic_drop", {});
  await store.close();
});
afterAll(() => dir[Symbol.asyncDispose]());

const door = (at: string) => {
  const run = (...args: string[]) => command([...args, "--workspace", at]);
  const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout) as Record<string, unknown>;
  return { run, json };
};
const { run, json } = door(workspace);

story("the inbox: what came, what it matched, what was decided and why", async () => {
  const { inbox } = (await json("events", "--inbox")) as { inbox: Record<string, unknown>[] };
  expect(inbox).toMatchObject([
    {
      id: ids.started,
      source: "shop-monitor",
      type: "traffic_drop",
      decision: "started",
      pipeline: "SEO Cycle",
      goal,
      reason: "percentageDrop is 31.5, above 20",
    },
    {
      id: ids.cooling,
      decision: "ignored",
      pipeline: "SEO Cycle",
      goal: null,
      reason: expect.stringContaining(`${ids.started} started ${goal}`),
    },
    { id: ids.refused, decision: "refused", pipeline: "Conversion Sprint", reason: "data.drop is text, not a number" },
    { id: ids.unmapped, decision: "unmapped", pipeline: null, reason: 'nothing is mapped to it: did you mean "traffic_drop"?' },
  ]);
  const { stdout, code } = await run("events", "--inbox");
  expect(code).toBe(0);
  for (const words of [
    "started: percentageDrop is 31.5, above 20",
    goal,
    "refused: data.drop is text, not a number",
    "did you mean",
  ])
    expect(stdout).toContain(words);
  expect(((await json("events", "--inbox", "--limit", "1")) as { inbox: { id: string }[] }).inbox[0]?.id).toBe(
    ids.unmapped ?? "",
  );
});

story("one event, whole, with its payload, and nothing that a terminal would obey", async () => {
  const shown = await json("events", "show", ids.started ?? "");
  expect(shown).toMatchObject({ id: ids.started, data: { percentageDrop: 31.5, page: "/pricing\u001b[2J\u202e" } });
  const { stdout } = await run("events", "show", ids.started ?? "");
  for (const words of ["their-started", "SEO Cycle", goal, '"percentageDrop": 31.5']) expect(stdout).toContain(words);
  expect(stdout).not.toContain("\u001b");
});

story("replay: refused by the cooldown, started with --force, and the new row says what it repeats", async () => {
  // A replay adds a row: it has a workspace of its own, whichever story comes first.
  const apart = join(dir.path, "apart");
  await cp(workspace, apart, { recursive: true });
  const { run, json } = door(apart);
  const held = await run("events", "replay", ids.started ?? "");
  expect(held.code).toBe(1);
  expect(held.stdout).toContain("cooldown until");
  expect(held.stdout).toContain("--force");
  const forced = await json("events", "replay", ids.started ?? "", "--force");
  expect(forced).toMatchObject({ decision: "started", replays: ids.started });
  const { goals } = (await json("status")) as { goals: { goal: string; source: string }[] };
  expect(goals.map((entry) => entry.goal).toSorted()).toEqual([goal, String(forced.goal)].toSorted());
  expect(goals.every((entry) => entry.source === "event:traffic_drop")).toBe(true);
  expect((await run("show", String(forced.goal))).stdout).toContain("SEO Cycle");
});

story("what is mistyped is said in one line, with exit 2", async () => {
  const wrong: [string[], string][] = [
    [["events", "sho", "x"], 'did you mean "show"?'],
    [["events", "show"], "show which event?"],
    [["events", "show", "event_zzz"], 'there is no event "event_zzz"'],
    [["events", "show", "!"], "is not the id of an event"],
    [["events", "show", "event_"], "is not the id of an event"],
    [["events", "replay", "0"], "there is no event|several"],
    [["events", "--force"], "--force belongs to"],
    [["events", "show", "x", "--force"], "--force belongs to"],
    [["events", "replay", "x", "--inbox"], "--inbox does not belong"],
    [["events", "--inbox", "--goal", "last"], "--inbox excludes"],
    [["events", "--inbox", "--mappings"], "--inbox excludes"],
  ];
  const lane = lanes(2);
  const runs = await Promise.all(wrong.map(([args]) => lane(() => run(...args))));
  for (const [i, [args, words]] of wrong.entries()) {
    const { code, stderr, stdout } = runs[i] as (typeof runs)[number];
    expect([args.join(" "), code, stdout]).toEqual([args.join(" "), 2, ""]);
    expect(stderr).toMatch(new RegExp(words.replace("?", "\\?").replace("!", "\\!")));
  }
  const nowhere = join(dir.path, "none");
  expect((await command(["events", "--inbox", "--workspace", nowhere])).stdout).toContain("Nothing has come from outside yet");
  expect(await Bun.file(nowhere).exists()).toBe(false);
});
