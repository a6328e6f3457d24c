/** 1,000 holds at the same time against a cap that lets only some of them through: how long, and how far beyond the cap. */

import { NO_USAGE } from "../src/domain/call.ts";
import { nano } from "../src/domain/money.ts";
import { holdCall } from "../src/store/calls.ts";
import { HoldRefused, scopeState } from "../src/store/scopes.ts";
import type { Store } from "../src/store/store.ts";
import { sample, type Figure } from "./figure.ts";
import { bareDatabase, freshStore } from "./fresh-store.ts";

const RUNS = 5;
const HOLDS = 1000;
/** 600 of the holds fit. */
const HOLD = nano(0.01);
const CAP = nano(6);

export async function holds(): Promise<Figure[]> {
  const [ours, bare, overshoot, granted]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let run = 0; run < RUNS; run++) {
    bare.push(bareLoop());
    const { ms, held, taken } = await ourLoop();
    ours.push(ms);
    overshoot.push(Math.max(0, held - CAP));
    granted.push(taken);
  }
  return [
    {
      key: "holds",
      what: `${HOLDS} holds at once (4 scopes, journal row, event each)`,
      unit: "ms",
      value: sample(ours),
      base: {
        what: `${HOLDS} bare SQLite transactions, one checked update and one insert each, synchronous full`,
        value: sample(bare),
      },
    },
    {
      key: "overshoot",
      what: "overshoot of the cap",
      unit: "nano-dollars",
      value: sample(overshoot),
      bar: { of: "value", atMost: 0, from: "promise" },
      note: `${sample(granted).median} of ${CAP / HOLD} that fit were granted`,
    },
  ];
}

async function ourLoop(): Promise<{ ms: number; held: number; taken: number }> {
  await using fresh = await freshStore();
  const { store } = fresh;
  const cap = { kind: "day", id: "2026-11-21", cap: CAP } as const;
  const began = performance.now();
  const taken = await Promise.all(Array.from({ length: HOLDS }, (_, i) => hold(store, i, cap)));
  const ms = performance.now() - began;
  const { held } = await store.read((read) => scopeState(read, cap, true));
  return { ms, held, taken: taken.filter(Boolean).length };
}

async function hold(store: Store, i: number, day: { kind: "day"; id: string; cap: number }): Promise<boolean> {
  try {
    await store.write("call.hold", async (tx) => {
      const scopes = [
        { kind: "task", id: `goal/task-${i}`, cap: CAP },
        { kind: "goal", id: "goal", cap: 2 * CAP },
        day,
        { kind: "month", id: "2026-11", cap: 2 * CAP },
      ] as const;
      const key = { goalId: "goal", subject: `task-${i}`, revision: 0, step: "make", round: 0, attempt: 1 };
      const call = {
        ...key,
        id: `call-${i}`,
        skill: null,
        model: "bench",
        requestHash: "",
        parts: [],
        usage: NO_USAGE,
        learnings: [],
      };
      await holdCall(tx, { ...call, hold: HOLD, rehearsal: true, scopes, processId: "bench" });
      const event = { goalId: "goal", taskId: null, callId: call.id, step: "make", model: "bench", hold: HOLD, attempt: 1 };
      tx.emit({ type: "call.held", ...event }, { rehearsal: true });
    });
    return true;
  } catch (error) {
    if (error instanceof HoldRefused) return false;
    throw error;
  }
}

function bareLoop(): number {
  using database = bareDatabase();
  const { db } = database;
  db.run("create table scope (id text primary key, held integer); insert into scope values ('day', 0)");
  db.run("create table call (id text primary key, hold integer, state text)");
  const [begin, commit, rollback] = [db.query("begin immediate"), db.query("commit"), db.query("rollback")];
  const take = db.query("update scope set held = held + ? where id = 'day' and held + ? <= ?");
  const insert = db.query("insert into call values (?, ?, 'held')");
  const began = performance.now();
  for (let i = 0; i < HOLDS; i++) {
    begin.run();
    if (take.run(HOLD, HOLD, CAP).changes === 1) {
      insert.run(`call-${i}`, HOLD);
      commit.run();
    } else rollback.run();
  }
  return performance.now() - began;
}
