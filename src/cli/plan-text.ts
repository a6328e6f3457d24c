/** A plan and its quote as text for a person. */

import { dollars, nano, type Nano } from "../domain/money.ts";
import type { GoalResult } from "../domain/result.ts";
import { oneLine } from "./output.ts";

export function planText(result: GoalResult, cap: Nano): string {
  const out = [`Plan: ${oneLine(result.title, 120)}`, ""];
  for (const phase of result.plan.phases) {
    const quoted = result.quote?.phases.find((entry) => entry.name === phase.name);
    out.push(`${phase.name}${quoted ? `  ${range(quoted)}` : ""}`);
    for (const task of phase.tasks) {
      const needs = task.needs.length > 0 ? `  after ${task.needs.join(", ")}` : "";
      const name = task.key === task.skill ? task.key : `${task.key} (${task.skill})`;
      out.push(`  ${name}${needs}`, `    ${oneLine(task.brief, 140)}`);
    }
    if (phase.gate) out.push("  gate: the Director reads what came in before the work behind it goes on");
    out.push("");
  }
  const { quote } = result;
  if (quote) {
    const basis = quote.basis === "history" ? "from your own runs" : "from shipped estimates, until you have runs of your own";
    out.push(
      `Quote: likely ${usd(quote.likely)}, between ${usd(quote.low)} and ${usd(quote.high)} (${basis}). Cap of this goal: ${dollars(cap)}.`,
    );
    if (nano(quote.likely) > cap)
      out.push("The likely cost is above the cap: the goal would stop and ask. Raise it with --budget.");
  }
  if (result.missingInputs.length > 0)
    out.push("", "Missing:", ...result.missingInputs.map((line) => `  - ${oneLine(line, 140)}`));
  out.push(
    "",
    result.rehearsal ? "Rehearsal: no model made this plan." : `Planning cost ${usd(result.costUsd)}.`,
    "Dry run: nothing was executed.",
  );
  return out.join("\n");
}

const usd = (value: number) => dollars(nano(value));
const range = (band: { low: number; high: number }) => `${usd(band.low)} to ${usd(band.high)}`;
