/** Test fixture: the process in which one command runs after the other. Each walks through the door, `cli.ts`, anew. */

import { fstatSync } from "node:fs";
import { join } from "node:path";

export type Wanted = { readonly args: readonly string[]; readonly cwd: string; readonly env: Readonly<Record<string, string>> };
/** The exit code, and which bytes of the two output files are this command's. */
export type Ended = {
  readonly code: number;
  readonly stdout: readonly [number, number];
  readonly stderr: readonly [number, number];
};

const CLI = join(import.meta.dir, "../cli.ts");
const written = () => [fstatSync(1).size, fstatSync(2).size] as const;
let commands = 0;

async function run({ args, cwd, env }: Wanted): Promise<Ended> {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  process.argv.splice(1, Infinity, CLI, ...args);
  const ended = Promise.withResolvers<number>();
  process.exit = ((code: number) => ended.resolve(code)) as typeof process.exit;
  const before = written();
  // Another address each time: what `cli.ts` imports stays, `cli.ts` itself begins again.
  await import(`${CLI}?${++commands}`);
  const code = await ended.promise;
  const after = written();
  return { code, stdout: [before[0], after[0]], stderr: [before[1], after[1]] };
}

if (import.meta.main) {
  process.on("message", async (wanted: Wanted) => process.send?.(await run(wanted)));
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
}
