/** Bare BullMQ: a handler that makes a task's store transactions by hand in bun:sqlite, and its calls with fetch. */

import { Queue as BullQueue, Worker } from "bullmq";
import type { Database } from "bun:sqlite";
import { Redis } from "ioredis";
import { bareDatabase } from "./fresh-store.ts";

/** A body to post and the kind of text that comes back, as our own client sent it. */
export type BareCall = { readonly body: string; readonly reply: string };
export type BareTask = { readonly calls: readonly BareCall[] };

export type Bare = AsyncDisposable & {
  /** Adds the tasks and resolves when each has been handled. Comes back with the time in ms. */
  run(tasks: readonly BareTask[]): Promise<number>;
  /** From before an add until the task is claimed on the disk, with nothing else to do, in ms. */
  untilClaimed(): Promise<number>;
};

/** As the guide shows it, with `concurrency` handlers at once. `modelUrl` is the server that ours asks. */
export async function openBare(redisUrl: string, modelUrl: string, options: { concurrency: number; run: number }): Promise<Bare> {
  const database = bareDatabase();
  const store = transactions(database.db);
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const shared = { connection, prefix: `bare-work-${options.run}` };
  const queue = new BullQueue<{ id: number; tell: boolean }>("tasks", shared);
  await queue.waitUntilReady();
  let tasks: readonly BareTask[] = [];
  let left = 0;
  let all = Promise.withResolvers<void>();
  let claimed = Promise.withResolvers<void>();
  const worker = new Worker<{ id: number; tell: boolean }>(
    "tasks",
    async ({ data: { id, tell } }) => {
      store.claim(id);
      if (tell) return claimed.resolve();
      for (const [index, { body, reply }] of (tasks[id]?.calls ?? []).entries()) {
        if (index > 0) store.deliver(id, reply);
        const call = store.hold(id, body);
        const answer = await fetch(`${modelUrl}/v1/messages`, {
          method: "POST",
          headers: { "content-type": "application/json", "x-api-key": "bench", "anthropic-version": "2023-06-01" },
          body,
        });
        if (!answer.ok) throw new Error(`the model answered ${answer.status}`);
        await answer.text();
        store.settle(call, reply);
      }
      store.conclude(id);
      if (--left === 0) all.resolve();
    },
    { ...shared, concurrency: options.concurrency },
  );
  await worker.waitUntilReady();
  worker.on("failed", (_, error) => all.reject(error));
  return {
    async run(given) {
      tasks = given;
      left = given.length;
      all = Promise.withResolvers();
      given.forEach((_, id) => store.insert(id));
      const began = performance.now();
      await queue.addBulk(given.map((_, id) => ({ name: "task", data: { id, tell: false }, opts: { removeOnComplete: true } })));
      await all.promise;
      return performance.now() - began;
    },
    async untilClaimed() {
      claimed = Promise.withResolvers();
      const began = performance.now();
      await queue.add("task", { id: 0, tell: true }, { removeOnComplete: true });
      await claimed.promise;
      return performance.now() - began;
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await queue.close();
      connection.disconnect();
      database[Symbol.dispose]();
    },
  };
}

/** The changes that a task of ours makes on its way, each a transaction with its event, statements compiled once. */
function transactions(db: Database) {
  for (const statement of SCHEMA) db.run(statement);
  const change =
    (work: (...values: never[]) => unknown) =>
    (...values: never[]): number =>
      db.transaction(() => Number(work(...values) ?? 0)).immediate();
  const emit = db.query("insert into events (at, type, task_id, data) values (?, ?, ?, ?)");
  const told = (type: string, task: number) => emit.run(Date.now(), type, task, JSON.stringify({ task, at: Date.now() }));
  const insert = db.query("insert or replace into tasks (id, status) values (?, 'ready')");
  const claim = db.query("update tasks set status = 'running', lease_until = ?, epoch = epoch + 1 where id = ? returning *");
  const move = db.query("update tasks set status = ?, ended_at = ? where id = ?");
  const take = db.query("update scopes set held = held + ? where kind = ? and id = ? and spent + held <= ? returning *");
  const give = db.query("update scopes set held = held - ?, spent = spent + ? where kind = ? and id = ? returning *");
  const call = db.query("insert into calls (task_id, state, request, hold, started_at) values (?, 'held', ?, 5, ?)");
  const answer = db.query("update calls set state = 'settled', reply = ?, ended_at = ? where id = ?");
  const version = db.query("insert into deliverables (task_id, body, created_at) values (?, ?, ?)");
  const review = db.query("insert into reviews (task_id, verdict, scores, created_at) values (?, 'APPROVE', ?, ?)");
  const scopes = ["task", "goal", "day", "month"];
  for (const kind of scopes) db.run("insert into scopes values (?, 'one', 0, 0)", [kind]);
  return {
    insert: (id: number) => void insert.run(id),
    claim: change((id: number) => {
      claim.all(Date.now() + 15_000, id);
      told("task.started", id);
    }) as (id: number) => number,
    hold: change((id: number, body: string) => {
      for (const kind of scopes) take.all(5, kind, "one", 1e15);
      const { lastInsertRowid } = call.run(id, String(Bun.hash(body)), Date.now());
      told("call.held", id);
      return lastInsertRowid;
    }) as (id: number, body: string) => number,
    settle: change((callId: number, reply: string) => {
      for (const kind of scopes) give.all(5, 1, kind, "one");
      answer.run(reply, Date.now(), callId);
      told("call.settled", callId);
    }) as (callId: number, reply: string) => number,
    deliver: change((id: number, body: string) => {
      version.run(id, body, Date.now());
      move.run("reviewing", null, id);
      told("task.delivered", id);
    }) as (id: number, body: string) => number,
    conclude: change((id: number) => {
      review.run(id, "[]", Date.now());
      move.run("done", Date.now(), id);
      told("task.reviewed", id);
      told("task.done", id);
    }) as (id: number) => number,
  };
}

const SCHEMA = [
  "create table tasks (id integer primary key, status text, lease_until integer, epoch integer default 0, ended_at integer)",
  "create index tasks_status on tasks (status)",
  "create table scopes (kind text, id text, held integer, spent integer, primary key (kind, id))",
  "create table calls (id integer primary key, task_id integer, state text, request text, reply text, hold integer, started_at integer, ended_at integer)",
  "create index calls_task on calls (task_id)",
  "create table deliverables (id integer primary key, task_id integer, body text, created_at integer)",
  "create table reviews (id integer primary key, task_id integer, verdict text, scores text, created_at integer)",
  "create table events (seq integer primary key autoincrement, at integer, type text, task_id integer, data text)",
];
