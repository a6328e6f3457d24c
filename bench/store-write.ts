/** One change of the store with one event, beside the same two statements in a bare transaction, in turn. */

import { Database } from "bun:sqlite";
import { setMeta } from "../src/store/meta.ts";
import type { Store } from "../src/store/store.ts";
import { sample, type Figure } from "./figure.ts";
import { bareDatabase, freshStore } from "./fresh-store.ts";

const RUNS = 1000;
const AFTER_REST = 15;
/** As long as a model's answer may take: the processor has gone to sleep by then. */
const REST_MS = 200;

export async function storeWrite(): Promise<Figure[]> {
  await using fresh = await freshStore();
  using bare = bareDatabase();
  const theirs = bareWrite(bare.db);
  const [ours, base]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    ours.push(await ourWrite(fresh.store, run));
    base.push(theirs(run));
  }
  const [rested, restedBase]: [number[], number[]] = [[], []];
  for (let run = 0; run < AFTER_REST; run++) {
    await Bun.sleep(REST_MS);
    rested.push(await ourWrite(fresh.store, run));
    await Bun.sleep(REST_MS);
    restedBase.push(theirs(run));
  }
  const what = "the same two statements in bare bun:sqlite, synchronous full";
  return [
    { key: "write", what: "`store.write` with one event", unit: "ms", value: sample(ours), base: { what, value: sample(base) } },
    {
      key: "rested",
      what: `the same after ${REST_MS} ms of rest`,
      unit: "ms",
      value: sample(rested),
      base: { what, value: sample(restedBase) },
    },
  ];
}

async function ourWrite(store: Store, run: number): Promise<number> {
  const began = performance.now();
  await store.write("bench", async (tx) => {
    await setMeta(tx, `key-${run % 10}`, `value ${run}`);
    tx.emit({ type: "goal.resumed", goalId: "goal", taskId: null, by: "bench" });
  });
  return performance.now() - began;
}

function bareWrite(db: Database): (run: number) => number {
  db.run("create table meta (key text primary key, value text not null)");
  db.run(
    "create table events (seq integer primary key autoincrement, tenant text, at integer, type text, goal_id text, task_id text, rehearsal integer, data text)",
  );
  const [begin, commit] = [db.query("begin immediate"), db.query("commit")];
  const set = db.query("insert into meta values (?, ?) on conflict (key) do update set value = ?");
  const emit = db.query(
    "insert into events (tenant, at, type, goal_id, task_id, rehearsal, data) values ('bench', ?, 'goal.resumed', 'goal', null, 0, ?)",
  );
  return (run) => {
    const began = performance.now();
    begin.run();
    set.run(`bench/key-${run % 10}`, `value ${run}`, `value ${run}`);
    emit.run(Date.now(), JSON.stringify({ by: "bench" }));
    commit.run();
    return performance.now() - began;
  };
}
