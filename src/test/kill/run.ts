/** One goal's life with one kill in it: the workspace as it stood before, the command that is killed, `resume`, and what a person does then. */

import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { lostFaults, printedFaults } from "./checks.ts";
import { leftovers } from "./files.ts";
import {
  codeFaults,
  edit,
  finish,
  goalOf,
  isOver,
  nextStep,
  open,
  readCopyOf,
  resume,
  run,
  seenSoFar,
  settle,
  start,
  stateFaults,
  type Snapshot,
} from "./life.ts";
import type { Scenario } from "./scenarios.ts";
import type { Seen, Witness } from "./witness.ts";

const MAX_COMMANDS = 9;

/** A snapshot before a command, how often that command passes each point, and the time from its first event to its last. */
export type Stop = {
  readonly snapshot: Snapshot;
  readonly passed: ReadonlyMap<string, number>;
  readonly ms: number;
  /** Events of the whole life: how dear it is to live it again. */
  readonly events: number;
};

/** How the step of a snapshot is killed. */
export type Kill = { readonly at: string; readonly passing: number } | { readonly afterMs: number };

export type Outcome = {
  readonly faults: readonly string[];
  readonly killed: boolean;
  /** The goal's state in words, at the end. */
  readonly end: string;
  /** Calls whose answer was lost, and requests that were made again. */
  readonly unknown: number;
  readonly repeated: number;
  readonly leftovers: number;
  /** From the start of `resume` to its first claim, ms; null when there was nothing to claim. */
  readonly recoveryMs: number | null;
};

/** Runs the scenario from its beginning without a kill, and returns a snapshot before each command with the points it passed. */
export async function rehearse(
  scenario: Scenario,
  witness: Witness,
  scratch: string,
): Promise<{ stops: Stop[]; faults: string[] }> {
  const stops: Omit<Stop, "events">[] = [];
  const life = await open(start(scenario), witness, scratch);
  let kills = 0;
  for (let index = 0; index < MAX_COMMANDS; index++) {
    const step = nextStep(scenario, life);
    if (!step) break;
    if (step.kind === "edit") {
      await edit(life);
      continue;
    }
    const folder = join(life.folder, `before-${index}`);
    await cp(life.workspace, folder, { recursive: true });
    const snapshot = { scenario, folder, step, index, edited: new Set(life.edited), seen: seenSoFar([], life), kills };
    if (step.crashAt !== undefined) kills++;
    const { ended } = await run(life, step, step.crashAt === undefined ? { crashAt: "list" } : {});
    const last = life.books.events.length;
    settle(life);
    const events = life.books.events.slice(last);
    const points = [...ended.stderr.matchAll(/^passed (.+)$/gm)].map((match) => match[1] ?? "");
    stops.push({
      snapshot,
      passed: new Map([...Map.groupBy(points, (point) => point)].map(([point, all]) => [point, all.length])),
      ms: (events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0),
    });
    if (step.crashAt === undefined) life.faults.push(...codeFaults(step.args, ended, life.books));
  }
  await finish(life, scenario, [], kills);
  return { stops: stops.map((stop) => ({ ...stop, events: life.books.events.length })), faults: life.faults };
}

export async function killOnce(
  snapshot: Snapshot,
  kill: Kill,
  witness: Witness,
  scratch: string,
  events: boolean,
): Promise<Outcome> {
  const { scenario, step } = snapshot;
  if (step.kind === "edit") throw new Error("only a command can be killed");
  const life = await open(snapshot, witness, scratch);
  const how = "at" in kill ? { crashAt: `${kill.at}#${kill.passing}` } : { killAfterMs: kill.afterMs };
  const { ended, printed } = await run(life, step, { ...how, events: events || "afterMs" in kill });
  const before = life.books;
  settle(life, await readCopyOf(life));
  life.faults.push(
    ...(await stateFaults(life, snapshot.kills + 1, false)),
    ...lostFaults(before, life.books),
    ...printedFaults(printed, life.books),
  );
  let recoveryMs: number | null = null;
  if (ended.killed) recoveryMs = await resume(life);
  else life.faults.push(...codeFaults(step.args, ended, life.books));
  const over = isOver(before);
  for (let commands = 0; commands < MAX_COMMANDS; commands++) {
    // What a person does with a goal that is over has its own kills.
    const next = isOver(life.books) && !over ? null : nextStep(scenario, life);
    if (!next) break;
    if (next.kind === "edit") await edit(life);
    else {
      // What kills itself in the scenario has done so by now, or comes again because nothing was accepted yet.
      const { crashAt: _, ...again } = next;
      const { ended: later } = await run(life, again);
      const was = life.books;
      settle(life);
      life.faults.push(...lostFaults(was, life.books), ...codeFaults(next.args, later, life.books));
    }
  }
  const seen = await finish(life, scenario, snapshot.seen, snapshot.kills + 1);
  const outcome = {
    faults: life.faults,
    killed: ended.killed,
    end: goalOf(life.books)?.status ?? "no goal",
    unknown: life.books.calls.filter((call) => call.state === "unknown").length,
    repeated: seen.length - new Set(seen.map((request) => request.hash)).size,
    leftovers: await leftovers(life.workspace),
    recoveryMs,
  };
  if (life.faults.length === 0) await rm(life.folder, { recursive: true });
  return outcome;
}

/** A life without a kill, to its end: where its workspace lies, and what the witness saw. */
export async function finished(
  scenario: Scenario,
  witness: Witness,
  scratch: string,
): Promise<{ workspace: string; seen: Seen[] }> {
  const life = await open(start(scenario), witness, scratch);
  for (let step = nextStep(scenario, life); step?.kind === "command"; step = nextStep(scenario, life)) {
    await run(life, step);
    settle(life);
  }
  return { workspace: life.workspace, seen: seenSoFar([], life) };
}
