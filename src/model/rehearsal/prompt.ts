/** Reading what a prompt shows: the tagged elements of its text, and the lines inside them. */

import { type Json, isRecord, parseJson } from "./json.ts";

export type Element = { readonly name: string; readonly attrs: Readonly<Record<string, string>>; readonly text: string };

// Elements that hold others; all others hold text or lines, whatever tags that text may contain.
const CHILDREN: Record<string, readonly string[]> = {
  skill: ["references", "required_sections"],
  inputs: ["input"],
  gate: ["goal", "results", "result", "later_tasks", "team"],
  results: ["result"],
};

const KNOWN: readonly string[] = [
  ...["squads", "team", "categories", "pipelines", "last_squads", "learnings", "product_context", "goal", "problems"],
  ...["rubric", "task", "criteria", "deliverable", "earlier_findings", "missing_inputs", "findings", "previous_version"],
  ...["gate", "results", "result", "later_tasks", "open", "sections", "source", "skill", "references", "required_sections"],
  ...[
    "inputs",
    "input",
    "continue",
    "recent_goals",
    "quality_criteria",
    "changes",
    "open_claims",
    "first",
    "second",
    "statements",
    "suspected",
    "angle",
    "state_of_work",
  ],
  ...["skills", "requests", "file", "assertions", "work"],
];

/**
 * The elements of a text in their order, those inside a container right after it. A tag counts only where a line (or the
 * text after another tag) begins: prose may mention tags. An element without its closing tag is empty.
 */
export function readElements(text: string, names: readonly string[] = KNOWN): Element[] {
  const opener = new RegExp(`(?:^|(?<=>))[ \\t]*<(${names.join("|")})((?:\\s+[\\w-]+(?:="[^"]*")?)*)\\s*(/?)>`, "gm");
  const found: Element[] = [];
  for (let match = opener.exec(text); match; match = opener.exec(text)) {
    const [, name = "", attributes = "", selfClosed] = match;
    const end = selfClosed ? -1 : text.indexOf(`</${name}>`, opener.lastIndex);
    const inner = end < 0 ? "" : text.slice(opener.lastIndex, end);
    found.push({ name, attrs: readAttributes(attributes), text: inner.replaceAll("<\\/", "</").trim() });
    const children = CHILDREN[name];
    if (children) found.push(...readElements(inner, children));
    if (end >= 0) opener.lastIndex = end + name.length + 3;
  }
  return found;
}

function readAttributes(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w-]+)="([^"]*)"/g)];
  return Object.fromEntries(
    pairs.map(([, key = "", value = ""]) => [key, value.replaceAll("&quot;", '"').replaceAll("&amp;", "&")]),
  );
}

export function element(elements: readonly Element[], name: string): Element | undefined {
  return elements.find((entry) => entry.name === name);
}

export function elementText(elements: readonly Element[], name: string): string {
  return element(elements, name)?.text ?? "";
}

/** All lines of all elements of a name that are JSON objects. */
export function jsonLines(elements: readonly Element[], name: string): Json[] {
  return elements
    .filter((entry) => entry.name === name)
    .flatMap((entry) => entry.text.split("\n"))
    .map((line) => parseJson(line.trim()))
    .filter(isRecord);
}

/** The items of a Markdown list (`- …`) in all elements of a name. */
export function listItems(elements: readonly Element[], name: string): string[] {
  return elements
    .filter((entry) => entry.name === name)
    .flatMap((entry) => [...entry.text.matchAll(/^\s*[-*]\s+(.*\S)/gm)].map((match) => match[1] ?? ""));
}

/** The product context's text, or null when the prompt shows none. */
export function productContext(elements: readonly Element[]): string | null {
  const shown = element(elements, "product_context");
  return shown === undefined || shown.attrs.missing === "true" || shown.text === "" ? null : shown.text;
}

/** `##` sections of a document: name and text, in order. */
export function documentSections(text: string): { name: string; text: string }[] {
  const pieces = text.split(/^##\s+(.+?)\s*$/m);
  const found: { name: string; text: string }[] = [];
  for (let i = 1; i < pieces.length; i += 2) found.push({ name: pieces[i] ?? "", text: (pieces[i + 1] ?? "").trim() });
  return found;
}

/** Names of the context's sections that say nothing yet. */
export function emptySections(context: string): string[] {
  return documentSections(context)
    .filter((section) => section.text === "" || /^\(?(?:unknown|not known yet|to be filled in|none)\)?\.?$/i.test(section.text))
    .map((section) => section.name);
}
