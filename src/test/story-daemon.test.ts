/** Stories of the daemon through the real command line, alone with Bun and on PostgreSQL with Redis; the model's side is a rehearsal server. */

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { parseFault } from "../model/rehearsal/faults.ts";
import { startRehearsal, type Rehearsal } from "../model/rehearsal/server.ts";
import { BRIEF, cli, command, lanes, tempDir } from "./cli.ts";
import { readDaemonBooks } from "./daemon/books.ts";
import { inboxFaults, restFaults, tickFaults, workFaults } from "./daemon/checks.ts";
import { places, type Place, type Truth } from "./daemon/places.ts";
import { pollUntil } from "./daemon/poll.ts";
import { startDaemonProcess, type DaemonProcess } from "./daemon/program.ts";
import { makeTeam } from "./daemon/root.ts";
import { post, TOKEN } from "./daemon/world.ts";
import { CAPS } from "./kill/life.ts";
import { seenIn } from "./kill/witness.ts";

const LIMIT_MS = 120_000;
const NEVER_MS = 600_000;
const EVENTS = `events:
  quick: { pipeline: Short, cooldown: 0 }
  once: { pipeline: Short, cooldown: 3600 }
`;
const { all: PLACES, stop } = await places();
/** Where what is told is the process's own, one place shows it: the one with more to close and to wait for, when it is there. */
const ONE = PLACES.findLast((place) => place.ok);
const turn = lanes(3);
afterAll(stop);

for (const place of PLACES) {
  const story = (name: string, run: () => Promise<void>, here = true) =>
    here && test.skipIf(!place.ok).concurrent(`${place.name}: ${name}`, () => turn(run), LIMIT_MS);

  story("a missed tick is made up for, events come in, health and figures are told, and a restart goes on", async () => {
    await using it = await startScene(place, {
      latencyMs: 300,
      schedules: `schedules:\n  hourly: { cron: "0 * * * *", pipeline: Short, catch_up: once }\n`,
    });
    const first = it.start();
    const url = (await first.ready) ?? "";
    await it.until("the schedule is known", "select count(*) as n from schedules", 1);
    expect(await json(`${url}/health`)).toMatchObject({ ready: true, level: "full" });
    expect((await post(url, { id: "a", type: "quick" }, null))?.status).toBe(401);
    expect((await post(url, { id: "a", type: "quick" }, "wrong"))?.status).toBe(401);
    const taken = await post(url, { id: "a", type: "quick", data: { n: 1 } });
    expect(taken).toMatchObject({ status: 202, body: { status: "accepted", decision: "started" } });
    expect(await post(url, { id: "a", type: "quick", data: { n: 1 } })).toMatchObject({ status: 200, id: taken?.id });
    expect((await post(url, { id: "a", type: "quick", data: { n: 2 } }))?.status).toBe(409);
    expect((await post(url, { id: "b", type: "unheard-of", data: {} }))?.body).toMatchObject({ decision: "unmapped" });
    const figures = await (await fetch(`${url}/metrics`)).text();
    expect(figures).toMatch(/source="webhook",decision="started"\} 1\n/);
    expect(await ended(first)).toBe(0);
    expect((await it.books()).goals).toMatchObject([{ status: "running" }]);

    await it.truth.change("update schedules set considered = considered - 7200000");
    const second = it.start();
    await second.ready;
    await it.until("both goals are done", "select count(*) as n from goals where status = 'completed'", 2);
    expect(await ended(second)).toBe(0);
    const books = await it.books();
    expect(books.sources.map((goal) => goal.source).sort()).toEqual(["event:quick", "schedule:hourly"]);
    expect(books.ticks).toMatchObject([{ name: "hourly", outcome: "fired" }]);
    expect([...inboxFaults(books, []), ...tickFaults(books)]).toEqual([]);
    expect(it.faults(books)).toEqual([]);
    // Both said goodbye.
    expect(books.processes).toBe(0);
  });

  story("32 equal events at once to two daemons start one goal, and a tick that both see fires once", async () => {
    await using it = await startScene(place, {
      schedules: `schedules:\n  hourly: { cron: "0 * * * *", pipeline: Short, catch_up: once }\n`,
    });
    await it.knows("hourly", "0 * * * * UTC");
    await it.truth.change("update schedules set considered = considered - 7200000");
    const both = [it.start(), it.start()];
    const urls = await Promise.all(both.map((daemon) => daemon.ready));
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, i) => post(urls[i % 2] ?? "", { id: "same", type: "once", data: { page: "/a" } })),
    );
    expect(answers.map((answer) => answer?.status).sort()).toEqual([...Array<number>(31).fill(200), 202]);
    expect(new Set(answers.map((answer) => answer?.id)).size).toBe(1);
    // Other ids, the same thing: the cooldown lets one of all start a goal, and that one has been.
    const others = await Promise.all(
      Array.from({ length: 8 }, (_, i) => post(urls[i % 2] ?? "", { id: `other-${i}`, type: "once", data: { page: "/a" } })),
    );
    expect(others.map((answer) => answer?.body["decision"])).toEqual(Array(8).fill("ignored"));
    await it.until("both goals are done", "select count(*) as n from goals where status = 'completed'", 2);
    expect(await Promise.all(both.map(ended))).toEqual([0, 0]);
    const books = await it.books();
    expect(books.goals).toHaveLength(2);
    expect([...inboxFaults(books, []), ...tickFaults(books), ...it.faults(books)]).toEqual([]);
  });

  story("SIGTERM in the middle of ten calls: what is answered in time is stored, exit 0, nobody is left behind", async () => {
    await using it = await startScene(place, { latencyMs: 2_500, env: { MAX_PARALLEL_AGENTS: "10" } });
    const daemon = it.start();
    const url = (await daemon.ready) ?? "";
    await Promise.all(Array.from({ length: 10 }, (_, n) => post(url, { id: `e${n}`, type: "quick", data: { n } })));
    await pollUntil("ten calls are on their way", () => it.requests().length === 10 && it.answered() === 0);
    const children = childrenOf(daemon.pid);
    expect(await ended(daemon)).toBe(0);
    expect([daemon.pid, ...children].filter(running)).toEqual([]);
    expect(it.answered()).toBe(10);
    const books = await it.books();
    expect(books.calls.map((call) => call.state)).toEqual(Array(10).fill("settled"));
    // Nothing new was begun after the signal.
    expect(it.requests()).toHaveLength(10);
    expect(books.processes).toBe(0);
  });

  story(
    "a second signal ends it at once, and the next one goes on",
    async () => {
      await using it = await startScene(place, { latencyMs: NEVER_MS });
      const daemon = it.start();
      const url = (await daemon.ready) ?? "";
      await post(url, { id: "e", type: "quick", data: {} });
      await pollUntil("a call is on its way", () => it.requests().length === 1);
      daemon.signal("SIGTERM");
      expect(await daemon.said("Stopping")).toBe(true);
      const since = performance.now();
      daemon.signal("SIGTERM");
      expect(await daemon.exited).toBe(0);
      expect(performance.now() - since).toBeLessThan(10_000);
      await using fast = await startModel(0);
      const next = it.start({ ANTHROPIC_BASE_URL: fast.model.url });
      await it.until("the goal is done", "select count(*) as n from goals where status = 'completed'", 1);
      expect(await ended(next)).toBe(0);
    },
    place === ONE,
  );

  story(
    "a model outage parks goals, health says so, and they resume by themselves",
    async () => {
      await using it = await startScene(place, {});
      it.model.setFaults([fault("spend_limit x*")]);
      const daemon = it.start();
      const url = (await daemon.ready) ?? "";
      for (const n of [1, 2, 3]) await post(url, { id: `e${n}`, type: "quick", data: { n } });
      await it.until(
        "the goals are parked",
        "select count(*) as n from goals where status = 'paused' and pause = 'model_away'",
        3,
      );
      expect(await json(`${url}/health`)).toMatchObject({
        level: "limited",
        reasons: ["3 goals wait because the model could not be reached"],
      });
      it.model.setFaults([]);
      await it.until("the goals are done", "select count(*) as n from goals where status = 'completed'", 3);
      expect(await ended(daemon)).toBe(0);
      const books = await it.books();
      expect([...restFaults(books, ["completed"]), ...it.faults(books)]).toEqual([]);
    },
    place === ONE,
  );
}

test.concurrent(
  "the first start asks: without a yes and without a terminal it is refused, and nothing is started",
  async () => {
    await using dir = await tempDir();
    const { code, stderr } = await cli(["--daemon", "--workspace", join(dir.path, "workspace")], {
      env: { ANTHROPIC_API_KEY: "x", PORT: "0" },
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining("--yes")]);
    // What it would have started, and what a month of that costs, was said before.
    expect(stderr).toMatch(/Together \$[\d.]+ to \$/);
  },
  LIMIT_MS,
);

const shared = PLACES.find((place) => place.name.includes("Redis"));
test.skipIf(!shared?.ok).concurrent(
  "two projects on one Redis: each works on its own goals, under keys of its own",
  () =>
    turn(async () => {
      if (!shared) return;
      await using one = await startScene(shared, {});
      await using other = await startScene(shared, {});
      const scenes = [one, other];
      const daemons = scenes.map((scene) => scene.start());
      await Promise.all(
        daemons.map(async (daemon, s) => {
          const url = (await daemon.ready) ?? "";
          for (let n = 0; n < 5 + s; n++) await post(url, { id: `e${n}`, type: "quick", data: { n, project: s } });
        }),
      );
      for (const [s, scene] of scenes.entries())
        await scene.until("its goals are done", "select count(*) as n from goals where status = 'completed'", 5 + s);
      const redis = new Redis(one.truth.env["REDIS_URL"] ?? "");
      for (const scene of scenes) {
        const [row] = await scene.truth.ask<{ value: string }>("select value from meta where key = 'default/project'");
        expect((await redis.keys(`marketeam:default:${row?.value}:*`)).length).toBeGreaterThan(0);
      }
      redis.disconnect();
      expect(await Promise.all(daemons.map(ended))).toEqual([0, 0]);
      for (const [s, scene] of scenes.entries()) {
        const books = await scene.books();
        // Its own witness saw its own calls and no others.
        expect([books.goals.length, ...scene.faults(books)]).toEqual([5 + s]);
      }
    }),
  LIMIT_MS,
);

type SceneOptions = { readonly schedules?: string; readonly latencyMs?: number; readonly env?: Record<string, string> };

/** A team, a workspace, a place for its truth, and a model's server; every daemon that was started is ended with it. */
async function startScene(place: Place, { schedules, latencyMs = 0, env = {} }: SceneOptions) {
  const dir = await tempDir();
  const [root, workspace] = [join(dir.path, "team"), join(dir.path, "workspace")];
  await makeTeam(root, { events: EVENTS, ...(schedules === undefined ? {} : { schedules }) });
  await mkdir(workspace);
  const truth: Truth = await place.open(workspace);
  const server = await startModel(latencyMs);
  const daemons: DaemonProcess[] = [];
  return {
    truth,
    model: server.model,
    requests: () => server.model.requests().filter((line) => line.event === "request"),
    answered: () => server.model.requests().filter((line) => line.event === "answered" && line.status === 200).length,
    books: () => readDaemonBooks(truth.ask),
    faults: (books: Awaited<ReturnType<typeof readDaemonBooks>>) => workFaults(books, seenIn(server.model.requests()), CAPS, 0),
    start(more: Record<string, string> = {}) {
      const own = { ...BRIEF, ANTHROPIC_BASE_URL: server.model.url, ANTHROPIC_API_KEY: "any", WEBHOOK_TOKEN: TOKEN };
      const daemon = startDaemonProcess({ root, workspace, env: { ...own, ...truth.env, ...env, ...more } });
      daemons.push(daemon);
      return daemon;
    },
    /** As after a daemon that has seen this schedule. */
    async knows(name: string, spec: string) {
      for (const action of ["pause", "resume"]) {
        const args = ["schedules", action, name, "--workspace", workspace];
        expect((await command(args, { cwd: root, env: { ...truth.env } })).code).toBe(0);
      }
      await truth.change(`update schedules set spec = '${spec}'`);
    },
    until: (what: string, sql: string, n: number) =>
      pollUntil(what, async () => (await truth.ask<{ n: number }>(sql))[0]?.n === n, {
        limitMs: 60_000,
        everyMs: 200,
        seen: () => daemons.map((daemon) => daemon.stderr().slice(-400)).join("\n"),
      }),
    async [Symbol.asyncDispose]() {
      for (const daemon of daemons) if (daemon.alive()) daemon.signal("SIGKILL");
      await Promise.all(daemons.map((daemon) => daemon.exited));
      await server[Symbol.asyncDispose]();
      await truth.drop();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function startModel(latencyMs: number): Promise<{ model: Rehearsal } & AsyncDisposable> {
  const model = startRehearsal({ seed: 1, latencyMs });
  return { model, [Symbol.asyncDispose]: () => model.stop() };
}

async function ended(daemon: DaemonProcess): Promise<number | null> {
  daemon.signal("SIGTERM");
  return daemon.exited;
}

function fault(text: string) {
  const parsed = parseFault(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.fault;
}

async function json(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

const running = (pid: number) => {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

/** On Linux; elsewhere nobody is found. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}
