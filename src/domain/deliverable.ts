/** A deliverable: one version of what a task handed in. All versions are kept. */

import { z } from "zod";

/** What the next agents and the consistency check need to know of an approved text, without reading it whole. */
export const fact = z.object({
  kind: z.enum(["offer", "price", "plan_name", "date", "product_name", "audience", "cta", "claim", "other"]),
  subject: z.string(),
  value: z.string(),
  /** The words of the deliverable that say so. */
  quote: z.string(),
});
export type Fact = z.infer<typeof fact>;

export type Deliverable = {
  readonly id: string;
  readonly taskId: string;
  readonly goalId: string;
  readonly revision: number;
  readonly origin: "agent" | "person";
  readonly skill: string;
  readonly body: string;
  /** SHA-256 of the body. */
  readonly hash: string;
  readonly missing: readonly string[];
  readonly warnings: readonly string[];
  readonly score: number | null;
  readonly summary: string | null;
  readonly facts: readonly Fact[];
  readonly createdAt: number;
};

export function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** Splits an agent's reply into the deliverable and its handoff note (missing inputs, assumptions). No note, no harm. */
export function readHandoff(reply: string): { body: string; missing: string[]; warnings: string[] } {
  const match = /\n?<handoff>([\s\S]*?)(?:<\/handoff>|$)\s*$/.exec(reply);
  const body = (match ? reply.slice(0, match.index) : reply).trim();
  const missing: string[] = [];
  const warnings: string[] = [];
  let list: string[] | null = null;
  for (const line of (match?.[1] ?? "").split("\n")) {
    const heading = /^\s*(missing|assumed|assumptions|warnings?)\s*:\s*(.*)$/i.exec(line);
    const item = /^\s*[-*]\s+(.*\S)/.exec(line);
    if (heading) {
      list = heading[1]?.toLowerCase() === "missing" ? missing : warnings;
      const rest = heading[2]?.trim();
      if (rest && !/^none\.?$/i.test(rest)) list.push(rest);
    } else if (item?.[1] && list && !/^none\.?$/i.test(item[1])) list.push(item[1]);
  }
  // A marked placeholder in the text is a missing input too, said by the text itself.
  for (const [, needed] of body.matchAll(/\[NEEDS:\s*([^\]\n]{1,200})\]/g))
    if (needed && !missing.includes(needed.trim())) missing.push(needed.trim());
  for (const [, claim] of body.matchAll(/\[UNVERIFIED:\s*([^\]\n]{1,300})\]/g))
    if (claim) warnings.push(`unverified: ${claim.trim()}`);
  return { body, missing, warnings };
}
