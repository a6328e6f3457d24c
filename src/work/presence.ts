/** Presence: which processes are alive. What a dead one held is free at once, its calls' answers are lost. */

import { newId } from "../domain/id.ts";
import { orphanHolds } from "../store/calls.ts";
import { beatProcess, listProcesses, registerProcess, removeProcesses, type ProcessRow } from "../store/processes.ts";
import { endLeasesOf } from "../store/leases.ts";
import type { Store } from "../store/store.ts";

export type Machine = {
  readonly host: string;
  readonly pid: number;
  /** What tells this life of a pid from another: boot and start time. Empty where the system does not say. */
  readonly started: string;
  /** The `started` of a pid of this machine, or null when no such process runs. */
  readonly startedOf: (pid: number) => string | null;
};

export interface Presence {
  readonly processId: string;
  /** Frees what dead processes held. Returns how many calls were left without an answer. */
  sweep(): Promise<number>;
  close(): Promise<void>;
}

const BEAT_MS = 5_000;
/** A process of another machine that was silent for this long is gone. Longer than any lease. */
const SILENT_MS = 60_000;
/** Who did not look for this long was cut off, and says nothing of the others' silence: it may not have heard them. */
const CUT_OFF_MS = 20_000;

export async function createPresence(options: { store: Store; machine: Machine }): Promise<Presence> {
  const { store, machine } = options;
  const processId = newId("proc");
  const register = () =>
    store.write("process.register", async (tx) => {
      await registerProcess(tx, { id: processId, host: machine.host, pid: machine.pid, started: machine.started });
      return tx.now;
    });
  /** Since when we have been looking without a gap, and when we looked last: UTC ms by the store's time. */
  let hearing = await register();
  let looked = hearing;
  const timer = setInterval(() => {
    store.write("process.beat", (tx) => beatProcess(tx, processId), { lazy: true }).catch(() => {});
  }, BEAT_MS);
  timer.unref();

  const isGone = (row: ProcessRow, now: number) => {
    if (row.id === processId) return false;
    if (row.host !== machine.host) return now - Math.max(row.heartbeatAt, hearing) > SILENT_MS;
    const started = machine.startedOf(row.pid);
    return started === null || started !== row.started;
  };
  return {
    processId,
    async sweep() {
      const { rows, now } = await store.read(async (read) => ({ rows: await listProcesses(read), now: read.now }));
      if (now - looked > CUT_OFF_MS) hearing = now;
      looked = now;
      // The others took us for dead while we were cut off: what we hold from now on must have a name that they know.
      if (!rows.some((row) => row.id === processId)) await register();
      const gone = rows.filter((row) => isGone(row, now)).map((row) => row.id);
      if (gone.length === 0) return 0;
      return store.write("process.sweep", async (tx) => {
        await endLeasesOf(tx, gone);
        const lost = await orphanHolds(tx, gone);
        await removeProcesses(tx, gone);
        return lost;
      });
    },
    async close() {
      clearInterval(timer);
      // On a full disk nobody can say goodbye: the others find this process gone.
      await store
        .write("process.leave", async (tx) => {
          // What is still held now could not be saved when it ended; nobody would look for it under a name that is gone.
          await endLeasesOf(tx, [processId]);
          await orphanHolds(tx, [processId]);
          await removeProcesses(tx, [processId]);
        })
        .catch(() => {});
    },
  };
}

/** Processes that hold leases on a goal's tasks, for the message that says who works on it. */
export async function holders(store: Store, owners: readonly string[]): Promise<ProcessRow[]> {
  return (await store.read((read) => listProcesses(read))).filter((row) => owners.includes(row.id));
}
