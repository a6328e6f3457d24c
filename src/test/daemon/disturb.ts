/** Chaos: three daemons on one PostgreSQL and one Redis, goals coming in, and something breaking again and again; then peace, and the books. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../../queue/bullmq/test-server.ts";
import { startWitness } from "../kill/witness.ts";
import { postgresAsk, readDaemonBooks, type DaemonBooks } from "./books.ts";
import { failureFaults, inboxFaults, restFaults, tickFaults, workFaults, type Posted } from "./checks.ts";
import { pollUntil } from "./poll.ts";
import { startDaemonProcess, type DaemonProcess } from "./program.ts";
import { makeTeam } from "./root.ts";
import { startPostgres } from "./servers.ts";
import { post, TOKEN } from "./world.ts";

export type ChaosOptions = {
  readonly goals: number;
  /** Decides what breaks, in which order, and after how much work. */
  readonly seed: number;
  /** At least so many; more while goals still come in. */
  readonly disturbances: number;
  readonly say: (line: string) => void;
};

export type ChaosResult = {
  readonly faults: readonly string[];
  readonly goals: Readonly<Record<string, number>>;
  readonly did: Readonly<Record<string, number>>;
  readonly calls: number;
  readonly lost: number;
  readonly ticks: number;
  /** From a kill to the next claim of a task that the dead process held, ms. */
  readonly takeovers: readonly number[];
  /** From the last disturbance until nothing ran any more, ms. */
  readonly restMs: number;
};

const DAEMONS = 3;
/** In nano-dollars, and as the program is told them: no goal shall stop for money. */
const CAPS = { task: 500_000e9, day: 900_000e9, month: 1_000_000e9 };
const MONEY = { BUDGET_MONTHLY: "1000000", BUDGET_DAILY: "900000", BUDGET_GOAL: "600000", BUDGET_TASK: "500000" };
const REST_LIMIT_MS = 60_000;
/** Goals come as fast as this allows: a backlog would say how fast a machine is, not whether anything is stuck. */
const MOST_OPEN = 30;
/** A disturbance comes after so many more answers of the model; where work stands still, after so long. */
const ANSWERS = { least: 4, most: 14 };
const PACE_MS = 3_000;

const FILES = {
  schedules: `schedules:
${["one", "two", "three"].map((name) => `  minutely-${name}: { cron: "* * * * *", pipeline: Short, catch_up: 3 }`).join("\n")}
`,
  events: `events:
  short: { pipeline: Short, cooldown: 0 }
  pair: { pipeline: Pair, cooldown: 0 }
`,
};

export async function chaos({ goals, seed, disturbances, say }: ChaosOptions): Promise<ChaosResult> {
  const scratch = await mkdtemp(join(tmpdir(), "marketeam-chaos-"));
  const random = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const faults: string[] = [];
  const did: Record<string, number> = {};
  await using postgres = await startPostgres(scratch);
  await using redis = await startRedis();
  const witness = await startWitness({ folder: scratch, name: "witness", seed, faults: [], latencyMs: 150 });
  const [root, workspace] = [join(scratch, "team"), join(scratch, "workspace")];
  await makeTeam(root, FILES);
  await mkdir(workspace);
  const ask = postgresAsk(postgres.url);
  const env = {
    ...MONEY,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    ANTHROPIC_BASE_URL: witness.url,
    ANTHROPIC_API_KEY: "test",
    WEBHOOK_TOKEN: TOKEN,
  };

  // As a service manager would: what ends is started again, until the end.
  let peace = false;
  const crew: DaemonProcess[] = [];
  const atWork = new Set<DaemonProcess>();
  const watched: Promise<void>[] = [];
  function keep(place: number): void {
    const daemon = startDaemonProcess({ root, workspace, env });
    crew[place] = daemon;
    void daemon.ready.then((url) => url !== null && atWork.add(daemon));
    watched.push(
      daemon.exited.then((code) => {
        atWork.delete(daemon);
        if (/fault of the program/.test(daemon.stderr())) faults.push(`a daemon said: ${daemon.stderr().slice(-600)}`);
        if (peace) {
          if (code !== 0) faults.push(`a daemon ended with ${code}: ${daemon.stderr().slice(-400)}`);
          return;
        }
        if (!daemon.killed()) count(`ended by itself (${code})`);
        keep(place);
      }),
    );
  }
  const count = (what: string) => void (did[what] = (did[what] ?? 0) + 1);

  const posted: (Posted & { readonly receipts: Set<string> })[] = [];
  /** A sender that tries one daemon after the other until its event is acknowledged. */
  async function send(n: number): Promise<void> {
    const event = { id: `chaos-${n}`, type: n % 3 === 0 ? "pair" : "short", data: { n } };
    const receipts = new Set<string>();
    posted.push({ ...event, receipts });
    await pollUntil(
      `event ${event.id} is taken`,
      async () => {
        const url = await Promise.race([crew[(n + Date.now()) % DAEMONS]?.ready, Bun.sleep(500).then(() => null)]);
        const answer = url ? await post(url, event) : null;
        if (answer?.status === 202 || answer?.status === 200) receipts.add(answer.id);
        else if (answer !== null && answer.status !== 503) faults.push(`event ${event.id} was answered ${answer.status}`);
        return receipts.size > 0;
      },
      { limitMs: 120_000, everyMs: 200 },
    );
  }

  /** Tasks that a process held when it was killed, and when. */
  const orphans: { task: string; at: number }[] = [];
  const disturb: Record<string, () => Promise<void>> = {
    async "a daemon killed"() {
      const daemon = pick(crew);
      // Somebody must be there to take over: else this would measure how long a start takes.
      await pollUntil("another daemon is at work", () => crew.some((other) => other !== daemon && atWork.has(other)));
      const held = await ask<{ id: string }>(`select t.id from tasks t join processes p on p.id = t.lease_owner
        where p.pid = ${daemon.pid} and t.status in ('running', 'reviewing')`).catch(() => []);
      const at = Date.now();
      daemon.signal("SIGKILL");
      orphans.push(...held.map(({ id }) => ({ task: id, at })));
      await daemon.exited;
    },
    async "Redis emptied"() {
      await redis.cli("flushall");
    },
    async "Redis killed"() {
      await redis.kill();
      await worked(2);
      await redis.start();
    },
    async "PostgreSQL cut"() {
      await postgres.cut();
      await postgres.start();
    },
    // What was decided is asked again: the clock was set back, or a backup put back.
    async "schedules set back"() {
      await ask("update schedules set considered = considered - 240000").catch(() => []);
    },
  };
  const often = ["a daemon killed", "a daemon killed", "a daemon killed", ...Object.keys(disturb).slice(1)];

  async function worked(answers: number): Promise<void> {
    const answered = () => witness.seen().filter((request) => request.answered).length;
    const from = answered();
    const end = performance.now() + PACE_MS;
    await pollUntil("work goes on", () => answered() >= from + answers || performance.now() > end, { everyMs: 50 });
  }

  try {
    for (let place = 0; place < DAEMONS; place++) keep(place);
    const sending: Promise<void>[] = [];
    let taken = 0;
    let happened = 0;
    // It goes on as long as goals come in: none comes after the last disturbance.
    for (; happened < disturbances || sending.length < goals; happened++) {
      const open = await ask<{ n: number }>("select count(*) as n from goals where status = 'running'").catch(() => []);
      const room = MOST_OPEN - (open[0]?.n ?? MOST_OPEN) - (sending.length - taken);
      const upTo = Math.min(goals, Math.ceil((goals * (happened + 1)) / Math.max(1, disturbances - 1)), sending.length + room);
      while (sending.length < upTo) sending.push(send(sending.length).then(() => void taken++));
      await worked(ANSWERS.least + Math.floor(random() * (ANSWERS.most - ANSWERS.least)));
      const what = Object.keys(disturb)[happened] ?? pick(often);
      count(what);
      await disturb[what]?.();
    }
    const last = performance.now();
    await Promise.all(sending);
    await pollUntil(
      "nothing runs any more",
      async () => {
        const [row] = await ask<{ n: number }>(
          "select count(*) as n from goals where status = 'running' or (status = 'paused' and pause in ('model_away', 'interrupted'))",
        );
        return row?.n === 0;
      },
      { limitMs: REST_LIMIT_MS, everyMs: 250 },
    ).catch((error: unknown) => faults.push(String(error)));
    const restMs = performance.now() - last;
    const prefixes = new Set(
      (await redis.cli("keys", "marketeam:*")).split("\n").map((key) => key.split(":").slice(0, 3).join(":")),
    );
    if (prefixes.size !== 1) faults.push(`Redis holds keys of ${prefixes.size} projects: ${[...prefixes].join(", ")}`);
    peace = true;
    await Promise.all(crew.map((daemon) => daemon.ready));
    for (const daemon of crew) daemon.signal("SIGTERM");
    await Promise.all(watched);
    const books = await readDaemonBooks(ask);
    faults.push(
      ...workFaults(books, witness.seen(), CAPS, happened),
      ...restFaults(books, ["completed", "paused"]),
      ...failureFaults(books),
      ...inboxFaults(books, posted),
      ...tickFaults(books),
    );
    if (books.goals.length < goals) faults.push(`${goals} events were acknowledged, there are ${books.goals.length} goals`);
    return {
      faults,
      did,
      restMs: Math.round(restMs),
      goals: Object.fromEntries(
        [...Map.groupBy(books.goals, (goal) => goal.status)].map(([status, all]) => [status, all.length]),
      ),
      calls: books.calls.length,
      lost: books.calls.filter((call) => call.state === "unknown").length,
      ticks: books.ticks.filter((tick) => tick.outcome === "fired").length,
      takeovers: takeovers(books, orphans),
    };
  } finally {
    peace = true;
    for (const daemon of crew) if (daemon.alive()) daemon.signal("SIGKILL");
    await Promise.all(watched);
    await witness.stop();
    if (faults.length === 0) await rm(scratch, { recursive: true, force: true });
    else say(`what failed is kept in ${scratch}`);
  }
}

/** How long each task of a dead process waited for its next claim; one that its goal's end took with it waited for nothing. */
function takeovers({ events }: DaemonBooks, orphans: readonly { task: string; at: number }[]): number[] {
  return orphans.flatMap(({ task, at }) => {
    const next = events.find((event) => event.task_id === task && event.at >= at && event.type === "task.started");
    return next ? [next.at - at] : [];
  });
}

/** A small generator (mulberry32): the same seed, the same order. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
