/** Tasks a second through the daemon, from ready to done, with a model that answers at once; and how soon an idle daemon begins. */

import { transformJSONSchema } from "@anthropic-ai/sdk/lib/transform-json-schema";
import { silentLog } from "../src/log/log.ts";
import { createClaude } from "../src/model/claude/claude.ts";
import { toWire } from "../src/model/claude/wire.ts";
import { createBullmqQueue, queuePrefix } from "../src/queue/bullmq/bullmq.ts";
import { redisProgram, startRedis } from "../src/queue/bullmq/test-server.ts";
import { createEmbeddedQueue } from "../src/queue/embedded/embedded.ts";
import { createFallbackQueue } from "../src/queue/fallback.ts";
import type { Queue } from "../src/queue/queue.ts";
import { openBare, type Bare, type BareCall, type BareTask } from "./bare-bull.ts";
import { openBareOurs } from "./bare-ours.ts";
import { ONCE, sample, TAIL, type Figure, type Sample } from "./figure.ts";
import { bareDatabase } from "./fresh-store.ts";
import { startInstant } from "./instant-server.ts";
import { plainTasks } from "./plain-tasks.ts";
import { openWork, remembering, TASKS_A_GOAL, type Ran, type Work } from "./work.ts";

const CONCURRENCY = 4;
const GOALS = 5;
const RUNS = 3;
/** A comparable system's figure, measured here: 500 tasks through its queue with 3 workers, one call without delay each, nothing forced to the disk. */
const COMPARABLE = 462;
const PLAIN_GOALS = 40;
const STARTS = 100;
const GROWTH_LIMIT_MS = 60_000;

export async function daemonWork(): Promise<Figure[]> {
  await using server = await startInstant();
  const model = remembering(server.url);
  const over = createClaude({ apiKey: "bench", baseURL: server.url, log: silentLog });
  const embedded = async (): Promise<Queue> => createEmbeddedQueue();
  await using near = await openWork({ model, queue: embedded, concurrency: CONCURRENCY });
  await warm(near);
  const figures = [
    ...(await plain()),
    ...(await throughEmbedded(near)),
    ...(await startOf("embedded", "embedded queue", near, null)),
  ];
  if (redisProgram() === null) return figures;
  await using redis = await startRedis(["--appendonly", "yes"]);
  const [ours, bare]: [Ran[], number[]] = [[], []];
  await using far = await openWork({ model: over, queue: () => bull(redis.url), concurrency: CONCURRENCY });
  await warm(far);
  const prompts = promptsOf(model);
  const tasks = bareTasks(prompts);
  const ownTransactions: number[] = [];
  await using third = await openWork({ model: over, queue: embedded, concurrency: CONCURRENCY });
  await using same = await openBareOurs(third.store, redis.url, server.url, { concurrency: CONCURRENCY, prompts });
  const sameGoals = () => same.run(GOALS, () => third.accept(GOALS));
  await sameGoals();
  for (let run = 0; run < RUNS; run++) {
    const bareRan = await sameGoals();
    ownTransactions.push((bareRan.tasks / bareRan.ms) * 1000);
    await using other = await openBare(redis.url, server.url, { concurrency: CONCURRENCY, run });
    if (run === 0) await other.run(tasks);
    bare.push((tasks.length / (await other.run(tasks))) * 1000);
    ours.push(await goals(far, GOALS));
  }
  await using other = await openBare(redis.url, server.url, { concurrency: CONCURRENCY, run: RUNS });
  return [
    ...figures,
    {
      key: "bullmq",
      better: "higher",
      what: "tasks through BullMQ, calls over HTTP",
      unit: "tasks/s",
      value: rate(ours),
      base: { what: "bare BullMQ: the same transactions of our store, the same calls", value: sample(ownTransactions) },
      bar: { of: "ratio", atLeast: 0.5, from: "promise" },
      note: cpuNote(ours),
    },
    {
      key: "bullmq.by-hand",
      better: "higher",
      what: "the same",
      unit: "tasks/s",
      value: rate(ours),
      base: { what: "bare BullMQ: as many transactions by hand in bun:sqlite, the same calls", value: sample(bare) },
    },
    ...(await startOf("bullmq", "BullMQ", far, other)),
  ];
}

async function plain(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const concurrency of [CONCURRENCY, 4 * CONCURRENCY]) {
    const queue = createEmbeddedQueue();
    const model = { respond: () => Promise.reject(new Error("no call is made")) };
    await using work = await openWork({ model, queue: async () => queue, concurrency });
    await plainTasks(work, queue, { goals: PLAIN_GOALS / 4, concurrency });
    const rates: number[] = [];
    for (let run = 0; run < RUNS; run++) rates.push(await plainTasks(work, queue, { goals: PLAIN_GOALS, concurrency }));
    figures.push({
      key: `plain.${concurrency}`,
      better: "higher",
      what: `tasks through the embedded queue, ${concurrency} at a time: ready, claimed, finished, each on the disk; no call`,
      unit: "tasks/s",
      value: sample(rates),
      bar: { of: "value", atLeast: COMPARABLE, from: "a comparable system" },
    });
  }
  return figures;
}

async function throughEmbedded(work: Work): Promise<Figure[]> {
  const [few, commits]: [Ran[], number[]] = [[], []];
  let counted = 0;
  work.onPoint((point) => void (point.endsWith(":after-commit") && counted++));
  for (let run = 0; run < RUNS; run++) {
    commits.push(bareCommits());
    few.push(await goals(work, GOALS));
  }
  work.onPoint(null);
  const perTask = counted / few.reduce((sum, ran) => sum + ran.tasks, 0);
  await work.accept(GOALS * 10);
  const many = await work.run(GOALS * 10, GROWTH_LIMIT_MS);
  const commit = sample(commits);
  return [
    {
      key: "whole",
      better: "higher",
      what: `whole tasks, goals of ${TASKS_A_GOAL}: made, reviewed, checked, reported, with their documents`,
      unit: "tasks/s",
      value: rate(few),
      base: {
        what: `bare bun:sqlite that only commits, ${perTask.toFixed(1)} times a task`,
        value: scaled(commit, 1 / perTask),
      },
      note: cpuNote(few),
    },
    {
      key: "commits",
      better: "higher",
      what: "commits a second of bare bun:sqlite on this disk, synchronous full",
      unit: "commits/s",
      value: commit,
    },
    {
      key: "growth.cpu",
      what: `processor time a task, ${many.tasks} tasks in one go`,
      unit: "ms",
      value: sample([many.cpuMs / many.tasks]),
      base: { what: `${GOALS * 12} tasks`, value: sample(few.map((ran) => ran.cpuMs / ran.tasks)) },
      bar: { of: "ratio", atMost: 1.2, from: "flat" },
    },
    {
      key: "growth.documents",
      drift: ONCE,
      what: `documents, after the last of ${many.tasks} tasks`,
      unit: "ms",
      value: sample([many.flushMs]),
      base: { what: `of ${GOALS * 12}`, value: sample(few.map((ran) => ran.flushMs)) },
    },
  ];
}

const rate = (runs: readonly Ran[]) => sample(runs.map((ran) => (ran.tasks / ran.ms) * 1000));
const cpuNote = (runs: readonly Ran[]) =>
  `${sample(runs.map((ran) => ran.cpuMs / ran.tasks)).median.toFixed(1)} ms of processor time a task`;
const scaled = (of: Sample, by: number): Sample => ({ ...of, median: of.median * by, min: of.min * by, max: of.max * by });

async function goals(work: Work, count: number): Promise<Ran> {
  await work.accept(count);
  return work.run(count);
}

/** Prompts become known, code becomes fast. */
async function warm(work: Work): Promise<void> {
  for (let round = 0; round < 3; round++) await goals(work, 2);
}

/** From a goal's commit to its task's claim on the disk, with nothing else to do. */
async function startOf(key: string, what: string, work: Work, bare: Bare | null): Promise<Figure[]> {
  const [ours, base]: [number[], number[]] = [[], []];
  await work.at(async () => {
    for (let i = 0; i < STARTS; i++) {
      const claimed = Promise.withResolvers<number>();
      const done = Promise.withResolvers<void>();
      const stop = work.store.subscribe((event) => event.type === "goal.completed" && done.resolve());
      let accepted = 0;
      work.onPoint((point) => {
        if (point === "goal.accept:after-commit") accepted = performance.now();
        if (point === "task.claim:after-commit" && accepted > 0) claimed.resolve(performance.now() - accepted);
      });
      await work.accept(1, 1);
      ours.push(await claimed.promise);
      await done.promise;
      stop();
      if (bare) base.push(await bare.untilClaimed());
    }
  });
  work.onPoint(null);
  const at = (values: readonly number[], share: number) => {
    const sorted = values.toSorted((a, b) => a - b);
    return sample([sorted[Math.ceil(sorted.length * share) - 1] ?? 0]);
  };
  return [0.5, 0.99].map((share) => ({
    key: `start.${key}.p${share * 100}`,
    drift: share > 0.9 ? TAIL : ONCE,
    what: `${what}: task ready → claimed on the disk, idle daemon, p${share * 100} of ${STARTS}`,
    unit: "ms",
    value: at(ours, share),
    ...(bare && { base: { what: "bare BullMQ: add → claimed on the disk", value: at(base, share) } }),
  }));
}

async function bull(url: string): Promise<Queue> {
  const remote = await createBullmqQueue({ url, prefix: queuePrefix({ tenant: "bench", project: "work" }) });
  return createFallbackQueue({ remote, local: createEmbeddedQueue(), now: Date.now });
}

/** What our goals asked for, as the client sends it. */
function promptsOf(model: ReturnType<typeof remembering>): { make: BareCall; judge: BareCall } {
  const bodies = [...model.requests.values()].map((request) => JSON.stringify(toWire(request, transformJSONSchema)));
  const make = bodies.find((body) => !body.includes('"json_schema"'));
  const judge = bodies.find((body) => body.includes("<rubric"));
  if (make === undefined || judge === undefined) throw new Error("no prompts to send");
  const reply = "x".repeat(3000);
  return { make: { body: make, reply }, judge: { body: judge, reply } };
}

/** As many tasks as our goals have, and as many calls. */
function bareTasks({ make, judge }: ReturnType<typeof promptsOf>): BareTask[] {
  return Array.from({ length: GOALS }, () => [
    ...Array.from({ length: TASKS_A_GOAL }, () => ({ calls: [make, judge] })),
    { calls: [judge] },
    { calls: [judge] },
  ]).flat();
}

/** Commits a second of one small insert each. */
function bareCommits(): number {
  using database = bareDatabase();
  database.db.run("create table t (a integer primary key, b text)");
  const insert = database.db.query("insert into t (b) values (?)");
  const text = "x".repeat(1000);
  const [count, began] = [300, performance.now()];
  for (let i = 0; i < count; i++) insert.run(text);
  return (count / (performance.now() - began)) * 1000;
}
