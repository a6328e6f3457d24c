/** The day's report (UTC), on one screen for a tired person: what waits for them, what was done, what it cost, what went wrong. */

import { periods, type Caps } from "../domain/budget.ts";
import { dollars, nano } from "../domain/money.ts";
import { count, duration } from "../domain/quantity.ts";
import {
  goalFigures,
  goalTurns,
  learningsAdded,
  questionsOpenAt,
  reviewsGiven,
  workEnded,
  type GoalFigures,
  type Window,
} from "../store/figures.ts";
import { outsideUse } from "../store/outside-use.ts";
import { savedByBatches } from "../store/batches.ts";
import { listScopes } from "../store/scopes.ts";
import { listWorks } from "../store/scores.ts";
import type { Read, Store } from "../store/store.ts";
import { readScorecard, scorecardLines } from "../telemetry/scorecard.ts";
import { formatDocument } from "../workspace/document.ts";
import { parseQuote } from "./report-file.ts";
import { outsideOfDay } from "./report-outside.ts";

const DAY_MS = 86_400_000;
const SHOWN = { questions: 5, actions: 5, goals: 6, works: 8, reviewers: 4, outside: 6, learnings: 3, failures: 4 };

/** What triggers did in a window, as their own tables say: so often each. */
export type Happened = { readonly name: string; readonly outcome: string; readonly reason: string | null; readonly n: number };

export type DayOptions = {
  readonly caps: Pick<Caps, "day" | "month">;
  /** Ticks of schedules: `outcome` is `fired` or `skipped`. Null where no scheduler runs. */
  readonly schedules: ((window: Window) => Promise<readonly Happened[]>) | null;
  /** Events from outside: `name` is the type, `outcome` the decision. */
  readonly events: ((window: Window) => Promise<readonly Happened[]>) | null;
};

function dayReportPath(day: string): string {
  return `metrics/${day}-report.md`;
}

/**
 * Writes the report of the UTC day that `at` lies in. `write` is the scribe's: it never goes over a person's edit. Returns
 * the path, or null for a day on which nothing happened. The same state gives the same text.
 */
export async function writeDayReport(
  deps: DayOptions & { readonly store: Pick<Store, "read">; readonly write: (path: string, text: string) => Promise<void> },
  at: number,
): Promise<string | null> {
  const window = windowOf(at);
  const outside = {
    schedules: (await deps.schedules?.(window)) ?? [],
    events: (await deps.events?.(window)) ?? [],
  };
  const report = await deps.store.read((read) => composeDayReport(read, window, { ...deps, ...outside }));
  if (report === null) return null;
  await deps.write(report.path, report.text);
  return report.path;
}

/** The UTC day that an instant belongs to. */
export function windowOf(at: number): Window {
  const from = Date.parse(`${periods(at).day}T00:00:00Z`);
  return { from, to: from + DAY_MS };
}

type Outside = { readonly schedules: readonly Happened[]; readonly events: readonly Happened[] };

export async function composeDayReport(
  read: Read,
  window: Window,
  { caps, schedules, events }: Pick<DayOptions, "caps"> & Outside,
): Promise<{ path: string; text: string } | null> {
  const day = periods(window.from).day;
  const inside = (at: number | null) => at !== null && at >= window.from && at < window.to;
  const goals = await goalFigures(read, { ...window, rehearsal: false });
  const rehearsed = await goalFigures(read, { ...window, rehearsal: true });
  const tasks = await workEnded(read, window);
  const reviews = await reviewsGiven(read, window);
  const open = await questionsOpenAt(read, window.to);
  const outside = await outsideOfDay(read, window);
  const learned = await learningsAdded(read, window);
  const outages = outagesOf(await goalTurns(read, window), window);
  const money = await moneyOf(read, window, caps);
  const used = (await outsideUse(read, { from: day, to: day })).filter(({ calls }) => calls > 0);
  const quiet = [goals, rehearsed, tasks, reviews, learned, schedules, events, outside.lines].every((list) => list.length === 0);
  if (quiet && !outside.asked && outages.goals === 0 && money.day === 0 && !open.some((question) => inside(question.createdAt)))
    return null;

  const works = (await listWorks(read, { rehearsal: false, since: window.from })).filter(
    (work) => work.accepted !== null && inside(work.at),
  );
  const begun = goals.filter((goal) => inside(goal.createdAt)).length;
  const ended = goals.filter((goal) => inside(goal.endedAt));
  const done = tasks.filter((task) => task.status === "done");
  const failed = tasks.filter((task) => task.status === "failed");
  const atOnce = works.filter((work) => work.accepted?.atOnce).length;
  const out: string[] = [`# The team on ${day}`, ""];
  out.push(
    `${count(begun, "goal")} begun, ${ended.filter((goal) => goal.status === "completed").length} completed; ${count(done.length, "deliverable")} accepted${works.length > 0 ? `, ${atOnce} of ${works.length} without a revision` : ""}; ${money.line}.`,
    "",
  );
  const section = (title: string, lines: readonly string[], limit = lines.length) => {
    if (lines.length === 0) return;
    const more = lines.length - limit;
    out.push(
      `## ${title}`,
      "",
      ...lines.slice(0, limit).map((line) => `- ${line}`),
      ...(more > 0 ? [`- and ${more} more`] : []),
      "",
    );
  };
  section("Waits for you", [
    ...limited(
      open.map((entry) => `${oneLine(entry.title)} (since ${periods(entry.createdAt).day}; \`approvals ${entry.id}\`)`),
      SHOWN.questions,
    ),
    ...limited(outside.open.map(oneLine), SHOWN.actions, "more actions: `approvals`"),
  ]);
  section("Went wrong", [
    ...(outages.goals > 0 ? [outages.line] : []),
    ...limited(
      failed.map((task) => `${task.key} (${task.skill}) failed${task.reason === null ? "" : `: ${oneLine(task.reason)}`}`),
      SHOWN.failures,
      "more failures",
    ),
  ]);
  section("Goals", ended.map(goalLine), SHOWN.goals);
  section(
    "Deliverables",
    done.map(
      (task) => `${task.key} (${task.skill})${task.score === null ? "" : `: ${task.score}`}, version ${task.revision + 1}`,
    ),
    SHOWN.works,
  );
  section(
    "Reviews",
    reviews.map(
      (entry) =>
        `${entry.reviewer}: ${entry.n}, mean ${entry.mean.toFixed(1)}, ${entry.revise} sent back, ${entry.reject} rejected`,
    ),
    SHOWN.reviewers,
  );
  section("Actions outside", outside.lines);
  section("Schedules", schedules.map(happenedLine), SHOWN.outside);
  section("Events from outside", events.map(happenedLine), SHOWN.outside);
  section("Used outside", used.map(usedLine), SHOWN.outside);
  section(
    "Learned",
    learned.map((entry) => `${oneLine(entry.statement)} (${entry.skill ?? "all skills"})`),
    SHOWN.learnings,
  );
  const card = await readScorecard(read, window.to);
  section(
    `The last ${card.days} days`,
    scorecardLines(card.real, duration).map(({ name, value }) => `${name}: ${value}`),
  );
  if (rehearsed.length > 0) out.push(`${count(rehearsed.length, "rehearsal")} besides, which are not counted here.`);
  return {
    path: dayReportPath(day),
    text: formatDocument({ day, goals: goals.length, open: open.length + outside.open.length }, out.join("\n")),
  };
}

function goalLine(goal: GoalFigures): string {
  const likely = parseQuote(goal.quote)?.likely ?? 0;
  const quoted = likely > 0 ? ` (quoted ${dollars(nano(likely))})` : "";
  return `${oneLine(goal.title)}: ${goal.status}, ${dollars(goal.spent)}${quoted}, ${duration((goal.endedAt ?? goal.createdAt) - goal.createdAt)}`;
}

function usedLine({ server, calls, units, cost }: Awaited<ReturnType<typeof outsideUse>>[number]): string {
  const parts = [...(units > 0 ? [count(units, "unit")] : []), ...(cost > 0 ? [`${dollars(cost)} at most`] : [])];
  return `${oneLine(server)}: ${[count(calls, "use"), ...parts].join(", ")}`;
}

function happenedLine({ name, outcome, reason, n }: Happened): string {
  return `${oneLine(name)}: ${oneLine(outcome)}${n === 1 ? "" : ` ${n} times`}${reason === null ? "" : `, ${oneLine(reason)}`}`;
}

/** The day's money, and the month's up to that day: later days do not change what a report says. */
export async function moneyOf(
  read: Read,
  window: Window,
  caps: Pick<Caps, "day" | "month">,
  inMonth = "this month",
): Promise<{ day: number; line: string }> {
  const { day, month } = periods(window.from);
  const days = (await listScopes(read, "day", false)).filter((scope) => scope.id.startsWith(month) && scope.id <= day);
  const spent = days.reduce((sum, scope) => sum + scope.spent, 0);
  const today = days.find((scope) => scope.id === day);
  const held = today && today.held > 0 ? ` and ${dollars(today.held)} held` : "";
  const saved = await savedByBatches(read, window);
  const less = saved > 0 ? `, ${dollars(saved)} saved by batches` : "";
  return {
    day: (today?.spent ?? 0) + (today?.held ?? 0),
    line: `${dollars(today?.spent ?? 0)} spent${held} of ${dollars(caps.day + (today?.allowed ?? 0))}, ${dollars(spent)} of ${dollars(caps.month)} ${inMonth}${less}`,
  };
}

/** When the model was away: how many goals waited, and for how long one of them did. */
function outagesOf(
  turns: readonly { at: number; goalId: string; pause: string | null }[],
  window: Window,
): { goals: number; line: string } {
  const since = new Map<string, number>();
  const spans: { from: number; to: number }[] = [];
  const goals = new Set<string>();
  for (const turn of turns) {
    const began = since.get(turn.goalId);
    if (began !== undefined) spans.push({ from: began, to: turn.at });
    since.delete(turn.goalId);
    if (turn.pause !== "model_away") continue;
    since.set(turn.goalId, turn.at);
    goals.add(turn.goalId);
  }
  const still = [...since.values()];
  for (const from of still) spans.push({ from, to: Math.min(window.to, turns.at(-1)?.at ?? from) });
  let away = 0;
  let reached = window.from;
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    away += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  const until = still.length > 0 ? `, and was not back at the last word of ${count(still.length, "goal")}` : "";
  return {
    goals: goals.size,
    line: `the model could not be reached: ${count(goals.size, "goal")} waited${away > 0 ? `, ${duration(away)} in all` : ""}${until}`,
  };
}

function limited(lines: readonly string[], limit: number, more = "more"): string[] {
  return lines.length <= limit ? [...lines] : [...lines.slice(0, limit), `and ${lines.length - limit} ${more}`];
}

/** Titles and reasons come from people and models: one line, no control characters, not endless. */
function oneLine(text: string): string {
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  return line.length <= 120 ? line : `${line.slice(0, 117).replace(/[\ud800-\udbff]$/, "")}…`;
}
