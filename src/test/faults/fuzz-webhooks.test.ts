/** Webhooks, spoilt in every way that one can think of, 100,000 times. */

import { expect, test } from "bun:test";
import { createHandler } from "../../api/handler.ts";
import { silentLog } from "../../log/log.ts";
import { openBus } from "../bus.ts";
import { randomFrom } from "../random.ts";
import { mutated, OLD_TOKEN, SOURCES, TOKEN, toRequest } from "../requests.ts";

const FINE = new Set([200, 202, 400, 401, 404, 405, 408, 409, 413, 415]);

test("100,000 mutated requests: each gets one of the answers there are, none takes long, and what was accepted is in the inbox", async () => {
  const endless = { perSecond: 1e9, burst: 1e9 };
  await using at = await openBus("sqlite", { now: Date.now(), events: { drop: { cooldown: 3600 } } });
  const handle = createHandler({
    ...{ bus: at.bus, sources: SOURCES, tokens: [TOKEN, OLD_TOKEN], limits: { address: endless, source: endless } },
    ...{ health: () => ({ ready: true, level: "full", reasons: [] }), metrics: () => "", log: silentLog, now: () => Date.now() },
  });
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const counts = new Map<number, number>();
  const TOTAL = 100_000;
  const LANES = 200;
  let slowest = 0;
  for (let n = 0; n < TOTAL; n += LANES) {
    const batch = await Promise.all(Array.from({ length: LANES }, (_, i) => mutated(random, n + i)));
    const began = performance.now();
    const answers = await Promise.all(batch.map((parts) => handle(toRequest(parts), { address: "203.0.113.9" })));
    slowest = Math.max(slowest, performance.now() - began);
    for (const [i, answer] of answers.entries()) {
      counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      if (!FINE.has(answer.status)) throw new Error(`seed ${seed}, request ${n + i}: ${answer.status} ${await answer.text()}`);
    }
  }
  const kept = await at.store.read((read) =>
    read.db
      .selectFrom("inbox")
      .select((eb) => eb.fn.countAll<number>().as("n"))
      .executeTakeFirst(),
  );
  expect(kept?.n).toBe(counts.get(202) ?? 0);
  expect(counts.get(202)).toBeGreaterThan(TOTAL / 20);
  for (const status of [400, 401, 404, 405, 415]) expect(counts.get(status)).toBeGreaterThan(0);
  // A batch of 200 with its commits; a parser that hangs would take longer by far.
  expect(slowest).toBeLessThan(5_000);
}, 240_000);
