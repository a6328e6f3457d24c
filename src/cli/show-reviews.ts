/** What the reviewers said of every version of a goal's work: scores with evidence, findings with what to change. */

import type { Deliverable } from "../domain/deliverable.ts";
import type { Goal } from "../domain/goal.ts";
import type { Review } from "../domain/review.ts";
import type { Task } from "../domain/task.ts";
import { reviewsOfGoal, versionsOf } from "../store/deliverables.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { variantsOf, type Variant } from "../store/variants.ts";
import type { Read } from "../store/store.ts";
import { oneLine, type Styles } from "./output.ts";

type Version = Pick<Deliverable, "id" | "revision" | "origin" | "score" | "answers" | "claims"> & {
  readonly chars: number;
  readonly reviews: readonly Review[];
};
export type ReviewsView = readonly {
  readonly task: Task;
  readonly versions: readonly Version[];
  readonly variants: readonly Variant[];
}[];

/** Tasks that handed something in, each with all its versions. */
export async function reviewsView(read: Read, goalId: string): Promise<ReviewsView> {
  const reviews = Map.groupBy(await reviewsOfGoal(read, goalId), (review) => review.deliverableId);
  const view: { task: Task; versions: Version[]; variants: Variant[] }[] = [];
  for (const task of await tasksOfGoal(read, goalId)) {
    if (task.kind !== "work") continue;
    const versions = (await versionsOf(read, task.id)).map(({ id, revision, origin, score, answers, claims, body }) => ({
      ...{ id, revision, origin, score, answers, claims },
      chars: body.length,
      reviews: reviews.get(id) ?? [],
    }));
    const variants = task.variants > 1 ? await variantsOf(read, task.id) : [];
    if (versions.length > 0 || variants.length > 0) view.push({ task, versions, variants });
  }
  return view;
}

export function reviewsJson(view: ReviewsView) {
  return view.map(({ task, versions, variants }) => ({
    task: task.key,
    id: task.id,
    skill: task.skill,
    status: task.status,
    versions: versions.map((version) => ({
      version: version.revision + 1,
      deliverable: version.id,
      origin: version.origin,
      chars: version.chars,
      score: version.score,
      accepted: version.id === task.deliverableId,
      answers: version.answers,
      claims: version.claims,
      reviews: version.reviews.map(({ reviewer, verdict, score, scores, findings }) => ({
        reviewer,
        verdict,
        score,
        scores,
        findings,
      })),
    })),
    variants: variants.map(({ revision, variant, angle, outcome, note, body }) => ({
      version: revision + 1,
      variant,
      angle,
      outcome,
      note,
      chars: body.length,
    })),
  }));
}

export function reviewsText(goal: Pick<Goal, "id" | "title">, view: ReviewsView, style: Styles): string {
  const title = `${style.bold(`Reviews of "${oneLine(goal.title, 80)}"`)}  ${goal.id}`;
  if (view.length === 0) return `${title}\n\nNothing was handed in yet.`;
  const out = [title, ""];
  for (const { task, versions, variants } of view) {
    out.push(style.bold(task.key === task.skill ? task.key : `${task.key} (${task.skill})`));
    for (const entry of variants) out.push(...variantLines(entry, style));
    for (const version of versions) {
      const by = version.origin === "person" ? "a person's text" : "by the agent";
      const accepted = version.id === task.deliverableId ? style.green(", accepted") : "";
      out.push(`  Version ${version.revision + 1} (${by}, ${version.chars.toLocaleString("en")} characters${accepted})`);
      for (const entry of version.answers) {
        const said = { done: style.green("done"), declined: style.yellow("declined"), none: style.red("not answered") }[
          entry.answer
        ];
        out.push(
          `    asked by ${entry.reviewer}: ${oneLine(entry.problem, 160)}  ${said}${entry.reason ? `, ${oneLine(entry.reason, 200)}` : ""}`,
        );
      }
      if (version.reviews.length === 0) out.push("    not reviewed");
      for (const review of version.reviews) out.push(...reviewLines(review, style));
    }
    out.push("");
  }
  return out.join("\n").trimEnd();
}

function variantLines(entry: Variant, style: Styles): string[] {
  const paint = { winner: style.green, loser: style.dim, out: style.red, open: style.yellow }[entry.outcome];
  const said = { winner: "taken", loser: "not taken", out: "did not pass the structural check", open: "not compared yet" }[
    entry.outcome
  ];
  return [
    `  Number ${entry.variant} of its first versions: ${paint(said)}${entry.note === "" ? "" : `, ${oneLine(entry.note, 240)}`}`,
    `    ${style.dim(oneLine(entry.angle, 160))}`,
  ];
}

function reviewLines(review: Review, style: Styles): string[] {
  const paint = { APPROVE: style.green, REVISE: style.yellow, REJECT: style.red }[review.verdict];
  const who =
    { structure: "structural check", consistency: "consistency with the other texts" }[review.reviewer] ?? review.reviewer;
  return [
    `    ${who}: ${paint(review.verdict)}${review.score === null ? "" : ` ${review.score.toFixed(1)}`}`,
    ...review.scores.map((entry) => `      ${entry.criterion} ${entry.score}  ${style.dim(oneLine(entry.evidence, 240))}`),
    ...review.findings.flatMap((entry) => [
      `      ${entry.severity === "minor" ? entry.severity : style.yellow(entry.severity)}: ${oneLine(entry.problem, 300)}`,
      ...(entry.quote === "" ? [] : [`        quote: "${oneLine(entry.quote, 240)}"`]),
      ...(entry.request === "" ? [] : [`        change: ${oneLine(entry.request, 300)}`]),
    ]),
  ];
}
