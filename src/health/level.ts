/** How the team feels: facts about queue, store, budget, model, workspace and disk become one level and its reasons. */

import type { z } from "zod";
import type { BudgetLevel } from "../domain/budget.ts";
import type { healthLevel } from "../domain/result.ts";
import type { Link } from "../queue/queue.ts";

/** From "everything works" to "nothing can be saved". */
export type HealthLevel = z.infer<typeof healthLevel>;

export type HealthFacts = {
  /** Why the store cannot be used, or null when it can. */
  readonly storeProblem: string | null;
  /** Whether the queue's server answers; null where the queue lives in the process or nobody asked. */
  readonly queue: Link | null;
  /** The worst level of the caps of today and this month, of real work. */
  readonly budget: BudgetLevel;
  /** Whether so many caps were hit in a row that new work has stopped. */
  readonly capsHit: boolean;
  /** Real goals that are paused because the model could not be reached. */
  readonly modelAway: number;
  /** Why documents cannot be written, or null when they can. */
  readonly workspaceProblem: string | null;
  /** Bytes that are free where the workspace lies; null when nobody can say. */
  readonly diskFree: number | null;
};

const MEGABYTE = 1024 * 1024;
/** A goal writes a few megabytes; below this the next one is at risk. */
const DISK_LOW = 256 * MEGABYTE;
/** Below this a commit may fail at any moment. */
const DISK_FULL = 32 * MEGABYTE;

const ORDER: readonly HealthLevel[] = ["full", "limited", "minimal", "offline"];

/**
 * `limited`: some work waits or is done differently. `minimal`: what there is can be read, new work stops. `offline`:
 * nothing can be saved. The worst finding decides; the reasons are sentences, worst first, none when the level is full.
 */
export function assessHealth(facts: HealthFacts): { level: HealthLevel; reasons: string[] } {
  const found: { level: HealthLevel; reason: string }[] = [];
  const find = (level: HealthLevel, reason: string) => found.push({ level, reason });
  if (facts.storeProblem !== null) find("offline", `the store cannot be used: ${facts.storeProblem}`);
  if (facts.workspaceProblem !== null) find("minimal", `documents cannot be written: ${facts.workspaceProblem}`);
  if (facts.diskFree !== null && facts.diskFree < DISK_LOW) {
    const free = `${Math.floor(facts.diskFree / MEGABYTE)} MB are free on the disk`;
    if (facts.diskFree < DISK_FULL) find("minimal", `only ${free}: saving may fail, make room`);
    else find("limited", `only ${free}: make room`);
  }
  if (facts.budget === "exhausted")
    find(
      "minimal",
      "the budget is used up: nothing new is started until a person allows an amount (`approvals`), or the next day or month begins (UTC)",
    );
  if (facts.capsHit)
    find(
      "minimal",
      "too many caps were hit in a row: nothing new is started until a person allows an amount (`costs` shows where it went, `approvals` what waits)",
    );
  if (facts.budget === "critical") find("limited", "95 % of the budget is used: only P0 goals work, on cheaper models");
  if (facts.budget === "tight") find("limited", "90 % of the budget is used: only P0 and P1 goals work");
  if (facts.queue && !facts.queue.up)
    find(
      "limited",
      `the queue's server does not answer since ${stamp(facts.queue.since)}${facts.queue.why === null ? "" : ` (${facts.queue.why})`}: work is found in the store, a little later`,
    );
  if (facts.modelAway === 1) find("limited", "a goal waits because the model could not be reached");
  if (facts.modelAway > 1) find("limited", `${facts.modelAway} goals wait because the model could not be reached`);
  found.sort((a, b) => ORDER.indexOf(b.level) - ORDER.indexOf(a.level));
  return { level: found[0]?.level ?? "full", reasons: found.map((entry) => entry.reason) };
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
