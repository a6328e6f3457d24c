/** The reply to a planning call: a pipeline adapted to the goal where one fits, else the category's route. */

import { type Plan, type PlanTask, planProblems } from "../../domain/plan.ts";
import { chance } from "./chance.ts";
import { parseJson, recordOf } from "./json.ts";
import { element, emptySections, productContext } from "./prompt.ts";
import { planRoute, wordsOf } from "./route-plan.ts";
import type { Scene } from "./shown-call.ts";
import { type Category, type TeamShown, type Template, readTeam, registryOf } from "./team-shown.ts";
import { best, firstWords, rank, shared, short, withStop } from "./words.ts";

/** A plan fits when the goal shares at least this many words with the pipeline's name and what it fits. */
const FITS = 1;

/** A plan that is valid by what the prompt shows of the registry. A repair of a plan from a pipeline takes the route instead. */
export function planReply(scene: Scene, seed: number): Plan {
  const shown = readTeam(scene.elements);
  const asked = element(scene.elements, "goal");
  const goal = asked?.text ?? "";
  const category = chooseCategory(goal, asked?.attrs.category, shown, seed);
  const context = productContext(scene.elements);
  const tried = scene.badReply === null ? null : recordOf(parseJson(scene.badReply)).pipeline;
  const frame = {
    title: `Rehearsal: ${firstWords(goal, 100) || "a goal without words"}`,
    category: category?.name ?? "",
    assumptions: [
      "Rehearsal: no model made this plan; it follows the words that the goal shares with the registry.",
      "The goal means what its words say; nobody was asked.",
    ],
    missing: missingOf(context),
  };
  for (const template of fitting(goal, category, shown)) {
    if (template.name === tried) continue;
    const candidate: Plan = { ...frame, pipeline: template.name, ...adapt(template, goal) };
    if (planProblems(candidate, registryOf(shown), { template: true }).length === 0) return withVariants(candidate, goal);
  }
  const route = planRoute(goal, category?.route ?? [], shown, seed);
  const tasks: PlanTask[] = route.tasks.map(({ member, ...task }) => ({
    ...task,
    ...orderFor(member.role, task.needs, goal),
    reviewers: [],
    variants: 1,
  }));
  if (tasks.length === 0) tasks.push(...anybody(shown, goal));
  const phases = route.phases.length > 0 ? [...route.phases] : [{ name: "Work", gate: false }];
  return withVariants({ ...frame, pipeline: null, phases, tasks }, goal);
}

/** Where the goal asks for versions to choose from, its first task gets two. */
function withVariants(plan: Plan, goal: string): Plan {
  if (!/\b(?:versions|variants|alternatives to choose)\b/i.test(goal)) return plan;
  return { ...plan, tasks: plan.tasks.map((task, i) => (i === 0 ? { ...task, variants: 2 } : task)) };
}

function missingOf(context: string | null): string[] {
  if (context === null)
    return ["There is no product context: who buys the product, what it does for them and how it speaks are unknown."];
  return emptySections(context).map((name) => `The product context says nothing about: ${name}`);
}

/** The asked category; else the one whose meaning, pipelines and skills have most in common with the goal. */
function chooseCategory(goal: string, asked: string | undefined, shown: TeamShown, seed: number): Category | undefined {
  const { categories, templates, team } = shown;
  const named = categories.find((category) => category.name === asked);
  if (named) return named;
  const meaning = rank(
    goal,
    categories.map((category) => `${category.name} ${category.means}`),
    true,
  );
  const fits = rank(
    goal,
    templates.map((template) => `${template.name} ${template.fits}`),
  );
  const roles = rank(goal, team.map(wordsOf));
  const scores = categories.map((category, i) => {
    const template = Math.max(0, ...templates.map((entry, j) => (entry.category === category.name ? (fits[j] ?? 0) : 0)));
    const first = category.route[0];
    const lead = team.map((member, j) =>
      first?.squads.includes(member.squad) || first?.skills.includes(member.skill) ? (roles[j] ?? 0) : 0,
    );
    const tie = chance(seed, goal, category.name) * 1e-6;
    return 2 * (meaning[i] ?? 0) + template + 0.5 * Math.max(0, ...lead) + tie;
  });
  return categories[best(scores)];
}

/** Pipelines of the category that share enough with the goal, the best first. */
function fitting(goal: string, category: Category | undefined, shown: TeamShown): Template[] {
  const inCategory = shown.templates.filter((template) => template.category === category?.name);
  const texts = inCategory.map((template) => `${template.name} ${template.fits}`);
  const scores = rank(goal, texts);
  return inCategory
    .map((template, i) => ({ template, score: scores[i] ?? 0, words: shared(goal, texts[i] ?? "") }))
    .filter((entry) => entry.words >= FITS)
    .sort((a, b) => b.score - a.score)
    .map((entry) => entry.template);
}

function adapt(template: Template, goal: string): Pick<Plan, "phases" | "tasks"> {
  const tasks = template.tasks.map(({ reviewers, ...task }) => ({
    ...task,
    needs: [...task.needs],
    brief: `${withStop(task.brief)} ${forGoal(goal)}`,
    criteria: task.criteria.length > 0 ? [...task.criteria, servesGoal(goal)] : criteriaFor(goal),
    reviewers: [...reviewers],
  }));
  return { phases: template.phases.map((phase) => ({ ...phase })), tasks };
}

function orderFor(role: string, needs: readonly string[], goal: string): Pick<PlanTask, "brief" | "criteria"> {
  const builds = needs.length > 0 ? ` Build on what came out of: ${needs.join(", ")}.` : "";
  return { brief: `${withStop(role || "Do your part")} ${forGoal(goal)}${builds}`, criteria: criteriaFor(goal) };
}

function forGoal(goal: string): string {
  return `Do it for this goal: ${withStop(`"${short(goal, 300)}"`)}`;
}

function servesGoal(goal: string): string {
  return `Serves the goal "${firstWords(goal, 120)}" in every part`;
}

function criteriaFor(goal: string): string[] {
  return [
    servesGoal(goal),
    "Says only what the product context, the goal or an input bears out, and names what is missing",
    "Can be put to use as it stands, without a further explanation",
  ];
}

/** With a route that names nobody, the member that has most in common with the goal does it alone. */
function anybody(shown: TeamShown, goal: string): PlanTask[] {
  const member = shown.team[best(rank(goal, shown.team.map(wordsOf)))];
  return member
    ? [
        {
          key: "work",
          phase: "Work",
          skill: member.skill,
          needs: [],
          reviewers: [],
          variants: 1,
          ...orderFor(member.role, [], goal),
        },
      ]
    : [];
}
