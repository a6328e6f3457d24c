/** The shapes of a skill's evals as people write them: requests that belong to it, and briefs with what good work on them shows. */

import { z } from "zod";

const text = z.string().trim().min(1);
const slug = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "lower-case words joined by hyphens")
  .max(64);

/** Flags of every check's regular expression. */
export const CHECK_FLAGS = "imu";

const expression = z.string().superRefine((source, context) => {
  if (source === "") return context.addIssue({ code: "custom", message: "the expression is empty: it fits every text" });
  try {
    new RegExp(source, CHECK_FLAGS);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const escape = /escape/.test(why)
      ? ' (with "u" only ^$\\.*+?()[]{}|/ may be escaped, and - in brackets: no \\" and no \\\')'
      : "";
    context.addIssue({ code: "custom", message: `not a regular expression with the flags ${CHECK_FLAGS}: ${why}${escape}` });
  }
});

/** `routing.yaml`: requests that this skill should take; `near` is the skill that a careless router would give it to. */
export const routingFile = z.array(z.strictObject({ ask: text.max(2_000), near: slug.optional() })).min(1);

const check = z.union([z.strictObject({ must: expression, why: text }), z.strictObject({ must_not: expression, why: text })]);
export type Check = z.infer<typeof check>;

/** `evals.json`, in the layout of the open Agent Skills format. */
export const evalsFile = z.strictObject({
  skill_name: slug,
  evals: z
    .array(
      z.strictObject({
        id: slug,
        prompt: text,
        /** Paths from the repository's root. */
        files: z.array(text).default([]),
        /** For people: what a good deliverable does. Nobody is graded by it. */
        expected_output: text,
        assertions: z.array(text).min(1),
        checks: z.array(check).default([]),
      }),
    )
    .min(1),
});

/** A request, with the skill that it belongs to. */
export type Request = { readonly skill: string; readonly ask: string; readonly near: string | null };

export type BriefFile = { readonly path: string; readonly text: string };

/** A brief with the texts of its files. */
export type Brief = {
  readonly skill: string;
  readonly id: string;
  readonly prompt: string;
  readonly files: readonly BriefFile[];
  readonly assertions: readonly string[];
  readonly checks: readonly Check[];
};

/** What there is to measure of one skill. */
export type EvalSet = { readonly skill: string; readonly requests: readonly Request[]; readonly briefs: readonly Brief[] };

/** One form for requests that differ only in case, signs or white space. */
export function normalised(ask: string): string {
  return (
    ask
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).join(" ");
}
