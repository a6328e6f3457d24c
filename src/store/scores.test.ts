/** Scores over time on every engine: what counts as a work, whose scores count, and how the store finds them. */

import { describe, expect, test } from "bun:test";
import { CompiledQuery } from "kysely";
import { newId } from "../domain/id.ts";
import { nano } from "../domain/money.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Review, Verdict } from "../domain/review.ts";
import { ENGINES } from "../test/engines.ts";
import { CONSISTENCY } from "../work/check.ts";
import { insertDeliverable, insertReview } from "./deliverables.ts";
import { insertGoal } from "./goals.ts";
import { listWorks, reviewerScores, reviewerTotals, versionsQuery } from "./scores.ts";
import type { Store, Tx } from "./store.ts";
import { insertTasks, moveTask } from "./tasks.ts";

type Said = readonly [reviewer: string, verdict: Verdict, score: number | null, scores?: Review["scores"]];
type Version = {
  readonly score: number | null;
  readonly said?: readonly Said[];
  readonly skill?: string;
  readonly origin?: "person";
};
type Made = {
  readonly at?: number;
  readonly skill?: string;
  readonly kind?: "work" | "gate";
  readonly rehearsal?: boolean;
  /** Number of the accepted version from 0, or null. */
  readonly accepted: number | null;
  readonly versions: readonly Version[];
};

const approved: Said[] = [[DIRECTOR, "APPROVE", 8]];
const clarity = (score: number): Review["scores"] => [{ criterion: "clarity", score, evidence: "e" }];

/** A goal with one task, and everything that was handed in for it. Returns the task's id. */
async function make(store: Store, { at = 1000, skill = "writer", kind = "work", rehearsal = false, accepted, versions }: Made) {
  const [goalId, taskId] = [newId("goal"), newId("task")];
  await store.write("test.make", async (tx) => {
    const goal = { id: goalId, title: "t", text: "t", category: null, source: "cli", pipeline: null, priority: "P1" } as const;
    await insertGoal(tx, { ...goal, rehearsal, cap: nano(5), contextVersion: 0 });
    const task = { id: taskId, goalId, key: "k", kind, phase: "p", skill, brief: "b", criteria: [], reviewers: [] } as const;
    await insertTasks(tx, [{ ...task, variants: 1, needs: [], unmet: 0, priority: "P1", rehearsal }]);
    let deliverableId: string | null = null;
    for (const [revision, version] of versions.entries()) {
      const id = await handIn(tx, { goalId, taskId, revision, skill, ...version });
      if (revision === accepted) deliverableId = id;
      await tx.db
        .updateTable("deliverables")
        .set({ created_at: at + revision })
        .where("id", "=", id)
        .execute();
    }
    await moveTask(tx, { id: taskId, status: "ready" }, "running");
    if (deliverableId !== null) await moveTask(tx, { id: taskId, status: "running" }, "done", { deliverableId });
  });
  return taskId;
}

async function handIn(
  tx: Tx,
  version: Version & { readonly goalId: string; readonly taskId: string; readonly revision: number; readonly skill: string },
): Promise<string> {
  const id = newId("dlv");
  const { goalId, taskId, revision, skill, score, said = [], origin = "agent" } = version;
  const empty = { missing: [], warnings: [], summary: null, facts: [], answers: [], claims: [] };
  await insertDeliverable(tx, { id, goalId, taskId, revision, skill, score, origin, body: "text", hash: "h", ...empty });
  for (const [reviewer, verdict, given, scores = []] of said) {
    const review = {
      id: newId("rev"),
      taskId,
      deliverableId: id,
      revision,
      reviewer,
      verdict,
      score: given,
      scores,
      findings: [],
    };
    await insertReview(tx, goalId, review);
  }
  return id;
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`scores on ${engine.name}`, () => {
    const works = (store: Store, filter: { rehearsal?: boolean; skill?: string } = {}) =>
      store.read((read) => listWorks(read, { rehearsal: false, ...filter }));

    test("a work has the score of its first version and of the accepted one, oldest first", async () => {
      await using store = await engine.open();
      const revised = await make(store, {
        at: 2000,
        accepted: 1,
        versions: [
          { score: 6.5, said: [[DIRECTOR, "REVISE", 6.5]] },
          { score: 8, said: approved },
        ],
      });
      const once = await make(store, { at: 1000, accepted: 0, versions: [{ score: 9, said: approved }] });
      expect(await works(store)).toEqual([
        { taskId: once, skill: "writer", at: 1000, first: 9, accepted: { revision: 0, score: 9, atOnce: true } },
        { taskId: revised, skill: "writer", at: 2001, first: 6.5, accepted: { revision: 1, score: 8, atOnce: false } },
      ]);
    });

    test("the structural check's return has no score; work that goes on, or failed, has only a first one", async () => {
      await using store = await engine.open();
      await make(store, {
        at: 1000,
        accepted: 1,
        versions: [
          { score: null, said: [["structure", "REVISE", null]] },
          { score: 8, said: approved },
        ],
      });
      await make(store, { at: 2000, accepted: null, versions: [{ score: 5, said: [[DIRECTOR, "REVISE", 5]] }] });
      const [returned, open] = await works(store);
      expect(returned).toMatchObject({ first: null, accepted: { score: 8, atOnce: false } });
      expect(open).toMatchObject({ first: 5, accepted: null });
    });

    test("a repair counts for nothing, neither its score nor its review, taken or not", async () => {
      await using store = await engine.open();
      const first: Version = {
        score: 8.5,
        said: [
          [DIRECTOR, "APPROVE", 8.5],
          [CONSISTENCY, "REVISE", null],
        ],
      };
      const repaired: Version = { score: 5, said: [[DIRECTOR, "APPROVE", 5]] };
      await make(store, { at: 1000, accepted: 1, versions: [first, repaired] });
      await make(store, { at: 2000, accepted: 0, versions: [first, { score: 4.5, said: [[DIRECTOR, "REVISE", 4.5]] }] });
      for (const work of await works(store))
        expect(work).toMatchObject({ first: 8.5, accepted: { revision: 0, score: 8.5, atOnce: true } });
      expect(await store.read((read) => reviewerTotals(read, { rehearsal: false }))).toEqual([
        { reviewer: DIRECTOR, reviews: 2, mean: 8.5, revise: 0, reject: 0 },
      ]);
    });

    test("a repair by another skill than the text's maker is no work of that skill", async () => {
      await using store = await engine.open();
      const best: Version = {
        score: 7,
        skill: "writer",
        said: [
          [DIRECTOR, "REJECT", 7],
          [CONSISTENCY, "REVISE", null],
        ],
      };
      await make(store, { skill: "other", accepted: 1, versions: [best, { score: 9, said: approved }] });
      expect(await works(store)).toMatchObject([{ skill: "writer", first: 7, accepted: { score: 7, atOnce: false } }]);
    });

    test("a person's own text is accepted without a score; one taken against its reviewers was not approved", async () => {
      await using store = await engine.open();
      const weak: Version = { score: 6, said: [[DIRECTOR, "REVISE", 6]] };
      await make(store, { at: 1000, accepted: 1, versions: [weak, { score: null, origin: "person" }] });
      await make(store, { at: 2000, accepted: 0, versions: [weak] });
      expect((await works(store)).map((work) => work.accepted)).toEqual([
        { revision: 1, score: null, atOnce: false },
        { revision: 0, score: 6, atOnce: false },
      ]);
    });

    test("after a new brief each skill has its own: what it handed in first, and what was accepted of it", async () => {
      await using store = await engine.open();
      await make(store, {
        skill: "other",
        accepted: 1,
        versions: [
          { score: 3, skill: "writer", said: [[DIRECTOR, "REJECT", 3]] },
          { score: 8, said: approved },
        ],
      });
      expect(await works(store, { skill: "writer" })).toMatchObject([{ first: 3, accepted: null }]);
      expect(await works(store, { skill: "other" })).toMatchObject([{ first: 8, accepted: { score: 8, atOnce: true } }]);
      expect(await works(store)).toHaveLength(2);
    });

    test("real work and the rehearsal's never meet; gates and the Director's own work are no work of the team", async () => {
      await using store = await engine.open();
      await make(store, { accepted: 0, versions: [{ score: 8, said: approved }] });
      await make(store, { accepted: 0, rehearsal: true, versions: [{ score: 2, said: [[DIRECTOR, "APPROVE", 2]] }] });
      await make(store, { accepted: 0, kind: "gate", versions: [{ score: 1, said: [["gatekeeper", "APPROVE", 1]] }] });
      await make(store, { accepted: 0, skill: DIRECTOR, versions: [{ score: null }] });
      expect((await works(store)).map((work) => work.first)).toEqual([8]);
      expect((await works(store, { rehearsal: true })).map((work) => work.first)).toEqual([2]);
      const means = (rehearsal: boolean) =>
        store.read(async (read) => (await reviewerTotals(read, { rehearsal })).map((entry) => [entry.reviewer, entry.mean]));
      expect(await means(false)).toEqual([[DIRECTOR, 8]]);
      expect(await means(true)).toEqual([[DIRECTOR, 2]]);
    });

    test("another tenant's rows are not seen", async () => {
      await using store = await engine.open();
      await make(store, { accepted: 0, versions: [{ score: 8, said: approved }] });
      const other = { rehearsal: false };
      await store.read(async (read) => {
        expect(await listWorks({ ...read, tenant: "else" }, other)).toEqual([]);
        expect(await reviewerTotals({ ...read, tenant: "else" }, other)).toEqual([]);
      });
    });

    test("reviewers by mean, revise and reject, the busiest first; of one skill only that skill's", async () => {
      await using store = await engine.open();
      await make(store, {
        accepted: 2,
        versions: [
          { score: 3, said: [[DIRECTOR, "REJECT", 3]] },
          {
            score: 6.5,
            said: [
              [DIRECTOR, "REVISE", 6],
              ["editor", "APPROVE", 7],
            ],
          },
          {
            score: 8,
            said: [
              [DIRECTOR, "APPROVE", 9],
              ["person", "REVISE", null],
            ],
          },
        ],
      });
      await make(store, { skill: "other", accepted: 0, versions: [{ score: 10, said: [["editor", "APPROVE", 10]] }] });
      const totals = (skill?: string) =>
        store.read((read) => reviewerTotals(read, { rehearsal: false, ...(skill === undefined ? {} : { skill }) }));
      expect(await totals()).toEqual([
        { reviewer: DIRECTOR, reviews: 3, mean: 6, revise: 1, reject: 1 },
        { reviewer: "editor", reviews: 2, mean: 8.5, revise: 0, reject: 0 },
      ]);
      expect(await totals("other")).toEqual([{ reviewer: "editor", reviews: 1, mean: 10, revise: 0, reject: 0 }]);
    });

    test("by criterion each reviewer's last word on the accepted version counts, an approval that stood included", async () => {
      await using store = await engine.open();
      const taskId = await make(store, {
        accepted: 1,
        versions: [
          {
            score: 7,
            said: [
              [DIRECTOR, "REVISE", 6, clarity(5)],
              ["editor", "APPROVE", 8, clarity(8)],
            ],
          },
          {
            score: 8,
            said: [
              [DIRECTOR, "APPROVE", 8, clarity(9)],
              [CONSISTENCY, "REVISE", null],
            ],
          },
          { score: 4, said: [["editor", "REVISE", 4, clarity(1)]] },
        ],
      });
      await make(store, { accepted: 0, versions: [{ score: 2, said: [[DIRECTOR, "APPROVE", 2, clarity(2)]] }] });
      const given = await store.read((read) => reviewerScores(read, [{ taskId, revision: 1 }]));
      expect(given.toSorted((a, b) => (a.reviewer < b.reviewer ? -1 : 1))).toEqual([
        { taskId, reviewer: DIRECTOR, scores: clarity(9) },
        { taskId, reviewer: "editor", scores: clarity(8) },
      ]);
      expect(await store.read((read) => reviewerScores(read, []))).toEqual([]);
    });

    test("with `since`, work that was over before then is left out; what goes on is not", async () => {
      await using store = await engine.open();
      const old = await make(store, { accepted: 0, versions: [{ score: 9, said: approved }] });
      const late = await make(store, { accepted: 0, versions: [{ score: 8, said: approved }] });
      const going = await make(store, { accepted: null, versions: [{ score: 7 }] });
      await store.write("test.old", async (tx) => {
        await tx.db.updateTable("tasks").set({ ended_at: 5000 }).where("id", "=", old).execute();
        await tx.db.updateTable("tasks").set({ ended_at: 6000 }).where("id", "=", late).execute();
      });
      const ids = async (since?: number) =>
        (await store.read((read) => listWorks(read, { rehearsal: false, ...(since !== undefined && { since }) })))
          .map((work) => work.taskId)
          .toSorted();
      expect(await ids()).toEqual([old, late, going].toSorted());
      expect(await ids(6000)).toEqual([late, going].toSorted());
    });

    test("one skill's versions are found by their index", async () => {
      await using store = await engine.open();
      const plan = await store.write("test.plan", async (tx) => {
        const { sql, parameters } = versionsQuery(tx, { rehearsal: false, skill: "writer" }).compile();
        // On a few rows PostgreSQL would rather read them all.
        if (tx.engine === "postgres") {
          for (const way of ["enable_seqscan", "enable_bitmapscan"])
            await tx.db.executeQuery(CompiledQuery.raw(`set local ${way} = off`));
        }
        const explain = tx.engine === "sqlite" ? "explain query plan" : "explain";
        const { rows } = await tx.db.executeQuery(CompiledQuery.raw(`${explain} ${sql}`, [...parameters]));
        return JSON.stringify(rows);
      });
      expect(plan).toContain("deliverables_by_skill");
      // No table is read from end to end, in the sub-queries neither.
      expect(plan).not.toMatch(/\bSCAN\b|Seq Scan/);
    });
  });
}
