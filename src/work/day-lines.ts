/** The daily digest in lines: what waits for a person, what yesterday brought and cost, then the figures of the last 30 days. */

import { periods, type Caps } from "../domain/budget.ts";
import { count, duration } from "../domain/quantity.ts";
import { effectsWaiting } from "../store/effect-waiting.ts";
import { goalFigures, questionsOpenAt } from "../store/figures.ts";
import type { Read } from "../store/store.ts";
import { readScorecard, scorecardLines } from "../telemetry/scorecard.ts";
import { moneyOf, windowOf } from "./report-day.ts";

const DAY_MS = 86_400_000;

/** Of real work, as it stands at `at` (UTC ms). Yesterday is the whole UTC day before it. */
export async function dayLines(read: Read, at: number, caps: Pick<Caps, "day" | "month">): Promise<string[]> {
  const questions = await questionsOpenAt(read, at + 1);
  const effects = await effectsWaiting(read);
  const actions = effects.answerable.filter((effect) => !effect.rehearsal);
  const unknown = effects.unknown.filter((effect) => !effect.rehearsal);
  const waits = [
    ...(questions.length > 0 ? [count(questions.length, "question")] : []),
    ...(actions.length > 0 ? [`${count(actions.length, "action")} outside`] : []),
  ];
  const window = windowOf(at - DAY_MS);
  const ended = (await goalFigures(read, { ...window, rehearsal: false })).filter(
    ({ endedAt }) => endedAt !== null && endedAt >= window.from && endedAt < window.to,
  );
  const failed = ended.filter(({ status }) => status === "failed").length;
  const completed = ended.filter(({ status }) => status === "completed").length;
  const { day, month } = periods(window.from);
  // Not "this month": on the first of one, yesterday was in another.
  const { line: money } = await moneyOf(read, window, caps, `in ${month}`);
  // What cannot be measured yet is left out: a row of dashes tells a person nothing.
  const figures = scorecardLines((await readScorecard(read, at + 1)).real, duration).filter(({ value }) => value !== "–");
  return [
    waits.length === 0 ? "Nothing waits for you." : `Waits for you: ${waits.join(", ")} (\`approvals\`).`,
    ...(unknown.length === 0
      ? []
      : [`Nobody knows whether ${count(unknown.length, "action")} outside happened: look there, then answer (\`effects\`).`]),
    `Yesterday, ${day} (UTC): ${count(completed, "goal")} completed${failed > 0 ? `, ${failed} failed` : ""}; ${money}.`,
    "The last 30 days:",
    ...figures.map(({ name, value }) => `- ${name}: ${value}`),
  ];
}
