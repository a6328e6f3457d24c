/** The program under test as people run it: the real command line, in a process of its own. */

import { resolve } from "node:path";
import { BRIEF } from "../cli.ts";

export const CLI = resolve(import.meta.dir, "../../cli.ts");
/** No command of these scenarios takes this long: one that does hangs, and is ended so that the suite can say so. */
const LIMIT_MS = 60_000;

export type Ended = {
  readonly args: readonly string[];
  readonly code: number | null;
  /** The process ended by SIGKILL before the limit: by its own hand, or by ours at `killAfterMs`. */
  readonly killed: boolean;
  readonly hung: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** UTC ms. */
  readonly startedAt: number;
  readonly endedAt: number;
};

export type Command = {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Send SIGINT at the first line on stdout that holds this text. */
  readonly interruptAt?: string | undefined;
  /** Counted from the first output: before it there is little to break, and a busy machine takes long to begin. */
  readonly killAfterMs?: number | undefined;
};

/** An environment without anything of the machine's own settings. */
export function childEnv(own: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = "", HOME = "/", TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), NO_COLOR: "1", CI: "1", ...own };
}

export async function runProgram(command: Command): Promise<Ended> {
  const startedAt = Date.now();
  const child = Bun.spawn([process.execPath, CLI, ...command.args], {
    cwd: command.cwd,
    env: childEnv({ ...BRIEF, ...command.env }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, LIMIT_MS);
  let late: Timer | undefined;
  const { interruptAt, killAfterMs } = command;
  let interrupted = false;
  const [stdout, stderr] = await Promise.all([
    readAll(child.stdout, (soFar) => {
      if (killAfterMs !== undefined) late ??= setTimeout(() => child.kill("SIGKILL"), killAfterMs);
      if (interruptAt === undefined || interrupted || !soFar.includes(interruptAt)) return;
      interrupted = true;
      child.kill("SIGINT");
    }),
    readAll(child.stderr, () => {}),
    child.exited,
  ]);
  clearTimeout(limit);
  clearTimeout(late);
  const killed = child.signalCode === "SIGKILL" && !hung;
  return { args: command.args, code: child.exitCode, killed, hung, stdout, stderr, startedAt, endedAt: Date.now() };
}

async function readAll(stream: ReadableStream<Uint8Array>, look: (soFar: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of stream) {
    text += decoder.decode(part, { stream: true });
    look(text);
  }
  return text;
}
