/** The one place that writes what became of a task: reviews, learnings, its next state, questions to a person. */

import { newId } from "../domain/id.ts";
import type { Claim, Deliverable } from "../domain/deliverable.ts";
import type { Goal } from "../domain/goal.ts";
import { LEARNING_MAX_CHARS } from "../domain/learning.ts";
import { dollars } from "../domain/money.ts";
import type { Question, QuestionKind } from "../domain/question.ts";
import { worstVerdict, type Finding, type Verdict } from "../domain/review.ts";
import type { Lease, Task } from "../domain/task.ts";
import type { Judged, Judgement } from "../director/review/review.ts";
import type { Rebrief } from "../director/plan/rebrief.ts";
import { insertDeliverable, insertReview, setJudgement, versionsOf } from "../store/deliverables.ts";
import { markFixed } from "../store/contradictions.ts";
import { addLearning } from "../store/learnings.ts";
import { askQuestion } from "../store/questions.ts";
import { enterTask } from "../store/leases.ts";
import { moveTask } from "../store/tasks.ts";
import { setOutcome } from "../store/variants.ts";
import type { Chosen } from "./variants.ts";
import type { Store, Tx } from "../store/store.ts";
import { failTask, finishTask, keepAccepted, nextRevision, settleGoal } from "./engine.ts";

/** A version was handed in: it is kept, and the task waits for its review. */
export async function deliver(
  store: Store,
  lease: Lease,
  deliverable: Omit<Deliverable, "createdAt">,
  model: string,
  rehearsal: boolean,
  chosen: Chosen | null = null,
): Promise<void> {
  await store.write("task.deliver", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    await insertDeliverable(tx, deliverable);
    if (chosen) await keepChoice(tx, goal, task, chosen);
    if (task.status === "running") await moveTask(tx, task, "reviewing", { model });
    tx.emit(
      {
        type: "task.delivered",
        goalId: task.goalId,
        taskId: task.id,
        revision: deliverable.revision,
        chars: deliverable.body.length,
      },
      { rehearsal },
    );
  });
}

/** One of several versions was chosen: the others are kept as what they are, and the reason may teach something. */
async function keepChoice(tx: Tx, goal: Goal, task: Task, { outcomes, learning }: Chosen): Promise<void> {
  for (const { variant, outcome, note } of outcomes) await setOutcome(tx, variant, outcome, note);
  const winner = outcomes.find((entry) => entry.outcome === "winner");
  tx.emit(
    {
      type: "variants.compared",
      goalId: goal.id,
      taskId: task.id,
      variants: outcomes.length,
      winner: winner?.variant.variant ?? 0,
      reason: winner?.note ?? "",
    },
    { rehearsal: goal.rehearsal },
  );
  if (learning !== null) await keepLearning(tx, goal, task, { statement: learning, tags: ["comparison"] });
}

/** Structural checks failed: back to the maker without a reviewer's call, while there are rounds left. */
export async function returnForStructure(
  store: Store,
  lease: Lease,
  deliverable: Deliverable,
  findings: readonly Finding[],
  rounds: number,
): Promise<void> {
  await store.write("task.return", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    await insertReview(tx, goal.id, {
      id: newId("rev"),
      taskId: task.id,
      deliverableId: deliverable.id,
      revision: deliverable.revision,
      reviewer: "structure",
      verdict: "REVISE",
      score: null,
      scores: [],
      findings,
    });
    emitReviewed(tx, task, "structure", "REVISE", null, goal.rehearsal);
    await sendBack(tx, goal, task, findings, rounds, { verdict: "REVISE", score: null });
  });
}

/** The repair of an accepted text has been read: it takes the old one's place, or that stays. `fixed` are ids of contradictions. */
export async function concludeRepair(
  store: Store,
  lease: Lease,
  deliverable: Deliverable,
  judgement: Judgement | null,
  fixed: readonly string[],
  why: string,
): Promise<void> {
  await store.write("task.repair", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    if (judgement) {
      const { reviewer, verdict, score, reply } = judgement;
      await insertReview(tx, goal.id, {
        id: newId("rev"),
        taskId: task.id,
        deliverableId: deliverable.id,
        revision: deliverable.revision,
        reviewer,
        verdict,
        score,
        scores: reply.scores,
        findings: reply.findings,
      });
      emitReviewed(tx, task, reviewer, verdict, score, goal.rehearsal);
      const claims = withJudged(deliverable.claims, judgement.claims);
      await setJudgement(tx, deliverable.id, { score, summary: reply.summary, facts: reply.facts, claims });
    }
    if (judgement?.verdict !== "APPROVE" || fixed.length === 0) return keepAccepted(tx, goal, task, why);
    await markFixed(tx, fixed);
    const { verdict, score } = judgement;
    await finishTask(tx, task, { score, verdict, deliverableId: deliverable.id, reason: null }, goal.rehearsal);
  });
}

/** All reviewers have spoken: approve, send back, or (with the Director's new brief) begin anew; else ask a person. */
export async function conclude(
  store: Store,
  lease: Lease,
  deliverable: Deliverable,
  { judgements, standing }: Judged,
  rebrief: Rebrief | null,
  rounds: number,
): Promise<void> {
  await store.write("task.conclude", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    for (const { reviewer, verdict, score, reply } of judgements) {
      await insertReview(tx, goal.id, {
        id: newId("rev"),
        taskId: task.id,
        deliverableId: deliverable.id,
        revision: deliverable.revision,
        reviewer,
        verdict,
        score,
        scores: reply.scores,
        findings: reply.findings,
      });
      emitReviewed(tx, task, reviewer, verdict, score, goal.rehearsal);
    }
    const verdict = worstVerdict(judgements.map((judgement) => judgement.verdict));
    // Each reviewer's score counts alike, also of those whose approval of an earlier version stands.
    const score = mean([...judgements.map((entry) => entry.score), ...standing.flatMap((entry) => entry.score ?? [])]);
    const last = judgements.at(-1);
    await setJudgement(tx, deliverable.id, {
      score,
      summary: last?.reply.summary ?? null,
      facts: last?.reply.facts ?? [],
      claims: withJudged(
        deliverable.claims,
        judgements.flatMap((entry) => entry.claims),
      ),
    });
    await keepLearnings(tx, goal, task, judgements);
    const findings = judgements.flatMap((judgement) => judgement.reply.findings);
    if (verdict === "APPROVE") {
      await finishTask(tx, task, { score, verdict, deliverableId: deliverable.id, reason: null }, goal.rehearsal);
    } else if (verdict === "REVISE") {
      await sendBack(tx, goal, task, findings, rounds, { verdict, score });
    } else if (rebrief) {
      const revision = await nextRevision(tx, task);
      await moveTask(tx, task, "ready", {
        revision,
        roundStart: revision,
        rejections: task.rejections + 1,
        attempts: 0,
        skill: rebrief.skill,
        brief: rebrief.brief,
        criteria: rebrief.criteria,
        score,
        verdict,
        reason: `rejected: ${rebrief.reason}`,
        runAt: tx.now,
      });
      tx.emit(
        {
          type: "task.returned",
          goalId: goal.id,
          taskId: task.id,
          revision,
          why: `rejected and briefed anew: ${rebrief.reason}`,
        },
        { rehearsal: goal.rehearsal },
      );
      tx.emit({ type: "task.ready", goalId: goal.id, taskId: task.id, revision }, { rehearsal: goal.rehearsal });
    } else {
      await escalate(tx, goal, task, "rejected", `"${task.key}" was rejected twice. Take the best version?`, findings, {
        verdict,
        score,
      });
    }
  });
}

/** One decimal; null of nothing. */
function mean(scores: readonly number[]): number | null {
  if (scores.length === 0) return null;
  return Math.round((scores.reduce((sum, score) => sum + score, 0) / scores.length) * 10) / 10;
}

function withJudged(claims: readonly Claim[], judged: readonly Claim[]): Claim[] {
  const byQuote = new Map(judged.map((claim) => [claim.quote, claim]));
  return claims.map((claim) => byQuote.get(claim.quote) ?? claim);
}

async function sendBack(
  tx: Tx,
  goal: Goal,
  task: Task,
  findings: readonly Finding[],
  rounds: number,
  judged: { verdict: Verdict; score: number | null },
): Promise<void> {
  const revision = await nextRevision(tx, task);
  if (revision - task.roundStart > rounds) {
    return escalate(
      tx,
      goal,
      task,
      "quality",
      `"${task.key}" is not good enough after ${rounds} revisions. Take the best version?`,
      findings,
      judged,
    );
  }
  const why = findings.find((entry) => entry.severity !== "minor")?.problem ?? "the score is below what is asked for";
  await moveTask(tx, task, "ready", {
    revision,
    attempts: 0,
    verdict: judged.verdict,
    score: judged.score,
    runAt: tx.now,
    reason: why,
  });
  tx.emit({ type: "task.returned", goalId: goal.id, taskId: task.id, revision, why }, { rehearsal: goal.rehearsal });
  tx.emit({ type: "task.ready", goalId: goal.id, taskId: task.id, revision }, { rehearsal: goal.rehearsal });
}

/** Asks a person, with everything needed to decide: what was asked, the versions, what is open, what each answer does. */
export async function escalate(
  tx: Tx,
  goal: Goal,
  task: Task,
  kind: QuestionKind,
  title: string,
  findings: readonly Finding[],
  judged: { verdict?: Verdict; score?: number | null } = {},
): Promise<void> {
  const versions = await versionsOf(tx, task.id);
  const best = bestVersion(versions);
  const spent = await tx.db
    .selectFrom("calls")
    .select((eb) => eb.fn.sum<number>("cost").as("cost"))
    .where("tenant", "=", tx.tenant)
    .where("goal_id", "=", goal.id)
    .where("subject", "=", task.id)
    .executeTakeFirst();
  const id = newId("ask");
  const detail = [
    `Task ${task.key} (${task.skill}): ${task.brief}`,
    "",
    versions.length > 0
      ? `Versions: ${versions.map((version) => `${version.revision + 1}${version.score === null ? "" : ` (score ${version.score})`}`).join(", ")}.`
      : "There is no version yet.",
    ...(best ? [`Best: version ${best.revision + 1}.`] : []),
    `Cost of this task so far: ${dollars(Number(spent?.cost ?? 0))}.`,
    "",
    "Still open:",
    ...(findings.length > 0
      ? findings.map(
          (entry) => `- [${entry.severity}] ${entry.problem}${entry.quote ? ` ("${entry.quote}")` : ""}. ${entry.request}`,
        )
      : ["- nothing listed"]),
  ].join("\n");
  const question: Omit<Question, "status" | "answer" | "createdAt" | "answeredAt"> = {
    id,
    goalId: goal.id,
    taskId: task.id,
    kind,
    title,
    detail,
    approveMeans: best ? `take version ${best.revision + 1} as it is (or --version N, or --edit FILE)` : "try the task once more",
    rejectMeans: "one more try with your --note, or --drop to give the task up",
  };
  await askQuestion(tx, question, goal.rehearsal);
  await moveTask(tx, task, "blocked", { reason: title, ...judged });
  tx.emit(
    { type: "task.blocked", goalId: goal.id, taskId: task.id, reason: title, questionId: id },
    { rehearsal: goal.rehearsal },
  );
  await settleGoal(tx, goal.id);
}

/** The version with the best score; the newest of equals. */
export function bestVersion(versions: readonly Deliverable[]): Deliverable | null {
  let best: Deliverable | null = null;
  for (const version of versions) if (best === null || (version.score ?? 0) >= (best.score ?? 0)) best = version;
  return best;
}

/** A task cannot be done for a reason that a person may lift. */
export async function block(
  store: Store,
  lease: Lease,
  kind: QuestionKind,
  title: (task: Task) => string,
  why: string,
): Promise<void> {
  await store.write("task.block", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    if (task.deliverableId !== null) return keepAccepted(tx, goal, task, why);
    await escalate(tx, goal, task, kind, title(task), [
      { severity: "major", quote: "", problem: why, request: "Decide how to go on" },
    ]);
  });
}

export async function fail(store: Store, lease: Lease, reason: string): Promise<void> {
  await store.write("task.fail", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    await failTask(tx, goal, task, reason);
  });
}

function emitReviewed(tx: Tx, task: Task, reviewer: string, verdict: Verdict, score: number | null, rehearsal: boolean): void {
  tx.emit(
    { type: "task.reviewed", goalId: task.goalId, taskId: task.id, revision: task.revision, reviewer, verdict, score },
    { rehearsal },
  );
}

async function keepLearnings(tx: Tx, goal: Goal, task: Task, judgements: readonly Judgement[]): Promise<void> {
  for (const learning of judgements.flatMap((judgement) => judgement.reply.learnings).slice(0, 3)) {
    await keepLearning(tx, goal, task, learning);
  }
}

/** A hypothesis with its evidence; nothing where the statement is empty. */
async function keepLearning(
  tx: Tx,
  goal: Goal,
  task: Task,
  learning: { readonly statement: string; readonly tags: readonly string[] },
): Promise<void> {
  const statement = learning.statement.trim().slice(0, LEARNING_MAX_CHARS);
  if (statement === "") return;
  await addLearning(
    tx,
    {
      id: newId("learn"),
      statement,
      skill: task.skill,
      category: goal.category,
      tags: learning.tags.slice(0, 8),
      confidence: 0.5,
      evidence: `goal ${goal.id}, task ${task.key}, version ${task.revision + 1}`,
      status: "hypothesis",
      origin: "review",
      rehearsal: goal.rehearsal,
    },
    goal.id,
  );
}
