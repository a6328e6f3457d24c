/** A model over HTTP that answers at once: what the rehearsal said to a prompt the first time, it says again without thinking. */

import { startRehearsal } from "../src/model/rehearsal/server.ts";

export type Instant = AsyncDisposable & { readonly url: string };

/**
 * What tells one request from another: the tasks of bench/work.ts count as one, so that their texts are the same and the
 * check of a goal finds nothing to repair.
 */
export function alike(request: string): string {
  return String(Bun.hash(request.replaceAll(/part-\d+/g, "part")));
}

/** As a process of its own, so that its time is not ours. */
export async function startInstant(): Promise<Instant> {
  const child = Bun.spawn([process.execPath, import.meta.path], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const said = new TextDecoder().decode((await child.stdout.getReader().read()).value);
  return {
    url: said.trim(),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

if (import.meta.main) {
  const rehearsal = await startRehearsal({ seed: 1, latencyMs: 0, returns: 0 });
  const known = new Map<string, { readonly body: ArrayBuffer; readonly status: number; readonly type: string }>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const body = await request.text();
      const key = `${request.url} ${alike(body)}`;
      let said = known.get(key);
      if (!said) {
        const { pathname } = new URL(request.url);
        const asked = { method: request.method, headers: request.headers, ...(body !== "" && { body }) };
        const answer = await fetch(`${rehearsal.url}${pathname}`, asked);
        const type = answer.headers.get("content-type") ?? "application/json";
        said = { body: await answer.arrayBuffer(), status: answer.status, type };
        known.set(key, said);
      }
      return new Response(said.body, { status: said.status, headers: { "content-type": said.type } });
    },
  });
  console.log(`http://127.0.0.1:${server.port}`);
  // Ends with whoever started it, also when that was killed.
  process.stdin.on("end", () => process.exit(0)).resume();
}
