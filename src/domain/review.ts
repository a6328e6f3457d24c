/** A review: scores with evidence from the model; the overall score and the verdict from weights and thresholds, in code. */

import { z } from "zod";
import { fact, type FindingAnswer } from "./deliverable.ts";

export const VERDICTS = ["APPROVE", "REVISE", "REJECT"] as const;
export const verdict = z.enum(VERDICTS);
export type Verdict = z.infer<typeof verdict>;

export const severity = z.enum(["blocker", "major", "minor"]);

export const finding = z.object({
  severity,
  /** Words of the deliverable, verbatim; empty when something is absent. */
  quote: z.string(),
  problem: z.string().min(1),
  /** What to change, concretely. */
  request: z.string(),
});
export type Finding = z.infer<typeof finding>;

/** A finding as the maker of the next version gets it: under a name to answer to, and with who asked. */
export type Asked = Finding & { readonly id: string; readonly reviewer: string };

/** All findings on one version, of every reviewer, as one list of requests: F1, F2, … */
export function askedOf(reviews: readonly Pick<Review, "reviewer" | "findings">[]): Asked[] {
  return reviews
    .flatMap(({ reviewer, findings }) => findings.map((entry) => ({ ...entry, reviewer })))
    .map((entry, i) => ({ id: `F${i + 1}`, ...entry }));
}

/** The maker's answers ("F1: done", "F2: declined, because …") put to what was asked. Refusing without a reason is no answer. */
export function answersTo(asked: readonly Asked[], lines: readonly string[]): FindingAnswer[] {
  const given = new Map<string, { word: string; reason: string }>();
  for (const line of lines) {
    const found = /^\W*(F\d+)\W+(done|declined)\b[\s,.:;–-]*(.*)$/i.exec(line.trim());
    if (found)
      given.set((found[1] ?? "").toUpperCase(), { word: (found[2] ?? "").toLowerCase(), reason: found[3]?.trim() ?? "" });
  }
  return asked.map(({ id, reviewer, problem }) => {
    const { word, reason } = given.get(id) ?? { word: "", reason: "" };
    const answer = word === "done" ? "done" : word === "declined" && reason !== "" ? "declined" : "none";
    return { reviewer, problem, answer, reason };
  });
}

export const criterionScore = z.object({ criterion: z.string(), score: z.number().int().min(1).max(10), evidence: z.string() });
export type CriterionScore = z.infer<typeof criterionScore>;

/** What a reviewer replies. It never says the verdict: that is derived. */
export const reviewReply = z.object({
  scores: z.array(criterionScore),
  findings: z.array(finding),
  /** True when the work misses the task so far that revising it makes no sense. */
  wrong_work: z.boolean(),
  summary: z.string().min(1),
  facts: z.array(fact),
  /** One entry for each open claim that the reviewer was asked about, by its number. */
  claims: z.array(z.object({ id: z.string(), status: z.enum(["supported", "unsupported", "no_claim"]), source: z.string() })),
  learnings: z.array(z.object({ statement: z.string().min(1), tags: z.array(z.string()) })),
});
export type ReviewReply = z.infer<typeof reviewReply>;

export type Review = {
  readonly id: string;
  readonly taskId: string;
  readonly deliverableId: string;
  readonly revision: number;
  /** `director`, a skill's name, or `structure` for the checks that cost no call. */
  readonly reviewer: string;
  readonly verdict: Verdict;
  readonly score: number | null;
  readonly scores: readonly CriterionScore[];
  readonly findings: readonly Finding[];
  readonly createdAt: number;
};

export type Thresholds = { readonly approve: number; readonly reject: number };

export type Criterion = { readonly id: string; readonly weight: number };

/** Weighted mean of the criteria's scores, one decimal. Criteria without a score count as 1: silence is not praise. */
export function overallScore(scores: readonly CriterionScore[], criteria: readonly Criterion[]): number {
  const total = criteria.reduce((sum, criterion) => sum + criterion.weight, 0);
  if (total === 0) return 1;
  const byId = new Map(scores.map((entry) => [entry.criterion, entry.score]));
  const weighted = criteria.reduce((sum, criterion) => sum + criterion.weight * (byId.get(criterion.id) ?? 1), 0);
  return Math.round((weighted / total) * 10) / 10;
}

/** APPROVE needs the score and no blocker or major finding; REJECT is the wrong work or a score below the floor. */
export function deriveVerdict(
  reply: Pick<ReviewReply, "findings" | "wrong_work">,
  score: number,
  thresholds: Thresholds,
): Verdict {
  if (reply.wrong_work || score < thresholds.reject) return "REJECT";
  const open = reply.findings.some((entry) => entry.severity !== "minor");
  return score >= thresholds.approve && !open ? "APPROVE" : "REVISE";
}

/** Several reviewers of one version: the worst verdict counts. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return VERDICTS[Math.max(0, ...verdicts.map((entry) => VERDICTS.indexOf(entry)))] ?? "APPROVE";
}
