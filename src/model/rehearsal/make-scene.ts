/** What a making call shows: the task, what it builds on, what was found last time, and sentences worth picking. */

import { type Json, textOf } from "./json.ts";
import {
  type Element,
  documentSections,
  element,
  elementText,
  emptySections,
  jsonLines,
  listItems,
  productContext,
} from "./prompt.ts";
import type { Scene } from "./shown-call.ts";
import { sentences } from "./words.ts";

/** A sentence of the prompt and where it stands. */
export type Source = { readonly from: string; readonly sentence: string };

export type MakeScene = {
  readonly key: string;
  readonly skill: string;
  readonly brief: string;
  readonly goal: string;
  /** What one of several versions puts first; empty when there is one. */
  readonly angle: string;
  readonly criteria: readonly string[];
  readonly sections: readonly string[];
  readonly references: readonly { readonly path: string; readonly when: string }[];
  readonly inputs: readonly { readonly key: string; readonly skill: string; readonly form: string }[];
  /** 0 for the first version. */
  readonly revision: number;
  readonly findings: readonly {
    readonly id: string;
    readonly quote: string;
    readonly problem: string;
    readonly request: string;
  }[];
  readonly sources: readonly Source[];
  /** What the product context lacks, for the handoff. */
  readonly missing: readonly string[];
};

const SHORTEST = 25;
const LONGEST = 260;
/** More than any deliverable could hold, and few enough to be ranked at once. */
const MOST_SOURCES = 400;

export function readMakeScene(scene: Scene): MakeScene {
  const { elements } = scene;
  const task = element(elements, "task");
  const previous = element(elements, "previous_version");
  const inputs = elements.filter((entry) => entry.name === "input");
  const context = productContext(elements);
  const goal = elementText(elements, "goal");
  const brief = task?.text ?? "";
  return {
    key: task?.attrs.key ?? "",
    skill: task?.attrs.skill ?? element(elements, "skill")?.attrs.name ?? "",
    brief,
    goal,
    angle: elementText(elements, "angle"),
    criteria: listItems(elements, "criteria"),
    sections: listItems(elements, "required_sections"),
    references: jsonLines(elements, "references").map((line) => ({ path: textOf(line.path), when: textOf(line.when) })),
    inputs: inputs.map(({ attrs }) => ({ key: attrs.key ?? "", skill: attrs.skill ?? "", form: attrs.form ?? "full" })),
    revision: previous === undefined ? 0 : (Number(previous.attrs.revision) || 0) + 1,
    findings: jsonLines(elements, "findings").map(readFinding),
    sources: [
      ...sourcesOf("The brief", brief),
      ...sourcesOf("The goal", goal),
      ...contextSources(context),
      // What a tool showed is cited apart, with its source.
      ...scene.toolResults
        .filter((text) => !text.startsWith("<from_outside"))
        .flatMap((text) => sourcesOf("The reference", text)),
      ...inputs.flatMap((input) => inputSources(input)),
    ]
      .filter(distinct)
      .slice(0, MOST_SOURCES),
    missing:
      context === null
        ? ["There is no product context: who buys the product, what it does for them and how it speaks are unknown."]
        : emptySections(context).map((name) => `The product context says nothing about: ${name}`),
  };
}

function readFinding(line: Json): MakeScene["findings"][number] {
  return { id: textOf(line.id), quote: textOf(line.quote), problem: textOf(line.problem), request: textOf(line.request) };
}

function contextSources(context: string | null): Source[] {
  if (context === null) return [];
  const named = documentSections(context);
  const before = context.split(/^##\s/m)[0] ?? "";
  return [
    ...sourcesOf("The product context", before),
    ...named.flatMap((section) => sourcesOf(`The product context (${section.name})`, section.text)),
  ];
}

/** An input may itself be a rehearsal's text: what it quotes is taken, what it says of itself is not. */
function inputSources(input: Element): Source[] {
  return sentences(input.text)
    .map((sentence) => /: "([^"]+)"[.]?$/.exec(sentence)?.[1] ?? sentence)
    .flatMap((sentence) => sourcesOf(`\`${input.attrs.key ?? "input"}\``, sentence));
}

function sourcesOf(from: string, text: string): Source[] {
  return sentences(text)
    .filter((sentence) => sentence.length >= SHORTEST && sentence.length <= LONGEST)
    .filter((sentence) => !/[[\]]|rehearsal|real run/i.test(sentence))
    .map((sentence) => ({ from, sentence }));
}

function distinct(source: Source, i: number, all: readonly Source[]): boolean {
  return all.findIndex((other) => other.sentence === source.sentence) === i;
}
