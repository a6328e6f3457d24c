/** Chaos on three daemons, one PostgreSQL, one Redis, their clocks and the wire to the model, in the form for CI: `bun run chaos` is the longer one. */

import { expect, test } from "bun:test";
import { redisProgram } from "../../queue/bullmq/test-server.ts";
import { chaos } from "../daemon/disturb.ts";
import { postgresPrograms } from "../daemon/servers.ts";

/** Some 75 s on two idle cores. */
const LIMIT_MS = 300_000;

test.skipIf(!there())(
  "daemons, clocks, the model, Redis and PostgreSQL break again and again: 30 goals end, no settled call is repeated, no tick fires twice",
  async () => {
    const seed = Math.floor(Math.random() * 1_000_000);
    const { faults, takeovers, pauses, ...figures } = await chaos({ goals: 30, seed, disturbances: 16, say: console.log });
    const slowest = Math.max(0, ...takeovers);
    console.log(
      `seed ${seed}: ${JSON.stringify(figures)}, ${takeovers.length} tasks taken over, the slowest in ${slowest} ms; of paused ones ${Math.max(0, ...pauses)} ms`,
    );
    expect(faults).toEqual([]);
    expect(figures.did).toMatchObject({ "a daemon killed": expect.any(Number), "PostgreSQL cut": expect.any(Number) });
  },
  LIMIT_MS,
);

/** Both servers' programs: it breaks them, so they must be its own. */
function there(): boolean {
  const missing = [postgresPrograms() === null ? "PostgreSQL" : [], redisProgram() === null ? "redis-server" : []].flat();
  if (missing.length === 0) return true;
  const why = `chaos needs ${missing.join(" and ")} installed`;
  if (process.env.REQUIRE_SERVICES === "1") throw new Error(`required by REQUIRE_SERVICES=1, but: ${why}`);
  console.error(`SKIP chaos: ${why}`);
  return false;
}
