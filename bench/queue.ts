/** Signals through the queues: the embedded one, and ours on BullMQ beside bare BullMQ with the same handler, in turn in one run. */

import { Queue as BullQueue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { createBullmqQueue, queuePrefix } from "../src/queue/bullmq/bullmq.ts";
import { redisProgram, startRedis } from "../src/queue/bullmq/test-server.ts";
import { createEmbeddedQueue } from "../src/queue/embedded/embedded.ts";
import { sample, TAIL, type Figure } from "./figure.ts";

const RUNS = 7;
/** Given at once, as when a plan's tasks become ready. */
const MANY = 2_000;
/** Given one after the other, each when the last has arrived: the time until an idle worker starts. */
const SINGLE = 300;
const CONCURRENCY = 8;
const CHUNK = 500;

/** A queue reduced to what is measured: give ids, and be called with each. */
type Courier = {
  readonly give: (ids: readonly string[]) => void;
  readonly hear: (heard: (id: string) => void) => void;
  readonly close: () => Promise<void>;
};

type Measured = { readonly manyMs: number; readonly singleMs: readonly number[] };

export async function queue(): Promise<Figure[]> {
  const [near, ours, bare]: [Measured[], Measured[], Measured[]] = [[], [], []];
  if (redisProgram() === null) {
    for (let run = 0; run < RUNS; run++) near.push(await measure(embedded()));
    return figures("embedded", "the embedded queue", near).map((figure) => ({
      ...figure,
      note: "BullMQ not measured: no redis-server",
    }));
  }
  // As it should run in earnest: an append-only file, written once a second.
  await using server = await startRedis(["--appendonly", "yes"]);
  // The first run warms everything up and does not count.
  for (let run = 0; run <= RUNS; run++) {
    const measured = [
      await measure(embedded()),
      await measure(await bareBull(server.url, run)),
      await measure(await bull(server.url, run)),
    ];
    if (run === 0) continue;
    for (const [index, list] of [near, bare, ours].entries()) {
      const one = measured[index];
      if (one) list.push(one);
    }
  }
  return [...figures("embedded", "the embedded queue", near), ...figures("bullmq", "BullMQ on Redis", ours, bare)];
}

function figures(of: string, what: string, ours: readonly Measured[], bare?: readonly Measured[]): Figure[] {
  const rate = (runs: readonly Measured[]) => sample(runs.map(({ manyMs }) => (MANY / manyMs) * 1_000));
  const quantile = (share: number) => (runs: readonly Measured[]) =>
    sample(runs.map(({ singleMs }) => singleMs.toSorted((a, b) => a - b)[Math.ceil(singleMs.length * share) - 1] ?? 0));
  type Pick = (runs: readonly Measured[]) => Figure["value"];
  const figure = (key: string, title: string, unit: string, pick: Pick, rest: Partial<Figure> = {}): Figure => ({
    key: `${of}.${key}`,
    what: `${what}: ${title}`,
    unit,
    value: pick(ours),
    ...(bare && { base: { what: "bare BullMQ", value: pick(bare) } }),
    ...rest,
  });
  return [
    figure("many", `${MANY.toLocaleString("en")} signals given at once`, "signals/s", rate, { better: "higher" }),
    figure("p50", "from given to started, idle, p50", "ms", quantile(0.5)),
    figure("p99", "from given to started, idle, p99", "ms", quantile(0.99), { drift: TAIL }),
  ];
}

async function measure(courier: Courier): Promise<Measured> {
  let left = 0;
  let all = Promise.withResolvers<void>();
  courier.hear(() => void (--left === 0 && all.resolve()));
  const round = async (ids: readonly string[]): Promise<number> => {
    left = ids.length;
    all = Promise.withResolvers<void>();
    const began = performance.now();
    courier.give(ids);
    await all.promise;
    return performance.now() - began;
  };
  await round(["warm up"]);
  const manyMs = await round(Array.from({ length: MANY }, (_, index) => `task_${index}`));
  const singleMs: number[] = [];
  for (let index = 0; index < SINGLE; index++) singleMs.push(await round([`single_${index}`]));
  await courier.close();
  return { manyMs, singleMs };
}

function embedded(): Courier {
  const queue = createEmbeddedQueue();
  return {
    give: (ids) => ids.forEach((id) => queue.signal([id])),
    hear: (heard) => void queue.listen((ids) => ids?.forEach(heard)),
    close: () => queue.close(),
  };
}

async function bull(url: string, run: number): Promise<Courier> {
  const prefix = queuePrefix({ tenant: "bench", project: String(run) });
  const queue = await createBullmqQueue({ url, prefix, concurrency: CONCURRENCY });
  return {
    give: (ids) => ids.forEach((id) => queue.signal([id])),
    hear: (heard) => void queue.listen((ids) => ids?.forEach(heard)),
    close: () => queue.close(),
  };
}

/** BullMQ as its guide shows it: no priority, no retry, no deduplication, no figures. */
async function bareBull(url: string, run: number): Promise<Courier> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const options = { connection, prefix: `bare-${run}` };
  const queue = new BullQueue<{ id: string }>("bench", options);
  await queue.waitUntilReady();
  let worker: Worker<{ id: string }> | null = null;
  const add = async (ids: readonly string[]) => {
    const jobs = ids.map((id) => ({ name: "look", data: { id }, opts: { removeOnComplete: true } }));
    for (let from = 0; from < jobs.length; from += CHUNK) await queue.addBulk(jobs.slice(from, from + CHUNK));
  };
  return {
    give: (ids) => void add(ids),
    hear(heard) {
      worker = new Worker<{ id: string }>("bench", async (job) => heard(job.data.id), { ...options, concurrency: CONCURRENCY });
    },
    async close() {
      await worker?.close();
      await queue.close();
      connection.disconnect();
    },
  };
}
