/** Who answers, composed: the provider, the local rehearsal, or nobody where there is no key. */

import { ConfigError, type RuntimeConfig } from "../config.ts";
import type { Log } from "../log/log.ts";
import type { Batches } from "../model/batches.ts";
import type { Model } from "../model/model.ts";
import type { FaultSpec } from "../model/rehearsal/faults.ts";
import type { Rehearsal, RehearsalOptions } from "../model/rehearsal/server.ts";

/** A local rehearsal server that is started along, with this seed. */
export type Rehearse = { readonly seed: number; readonly latencyMs: number };

/** Who answers at once, and who answers batches: null where nobody answers at all. */
export type Answering = { readonly model: Model; readonly batches: Batches | null };

/** What `config` and `rehearse` name. Whatever is started along is stopped by what is pushed to `closing`. */
export async function openModel(
  { config, rehearse }: { readonly config: RuntimeConfig; readonly rehearse: Rehearse | null },
  log: Log,
  closing: (() => Promise<void>)[],
): Promise<Answering> {
  // Loaded only where there is somebody to call.
  const claude = async (apiKey: string, baseURL: string | undefined) => {
    const [{ createClaude }, { createClaudeBatches }] = await Promise.all([
      import("../model/claude/claude.ts"),
      import("../model/claude/batches.ts"),
    ]);
    const address = { apiKey, baseURL, log: log.child({ component: "model" }) };
    return { model: createClaude(address), batches: createClaudeBatches(address) };
  };
  if (rehearse) {
    const server = await startRehearsal({ seed: rehearse.seed, latencyMs: rehearse.latencyMs });
    closing.push(() => server.stop());
    return claude("rehearsal", server.url);
  }
  if (config.apiKey === null) return { model: keyless, batches: null };
  return claude(config.apiKey, config.baseURL ?? undefined);
}

/** The rehearsal server by itself, for the command that runs it alone. */
export async function startRehearsal(options: RehearsalOptions): Promise<Rehearsal> {
  const server = await import("../model/rehearsal/server.ts");
  return server.startRehearsal(options);
}

/** Faults as typed, or the first problem in words. */
export async function parseFaults(typed: readonly string[]): Promise<{ faults: FaultSpec[] } | { problem: string }> {
  const { parseFault } = await import("../model/rehearsal/faults.ts");
  const faults: FaultSpec[] = [];
  for (const text of typed) {
    const parsed = parseFault(text);
    if ("problem" in parsed) return parsed;
    faults.push(parsed.fault);
  }
  return { faults };
}

export function noKey(): ConfigError {
  return new ConfigError(
    "ANTHROPIC_API_KEY is not set",
    'set it in the environment or in .env; or see a whole goal without a key and without spending: bun run start --rehearse "your goal"',
  );
}

/** Without a key, every command works that makes no call. */
const keyless: Model = {
  respond() {
    return Promise.reject(noKey());
  },
};
