/** The keeper: looks when it is due, never twice at once, waits longer after each failure, and stops when told to. */

import { expect, test } from "bun:test";
import { silentLog } from "../log/log.ts";
import { startKeeper } from "./keeper.ts";

const options = { log: silentLog, now: Date.now };

test("looks at once, and again as soon as it was told to", async () => {
  const third = Promise.withResolvers<void>();
  let looks = 0;
  const keeper = startKeeper(
    [
      {
        name: "part",
        everyMs: 60_000,
        look: async () => {
          if (++looks === 3) third.resolve();
          return Date.now();
        },
      },
    ],
    options,
  );
  await third.promise;
  await keeper.close();
  const then = looks;
  keeper.wake("part");
  expect(looks).toBe(then);
});

test("a wake during a look makes one more look, and never two at once", async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let looks = 0;
  let atOnce = 0;
  const keeper = startKeeper(
    [
      {
        name: "part",
        everyMs: 60_000,
        look: async () => {
          expect(++atOnce).toBe(1);
          if (++looks === 1) {
            begun.resolve();
            await go.promise;
          } else second.resolve();
          atOnce -= 1;
          return null;
        },
      },
    ],
    options,
  );
  await begun.promise;
  for (let i = 0; i < 10; i++) keeper.wake("part");
  go.resolve();
  await second.promise;
  await keeper.close();
  expect(looks).toBe(2);
});

test("a part that fails is told of, tried again, and forgotten when it works; the others go on", async () => {
  let fails = true;
  const well = Promise.withResolvers<void>();
  let others = 0;
  const failed = Promise.withResolvers<void>();
  const keeper = startKeeper(
    [
      {
        name: "bad",
        everyMs: 60_000,
        look: async () => {
          if (fails) {
            failed.resolve();
            throw new Error("no luck");
          }
          well.resolve();
          return null;
        },
      },
      {
        name: "good",
        everyMs: 60_000,
        look: async () => {
          others += 1;
          return null;
        },
      },
    ],
    options,
  );
  await failed.promise;
  await Promise.resolve();
  keeper.wake("good");
  expect([...keeper.faults()]).toEqual([["bad", "no luck"]]);
  fails = false;
  keeper.wake("bad");
  await well.promise;
  await keeper.close();
  expect([...keeper.faults()]).toEqual([]);
  expect(others).toBeGreaterThan(0);
});
