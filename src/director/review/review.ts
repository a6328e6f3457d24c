/** The semantic review: scores with evidence and findings with quotes from the model, the verdict from code. */

import type { Claim, Deliverable, FindingAnswer } from "../../domain/deliverable.ts";
import type { Goal } from "../../domain/goal.ts";
import { DIRECTOR } from "../../domain/plan.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry, RubricCriterion, Skill } from "../../domain/registry.ts";
import {
  deriveVerdict,
  overallScore,
  reviewReply,
  type Finding,
  type Review,
  type ReviewReply,
  type Verdict,
} from "../../domain/review.ts";
import type { Lease, Task } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { judgedClaims, unsupportedFindings } from "../claims/claims.ts";
import { bullets, lines, openingParts, SHARE, tag } from "../../skills/prompt.ts";

const MAX_TOKENS = 8_000;

export type ReviewInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly task: Task;
  readonly deliverable: Deliverable;
  /** `director`, or the skill whose playbook reads the work. */
  readonly reviewer: string;
  /** What this reviewer asked for when it last read the work, with the maker's answers and what changed since; null at a first reading. */
  readonly before: {
    readonly findings: readonly Finding[];
    readonly answers: readonly FindingAnswer[];
    readonly changes: string;
  } | null;
  /** Claims that code could not tie to a source: this reviewer says what they rest on. */
  readonly claims: readonly Claim[];
  /** Others read this version as well: what they all read is cached. */
  readonly shared: boolean;
  /** It reads last: what it sums up is handed on. What others would sum up nobody reads. */
  readonly sums: boolean;
  readonly lease: Lease | null;
};

export type Judgement = {
  readonly reviewer: string;
  readonly verdict: Verdict;
  readonly score: number;
  readonly reply: ReviewReply;
  /** What became of the claims that this reviewer was asked about. */
  readonly claims: readonly Claim[];
};

/** What a version's readers said. */
export type Judged = {
  /** Of this version, in the order of reading. */
  readonly judgements: readonly Judgement[];
  /** Approvals of an earlier version of this round: who has approved does not read again. */
  readonly standing: readonly Review[];
};

/** Reviews one version. A review that cannot be read is never an approval: the decision says why there is none. */
export async function reviewDeliverable(
  journal: Journal,
  registry: Registry,
  input: ReviewInput,
  signal: AbortSignal,
): Promise<Decision<Judgement>> {
  const { task } = input;
  const maker = registry.skills.get(task.skill);
  const playbook = input.reviewer === DIRECTOR ? maker : registry.skills.get(input.reviewer);
  const criteria = playbook ? (registry.rubrics.get(playbook.rubric)?.criteria ?? []) : [];
  const spec = {
    key: { goalId: input.goal.id, subject: task.id, revision: task.revision, step: `review:${input.reviewer}`, round: 0 },
    lease: input.lease,
    goal: input.goal,
    // A call is of the skill that makes it: a judgement of the Director is of none.
    skill: input.reviewer === DIRECTOR ? null : input.reviewer,
    tier: "strong" as const,
    maxTokens: MAX_TOKENS,
    system: openingParts(registry.texts.reviewer, input.context, "cached"),
    // What all reviewers of a version read alike stands first: they share it in the cache. Each one's own part follows.
    user: [
      { kind: "inputs" as const, text: workText(input), ...(input.shared ? { share: SHARE } : {}) },
      { kind: "skill" as const, text: rubricText(input.reviewer, playbook, criteria) },
      { kind: "inputs" as const, text: askText(input) },
    ],
  };
  const decision = await decide(journal, spec, reviewReply, signal, (reply) => {
    const scored = new Set(reply.scores.map((entry) => entry.criterion));
    const told = new Set(reply.claims.map((entry) => entry.id));
    return [
      ...criteria
        .filter((criterion) => !scored.has(criterion.id))
        .map((criterion) => `no score for the criterion "${criterion.id}"`),
      ...input.claims.flatMap((_, i) => (told.has(`C${i + 1}`) ? [] : [`nothing is said of the claim C${i + 1}`])),
    ];
  });
  if (decision.kind !== "decided") return decision;
  const claims = judgedClaims(input.claims, decision.value.claims);
  const reply = { ...decision.value, findings: [...decision.value.findings, ...unsupportedFindings(claims)] };
  const score = overallScore(reply.scores, criteria);
  const verdict = deriveVerdict(reply, score, registry.review);
  return { ...decision, value: { reviewer: input.reviewer, verdict, score, reply, claims } };
}

/** The task and the work, without who made it or what was thought of it before. */
function workText({ goal, task, deliverable }: ReviewInput): string {
  return [
    tag("goal", {}, goal.text),
    tag("task", { key: task.key, phase: task.phase }, task.brief),
    tag("criteria", {}, bullets(task.criteria)),
    tag("deliverable", { revision: deliverable.revision }, deliverable.body),
    ...(deliverable.missing.length > 0 ? [tag("missing_inputs", {}, bullets(deliverable.missing))] : []),
  ].join("\n");
}

function askText({ before, claims, sums }: ReviewInput): string {
  const parts: string[] = [];
  if (before) {
    const findings = before.findings.map((entry) => {
      const given = before.answers.find((one) => one.problem === entry.problem);
      return { ...entry, ...(given ? { answer: given.answer, ...(given.reason ? { reason: given.reason } : {}) } : {}) };
    });
    if (findings.length > 0) parts.push(tag("earlier_findings", {}, lines(findings)));
    if (before.changes !== "") parts.push(tag("changes", {}, before.changes));
    parts.push(
      "You have read an earlier version: these are your findings on it, how each was answered (none: not at all), and what changed since. Check each one. A request that was declined for a good reason is settled. Do not repeat what has been answered, and raise nothing new that you could have raised before, unless it is a blocker.",
    );
  }
  if (claims.length > 0) {
    parts.push(
      tag("open_claims", {}, lines(claims.map(({ kind, quote }, i) => ({ id: `C${i + 1}`, kind, quote })))),
      'No source was found by comparison for these statements. For each one, by its id, in "claims": supported (name the passage of the context or the task, or the arithmetic, that bears it out in "source"), unsupported (a reader would take it for fact, and nothing here proves it), or no_claim (a plan, an aim, an instruction, an example, a marked assumption).',
    );
  }
  return [
    ...parts,
    `Review this deliverable against its task, its acceptance criteria and the rubric. Score every criterion of the rubric.${claims.length > 0 ? "" : ' "claims" is empty.'}${sums ? "" : ' Another reads it after you and sums it up: "summary" is "-", "facts" is empty.'}`,
  ].join("\n");
}

function rubricText(reviewer: string, playbook: Skill | undefined, criteria: readonly RubricCriterion[]): string {
  const quality = playbook ? sections(playbook.body, ["Quality criteria", "Weak work", "Refuse"]) : "";
  const as =
    reviewer === DIRECTOR
      ? ""
      : `\nYou read it as the specialist for ${reviewer}: judge what your discipline can judge, and leave the rest to the others who read it.`;
  return `${tag("rubric", { reviewer }, lines(criteria))}${quality ? `\n${tag("quality_criteria", { skill: playbook?.name }, quality)}` : ""}${as}`;
}

/** The named `##` sections of a playbook: a reviewer needs what good and weak work look like, not the method. */
function sections(body: string, names: readonly string[]): string {
  const pieces = body.split(/^(?=## )/m);
  return pieces
    .filter((piece) => names.some((name) => piece.startsWith(`## ${name}`)))
    .join("")
    .trim();
}
