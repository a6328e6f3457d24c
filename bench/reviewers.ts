/** What a chain of reviewers costs: the input of four readings of one deliverable beside that of one, writes and reads of the cache as priced. */

import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/config.ts";
import { reviewDeliverable } from "../src/director/review/review.ts";
import type { Call } from "../src/domain/call.ts";
import { DIRECTOR } from "../src/domain/plan.ts";
import { usd } from "../src/domain/money.ts";
import { costOf, priceAt } from "../src/journal/prices.ts";
import { callsOfGoal } from "../src/store/calls.ts";
import { sample, type Figure } from "./figure.ts";
import { openTeam, startServer } from "./team.ts";

const SKILL = "copywriting";
const CHAIN = ["copy-editing", "page-cro", "marketing-psychology", DIRECTOR];

/** USD of the prompts of these reviewers, one after the other, with a cold cache. */
async function inputCost(reviewers: readonly string[]): Promise<{ cost: number; calls: readonly Call[] }> {
  await using server = await startServer({ latencyMs: 0 });
  await using team = await openTeam(server.url, { concurrency: 1 });
  const { journal, registry, store } = team.app;
  const [context, body] = await Promise.all([
    Bun.file(join(PACKAGE_ROOT, "examples/umami/product-marketing-context.md")).text(),
    Bun.file(join(PACKAGE_ROOT, "docs/examples/copywriting.md")).text(),
  ]);
  const goal = { id: "bench-review", text: "A landing page", priority: "P1", cap: 1e12, allowed: 0, rehearsal: true } as const;
  const task = { ...TASK, reviewers: [...reviewers] };
  const deliverable = { ...DELIVERABLE, body };
  for (const reviewer of reviewers) {
    const decision = await reviewDeliverable(
      journal,
      registry,
      {
        goal,
        context: { version: 1, body: context, hash: "", createdAt: 0 },
        task,
        deliverable,
        reviewer,
        before: null,
        claims: [],
        shared: reviewers.length > 1,
        sums: reviewer === reviewers.at(-1),
        lease: null,
      },
      new AbortController().signal,
    );
    if (decision.kind !== "decided") throw new Error(`the review came to ${decision.kind}`);
  }
  const calls = await store.read((read) => callsOfGoal(read, goal.id));
  const cost = calls.reduce(
    (sum, call) => sum + costOf({ ...call.usage, output: 0 }, priceAt(registry.models, call.model, call.startedAt)),
    0,
  );
  return { cost: usd(cost), calls };
}

export async function reviewers(): Promise<Figure[]> {
  const one = await inputCost([DIRECTOR]);
  const four = await inputCost(CHAIN);
  const read = four.calls.reduce((sum, call) => sum + call.usage.cacheRead, 0);
  return [
    {
      key: "input",
      what: "input of four reviewers of one deliverable",
      unit: "USD",
      value: sample([four.cost]),
      base: { what: "input of one reviewer", value: sample([one.cost]) },
      bar: { of: "ratio", atMost: 1.6, from: "four reviewers share what they read" },
      note: `a real context and deliverable; ${read.toLocaleString("en")} tokens read from the cache`,
    },
  ];
}

const TASK = {
  id: "bench-task",
  goalId: "bench-review",
  key: "page",
  kind: "work",
  phase: "Create",
  skill: SKILL,
  brief: "Write the landing page that the product context supports best.",
  criteria: ["One promise, one action", "Every claim has its proof beside it"],
  variants: 1,
  status: "reviewing",
  revision: 0,
  roundStart: 0,
  unmet: 0,
  attempts: 1,
  epoch: 1,
  leaseOwner: null,
  leaseUntil: null,
  runAt: 0,
  rejections: 0,
  reason: null,
  score: null,
  verdict: null,
  model: null,
  deliverableId: null,
  createdAt: 0,
  startedAt: 0,
  endedAt: null,
} as const;

const DELIVERABLE = {
  id: "bench-deliverable",
  taskId: TASK.id,
  goalId: TASK.goalId,
  revision: 0,
  origin: "agent",
  skill: SKILL,
  hash: "",
  missing: [],
  warnings: [],
  score: null,
  summary: null,
  facts: [],
  answers: [],
  claims: [],
  createdAt: 0,
} as const;
