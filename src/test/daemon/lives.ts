/** Lives of a daemon, each from a start to its end, that between them pass every point that only a daemon passes. */

import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram } from "../kill/program.ts";
import { CONTEXT_PATH } from "../../work/accept.ts";
import { passTime, sqliteAsk } from "./books.ts";
import type { DaemonProcess } from "./program.ts";
import { NOTIFY } from "./receiver.ts";
import type { TeamFiles } from "./root.ts";
import { plan, postAll, startIn, stopped, untilThere, type World } from "./world.ts";

/** What a process said, and whether it was killed: by its own hand, at the point it was given. */
export type LifeEnd = { readonly killed: boolean; readonly stderr: string };

export type Life = {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** One life. `crashAt`: `point#n`, `list`, or null. */
  run(world: World, crashAt: string | null): Promise<LifeEnd>;
};

/** Between two lives somebody else had the machine for ten minutes: ticks are due, retries too. */
const BETWEEN_MS = 10 * 60_000;

export const FILES: TeamFiles = {
  schedules: `schedules:
  minutely: { cron: "* * * * *", pipeline: Short, catch_up: once }
trials: { cron: "* * * * *", budget: 1 }
`,
  events: `events:
  quick: { pipeline: Short, cooldown: 0 }
  later: { pipeline: Later, priority: P2, cooldown: 0 }
  burst: { pipeline: Short, cooldown: 0, debounce: 1, key: page }
  budget_warning: { pipeline: Short, cooldown: 0 }
`,
  notify: NOTIFY,
};

const crash = (crashAt: string | null): Record<string, string> => (crashAt === null ? {} : { MARKETEAM_CRASH_AT: crashAt });

async function count(world: World, sql: string): Promise<number | undefined> {
  return (await sqliteAsk(world.workspace)<{ n: number }>(sql))[0]?.n;
}

/** Nothing is left to do: no goal runs, no burst waits, and each end is on its way to be told. */
async function worked(world: World): Promise<boolean> {
  const open = await count(
    world,
    "select (select count(*) from goals where status = 'running') + (select count(*) from inbox where decision = 'waiting') as n",
  );
  const untold = await count(
    world,
    `select count(*) as n from goals g where status = 'completed'
    and not exists (select 1 from notices n where n.goal_id = g.id and n.kind = 'goal.done')`,
  );
  return open === 0 && untold === 0;
}

/** And all of it was told, to people and to the collector of traces. */
async function told(world: World): Promise<boolean> {
  if (!(await worked(world)) || (await count(world, "select count(*) as n from notice_sends where state = 'wanted'")) !== 0)
    return false;
  const ended = await sqliteAsk(world.workspace)<{ id: string }>("select id from goals where status = 'completed'");
  return ended.every(({ id }) => world.receiver.spans.some((span) => span.root && span.goal === id));
}

/** Starts a daemon, does something with it once it is at work, stops it. */
async function life(
  world: World,
  { env, crashAt, ticks = true }: { env?: Readonly<Record<string, string>>; crashAt: string | null; ticks?: boolean },
  drive: (daemon: DaemonProcess) => Promise<unknown>,
): Promise<LifeEnd> {
  passTime(world.workspace, BETWEEN_MS, { ticks });
  const daemon = startIn(world, { ...env, ...crash(crashAt) });
  try {
    if ((await daemon.ready) !== null) await drive(daemon);
  } finally {
    const code = await stopped(daemon);
    await world.witness.mark();
    if (code !== 0 && !daemon.killed()) world.faults.push(`a daemon ended with ${code}: ${daemon.stderr().slice(-400)}`);
  }
  return { killed: daemon.killed(), stderr: daemon.stderr() };
}

/** Everything a day brings: a schedule that is due, events old and new, a burst, notices; then a second start that tells of it. */
async function day(world: World, crashAt: string | null): Promise<LifeEnd> {
  const first = await life(world, { crashAt }, async (daemon) => {
    if (await postAll(world, daemon)) await untilThere(daemon, "a day's work is done", () => worked(world));
  });
  if (first.killed) return first;
  // A schedule that is new ticks at the second start.
  const second = await life(world, { crashAt, ticks: crashAt !== null }, (daemon) =>
    untilThere(daemon, "a day's work is told", () => told(world)),
  );
  return { killed: second.killed, stderr: first.stderr + second.stderr };
}

/** The last lives of a world: nothing is killed, everything comes to its end. Again where a tick came in the last moment. */
export async function lastDay(world: World): Promise<void> {
  await day(world, null);
  for (let again = 0; again < 3 && !(await told(world)); again++)
    await life(world, { crashAt: null, ticks: false }, (daemon) =>
      untilThere(daemon, "the last work is told", () => told(world)),
    );
}

/** A task whose workers died so often in a row is near the limit (twenty) at which the program gives it up as poison. */
const NEAR_THE_LIMIT = 18;

/** Kills without a pause between them would fail what they meet, as is promised: before that, a life in peace. */
export async function breathe(world: World): Promise<void> {
  const most = await count(world, "select max(deaths) as n from tasks where status in ('ready', 'running', 'reviewing')");
  if ((most ?? 0) >= NEAR_THE_LIMIT)
    await life(world, { crashAt: null, ticks: false }, (daemon) => untilThere(daemon, "a pause in peace", () => worked(world)));
}

/** A few of each kind are enough: the same ones are posted in every life. */
const MOST_EVENTS = 8;

function planSome(world: World): void {
  const n = world.posted.size;
  if (n === 0) plan(world, "nobody-knows", { n });
  if (n >= MOST_EVENTS) return;
  const open = (type: string) => [...world.posted.values()].some((event) => event.type === type && event.receipts.size === 0);
  if (!open("quick")) plan(world, "quick", { n });
  if (!open("burst")) plan(world, "burst", { n, page: `/page-${n}` });
}

export const LIVES: readonly Life[] = [
  {
    name: "a day",
    env: {},
    async run(world, crashAt) {
      planSome(world);
      return day(world, crashAt);
    },
  },
  {
    // What is sent and what is answered are hours apart, and whoever was killed in between sends nothing twice.
    name: "calls in batches",
    env: {},
    async run(world, crashAt) {
      plan(world, "later", { n: world.posted.size });
      return life(world, { crashAt, ticks: false }, async (daemon) => {
        if (await postAll(world, daemon)) await untilThere(daemon, "the batches are done", () => worked(world));
      });
    },
  },
  {
    // Where the product context should be lies a folder: what would start a goal cannot be decided, and is kept.
    name: "a file that cannot be read",
    env: {},
    async run(world, crashAt) {
      const context = join(world.workspace, CONTEXT_PATH);
      await mkdir(context, { recursive: true });
      planSome(world);
      const end = await life(world, { crashAt }, async (daemon) => {
        if (await postAll(world, daemon))
          await untilThere(daemon, "the burst is decided", async () => {
            const rows = await sqliteAsk(world.workspace)<{ n: number }>(
              "select count(*) as n from inbox where decision = 'waiting'",
            );
            return rows[0]?.n === 0;
          });
      });
      await rm(dirname(context), { recursive: true });
      return end;
    },
  },
  {
    name: "Redis is away",
    env: { REDIS_URL: "redis://127.0.0.1:1" },
    async run(world, crashAt) {
      return life(world, { env: this.env, crashAt }, (daemon) =>
        untilThere(
          daemon,
          "its health is told",
          async () => (await count(world, "select count(*) as n from notices where kind = 'health.level'")) === 1,
        ),
      );
    },
  },
  {
    // A person's own commands, beside a daemon that is down.
    name: "by hand",
    env: {},
    async run(world, crashAt) {
      let stderr = "";
      const command = async (...args: string[]) => {
        const ended = await runProgram({
          args: [...args, "--workspace", world.workspace],
          cwd: world.root,
          env: { ...world.env, ...crash(crashAt) },
        });
        stderr += ended.stderr;
        if (!ended.killed && ended.code !== 0) world.faults.push(`"${args.join(" ")}" exits ${ended.code}: ${ended.stderr}`);
        return ended.killed;
      };
      const [event] = await sqliteAsk(world.workspace)<{ id: string }>("select id from inbox order by id limit 1");
      const commands = [
        ["schedules", "run", "minutely", "--force"],
        ["schedules", "pause", "minutely"],
        ["schedules", "resume", "minutely"],
        ...(event ? [["events", "replay", event.id, "--force"]] : []),
      ];
      for (const args of commands) if (await command(...args)) return { killed: true, stderr };
      if (event) return { killed: false, stderr };
      // The first time there is no event yet.
      plan(world, "quick", { n: 1 });
      await day(world, null);
      return this.run(world, crashAt);
    },
  },
];
