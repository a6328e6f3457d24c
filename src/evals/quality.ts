/** The two deliverables of a brief: by the skill, and by the same model without the playbook. Made by the team's own executor. */

import { basename } from "node:path";
import { hashOf } from "../domain/deliverable.ts";
import type { Goal } from "../domain/goal.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Registry, Skill } from "../domain/registry.ts";
import type { Task } from "../domain/task.ts";
import type { Journal } from "../journal/journal.ts";
import type { CallSpec } from "../journal/request.ts";
import { bodyOf } from "../workspace/document.ts";
import { CONTEXT_PATH } from "../work/accept.ts";
import { make, type Made } from "../work/executor.ts";
import { makeSpec, type Make } from "../work/make-spec.ts";
import type { TaskInput } from "../work/inputs.ts";
import type { Team } from "../work/team.ts";
import type { Brief, BriefFile } from "./data.ts";
import { inputsHash } from "./recording.ts";

export type Arm = "with" | "without";
export const ARMS: readonly Arm[] = ["with", "without"];

/** What stands in the playbook's place. The required sections stay: neither the judge nor a check may know an arm by its headings. */
const NO_PLAYBOOK =
  "There is no playbook for this task. Work from what you know of the craft, the product context, the inputs and the brief.";

function withoutPlaybook(skill: Skill): Skill {
  return { ...skill, body: NO_PLAYBOOK, references: [] };
}

/** The first file that is named as the workspace's product context is. */
function contextFile(brief: Pick<Brief, "files">): BriefFile | undefined {
  return brief.files.find((entry) => basename(entry.path) === basename(CONTEXT_PATH));
}

/** The product context that a brief's work begins from; null without one. */
export function contextOf(brief: Pick<Brief, "files">): ProductContext | null {
  const file = contextFile(brief);
  const body = file === undefined ? "" : bodyOf(file.text);
  return body === "" ? null : { version: 1, body, hash: hashOf(body), createdAt: 0 };
}

/** The other files: what a task would get from others. */
export function inputFiles(brief: Pick<Brief, "files">): Brief["files"] {
  const context = contextFile(brief);
  return brief.files.filter((entry) => entry !== context);
}

/** Where the journal keeps an arm's calls. */
export function subjectOf(brief: Brief, arm: Arm): string {
  return `${brief.skill}/${brief.id}/${arm}`;
}

/** An arm as the executor gets it. No goal and no task of the store stand behind it, so nobody can hold a lease on it. */
export function armJob(brief: Brief, skill: Skill, arm: Arm, scope: CallSpec["goal"]): Make {
  const inputs = inputFiles(brief).map((file): TaskInput => ({
    key: basename(file.path).replace(/\.[a-z]+$/, ""),
    skill: "brief",
    form: "full",
    text: bodyOf(file.text),
    summary: null,
  }));
  const id = subjectOf(brief, arm);
  return {
    goal: { ...GOAL, ...scope },
    task: { ...TASK, id, goalId: scope.id, key: brief.id, skill: skill.name, brief: brief.prompt },
    skill: arm === "with" ? skill : withoutPlaybook(skill),
    context: contextOf(brief),
    learnings: [],
    inputs,
    previous: null,
    lease: { goalId: scope.id, taskId: id, owner: "evals", epoch: 0 },
  };
}

/** One deliverable, with references and continuations as for any task. */
export function makeArm(team: Team, journal: Journal, job: Make, signal: AbortSignal): Promise<Made> {
  return make({ ...team, journal }, job, signal);
}

/** What a deliverable depends on: the whole first prompt, the references that may be asked for, and the model. */
export async function armHash(registry: Registry, job: Make): Promise<string> {
  const spec = makeSpec(job, registry.texts.house, { compact: false });
  const texts = [...spec.system, ...spec.user].map((part) => part.text);
  const references = await Promise.all(job.skill.references.map(({ path }) => registry.readReference(job.skill.name, path)));
  return inputsHash([spec.tools ?? [], texts, references, spec.maxTokens, registry.models.tiers[spec.tier]]);
}

const GOAL: Goal = {
  id: "",
  title: "Eval",
  text: "One task by itself: its brief says all of it.",
  category: null,
  source: "evals",
  pipeline: null,
  priority: "P2",
  status: "running",
  pause: null,
  reason: null,
  rehearsal: false,
  cap: 0,
  allowed: 0,
  planVersion: 1,
  batch: false,
  failures: 0,
  changes: 0,
  contextVersion: 1,
  createdAt: 0,
  endedAt: null,
};

const TASK: Task = {
  id: "",
  goalId: "",
  key: "",
  kind: "work",
  phase: "Work",
  skill: "",
  brief: "",
  criteria: [],
  reviewers: [],
  status: "running",
  revision: 0,
  roundStart: 0,
  unmet: 0,
  attempts: 1,
  epoch: 0,
  leaseOwner: null,
  leaseUntil: null,
  runAt: 0,
  rejections: 0,
  reason: null,
  score: null,
  verdict: null,
  model: null,
  variants: 1,
  deliverableId: null,
  createdAt: 0,
  startedAt: null,
  endedAt: null,
};
