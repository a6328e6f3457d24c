/** Handing in: the version that a task's revision asks for, made now or read back after a crash. */

import { claimsOf, type Source } from "../director/claims/claims.ts";
import { learningsForSkill } from "../director/learn/learn.ts";
import { hashOf, type Deliverable } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import type { Skill } from "../domain/registry.ts";
import { answersTo, askedOf } from "../domain/review.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { readsOf } from "../store/tool-reads.ts";
import { CONSISTENCY } from "./check.ts";
import { block, deliver, fail } from "./complete.ts";
import { make, type Made } from "./executor.ts";
import { inputsOf, type TaskInput } from "./inputs.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";
import { makeVariants, type Chosen } from "./variants.ts";

/** The version of this revision: the stored one after a crash, else made now. Null when the task came to rest without one. */
export async function handIn(team: Team, job: Job): Promise<Deliverable | null> {
  const { goal, context, task, lease, signal } = job;
  const before = await team.store.read(async (read) => ({
    versions: await versionsOf(read, task.id),
    reviews: await reviewsOf(read, task.id),
    learnings: await learningsForSkill(read, task, goal.rehearsal),
  }));
  const stored = before.versions.find((version) => version.revision === task.revision);
  if (stored) return stored;
  // A text that had been accepted is repaired in what it contradicts, and in nothing else.
  const objection =
    task.deliverableId === null ? undefined : before.reviews.findLast((review) => review.reviewer === CONSISTENCY);
  const last = objection ? before.versions.find((version) => version.id === objection.deliverableId) : before.versions.at(-1);
  const asked = last
    ? askedOf(objection ? [objection] : before.reviews.filter((review) => review.deliverableId === last.id))
    : [];
  const previous = last ? { revision: last.revision, body: last.body, findings: asked } : null;
  const skill = team.registry.skills.get(task.skill);
  if (!skill) {
    await fail(team.store, lease, `the skill "${task.skill}" is not in the team any more (see \`validate\`)`);
    return null;
  }
  const inputs = await inputsOf(team, task);
  const asks = { goal, task, skill, context, learnings: before.learnings, inputs, previous, lease };
  const several = task.variants > 1 && task.revision === task.roundStart && task.deliverableId === null;
  const made: Made & { chosen?: Chosen } = several ? await makeVariants(team, job, asks) : await make(team, asks, signal);
  if (made.kind !== "made") return rest(team, job, made);
  const deliverable: Deliverable = {
    id: newId("dlv"),
    taskId: task.id,
    goalId: goal.id,
    revision: task.revision,
    origin: "agent",
    skill: task.skill,
    body: made.body,
    hash: hashOf(made.body),
    missing: made.missing,
    warnings: made.warnings,
    score: null,
    summary: null,
    facts: [],
    answers: answersTo(asked, made.answers),
    claims: claimsOf(made.body, await sourcesOf(team, job, skill, inputs)),
    createdAt: team.now(),
  };
  await deliver(team.store, lease, deliverable, made.model, goal.rehearsal, made.chosen ?? null);
  return deliverable;
}

/** No version came: the task is put back, waits for a person, or has failed. */
async function rest(team: Team, { lease }: Job, made: Exclude<Made, { kind: "made" }>): Promise<null> {
  if (made.kind === "stopped") await stopTask(team.store, lease, made);
  else if (made.why === "refusal") {
    await block(team.store, lease, "risk", (entry) => `The model refused "${entry.key}". How should it go on?`, made.detail);
  } else await fail(team.store, lease, `no usable deliverable (${made.why}): ${made.detail}`);
  return null;
}

/** What a text may rest its claims on: everything that its maker was given to read. */
async function sourcesOf(
  team: Team,
  { goal, context, task }: Job,
  skill: Skill,
  inputs: readonly TaskInput[],
): Promise<Source[]> {
  const seen = await team.store.read((read) => readsOf(read, { goalId: goal.id, subject: task.id }));
  const references = await Promise.all(skill.references.map(({ path }) => team.registry.readReference(skill.name, path)));
  return [
    ...(context ? [{ name: "context", text: context.body }] : []),
    { name: "goal", text: goal.text },
    { name: "task", text: [task.brief, ...task.criteria].join("\n") },
    ...inputs.map((input) => ({ name: input.key, text: input.text })),
    // What a tool answered, with its day.
    ...seen
      .filter((entry) => !entry.isError)
      .map(({ server, tool, text, at }) => ({ name: `${server} ${tool}, ${new Date(at).toISOString().slice(0, 10)}`, text })),
    { name: "playbook", text: skill.body },
    ...references.flatMap((text) => (text === null ? [] : [{ name: "playbook", text }])),
  ];
}
