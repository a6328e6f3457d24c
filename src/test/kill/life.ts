/** A goal's life in a workspace of its own: the commands that a person types, what the store says after each, and the books at the end. */

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { GOAL_ENDED } from "../../domain/goal.ts";
import { DATABASE, readBooks, readCopy, type Books, type GoalRow } from "./books.ts";
import { callFaults, eventFaults, lostFaults, moneyFaults, taskFaults, wireFaults, type CapsInForce } from "./checks.ts";
import { exportFaults, wholeFaults } from "./files.ts";
import { runProgram, type Ended } from "./program.ts";
import type { Scenario, Step } from "./scenarios.ts";
import type { Seen, Witness } from "./witness.ts";

/** The program's defaults, in nano-dollars. */
export const CAPS: CapsInForce = { task: 2_500_000_000, day: 10_000_000_000, month: 50_000_000_000 };
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

export function start(scenario: Scenario): Snapshot {
  const step = scenario.next({ goal: null, books: readBooks("/nonexistent"), edits: 0 });
  if (!step) throw new Error(`${scenario.name} has no beginning`);
  return { scenario, folder: null, step, index: 0, edited: new Set(), seen: [], kills: 0 };
}

export type Life = {
  readonly folder: string;
  readonly workspace: string;
  readonly witness: Witness;
  readonly faults: string[];
  readonly edited: Set<string>;
  /** Ids of the calls that were settled at the end of each phase of the witness's record. */
  readonly settled: Set<string>[];
  books: Books;
};

export async function open(snapshot: Snapshot, witness: Witness, scratch: string): Promise<Life> {
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

export async function run(
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

/** `resume last` right after the kill, whatever the state: it goes on, or says why it cannot. */
export async function resume(life: Life): Promise<number | null> {
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
export async function finish(life: Life, scenario: Scenario, earlier: readonly Seen[], kills: number): Promise<Seen[]> {
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

export async function stateFaults({ books, workspace }: Life, kills: number, rest: boolean): Promise<string[]> {
  return [
    ...moneyFaults(books, CAPS),
    ...callFaults(books, kills, rest),
    ...eventFaults(books),
    ...taskFaults(books),
    ...(await wholeFaults(workspace)),
  ];
}

/** The exit code says how the goal stands, and stdout holds the one object that says the same. */
export function codeFaults(args: readonly string[], ended: Ended, books: Books): string[] {
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

export const goalOf = (books: Books): GoalRow | null => books.goals.at(-1) ?? null;

export const isOver = (books: Books) => GOAL_ENDED.some((status) => status === goalOf(books)?.status);

const settledIn = (books: Books) => new Set(books.calls.filter((call) => call.state === "settled").map((call) => call.id));

export function settle(life: Life, books = readBooks(life.workspace)): void {
  life.books = books;
  life.settled.push(settledIn(books));
}

export async function readCopyOf(life: Life): Promise<Books> {
  const folder = await mkdtemp(join(life.folder, "copy-"));
  const books = readCopy(life.workspace, folder);
  await rm(folder, { recursive: true });
  return books;
}

/** The record before this life is phase 0, that of its first command is phase 1. */
export function seenSoFar(earlier: readonly Seen[], life: Life): Seen[] {
  return [
    ...earlier.map((request) => ({ ...request, phase: 0 })),
    ...life.witness.seen().map((request) => ({ ...request, phase: request.phase + 1 })),
  ];
}

export function nextStep(scenario: Scenario, life: Life): Step | null {
  return scenario.next({ goal: goalOf(life.books), books: life.books, edits: life.edited.size });
}

/** A person adds a sentence to the file of the first finished task. */
export async function edit(life: Life): Promise<void> {
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
