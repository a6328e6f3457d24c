/** The one place that writes what became of a task: reviews, learnings, its next state, questions to a person. */

import { newId } from "../domain/id.ts";
import type { Claim, Deliverable } from "../domain/deliverable.ts";
import type { Goal } from "../domain/goal.ts";
import type { QuestionKind } from "../domain/question.ts";
import { worstVerdict, type Finding, type Review, type Verdict } from "../domain/review.ts";
import type { Lease, Task } from "../domain/task.ts";
import type { Judged, Judgement } from "../director/review/review.ts";
import type { Rebrief } from "../director/plan/rebrief.ts";
import { insertDeliverable, insertReview, setJudgement } from "../store/deliverables.ts";
import { markFixed } from "../store/contradictions.ts";
import { enterTask } from "../store/leases.ts";
import { moveTask } from "../store/tasks.ts";
import { setOutcome } from "../store/variants.ts";
import type { Chosen } from "./variants.ts";
import type { Store, Tx } from "../store/store.ts";
import { failTask, finishTask, keepAccepted, nextRevision } from "./engine.ts";
import { compareBest, escalate, type Compared } from "./escalation.ts";
import { keepLearning, keepLearnings } from "./review-learnings.ts";

/** A version was handed in: it is kept, and the task waits for its review. */
export async function deliver(
  store: Store,
  lease: Lease,
  deliverable: Omit<Deliverable, "createdAt">,
  model: string,
  rehearsal: boolean,
  chosen: Chosen | null = null,
): Promise<void> {
  await store.write(
    "task.deliver",
    async (tx) => {
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
    },
    { lazy: true },
  );
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
  const compared = deliverable.revision < rounds ? null : await compareBest(store, lease.taskId);
  await store.write(
    "task.return",
    async (tx) => {
      const { goal, task } = await enterTask(tx, lease);
      const review = { reviewer: "structure", verdict: "REVISE", score: null, scores: [], findings } as const;
      await keepReview(tx, goal, task, deliverable, review);
      await sendBack(tx, goal, task, findings, rounds, { verdict: "REVISE", score: null }, compared);
    },
    { lazy: true },
  );
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
  await store.write(
    "task.repair",
    async (tx) => {
      const { goal, task } = await enterTask(tx, lease);
      if (judgement) {
        await keepJudgement(tx, goal, task, deliverable, judgement);
        const { score, reply } = judgement;
        const claims = withJudged(deliverable.claims, judgement.claims);
        await setJudgement(tx, deliverable.id, { score, summary: reply.summary, facts: reply.facts, claims });
      }
      if (judgement?.verdict !== "APPROVE" || fixed.length === 0) return keepAccepted(tx, goal, task, why);
      await markFixed(tx, fixed);
      const { verdict, score } = judgement;
      await finishTask(tx, task, { score, verdict, deliverableId: deliverable.id, reason: null }, goal.rehearsal);
    },
    { lazy: true },
  );
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
  const verdict = worstVerdict(judgements.map((judgement) => judgement.verdict));
  // Each reviewer's score counts alike, also of those whose approval of an earlier version stands.
  const score = mean([...judgements.map((entry) => entry.score), ...standing.flatMap((entry) => entry.score ?? [])]);
  const mayAsk = verdict === "REJECT" ? rebrief === null : verdict === "REVISE" && deliverable.revision >= rounds;
  const compared = mayAsk ? await compareBest(store, lease.taskId, { id: deliverable.id, score }) : null;
  await store.write(
    "task.conclude",
    async (tx) => {
      const { goal, task } = await enterTask(tx, lease);
      for (const judgement of judgements) await keepJudgement(tx, goal, task, deliverable, judgement);
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
        await sendBack(tx, goal, task, findings, rounds, { verdict, score }, compared);
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
        const how = task.rejections > 0 ? "was rejected twice" : "was rejected, and no new brief for it could be read";
        const title = `"${task.key}" ${how}. Take the best version?`;
        await escalate(tx, goal, task, { kind: "rejected", title, why: null, judged: { verdict, score } }, compared);
      }
    },
    { lazy: true },
  );
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
  compared: Compared | null,
): Promise<void> {
  const revision = await nextRevision(tx, task);
  if (revision - task.roundStart > rounds) {
    const title = `"${task.key}" is not good enough after ${rounds} revisions. Take the best version?`;
    return escalate(tx, goal, task, { kind: "quality", title, why: null, judged }, compared);
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

/** A task cannot be done for a reason that a person may lift. */
export async function block(
  store: Store,
  lease: Lease,
  kind: QuestionKind,
  title: (task: Task) => string,
  why: string,
): Promise<void> {
  const compared = await compareBest(store, lease.taskId);
  await store.write("task.block", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    if (task.deliverableId !== null) return keepAccepted(tx, goal, task, why);
    await escalate(tx, goal, task, { kind, title: title(task), why }, compared);
  });
}

export async function fail(store: Store, lease: Lease, reason: string): Promise<void> {
  await store.write("task.fail", async (tx) => {
    const { goal, task } = await enterTask(tx, lease);
    await failTask(tx, goal, task, reason);
  });
}

const keepJudgement = (tx: Tx, goal: Goal, task: Task, of: Deliverable, { reply, ...judged }: Judgement) =>
  keepReview(tx, goal, task, of, { ...judged, scores: reply.scores, findings: reply.findings });

/** What one reviewer said of one version. */
async function keepReview(
  tx: Tx,
  goal: Goal,
  task: Task,
  of: Deliverable,
  { reviewer, verdict, score, scores, findings }: Pick<Review, "reviewer" | "verdict" | "score" | "scores" | "findings">,
): Promise<void> {
  const about = { id: newId("rev"), taskId: task.id, deliverableId: of.id, revision: of.revision };
  await insertReview(tx, goal.id, { ...about, reviewer, verdict, score, scores, findings });
  tx.emit(
    { type: "task.reviewed", goalId: task.goalId, taskId: task.id, revision: task.revision, reviewer, verdict, score },
    { rehearsal: goal.rehearsal },
  );
}
