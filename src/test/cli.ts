/** Test fixture: the real command line as a child process, in a workspace of its own, with no key from outside. */

import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Ended, Wanted } from "./cli-host.ts";

export const ROOT = resolve(import.meta.dir, "../..");
const CLI = join(ROOT, "src/cli.ts");

export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type CliOptions = { readonly env?: Record<string, string>; readonly cwd?: string; readonly stdin?: string };

/** A child lives a second: what the optimising compiler costs in it never comes back. The program does the same without it. */
export const BRIEF = { BUN_JSC_useDFGJIT: "0" };

/** Only what a child needs: "green" must not depend on somebody's key or settings. */
export function cleanEnv(extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", TMPDIR: tmpdir(), ...BRIEF, ...extra };
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

/**
 * The same as `cli`, in a process that stays for the next command and so need not load the program again: for commands
 * that are about what they say and do, not about how the program starts and ends. One at a time.
 */
export function command(args: readonly string[], options: Omit<CliOptions, "stdin"> = {}): Promise<CliResult> {
  const wanted = { args, cwd: options.cwd ?? ROOT, env: cleanEnv(options.env) };
  const result = queue.then(() => (host ??= startHost()).run(wanted));
  queue = result.catch(() => {});
  return result;
}

/** Nobody asks any more: the file's tests are over, or do something else for long. */
const IDLE_MS = 3_000;
let queue: Promise<unknown> = Promise.resolve();
let host: ReturnType<typeof startHost> | null = null;

function startHost() {
  const folder = mkdtempSync(join(tmpdir(), "marketeam-host-"));
  const [out, err] = [openSync(join(folder, "out"), "w+"), openSync(join(folder, "err"), "w+")];
  // Both are open, and nobody needs their names.
  rmSync(folder, { recursive: true });
  let waiting: PromiseWithResolvers<Ended> | null = null;
  let idle: Timer;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "cli-host.ts")], {
    // This one lives long enough for the optimising compiler.
    env: { ...cleanEnv(), BUN_JSC_useDFGJIT: "1" },
    stdin: "ignore",
    stdout: out,
    stderr: err,
    ipc: (ended: Ended) => waiting?.resolve(ended),
    onExit(_, code, signal) {
      gone();
      waiting?.reject(new Error(`the host of the commands ended with ${code ?? signal}: ${readPart(err, [0, 2_000])}`));
      for (const fd of [out, err]) closeSync(fd);
    },
  });
  child.unref();
  const gone = () => {
    if (host === own) host = null;
  };
  const own = {
    async run(wanted: Wanted): Promise<CliResult> {
      clearTimeout(idle);
      waiting = Promise.withResolvers();
      child.ref();
      child.send(wanted);
      const { code, stdout, stderr } = await waiting.promise;
      waiting = null;
      child.unref();
      idle = setTimeout(() => {
        gone();
        child.kill("SIGKILL");
      }, IDLE_MS).unref();
      return { code, stdout: readPart(out, stdout), stderr: readPart(err, stderr) };
    },
  };
  return own;
}

function readPart(fd: number, [from, to]: readonly [number, number]): string {
  const bytes = Buffer.alloc(to - from);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, from));
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
