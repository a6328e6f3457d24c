/** The kill suite: which points there are, where each is passed, the kills, and a table of what was seen. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom, shuffled } from "../random.ts";
import { namedPoints } from "./points.ts";
import { start, type Snapshot } from "./life.ts";
import { killOnce, rehearse, type Kill, type Outcome, type Stop } from "./run.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import { startWitness, type Witness } from "./witness.ts";

export type SuiteOptions = {
  /** Kills at each point, spread over the places and times at which it is passed; fewer where it is passed less often. */
  readonly each: number;
  /** Kills at random times. */
  readonly random: number;
  /** Decides the order, and which passings are taken. */
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Only points whose name holds this text. */
  readonly only?: string | undefined;
};

export type SuiteResult = {
  readonly points: readonly string[];
  readonly unpassed: readonly string[];
  readonly kills: number;
  readonly faults: readonly string[];
  readonly recovery: readonly number[];
};

type Job = { readonly point: string; readonly snapshot: Snapshot; readonly kill: Kill; readonly n: number };
type Lane = { readonly witnessFor: (scenario: Scenario, index: number) => Promise<Witness>; readonly stop: () => Promise<void> };

/** As many at a time as there are cores in CI. */
const LANES = 2;

export async function killSuite(options: SuiteOptions): Promise<SuiteResult> {
  const scratch = await mkdtemp(join(tmpdir(), "marketeam-kill-"));
  const random = randomFrom(options.seed);
  const lanes = Array.from({ length: LANES }, (_, i) => createLane(scratch, `lane-${i}`));
  const faults: string[] = [];
  try {
    const points = (await namedPoints("goal")).filter((point) => point.includes(options.only ?? ""));
    const stops = await rehearseAll(lanes, scratch, faults);
    const jobs: Job[] = [];
    const unpassed: string[] = [];
    for (const point of points) {
      const places = placesOf(point, stops);
      if (places.length === 0) unpassed.push(point);
      // A server of its own for each kill is dear, and shows nothing new where others pass the point as well.
      const plain = places.filter(({ snapshot }) => snapshot.index > 0 || snapshot.scenario.faults.length === 0);
      for (const [n, place] of spread(plain.length >= options.each ? plain : places, options.each, random).entries())
        jobs.push({ point, snapshot: place.snapshot, kill: { at: point, passing: place.passing }, n });
    }
    const atRandom = stops.filter(
      ({ snapshot }) => snapshot.index === 0 && !snapshot.scenario.timed && snapshot.step.kind === "command",
    );
    for (let n = 0; n < options.random; n++) {
      const stop = atRandom[n % atRandom.length];
      if (stop)
        jobs.push({ point: "(random time)", snapshot: stop.snapshot, kill: { afterMs: Math.round(random() * stop.ms) }, n });
    }
    const outcomes = new Map<string, { job: Job; outcome: Outcome }[]>();
    await inLanes(lanes, shuffled(jobs, random), async (lane, job) => {
      const outcome = await attempt(job, lane, scratch);
      outcomes.set(job.point, [...(outcomes.get(job.point) ?? []), { job, outcome }]);
      for (const fault of outcome.faults) faults.push(`${nameOf(job)}: ${fault}`);
    });
    for (const point of points)
      if (!unpassed.includes(point) && !outcomes.get(point)?.some(({ outcome }) => outcome.killed))
        faults.push(`${point}: no process was killed there`);
    table(outcomes, options.say);
    const recovery = [...outcomes.values()].flat().flatMap(({ outcome }) => outcome.recoveryMs ?? []);
    return {
      points,
      unpassed,
      kills: [...outcomes.values()].flat().filter(({ outcome }) => outcome.killed).length,
      faults,
      recovery,
    };
  } finally {
    await Promise.all(lanes.map((lane) => lane.stop()));
    // What went wrong is kept to be looked at.
    if (faults.length === 0) await rm(scratch, { recursive: true, force: true });
    else options.say(`the workspaces of what failed are kept in ${scratch}`);
  }
}

async function rehearseAll(lanes: readonly Lane[], scratch: string, faults: string[]): Promise<Stop[]> {
  const found: Stop[][] = [];
  await inLanes(lanes, [...SCENARIOS.entries()], async (lane, [i, scenario]) => {
    if (scenario.timed) {
      found[i] = [{ snapshot: start(scenario), passed: new Map(scenario.timed.map((point) => [point, 1])), ms: 0, events: 0 }];
      return;
    }
    const witness = await lane.witnessFor(scenario, 0);
    const { stops, faults: own } = await rehearse(scenario, witness, scratch);
    for (const fault of own) faults.push(`${scenario.name}, without a kill: ${fault}`);
    found[i] = stops;
  });
  return found.flat();
}

type Place = { readonly snapshot: Snapshot; readonly passing: number };

/** Where a point is passed, the shortest life first: it is the one that is taken when one is enough. */
function placesOf(point: string, stops: readonly Stop[]): Place[] {
  return stops
    .toSorted((a, b) => a.events - b.events)
    .filter(({ snapshot }) => snapshot.step.kind === "command" && snapshot.step.crashAt === undefined)
    .flatMap(({ snapshot, passed }) => Array.from({ length: passed.get(point) ?? 0 }, (_, i) => ({ snapshot, passing: i + 1 })));
}

/** The first, the last and what lies between, evenly; with many wanted, some of them by chance. */
function spread<T>(all: readonly T[], wanted: number, random: () => number): T[] {
  if (all.length <= wanted) return [...all];
  if (wanted <= 3)
    return [all[0], all[Math.floor((all.length - 1) / 2)], all.at(-1)].slice(0, wanted).filter((entry) => entry !== undefined);
  const [first, ...rest] = all;
  const last = rest.pop();
  return [first, ...shuffled(rest, random).slice(0, wanted - 2), last].filter((entry) => entry !== undefined);
}

/** How often a point is passed may differ from run to run by one or two: then the passing before is taken. */
async function attempt(job: Job, lane: Lane, scratch: string): Promise<Outcome> {
  const { snapshot } = job;
  let { kill } = job;
  const faults: string[] = [];
  for (;;) {
    const witness = await lane.witnessFor(snapshot.scenario, snapshot.index);
    const outcome = await killOnce(snapshot, kill, witness, scratch, job.n % 2 === 1);
    faults.push(...outcome.faults);
    if (outcome.killed || !("at" in kill) || kill.passing === 1) return { ...outcome, faults };
    kill = { ...kill, passing: kill.passing - 1 };
  }
}

/** A lane runs one thing at a time, and so can share a server between runs: what a run did lies between two marks. */
function createLane(scratch: string, name: string): Lane {
  const shared = new Map<number, Promise<Witness>>();
  let single: Witness | null = null;
  let count = 0;
  return {
    async witnessFor({ seed, faults }, index) {
      await single?.stop();
      single = null;
      // Faults are used up by the first command.
      if (index === 0 && faults.length > 0)
        return (single = await startWitness({ folder: scratch, name: `${name}-${++count}`, seed, faults }));
      const witness = shared.get(seed) ?? startWitness({ folder: scratch, name: `${name}-seed-${seed}`, seed, faults: [] });
      shared.set(seed, witness);
      return witness;
    },
    async stop() {
      await single?.stop();
      for (const witness of shared.values()) await (await witness).stop();
    },
  };
}

async function inLanes<T>(
  lanes: readonly Lane[],
  items: readonly T[],
  work: (lane: Lane, item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  await Promise.all(
    lanes.map(async (lane) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(lane, item);
    }),
  );
}

function nameOf({ point, snapshot, kill }: Job): string {
  const step = snapshot.step.kind === "command" ? snapshot.step.args.join(" ") : "";
  return `${point}${"at" in kill ? `#${kill.passing}` : ` ${kill.afterMs} ms`} in "${snapshot.scenario.name}", command ${snapshot.index + 1} (${step.slice(0, 30)})`;
}

function table(outcomes: ReadonlyMap<string, readonly { job: Job; outcome: Outcome }[]>, say: (line: string) => void): void {
  const columns = ["point", "kills", "lost answers", "asked again", "left-over files", "slowest recovery", "ends", "faults"];
  const rows = [...outcomes.keys()].sort().map((point) => {
    const all = outcomes.get(point) ?? [];
    const sum = (of: (outcome: Outcome) => number) => String(all.reduce((total, { outcome }) => total + of(outcome), 0));
    const recovered = all.flatMap(({ outcome }) => outcome.recoveryMs ?? []);
    const ends = Map.groupBy(all, ({ outcome }) => outcome.end);
    return [
      point,
      sum((outcome) => (outcome.killed ? 1 : 0)),
      sum((outcome) => outcome.unknown),
      sum((outcome) => outcome.repeated),
      sum((outcome) => outcome.leftovers),
      recovered.length > 0 ? `${Math.max(...recovered)} ms` : "-",
      [...ends].map(([end, same]) => `${same.length} ${end}`).join(", "),
      sum((outcome) => outcome.faults.length),
    ];
  });
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of [columns, ...rows])
    say(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

/** Median and worst, for the last line. */
export function recoveryLine(recovery: readonly number[]): string {
  const sorted = [...recovery].sort((a, b) => a - b);
  if (sorted.length === 0) return "recovery: nothing was left to claim";
  return `recovery, from the start of resume to its first claim: median ${sorted[Math.floor(sorted.length / 2)]} ms, worst ${sorted.at(-1)} ms, of ${sorted.length}`;
}
