/** Lives of a goal, each as the next thing that a person would do, given what the store says. Between them they pass every named point. */

import type { Books, GoalRow } from "./books.ts";

export type Step =
  | {
      readonly kind: "command";
      readonly args: readonly string[];
      /** It prints `--json` or `--events`; a command that does not run a goal knows only `--json`. */
      readonly runs: boolean;
      readonly interruptAt?: string;
      /** The step is itself killed, always, at this point: what comes after it is what is tested. */
      readonly crashAt?: string;
    }
  /** A person changes the file of the first finished task. */
  | { readonly kind: "edit" };

export type Scenario = {
  readonly name: string;
  readonly seed: number;
  readonly faults: readonly string[];
  readonly context: boolean;
  /** How the goal may end. */
  readonly ends: readonly string[];
  /** Points that depend on time, passed in the first command: they are not counted, and killed at their first passing. */
  readonly timed?: readonly string[];
  /** What comes next; null when the goal is at rest. `edits` counts the files that a person changed so far. */
  next(state: { goal: GoalRow | null; books: Books; edits: number }): Step | null;
};

type State = Parameters<Scenario["next"]>[0];

const command = (...args: string[]): Step => ({ kind: "command", args, runs: true });

/** A command that runs no goal. */
const note = (...args: string[]): Step => ({ kind: "command", args, runs: false });

/** Starts the goal, goes on with it while it can, asks `waits` what to do when it waits for a person, and `ended` when it is over. */
function life(
  start: Step,
  waits: (state: State) => Step | null = () => null,
  ended: (state: State) => Step | null = () => null,
): Scenario["next"] {
  return (state) => {
    const { goal } = state;
    if (!goal) return start;
    if (goal.status === "running") return command("resume", "last");
    if (goal.status !== "paused") return ended(state);
    if (goal.pause === "interrupted" || goal.pause === "model_away") return command("resume", "last");
    return waits(state);
  };
}

const question = (state: State) => state.books.questions.find((entry) => entry.status === "open")?.id ?? "none";

export const SCENARIOS: readonly Scenario[] = [
  {
    // The Director changes the plan at this goal's gate, with this seed.
    name: "goal",
    seed: 1,
    faults: [],
    context: true,
    ends: ["completed"],
    next: life(command("Increase signup conversion by 20%")),
  },
  {
    name: "pipeline",
    seed: 2,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(
      command("--pipeline", "Test Readout", "The pricing page test"),
      () => null,
      // When the work is done, a person writes down something for the next time, and takes it back.
      ({ books }) => {
        const own = books.learnings.find((entry) => entry.statement === "Say the price on the button");
        if (!own) return note("learnings", "add", "Say the price on the button");
        return own.status === "retired" ? null : note("learnings", "retire", own.id);
      },
    ),
  },
  {
    // The text holds filler that the structural check finds, in every version: after three revisions a person takes the best.
    name: "sent back",
    seed: 3,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(command("--pipeline", "Email Health", "Explain the new price, the date is TBD"), (state) =>
      command("approve", question(state), "--note", "Say the date when it is known"),
    ),
  },
  {
    // The model refuses; a person says no to the question, with a note, and the task is done anew.
    name: "refused",
    seed: 4,
    faults: ["refusal@makex1"],
    context: false,
    ends: ["completed"],
    next: life(command("--pipeline", "Social Content", "Posts about the new inbox"), (state) =>
      command("reject", question(state), "--note", "Leave the competitor out"),
    ),
  },
  {
    // A task fails, what needs it is cancelled, the goal ends with what is left.
    name: "failed",
    seed: 5,
    faults: ["empty@skill=ab-test-setupx2"],
    context: false,
    ends: ["completed"],
    next: life(command("--pipeline", "Outreach Campaign", "Reach heads of support")),
  },
  {
    // The cap is hit; a person changes a finished file, allows more, and what builds on the file takes the change in.
    name: "capped",
    seed: 6,
    faults: [],
    context: false,
    ends: ["completed"],
    // Enough for the first task and not for the second.
    next: life(command("--budget", "0.32", "--pipeline", "Outreach Campaign", "Reach heads of support"), ({ books, edits }) => {
      const done = books.tasks.some((task) => task.kind === "work" && task.status === "done");
      return done && edits === 0 ? { kind: "edit" } : command("resume", "last", "--allow", "5");
    }),
  },
  {
    name: "given up",
    seed: 6,
    faults: [],
    context: false,
    ends: ["cancelled"],
    next: life(command("--budget", "0.24", "--pipeline", "Outreach Campaign", "Reach heads of support"), () =>
      note("cancel", "last"),
    ),
  },
  {
    name: "interrupted",
    seed: 7,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life({
      kind: "command",
      args: ["--pipeline", "Test Readout", "The pricing page test"],
      runs: true,
      interruptAt: '"type":"task.delivered"',
    }),
  },
  {
    // Killed once, so that the next process finds a dead one's holds and leases; in the end a person puts the lost call right.
    name: "killed before",
    seed: 8,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(
      {
        kind: "command",
        args: ["--pipeline", "Email Health", "Write to those who left"],
        runs: true,
        crashAt: "wire:answered#2",
      },
      () => null,
      ({ books }) => {
        const lost = books.calls.find((call) => call.state === "unknown");
        return lost ? note("costs", "--settle", lost.id, "--usd", "0.01") : null;
      },
    ),
  },
  {
    // The first call is answered too late for a heartbeat not to come first.
    name: "slow",
    seed: 9,
    faults: ["hang_before@makex1"],
    context: false,
    ends: ["completed"],
    timed: ["process.beat:before-commit", "process.beat:after-commit", "task.renew:before-commit", "task.renew:after-commit"],
    next: life(command("--pipeline", "Email Health", "Write to those who left")),
  },
  {
    // The Director looks back at the team's work.
    name: "looked back",
    seed: 14,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(command("--pipeline", "Director Morning Review", "How are we doing")),
  },
  {
    // Three read one version, one after the other.
    name: "chain",
    seed: 13,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(command("--pipeline", "Copywriting Review Chain", "A page about the new inbox")),
  },
  {
    // The goal asks for versions to choose from: two are made side by side and compared.
    name: "compared",
    seed: 10,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(command("--category", "content", "Write two versions of a post about the new inbox to choose from")),
  },
  {
    // The brief names another price than the product context: the text that repeats it is sent back at the goal's end.
    name: "contradicted",
    seed: 11,
    faults: [],
    context: true,
    ends: ["completed"],
    next: life(command("--pipeline", "Email Health", "Tell them that the Team plan costs $49 a month for each seat")),
  },
  {
    // What a person added is put to the test on the finished work.
    name: "tried",
    seed: 12,
    faults: [],
    context: false,
    ends: ["completed"],
    next: life(
      command("--pipeline", "Email Health", "Write to those who left"),
      () => null,
      ({ books }) => {
        const own = books.learnings.find((entry) => entry.statement === "Name the day in the first line");
        if (!own) return note("learnings", "add", "Name the day in the first line");
        return books.trials.length === 0 ? note("learnings", "validate", own.id, "--budget", "5") : null;
      },
    ),
  },
];
