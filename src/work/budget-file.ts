/** The day's budget as a document: what was spent, held and allowed, and on what. Real money only. */

import { periods, shareUsed, budgetLevel, type Caps } from "../domain/budget.ts";
import { dollars } from "../domain/money.ts";
import { listCalls, spendingSince, type Spending } from "../store/calls.ts";
import { listScopes } from "../store/scopes.ts";
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
  const since = Date.parse(`${day}T00:00:00Z`);
  const spending = await spendingSince(read, since);
  if (spending.length === 0) return null;
  const line = async (kind: "day" | "month", id: string, cap: number) => {
    const row = (await listScopes(read, kind, false)).find((scope) => scope.id === id) ?? { spent: 0, held: 0, allowed: 0 };
    const share = shareUsed({ ...row, cap });
    return `| ${kind} ${id} | ${dollars(row.spent)} | ${dollars(row.held)} | ${dollars(cap)} | ${dollars(row.allowed)} | ${Math.floor(share * 100)} % | ${budgetLevel(share)} |`;
  };
  const total = (rows: readonly Spending[], what: "cost" | "calls") => rows.reduce((sum, row) => sum + row[what], 0);
  const sums = (name: (row: Spending) => string) =>
    [...Map.groupBy(spending, name)]
      .map(([key, rows]) => ({ key, count: total(rows, "calls"), cost: total(rows, "cost") }))
      .sort((a, b) => b.cost - a.cost || (a.key < b.key ? -1 : 1))
      .map(({ key, count, cost }) => `- ${key}: ${dollars(cost)} in ${count} ${count === 1 ? "call" : "calls"}`);
  const lost = (await listCalls(read, { since, state: "unknown" })).filter((call) => !call.rehearsal);
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
    ...sums((row) => row.title ?? row.goalId),
    "",
    "## By skill",
    "",
    ...sums((row) => row.skill ?? "the Director"),
    "",
    "## By model",
    "",
    ...sums((row) => row.model),
    ...(lost.length > 0
      ? [
          "",
          "## Lost answers",
          "",
          ...lost.map((call) => `- ${call.id}: ${dollars(call.hold)} held until it is settled (\`costs --settle\`)`),
        ]
      : []),
  ];
  return { path: budgetPath(day), text: formatDocument({ day, calls: total(spending, "calls") }, body.join("\n")) };
}
