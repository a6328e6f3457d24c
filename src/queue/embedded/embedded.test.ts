/** The embedded queue: the contract, and what only a queue in the same process can promise. */

import { expect, test } from "bun:test";
import type { Log } from "../../log/log.ts";
import { silentLog } from "../../log/log.ts";
import { queueContract } from "../contract.ts";
import { createEmbeddedQueue } from "./embedded.ts";

queueContract({ name: "embedded", create: () => createEmbeddedQueue() });

test("delivers on the next microtask, without a timer", async () => {
  const queue = createEmbeddedQueue();
  const calls: (readonly string[] | null)[] = [];
  queue.listen((taskIds) => calls.push(taskIds));
  queue.signal(["task_1"]);
  await Promise.resolve();
  expect(calls).toEqual([["task_1"]]);
});

test("counts a signal without a listener as not delivered", async () => {
  const queue = createEmbeddedQueue();
  queue.signal(["task_1", "task_1"]);
  await Promise.resolve();
  queue.listen(() => {});
  queue.signal(["task_2", "task_2"]);
  await Promise.resolve();
  expect(await queue.counts()).toEqual({ signalled: 4, delivered: 2 });
});

test("does not tell a listener that an earlier one has just stopped", async () => {
  const queue = createEmbeddedQueue();
  const calls: string[] = [];
  let stopSecond = () => {};
  queue.listen(() => {
    calls.push("first");
    stopSecond();
  });
  stopSecond = queue.listen(() => calls.push("second"));
  queue.signal(["task_1"]);
  await Promise.resolve();
  expect(calls).toEqual(["first"]);
});

test("logs a handler that fails, at once or later", async () => {
  const failures: unknown[] = [];
  const both = Promise.withResolvers<void>();
  const error: Log["error"] = (_message, fields) => {
    if (failures.push(fields?.["error"]) === 2) both.resolve();
  };
  const log: Log = { ...silentLog, error };
  const queue = createEmbeddedQueue({ log });
  const [now, later] = [new Error("now"), new Error("later")];
  queue.listen(() => {
    throw now;
  });
  queue.listen(() => Promise.reject(later) as unknown as undefined);
  queue.signal(["task_1"]);
  await both.promise;
  expect(failures).toEqual([now, later]);
});

test("a deviation must name a test of the contract", () => {
  const skip = [{ reason: "none", tests: ["no such test"] }];
  expect(() => queueContract({ name: "broken", create: () => createEmbeddedQueue(), skip })).toThrow("no such test");
});
