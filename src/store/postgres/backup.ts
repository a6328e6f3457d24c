/** A copy of the schema by `pg_dump`, in its own format: `pg_restore` reads it. */

import { existsSync, renameSync, rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StoreError } from "../store.ts";
import { quoted } from "./connect.ts";

/** Writes the dump to `target`, which must not exist. Throws StoreError when it does, or when pg_dump is missing or fails. */
export async function backupPostgres({ url, schema, target }: { url: string; schema: string; target: string }): Promise<void> {
  if (existsSync(target)) throw new StoreError("read_only", `${target} is there already`, "choose another name for the copy");
  const program = Bun.which("pg_dump");
  if (program === null)
    throw new StoreError(
      "unreachable",
      "pg_dump is not installed here",
      "install PostgreSQL's client programs, or back up on its machine",
    );
  const partial = `${target}.partial`;
  // A password on the command line could be read by everybody on this machine.
  const secrets = await mkdtemp(join(tmpdir(), "marketeam-dump-"));
  try {
    const source = new URL(url);
    if (source.password !== "") {
      const passfile = join(secrets, "pgpass");
      const password = decodeURIComponent(source.password).replace(/[\\:]/g, "\\$&");
      await writeFile(passfile, `*:*:*:*:${password}\n`, { mode: 0o600 });
      source.password = "";
      source.searchParams.set("passfile", passfile);
    }
    const dump = Bun.spawn(
      [program, "--format=custom", "--no-password", `--schema=${quoted(schema)}`, `--file=${partial}`, `--dbname=${source}`],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const [exit, words] = await Promise.all([dump.exited, new Response(dump.stderr).text()]);
    if (exit !== 0)
      throw new StoreError(
        "unreachable",
        `pg_dump failed: ${words.trim().split("\n")[0]}`,
        "pg_dump must be as new as the server and may log in",
      );
    renameSync(partial, target);
  } finally {
    rmSync(partial, { force: true });
    await rm(secrets, { recursive: true, force: true });
  }
}
