/** The longer chaos run: `bun run chaos [--goals 300] [--minutes M] [--seed N] [--disturbances N]`. */

import { parseArgs } from "node:util";
import { chaos } from "./disturb.ts";

const { values } = parseArgs({
  options: {
    goals: { type: "string" },
    minutes: { type: "string", default: "0" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    disturbances: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const goals = Number(values.goals ?? (minutes > 0 ? 30 : 300));
const disturbances = Number(values.disturbances ?? Math.max(12, Math.round(goals / 4)));

const begun = performance.now();
console.log(`chaos, --seed ${values.seed}: ${goals} goals, ${disturbances} disturbances, ${minutes} minutes at least`);
const result = await chaos({ goals, seed: Number(values.seed), disturbances, forMs: minutes * 60_000, say: console.log });
const { faults, takeovers, pauses, ...figures } = result;
const slowest = {
  takeovers: takeovers.length,
  slowestTakeoverMs: Math.max(0, ...takeovers),
  slowestPauseMs: Math.max(0, ...pauses),
};
console.log(JSON.stringify({ ...figures, ...slowest }));
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(`${faults.length} faults, ${Math.round((performance.now() - begun) / 1000)} s`);
process.exitCode = faults.length === 0 ? 0 : 1;
