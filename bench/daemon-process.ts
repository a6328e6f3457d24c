/** The daemon as a process: how soon it works again after kill -9, what `/health` takes meanwhile; and what memory it needs. */

import { Database } from "bun:sqlite";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTeam } from "../src/bootstrap.ts";
import { DATABASE } from "../src/bootstrap/store.ts";
import { PACKAGE_ROOT } from "../src/config.ts";
import { silentLog } from "../src/log/log.ts";
import { openSqliteStore } from "../src/store/sqlite/store.ts";
import { createWorkspace } from "../src/workspace/workspace.ts";
import { ONCE, sample, TAIL, type Figure } from "./figure.ts";
import { startInstant } from "./instant-server.ts";
import { CLI } from "./team.ts";
import { acceptMany, CAPS, TASKS_A_GOAL } from "./work.ts";

const OPEN = [100, 1_000, 10_000];
/** Tasks begun before the kill. */
const BEFORE_KILL = 20;
const RATE_MS = 5_000;
const HEALTH_REQUESTS = 200;
const MEMORY_TASKS = 10_000;
const MEMORY_MS = 240_000;
const IDLE_MS = 3_000;
const MIB = 2 ** 20;

export async function daemonRecovery(): Promise<Figure[]> {
  await using server = await startInstant();
  using bare = await startBare();
  const recovered: Recovered[] = [];
  for (const open of OPEN.slice(0, -1)) {
    await using workspace = await workspaceWith(open);
    await using daemon = await recover(server.url, workspace.folder);
    recovered.push(daemon);
    await daemon.stop();
  }
  await using workspace = await workspaceWith(OPEN.at(-1) ?? 0);
  await using last = await recover(server.url, workspace.folder);
  recovered.push(last);
  const health = await answers(last.url, bare.url);
  await last.stop();
  await using empty = await workspaceWith(0);
  await using idle = await startDaemonProcess(server.url, empty.folder);
  const idleHealth = await answers(idle.url, bare.url);
  await idle.stop();
  return [
    ...recovered.flatMap((at, i) => recoveryFigures(at, OPEN[i] ?? 0, recovered[i - 1] ?? null)),
    ...healthFigures("busy", `while it works, ${OPEN.at(-1)?.toLocaleString("en")} tasks open`, health),
    ...healthFigures("idle", "idle", idleHealth),
  ];
}

/** `limitMs`: how long it may take to come to 10,000 tasks. */
export async function daemonMemory(limitMs = MEMORY_MS): Promise<Figure[]> {
  await using server = await startInstant();
  using bare = await startBare();
  await using empty = await workspaceWith(0);
  await using idle = await startDaemonProcess(server.url, empty.folder);
  await Bun.sleep(IDLE_MS);
  const idleMemory = rssOf(idle.pid);
  await idle.stop();
  await using full = await workspaceWith(MEMORY_TASKS);
  await using daemon = await startDaemonProcess(server.url, full.folder);
  const { tasks, rss, peak, tenth } = await memoryOver(daemon.pid, full.folder, limitMs);
  await daemon.stop();
  const count = tasks.toLocaleString("en");
  return [
    {
      key: "idle",
      what: "memory, idle",
      unit: "MiB",
      value: sample([idleMemory / MIB]),
      base: { what: "a Bun program that serves one page", value: sample([rssOf(bare.pid) / MIB]) },
    },
    {
      key: "end",
      drift: ONCE,
      what: `memory after ${count} tasks`,
      unit: "MiB",
      value: sample([rss / MIB]),
      base: { what: "idle", value: sample([idleMemory / MIB]) },
      note: tasks < MEMORY_TASKS ? `of ${MEMORY_TASKS.toLocaleString("en")}: as many as it did in ${limitMs / 1000} s` : "",
    },
    {
      key: "grown",
      what: `the same, beside a tenth of the time`,
      unit: "MiB",
      value: sample([rss / MIB]),
      base: { what: `after ${tenth.tasks.toLocaleString("en")} tasks`, value: sample([tenth.rss / MIB]) },
    },
    { key: "peak", what: "memory, highest until then", unit: "MiB", value: sample([peak / MIB]) },
  ];
}

type Running = AsyncDisposable & {
  readonly pid: number;
  readonly url: string;
  readonly began: number;
  readonly stop: () => Promise<void>;
};
type Recovered = Running & {
  readonly firstMs: number;
  readonly doorMs: number;
  readonly held: number;
  readonly heldMs: number;
  readonly perSecond: number;
};

function recoveryFigures(at: Recovered, open: number, before: Recovered | null): Figure[] {
  const than = (value: number | undefined) =>
    value === undefined ? {} : { base: { what: `with ${(open / 10).toLocaleString("en")}`, value: sample([value]) } };
  const name = `${open.toLocaleString("en")} tasks open, after kill -9`;
  const ms = (key: string, what: string, of: (found: Recovered) => number): Figure => ({
    key: `${key}.${open}`,
    drift: ONCE,
    what: `${name}: process started → ${what}`,
    unit: "ms",
    value: sample([of(at)]),
    ...than(before ? of(before) : undefined),
  });
  return [
    ms("first", "first task claimed", (found) => found.firstMs),
    ms("door", "`/health` answers", (found) => found.doorMs),
    ms("held", `the ${at.held} tasks that the dead one held are claimed again`, (found) => found.heldMs),
    {
      key: `begun.${open}`,
      better: "higher",
      drift: ONCE,
      what: `${name}: tasks begun a second in the ${RATE_MS / 1000} s after that`,
      unit: "tasks/s",
      value: sample([at.perSecond]),
      ...than(before?.perSecond),
    },
  ];
}

async function recover(modelUrl: string, folder: string): Promise<Recovered> {
  using db = new Database(join(folder, DATABASE), { readonly: true });
  db.run("pragma busy_timeout = 5000");
  const begun = db.query<{ n: number; first: number | null }, [number]>(
    "select count(*) as n, min(at) as first from events where type = 'task.started' and seq > ?",
  );
  const newest = db.query<{ seq: number }, []>("select coalesce(max(seq), 0) as seq from events");
  await using killed = await startDaemonProcess(modelUrl, folder);
  await until(() => (begun.get(0)?.n ?? 0) >= BEFORE_KILL);
  process.kill(killed.pid, "SIGKILL");
  await killed.stop();
  const held = db.query<{ id: string }, []>("select id from tasks where status in ('running', 'reviewing')").all();
  const seq = newest.get()?.seq ?? 0;
  const daemon = await startDaemonProcess(modelUrl, folder);
  const doorMs = await fetch(`${daemon.url}/health/live`).then(() => Date.now() - daemon.began);
  await until(() => (begun.get(seq)?.n ?? 0) > 0);
  const first = begun.get(seq)?.first ?? Number.NaN;
  const again = db.query<{ n: number; last: number | null }, [number, string]>(
    "select count(distinct task_id) as n, max(at) as last from events where type = 'task.started' and seq > ? and task_id in (select value from json_each(?))",
  );
  const ids = JSON.stringify(held.map(({ id }) => id));
  await until(() => (again.get(seq, ids)?.n ?? 0) === held.length);
  await Bun.sleep(Math.max(0, first + RATE_MS - Date.now()));
  const between = db.query<{ n: number }, [number, number, number]>(
    "select count(*) as n from events where type = 'task.started' and seq > ? and at between ? and ?",
  );
  return {
    ...daemon,
    firstMs: first - daemon.began,
    doorMs,
    held: held.length,
    heldMs: (again.get(seq, ids)?.last ?? first) - daemon.began,
    perSecond: (between.get(seq, first, first + RATE_MS)?.n ?? 0) / (RATE_MS / 1000),
  };
}

type Answers = { readonly ours: readonly number[]; readonly bare: readonly number[] };

/** In turn, one at a time, so that whatever else the machine does meets both alike. */
async function answers(url: string, bareUrl: string): Promise<Answers> {
  const [ours, bare]: [number[], number[]] = [[], []];
  const timed = async (address: string) => {
    const began = performance.now();
    await fetch(address).then((answer) => answer.text());
    return performance.now() - began;
  };
  for (let i = 0; i < HEALTH_REQUESTS; i++) {
    ours.push(await timed(`${url}/health`));
    bare.push(await timed(bareUrl));
  }
  return { ours, bare };
}

function healthFigures(key: string, when: string, { ours, bare }: Answers): Figure[] {
  const at = (values: readonly number[], share: number) =>
    sample([values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0]);
  return [0.5, 0.99].map((share) => ({
    key: `health.${key}.p${share * 100}`,
    drift: share > 0.9 ? TAIL : ONCE,
    what: `\`/health\` ${when}, p${share * 100} of ${HEALTH_REQUESTS}`,
    unit: "ms",
    value: at(ours, share),
    base: { what: "bare Bun.serve, the same text", value: at(bare, share) },
  }));
}

type Grown = { readonly tasks: number; readonly rss: number };

/** Lets it work until it has done as many tasks as wanted, or had its time; `tenth` is how it was after a tenth of that. */
async function memoryOver(
  pid: number,
  folder: string,
  limitMs: number,
): Promise<Grown & { readonly peak: number; readonly tenth: Grown }> {
  using db = new Database(join(folder, DATABASE), { readonly: true });
  db.run("pragma busy_timeout = 5000");
  const done = db.query<{ n: number }, []>("select count(*) as n from tasks where status = 'done'");
  const now = (): Grown => ({ tasks: done.get()?.n ?? 0, rss: rssOf(pid) });
  const began = Date.now();
  let tenth: Grown | null = null;
  await until(
    () => {
      const { tasks, rss } = now();
      const share = Math.max((Date.now() - began) / limitMs, tasks / MEMORY_TASKS);
      if (share >= 0.1) tenth ??= { tasks, rss };
      return share >= 1;
    },
    limitMs + 10_000,
    250,
  );
  const end = now();
  return { ...end, peak: statusOf(pid, "VmHWM"), tenth: tenth ?? end };
}

/** A workspace whose store holds this many ready tasks that nobody has begun. */
async function workspaceWith(open: number): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "bench-daemon-"));
  const { registry } = await loadTeam({ root: PACKAGE_ROOT });
  const path = join(folder, DATABASE);
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached() {} });
  const workspace = createWorkspace({ root: folder, reached() {} });
  const journal = { call: () => Promise.reject(new Error("no model here")), refuseNew() {} };
  const team = { store, journal, registry, workspace, secrets: [], caps: CAPS, now: Date.now, log: silentLog };
  await acceptMany(team, open / TASKS_A_GOAL, TASKS_A_GOAL);
  await store.close();
  return { folder, [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }) };
}

async function startDaemonProcess(modelUrl: string, folder: string): Promise<Running> {
  const money = Object.fromEntries(["MONTHLY", "DAILY", "GOAL", "TASK", "CALL"].map((name) => [`BUDGET_${name}`, "1000000"]));
  const began = Date.now();
  const child = Bun.spawn([process.execPath, CLI, "--daemon", "--yes", "--workspace", folder], {
    cwd: folder,
    env: {
      ...{ PATH: process.env["PATH"] ?? "", HOME: folder, NO_COLOR: "1", CI: "1", LOG_LEVEL: "error", PORT: "0" },
      ...{ ANTHROPIC_API_KEY: "bench", ANTHROPIC_BASE_URL: modelUrl, ...money },
    },
    stdout: "ignore",
    stderr: "pipe",
  });
  const url = Promise.withResolvers<string>();
  void (async () => {
    let said = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      // What it says later is read and thrown away.
      if (said.length < 100_000) said += decoder.decode(chunk, { stream: true });
      const found = /Health: (\S+)\/health/.exec(said)?.[1];
      if (found !== undefined) url.resolve(found);
    }
    url.reject(new Error(`the daemon ended: ${said.slice(-2000)}`));
  })();
  const stop = async () => {
    child.kill("SIGTERM");
    // Documents that still wait to be written would take longer than this benchmark may.
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await child.exited;
    clearTimeout(late);
  };
  return { pid: child.pid, url: await url.promise, began, stop, [Symbol.asyncDispose]: stop };
}

/** A program that answers every request with the words that a healthy daemon says. */
async function startBare(): Promise<Disposable & { readonly url: string; readonly pid: number }> {
  const program = `
    const body = JSON.stringify({ live: true, ready: true, level: "full", reasons: [] });
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(body, { headers: { "content-type": "application/json" } }) });
    console.log(server.url.href);
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
  const url = new TextDecoder().decode((await child.stdout.getReader().read()).value).trim();
  return { url, pid: child.pid, [Symbol.dispose]: () => child.kill() };
}

const rssOf = (pid: number) => statusOf(pid, "VmRSS");

/** A line of /proc/<pid>/status in bytes; not a number where the system has none. */
function statusOf(pid: number, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(found) * 1024;
}

async function until(holds: () => boolean, limitMs = 60_000, everyMs = 10): Promise<void> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it took longer than ${limitMs / 1000} s`);
    await Bun.sleep(everyMs);
  }
}
