/** Words for a server's tools, as a person judges them: class, what stands before each, weight, lock. */

import type { ClassifiedTool } from "../tools/classified.ts";
import { oneLine, table, type Styles } from "./output.ts";

const LOCK_WORDS = { same: "", new: "new", changed: "changed" } as const;

/** The tools as a table, the gravest first, and a line of sums. */
export function classifiedText(tools: readonly ClassifiedTool[], { bold, dim, red, yellow, green }: Styles): string {
  if (tools.length === 0) return "It lists no tools.";
  const colour = { auto: green, ask: yellow, deny: red };
  const rows = tools.map((tool) => [
    oneLine(tool.tool, 50),
    tool.byArguments ? `up to ${tool.class}` : tool.class,
    tool.offered ? colour[tool.permission](tool.permission) : dim("off"),
    String(tool.tokens),
    tool.lock === "same" ? "" : yellow(LOCK_WORDS[tool.lock]),
    dim(oneLine(tool.why, 60)),
  ]);
  return `${table([["tool", "class", "use", "tokens", "lock", ""].map(bold), ...rows])}\n\n${classifiedSums(tools)}`;
}

/** How many there are, what they weigh, and what would change by accepting them. */
function classifiedSums(tools: readonly ClassifiedTool[]): string {
  const offered = tools.filter((tool) => tool.offered);
  const weight = (list: readonly ClassifiedTool[]) => list.reduce((sum, tool) => sum + tool.tokens, 0).toLocaleString("en");
  const count = (lock: ClassifiedTool["lock"]) => tools.filter((tool) => tool.lock === lock).length;
  const out = [
    `${tools.length} ${tools.length === 1 ? "tool" : "tools"}, about ${weight(tools)} tokens; offered ${offered.length}, about ${weight(offered)} (bytes by four).`,
  ];
  const [fresh, changed] = [count("new"), count("changed")];
  if (fresh > 0) out.push(`${fresh} not accepted yet.`);
  if (changed > 0)
    out.push(
      `${changed} ${changed === 1 ? "has" : "have"} changed since you accepted ${changed === 1 ? "it" : "them"}: each use is asked.`,
    );
  return out.join(" ");
}
