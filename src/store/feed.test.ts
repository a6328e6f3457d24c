/** The feed on a source made by hand, so that every order of answers can be played. */

import { expect, test } from "bun:test";
import { silentLog } from "../log/log.ts";
import { createFeed, type FeedSource } from "./feed.ts";

/** A table of events whose reads answer when told, or at once. */
function source() {
  const rows: Awaited<ReturnType<FeedSource["after"]>> = [];
  let gate: Promise<void> | null = null;
  let broken = false;
  let watching = 0;
  const asked: number[] = [];
  const answer = async <T>(value: () => T): Promise<T> => {
    await gate;
    if (broken) throw new Error("the database is away");
    return value();
  };
  const feedSource: FeedSource = {
    newest: () => answer(() => rows.at(-1)?.seq ?? 0),
    // What is committed when the question arrives, however long the answer takes.
    after: (seq, limit) => {
      asked.push(seq);
      const page = rows.filter((row) => row.seq > seq).slice(0, limit);
      return answer(() => page);
    },
    watch: () => {
      watching += 1;
      return () => {
        watching -= 1;
      };
    },
  };
  return {
    feed: createFeed({ source: feedSource, log: silentLog }),
    commit: (seq: number) =>
      rows.push({
        seq,
        tenant: "t",
        at: 0,
        type: "goal.completed",
        goal_id: "g",
        task_id: null,
        rehearsal: 0,
        data: '{"open":0}',
      }),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = null;
        resolve();
      };
    },
    break: (yes: boolean) => {
      broken = yes;
    },
    watching: () => watching,
    asked,
  };
}

test("ready waits until a subscription has its beginning", async () => {
  const { feed, commit, hold } = source();
  commit(1);
  const release = hold();
  const seen: number[] = [];
  feed.subscribe((event) => seen.push(event.seq));
  let ready = false;
  const waiting = feed.ready().then(() => {
    ready = true;
  });
  await Promise.resolve();
  expect(ready).toBe(false);
  release();
  await waiting;
  commit(2);
  await feed.tell();
  expect(seen).toEqual([2]);
});

test("who comes late gets nothing from before, though the cursor lags behind", async () => {
  const { feed, commit } = source();
  const early: number[] = [];
  const late: number[] = [];
  feed.subscribe((event) => early.push(event.seq));
  await feed.ready();
  // Committed by another process: nobody has told us yet.
  commit(1);
  feed.subscribe((event) => late.push(event.seq));
  await feed.ready();
  commit(2);
  await feed.tell();
  expect(early).toEqual([1, 2]);
  expect(late).toEqual([2]);
});

test("a commit made while a read is under way is told by a second read", async () => {
  const { feed, commit, hold } = source();
  const seen: number[] = [];
  feed.subscribe((event) => seen.push(event.seq));
  await feed.ready();
  const release = hold();
  const first = feed.tell();
  commit(1);
  const second = feed.tell();
  release();
  await Promise.all([first, second]);
  expect(seen).toEqual([1]);
});

test("a long tail comes in pages, whole and in order", async () => {
  const { feed, commit } = source();
  const seen: number[] = [];
  feed.subscribe((event) => seen.push(event.seq));
  await feed.ready();
  for (let seq = 1; seq <= 1700; seq++) commit(seq);
  await feed.tell();
  expect(seen).toEqual(Array.from({ length: 1700 }, (_, n) => n + 1));
});

test("while the database is away a subscription is not ready, and telling does not fail; then it goes on", async () => {
  const { feed, commit, break: setBroken } = source();
  setBroken(true);
  const seen: number[] = [];
  feed.subscribe((event) => seen.push(event.seq));
  expect(String(await feed.ready().catch((error: unknown) => error))).toContain("away");
  await feed.tell();
  setBroken(false);
  await feed.ready();
  commit(1);
  await feed.tell();
  expect(seen).toEqual([1]);
});

test("a handler may stop itself or others in the middle, and nothing is watched for nobody", async () => {
  const { feed, commit, watching } = source();
  const seen: string[] = [];
  const stops: (() => void)[] = [];
  stops.push(
    feed.subscribe((event) => {
      seen.push(`a${event.seq}`);
      for (const stop of stops) stop();
    }),
  );
  stops.push(feed.subscribe((event) => seen.push(`b${event.seq}`)));
  await feed.ready();
  expect(watching()).toBe(1);
  commit(1);
  commit(2);
  await feed.tell();
  expect(seen).toEqual(["a1"]);
  expect(watching()).toBe(0);
});

test("a subscription after a pause begins anew, not where the last one ended", async () => {
  const { feed, commit, asked } = source();
  const stop = feed.subscribe(() => {});
  await feed.ready();
  stop();
  const before = asked.length;
  commit(1);
  const seen: number[] = [];
  feed.subscribe((event) => seen.push(event.seq));
  await feed.ready();
  commit(2);
  await feed.tell();
  expect(seen).toEqual([2]);
  // What happened while nobody listened is not even read.
  expect(new Set(asked.slice(before))).toEqual(new Set([1]));
});
