/** A child process in a process group of its own that ends with us, however we end. */

/**
 * Becomes the server by `exec`, and leaves a watchdog in its group that reads from us on descriptor 3: when we are gone, kill -9
 * included, it reads the end and kills the group. A server that only reads stdin would see the end too; this one need not.
 */
const GUARDED = `(trap "" TERM HUP INT; read -r _ <&3; kill -s TERM -- -$$; sleep 1; kill -s KILL -- -$$) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&-`;

export type ChildOptions = {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly closeMs: number;
  readonly stderr: (chunk: Uint8Array) => void;
};

export type Child = {
  readonly pid: number;
  readonly stdout: ReadableStream<Uint8Array>;
  /** Resolves with words for how it ended. Whatever else runs in its group is killed then. */
  readonly ended: Promise<string>;
  /** False: nothing was written, it is gone. */
  write(text: string): boolean;
  /** Closes stdin, then SIGTERM, then SIGKILL, to the whole group; each step waits `closeMs`. */
  end(): Promise<void>;
  /** At once. */
  kill(): void;
};

/** Throws with a sentence when the program is not there. */
export function startChild({ command, args, env, cwd, closeMs, stderr }: ChildOptions): Child {
  const program = Bun.which(command, { PATH: env["PATH"] ?? "", cwd });
  if (program === null) throw new Error(`the program "${command}" was not found in PATH`);
  const process_ = Bun.spawn(["/bin/sh", "-c", GUARDED, "sh", program, ...args], {
    cwd,
    env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const { pid, stdin } = process_;
  let gone = false;
  const signal = (name: "SIGTERM" | "SIGKILL") => {
    try {
      process.kill(-pid, name);
    } catch {
      // The group is empty.
    }
  };
  void drain(process_.stderr, stderr);
  const ended = process_.exited.then((code) => {
    gone = true;
    // Whatever it left behind would hold its pipes.
    signal("SIGKILL");
    return process_.signalCode === null ? `it ended with exit code ${code}` : `it was ended by ${process_.signalCode}`;
  });
  const within = async (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    const inTime = await Promise.race([ended.then(() => true), promise]);
    clearTimeout(timer);
    return inTime;
  };
  return {
    pid,
    stdout: process_.stdout,
    ended,
    write(text) {
      if (gone || process_.exitCode !== null || process_.signalCode !== null) return false;
      try {
        // What a server does not read waits in memory, not in this call.
        stdin.write(text);
        void Promise.resolve(stdin.flush()).catch(() => {});
        return true;
      } catch {
        // The sink takes nothing any more.
        return false;
      }
    },
    async end() {
      void Promise.resolve(stdin.end()).catch(() => {});
      if (await within(closeMs)) return;
      signal("SIGTERM");
      if (await within(closeMs)) return;
      signal("SIGKILL");
      await ended;
    },
    kill: () => signal("SIGKILL"),
  };
}

async function drain(stream: ReadableStream<Uint8Array>, take: (chunk: Uint8Array) => void): Promise<void> {
  try {
    for await (const chunk of stream) take(chunk);
  } catch {
    // The pipe broke: the process is ending.
  }
}
