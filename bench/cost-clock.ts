/** A goal's requests again, at the pace of a real run: how long answers take decides what is still in the prompt cache. Pure. */

import type { Usage } from "../src/domain/call.ts";
import { createPromptCache } from "../src/model/rehearsal/cache.ts";
import type { Sent } from "./cost-wire.ts";

/** One call: what was sent, and the tokens of its answer, thinking included. */
export type Step = { readonly sent: Sent; readonly output: number };
/** Calls that follow each other within one task, and the chains that must have ended before. `lanes` go side by side. */
export type Chain = { readonly id: string; readonly needs: readonly string[]; readonly stages: readonly (readonly Step[][])[] };

/** Seconds until an answer begins, and tokens a second from then on. */
const FIRST_MS = 3_000;
const TOKENS_A_MS = 0.07;
export const CACHE_MIN_TOKENS = 1_024;

type Event = { readonly at: number; readonly order: number; readonly run: () => void };

/** Usage of each call, and how long all of it takes, with `agents` tasks at a time. */
export function replay(chains: readonly Chain[], agents: number): { usage: Map<Step, Usage>; ms: number } {
  const cache = createPromptCache({ minTokens: CACHE_MIN_TOKENS });
  const usage = new Map<Step, Usage>();
  const events: Event[] = [];
  const done = new Set<string>();
  const waiting = [...chains];
  let order = 0;
  let now = 0;
  let busy = 0;
  const at = (time: number, run: () => void) => events.push({ at: time, order: order++, run });

  function callOf(step: Step, then: () => void): void {
    const looked = cache.lookUp(step.sent.request, now);
    const { input, read, write5m, write1h } = looked.usage;
    usage.set(step, { input, output: step.output, cacheRead: read, cacheWrite5m: write5m, cacheWrite1h: write1h });
    at(now + FIRST_MS, () => looked.begin(now));
    at(now + FIRST_MS + step.output / TOKENS_A_MS, then);
  }
  function laneOf(steps: readonly Step[], then: () => void): void {
    const [first, ...rest] = steps;
    if (first) callOf(first, () => laneOf(rest, then));
    else then();
  }
  function stagesOf(stages: Chain["stages"], then: () => void): void {
    const [lanes, ...rest] = stages;
    if (!lanes) return then();
    let open = lanes.length;
    for (const lane of lanes) laneOf(lane, () => (--open === 0 ? stagesOf(rest, then) : undefined));
  }
  function begin(): void {
    while (busy < agents) {
      const i = waiting.findIndex((chain) => chain.needs.every((need) => done.has(need)));
      const [chain] = i === -1 ? [] : waiting.splice(i, 1);
      if (!chain) return;
      busy++;
      stagesOf(chain.stages, () => {
        busy--;
        done.add(chain.id);
        begin();
      });
    }
  }

  begin();
  while (events.length > 0) {
    const next = events.reduce((least, event) =>
      event.at < least.at || (event.at === least.at && event.order < least.order) ? event : least,
    );
    events.splice(events.indexOf(next), 1);
    now = next.at;
    next.run();
  }
  if (waiting.length > 0) throw new Error(`nothing can begin any more: ${waiting.map((chain) => chain.id).join(", ")}`);
  return { usage, ms: now };
}
