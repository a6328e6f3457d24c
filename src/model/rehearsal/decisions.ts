/** The replies to a gate, a re-brief and the final report, in the words of what the prompt shows. */

import { chance, pick } from "./chance.ts";
import { type Json, isRecord, parseJson, stringsOf, textOf } from "./json.ts";
import { type Element, element, elementText, jsonLines, listItems } from "./prompt.ts";
import { firstWords, sentences, short, withStop } from "./words.ts";

const CHANGES = 0.25;

/** Mostly go on; a seeded quarter re-briefs one later task in view of a result. */
export function gateReply(elements: readonly Element[], seed: number): Json {
  const phase = element(elements, "gate")?.attrs.phase ?? "";
  const results = elements.filter((entry) => entry.name === "result");
  const later = jsonLines(elements, "later_tasks");
  const about = [
    phase,
    elementText(elements, "goal"),
    ...results.map((result) => result.attrs.key ?? ""),
    ...later.map((line) => textOf(line.key)),
  ];
  const keep = { rebrief: [], add: [], drop: [] };
  const task = pick(later, seed, "which", ...about);
  const result = pick(results, seed, "result", ...about);
  const lead = result ? leadOf(result.text) : "";
  if (task === undefined || chance(seed, "gate", ...about) >= CHANGES) {
    const why = lead === "" ? "nothing that came in speaks against the plan" : `what came in supports the plan, as in "${lead}"`;
    return { decision: "go_on", note: `Rehearsal: ${phase === "" ? "" : `${phase} is read; `}${why}.`, ...keep };
  }
  const key = textOf(task.key);
  const from = result?.attrs.key ?? "the phase before";
  const brief = `${withStop(textOf(task.brief))} Take up what ${from} found${lead === "" ? "" : `: "${lead}"`}.`;
  const criteria = [...stringsOf(task.criteria), `Takes up what ${from} found`];
  const note = `Rehearsal: ${key} gets a new brief, so that it takes up what ${from} found.`;
  return { decision: "change", note, ...keep, rebrief: [{ key, brief, criteria }] };
}

/** The same skill again, with a brief that answers the findings. */
export function rebriefReply(elements: readonly Element[]): Json {
  const task = element(elements, "task");
  const findings = jsonLines(elements, "findings");
  const requests = findings.map((finding) => textOf(finding.request)).filter((text) => text !== "");
  const known = jsonLines(elements, "team").map((line) => textOf(line.skill));
  const skill = task?.attrs.skill ?? known[0] ?? "";
  const first = findings.map((finding) => textOf(finding.problem).replace(/^Rehearsal:\s*/, "")).find((text) => text !== "");
  return {
    skill,
    brief: `${withStop(task?.text || "Do the task anew")} Begin anew, and this time: ${withStop(requests.map((text) => short(text, 200)).join(" ") || "keep to the brief from its first sentence")}`,
    criteria: [...new Set([...listItems(elements, "criteria"), ...requests.map((text) => short(text, 200))])],
    reason: `Rehearsal: ${withStop(short(first ?? "the work missed its task", 240))} The brief now says what to do about it.`,
  };
}

export function reportReply(elements: readonly Element[]): Json {
  const goal = firstWords(elementText(elements, "goal"), 120) || "the goal";
  const results = elements.filter((entry) => entry.name === "result");
  const open = elements
    .filter((entry) => entry.name === "open")
    .flatMap((entry) => entry.text.split("\n"))
    .map(openText);
  const questions = open.filter((text) => text !== "");
  const done = results.map((result) => {
    const { key = "a task", skill, score } = result.attrs;
    return `${key}${skill && skill !== key ? ` (${skill})` : ""}${score ? `, score ${score}` : ""}: ${withStop(leadOf(result.text) || "handed in")}`;
  });
  return {
    headline: `Rehearsal: ${goal}`,
    summary: ["Rehearsal: no model wrote this report; it repeats what the results say.", ...done],
    next_steps: [
      ...results.slice(0, 3).map((result) => `Read ${result.attrs.key ?? "the result"} and decide what of it to use.`),
      "Run the goal for real when the plan looks right.",
    ],
    open_questions: questions,
  };
}

function openText(line: string): string {
  const json = parseJson(line.trim());
  if (isRecord(json)) return short(Object.values(json).map(textOf).filter(Boolean).join(": "), 300);
  return short(line.replace(/^\s*[-*]\s+/, ""), 300);
}

/** The first sentence that says something, without a rehearsal's own marks. */
function leadOf(text: string): string {
  const found = sentences(text)
    .map((sentence) => sentence.replace(/^Rehearsal:\s*/, ""))
    .find((sentence) => sentence.length >= 20);
  return short(found ?? text.replace(/^Rehearsal:\s*/, ""), 200)
    .replaceAll('"', "'")
    .replace(/\.$/, "");
}
