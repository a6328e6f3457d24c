/** The ledger for commands: the store, and a sender in this process where one is needed. */

import { openStore } from "../bootstrap/store.ts";
import { DEFAULT_POLICY } from "../domain/action.ts";
import { silentLog } from "../log/log.ts";
import type { Store } from "../store/store.ts";
import type { Effects } from "../work/effects.ts";
import { configFor, type CommonOptions } from "./session.ts";

export type Ledger = AsyncDisposable & {
  readonly store: Store;
  readonly effects: Effects;
  /** What processes that are gone had under way becomes `unknown`. */
  readonly recover: () => Promise<number>;
  /** Writes the goal's report anew. Rejects when the workspace cannot be written. */
  readonly report: (goalId: string) => Promise<void>;
};
export type OpenLedger = (options: CommonOptions) => Promise<Ledger>;

export const openLedger: OpenLedger = async (options) => {
  // Most commands that may need a ledger end without one.
  const [{ openApplication }, { writeReport }] = await Promise.all([import("./application.ts"), import("../work/scribe.ts")]);
  const app = await openApplication(options);
  // Without tools there may still be a ledger, from when there were some: it can be read, answered and stopped.
  const effects = app.team.hands?.effects ?? (await withoutServers(app.store, async () => (await app.presence()).processId));
  return {
    store: app.store,
    effects,
    async recover() {
      await (await app.presence()).sweep();
      return effects.recover();
    },
    report: (goalId) => writeReport(app.team, goalId),
    [Symbol.asyncDispose]: () => app.shutdown(),
  };
};

/** For the kill switch: it needs the store alone, whatever is wrong with the team's files or its tools. */
export const openBareLedger: OpenLedger = async (options) => {
  const store = await openStore(configFor(options), { now: () => Date.now(), log: silentLog, reached: () => {} });
  return {
    store,
    effects: await withoutServers(store, () => Promise.reject(new Error("this command sends nothing"))),
    recover: async () => 0,
    report: async () => {},
    [Symbol.asyncDispose]: () => store.close(),
  };
};

async function withoutServers(store: Store, processId: () => Promise<string>): Promise<Effects> {
  const { createEffects, DEFAULT_TTL_MS } = await import("../work/effects.ts");
  return createEffects({
    store,
    server: () => null,
    toolHash: () => "",
    rules: () => ({
      policy: DEFAULT_POLICY,
      ttlMs: DEFAULT_TTL_MS,
      maxRecipients: null,
      perDay: null,
      verify: null,
      accepted: false,
      notBefore: null,
    }),
    processId,
    secrets: [],
    now: () => Date.now(),
    log: silentLog,
    reached: () => {},
  });
}
