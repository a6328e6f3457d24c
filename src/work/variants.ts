/** Several versions of one task: made side by side from different angles, compared in pairs, the best handed in. */

import { compareTexts, type Comparison } from "../director/compare/compare.ts";
import { pairsOf, rankingOf, type Ranking } from "../director/compare/ranking.ts";
import { structureFindings } from "../director/review/structure.ts";
import type { Registry, Skill } from "../domain/registry.ts";
import type { Stopped } from "../journal/outcome.ts";
import { enterTask } from "../store/leases.ts";
import { addVariants, variantsOf, type Variant } from "../store/variants.ts";
import { make, type Made } from "./executor.ts";
import type { Make } from "./make-spec.ts";
import type { Job, Team } from "./team.ts";

/** What became of each version, and what the choice may teach. */
export type Chosen = {
  readonly outcomes: readonly { readonly variant: Variant; readonly outcome: Variant["outcome"]; readonly note: string }[];
  readonly learning: string | null;
};

type Handed = Extract<Made, { kind: "made" }>;

/** The best of a task's versions, or why there is none. After a crash stored versions and comparisons are read back, not paid again. */
export async function makeVariants(
  team: Team,
  job: Job,
  asks: Make,
): Promise<(Handed & { chosen: Chosen }) | Exclude<Made, Handed>> {
  const variants = await storedVariants(team, job, asks);
  if (!Array.isArray(variants)) return variants;
  const sections = team.registry.skills.get(job.task.skill)?.sections ?? [];
  const faults = new Map(
    variants.map((entry) => [
      entry.variant,
      structureFindings({ body: entry.body, requiredSections: sections, secrets: team.secrets }),
    ]),
  );
  const sound = variants.filter((entry) => faults.get(entry.variant)?.length === 0);
  // When none is sound, the first goes the way of a single version: back to its maker with what is wrong.
  const running = sound.length > 0 ? sound : variants.slice(0, 1);
  const comparisons = await compareAll(team, job, running);
  if (!Array.isArray(comparisons)) return comparisons;
  const ranking = rankingOf(running.map(nameOf), comparisons);
  const winner = running.find((entry) => nameOf(entry) === ranking.winner) ?? running[0];
  if (!winner) return { kind: "unusable", why: "empty", detail: "no version came" };
  const outcomes = variants.map((variant) => {
    if (variant === winner) return { variant, outcome: "winner" as const, note: ranking.reason };
    if (!running.includes(variant))
      return { variant, outcome: "out" as const, note: faults.get(variant.variant)?.[0]?.problem ?? "" };
    return { variant, outcome: "loser" as const, note: noteOf(variant, comparisons) };
  });
  return {
    kind: "made",
    body: winner.body,
    missing: [...winner.missing],
    warnings: [...winner.warnings],
    answers: [],
    model: winner.model,
    chosen: { outcomes, learning: running.length > 1 ? taught(ranking, winner) : null },
  };
}

const nameOf = (variant: Variant) => `v${variant.variant}`;

async function storedVariants(team: Team, job: Job, asks: Make): Promise<Variant[] | Exclude<Made, Handed>> {
  const { task, lease, signal } = job;
  const ofRevision = (list: readonly Variant[]) => list.filter((entry) => entry.revision === task.revision);
  const stored = ofRevision(await team.store.read((read) => variantsOf(read, task.id)));
  if (stored.length > 0) return stored;
  const angles = anglesOf(team.registry, asks.skill, task.variants);
  const made = await Promise.all(
    angles.map((angle, i) => make(team, { ...asks, variant: { number: i + 1, of: angles.length, angle } }, signal)),
  );
  const stopped = made.find((entry) => entry.kind === "stopped");
  if (stopped) return stopped;
  const variants = made.flatMap((entry, i): Variant[] =>
    entry.kind === "made"
      ? [
          {
            taskId: task.id,
            revision: task.revision,
            variant: i + 1,
            angle: angles[i] ?? "",
            body: entry.body,
            missing: entry.missing,
            warnings: entry.warnings,
            model: entry.model,
            outcome: "open",
            note: "",
          },
        ]
      : [],
  );
  // One that did not come is done without; none is no version.
  const failed = made.find((entry) => entry.kind === "unusable");
  if (variants.length === 0 && failed) return failed;
  await team.store.write(
    "variants.keep",
    async (tx) => {
      await enterTask(tx, lease);
      await addVariants(tx, variants);
    },
    { lazy: true },
  );
  return variants;
}

/** What each version puts first: the criteria of the skill's rubric in order of weight. */
function anglesOf(registry: Registry, skill: Skill, count: number): string[] {
  const criteria = [...(registry.rubrics.get(skill.rubric)?.criteria ?? [])].sort((a, b) => b.weight - a.weight);
  return Array.from({ length: count }, (_, i) => {
    const criterion = criteria[i % Math.max(1, criteria.length)];
    return criterion
      ? `Put first: ${criterion.asks} At its best: ${criterion.high}`
      : `Version ${i + 1}: take a way of your own.`;
  });
}

async function compareAll(
  team: Team,
  { goal, context, task, lease, signal }: Job,
  variants: readonly Variant[],
): Promise<Comparison[] | Stopped> {
  const decisions = await Promise.all(
    pairsOf(variants).map(([a, b]) =>
      compareTexts(
        team.journal,
        team.registry,
        {
          goal,
          context,
          task,
          key: { goalId: goal.id, subject: task.id, revision: task.revision },
          a: { name: nameOf(a), body: a.body },
          b: { name: nameOf(b), body: b.body },
          lease,
        },
        signal,
      ).then((decision) => ({ decision, a, b })),
    ),
  );
  const comparisons: Comparison[] = [];
  for (const { decision, a, b } of decisions) {
    if (decision.kind === "stopped") return decision;
    // A comparison that cannot be read prefers nobody.
    comparisons.push(
      decision.kind === "decided"
        ? decision.value
        : { a: nameOf(a), b: nameOf(b), winner: null, by: "equal", reason: `the comparison could not be read (${decision.why})` },
    );
  }
  return comparisons;
}

function noteOf(variant: Variant, comparisons: readonly Comparison[]): string {
  const lost = comparisons.find(
    (entry) => entry.winner !== null && entry.winner !== nameOf(variant) && [entry.a, entry.b].includes(nameOf(variant)),
  );
  return lost?.reason ?? comparisons.find((entry) => [entry.a, entry.b].includes(nameOf(variant)))?.reason ?? "";
}

/** A choice that held teaches something; a tie does not. */
function taught(ranking: Ranking, winner: Variant): string | null {
  return ranking.clear
    ? `Of several versions the one that won was built round "${winner.angle.replace(/^Put first: /, "").split("?")[0]}?": ${ranking.reason}`
    : null;
}
