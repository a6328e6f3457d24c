/** What checking the team's files costs: the command as a process, and the loader in this one, beside reading and parsing alone. */

import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/config.ts";
import { loadRegistry } from "../src/skills/registry.ts";
import { sample, type Figure } from "./figure.ts";
import { CLI } from "./team.ts";
import { readBare } from "./validate-bare.ts";

const PROCESSES = 25;
const LOADS = 100;
const BARE = join(import.meta.dir, "validate-bare.ts");

export async function validate(): Promise<Figure[]> {
  const root = PACKAGE_ROOT;
  const commands = await inTurn(
    PROCESSES,
    () => spawned([CLI, "validate"]),
    () => spawned([BARE, root]),
  );
  const loads = await inTurn(
    LOADS,
    async () => void (await loadRegistry({ root })),
    () => readBare(root),
  );
  const lints = await inTurn(
    LOADS,
    async () => void (await loadRegistry({ root, lints: true })),
    () => readBare(root),
  );
  const base = "the same files read and their YAML parsed";
  return [
    {
      key: "process",
      what: "`validate`, whole process",
      unit: "ms",
      value: commands.ours,
      base: { what: `a Bun program: ${base}`, value: commands.bare },
      note: `${(await loadRegistry({ root })).registry?.skills.size ?? 0} skills`,
    },
    {
      key: "load",
      what: "loadRegistry, as every command does it",
      unit: "ms",
      value: loads.ours,
      base: { what: base, value: loads.bare },
    },
    {
      key: "lint",
      what: "loadRegistry with lints, as `validate` does it",
      unit: "ms",
      value: lints.ours,
      base: { what: base, value: lints.bare },
    },
  ];
}

/** Both in turn, so that whatever else the machine does meets both alike. The first pair warms up and does not count. */
async function inTurn(runs: number, ours: () => unknown, bare: () => unknown) {
  const times: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  for (let run = 0; run <= runs; run++) {
    for (const [name, job] of [
      ["ours", ours],
      ["bare", bare],
    ] as const) {
      const began = performance.now();
      await job();
      if (run > 0) times[name].push(performance.now() - began);
    }
  }
  return { ours: sample(times.ours), bare: sample(times.bare) };
}

function spawned(args: readonly string[]): void {
  const run = Bun.spawnSync([process.execPath, ...args], {
    cwd: PACKAGE_ROOT,
    env: { ...process.env, NO_COLOR: "1" },
    stdout: "ignore",
  });
  if (!run.success) throw new Error(`${args.join(" ")} failed: ${run.stderr.toString()}`);
}
