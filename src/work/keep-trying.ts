/** Saves what is known now and cannot be asked for again: a store that is away for a moment must not make it unknown. */

import { StoreError } from "../store/store.ts";

/** Between tries, in ms: a database that is started again needs some seconds. Together less than a supervisor waits before it kills. */
const PAUSES_MS = [100, 400, 1_500, 3_000, 5_000, 5_000] as const;

/** `save` may run several times, also after it was done: it must change nothing then. Throws what the last try threw. */
export async function keepTrying<T>(save: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await save();
    } catch (error) {
      if (!(error instanceof StoreError) || (error.code !== "unreachable" && error.code !== "busy")) throw error;
      await Bun.sleep(pause);
    }
  }
  return save();
}
