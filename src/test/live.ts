/** The live suite, for those who have a key: one small goal on the cheapest model, with a cap of $0.50. Without a key it says so. */

import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { goalResult } from "../domain/result.ts";
import { cli, ROOT, tempDir } from "./cli.ts";

const CAP_USD = 0.5;
const key = process.env.ANTHROPIC_API_KEY?.trim();
if (!key) console.log("The live suite did not run: ANTHROPIC_API_KEY is not set.");
else process.exitCode = (await live(key)) ? 0 : 1;

async function live(apiKey: string): Promise<boolean> {
  await using dir = await tempDir();
  const root = join(dir.path, "team");
  for (const name of ["skills.yaml", "tools.yaml", ".agents"]) await cp(join(ROOT, name), join(root, name), { recursive: true });
  // Every tier on the light model: the wire is what is tested, not the quality.
  const file = join(root, ".agents/models.yaml");
  const models = await readFile(file, "utf8");
  const light = /^\s+light:\s*(\S+)/m.exec(models)?.[1];
  if (!light) throw new Error(".agents/models.yaml names no light model");
  await writeFile(file, models.replace(/^(\s+(?:strong|standard):\s*)\S+/gm, `$1${light}`));
  const outcome = await cli(
    [
      "--json",
      "--budget",
      String(CAP_USD),
      "--workspace",
      join(dir.path, "workspace"),
      "Write three short social posts that announce a free, open-source tool for invoices",
    ],
    {
      cwd: root,
      env: {
        ANTHROPIC_API_KEY: apiKey,
        ...(process.env.ANTHROPIC_BASE_URL ? { ANTHROPIC_BASE_URL: process.env.ANTHROPIC_BASE_URL } : {}),
      },
    },
  );
  const parsed = goalResult.safeParse(JSON.parse(outcome.stdout || "null"));
  if (!parsed.success) {
    console.log(`The live goal printed no result (exit ${outcome.code}).\n${outcome.stderr}`);
    return false;
  }
  const { status, tasks, costUsd, quote } = parsed.data;
  console.log(
    `The live goal ended ${status} (exit ${outcome.code}): ${tasks.map((task) => `${task.skill} ${task.status}`).join(", ")}; $${costUsd.toFixed(4)} of $${CAP_USD}, quoted $${quote?.likely ?? "?"}.`,
  );
  const checks: [string, boolean][] = [
    [
      "it ended, or waits with a question",
      (status === "completed" && outcome.code === 0) || (status === "paused" && outcome.code === 4),
    ],
    ["it stayed within its cap", costUsd <= CAP_USD],
    ["real calls were paid for", costUsd > 0],
    ["something was handed in", tasks.some((task) => task.output !== null) || status === "paused"],
  ];
  for (const [what, ok] of checks) console.log(`${ok ? "ok  " : "FAIL"} ${what}`);
  return checks.every(([, ok]) => ok);
}
