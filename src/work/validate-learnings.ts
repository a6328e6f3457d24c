/** Puts learnings to the test: stored tasks made anew with and without one, judged blind, until the numbers say what it is worth. */

import { compareTexts } from "../director/compare/compare.ts";
import { learningsForSkill } from "../director/learn/learn.ts";
import { structureFindings } from "../director/review/structure.ts";
import type { Learning } from "../domain/learning.ts";
import type { Nano } from "../domain/money.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { LOOKS, summarise, type TrialResult, type TrialSummary } from "../domain/statistics.ts";
import type { Task } from "../domain/task.ts";
import type { Stopped } from "../journal/outcome.ts";
import { needGoal } from "../store/goals.ts";
import { changeLearning, getLearning, listLearnings } from "../store/learnings.ts";
import { contextVersion } from "../store/contexts.ts";
import { needTask } from "../store/tasks.ts";
import { addTrial, tasksToReplay, trialsOf } from "../store/trials.ts";
import { make } from "./executor.ts";
import { inputsOf } from "./inputs.ts";
import type { Team } from "./team.ts";

/** What stands for a learning that can be tried: its trials so far, and the tasks for those up to the next look. */
export type Candidate = { readonly learning: Learning; readonly summary: TrialSummary; readonly tasks: readonly string[] };

export type Validated = {
  readonly learning: Learning;
  readonly summary: TrialSummary;
  readonly before: Learning["status"];
};

/** The scope that a learning's replays are counted in; the journal answers by it, so that a run that was cut off pays nothing twice. */
export const validationScope = (learningId: string) => `validation-${learningId}`;

/** True when there is something to do: tasks to try it on, or trials whose conclusion was not drawn yet (a crash came between). */
export function isOpen({ learning, summary, tasks }: Candidate): boolean {
  return tasks.length > 0 || statusAfter(learning, summary) !== learning.status;
}

/** Hypotheses, surest first, with the stored tasks for the trials up to their next look when there are enough of them; or the one that is named, whatever its status. */
export async function candidatesOf(team: Team, options: { id: string | null; rehearsal: boolean }): Promise<Candidate[]> {
  return team.store.read(async (read) => {
    const named = options.id === null ? null : await getLearning(read, options.id);
    const all = await listLearnings(read, { rehearsal: options.rehearsal });
    const learnings = named
      ? [named]
      : all.filter((entry) => entry.status === "hypothesis").sort((a, b) => b.confidence - a.confidence);
    const candidates: Candidate[] = [];
    for (const learning of learnings) {
      const trials = await trialsOf(read, [learning.id]);
      const tried = new Set(trials.map((trial) => trial.taskId));
      const next = LOOKS.find((look) => look > trials.length);
      const open = (await tasksToReplay(read, learning, DIRECTOR)).filter((id) => !tried.has(id));
      const needed = next === undefined ? 0 : next - trials.length;
      // Trials that lead to no look cost money and decide nothing: only who names a learning gets them.
      const tasks = open.length >= needed || named ? open.slice(0, needed) : [];
      candidates.push({ learning, summary: summarise(trials.map((trial) => trial.winner)), tasks });
    }
    return candidates;
  });
}

/**
 * Makes a candidate's trials and draws the conclusion: `active` when it helps, `pruned` when it harms or is of no use, else as
 * it was. `cap` (nano-dollars) bounds what all replays of this learning may ever cost; `stop` ends it after a trial. Trials that were made are kept whatever happens.
 */
export async function validate(
  team: Team,
  candidate: Candidate,
  options: { cap: Nano; stop: AbortSignal },
  signal: AbortSignal,
): Promise<Validated | Stopped> {
  const { learning } = candidate;
  for (const taskId of candidate.tasks) {
    if (options.stop.aborted) break;
    const trial = await tryOn(team, learning, taskId, options.cap, signal);
    if ("kind" in trial) return trial;
    await team.store.write("trial.keep", (tx) =>
      addTrial(tx, { learningId: learning.id, taskId, ...trial, rehearsal: learning.rehearsal }),
    );
  }
  return conclude(team, learning);
}

async function conclude(team: Team, { id }: Learning): Promise<Validated> {
  return team.store.write("learning.judge", async (tx) => {
    const learning = await getLearning(tx, id);
    if (!learning) throw new Error(`no learning ${id}`);
    const summary = summarise((await trialsOf(tx, [id])).map((trial) => trial.winner));
    const before = learning.status;
    const to = statusAfter(learning, summary);
    if (to !== before) {
      // An effect of 1 is as sure as a person's word; one of 0 as little as a guess.
      const confidence = to === "active" ? Math.min(0.95, 0.6 + 0.35 * summary.effect) : learning.confidence;
      await changeLearning(tx, id, { status: to, confidence });
      tx.emit(
        {
          type: "learning.judged",
          goalId: null,
          taskId: null,
          learningId: id,
          statement: learning.statement,
          status: to,
          effect: summary.effect,
          trials: summary.n,
        },
        { rehearsal: learning.rehearsal },
      );
    }
    return { learning: { ...learning, status: to }, summary, before };
  });
}

/** What a person has retired stays retired, whatever trials say. */
function statusAfter({ status }: Learning, { decision }: TrialSummary): Learning["status"] {
  if (status === "retired" || decision === "undecided") return status;
  return decision === "helps" ? "active" : "pruned";
}

type Outcome = { readonly winner: TrialResult; readonly reason: string };

/** One task made twice, at the same time, with the same inputs: once with the learning in its prompt, once without. */
async function tryOn(team: Team, learning: Learning, taskId: string, cap: Nano, signal: AbortSignal): Promise<Outcome | Stopped> {
  const { task, goal, context, others } = await team.store.read(async (read) => {
    const task = await needTask(read, taskId);
    const goal = await needGoal(read, task.goalId);
    const context = goal.contextVersion === 0 ? null : await contextVersion(read, goal.contextVersion);
    const known = await learningsForSkill(read, task, learning.rehearsal);
    return { task, goal, context, others: known.filter((entry) => entry.id !== learning.id) };
  });
  const skill = team.registry.skills.get(task.skill);
  if (!skill) return { winner: "tie", reason: `the skill ${task.skill} is not in the team any more` };
  const inputs = await inputsOf(team, task);
  const scope = { ...goal, id: validationScope(learning.id), cap, allowed: 0 };
  const first: Task = { ...task, revision: 0, roundStart: 0 };
  const version = (arm: "with" | "without") =>
    make(
      team,
      {
        goal: scope,
        task: first,
        skill,
        context,
        learnings: arm === "with" ? [...others, learning] : others,
        inputs,
        previous: null,
        lease: null,
        key: { goalId: scope.id, subject: task.id, step: `replay:${arm}` },
      },
      signal,
    );
  const [withIt, without] = await Promise.all([version("with"), version("without")]);
  if (withIt.kind === "stopped") return withIt;
  if (without.kind === "stopped") return without;
  const sound = (made: typeof withIt) =>
    made.kind === "made" &&
    structureFindings({ body: made.body, requiredSections: skill.sections, secrets: team.secrets }).length === 0;
  if (withIt.kind === "unusable" || without.kind === "unusable" || sound(withIt) !== sound(without)) {
    if (sound(withIt) === sound(without)) return { winner: "tie", reason: "neither replay came to a usable text" };
    return { winner: sound(withIt) ? "with" : "without", reason: "the other one did not pass the structural check" };
  }
  const decision = await compareTexts(
    team.journal,
    team.registry,
    {
      goal: scope,
      context,
      task,
      key: { goalId: scope.id, subject: task.id, revision: 0 },
      // The judge reads two texts and no names; the journal's steps are known by them.
      a: { name: "with", body: withIt.body },
      b: { name: "without", body: without.body },
      lease: null,
    },
    signal,
  );
  if (decision.kind === "stopped") return decision;
  if (decision.kind === "unreadable") return { winner: "tie", reason: `the comparison could not be read (${decision.why})` };
  const { winner, reason } = decision.value;
  return { winner: winner === "with" ? "with" : winner === "without" ? "without" : "tie", reason };
}
