/** `marketeam rehearsal`: the rehearsal server alone, so that its log outlives the program that talks to it. */

import { startRehearsal, parseFaults } from "../bootstrap/model.ts";
import { EXIT } from "../domain/exit.ts";
import { UsageError } from "./errors.ts";
import { onInterrupt } from "./interrupt.ts";
import { note } from "./output.ts";

type Options = {
  readonly port: number;
  readonly log?: string;
  readonly seed: number;
  readonly latency: number;
  readonly fault?: readonly string[];
};

export async function rehearsal(options: Options): Promise<number> {
  const faults = await parseFaults(options.fault ?? []);
  if ("problem" in faults) throw new UsageError(faults.problem, "for example: --fault overloaded@make x3");
  let server: Awaited<ReturnType<typeof startRehearsal>>;
  try {
    server = await startRehearsal({
      port: options.port,
      seed: options.seed,
      latencyMs: options.latency,
      faults: faults.faults,
      ...(options.log === undefined ? {} : { logFile: options.log }),
    });
  } catch (error) {
    throw new UsageError(
      `the rehearsal cannot listen on port ${options.port}: ${error instanceof Error ? error.message : String(error)}`,
      "choose another --port, or 0 for a free one",
    );
  }
  note(
    `Rehearsal at ${server.url} (seed ${options.seed}). Use it with:\n  ANTHROPIC_BASE_URL=${server.url} ANTHROPIC_API_KEY=any bun run start "your goal"`,
  );
  await using interrupt = onInterrupt(() => {});
  await new Promise<void>((resolve) => interrupt.stop.addEventListener("abort", () => resolve(), { once: true }));
  await server.stop();
  return EXIT.done;
}
