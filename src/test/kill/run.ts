/** One goal's life with one kill in it: the workspace as it stood before, the command that is killed, `resume`, and what a person does then. */

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { GOAL_ENDED } from "../../domain/goal.ts";
import { DATABASE, readBooks, readCopy, type Books, type GoalRow } from "./books.ts";
import {
  callFaults,
  eventFaults,
  lostFaults,
  moneyFaults,
  printedFaults,
  taskFaults,
  wireFaults,
  type CapsInForce,
} from "./checks.ts";
import { exportFaults, leftovers, wholeFaults } from "./files.ts";
import { runProgram, type Ended } from "./program.ts";
import type { Scenario, Step } from "./scenarios.ts";
import type { Seen, Witness } from "./witness.ts";

/** The program's defaults, in nano-dollars. */
export const CAPS: CapsInForce = { task: 2_500_000_000, day: 10_000_000_000, month: 50_000_000_000 };
const MAX_COMMANDS = 9;
const CONTEXT = `# Relay

Relay is a shared inbox for support teams of five to fifty people. It routes each message to the person who can answer it.

## Customers

Heads of support at software companies who lose messages between mail, chat and forms.

## Prices

The Team plan costs $29 a month for each seat.

## Proof

Teams answer their first message within an hour of signing up.
`;

/** A workspace at rest, before a step of a scenario. */
export type Snapshot = {
  readonly scenario: Scenario;
  readonly folder: string | null;
  readonly step: Step;
  readonly index: number;
  readonly edited: ReadonlySet<string>;
  readonly seen: readonly Seen[];
  readonly kills: number;
};

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

export function start(scenario: Scenario): Snapshot {
  const step = scenario.next({ goal: null, books: readBooks("/nonexistent"), edits: 0 });
  if (!step) throw new Error(`${scenario.name} has no beginning`);
  return { scenario, folder: null, step, index: 0, edited: new Set(), seen: [], kills: 0 };
}

type Life = {
  readonly folder: string;
  readonly workspace: string;
  readonly witness: Witness;
  readonly faults: string[];
  readonly edited: Set<string>;
  /** Ids of the calls that were settled at the end of each phase of the witness's record. */
  readonly settled: Set<string>[];
  books: Books;
};

async function open(snapshot: Snapshot, witness: Witness, scratch: string): Promise<Life> {
  const folder = await mkdtemp(join(scratch, "life-"));
  const workspace = join(folder, "workspace");
  if (snapshot.folder === null) {
    await mkdir(workspace);
    if (snapshot.scenario.context) {
      await mkdir(join(workspace, "context"));
      await writeFile(join(workspace, "context/product-marketing-context.md"), CONTEXT);
    }
  } else await cp(snapshot.folder, workspace, { recursive: true });
  await witness.begin();
  const books = readBooks(workspace);
  return { folder, workspace, witness, faults: [], edited: new Set(snapshot.edited), settled: [settledIn(books)], books };
}

async function run(
  life: Life,
  step: Extract<Step, { kind: "command" }>,
  options: { crashAt?: string; killAfterMs?: number; events?: boolean } = {},
) {
  const events = step.runs && (options.events === true || step.interruptAt !== undefined);
  const crashAt = options.crashAt ?? step.crashAt;
  const ended = await runProgram({
    args: [...step.args, events ? "--events" : "--json", "--workspace", life.workspace],
    cwd: life.folder,
    env: {
      ANTHROPIC_BASE_URL: life.witness.url,
      ANTHROPIC_API_KEY: "test",
      ...(crashAt === undefined ? {} : { MARKETEAM_CRASH_AT: crashAt }),
    },
    interruptAt: step.interruptAt,
    killAfterMs: options.killAfterMs,
  });
  await life.witness.mark();
  if (ended.hung) life.faults.push(`"${step.args.join(" ")}" did not end: ${ended.stderr.slice(-300)}`);
  if (/fault of the program|"level":"error"|"level":50/.test(ended.stderr))
    life.faults.push(`"${step.args.join(" ")}" said: ${ended.stderr.slice(0, 500)}`);
  return { ended, printed: events ? ended.stdout : "" };
}

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

/** `resume last` right after the kill, whatever the state: it goes on, or says why it cannot. */
async function resume(life: Life): Promise<number | null> {
  const before = life.books;
  const goal = goalOf(before);
  const { ended } = await run(life, { kind: "command", args: ["resume", "last"], runs: true });
  settle(life);
  life.faults.push(...lostFaults(before, life.books));
  const waits = goal?.status === "paused" && (goal.pause === "budget" || goal.pause === "question");
  if (!goal || waits) {
    // There is nothing to go on with: a usage error that says so, or the goal as it waits. Nothing has changed.
    if (goal ? ended.code !== 4 : ended.code !== 2 || ended.stdout !== "")
      life.faults.push(`resume with ${goal ? "a question open" : "no goal"} exits ${ended.code}: ${ended.stderr.slice(0, 300)}`);
  } else life.faults.push(...codeFaults(["resume", "last"], ended, life.books));
  const last = before.events.at(-1)?.seq ?? 0;
  const claim = life.books.events.find((event) => event.seq > last && event.type === "task.started");
  return claim ? claim.at - ended.startedAt : null;
}

/** After the last command: everything at rest, everything accounted for. Returns the witness's record of the whole life. */
async function finish(life: Life, scenario: Scenario, earlier: readonly Seen[], kills: number): Promise<Seen[]> {
  const goal = goalOf(life.books);
  if (!goal || !scenario.ends.includes(goal.status))
    life.faults.push(`the goal ends ${goal ? `${goal.status} (${goal.pause})` : "nowhere"}`);
  if (life.books.goals.length !== 1) life.faults.push(`there are ${life.books.goals.length} goals`);
  if (life.books.processes > 0) life.faults.push(`${life.books.processes} processes are still listed`);
  const seen = seenSoFar(earlier, life);
  life.faults.push(...(await stateFaults(life, kills, true)));
  life.faults.push(
    ...wireFaults(life.books, seen, life.settled),
    ...(await exportFaults(life.workspace, life.books, life.edited)),
  );
  return seen;
}

async function stateFaults({ books, workspace }: Life, kills: number, rest: boolean): Promise<string[]> {
  return [
    ...moneyFaults(books, CAPS),
    ...callFaults(books, kills, rest),
    ...eventFaults(books),
    ...taskFaults(books),
    ...(await wholeFaults(workspace)),
  ];
}

/** The exit code says how the goal stands, and stdout holds the one object that says the same. */
function codeFaults(args: readonly string[], ended: Ended, books: Books): string[] {
  const goal = goalOf(books);
  if (!goal) return [`"${args.join(" ")}" exits ${ended.code} and there is no goal: ${ended.stderr.slice(0, 300)}`];
  const codes: Record<string, number> = {
    completed: 0,
    failed: 1,
    cancelled: args[0] === "cancel" ? 0 : 1,
    paused: goal.pause === "interrupted" ? 130 : 4,
  };
  const faults =
    ended.code === codes[goal.status]
      ? []
      : [`"${args.join(" ")}" exits ${ended.code}, the goal is ${goal.status}: ${ended.stderr.slice(0, 300)}`];
  if (!ended.stdout.startsWith("{\n")) return faults;
  const said = JSON.parse(ended.stdout) as { goal?: string; status?: string };
  if (said.goal === undefined) return faults;
  return said.goal === goal.id && said.status === goal.status
    ? faults
    : [...faults, `it printed ${said.goal} ${said.status}, the goal is ${goal.id} ${goal.status}`];
}

const goalOf = (books: Books): GoalRow | null => books.goals.at(-1) ?? null;

const isOver = (books: Books) => GOAL_ENDED.some((status) => status === goalOf(books)?.status);

const settledIn = (books: Books) => new Set(books.calls.filter((call) => call.state === "settled").map((call) => call.id));

function settle(life: Life, books = readBooks(life.workspace)): void {
  life.books = books;
  life.settled.push(settledIn(books));
}

async function readCopyOf(life: Life): Promise<Books> {
  const folder = await mkdtemp(join(life.folder, "copy-"));
  const books = readCopy(life.workspace, folder);
  await rm(folder, { recursive: true });
  return books;
}

/** The record before this life is phase 0, that of its first command is phase 1. */
function seenSoFar(earlier: readonly Seen[], life: Life): Seen[] {
  return [
    ...earlier.map((request) => ({ ...request, phase: 0 })),
    ...life.witness.seen().map((request) => ({ ...request, phase: request.phase + 1 })),
  ];
}

function nextStep(scenario: Scenario, life: Life): Step | null {
  return scenario.next({ goal: goalOf(life.books), books: life.books, edits: life.edited.size });
}

/** A person adds a sentence to the file of the first finished task. */
async function edit(life: Life): Promise<void> {
  const done = life.books.tasks.find((task) => task.kind === "work" && task.status === "done");
  const db = new Database(join(life.workspace, DATABASE), { readonly: true });
  const path = db
    .query<{ path: string }, [string]>("select path from files where task_id = ? order by path")
    .get(done?.id ?? "")?.path;
  db.close();
  if (path === undefined) {
    life.faults.push("there is no finished file to edit");
    life.edited.add("none");
    return;
  }
  const file = join(life.workspace, path);
  await writeFile(file, `${await readFile(file, "utf8")}\nA person added this sentence, and it stays.\n`);
  life.edited.add(path);
}
