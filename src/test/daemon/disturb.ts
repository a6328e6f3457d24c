/** Chaos: three daemons on one PostgreSQL and one Redis, goals coming in, and something breaking again and again; then peace, and the books. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../../queue/bullmq/test-server.ts";
import { startWitness } from "../kill/witness.ts";
import { randomFrom } from "../random.ts";
import { postgresAsk, readDaemonBooks, type DaemonBooks } from "./books.ts";
import { failureFaults, inboxFaults, restFaults, tickFaults, workFaults } from "./checks.ts";
import { startCrew } from "./crew.ts";
import { askedLate, madeAtOnce, withoutCalls } from "./late.ts";
import { pollUntil } from "./poll.ts";
import { startDaemonProcess, type DaemonProcess } from "./program.ts";
import { makeTeam } from "./root.ts";
import { createSender } from "./sender.ts";
import { startPostgres } from "./servers.ts";
import { startWeather, type Weather } from "./weather.ts";
import { TOKEN } from "./world.ts";

export type ChaosOptions = {
  readonly goals: number;
  /** Decides what breaks, in which order, and after how much work. */
  readonly seed: number;
  /** At least so many; more while goals still come in. */
  readonly disturbances: number;
  /** Goals come in, and things break, for at least so long. */
  readonly forMs?: number;
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
  /** The same for a process that was paused and is alive: its leases must run out first. */
  readonly pauses: readonly number[];
  /** Calls that two processes made at once, as the first was paused in it: both answers came, and both are paid for. */
  readonly twice: number;
  /** Calls that were refused, and answers that were thrown away on the wire. */
  readonly weather: Readonly<Record<Weather, number>>;
  /** From the last disturbance until nothing ran any more, ms. */
  readonly restMs: number;
};

/** A task that a process held when it was struck, and when the process was gone, or stood still (UTC ms). */
type Held = { readonly task: string; readonly at: number; readonly gone: number };

const DAEMONS = 3;
const WRONG_CLOCK = join(import.meta.dir, "wrong-clock.ts");
/** In nano-dollars, and as the program is told them: no goal shall stop for money. */
const CAPS = { task: 500_000e9, day: 900_000e9, month: 1_000_000e9 };
const MONEY = { BUDGET_MONTHLY: "1000000", BUDGET_DAILY: "900000", BUDGET_GOAL: "600000", BUDGET_TASK: "500000" };
const REST_LIMIT_MS = 90_000;
/** A dead process's tasks are claimed again within this. */
const TAKEOVER_MS = 15_000;
/** So many looks in a row must find nothing at work: a tick may have been on its way when the schedules were paused. */
const LOOKS = 4;
/** Goals come as fast as this allows: a backlog would say how fast a machine is, not whether anything is stuck. */
const MOST_OPEN = 30;
/** A disturbance comes after so many more answers of the model; where work stands still, after so long. */
const ANSWERS = { least: 4, most: 14 };
const PACE_MS = 3_000;
/** Longer than a lease (12 s) and the look around (2 s): when it goes on, somebody else has its tasks. */
const PAUSED_MS = 16_000;
/** What a daemon's clock may be off by: an hour behind, ten minutes either way, a day ahead. */
const OFF_MS = [-3_600_000, -600_000, 600_000, 86_400_000];
const FLOOD = { events: 20, times: 10 };

const FILES = {
  schedules: `schedules:
${["one", "two", "three"].map((name) => `  minutely-${name}: { cron: "* * * * *", pipeline: Short, catch_up: 3 }`).join("\n")}
`,
  events: `events:
  short: { pipeline: Short, cooldown: 0 }
  pair: { pipeline: Pair, cooldown: 0 }
`,
};

export async function chaos({ goals, seed, disturbances, forMs = 0, say }: ChaosOptions): Promise<ChaosResult> {
  const scratch = await mkdtemp(join(tmpdir(), "marketeam-chaos-"));
  const random = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const faults: string[] = [];
  const did: Record<string, number> = {};
  await using postgres = await startPostgres(scratch);
  await using redis = await startRedis();
  const witness = await startWitness({ folder: scratch, name: "witness", seed, faults: [], latencyMs: 150 });
  await using weather = startWeather(witness.url);
  const [root, workspace] = [join(scratch, "team"), join(scratch, "workspace")];
  await makeTeam(root, FILES);
  await mkdir(workspace);
  const ask = postgresAsk(postgres.url);
  const env = {
    ...MONEY,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    ANTHROPIC_BASE_URL: weather.url,
    ANTHROPIC_API_KEY: "test",
    WEBHOOK_TOKEN: TOKEN,
  };

  const count = (what: string) => void (did[what] = (did[what] ?? 0) + 1);
  const fault = (text: string) => void faults.push(text);
  const clockOf = (place: number) => join(scratch, `clock-${place}`);
  await Promise.all(Array.from({ length: DAEMONS }, (_, place) => writeFile(clockOf(place), "0")));
  const crew = startCrew({
    size: DAEMONS,
    start: (place) =>
      startDaemonProcess({ root, workspace, preload: WRONG_CLOCK, env: { ...env, WRONG_CLOCK_FILE: clockOf(place) } }),
    fault,
    endedByItself: (code) => count(`ended by itself (${code})`),
  });
  const sender = createSender(() => crew.members, fault);

  /** Tasks that a process held when it was killed, or paused, and when. */
  const orphans: Held[] = [];
  const kept: Held[] = [];
  const heldBy = async (daemon: DaemonProcess) =>
    (
      await ask<{ id: string }>(`select t.id from tasks t join processes p on p.id = t.lease_owner
        where p.pid = ${daemon.pid} and t.status in ('running', 'reviewing')`).catch(() => [])
    ).map(({ id }) => ({ task: id, at: Date.now(), gone: Date.now() }));
  const disturb: Record<string, () => Promise<void>> = {
    async "a daemon killed"() {
      const daemon = pick(crew.members);
      await crew.anotherAwake(daemon);
      const held = await heldBy(daemon);
      // Most as the kernel ends them, some as a fault of the runtime does: that takes its time to die.
      daemon.signal(pick(["SIGKILL", "SIGKILL", "SIGSEGV"] as const));
      await daemon.exited;
      orphans.push(...held.map((one) => ({ ...one, gone: Date.now() })));
    },
    // As a machine that sleeps: what it writes when it wakes comes too late.
    async "a daemon paused"() {
      const daemon = pick(crew.awake());
      if (daemon === undefined || crew.anyPaused()) return;
      await crew.anotherAwake(daemon);
      kept.push(...(await heldBy(daemon)));
      crew.pause(daemon, PAUSED_MS);
    },
    async "a clock set wrong"() {
      await writeFile(clockOf(Math.floor(random() * DAEMONS)), String(pick(OFF_MS)));
    },
    async "the model busy"() {
      weather.set(pick(["busy", "limited"]), 12);
    },
    async "answers lost on the wire"() {
      weather.set("lost", 3);
    },
    async "a flood of events"() {
      const flood = `flood-${sender.posted.length}`;
      const each = Array.from({ length: FLOOD.events }, (_, n) => ({ id: `${flood}-${n}`, type: "noise", data: {} }));
      await Promise.all(each.map((event) => sender.send(event, FLOOD.times)));
    },
    async "Redis silent"() {
      redis.freeze();
      await worked(4);
      redis.thaw();
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
  const [kill = "", ...others] = Object.keys(disturb);
  // Each once before any comes again, with a kill after every three; then as it falls.
  const round = [kill, ...others.flatMap((what, n) => (n % 3 === 2 ? [what, kill] : [what]))];
  const often = [kill, kill, kill, ...others];

  async function worked(answers: number): Promise<void> {
    const answered = () => witness.seen().filter((request) => request.answered).length;
    const from = answered();
    const end = performance.now() + PACE_MS;
    await pollUntil("work goes on", () => answered() >= from + answers || performance.now() > end, { everyMs: 50 });
  }

  try {
    const sending: Promise<void>[] = [];
    let taken = 0;
    let happened = 0;
    const until = performance.now() + forMs;
    const more = () => performance.now() < until;
    // It goes on as long as goals come in: none comes after the last disturbance.
    for (; happened < disturbances || sending.length < goals || more(); happened++) {
      const open = await ask<{ n: number }>("select count(*) as n from goals where status = 'running'").catch(() => []);
      const room = MOST_OPEN - (open[0]?.n ?? MOST_OPEN) - (sending.length - taken);
      const due = Math.min(goals, Math.ceil((goals * (happened + 1)) / Math.max(1, disturbances - 1)));
      const upTo = Math.min(more() ? Number.POSITIVE_INFINITY : due, sending.length + room);
      while (sending.length < upTo) sending.push(sender.send(eventOf(sending.length)).then(() => void taken++));
      await worked(ANSWERS.least + Math.floor(random() * (ANSWERS.most - ANSWERS.least)));
      const what = round[happened] ?? pick(often);
      count(what);
      await disturb[what]?.();
    }
    const last = performance.now();
    await Promise.all(sending);
    // Who comes back last makes up for what it missed; then no minute begins anything any more.
    await crew.ready();
    await ask(`update schedules set paused_at = ${Date.now()}`);
    let quiet = 0;
    await pollUntil(
      "nothing runs any more",
      async () => {
        const [row] = await ask<{ n: number }>(
          "select count(*) as n from goals where status = 'running' or (status = 'paused' and pause in ('model_away', 'interrupted'))",
        );
        quiet = row?.n === 0 ? quiet + 1 : 0;
        return quiet > LOOKS;
      },
      { limitMs: REST_LIMIT_MS, everyMs: 250 },
    ).catch((error: unknown) => faults.push(String(error)));
    const restMs = performance.now() - last;
    const prefixes = new Set(
      (await redis.cli("keys", "marketeam:*")).split("\n").map((key) => key.split(":").slice(0, 3).join(":")),
    );
    if (prefixes.size !== 1) faults.push(`Redis holds keys of ${prefixes.size} projects: ${[...prefixes].join(", ")}`);
    await crew.stop();
    const books = await readDaemonBooks(ask);
    const twice = madeAtOnce(books);
    const paused = new Set(kept.map(({ task }) => task));
    const [dead, still] = [takeovers(books, orphans), takeovers(books, kept)];
    faults.push(
      ...withoutCalls(workFaults(askedLate(books, paused), witness.seen(), CAPS, happened), twice),
      ...restFaults(books, ["completed", "paused"]),
      ...failureFaults(books),
      ...inboxFaults(books, sender.posted),
      ...tickFaults(books),
    );
    for (const { task, ms, between } of dead.filter((one) => one.ms >= TAKEOVER_MS))
      faults.push(`${task} of a dead process was taken over after ${ms} ms: ${between.join(", ")}`);
    // A kill or a lost answer never leads to this: only who is paused comes back.
    if (twice.length > kept.length) faults.push(`${twice.length} calls were made twice at once, ${kept.length} were paused`);
    if (books.goals.length < goals) faults.push(`${goals} events were acknowledged, there are ${books.goals.length} goals`);
    if (faults.length > 0) await writeFile(join(scratch, "books.json"), JSON.stringify(books, null, 1));
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
      takeovers: dead.map(({ ms }) => ms),
      pauses: still.map(({ ms }) => ms),
      twice: twice.length,
      weather: weather.met,
    };
  } finally {
    await crew.end();
    await witness.stop();
    if (faults.length === 0) await rm(scratch, { recursive: true, force: true });
    else say(`what failed is kept in ${scratch}`);
  }
}

const eventOf = (n: number) => ({ id: `chaos-${n}`, type: n % 3 === 0 ? "pair" : "short", data: { n } });

type Taken = { readonly task: string; readonly ms: number; readonly between: readonly string[] };

/**
 * How long each task of a dead or paused process waited for its next claim, and what its goal's events said meanwhile; one that
 * its goal's end took with it waited for nothing, and one whose goal was at rest meanwhile, because the model was away, for that.
 */
function takeovers({ events }: DaemonBooks, orphans: readonly Held[]): Taken[] {
  return orphans.flatMap(({ task, at, gone }) => {
    const next = events.find((event) => event.task_id === task && event.at >= at && event.type === "task.started");
    if (!next) return [];
    const between = events.filter((event) => event.goal_id === next.goal_id && event.at >= at && event.at <= next.at);
    if (between.some((event) => event.type === "goal.resumed" || event.type === "task.delivered")) return [];
    const said = between.map((event) => `${event.at - gone} ${event.type} ${event.task_id ?? ""}`.trim());
    return [{ task, ms: Math.max(0, next.at - gone), between: said }];
  });
}
