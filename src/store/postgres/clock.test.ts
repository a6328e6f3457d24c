/** The database's clock: how it is carried on between two readings, and when it is read again. */

import { expect, test } from "bun:test";
import { createDatabaseClock } from "./clock.ts";

const NOON = Date.UTC(2026, 10, 21, 12);

/** A database and a machine whose clocks the test moves. */
function scene() {
  const world = {
    ...{ database: NOON, elapsed: 1_000, machine: NOON + 600_000, tookMs: 2, asked: 0, fails: false },
    /** Resolves when an answer on its way has been taken in. */
    answered: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  const clock = createDatabaseClock({
    async ask() {
      world.asked += 1;
      if (world.fails) throw new Error("away");
      return { at: world.database, tookMs: world.tookMs };
    },
    elapsed: () => world.elapsed,
    machine: () => world.machine,
  });
  const pass = (ms: number) => {
    world.database += ms;
    world.elapsed += ms;
    world.machine += ms;
  };
  return { world, clock, pass };
}

test("it is the database's time, whatever this machine's clock says, and goes on without being asked", async () => {
  const { world, clock, pass } = scene();
  await clock.refresh();
  expect(clock.now()).toBe(NOON);
  pass(4_000);
  world.machine -= 3_600_000;
  await clock.refresh();
  expect([clock.now(), world.asked]).toEqual([NOON + 4_000, 1]);
});

test("a reading that is not fresh is replaced while it is still used; one that is old is waited for, once for all", async () => {
  const { world, clock, pass } = scene();
  await clock.refresh();
  pass(5_001);
  world.database += 90_000;
  const looking = clock.refresh();
  expect(clock.now()).toBe(NOON + 5_001);
  await looking;
  await world.answered();
  expect(clock.now()).toBe(NOON + 95_001);
  pass(30_001);
  world.database += 90_000;
  await Promise.all([clock.refresh(), clock.refresh(), clock.refresh()]);
  expect([clock.now(), world.asked]).toEqual([NOON + 215_002, 3]);
});

test("after this machine has slept, during which nothing seemed to pass, it is read again", async () => {
  const { world, clock } = scene();
  await clock.refresh();
  world.database += 3_600_000;
  world.machine += 3_600_000;
  await clock.refresh();
  expect(clock.now()).toBe(NOON + 3_600_000);
});

test("the way of an answer does not set it back; a database that was set back does", async () => {
  const { world, clock, pass } = scene();
  await clock.refresh();
  pass(31_000);
  world.elapsed += 80;
  await clock.refresh();
  expect(clock.now()).toBe(NOON + 31_080);
  pass(31_000);
  world.database -= 60_000;
  await clock.refresh();
  expect(clock.now()).toBe(world.database);
});

test("a slow answer is used where there is no better one, and asked for again", async () => {
  const { world, clock, pass } = scene();
  world.tookMs = 1_500;
  await clock.refresh();
  expect(clock.now()).toBe(NOON);
  world.tookMs = 2;
  await clock.refresh();
  pass(6_000);
  world.tookMs = 1_500;
  world.database -= 1_500;
  await clock.refresh();
  await world.answered();
  expect([clock.now(), world.asked]).toEqual([NOON + 6_000, 3]);
  pass(25_000);
  await clock.refresh();
  expect([clock.now(), world.asked]).toEqual([NOON + 29_500, 4]);
});

test("one that fails is told to who waits for it, and to nobody else; the next use asks again", async () => {
  const { world, clock, pass } = scene();
  await clock.refresh();
  world.fails = true;
  pass(6_000);
  await clock.refresh();
  await world.answered();
  expect([clock.now(), world.asked]).toEqual([NOON + 6_000, 2]);
  pass(30_000);
  expect(await clock.refresh().catch(String)).toBe("Error: away");
  world.fails = false;
  await clock.refresh();
  expect([clock.now(), world.asked]).toEqual([NOON + 36_000, 4]);
});
