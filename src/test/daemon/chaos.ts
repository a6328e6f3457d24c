/** The longer chaos run: `bun run chaos [--goals 300] [--seed N] [--disturbances N]`. */

import { parseArgs } from "node:util";
import { chaos } from "./disturb.ts";

const { values } = parseArgs({
  options: {
    goals: { type: "string", default: "300" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    disturbances: { type: "string" },
  },
});
const goals = Number(values.goals);
const disturbances = Number(values.disturbances ?? Math.max(12, Math.round(goals / 4)));

const begun = performance.now();
console.log(`chaos, --seed ${values.seed}: ${goals} goals, ${disturbances} disturbances`);
const result = await chaos({ goals, seed: Number(values.seed), disturbances, say: console.log });
const { faults, takeovers, ...figures } = result;
console.log(JSON.stringify({ ...figures, takeovers: takeovers.length, slowestTakeoverMs: Math.max(0, ...takeovers) }));
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(`${faults.length} faults, ${Math.round((performance.now() - begun) / 1000)} s`);
process.exitCode = faults.length === 0 ? 0 : 1;
