/** `--confirm` in a terminal: a plan that cannot be made ends as it would without asking. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { parseFault } from "../model/rehearsal/faults.ts";
import { cleanEnv, ROOT, tempDir } from "../test/cli.ts";

test("a refused key is a fault of the installation, with and without --confirm", async () => {
  await using dir = await tempDir();
  const parsed = parseFault("bad_key x*");
  if (!("fault" in parsed)) throw new Error(parsed.problem);
  const server = await startRehearsal({ seed: 1, faults: [parsed.fault] });
  try {
    const ended = async (flag: string) => {
      let screen = "";
      const child = Bun.spawn([process.execPath, join(ROOT, "src/cli.ts"), flag, "Improve onboarding of trial users"], {
        cwd: ROOT,
        env: cleanEnv({
          ANTHROPIC_API_KEY: "sk-ant-test-123456789",
          ANTHROPIC_BASE_URL: server.url,
          WORKSPACE_DIR: join(dir.path, flag),
        }),
        terminal: { cols: 120, rows: 40, data: (_terminal, bytes) => void (screen += new TextDecoder().decode(bytes)) },
      });
      const code = await child.exited;
      child.terminal?.close();
      return { code, screen };
    };
    const [asked, dry] = [await ended("--confirm"), await ended("--dry-run")];
    expect(asked).toMatchObject({ code: 3, screen: expect.stringContaining("error: ") });
    expect(dry.code).toBe(3);
  } finally {
    await server.stop();
  }
}, 60_000);
