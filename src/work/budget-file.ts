/** The day's budget as a document: what was spent, held and allowed, and on what. Real money only. */

import { periods, shareUsed, budgetLevel, type Caps } from "../domain/budget.ts";
import { dollars } from "../domain/money.ts";
import { listCalls } from "../store/calls.ts";
import { listScopes } from "../store/scopes.ts";
import { getGoal } from "../store/goals.ts";
import type { Read } from "../store/store.ts";
import { formatDocument } from "../workspace/document.ts";

export function budgetPath(day: string): string {
  return `metrics/${day}-budget.md`;
}

/** The document of the day (UTC) that `read.now` belongs to; null when no real call was made on it. */
export async function composeBudget(
  read: Read,
  caps: Pick<Caps, "day" | "month">,
): Promise<{ path: string; text: string } | null> {
  const { day, month } = periods(read.now);
  const calls = (await listCalls(read, { since: Date.parse(`${day}T00:00:00Z`) })).filter((call) => !call.rehearsal);
  if (calls.length === 0) return null;
  const line = async (kind: "day" | "month", id: string, cap: number) => {
    const row = (await listScopes(read, kind, false)).find((scope) => scope.id === id) ?? { spent: 0, held: 0, allowed: 0 };
    const share = shareUsed({ ...row, cap });
    return `| ${kind} ${id} | ${dollars(row.spent)} | ${dollars(row.held)} | ${dollars(cap)} | ${dollars(row.allowed)} | ${Math.floor(share * 100)} % | ${budgetLevel(share)} |`;
  };
  const sums = (name: (call: (typeof calls)[number]) => string) => {
    const groups = Map.groupBy(calls, name);
    return [...groups]
      .map(([key, list]) => ({ key, count: list.length, cost: list.reduce((sum, call) => sum + call.cost, 0) }))
      .sort((a, b) => b.cost - a.cost || (a.key < b.key ? -1 : 1))
      .map(({ key, count, cost }) => `- ${key}: ${dollars(cost)} in ${count} ${count === 1 ? "call" : "calls"}`);
  };
  const titles = new Map<string, string>();
  for (const id of new Set(calls.map((call) => call.goalId))) titles.set(id, (await getGoal(read, id))?.title ?? id);
  const lost = calls.filter((call) => call.state === "unknown");
  const body = [
    `# Budget of ${day}`,
    "",
    "| period (UTC) | spent | held | cap | allowed on top | used | level |",
    "|---|---|---|---|---|---|---|",
    await line("day", day, caps.day),
    await line("month", month, caps.month),
    "",
    "## By goal",
    "",
    ...sums((call) => titles.get(call.goalId) ?? call.goalId),
    "",
    "## By skill",
    "",
    ...sums((call) => call.skill ?? "the Director"),
    "",
    "## By model",
    "",
    ...sums((call) => call.model),
    ...(lost.length > 0
      ? [
          "",
          "## Lost answers",
          "",
          ...lost.map((call) => `- ${call.id}: ${dollars(call.hold)} held until it is settled (\`costs --settle\`)`),
        ]
      : []),
  ];
  return { path: budgetPath(day), text: formatDocument({ day, calls: calls.length }, body.join("\n")) };
}
