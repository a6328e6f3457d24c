/** Test fixture: the real command line as a child process, in a workspace of its own, with no key from outside. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dir, "../..");
const CLI = join(ROOT, "src/cli.ts");

export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type CliOptions = { readonly env?: Record<string, string>; readonly cwd?: string; readonly stdin?: string };

/** Only what a child needs: "green" must not depend on somebody's key or settings. */
export function cleanEnv(extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", TMPDIR: tmpdir(), ...extra };
}

export function spawnCli(args: readonly string[], options: CliOptions = {}) {
  return Bun.spawn([process.execPath, CLI, ...args], {
    cwd: options.cwd ?? ROOT,
    env: cleanEnv(options.env),
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
}

export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawnCli(args, options);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** An empty folder that goes away again. */
export async function tempDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "marketeam-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Lets so many jobs go at a time; the rest waits its turn. For stories that start a process each. */
export function lanes(free: number) {
  const waiting: (() => void)[] = [];
  return async <T>(job: () => Promise<T>): Promise<T> => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
