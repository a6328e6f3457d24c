/** The consistency check at a goal's end: finds what its texts say against each other, and sends the wrong side back once. */

import { findContradictions } from "../director/consistency/find.ts";
import { judgeFacts } from "../director/consistency/judge.ts";
import { CONTEXT, type Found, type Text } from "../director/consistency/text.ts";
import type { Contradiction } from "../domain/contradiction.ts";
import type { Deliverable } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Registry } from "../domain/registry.ts";
import type { Finding } from "../domain/review.ts";
import type { Task } from "../domain/task.ts";
import { addContradictions } from "../store/contradictions.ts";
import { insertReview } from "../store/deliverables.ts";
import { enterTask } from "../store/leases.ts";
import { graphOf, moveTask, needTask, tasksOfGoal } from "../store/tasks.ts";
import { finishTask, nextRevision } from "./engine.ts";
import { currentVersion } from "./inputs.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

/** Who objects in a review of this kind. */
export const CONSISTENCY = "consistency";

type Piece = { readonly task: Task; readonly version: Deliverable; readonly text: Text };

export async function runCheck(team: Team, job: Job): Promise<void> {
  const { goal, context, task, lease, signal } = job;
  const pieces = await finishedPieces(team, goal.id);
  const compared = textsOf(pieces, context);
  const left = pieces.length - compared.filter((text) => text.name !== CONTEXT).length;
  const byCode = findContradictions(compared);
  const stated = pieces.map(({ text, version }) => ({ text, facts: version.facts }));
  const judged = await judgeFacts(team.journal, team.registry, { goal, context, stated, suspected: byCode, lease }, signal);
  if (judged?.kind === "stopped") return stopTask(team.store, lease, judged);
  const read = judged?.kind === "decided" ? judged.value : null;
  const byReader = read?.found ?? [];
  // Rules take two things for one now and then: a text is sent back for what a reader confirms. Without a reader the report tells.
  const suspected = read ? read.confirmed : byCode;
  // What code has found is not said twice.
  const fresh = byReader.filter((entry) => !suspected.some((other) => samePlace(entry, other)));
  const found = [
    ...suspected.map((entry) => ({ ...entry, foundBy: "code" as const })),
    ...fresh.map((entry) => ({ ...entry, foundBy: "model" as const })),
  ];
  const byName = new Map(pieces.map((piece) => [piece.text.name, piece]));
  await team.store.write(
    "goal.check",
    async (tx) => {
      const { task: held } = await enterTask(tx, lease);
      const kept: Omit<Contradiction, "createdAt">[] = found.flatMap((entry) => {
        const piece = byName.get(entry.wrong.name);
        if (!piece) return [];
        return [
          {
            id: newId("con"),
            goalId: goal.id,
            kind: entry.kind,
            subject: entry.subject,
            foundBy: entry.foundBy,
            wrongTaskId: piece.task.id,
            wrongQuote: entry.wrong.quote,
            rightSource: entry.right.name,
            rightQuote: entry.right.quote,
            note: entry.note,
            status: "open",
          },
        ];
      });
      await addContradictions(tx, kept);
      const back: string[] = [];
      for (const { task: wrong, version } of pieces) {
        const against = kept.filter((entry) => entry.wrongTaskId === wrong.id);
        // A person's own words are not rewritten: the report says what stands against them.
        if (against.length === 0 || version.origin === "person" || !read) continue;
        await insertReview(tx, goal.id, {
          id: newId("rev"),
          taskId: wrong.id,
          deliverableId: version.id,
          revision: version.revision,
          reviewer: CONSISTENCY,
          verdict: "REVISE",
          score: null,
          scores: [],
          findings: against.map(findingOf),
        });
        const revision = await nextRevision(tx, wrong);
        const why = `contradicts ${[...new Set(against.map((entry) => entry.rightSource))].join(", ")}`;
        await moveTask(tx, await needTask(tx, wrong.id), "ready", { revision, attempts: 0, reason: why, runAt: tx.now });
        tx.emit({ type: "task.returned", goalId: goal.id, taskId: wrong.id, revision, why }, { rehearsal: goal.rehearsal });
        tx.emit({ type: "task.ready", goalId: goal.id, taskId: wrong.id, revision }, { rehearsal: goal.rehearsal });
        back.push(wrong.key);
      }
      tx.emit(
        { type: "texts.compared", goalId: goal.id, taskId: task.id, contradictions: kept.length, sentBack: back },
        { rehearsal: goal.rehearsal },
      );
      await finishTask(tx, held, { reason: noteOf(kept.length, back, judged, left) }, goal.rehearsal);
    },
    { lazy: true },
  );
}

/** Which of a task's open contradictions a new version of it has settled: code finds them no more, and the quoted words are gone. */
export async function settledBy(
  team: Team,
  job: Job,
  open: readonly Contradiction[],
  version: Deliverable,
): Promise<readonly Contradiction[]> {
  const pieces = await finishedPieces(team, job.goal.id, job.task.id);
  const all = await allTasks(team, job.goal.id);
  const text = { name: job.task.key, rank: rankOf(team.registry, all, job.task), body: version.body };
  const still = findContradictions([...textsOf(pieces, job.context), text]).filter((entry) => entry.wrong.name === text.name);
  return open.filter(
    (entry) =>
      !version.body.includes(entry.wrongQuote) &&
      !still.some(
        (other) => other.kind === entry.kind && other.subject === entry.subject && other.right.name === entry.rightSource,
      ),
  );
}

/** So many characters are compared by rules: it happens in one go, and nothing else runs meanwhile. The texts that count most come first. */
const COMPARED_MAX_CHARS = 150_000;

function textsOf(pieces: readonly Piece[], context: ProductContext | null): Text[] {
  let left = COMPARED_MAX_CHARS - (context?.body.length ?? 0);
  const texts = pieces.map((piece) => piece.text).sort((a, b) => a.rank - b.rank);
  const compared = texts.filter(({ body }) => (left -= body.length) >= 0);
  return [...(context ? [{ name: CONTEXT, rank: -1, body: context.body }] : []), ...compared];
}

async function finishedPieces(team: Team, goalId: string, except: string | null = null): Promise<Piece[]> {
  const all = await allTasks(team, goalId);
  const pieces: Piece[] = [];
  for (const task of all.tasks) {
    if (task.kind !== "work" || task.skill === DIRECTOR || task.deliverableId === null || task.id === except) continue;
    const version = await currentVersion(team, task);
    if (version)
      pieces.push({ task, version, text: { name: task.key, rank: rankOf(team.registry, all, task), body: version.body } });
  }
  return pieces;
}

type All = { readonly tasks: readonly Task[]; readonly depth: ReadonlyMap<string, number> };

async function allTasks(team: Team, goalId: string): Promise<All> {
  return team.store.read(async (read) => {
    const tasks = await tasksOfGoal(read, goalId);
    const graph = await graphOf(read, goalId);
    const needs = Map.groupBy(graph, (edge) => edge.taskId);
    const depth = new Map<string, number>();
    const depthOf = (id: string): number => {
      const known = depth.get(id);
      if (known !== undefined) return known;
      const own = Math.max(0, ...(needs.get(id) ?? []).map((edge) => depthOf(edge.needId) + 1));
      depth.set(id, own);
      return own;
    };
    for (const task of tasks) depthOf(task.id);
    return { tasks, depth };
  });
}

/** By the order of sources in skills.yaml, then by what builds on what, then by age. */
function rankOf(registry: Registry, { tasks, depth }: All, task: Task): number {
  const squad = registry.skills.get(task.skill)?.squad;
  const { precedence } = registry;
  const place = precedence.findIndex((name) => name === task.skill || name === squad);
  const source = place === -1 ? precedence.length : place;
  return source * 1e6 + (depth.get(task.id) ?? 0) * 1e3 + tasks.indexOf(task);
}

function samePlace(a: Found, b: Found): boolean {
  return a.wrong.name === b.wrong.name && (a.wrong.quote.includes(b.wrong.quote) || b.wrong.quote.includes(a.wrong.quote));
}

function findingOf(entry: Omit<Contradiction, "createdAt">): Finding {
  const source = entry.rightSource === CONTEXT ? "the product context" : entry.rightSource;
  return {
    severity: "major",
    quote: entry.wrongQuote,
    problem:
      `This contradicts ${source} (${entry.kind}: ${entry.subject}), which says: "${entry.rightQuote}". ${entry.note}`.trim(),
    request: `Say it as ${source} does, here and wherever else this text says it. Change nothing else.`,
  };
}

function noteOf(count: number, back: readonly string[], judged: Awaited<ReturnType<typeof judgeFacts>>, left: number): string {
  const reader = judged?.kind === "unreadable" ? `; the reader's reply could not be used (${judged.detail})` : "";
  const rest = left > 0 ? `; ${left} of the texts not compared by rules, for their length` : "";
  if (count === 0) return `no contradictions${reader}${rest}`;
  const sent = back.length > 0 ? `, sent back: ${back.join(", ")}` : "";
  return `${count} ${count === 1 ? "contradiction" : "contradictions"}${sent}${reader}${rest}`;
}
