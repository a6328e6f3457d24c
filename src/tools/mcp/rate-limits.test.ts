/** However calls arrive, no window of time holds more of them than allowed, and all of them come through. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createClock } from "./fixtures/harness.ts";
import { createRateLimiter } from "./rate-limits.ts";

const never = () => new AbortController().signal;

/** Lets everything run that needs no time. */
const settle = () => new Promise((done) => setImmediate(done));

describe("rate limits", () => {
  test("hold in every window, share a credential, come through", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          perSecond: fc.integer({ min: 1, max: 5 }),
          perMinute: fc.integer({ min: 3, max: 40 }),
          concurrency: fc.integer({ min: 1, max: 4 }),
        }),
        fc.array(fc.record({ after: fc.integer({ min: 0, max: 400 }), lasts: fc.integer({ min: 0, max: 1_500 }) }), {
          minLength: 1,
          maxLength: 40,
        }),
        async (limits, arrivals) => {
          const clock = createClock();
          const limiter = createRateLimiter(clock);
          const gates = [limiter.gate("key", limits), limiter.gate("key", { perMinute: 1_000 })];
          const taken: number[] = [];
          let running = 0;
          let most = 0;
          const work = arrivals.map(async ({ lasts }, index) => {
            await clock.sleep(arrivals.slice(0, index + 1).reduce((sum, { after }) => sum + after, 0) + 1, never());
            const turn = await gates[index % 2]?.take(never(), Infinity);
            if (turn?.ok !== true) throw new Error("refused");
            taken.push(clock.now());
            most = Math.max(most, ++running);
            await clock.sleep(lasts + 1, never());
            running--;
            turn.release();
            turn.release();
          });
          let over = false;
          const all = Promise.all(work).finally(() => (over = true));
          while (!over) {
            clock.advance(50);
            await settle();
          }
          await all;
          expect(most).toBeLessThanOrEqual(limits.concurrency);
          for (const [ms, limit] of [
            [1_000, limits.perSecond],
            [60_000, limits.perMinute],
          ] as const)
            for (const at of taken)
              expect(taken.filter((other) => other >= at && other < at + ms).length).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("who would wait too long is told, and takes no turn", async () => {
    const clock = createClock();
    const gate = createRateLimiter(clock).gate("key", { perDay: 1 });
    expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
    expect(await gate.take(never(), 60_000)).toEqual({ ok: false, detail: "the limit of 1 a day is reached; again in 86400 s" });
    clock.advance(86_400_000);
    expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
  });

  test("less than one a second is one in several", async () => {
    const clock = createClock();
    const gate = createRateLimiter(clock).gate("key", { perSecond: 0.25 });
    expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
    clock.advance(3_999);
    expect(await gate.take(never(), 0)).toEqual({ ok: false, detail: "the limit of 0.25 a second is reached; again in 1 s" });
    clock.advance(1);
    expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
    // Pace goes down with it.
    gate.tooMany(0);
    clock.advance(7_999);
    expect(await gate.take(never(), 0)).toMatchObject({ ok: false });
    clock.advance(1);
    expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
  });

  test("who is stopped while waiting leaves the place to the next", async () => {
    const clock = createClock();
    const gate = createRateLimiter(clock).gate("key", { concurrency: 1 });
    const first = await gate.take(never(), 0);
    const stop = new AbortController();
    const second = gate.take(stop.signal, 1_000);
    const third = gate.take(never(), 1_000);
    stop.abort();
    expect(await second).toMatchObject({ ok: false });
    if (!first.ok) throw new Error("refused");
    first.release();
    expect(await third).toMatchObject({ ok: true });
  });

  test("after too many requests: a pause, half the pace, and the old one after ten quiet minutes", async () => {
    const clock = createClock();
    const gate = createRateLimiter(clock).gate("key", { perMinute: 4 });
    gate.tooMany(2_000);
    expect(await gate.take(never(), 1_000)).toMatchObject({ ok: false, detail: "the vendor asked to wait; again in 2 s" });
    clock.advance(2_000);
    for (let i = 0; i < 2; i++) expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
    expect(await gate.take(never(), 0)).toMatchObject({ ok: false, detail: "the limit of 2 a minute is reached; again in 60 s" });
    clock.advance(600_000);
    for (let i = 0; i < 4; i++) expect(await gate.take(never(), 0)).toMatchObject({ ok: true });
    expect(await gate.take(never(), 0)).toMatchObject({ ok: false });
  });
});
