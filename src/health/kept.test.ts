/** Health that is kept for a moment: read once for all who ask, anew when it is old, never a failure, and its age is true. */

import { expect, test } from "bun:test";
import { createKept } from "./kept.ts";

function setUp(read: (nth: number) => { level: string } | Promise<{ level: string }>) {
  let [time, reads] = [5_000, 0];
  const health = createKept({ read: () => read(++reads), keepMs: 1_000, clock: () => time });
  return { health, reads: () => reads, pass: (ms: number) => void (time += ms) };
}

test("is read once and told with its age until it is older than a second", async () => {
  const at = setUp((nth) => ({ level: `level ${nth}` }));
  expect(await at.health()).toEqual({ level: "level 1", ageMs: 0 });
  at.pass(400.4);
  expect(await at.health()).toEqual({ level: "level 1", ageMs: 400 });
  at.pass(599.6);
  expect(await at.health()).toEqual({ level: "level 1", ageMs: 1_000 });
  at.pass(1);
  expect(await at.health()).toEqual({ level: "level 2", ageMs: 0 });
  expect(at.reads()).toBe(2);
});

test("who asks during a reading waits for it, and its age counts from where it began", async () => {
  const gate = Promise.withResolvers<void>();
  const at = setUp(async (nth) => gate.promise.then(() => ({ level: `level ${nth}` })));
  const first = at.health();
  at.pass(700);
  const second = at.health();
  at.pass(900);
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([
    { level: "level 1", ageMs: 1_600 },
    { level: "level 1", ageMs: 1_600 },
  ]);
  // Older than a second when it came: told to those who waited, and to nobody else.
  expect(await at.health()).toEqual({ level: "level 2", ageMs: 0 });
});

test("a failure reaches all who wait for it and is forgotten; what was known before is not told in its place", async () => {
  const at = setUp((nth) => (nth === 2 ? Promise.reject(new Error("nobody knows")) : { level: `level ${nth}` }));
  await at.health();
  at.pass(2_000);
  const both = await Promise.allSettled([at.health(), at.health()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(at.reads()).toBe(2);
  expect(await at.health()).toEqual({ level: "level 3", ageMs: 0 });
});

test("a reading that throws at once is a failure like any other", async () => {
  const at = setUp((nth) => {
    if (nth === 1) throw new Error("at once");
    return { level: "well" };
  });
  await expect(at.health()).rejects.toThrow("at once");
  expect(await at.health()).toEqual({ level: "well", ageMs: 0 });
});
