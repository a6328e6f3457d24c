/** The evals' report for people, at most 100 columns wide. */

import { dollars, nano } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import type { EvalsReport, LiveResult } from "../evals/report.ts";
import type { Share, Tally } from "../evals/score.ts";
import { columns, indent } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";

const CONFUSIONS_SHOWN = 8;
const WIDTH = 100;
const NOT_RUN = "not run";

export function evalsText(report: EvalsReport, live: LiveResult | null, style: Styles): string {
  const parts = [
    ...(report.routing ? [routingText(report.routing, style)] : []),
    ...(report.quality ? [qualityText(report.quality, style)] : []),
  ];
  if (parts.length === 0) parts.push("There are no evals. docs/evals.md says how to add some.");
  if (report.without.length > 0)
    parts.push(style.dim(oneLine(`Without evals, not measured: ${report.without.join(", ")}.`, WIDTH)));
  if (live) parts.push(liveText(live, style));
  return parts.join("\n\n");
}

function routingText(
  { requests, nearMisses, lexical, model }: NonNullable<EvalsReport["routing"]>,
  { bold, dim }: Styles,
): string {
  const row = (name: string, score: typeof model.score) => [
    name,
    score ? shareText(score.all) : NOT_RUN,
    score?.nearMisses ? shareText(score.nearMisses) : score ? "none" : NOT_RUN,
  ];
  const rows = [
    [dim("right skill first"), dim("all"), dim("near-misses")],
    row(`${lexical.method}, no model`, lexical.score),
    row(model.model, model.score),
  ];
  const out = [bold(`Routing: ${count(requests, "request")}, ${nearMisses} of them near-misses`), indent(columns(rows, []))];
  out.push(indent(originText(model, "request", dim)));
  out.push(...missText(lexical.method, lexical.score, dim), ...(model.score ? missText(model.model, model.score, dim) : []));
  return out.join("\n");
}

type RoutingScore = NonNullable<EvalsReport["routing"]>["lexical"]["score"];

function missText(name: string, { confusions, worst }: RoutingScore, dim: (text: string) => string): string[] {
  if (worst === null) return [];
  const shown = confusions.slice(0, CONFUSIONS_SHOWN);
  const rest = confusions.length - shown.length;
  return [
    `  ${name}: worst is ${worst.skill} (${worst.right} of ${worst.of}); wanted → given:`,
    indent(
      columns(
        shown.map(({ wanted, given, count: n }) => [String(n), `${wanted} → ${given ?? "no answer"}`]),
        [0],
      ),
      "    ",
    ),
    ...(rest > 0 ? [dim(`    and ${count(rest, "other pair")}`)] : []),
  ];
}

function qualityText(quality: NonNullable<EvalsReport["quality"]>, { bold, dim }: Styles): string {
  const head = ["skill", "briefs", "with", "without", "difference", "checks with/without", "cost"].map(dim);
  const rows = quality.skills.map((entry) => {
    const briefs = entry.counted === entry.briefs ? String(entry.briefs) : `${entry.counted} of ${entry.briefs}`;
    if (!entry.with || !entry.without) return [entry.skill, briefs, NOT_RUN];
    return [
      ...[entry.skill, briefs, tallyText(entry.with.assertions), tallyText(entry.without.assertions)],
      ...[pointsText(entry.difference ?? 0), `${tallyText(entry.with.checks)} / ${tallyText(entry.without.checks)}`],
      entry.costUsd === null ? "" : dollars(nano(entry.costUsd)),
    ];
  });
  const out = [bold(`Quality: ${count(quality.briefs, "brief")}, judged by ${quality.judge}; assertions passed`)];
  // A table of "not run" says nothing that one line does not.
  if (quality.counted > 0) out.push(indent(columns([head, ...rows], [1])));
  const { overall } = quality;
  if (overall) {
    const { mean, low, high, of } = overall.difference;
    const interval =
      low === null || high === null ? "too few briefs for an interval" : `${pointsText(low)} to ${pointsText(high)}`;
    out.push(`  with the playbook ${shareText(overall.with.assertions)}, without ${shareText(overall.without.assertions)}`);
    out.push(`  difference ${pointsText(mean)} points over ${count(of, "brief")} (${interval})`);
  }
  out.push(indent(originText(quality, "brief", dim)));
  return out.join("\n");
}

type Origin = Pick<
  NonNullable<EvalsReport["quality"]>,
  "counted" | "stale" | "rehearsed" | "notRun" | "costUsd" | "from" | "to" | "endpoints"
>;

/** What the numbers stand on, and what they leave out. */
function originText(of: Origin, what: string, dim: (text: string) => string): string {
  const out: string[] = [];
  if (of.counted > 0) {
    const when = of.from === of.to ? (of.from ?? "") : `${of.from} to ${of.to}`;
    const cost = of.costUsd === null ? "" : `, ${dollars(nano(of.costUsd))}`;
    out.push(`${count(of.counted, what)} counted, recorded ${when}${cost}`);
  }
  if (of.endpoints.length > 0) out.push(`recorded at ${of.endpoints.join(", ")}, not at Anthropic's own address`);
  if (of.stale > 0) out.push(`${of.stale} stale: not counted, their texts or the model changed since`);
  if (of.rehearsed > 0) out.push(`${of.rehearsed} rehearsed: not counted`);
  if (of.notRun > 0) out.push(`${of.notRun} not run`);
  if (of.counted === 0 && out.length > 0) out.push("no result: run `evals --live`");
  return dim(out.join("\n"));
}

function liveText(live: LiveResult, { bold, red }: Styles): string {
  const done = `${count(live.requests, "request")} and ${count(live.briefs, "brief")} recorded`;
  const money = `${dollars(nano(live.spentUsd))} of ${dollars(nano(live.budgetUsd))}`;
  const out = [bold(live.rehearsal ? `Rehearsal: ${done}, nothing spent, nothing counted` : `Live: ${done}, ${money}`)];
  if (live.recordings !== null) out.push(`  recordings: ${live.recordings}`);
  for (const { what, detail } of live.failures) out.push(red(oneLine(`  not usable: ${what}: ${detail}`, WIDTH)));
  if (live.failures.length > 0)
    out.push("  Such an answer is kept in the store and would come again: another --workspace asks anew.");
  if (live.stopped !== null)
    out.push(
      `  stopped: ${oneLine(live.stopped, WIDTH * 2)}`,
      "  The same command goes on from here; what was paid for is not paid again.",
    );
  return out.join("\n");
}

function shareText({ right, of, share, low, high }: Share): string {
  return `${percent(share)} % (${percent(low)} to ${percent(high)}), ${right} of ${of}`;
}

function tallyText({ passed, of }: Tally): string {
  return `${passed}/${of}`;
}

function pointsText(share: number): string {
  return `${share > 0 ? "+" : ""}${percent(share)}`;
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}
