/** Stories of exit codes: how a run that did not get done tells a script why, each through a server that speaks the provider's errors. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { goalResult } from "../domain/result.ts";
import { parseFault } from "../model/rehearsal/faults.ts";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { command, tempDir } from "./cli.ts";

test.each([
  ["the provider refuses the key", "bad_key x*", 3, "paused"],
  ["the provider does not know the model", "not_found x*", 3, "paused"],
  ["the provider's own limit is reached", "spend_limit x*", 4, "paused"],
  ["a person must decide", "refusal@make x*", 4, "paused"],
  ["nothing that was asked for came", "empty@make x*", 1, "failed"],
] as const)("%s (%s): exit %i, the goal is %s", async (_, text, code, status) => {
  await using dir = await tempDir();
  const parsed = parseFault(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const server = startRehearsal({ seed: 1, faults: [parsed.fault] });
  try {
    const run = await command(["--json", "--pipeline", "Social Content", "--workspace", join(dir.path, "workspace")], {
      env: { ANTHROPIC_BASE_URL: server.url, ANTHROPIC_API_KEY: "any-key-at-all" },
    });
    expect([run.code, goalResult.parse(JSON.parse(run.stdout)).status]).toEqual([code, status]);
  } finally {
    await server.stop();
  }
});
