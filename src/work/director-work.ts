/** Work that the Director does itself (a review of how things stand): its playbook, and what happened lately as its input. */

import type { Goal } from "../domain/goal.ts";
import { dollars } from "../domain/money.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Registry, Skill } from "../domain/registry.ts";
import { costsOfGoals } from "../store/scopes.ts";
import { listGoals } from "../store/goals.ts";
import { listLearnings } from "../store/learnings.ts";
import { listQuestions } from "../store/questions.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import type { TaskInput } from "./inputs.ts";
import type { Team } from "./team.ts";

export function directorSkill(registry: Registry): Skill {
  return {
    name: DIRECTOR,
    description: "",
    squad: DIRECTOR,
    role: "",
    tier: "strong",
    rubric: "",
    needs: [],
    feeds: [],
    sections: [],
    tools: [],
    references: [],
    body: registry.texts.charter,
  };
}

/** The latest goals with their tasks, scores and costs, open questions and young learnings, as one input. */
export async function digestOf(team: Team, goal: Goal): Promise<TaskInput> {
  const text = await team.store.read(async (read) => {
    const goals = (await listGoals(read, { limit: 30 })).filter(
      (entry) => entry.id !== goal.id && entry.rehearsal === goal.rehearsal,
    );
    const costs = await costsOfGoals(
      read,
      goals.map((entry) => entry.id),
    );
    const lines: string[] = [];
    for (const entry of goals) {
      lines.push(
        `- ${entry.title}: ${entry.status}${entry.reason ? ` (${entry.reason})` : ""}, ${dollars(costs.get(entry.id)?.spent ?? 0)}, source ${entry.source}`,
      );
      for (const task of (await tasksOfGoal(read, entry.id)).filter((one) => one.kind === "work")) {
        lines.push(
          `  - ${task.key} (${task.skill}): ${task.status}, version ${task.revision + 1}${task.score === null ? "" : `, score ${task.score}`}`,
        );
      }
    }
    const questions = await listQuestions(read, { status: "open" });
    const learnings = (await listLearnings(read, { rehearsal: goal.rehearsal })).slice(0, 10);
    return [
      "## Goals, newest first",
      ...(lines.length > 0 ? lines : ["none yet"]),
      "## Open questions",
      ...(questions.length > 0 ? questions.map((question) => `- ${question.title}`) : ["none"]),
      "## Newest learnings",
      ...(learnings.length > 0 ? learnings.map((learning) => `- ${learning.statement}`) : ["none"]),
    ].join("\n");
  });
  return { key: "state-of-work", skill: DIRECTOR, form: "full", text, summary: null };
}
