/** The daemon's kill suite: every point that only a daemon passes, each killed in a chain of lives on one workspace, then looked at from outside. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lostFaults } from "../kill/checks.ts";
import { wholeFaults } from "../kill/files.ts";
import { namedPoints } from "../kill/points.ts";
import { CAPS } from "../kill/life.ts";
import { startWitness } from "../kill/witness.ts";
import { readDaemonBooks, sqliteAsk } from "./books.ts";
import { inboxFaults, noticeFaults, restFaults, spanFaults, tickFaults, workFaults } from "./checks.ts";
import { breathe, FILES, lastDay, LIVES, type Life } from "./lives.ts";
import { makeWorld, type World } from "./world.ts";

export type KillResult = {
  readonly points: readonly string[];
  readonly unpassed: readonly string[];
  readonly kills: number;
  readonly faults: readonly string[];
};

/** As many at a time as there are cores in CI. */
const LANES = 2;
/** A point that is passed once in a workspace may have been passed before its turn: it gets a workspace of its own. */
const ROUNDS = 3;

type Chain = { readonly life: Life; readonly points: readonly string[] };

export async function daemonKillSuite({ say, only = "" }: { say: (line: string) => void; only?: string }): Promise<KillResult> {
  const scratch = await mkdtemp(join(tmpdir(), "marketeam-daemon-kill-"));
  const faults: string[] = [];
  const points = (await namedPoints("daemon")).filter((point) => point.includes(only));
  let kills = 0;
  let count = 0;

  async function within<T>(name: string, work: (world: World) => Promise<T>): Promise<T | null> {
    const folder = await mkdtemp(join(scratch, "world-"));
    const witness = await startWitness({ folder, name: "witness", seed: ++count, faults: [] });
    const world = await makeWorld(folder, FILES, witness, {});
    try {
      return await work(world);
    } catch (error) {
      world.faults.push(error instanceof Error ? error.message : String(error));
      return null;
    } finally {
      await witness.stop();
      await world.receiver.stop();
      for (const fault of world.faults) faults.push(`${name}: ${fault}`);
      if (world.faults.length === 0) await rm(folder, { recursive: true });
    }
  }

  /** The points that a life passes, in the order in which it comes by them. */
  async function rehearsed(life: Life): Promise<string[]> {
    const passed = await within(`${life.name}, without a kill`, async (world) => {
      const { stderr } = await life.run(world, "list");
      return [...new Set([...stderr.matchAll(/^passed (.+)$/gm)].map((match) => match[1] ?? ""))];
    });
    return passed ?? [];
  }

  /** Kills at each point in turn, on one workspace. Returns those that it did not come by. */
  async function chain({ life, points: wanted }: Chain): Promise<string[]> {
    const missed = await within(`${life.name}, ${wanted.join(", ")}`, async (world) => {
      const left: string[] = [];
      let killed = 0;
      for (const point of wanted) {
        const before = await readDaemonBooks(sqliteAsk(world.workspace));
        const end = await life.run(world, `${point}#1`);
        if (end.killed) killed++;
        else left.push(point);
        const after = await readDaemonBooks(sqliteAsk(world.workspace));
        for (const fault of [...lostFaults(before, after), ...(await wholeFaults(world.workspace))])
          world.faults.push(`killed at ${point}: ${fault}`);
        await breathe(world);
      }
      await finish(world, killed);
      kills += killed;
      return left;
    });
    return missed ?? [];
  }

  try {
    const found = new Map<string, Life>();
    const passed: string[][] = [];
    await inLanes([...LIVES.entries()], async ([i, life]) => void (passed[i] = await rehearsed(life)));
    for (const [i, life] of LIVES.entries()) for (const point of passed[i] ?? []) if (!found.has(point)) found.set(point, life);
    let jobs = LIVES.flatMap((life, i) => {
      const own = (passed[i] ?? []).filter((point) => points.includes(point) && found.get(point) === life);
      // Halves, so that both lanes have work; each keeps the order in which the points are passed.
      const halves = own.length <= LANES * 2 ? [own] : [own.filter((_, n) => n % 2 === 0), own.filter((_, n) => n % 2 === 1)];
      return halves.filter((half) => half.length > 0).map((half): Chain => ({ life, points: half }));
    });
    for (let round = 1; jobs.length > 0 && round <= ROUNDS; round++) {
      const again: Chain[] = [];
      await inLanes(jobs, async (job) => {
        for (const point of await chain(job)) again.push({ life: job.life, points: [point] });
      });
      jobs = again;
    }
    for (const { points: left } of jobs) for (const point of left) faults.push(`${point}: no process was killed there`);
    return { points, unpassed: points.filter((point) => !found.has(point)), kills, faults };
  } finally {
    if (faults.length === 0) await rm(scratch, { recursive: true, force: true });
    else say(`the worlds of what failed are kept in ${scratch}`);
  }
}

/** After the last kill: a life in peace, then everything in its place. */
async function finish(world: World, kills: number): Promise<void> {
  await lastDay(world);
  const books = await readDaemonBooks(sqliteAsk(world.workspace));
  world.faults.push(
    ...workFaults(books, world.witness.seen(), CAPS, kills),
    ...restFaults(books, ["completed"]),
    ...inboxFaults(books, [...world.posted.values()]),
    ...tickFaults(books),
    ...noticeFaults(books, world.receiver),
    ...spanFaults(books, world.receiver),
    ...(await wholeFaults(world.workspace)),
  );
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
    }),
  );
}
