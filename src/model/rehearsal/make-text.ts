/** A deliverable's text: the form of the work in the words of goal, brief, context and inputs; no number of its own. */

import { pick } from "./chance.ts";
import type { MakeScene, Source } from "./make-scene.ts";
import { firstWords, plain, rank, short, withStop } from "./words.ts";

export const MARK = "> Rehearsal: no model wrote this. It shows the form of the work, not its substance.";
const SHORTEST = 1600;
const LONGEST = 3600;
const OWN_SECTIONS = ["Summary", "The work", "Next steps"];

const LEADS = [
  (section: string, goal: string) => `${section} serves the goal "${goal}" and keeps to what is known about it.`,
  (section: string, goal: string) => `What stands under ${section} follows from the goal "${goal}" and from the brief.`,
  (section: string, goal: string) => `Read ${section} with the goal in mind: ${goal}.`,
  (section: string, goal: string) => `${section} takes up what the brief asks for, so that it helps with "${goal}".`,
  (section: string, goal: string) => `Here ${section} ties the goal "${goal}" to what the team already knows.`,
];
const FILLERS = [
  (section: string) => `In a real run the agent writes ${section} out in full here, from the same words that are picked above.`,
  (section: string) =>
    `In a real run a reader could act on ${section} as it stands; the rehearsal only shows where that text belongs.`,
  (section: string) =>
    `In a real run each statement under ${section} names the passage of the context or the input that bears it out.`,
  (section: string) => `In a real run ${section} says what is not known as plainly as what is, and who could fill the gap.`,
  (section: string) =>
    `In a real run the reviewer reads ${section} against the criteria below and quotes the sentence that falls short.`,
];

/** The whole reply, handoff included. The same scene and seed give the same text; another revision gives another. */
export function makeText(make: MakeScene, seed: number, seen: readonly string[] = []): string {
  const sections = make.sections.length > 0 ? make.sections : OWN_SECTIONS;
  const frame = [...seen, ...builtOn(make), ...criteriaPart(make, sections)];
  const angle = make.angle === "" ? [] : [`This version is built round its angle: ${withStop(firstWords(make.angle, 160))}`, ""];
  const head = [`# ${firstWords(make.brief, 90) || "Work"}`, "", MARK, "", ...angle, ...changesPart(make, sections)];
  const fixed = [...head, ...frame].join("\n").length + 300;
  const bodies = sectionParts(make, sections, Math.max(0, LONGEST - fixed), seed);
  const lines = [...head, ...bodies.flat(), ...frame];
  for (let i = 0; lines.join("\n").length < SHORTEST && i < FILLERS.length * sections.length; i++) {
    const at = i % sections.length;
    const rest = FILLERS[(i + Math.floor(i / sections.length)) % FILLERS.length];
    const heading = lines.indexOf(`## ${sections[at]}`);
    const next = lines.findIndex((line, j) => j > heading && line.startsWith("## "));
    lines.splice(next < 0 ? lines.length : next, 0, rest?.(quoted(sections[at] ?? "")) ?? "", "");
  }
  return `${lines.join("\n").trim()}\n\n${handoff(make)}`;
}

function sectionParts(make: MakeScene, sections: readonly string[], room: number, seed: number): string[][] {
  const budget = room / sections.length;
  const flagged = make.findings.map((finding) => finding.quote).filter((quote) => quote !== "");
  let open = make.sources.filter((source) => !flagged.some((quote) => source.sentence.includes(quote)));
  return sections.map((section) => {
    const about = [make.skill, make.key, make.brief, make.goal, String(make.revision), make.angle, section];
    const lead = pick(LEADS, seed, "lead", ...about)?.(quoted(section), goalWords(make)) ?? "";
    const chosen: Source[] = [];
    let used = lead.length + section.length;
    for (const source of inOrder(open, `${section} ${make.brief}`, seed, about)) {
      const size = source.sentence.length + source.from.length + 12;
      if (chosen.length >= 4 || used + size > budget) break;
      used += size;
      chosen.push(source);
    }
    open = open.filter((source) => !chosen.includes(source));
    const bullets = chosen.map((source) => `- ${source.from} says: "${plain(source.sentence).replaceAll('"', "'")}"`);
    return [`## ${section}`, "", lead, "", ...bullets, ...(bullets.length > 0 ? [""] : [])];
  });
}

/** What suits the section first; what suits equally in a seeded order. */
function inOrder(sources: readonly Source[], about: string, seed: number, parts: readonly string[]): Source[] {
  const scores = rank(
    about,
    sources.map((source) => `${source.from} ${source.sentence}`),
  );
  const shuffled = sources.map((source, i) => ({
    source,
    score: (scores[i] ?? 0) + (pick([0, 0.05, 0.1], seed, source.sentence, ...parts) ?? 0),
  }));
  return shuffled.sort((a, b) => b.score - a.score).map((entry) => entry.source);
}

function changesPart(make: MakeScene, sections: readonly string[]): string[] {
  if (make.revision === 0) return [];
  const lines = make.findings.map((finding, i) => {
    const where = quoted(sections[i % sections.length] ?? "");
    const problem = plain(finding.problem.replace(/^Rehearsal:\s*/, ""));
    const passage = finding.quote === "" ? "" : ` (on "${short(plain(finding.quote).replaceAll('"', "'"), 80)}")`;
    const asked = finding.request === "" ? "" : ` Asked for: ${withStop(short(plain(finding.request), 220))}`;
    return `- ${withStop(`${short(problem, 180).replace(/\.$/, "")}${passage}`)}${asked} Done under ${where}.`;
  });
  const none = "- The version before came back without a finding; the wording was gone over again.";
  return ["## Changes in this version", "", ...(lines.length > 0 ? lines : [none]), ""];
}

function builtOn(make: MakeScene): string[] {
  if (make.inputs.length === 0) return [];
  const lines = make.inputs.map(({ key, skill, form }) => {
    const from = make.sources.find((source) => source.from === `\`${key}\``);
    const says = from ? ` It says: "${short(plain(from.sentence).replaceAll('"', "'"), 160)}"` : "";
    return `- \`${key}\`${skill ? ` (${skill})` : ""}, read ${form === "summary" ? "as a summary" : "in full"}.${says}`;
  });
  return ["## Built on", "", ...lines, ""];
}

function criteriaPart(make: MakeScene, sections: readonly string[]): string[] {
  if (make.criteria.length === 0) return [];
  const scores = (criterion: string) => rank(criterion, sections);
  const lines = make.criteria.map((criterion, i) => {
    const ranked = scores(criterion);
    const top = Math.max(...ranked);
    const at = top > 0 ? ranked.indexOf(top) : i % sections.length;
    return `- ${withStop(short(plain(criterion), 140))} Taken up under ${quoted(sections[at] ?? "")}.`;
  });
  return ["## How the criteria are met", "", ...lines, ""];
}

function handoff(make: MakeScene): string {
  const missing = make.missing.length > 0 ? make.missing.slice(0, 6) : ["none"];
  const summaries = make.inputs
    .filter((input) => input.form === "summary")
    .map((input) => `the summary of ${input.key} says what matters of it`);
  const assumed = ["the words of the goal, the brief and the product context hold (rehearsal)", ...summaries];
  const answers = make.findings.filter((finding) => finding.id !== "").map((finding) => `${finding.id}: done`);
  const answered = answers.length > 0 ? `answers:\n${items(answers)}\n` : "";
  return `<handoff>\n${answered}missing:\n${items(missing)}\nassumed:\n${items(assumed)}\n</handoff>`;
}

function items(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

function goalWords(make: MakeScene): string {
  return firstWords(make.goal, 120).replaceAll('"', "'") || "the goal";
}

function quoted(section: string): string {
  return `"${plain(section)}"`;
}
