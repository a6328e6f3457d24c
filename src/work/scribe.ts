/** The scribe: writes the workspace's documents from the store, off the critical path, and never over a person's edit. */

import { hashOf } from "../domain/deliverable.ts";
import type { StoredEvent } from "../domain/event.ts";
import { reviewsOf } from "../store/deliverables.ts";
import { needGoal } from "../store/goals.ts";
import { listLearnings } from "../store/learnings.ts";
import { composeBudget } from "./budget-file.ts";
import { noteFile, ownHashes } from "../store/files.ts";
import { getTask, needTask, tasksOfGoal } from "../store/tasks.ts";
import { variantsOf } from "../store/variants.ts";
import { formatDocument } from "../workspace/document.ts";
import { currentVersion } from "./inputs.ts";
import { outputPath, readOutput, variantPath } from "./output-file.ts";
import { composeReport, REHEARSAL_MARK, reportPath } from "./report-file.ts";
import type { Team } from "./team.ts";

/** The work that an event sets in motion begins first: a model's answer is then a long time away, and no reader is as quick. */
const PAUSE_MS = 25;

export interface Scribe {
  /** Writes what of a goal is missing or old: after a crash, and for what changed without an event. */
  catchUp(goalId: string): void;
  /** Resolves when everything that events asked for so far is on disk. Rejects with the first failed write, and forgets it. */
  flush(): Promise<void>;
  /** Stops listening, after a flush. */
  close(): Promise<void>;
}

/** Listens to the store and writes the documents that a change concerns, one after the other. */
export function createScribe(team: Team, owns: (goalId: string) => boolean): Scribe {
  const waiting = new Map<string, Job>();
  let writing: Promise<void> | null = null;
  let failure: unknown = null;
  let hurry = Promise.withResolvers<void>();
  /** A document that already waits to be written will say this, too: it is composed when its turn comes. */
  const later = (jobs: Jobs) => {
    for (const [name, job] of Object.entries(jobs)) if (!waiting.has(name)) waiting.set(name, job);
    if (waiting.size > 0) writing ??= write().finally(() => (writing = null));
  };
  const write = async () => {
    while (waiting.size > 0) {
      await Promise.race([Bun.sleep(PAUSE_MS), hurry.promise]);
      for (const [name, job] of [...waiting]) {
        waiting.delete(name);
        await job().catch((error: unknown) => {
          failure ??= error;
          team.log.debug("a document could not be written", { error });
        });
      }
    }
  };
  const stop = team.store.subscribe((event) => {
    if (event.goalId !== null && owns(event.goalId)) later(documentsOf(team, event));
  });
  const flush = async () => {
    hurry.resolve();
    while (writing !== null) await writing;
    hurry = Promise.withResolvers();
    const error = failure;
    failure = null;
    if (error !== null) throw error;
  };
  return {
    flush,
    catchUp: (goalId) => later({ [`all of ${goalId}`]: () => catchUp(team, goalId) }),
    async close() {
      stop();
      await flush();
    },
  };
}

type Job = () => Promise<void>;
/** By the document's name. */
type Jobs = Readonly<Record<string, Job>>;

function documentsOf(team: Team, event: StoredEvent): Jobs {
  const { goalId, taskId } = event;
  switch (event.type) {
    case "task.reviewed":
      return taskId ? { [`reviews of ${taskId}`]: () => writeReviews(team, taskId) } : {};
    case "variants.compared":
      return taskId ? { [`variants of ${taskId}`]: () => writeVariants(team, taskId) } : {};
    case "task.done":
    case "task.blocked":
    case "task.cancelled":
      return taskId ? { [`output of ${taskId}`]: () => writeOutput(team, taskId) } : {};
    case "goal.planned":
      return goalId ? { [`report of ${goalId}`]: () => writeReport(team, goalId) } : {};
    case "goal.paused":
    case "goal.completed":
    case "goal.failed":
    case "goal.cancelled":
      if (!goalId) return {};
      return {
        [`report of ${goalId}`]: () => writeReport(team, goalId),
        ...(!event.rehearsal && { budget: () => writeBudget(team) }),
      };
    case "effect.proposed":
    case "effect.approved":
    case "effect.rejected":
    case "effect.confirmed":
    case "effect.failed":
    case "effect.unknown":
    case "effect.expired":
    case "effect.stopped":
    case "effect.withdrawn":
      return goalId ? { [`report of ${goalId}`]: () => writeReport(team, goalId) } : {};
    case "learning.added":
    case "learning.judged":
      return event.rehearsal ? {} : { learnings: () => writeLearnings(team) };
    default:
      return {};
  }
}

/** Everything of a goal again, from the store. */
export async function writeGoal(team: Team, goalId: string): Promise<void> {
  for (const task of await team.store.read((read) => tasksOfGoal(read, goalId))) {
    if (task.kind !== "work") continue;
    await writeReviews(team, task.id);
    if (task.variants > 1) await writeVariants(team, task.id);
    await writeOutput(team, task.id);
  }
  await writeReport(team, goalId);
  await writeBudget(team);
}

async function writeBudget(team: Team): Promise<void> {
  const budget = await team.store.read((read) => composeBudget(read, team.caps));
  if (budget) await writeUnlessEdited(team, budget.path, budget.text, null);
}

/** Everything of a goal, and the learnings: what lies there as it should be is not written again. */
export async function catchUp(team: Team, goalId: string): Promise<void> {
  await writeGoal(team, goalId);
  await writeLearnings(team);
}

/** The goal's report as it is now: for commands that change what it tells while nobody listens. */
export async function writeReport(team: Team, goalId: string): Promise<void> {
  const text = await team.store.read((read) => composeReport(read, team.registry, goalId));
  await writeUnlessEdited(team, reportPath(goalId), text, null);
}

async function writeOutput(team: Team, taskId: string): Promise<void> {
  const task = await team.store.read((read) => getTask(read, taskId));
  if (!task || task.kind !== "work") return;
  const version = await currentVersion(team, task);
  if (!version) return;
  const path = outputPath(team.registry, task);
  // A file that holds a person's version is theirs to the last byte.
  if (version.origin === "person" && (await readOutput(team.workspace, path))?.body === version.body) return;
  const goal = await team.store.read((read) => needGoal(read, task.goalId));
  const fields = {
    goal: goal.id,
    task: task.id,
    skill: task.skill,
    version: version.revision + 1,
    by: version.origin,
    status: task.status,
    score: task.score,
    rehearsal: goal.rehearsal,
  };
  await writeUnlessEdited(team, path, formatDocument(fields, version.body), task.id);
}

/** The versions that were compared and not taken lie beside the one that was. */
async function writeVariants(team: Team, taskId: string): Promise<void> {
  const { task, goal, variants } = await team.store.read(async (read) => {
    const task = await needTask(read, taskId);
    return { task, goal: await needGoal(read, task.goalId), variants: await variantsOf(read, taskId) };
  });
  for (const entry of variants.filter((variant) => variant.outcome === "loser" || variant.outcome === "out")) {
    const fields = {
      goal: goal.id,
      task: task.id,
      skill: task.skill,
      number: entry.variant,
      built_round: entry.angle,
      not_taken: entry.note,
      rehearsal: goal.rehearsal,
    };
    await writeUnlessEdited(team, variantPath(team.registry, task, entry.variant), formatDocument(fields, entry.body), null);
  }
}

async function writeReviews(team: Team, taskId: string): Promise<void> {
  const task = await team.store.read((read) => getTask(read, taskId));
  if (!task) return;
  const { goal, reviews } = await team.store.read(async (read) => ({
    goal: await needGoal(read, task.goalId),
    reviews: await reviewsOf(read, taskId),
  }));
  if (reviews.length === 0) return;
  const body = reviews.flatMap((review) => [
    `## Version ${review.revision + 1}: ${review.verdict}${review.score === null ? "" : ` (${review.score})`} by ${review.reviewer === "structure" ? "the structural check" : review.reviewer}`,
    "",
    ...review.scores.map((entry) => `- ${entry.criterion}: ${entry.score}. ${entry.evidence}`),
    ...(review.findings.length > 0 ? ["", "Findings:", ""] : []),
    ...review.findings.map(
      (entry) =>
        `- **${entry.severity}** ${entry.problem}${entry.quote ? ` (quote: "${entry.quote}")` : ""} Request: ${entry.request}`,
    ),
    "",
  ]);
  const text = [`# Reviews of ${task.key}`, "", ...(goal.rehearsal ? [REHEARSAL_MARK, ""] : []), ...body].join("\n");
  const path = `reviews/${task.key}-${task.goalId.slice(-8)}.md`;
  await writeUnlessEdited(
    team,
    path,
    formatDocument({ goal: goal.id, task: task.id, skill: task.skill, rehearsal: goal.rehearsal }, text),
    null,
  );
}

const LEARNINGS_PATH = "memory/learnings.md";

/** All learnings in one document. As long as there never was one, there is none. */
export async function writeLearnings(team: Team): Promise<void> {
  const { learnings, written } = await team.store.read(async (read) => ({
    learnings: await listLearnings(read, { rehearsal: false }),
    written: (await ownHashes(read, LEARNINGS_PATH)).length > 0,
  }));
  if (learnings.length === 0 && !written) return;
  const bySkill = Map.groupBy(learnings, (entry) => entry.skill ?? "all skills");
  const body = [...bySkill]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([skill, entries]) => [
      `## ${skill}`,
      "",
      ...entries.map((entry) => `- ${entry.statement} (confidence ${entry.confidence}, ${entry.status}; \`${entry.id}\`)`),
      "",
    ]);
  await writeUnlessEdited(
    team,
    LEARNINGS_PATH,
    formatDocument({ learnings: learnings.length }, ["# Learnings", "", ...body].join("\n")),
    null,
  );
}

/** Writes a document of no task, unless a person changed it: then it goes beside theirs. */
export async function writeDocument(team: Team, path: string, text: string): Promise<void> {
  return writeUnlessEdited(team, path, text, null);
}

/** A file that is not as we left it is a person's: it stays, and ours goes beside it. */
async function writeUnlessEdited(team: Team, path: string, text: string, taskId: string | null): Promise<void> {
  const hash = hashOf(text);
  const before = await team.store.read((read) => ownHashes(read, path));
  const existing = await team.workspace.read(path);
  const now = await team.store.read((read) => ownHashes(read, path));
  // Another process may be writing it at this moment.
  const own = [...before, ...now];
  const found = existing === null ? null : hashOf(existing);
  const note = () => team.store.write("file.note", (tx) => noteFile(tx, { path, hashes: [hash], taskId }));
  if (found !== null) {
    if (found === hash) {
      if (now.join() !== hash) await note();
      return;
    }
    const edited = !own.includes(found);
    if (edited && taskId === null) {
      const beside = path.replace(/\.md$/, ".new.md");
      team.log.warn("a person changed this file: the new text goes beside it", { path, beside });
      return team.workspace.write(beside, text);
    }
    // An edited output was taken in as a version by now, and is what `text` holds; an older text of ours may go.
    if (edited) {
      team.log.warn("a person changed this file: it stays as it is", { path });
      return;
    }
  }
  // Both texts are ours until the new one is known to lie there: a crash in between must not make it look like a person's.
  const hashes = found === null ? [hash] : [hash, found];
  await team.store.write("file.intend", (tx) => noteFile(tx, { path, hashes, taskId }));
  await team.workspace.write(path, text);
  if (found !== null) await note();
}
