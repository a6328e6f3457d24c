/** The outside witness: the rehearsal server as a process of its own, whose log outlives the program that is killed. */

import { appendFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LoggedRequest } from "../../model/rehearsal/request-log.ts";
import { CLI, childEnv } from "./program.ts";

/** A model request as it arrived. `phase` counts the marks before it. */
export type Seen = {
  readonly n: number;
  readonly at: number;
  readonly kind: string;
  readonly skill: string | null;
  readonly model: string | null;
  readonly hash: string;
  readonly phase: number;
  readonly answered: boolean;
};

export type Witness = {
  readonly url: string;
  /** Begins a new record: what came before belongs to another run. */
  begin(): Promise<void>;
  /** Puts a mark into the log: what arrives from now on is of the next phase. */
  mark(): Promise<void>;
  /** Model requests since `begin`. */
  seen(): Seen[];
  stop(): Promise<void>;
};

export async function startWitness(options: {
  folder: string;
  name: string;
  seed: number;
  faults: readonly string[];
  latencyMs?: number;
}): Promise<Witness> {
  const log = join(options.folder, `${options.name}.jsonl`);
  appendFileSync(log, "");
  const faults = options.faults.length > 0 ? ["--fault", ...options.faults] : [];
  const server = ["rehearsal", "--port", "0", "--log", log, "--latency", String(options.latencyMs ?? 0)];
  const child = Bun.spawn([process.execPath, CLI, ...server, "--seed", String(options.seed), ...faults], {
    cwd: options.folder,
    env: childEnv({}),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const url = await addressFrom(child.stderr);
  let offset = 0;
  async function mark(): Promise<void> {
    // A request like any other, so that the server itself puts it in order with the rest.
    const response = await fetch(`${url}/v1/models/mark`, { headers: { "x-api-key": "mark" } });
    await response.text();
  }
  return {
    url,
    mark,
    async begin() {
      await mark();
      offset = statSync(log).size;
    },
    seen() {
      // The last piece is empty, or a line that is being written.
      const lines = readFileSync(log).subarray(offset).toString("utf8").split("\n").slice(0, -1);
      return seenIn(lines.map((line) => JSON.parse(line) as LoggedRequest));
    },
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

export function seenIn(lines: readonly LoggedRequest[]): Seen[] {
  const answered = new Set(lines.filter((line) => line.event === "answered" && line.status === 200).map((line) => line.n));
  const seen: Seen[] = [];
  let phase = 0;
  for (const { event, n, at, kind, skill, model, hash } of lines) {
    if (event !== "request") continue;
    if (kind === "models") phase++;
    else seen.push({ n, at: Date.parse(at), kind, skill, model, hash, phase, answered: answered.has(n) });
  }
  return seen;
}

async function addressFrom(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stderr.getReader();
  const decoder = new TextDecoder();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    const address = /http:\/\/[\d.]+:\d+/.exec(text);
    if (!address) continue;
    // Read on, so that the server never waits for us.
    void (async () => {
      while (!(await reader.read()).done);
    })().catch(() => {});
    return address[0];
  }
  throw new Error(`the rehearsal server did not start: ${text}`);
}
