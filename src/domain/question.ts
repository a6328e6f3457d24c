/** A question that only a person can answer: durable, with all that is needed to decide. A timeout never approves. */

import { z } from "zod";
import { hashOf, type Deliverable } from "./deliverable.ts";
import { learningKey } from "./learning.ts";
import { dollars, type Nano } from "./money.ts";
import type { Finding } from "./review.ts";

const QUESTION_KINDS = ["quality", "rejected", "failures", "budget", "risk", "model", "plan"] as const;
export const questionKind = z.enum(QUESTION_KINDS);
export type QuestionKind = z.infer<typeof questionKind>;

const answerChoice = z.enum(["approve", "reject"]);

/** How a person answered. `version` takes an earlier version, `drop` gives the task up, `edit` brings an own text. */
export const answer = z.object({
  choice: answerChoice,
  note: z.string().nullable(),
  version: z.number().int().nullable(),
  drop: z.boolean(),
  body: z.string().nullable(),
});
export type Answer = z.infer<typeof answer>;

export type Question = {
  readonly id: string;
  readonly goalId: string;
  readonly taskId: string | null;
  readonly kind: QuestionKind;
  /** One sentence: what is asked. */
  readonly title: string;
  /** Markdown: what was asked for, what came, what is open, what each answer does and costs. */
  readonly detail: string;
  /** What `approve` and `reject` mean here, in a few words each. */
  readonly approveMeans: string;
  readonly rejectMeans: string;
  readonly status: "open" | "answered" | "withdrawn";
  readonly answer: Answer | null;
  /** What it is about, as a hash: the same one is not asked twice. Null for questions from before there were any. */
  readonly fingerprint: string | null;
  readonly createdAt: number;
  readonly answeredAt: number | null;
};

/** A question before it is asked. */
export type NewQuestion = Omit<Question, "status" | "answer" | "fingerprint" | "createdAt" | "answeredAt">;

/** One way to answer. */
export type Choice = {
  readonly answer: "approve" | "version" | "edit" | "reject" | "drop" | "allow";
  /** The words behind the program's name. */
  readonly command: string;
  /** About what it leads to; null when nothing like it was paid for yet. */
  readonly cost: Nano | null;
  /** How the cost is meant; `named`: the person names it. */
  readonly bound: "exact" | "about" | "at most" | "named";
  readonly means: string;
};

export type OpenFinding = Finding & {
  readonly reviewer: string;
  /** Why the maker would not do what an earlier finding like this one asked for; null when it did not say no. */
  readonly declined: string | null;
};

/** Everything that a person needs to decide, as parts. */
export type Decision = {
  readonly asked: { readonly of: string; readonly brief: string; readonly criteria: readonly string[] };
  /** What stands in the way, where it is not a review: a refusal's words, a reply that could not be read. */
  readonly happened: string | null;
  /** Numbered from 1, oldest first. */
  readonly versions: readonly {
    readonly version: number;
    readonly score: number | null;
    readonly origin: Deliverable["origin"];
    readonly best: boolean;
    readonly newest: boolean;
  }[];
  /** From the best version to the newest; null when they are one, or nothing was compared. */
  readonly diff: { readonly from: number; readonly to: number; readonly text: string } | null;
  /** On the newest version, the gravest first. */
  readonly findings: readonly OpenFinding[];
  readonly cost: Nano;
  /** Held for answers that were lost: it may have been spent as well. */
  readonly lost: Nano;
  /** A sentence on the work that is still to come, where the question is about the whole goal. */
  readonly ahead: string | null;
  readonly choices: readonly Choice[];
};

/** The version with the best score; the newest of equals. */
export function bestVersion<T extends Pick<Deliverable, "score">>(versions: readonly T[]): T | null {
  let best: T | null = null;
  for (const version of versions) if (best === null || (version.score ?? 0) >= (best.score ?? 0)) best = version;
  return best;
}

/**
 * What a question about a task's work is about. The same texts, the same objections and the same obstacle give the same
 * hash, in whatever order and number they came. A person's own notes are not counted: they are answers.
 */
export function fingerprintOf(about: {
  readonly kind: QuestionKind;
  readonly subject: string;
  readonly versions: readonly Pick<Deliverable, "hash">[];
  readonly findings: readonly OpenFinding[];
  readonly happened: string | null;
}): string {
  const unique = (items: readonly string[]) => [...new Set(items)].sort();
  return hashOf(
    JSON.stringify([
      about.kind,
      about.subject,
      unique(about.versions.map((version) => version.hash)),
      unique(
        about.findings
          .filter((entry) => entry.reviewer !== PERSON)
          .map((entry) => `${entry.reviewer} ${entry.severity} ${learningKey(entry.problem)}`),
      ),
      about.happened === null ? null : learningKey(about.happened),
    ]),
  );
}

/** The reviewer's name under which a person's note stands. */
export const PERSON = "person";

/** Lines that changed together, between lines that stayed. */
export type Run = { readonly place: string; readonly before: readonly string[]; readonly after: readonly string[] };

/** The changed lines of a difference as `changesBetween` writes it. */
export function runsOf(changes: string): Run[] {
  const runs: (Run & { before: string[]; after: string[] })[] = [];
  let place = "";
  let run: (typeof runs)[number] | null = null;
  for (const line of changes.split("\n")) {
    if (line.startsWith("-") || line.startsWith("+")) {
      if (!run) runs.push((run = { place, before: [], after: [] }));
      (line.startsWith("-") ? run.before : run.after).push(line.slice(1));
    } else {
      run = null;
      if (line.startsWith("@@ ")) place = line;
    }
  }
  return runs;
}

/** A terminal of 80 x 40, less the rows for the title above and for what is typed below. */
const WIDTH = 80;
const ROWS = 35;
/** Rows of the difference: no fewer where there is one, no more where there is room. */
const DIFF_ROWS = { least: 4, most: 14 };
/** Findings: no more than these; fewer where the rest leaves no room, and then it says of how many. */
const FINDINGS = { least: 3, most: 6 };

/** A decision as Markdown that fits on one screen: what does not fit is cut, and says so. */
export function detailOf(decision: Decision): string {
  const { asked, happened, versions, findings, ahead, choices } = decision;
  const top = [
    ...wrap(`**Asked** of ${asked.of}: ${asked.brief}`, 2),
    ...(asked.criteria.length > 0
      ? wrap(`Done when: ${asked.criteria.map((line) => line.trim().replace(/\.$/, "")).join("; ")}.`, 2)
      : []),
    ...(happened === null ? [] : ["", ...wrap(`**What happened:** ${happened}`, 3)]),
    ...(versions.length > 0 ? ["", ...wrap(`**Versions:** ${versions.map(versionWords).join(", ")}.`, 2)] : []),
  ];
  const lost = decision.lost > 0 ? `, and up to ${dollars(decision.lost)} for answers that were lost` : "";
  const bottom = [
    "",
    ...wrap(`**Cost so far:** ${dollars(decision.cost)}${lost}.${ahead === null ? "" : ` ${ahead}`}`, 2),
    "",
    "**Choices**, each behind `bun run start`:",
    ...choices.flatMap(choiceRows),
  ];
  const changes = changeRows(decision.diff);
  const open = (most: number) => (versions.length > 0 ? ["", ...findingRows(findings, most, versions.at(-1)?.version ?? 0)] : []);
  const room = (most: number) => ROWS - top.length - open(most).length - bottom.length - changes.head.length;
  let most = Math.min(FINDINGS.most, findings.length);
  while (most > FINDINGS.least && room(most) < Math.min(DIFF_ROWS.least, changes.rows.length)) most--;
  const shown = Math.min(DIFF_ROWS.most, Math.max(DIFF_ROWS.least, room(most)));
  return [...top, ...changes.head, ...cutRows(changes.rows, shown), ...open(most), ...bottom].join("\n");
}

function versionWords({ version, score, origin, best, newest }: Decision["versions"][number]): string {
  const notes = [
    score === null ? "no score" : String(score),
    ...(best ? ["best"] : []),
    ...(newest ? ["newest"] : []),
    ...(origin === "person" ? ["a person's"] : []),
  ];
  return `${version} (${notes.join(", ")})`;
}

function findingRows(findings: readonly OpenFinding[], most: number, version: number): string[] {
  if (findings.length === 0) return ["**Still open:** nothing is listed."];
  return [
    `**Still open in version ${version}**${findings.length > most ? ` (${most} of ${findings.length})` : ""}:`,
    ...findings
      .slice(0, most)
      .flatMap(({ severity, reviewer, problem, quote, request, declined }, i) => [
        fit(`${i + 1}. ${severity}, ${reviewer}: ${clean(problem)}${quote === "" ? "" : ` ("${clean(quote)}")`}`),
        fit(declined === null ? `   asked for: ${clean(request)}` : `   the maker declined: ${clean(declined)}`),
      ]),
  ];
}

function choiceRows({ command, cost, bound, means }: Choice): string[] {
  const amount =
    cost === null ? (bound === "named" ? "" : " cost not known") : ` ${bound === "exact" ? "" : `${bound} `}${dollars(cost)}`;
  const row = `- \`${command}\`${amount}:`;
  const whole = `${row} ${means}`;
  return Bun.stringWidth(whole) <= WIDTH ? [whole] : [row, ...wrap(means, 2, WIDTH - 2).map((line) => `  ${line}`)];
}

function changeRows(diff: Decision["diff"]): { head: string[]; rows: string[] } {
  if (!diff) return { head: [], rows: [] };
  if (diff.text === "") return { head: [`Versions ${diff.from} and ${diff.to} are the same text.`], rows: [] };
  return { head: ["", `**From version ${diff.from} to version ${diff.to}:**`, ""], rows: diffRows(diff.text) };
}

function cutRows(rows: readonly string[], most: number): string[] {
  const kept = rows.length <= most ? rows : [...rows.slice(0, most - 1), `(cut here: ${rows.length - most + 1} more lines)`];
  // Indented, not fenced: a fence inside the texts would end ours.
  return kept.map((row) => `    ${row}`);
}

/** What changed, old above new, a row each, cut to the words that differ. The lines around it are left out. */
function diffRows(changes: string): string[] {
  const width = WIDTH - 5;
  const rows: string[] = [];
  let place = "";
  for (const run of runsOf(changes)) {
    if (run.place !== place) rows.push((place = run.place));
    for (let i = 0; i < Math.max(run.before.length, run.after.length); i++) {
      const old = clean(run.before[i] ?? "");
      const now = clean(run.after[i] ?? "");
      const from = Math.max(Bun.stringWidth(old), Bun.stringWidth(now)) <= width ? 0 : firstDifference(old, now);
      const focus = (text: string) => fit(from > 0 ? `…${text.slice(from)}` : text, width);
      if (old !== "") rows.push(`-${focus(old)}`);
      if (now !== "") rows.push(`+${focus(now)}`);
    }
  }
  return rows;
}

/** Where two long lines begin to differ, with a few words before it; 0 when that is near their beginning. */
function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++;
  if (a === "" || b === "" || at < 30) return 0;
  return a.lastIndexOf(" ", at - 15) + 1;
}

function fit(line: string, width = WIDTH): string {
  return Bun.stringWidth(line) <= width ? line : `${head(line, width - 1).trimEnd()}…`;
}

/** The beginning of a text, no wider than `width` columns: a wide character at the edge is left out whole. */
function head(line: string, width: number): string {
  const cut = Bun.sliceAnsi(line, 0, width);
  return Bun.stringWidth(cut) <= width ? cut : Bun.sliceAnsi(line, 0, width - 1);
}

/** At most `rows` rows, broken between words. */
function wrap(text: string, rows: number, width = WIDTH): string[] {
  const out: string[] = [];
  let rest = clean(text);
  while (out.length < rows - 1 && Bun.stringWidth(rest) > width) {
    const space = head(rest, width + 1).lastIndexOf(" ");
    const row = space > 0 ? rest.slice(0, space) : head(rest, width);
    out.push(row);
    rest = rest.slice(row.length).trimStart();
  }
  return rest === "" ? out : [...out, fit(rest, width)];
}

/** On one line, without what a terminal would take for a command. */
export function clean(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, "")
    .trim();
}
