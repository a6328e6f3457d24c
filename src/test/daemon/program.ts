/** A daemon as people run it: the real command line in a process of its own, with what it says and how it ends. */

import { childEnv, CLI } from "../kill/program.ts";

export type DaemonProcess = {
  readonly pid: number;
  /** The door's address, once it is open; null when the process ended before. */
  readonly ready: Promise<string | null>;
  readonly exited: Promise<number | null>;
  /** It ended by SIGKILL. */
  killed(): boolean;
  alive(): boolean;
  stderr(): string;
  /** Resolves when stderr holds the text; false when the process ended without it. */
  said(text: string): Promise<boolean>;
  signal(name: NodeJS.Signals): void;
};

export type DaemonStart = {
  /** Where the team's files lie: the process's folder. */
  readonly root: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** A file that Bun loads before the program. */
  readonly preload?: string;
  /** A command that starts it, as its last argument: a tracer. */
  readonly under?: readonly string[];
};

export function startDaemonProcess({ root, workspace, env, args = ["--yes"], preload, under = [] }: DaemonStart): DaemonProcess {
  const before = preload === undefined ? [] : ["--preload", preload];
  const child = Bun.spawn([...under, process.execPath, ...before, CLI, "--daemon", ...args, "--workspace", workspace], {
    cwd: root,
    env: childEnv({ PORT: "0", ...env }),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  let text = "";
  let ended = false;
  const waiting = new Set<() => void>();
  const tell = () => {
    for (const look of waiting) look();
  };
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const part of child.stderr) {
      text += decoder.decode(part, { stream: true });
      tell();
    }
  })();
  const exited = Promise.all([child.exited, read]).then(() => {
    ended = true;
    tell();
    return child.exitCode;
  });
  function until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const again = () => {
        const found = look();
        if (found === undefined) return;
        waiting.delete(again);
        resolve(found);
      };
      waiting.add(again);
      again();
    });
  }
  return {
    pid: child.pid,
    ready: until(() => /POST (http:\/\/[^\s/]+)\/webhook/.exec(text)?.[1] ?? (ended ? null : undefined)),
    exited,
    killed: () => child.signalCode === "SIGKILL" || child.signalCode === "SIGSEGV",
    alive: () => !ended,
    stderr: () => text,
    said: (wanted) => until(() => (text.includes(wanted) ? true : ended ? false : undefined)),
    signal: (name) => child.kill(name),
  };
}
