/** The longer kill run: `bun run test:kill [--each 20] [--random 40] [--seed N] [--only TEXT]`. */

import { parseArgs } from "node:util";
import { killSuite, recoveryLine } from "./kill/suite.ts";

const { values } = parseArgs({
  options: {
    each: { type: "string", default: "20" },
    random: { type: "string", default: "40" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    only: { type: "string" },
  },
});

const begun = performance.now();
console.log(`kill suite, --seed ${values.seed}: ${values.each} kills a point, ${values.random} at random times`);
const result = await killSuite({
  each: Number(values.each),
  random: Number(values.random),
  seed: Number(values.seed),
  only: values.only,
  say: console.log,
});
console.log(recoveryLine(result.recovery));
for (const point of result.unpassed) console.log(`FAULT ${point}: no scenario passes it`);
for (const fault of result.faults) console.log(`FAULT ${fault}`);
const bad = result.unpassed.length + result.faults.length;
console.log(
  `${result.points.length} points, ${result.kills} kills, ${bad} faults, ${Math.round((performance.now() - begun) / 1000)} s`,
);
process.exitCode = bad === 0 ? 0 : 1;
