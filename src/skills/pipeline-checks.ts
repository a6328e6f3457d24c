/** Checks of the pipelines, and of the schedules and events that start them. */

import { mayBatch } from "../domain/goal.ts";
import { GOAL_EVENT, OWN_SOURCE, PLAIN_SOURCE } from "../domain/inbox.ts";
import { DIRECTOR, findCycle, MAX_PLAN_TASKS, planNodes } from "../domain/plan.ts";
import { type Problem, suggest } from "../domain/problem.ts";
import type { EventsFile, Pipeline, SchedulesFile } from "../domain/registry.ts";
import { type Known, problemsOf } from "./cross-checks.ts";
import { planFromPipeline } from "./pipeline-plan.ts";
import type { YamlFile } from "./yaml-file.ts";

const MAX_PHASE = 80;

type Named = { readonly name: string; readonly path: readonly PropertyKey[]; readonly use: "does" | "reviews" };

/** Every skill that a pipeline names, with the place; the Director is none. */
export function skillsOf(pipeline: Pipeline): Named[] {
  return pipeline.steps.flatMap((step, i): Named[] =>
    ("parallel" in step
      ? step.parallel.map((member, j) => ({ member, path: [i, "parallel", j] }))
      : [{ member: step, path: [i] }]
    ).flatMap(({ member, path }): Named[] => {
      if ("skill" in member) return [{ name: member.skill, path: ["steps", ...path, "skill"], use: "does" }];
      if ("review" in member && member.review !== DIRECTOR) {
        return [{ name: member.review, path: ["steps", ...path, "review"], use: "reviews" }];
      }
      return [];
    }),
  );
}

export function checkPipelines(file: YamlFile<{ pipelines: Record<string, Pipeline> }>, known: Known): Problem[] {
  const { error } = problemsOf(file);
  return Object.entries(file.partial?.pipelines ?? {}).flatMap(([name, pipeline]) => {
    const at = ["pipelines", name];
    const problems: Problem[] = [];
    if (!known.categories.includes(pipeline.category)) {
      const message = `pipeline "${name}": unknown category "${pipeline.category}"`;
      problems.push(error([...at, "category"], message, suggest(pipeline.category, known.categories)));
    }
    for (const { name: skill, path, use } of skillsOf(pipeline)) {
      if (known.skills.includes(skill)) continue;
      const message = `pipeline "${name}": unknown ${use === "reviews" ? "reviewer" : "skill"} "${skill}"`;
      problems.push(
        error([...at, ...path], message, suggest(skill, use === "reviews" ? [...known.skills, DIRECTOR] : known.skills)),
      );
    }
    return [...problems, ...shapeProblems(name, pipeline, file)];
  });
}

/** What makes a pipeline impossible to run, whoever does its steps. */
function shapeProblems(name: string, pipeline: Pipeline, file: YamlFile<unknown>): Problem[] {
  const { error, warning } = problemsOf(file);
  const steps = ["pipelines", name, "steps"];
  const problems: Problem[] = [];
  pipeline.steps.forEach((step, i) => {
    const members = "parallel" in step ? step.parallel : [];
    const first = members[0] ?? step;
    if ("review" in first && (i === 0 || members.length > 0)) {
      const where = members.length > 0 ? [...steps, i, "parallel", 0] : [...steps, i];
      problems.push(error(where, `pipeline "${name}": there is nothing before this review`, "put it behind the step it reviews"));
    }
    for (const [j, part] of (members.length > 0 ? members : [step]).entries()) {
      if (!("phase" in part) || part.phase.length <= MAX_PHASE) continue;
      const where = members.length > 0 ? [...steps, i, "parallel", j, "phase"] : [...steps, i, "phase"];
      problems.push(error(where, `pipeline "${name}": a phase's name has at most ${MAX_PHASE} characters`));
    }
  });
  const plan = planFromPipeline(name, pipeline, null);
  if (plan.tasks.length === 0) return problems;
  const gates = plan.phases.filter((phase) => phase.gate);
  const size = plan.tasks.length + gates.length;
  if (size > MAX_PLAN_TASKS) {
    problems.push(error(steps, `pipeline "${name}" has ${size} tasks and gates, the limit is ${MAX_PLAN_TASKS}`));
  }
  const nodes = planNodes(plan);
  const circle = findCycle(nodes);
  if (circle !== null) {
    const message = `pipeline "${name}": a phase with a gate goes on behind its own gate (${circle.join(" → ")})`;
    problems.push(error(steps, message, "give the later steps a phase of their own"));
  }
  for (const gate of gates) {
    if (nodes.some((node) => node.kind === "gate" && node.phase === gate.name)) continue;
    const message = `pipeline "${name}": no later phase waits for the gate of "${gate.name}"`;
    problems.push(warning(steps, message, "a gate decides about what comes behind it"));
  }
  return problems;
}

/** Single numbers and stars, days that every month has: a time for sure, without loading a package at each start to see it. */
const PLAIN_CRON = /^(?:\*|[1-5]?\d) (?:\*|1?\d|2[0-3]) (?:\*|[1-9]|1\d|2[0-8]) (?:\*|[1-9]|1[0-2]) (?:\*|[0-6])$/;

/** The faults of each faulty schedule, by its name. */
export async function checkSchedules(file: YamlFile<SchedulesFile>, known: Known): Promise<Map<string, Problem[]>> {
  const { error } = problemsOf(file);
  const schedules = Object.entries(file.partial?.schedules ?? {});
  const plain = schedules.every(([, schedule]) => PLAIN_CRON.test(schedule.cron));
  const parser = plain ? null : (await import("cron-parser")).CronExpressionParser;
  return faulty(
    schedules.map(([name, schedule]) => {
      const at = ["schedules", name];
      const problems = startProblems(file, "schedule", name, schedule.pipeline, known);
      const zone = zoneProblem(schedule.zone);
      if (zone !== null) {
        return [name, [...problems, error([...at, "zone"], `schedule ${name}: ${zone}`, 'a name like "Europe/Berlin" or "UTC"')]];
      }
      const fault = cronProblem(schedule.cron, (cron) =>
        // A fixed day, so that a file is either good or bad, whenever it is read. In UTC: whether such a day comes is a question
        // of the calendar alone, and where a zone's clock changes, the package's search gives up on times that there are.
        parser?.parse(cron, { tz: "UTC", currentDate: new Date("2026-01-01T00:00:00Z") }).next(),
      );
      if (fault === null) return [name, problems];
      const message = `schedule ${name}: cron "${schedule.cron}" ${fault}`;
      return [name, [...problems, error([...at, "cron"], message, "minute hour day month weekday")]];
    }),
  );
}

/** Marks that change nothing: somebody waits for what is P0 or P1. */
export function checkBatchMarks(file: YamlFile<SchedulesFile>): Problem[] {
  const { warning } = problemsOf(file);
  return Object.entries(file.partial?.schedules ?? {}).flatMap(([name, { batch, priority }]) => {
    if (batch === undefined || mayBatch(priority, batch)) return [];
    const message = `schedule ${name}: ${priority} never waits for a batch: \`batch\` changes nothing`;
    return [warning(["schedules", name, "batch"], message, "leave it out, or make the schedule P2 or P3")];
  });
}

/** The faults of each faulty event, by its name. */
export function checkEvents(file: YamlFile<EventsFile>, known: Known): Map<string, Problem[]> {
  const { error } = problemsOf(file);
  const events = Object.entries(file.partial?.events ?? {});
  return faulty(
    events.map(([name, event]) => {
      const problems = startProblems(file, "event", name, event.pipeline, known);
      if (name !== GOAL_EVENT) return [name, problems];
      const message = `event ${name}: an event of this name starts a goal in words, whatever stands here`;
      return [name, [...problems, error(["events", name], message, "choose another name")]];
    }),
  );
}

/** The name says something else in the inbox. */
export function isTakenSource(name: string): boolean {
  return name === OWN_SOURCE || name === PLAIN_SOURCE;
}

/** Faults of the signed sources: names that mean something else, types that lead nowhere. */
export function checkSources(file: YamlFile<EventsFile>): Problem[] {
  const { error, warning } = problemsOf(file);
  const types = [...new Set([...file.names("events"), GOAL_EVENT])];
  return Object.entries(file.partial?.sources ?? {}).flatMap(([name, source]) => {
    const at = ["sources", name];
    const problems: Problem[] = [];
    if (isTakenSource(name)) problems.push(error(at, `source ${name}: the name is taken by the program`, "choose another name"));
    for (const [theirs, ours] of Object.entries(source.map)) {
      if (types.includes(ours)) continue;
      const message = `source ${name}: "${theirs}" is mapped to the unknown event "${ours}"`;
      problems.push(error([...at, "map", theirs], message, suggest(ours, types)));
    }
    const given = source.secrets ?? [source.secret];
    if (new Set(given).size < given.length)
      problems.push(warning([...at, "secrets"], `source ${name}: the same secret stands there twice`));
    return problems;
  });
}

function faulty(checked: readonly (readonly [string, Problem[]])[]): Map<string, Problem[]> {
  return new Map(checked.filter(([, problems]) => problems.length > 0));
}

function startProblems(file: YamlFile<unknown>, kind: string, name: string, pipeline: string, known: Known): Problem[] {
  if (known.pipelines.includes(pipeline)) return [];
  const { error } = problemsOf(file);
  return [
    error([`${kind}s`, name, "pipeline"], `${kind} ${name}: unknown pipeline "${pipeline}"`, suggest(pipeline, known.pipelines)),
  ];
}

/** Five fields; the parser also takes seconds, fewer fields and `H` (a random value), which would surprise. */
function cronProblem(cron: string, next: (cron: string) => unknown): string | null {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5) return `has ${fields.length} fields instead of five`;
  if (fields.some((field) => /(?<![a-z])h(?![a-z])/i.test(field))) return 'uses "H", which stands for no certain time';
  try {
    next(cron);
    return null;
  } catch (error) {
    return `is not a time (${error instanceof Error ? error.message : String(error)})`;
  }
}

function zoneProblem(zone: string): string | null {
  // Intl takes offsets too; they know no summer time, which is what a zone is for.
  if (/^[+-]/.test(zone)) return `"${zone}" is an offset, not a time zone`;
  if (zone === "UTC") return null;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return null;
  } catch {
    return `unknown time zone "${zone}"`;
  }
}
