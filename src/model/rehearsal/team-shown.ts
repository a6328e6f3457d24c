/** The registry as a prompt shows it: team, categories, pipelines, squads that come last; and the checks of a plan against it. */

import type { PlanRegistry } from "../../domain/plan.ts";
import { type Json, isRecord, listOf, parseJson, recordOf, stringsOf, textOf } from "./json.ts";
import { type Element, elementText, jsonLines } from "./prompt.ts";

export type Member = {
  readonly skill: string;
  readonly squad: string;
  readonly role: string;
  readonly needs: readonly string[];
  readonly feeds: readonly string[];
};
export type RouteStep = {
  readonly phase: string;
  readonly squads: readonly string[];
  readonly skills: readonly string[];
  readonly gate: boolean;
};
export type Category = { readonly name: string; readonly means: string; readonly route: readonly RouteStep[] };
export type Template = {
  readonly name: string;
  readonly category: string;
  readonly fits: string;
  readonly phases: readonly { readonly name: string; readonly gate: boolean }[];
  readonly tasks: readonly {
    readonly key: string;
    readonly phase: string;
    readonly skill: string;
    readonly brief: string;
    readonly criteria: readonly string[];
    readonly needs: readonly string[];
    readonly reviewers: readonly string[];
    readonly variants: number;
  }[];
};

export type TeamShown = {
  readonly team: readonly Member[];
  readonly categories: readonly Category[];
  readonly templates: readonly Template[];
  readonly lastSquads: readonly string[];
};

export function readTeam(elements: readonly Element[]): TeamShown {
  return {
    team: jsonLines(elements, "team").map((line) => ({
      skill: textOf(line.skill),
      squad: textOf(line.squad),
      role: textOf(line.role),
      needs: stringsOf(line.needs),
      feeds: stringsOf(line.feeds),
    })),
    categories: jsonLines(elements, "categories").map((line) => ({
      name: textOf(line.category),
      means: textOf(line.means),
      route: listOf(line.route).filter(isRecord).map(readStep),
    })),
    templates: jsonLines(elements, "pipelines").map((line) => ({
      name: textOf(line.pipeline),
      category: textOf(line.category),
      fits: textOf(line.fits),
      phases: listOf(line.phases).map((phase) => ({ name: textOf(recordOf(phase).name), gate: recordOf(phase).gate === true })),
      tasks: listOf(line.tasks).filter(isRecord).map(readTask),
    })),
    lastSquads: stringsOf(parseJson(elementText(elements, "last_squads"))),
  };
}

function readStep(step: Json): RouteStep {
  return { phase: textOf(step.phase), squads: stringsOf(step.squads), skills: stringsOf(step.skills), gate: step.gate === true };
}

function readTask(task: Json): Template["tasks"][number] {
  return {
    key: textOf(task.key),
    phase: textOf(task.phase),
    skill: textOf(task.skill),
    brief: textOf(task.brief),
    criteria: stringsOf(task.criteria),
    needs: stringsOf(task.needs),
    reviewers: stringsOf(task.reviewers),
    variants: typeof task.variants === "number" ? task.variants : 1,
  };
}

/** What a plan is checked against, made from what the prompt shows. */
export function registryOf(shown: TeamShown): PlanRegistry {
  return {
    skills: new Map(shown.team.map((member) => [member.skill, { squad: member.squad }])),
    categories: shown.categories.map((category) => category.name),
    pipelines: shown.templates.map((template) => template.name),
    lastSquads: shown.lastSquads,
  };
}
