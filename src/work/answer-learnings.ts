/** What a person's answer teaches the team: a note, an edit of a text, a choice against the scores. */

import { changesBetween } from "../domain/changes.ts";
import type { Deliverable } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import type { Goal } from "../domain/goal.ts";
import { LEARNING_MAX_CHARS, learningKey } from "../domain/learning.ts";
import { bestVersion, clean, PERSON, runsOf, type Answer, type Question } from "../domain/question.ts";
import type { Review } from "../domain/review.ts";
import type { Task } from "../domain/task.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { addLearning } from "../store/learnings.ts";
import type { Store, Tx } from "../store/store.ts";

/**
 * Keeps what an answer teaches, with where it came from: a note is the surest learning there is; a choice against the
 * scores and a small edit (`edited`, in words) are hypotheses. Nothing where nothing was said.
 */
export async function learnFrom(
  tx: Tx,
  goal: Goal,
  task: Task | null,
  question: Question,
  given: Answer,
  edited: string | null,
): Promise<void> {
  const keep = async (statement: string | null, tags: string[], sure: boolean) => {
    const text = statement?.trim().slice(0, LEARNING_MAX_CHARS) ?? "";
    if (text === "") return;
    await addLearning(
      tx,
      {
        id: newId("learn"),
        statement: text,
        skill: task?.skill ?? null,
        category: goal.category,
        tags: ["answer", ...tags],
        confidence: sure ? 0.9 : 0.6,
        evidence: `a person's answer to ${question.id}, goal ${goal.id}${task ? `, task ${task.key} (${task.id})` : ""}`,
        status: sure ? "active" : "hypothesis",
        origin: "person",
        rehearsal: goal.rehearsal,
      },
      goal.id,
      task?.id ?? null,
    );
  };
  await keep(given.note, [], true);
  if (!task || given.choice === "reject") return;
  if (given.body !== null) return keep(edited, ["edit"], false);
  if (given.version === null) return;
  const versions = await versionsOf(tx, task.id);
  const chosen = versions.find((version) => version.revision === (given.version ?? 0) - 1);
  const best = bestVersion(versions);
  if (chosen && best) await keep(taughtByChoice(chosen, best, await reviewsOf(tx, task.id)), ["version"], false);
}

/** What an own text teaches, against the version that it is nearest to. Texts are compared before the write, not in it. */
export async function taughtByText(store: Store, taskId: string | null, body: string | null): Promise<string | null> {
  if (taskId === null || body === null) return null;
  const size = (passages: readonly Passage[]) => passages.reduce((sum, { old, new: now }) => sum + old.length + now.length, 0);
  let nearest: Passage[] | null = null;
  for (const version of await store.read((read) => versionsOf(read, taskId))) {
    const passages = await changedPassages(version.body, body);
    if (nearest === null || size(passages) <= size(nearest)) nearest = passages;
  }
  return taughtByEdit(nearest ?? []);
}

const PASSAGE_MAX = 80;
/** More changed passages than this are a rewrite, which no quotation sums up. */
const PASSAGES_MAX = 5;
const PASSAGES_QUOTED = 3;

export type Passage = { readonly old: string; readonly new: string };

/** The passages that a person changed, each cut down to the words that differ. White space does not count. */
async function changedPassages(before: string, after: string): Promise<Passage[]> {
  return runsOf(await changesBetween(before, after, Number.POSITIVE_INFINITY)).flatMap((run) => {
    const old = words(run.before.join(" "));
    const now = words(run.after.join(" "));
    if (old.join(" ") === now.join(" ")) return [];
    let head = 0;
    while (head < Math.min(old.length, now.length) && old[head] === now[head]) head++;
    let tail = 0;
    while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
    // A word that only went or came is told by its neighbour.
    if (Math.min(old.length, now.length) === head + tail) head = Math.max(0, head - 1);
    const between = (list: readonly string[]) => list.slice(head, list.length - tail).join(" ");
    return [{ old: between(old), new: between(now) }];
  });
}

/** What a person's small edit teaches, in their words and the team's; null when they changed too much to be quoted, or nothing. */
function taughtByEdit(passages: readonly Passage[]): string | null {
  if (passages.length === 0 || passages.length > PASSAGES_MAX) return null;
  const quoted = (text: string) => `“${text.length <= PASSAGE_MAX ? text : `${text.slice(0, PASSAGE_MAX - 1).trimEnd()}…`}”`;
  let statement = "";
  for (const { old, new: now } of passages.slice(0, PASSAGES_QUOTED)) {
    const change =
      old === "" ? `${quoted(now)} was added` : now === "" ? `${quoted(old)} went` : `${quoted(old)} became ${quoted(now)}`;
    const longer = statement === "" ? `A person's edit: ${change}` : `${statement}; ${change}`;
    if (longer.length < LEARNING_MAX_CHARS) statement = longer;
  }
  return statement === "" ? null : `${statement}.`;
}

type Scored = Pick<Deliverable, "id" | "score" | "summary">;

/**
 * What it teaches that a person took another version than the best one by score: what reviewers held against it alone did
 * not count, or else what it is about. Null when the scores are equal, or nothing was written of either.
 */
function taughtByChoice(
  chosen: Scored,
  best: Scored,
  reviews: readonly Pick<Review, "deliverableId" | "reviewer" | "findings">[],
): string | null {
  if (chosen.id === best.id || (chosen.score ?? 0) >= (best.score ?? 0)) return null;
  const problems = (version: Scored) =>
    new Map(
      reviews
        .filter((review) => review.deliverableId === version.id && review.reviewer !== PERSON)
        .flatMap((review) => review.findings.map((entry) => [learningKey(entry.problem), clean(entry.problem)])),
    );
  const shared = problems(best);
  const only = [...problems(chosen)].filter(([key]) => !shared.has(key)).map(([, problem]) => problem);
  if (only.length > 0) {
    let statement = `Preferred by a person, though a reviewer objected: ${cut(only[0] ?? "", 320)}`;
    for (const problem of only.slice(1, 3))
      if (statement.length + problem.length + 2 <= LEARNING_MAX_CHARS) statement += `; ${problem}`;
    return statement;
  }
  const [taken, left] = [clean(chosen.summary ?? ""), clean(best.summary ?? "")];
  if (taken === "" || taken === left) return null;
  return `Preferred by a person: ${cut(taken, 170)}${left === "" ? "" : ` Not: ${cut(left, 170)}`}`;
}

function words(text: string): string[] {
  return clean(text)
    .split(" ")
    .filter((word) => word !== "");
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).trimEnd()}…`;
}
