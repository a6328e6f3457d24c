/** What happened since the Director last looked: goals, works with scores, what waits, money, learnings; one text from the store. */

import { periods } from "../domain/budget.ts";
import type { Goal } from "../domain/goal.ts";
import { dollars } from "../domain/money.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Task } from "../domain/task.ts";
import { currentOfGoal } from "../store/deliverables.ts";
import { listGoals } from "../store/goals.ts";
import { listLearnings } from "../store/learnings.ts";
import { listQuestions } from "../store/questions.ts";
import { costsOfGoals, scopeState } from "../store/scopes.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import type { Read } from "../store/store.ts";
import type { Team } from "./team.ts";

const DAY_MS = 86_400_000;
/** A first look goes back this far. */
const FIRST_DAYS = 31;
const GOALS_MAX = 60;
const SUMMARY_MAX = 400;

export async function digestOf(team: Team, goal: Goal): Promise<string> {
  return team.store.read((read) => compose(read, team, goal));
}

async function compose(read: Read, team: Team, goal: Goal): Promise<string> {
  const all = (await listGoals(read, { limit: 200 })).filter(
    (entry) => entry.id !== goal.id && entry.rehearsal === goal.rehearsal,
  );
  const last = all.find((entry) => entry.pipeline === goal.pipeline && entry.status === "completed");
  const since = last?.createdAt ?? read.now - FIRST_DAYS * DAY_MS;
  const open = (entry: Goal) => entry.endedAt === null;
  const goals = all.filter((entry) => open(entry) || (entry.endedAt ?? 0) >= since).slice(0, GOALS_MAX);
  const costs = await costsOfGoals(
    read,
    goals.map((entry) => entry.id),
  );
  const works = new Map<string, { done: number; first: number; scores: number[]; revisions: number }>();
  const lines: string[] = [];
  for (const entry of goals) {
    const cost = dollars(costs.get(entry.id)?.spent ?? 0);
    lines.push(
      `- ${entry.title} (${entry.id}, from ${entry.source}): ${entry.status}${entry.reason ? `, ${entry.reason}` : ""}; ${cost}`,
    );
    const current = await currentOfGoal(read, entry.id);
    for (const task of (await tasksOfGoal(read, entry.id)).filter((one) => one.kind === "work")) {
      const summary = current.get(task.id)?.summary;
      lines.push(`  - ${taskLine(task)}${summary ? `: ${summary.replace(/\s+/g, " ").slice(0, SUMMARY_MAX)}` : ""}`);
      count(works, task);
    }
  }
  const questions = await listQuestions(read, { status: "open" });
  const learnings = (await listLearnings(read, { rehearsal: goal.rehearsal })).filter((entry) => entry.createdAt >= since);
  return [
    `## Period\n${new Date(since).toISOString().slice(0, 10)} to ${new Date(read.now).toISOString().slice(0, 10)} (UTC)${last ? `, since the last review of this kind (${last.id})` : ", the first review of this kind"}`,
    section("Goals, newest first", lines),
    section(
      "Works by skill",
      [...works].map(
        ([skill, entry]) =>
          `- ${skill}: ${entry.done} done, ${entry.first} at the first version, ${entry.revisions} revisions, mean score ${mean(entry.scores)}`,
      ),
    ),
    section(
      "Open questions",
      questions.map(
        (question) => `- ${question.title} (${question.id}, ${Math.floor((read.now - question.createdAt) / DAY_MS)} days)`,
      ),
    ),
    section("Money", await money(read, team, goal.rehearsal)),
    section(
      "New learnings",
      learnings.slice(0, 15).map((entry) => `- ${entry.statement} (${entry.skill ?? "all skills"}, ${entry.status})`),
    ),
  ].join("\n\n");
}

function section(title: string, lines: readonly string[]): string {
  return `## ${title}\n${lines.length > 0 ? lines.join("\n") : "none"}`;
}

function taskLine(task: Task): string {
  const score = task.score === null ? "" : `, score ${task.score}`;
  const why = task.status === "done" || task.reason === null ? "" : ` (${task.reason})`;
  return `${task.key} (${task.skill}): ${task.status}, version ${task.revision + 1}${score}${why}`;
}

function count(works: Map<string, { done: number; first: number; scores: number[]; revisions: number }>, task: Task): void {
  if (task.skill === DIRECTOR || task.status !== "done") return;
  const entry = works.get(task.skill) ?? { done: 0, first: 0, scores: [], revisions: 0 };
  entry.done += 1;
  entry.revisions += task.revision;
  if (task.revision === 0) entry.first += 1;
  if (task.score !== null) entry.scores.push(task.score);
  works.set(task.skill, entry);
}

function mean(scores: readonly number[]): string {
  return scores.length === 0 ? "none" : (scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(1);
}

async function money(read: Read, team: Team, rehearsal: boolean): Promise<string[]> {
  const { day, month } = periods(read.now);
  const lines: string[] = [];
  for (const [kind, id, cap] of [
    ["day", day, team.caps.day],
    ["month", month, team.caps.month],
  ] as const) {
    const state = await scopeState(read, { kind, id, cap }, rehearsal);
    lines.push(
      `- ${kind} ${id}: ${dollars(state.spent)} spent of ${dollars(state.cap + state.allowed)}, ${dollars(state.held)} held`,
    );
  }
  return lines;
}
