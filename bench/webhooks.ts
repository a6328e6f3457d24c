/** Events accepted a second over HTTP, each durable before its answer, beside bare Bun.serve with one commit each and with one for many. */

import type { Database } from "bun:sqlite";
import { loadRegistry } from "../src/skills/registry.ts";
import { createDoor } from "../src/api/door.ts";
import { silentLog } from "../src/log/log.ts";
import { createBus } from "../src/triggers/event-bus.ts";
import type { Team } from "../src/work/team.ts";
import { join } from "node:path";
import { createWorkspace } from "../src/workspace/workspace.ts";
import { sample, TAIL, type Figure } from "./figure.ts";
import { bareDatabase, freshStore } from "./fresh-store.ts";

const RUNS = 5;
const EVENTS = 10_000;
const LANES = 64;
const TOKEN = "bench-token-0123456789";
const ENDLESS = { perSecond: 1e9, burst: 1e9 };

export async function webhooks(): Promise<Figure[]> {
  const [ours, each, many]: [number[], number[], number[]] = [[], [], []];
  const [commits, slow, slowEach]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run < RUNS; run++) {
    const bareEach = await bare(run, oneCommitEach);
    const bareMany = await bare(run, oneCommitForMany);
    const own = await door(run);
    each.push(bareEach.perSecond);
    many.push(bareMany.perSecond);
    ours.push(own.perSecond);
    commits.push(own.commits);
    slow.push(own.p99);
    slowEach.push(bareEach.p99);
  }
  const unit = "events/s";
  return [
    {
      key: "each",
      better: "higher",
      what: `${EVENTS.toLocaleString("en")} plain events, ${LANES} senders`,
      unit,
      value: sample(ours),
      base: { what: "bare Bun.serve, one insert and commit each", value: sample(each) },
      note: "a ratio above 1 is faster than bare",
    },
    {
      key: "many",
      better: "higher",
      what: "the same",
      unit,
      value: sample(ours),
      base: { what: "bare Bun.serve, one commit for all that wait", value: sample(many) },
    },
    {
      key: "p99",
      drift: TAIL,
      what: "the slowest of a hundred answers (p99)",
      unit: "ms",
      value: sample(slow),
      base: { what: "bare, one commit each", value: sample(slowEach) },
    },
    { key: "commits", what: `commits for ${EVENTS.toLocaleString("en")} events`, unit: "commits", value: sample(commits) },
  ];
}

/** The senders run in a process of their own: theirs is not our time. */
const SENDER = `
  const [url, lanes, total, run, token] = process.argv.slice(1);
  const times = [];
  let next = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: Number(lanes) }, async () => {
    for (let n = next++; n < Number(total); n = next++) {
      const at = performance.now();
      const answer = await fetch(url + "/webhook", {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer " + token },
        body: JSON.stringify({ id: run + "-" + n, type: "noise", source: "bench", data: { n, page: "/pricing", drop: 12.5 } }),
      });
      await answer.arrayBuffer();
      if (answer.status !== 202) throw new Error("status " + answer.status);
      times.push(performance.now() - at);
    }
  }));
  const ms = performance.now() - began;
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ ms, p99: times[Math.floor(times.length * 0.99)] }));
`;

async function flood(url: string, run: number): Promise<{ perSecond: number; p99: number }> {
  const child = Bun.spawn([process.execPath, "-e", SENDER, url, String(LANES), String(EVENTS), String(run), TOKEN], {
    stderr: "inherit",
  });
  const { ms, p99 } = JSON.parse(await new Response(child.stdout).text()) as { ms: number; p99: number };
  return { perSecond: (EVENTS / ms) * 1000, p99 };
}

async function door(run: number): Promise<{ perSecond: number; p99: number; commits: number }> {
  await using fresh = await freshStore();
  const { registry } = await loadRegistry({ root: join(import.meta.dir, "..") });
  if (!registry) throw new Error("the shipped registry does not load");
  let commits = 0;
  const store: Team["store"] = {
    ...fresh.store,
    write: (name, change) => {
      commits++;
      return fresh.store.write(name, change);
    },
  };
  const team: Team = {
    store,
    registry,
    journal: { call: () => Promise.reject(new Error("no model here")), refuseNew: () => {} },
    workspace: createWorkspace({ root: "/nonexistent", reached: () => {} }),
    secrets: [],
    caps: { call: 0, task: 0, goal: 0, day: 0, month: 0 },
    now: Date.now,
    log: silentLog,
  };
  const open = createDoor({
    bus: createBus({ team, rehearsal: false }),
    health: () => ({ ready: true, level: "full", reasons: [] }),
    metrics: () => "",
    tokens: [TOKEN],
    sources: new Map(),
    limits: { address: ENDLESS, source: ENDLESS },
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    now: Date.now,
  });
  try {
    return { ...(await flood(open.url, run)), commits };
  } finally {
    await open.stop();
  }
}

type Insert = (body: string) => Promise<void>;

async function bare(run: number, how: (db: Database) => Insert): Promise<{ perSecond: number; p99: number }> {
  using database = bareDatabase();
  database.db.run(
    "create table inbox (id integer primary key, source text, key text, body text, at integer, unique (source, key))",
  );
  const insert = how(database.db);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      await insert(await request.text());
      return new Response("accepted", { status: 202 });
    },
  });
  try {
    return await flood(`http://127.0.0.1:${server.port}`, run);
  } finally {
    await server.stop(true);
  }
}

const INSERT = "insert into inbox (source, key, body, at) values (?, ?, ?, ?)";

function oneCommitEach(db: Database): Insert {
  const insert = db.query(INSERT);
  return async (body) => {
    const { id, source } = JSON.parse(body) as { id: string; source: string };
    insert.run(source, id, body, Date.now());
  };
}

function oneCommitForMany(db: Database): Insert {
  const insert = db.query(INSERT);
  let waiting: { body: string; done: () => void }[] = [];
  const flush = db.transaction((batch: typeof waiting) => {
    for (const { body } of batch) {
      const { id, source } = JSON.parse(body) as { id: string; source: string };
      insert.run(source, id, body, Date.now());
    }
  });
  return (body) =>
    new Promise((done) => {
      waiting.push({ body, done });
      if (waiting.length > 1) return;
      setImmediate(() => {
        const batch = waiting;
        waiting = [];
        flush.immediate(batch);
        for (const one of batch) one.done();
      });
    });
}
