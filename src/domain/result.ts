/** What the program prints with --json. The CLI, the docs and the tests are checked against these. */

import { z } from "zod";
import { goalStatus } from "./goal.ts";
import { taskStatus } from "./task.ts";
import { verdict } from "./review.ts";

const band = z.strictObject({ low: z.number(), likely: z.number(), high: z.number() });

export const quoteResult = z.strictObject({
  ...band.shape,
  phases: z.array(z.strictObject({ name: z.string(), ...band.shape })),
  basis: z.enum(["priors", "history"]),
});

const planTaskResult = z.strictObject({
  key: z.string(),
  skill: z.string(),
  brief: z.string(),
  criteria: z.array(z.string()),
  needs: z.array(z.string()),
  reviewers: z.array(z.string()),
});

const taskResult = z.strictObject({
  id: z.string(),
  skill: z.string(),
  phase: z.string(),
  status: taskStatus,
  revision: z.number().int(),
  score: z.number().nullable(),
  verdict: verdict.nullable(),
  model: z.string().nullable(),
  costUsd: z.number(),
  /** Path of the deliverable below the workspace, once there is one. */
  output: z.string().nullable(),
});

export const goalResult = z.strictObject({
  goal: z.string(),
  title: z.string(),
  status: goalStatus,
  rehearsal: z.boolean(),
  plan: z.strictObject({
    phases: z.array(z.strictObject({ name: z.string(), gate: z.boolean(), tasks: z.array(planTaskResult) })),
  }),
  tasks: z.array(taskResult),
  missingInputs: z.array(z.string()),
  costUsd: z.number(),
  quote: quoteResult.nullable(),
  durationMs: z.number(),
  workspace: z.string(),
  /** Path of the final report below the workspace, once there is one. */
  report: z.string().nullable(),
});
export type GoalResult = z.infer<typeof goalResult>;

export const healthLevel = z.enum(["full", "limited", "minimal", "offline"]);

export const statusResult = z.strictObject({
  level: healthLevel,
  goals: z.array(
    z.strictObject({
      goal: z.string(),
      title: z.string(),
      status: goalStatus,
      pipeline: z.string().nullable(),
      source: z.string(),
      tasks: z.number().int(),
      tasksDone: z.number().int(),
      costUsd: z.number(),
      /** Calls of a running goal that wait in batches: since when the oldest, and the share of its price that a call costs. */
      inBatches: z.strictObject({ calls: z.number().int(), since: z.iso.datetime(), share: z.number() }).nullable(),
    }),
  ),
});
export type StatusResult = z.infer<typeof statusResult>;
