/** A review of the team's work by the Director, as a task: what happened since the last one, its report, and the goals that it starts. */

import { lookBack, type LookBack } from "../director/look-back.ts";
import { hashOf } from "../domain/deliverable.ts";
import { LOOK_BACK_SOURCE, type Goal } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import { dollars } from "../domain/money.ts";
import { insertDeliverable, versionsOf } from "../store/deliverables.ts";
import { enterTask } from "../store/leases.ts";
import { acceptIn, readyToAccept } from "./accept.ts";
import { block } from "./complete.ts";
import { digestOf } from "./digest.ts";
import { finishTask } from "./engine.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

export async function runLookBack(team: Team, job: Job): Promise<void> {
  const { goal, context, task, lease, signal } = job;
  // A person's answer may have put a text in its place already.
  const digest = await digestOf(team, goal);
  const purse = team.caps.goal;
  const decision = await lookBack(
    team.journal,
    team.registry,
    { goal, context, task, digest, purse: dollars(purse), lease },
    signal,
  );
  if (decision.kind === "stopped") return stopTask(team.store, lease, decision);
  if (decision.kind === "unreadable") {
    return block(
      team.store,
      lease,
      "quality",
      () => `The review could not be read. Try it once more?`,
      `${decision.why}: ${decision.detail}`,
    );
  }
  const { value } = decision;
  const ready = await readyToAccept(team);
  await team.store.write("review.conclude", async (tx) => {
    const { task: held } = await enterTask(tx, lease);
    const started: { readonly id: string; readonly text: string; readonly why: string }[] = [];
    // A goal that a review started is a review's end: it starts none itself.
    for (const wish of goal.source.startsWith(LOOK_BACK_SOURCE) ? [] : value.goals) {
      const id = await acceptIn(
        tx,
        team.registry,
        {
          text: `${wish.text}\n\nStarted by the Director: ${wish.why}`,
          category: wish.category,
          source: `${LOOK_BACK_SOURCE}${goal.id}`,
          priority: wish.priority,
          cap: Math.floor(purse / value.goals.length),
          rehearsal: goal.rehearsal,
          plan: null,
        },
        ready,
      );
      started.push({ id, text: wish.text, why: wish.why });
    }
    const body = bodyOf(goal, value, started);
    const revision = Math.max(held.revision, ...(await versionsOf(tx, held.id)).map((version) => version.revision + 1));
    const deliverable = {
      id: newId("dlv"),
      taskId: held.id,
      goalId: goal.id,
      revision,
      origin: "agent",
      skill: held.skill,
      body,
      hash: hashOf(body),
      missing: [],
      warnings: [],
      score: null,
      summary: value.five_lines.join("\n"),
      facts: [],
      answers: [],
      claims: [],
    } as const;
    await insertDeliverable(tx, deliverable);
    tx.emit(
      {
        type: "review.written",
        goalId: goal.id,
        taskId: held.id,
        lines: value.five_lines,
        started: started.map((entry) => entry.id),
      },
      { rehearsal: goal.rehearsal },
    );
    await finishTask(
      tx,
      { ...held, revision },
      { revision, deliverableId: deliverable.id, verdict: "APPROVE", model: decision.model, reason: null },
      goal.rehearsal,
    );
  });
}

function bodyOf(goal: Goal, value: LookBack, started: readonly { id: string; text: string; why: string }[]): string {
  return [
    `# ${goal.title}`,
    "",
    "## In five lines",
    "",
    ...value.five_lines.map((line) => `- ${line}`),
    "",
    value.report.trim(),
    "",
    "## Goals started",
    "",
    ...(started.length > 0 ? started.map((entry) => `- ${entry.text} (\`${entry.id}\`): ${entry.why}`) : ["None."]),
  ].join("\n");
}
