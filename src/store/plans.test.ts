/** What is asked all day is found by more than the tenant: SQLite has no statistics here, and would rather keep an order than read less. */

import { expect, test } from "bun:test";
import { CompiledQuery, type KyselyPlugin, type RootOperationNode } from "kysely";
import { lastEvents } from "../cli/queries.ts";
import { ENGINES } from "../test/engines.ts";
import { callsOfGoal } from "./calls.ts";
import { contradictionsOf } from "./contradictions.ts";
import { currentOfGoal, reviewsOfGoal } from "./deliverables.ts";
import { listEffects } from "./effects.ts";
import { listEvents } from "./events.ts";
import { listQuestions } from "./questions.ts";
import type { Read, Store } from "./store.ts";
import { graphOf, tasksOfGoal } from "./tasks.ts";

/** The plan's steps of every statement that `ask` makes, as SQLite tells them. */
async function plansOf(store: Store, ask: (read: Read) => Promise<unknown>): Promise<string[]> {
  return store.read(async (read) => {
    const nodes: RootOperationNode[] = [];
    const listening: KyselyPlugin = {
      transformQuery: ({ node }) => {
        nodes.push(node);
        return node;
      },
      transformResult: async ({ result }) => result,
    };
    await ask({ ...read, db: read.db.withPlugin(listening) });
    const steps: string[] = [];
    for (const node of nodes) {
      const { sql, parameters } = read.db.getExecutor().compileQuery(node, { queryId: "plan" });
      const { rows } = await read.db.executeQuery<{ detail: string }>(
        CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
      );
      steps.push(...rows.map((row) => row.detail));
    }
    return steps;
  });
}

const ASKED: Record<string, (read: Read) => Promise<unknown>> = {
  "the tasks of a goal": (read) => tasksOfGoal(read, "goal_1"),
  "the graph of a goal": (read) => graphOf(read, "goal_1"),
  "the calls of a goal": (read) => callsOfGoal(read, "goal_1"),
  "the accepted texts of a goal": (read) => currentOfGoal(read, "goal_1"),
  "the reviews of a goal": (read) => reviewsOfGoal(read, "goal_1"),
  "the actions that wait": (read) => listEffects(read, { states: ["intent"] }),
  "the contradictions of a goal": (read) => contradictionsOf(read, "goal_1"),
  "the effects of a goal": (read) => listEffects(read, { goalId: "goal_1" }),
  "the open questions of a goal": (read) => listQuestions(read, { goalId: "goal_1", status: "open" }),
  "the events of a goal": (read) => listEvents(read, { goalId: "goal_1" }),
  "the events behind a number": (read) => listEvents(read, { after: 7 }),
  "the newest events": (read) => lastEvents(read, { goalId: null, limit: 20 }),
  "the newest events of a goal": (read) => lastEvents(read, { goalId: "goal_1", limit: 20 }),
};

for (const [what, ask] of Object.entries(ASKED))
  test(`${what}: no table is read from end to end`, async () => {
    const [sqlite] = ENGINES;
    if (!sqlite) throw new Error("no SQLite");
    await using store = await sqlite.open();
    const steps = await plansOf(store, ask);
    expect(steps.length).toBeGreaterThan(0);
    // Newest first, a walk along the events' own order ends after a few rows.
    const endless = steps.filter((step) => /\(tenant=\?\)$|^SCAN (?!events$)/.test(step));
    expect(endless).toEqual([]);
  });
