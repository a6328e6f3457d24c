/** A question that hangs: who asks is told in time, and asks no second one beside it. */

import { expect, test } from "bun:test";
import { inTime } from "./in-time.ts";

test("an answer, a failure, and none; one that hangs is shared until it ends", async () => {
  let asked = 0;
  let next = Promise.withResolvers<string>();
  const ask = inTime(() => (asked++, next.promise), 20);
  next.resolve("yes");
  expect(await ask()).toBe("yes");
  next = Promise.withResolvers();
  next.reject(new Error("no"));
  expect(await ask().catch(String)).toBe("Error: no");
  next = Promise.withResolvers();
  expect([await ask(), await ask(), await Promise.all([ask(), ask()])]).toEqual([null, null, [null, null]]);
  expect(asked).toBe(3);
  // Too late for anybody: that is nobody's unhandled error.
  next.reject(new Error("gone"));
  await new Promise((resolve) => setImmediate(resolve));
  next = Promise.withResolvers();
  next.resolve("back");
  expect([await ask(), asked]).toEqual(["back", 4]);
});
