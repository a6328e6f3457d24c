/** A PostgreSQL server of its own for a test that breaks it: on a free port, in a temporary folder, stopped as a power cut stops it. */

import { readdirSync } from "node:fs";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

export type PostgresServer = AsyncDisposable & {
  readonly url: string;
  /** Cuts every connection and ends without a checkpoint: the next start recovers from its log. */
  cut(): Promise<void>;
  start(): Promise<void>;
};

const PROGRAMS = "/usr/lib/postgresql";

/** The folder of Debian's newest PostgreSQL, or null. */
export function postgresPrograms(): string | null {
  try {
    const newest = readdirSync(PROGRAMS).sort((a, b) => Number(b) - Number(a))[0];
    return newest === undefined ? null : join(PROGRAMS, newest, "bin");
  } catch {
    return null;
  }
}

export async function startPostgres(folder: string): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === null) throw new Error("PostgreSQL is not installed");
  const data = join(folder, "postgres");
  await mkdir(data);
  // PostgreSQL refuses to run as root, and must be able to reach its folder.
  const root = process.getuid?.() === 0;
  const as = root ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] : [];
  if (root) {
    await chmod(folder, 0o755);
    await run("chown", "postgres", data);
  }
  const port = await freePort();
  await run(...as, join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N");
  await writeFile(
    join(data, "postgresql.auto.conf"),
    `port = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n`,
  );
  const control = (...args: string[]) => run(...as, join(programs, "pg_ctl"), "-D", data, "-w", ...args);
  const server: PostgresServer = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    cut: () => control("-m", "immediate", "stop"),
    start: () => control("-l", join(data, "log"), "start"),
    async [Symbol.asyncDispose]() {
      await server.cut().catch(() => {});
      await rm(data, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd: "/", stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if (command.includes("start")) {
    // The server keeps the pipe: who reads to its end waits for the server's.
    if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} ends with ${child.exitCode}`);
    return;
  }
  const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")} ends with ${code}: ${stderr}`);
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
  });
  return promise;
}
