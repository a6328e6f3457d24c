/** The team and its scores: the shapes of `--json`, and the same as text of at most 80 columns. */

import { z } from "zod";
import { BEFORE, drift, LEAST_CHANGE, NEEDED, RECENT, type Drift } from "../domain/drift.ts";
import { tier } from "../domain/registry.ts";
import { count } from "../domain/quantity.ts";
import { columns, indent } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";

/** A skill's present is that of its last 20 works. */
export const LAST_WORKS = 20;
const WEEKS_SHOWN = 12;
const NAME_WIDTH = 25;
/** So many reviews without a single objection are worth a word. */
const MANY_REVIEWS = 10;

const score = z.number().nullable();
const n = z.number().int();

export const teamResult = z.strictObject({
  rehearsal: z.boolean(),
  skills: z.array(
    z.strictObject({
      squad: z.string(),
      skill: z.string(),
      tier,
      rubric: z.string(),
      /** Tasks whose work was accepted. */
      finished: n,
      /** Mean of the last 20 accepted works; null without any that has a score. */
      score,
      /** Share of the last 20 accepted works that their reviewers approved in the first version. */
      approvedAtOnce: score,
      promptChars: n,
    }),
  ),
});
export type TeamResult = z.infer<typeof teamResult>;

export const scoresResult = z.strictObject({
  rehearsal: z.boolean(),
  skills: z.array(
    z.strictObject({
      skill: z.string(),
      /** Accepted works with a score. */
      works: n,
      /** Means of the last 20: of first versions, and of what was accepted. */
      first: score,
      accepted: score,
      drift,
      /** Scores of the last 20 accepted works, oldest first. */
      last: z.array(z.number()),
      /** By the Monday (UTC) of each week that has works. */
      weeks: z.array(z.strictObject({ week: z.string(), works: n, first: score, accepted: score })),
    }),
  ),
  /** Of the one skill that was named, else null. The rubric is the reviewer's; null when it has left the team. */
  criteria: z
    .array(z.strictObject({ rubric: z.string().nullable(), criterion: z.string(), scores: n, recent: score, before: score }))
    .nullable(),
  reviewers: z.array(z.strictObject({ reviewer: z.string(), reviews: n, mean: z.number(), revise: n, reject: n })),
});
export type ScoresResult = z.infer<typeof scoresResult>;

const REHEARSED = "Scores of rehearsals: they say nothing of real work.";
const points = (value: number | null) => (value === null ? "-" : value.toFixed(1));
const percent = (share: number | null) => (share === null ? "-" : `${Math.round(share * 100)} %`);
const named = (name: string) => oneLine(name, NAME_WIDTH);

/** One row a skill, below its squad. */
export function teamText(result: TeamResult, style: Styles): string {
  if (result.skills.length === 0) return "There are no skills. Write them in skills.yaml.";
  const rows = result.skills.flatMap((entry, i) => [
    ...(entry.squad === result.skills[i - 1]?.squad ? [] : [[style.bold(named(entry.squad))]]),
    [
      `  ${named(entry.skill)}`,
      entry.tier,
      oneLine(entry.rubric, 11),
      String(entry.finished),
      points(entry.score),
      percent(entry.approvedAtOnce),
      entry.promptChars.toLocaleString("en"),
    ],
  ]);
  const head = ["squad, skill", "tier", "rubric", "done", "score", "1st", "size"].map(style.dim);
  const foot = result.skills.every((entry) => entry.finished === 0)
    ? "No work was finished yet: scores come with the first goals."
    : `Score and 1st (approved without a revision): of the last ${LAST_WORKS} accepted works.\nSize: characters in every call. Over time: skills --scores`;
  return [...(result.rehearsal ? [style.yellow(REHEARSED)] : []), columns([head, ...rows], [3, 4, 5, 6]), style.dim(foot)].join(
    "\n",
  );
}

export type ScoresLook = {
  readonly style: Styles;
  /** Block characters, for a terminal; else digits. */
  readonly blocks: boolean;
  /** The score at and below which the lowest block stands: what is rejected. */
  readonly floor: number;
};

export function scoresText(result: ScoresResult, look: ScoresLook): string {
  const { style } = look;
  if (result.skills.length === 0) return emptyText(result);
  const [one] = result.skills;
  const body = result.criteria === null || !one ? allText(result, look) : oneText(one, result.criteria, look);
  const parts = [body, ...(result.reviewers.length > 0 ? [reviewersText(result.reviewers, style)] : [])];
  return [...(result.rehearsal ? [style.yellow(REHEARSED)] : []), ...parts].join("\n\n");
}

function emptyText({ rehearsal }: Pick<ScoresResult, "rehearsal">): string {
  return rehearsal
    ? 'No scores of rehearsals here yet: bun run start --rehearse "your goal"'
    : "No scores here yet: they come with the first reviewed work (those of rehearsals: --rehearsal).";
}

function allText({ skills }: ScoresResult, look: ScoresLook): string {
  const { style } = look;
  const rows = skills.map((entry) => [
    named(entry.skill),
    String(entry.works),
    points(entry.first),
    points(entry.accepted),
    spark(entry.last, look),
    driftWord(entry.drift, style),
  ]);
  const head = ["skill", "works", "first", "accepted", `last ${LAST_WORKS}`, "drift"].map(style.dim);
  const foot = [
    `First and accepted: means of the last ${LAST_WORKS}. ${legend(look)}`,
    `Drift: last ${RECENT} works against the ${BEFORE} before: ${LEAST_CHANGE} points or more, beyond chance.`,
    ...(skills.some((entry) => entry.drift.state === "unknown") ? [`n of ${NEEDED}: not enough works yet.`] : []),
  ];
  return `${columns([head, ...rows], [1, 2, 3])}\n${style.dim(foot.join("\n"))}`;
}

function driftWord(entry: Drift, { dim, red, yellow }: Styles): string {
  if (entry.state === "unknown") return dim(`${entry.works} of ${entry.needed}`);
  if (entry.state === "steady") return "none";
  const by = Math.abs(entry.change).toFixed(1);
  return entry.state === "down" ? red(`-${by}`) : yellow(`+${by}`);
}

function oneText(
  entry: ScoresResult["skills"][number],
  criteria: NonNullable<ScoresResult["criteria"]>,
  look: ScoresLook,
): string {
  const { style } = look;
  const { bold, dim } = style;
  const weeks = entry.weeks.slice(-WEEKS_SHOWN);
  const head = ["week of", "works", "first", "accepted"].map(dim);
  const rows = weeks.map((week) => [week.week, String(week.works), points(week.first), points(week.accepted)]);
  const more = entry.weeks.length - weeks.length;
  const out = [
    `${bold(entry.skill)}: ${count(entry.works, "work")} with a score`,
    driftSentence(entry.drift, style),
    ...(entry.last.length > 0 ? ["", `last ${entry.last.length}  ${spark(entry.last, look)}`, dim(legend(look))] : []),
    "",
    bold(more > 0 ? `By week (the last ${weeks.length} of ${entry.weeks.length})` : "By week"),
    indent(columns([head, ...rows], [1, 2, 3])),
  ];
  if (criteria.length > 0) {
    const lines = criteria.map(({ rubric, criterion, scores, recent, before }) => [
      named(criterion),
      oneLine(rubric ?? "-", 11),
      String(scores),
      points(recent),
      points(before),
    ]);
    const names = ["criterion", "rubric", "scores", `last ${RECENT}`, `${BEFORE} before`].map(dim);
    out.push("", bold("By criterion, of accepted works"), indent(columns([names, ...lines], [2, 3, 4])));
  }
  return out.join("\n");
}

function driftSentence(entry: Drift, { red, yellow, dim }: Styles): string {
  if (entry.state === "unknown") return dim(`Drift: not enough works yet (${entry.works} of ${entry.needed}).`);
  const { recent, before, change, t, df } = entry;
  const means = `last ${recent.works} works ${points(recent.mean)}, the ${before.works} before ${points(before.mean)}`;
  if (entry.state === "steady") return `No drift: ${means}.`;
  const proof = t === null ? "no spread on either side" : `Welch's t ${t.toFixed(1)}, ${Math.floor(df)} degrees of freedom`;
  const text = `Drift ${entry.state} ${Math.abs(change).toFixed(1)}: ${means}.`;
  return `${entry.state === "down" ? red(text) : yellow(text)}\n${dim(`Beyond chance: ${proof}.`)}`;
}

function reviewersText(reviewers: ScoresResult["reviewers"], style: Styles): string {
  const head = ["reviewer", "reviews", "mean", "REVISE", "REJECT", ""].map(style.dim);
  const rows = reviewers.map(({ reviewer, reviews, mean, revise, reject }) => [
    named(reviewer),
    reviews.toLocaleString("en"),
    points(mean),
    percent(revise / reviews),
    percent(reject / reviews),
    reviews >= MANY_REVIEWS && revise + reject === 0 ? style.yellow("approves everything") : "",
  ]);
  return `${style.bold("Reviewers")}\n${indent(columns([head, ...rows], [1, 2, 3, 4]))}`;
}

const BLOCKS = "▁▂▃▄▅▆▇█";

/** One character a work, oldest first: a block between the floor and 10, or the whole points as a digit, X for 10. */
export function spark(scores: readonly number[], { blocks, floor }: Pick<ScoresLook, "blocks" | "floor">): string {
  return scores
    .map((value) => {
      if (!blocks) return value >= 10 ? "X" : String(Math.floor(value));
      const share = floor >= 10 ? 1 : (value - floor) / (10 - floor);
      return BLOCKS[Math.round(Math.min(1, Math.max(0, share)) * (BLOCKS.length - 1))] ?? "";
    })
    .join("");
}

function legend({ blocks, floor }: ScoresLook): string {
  return blocks ? `▁ is ${floor} or less, █ is 10.` : "Each work's whole points, X is 10.";
}
