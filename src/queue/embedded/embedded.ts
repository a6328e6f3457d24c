/** The queue port within one process: a signal is delivered on the next microtask, and signals of the same moment as one. */

import { type Log, silentLog } from "../../log/log.ts";
import type { Queue } from "../queue.ts";

/** A Queue that lives and dies with the process: what is ready stands in the store, so nothing is lost with it. */
export function createEmbeddedQueue({ log = silentLog }: { log?: Log } = {}): Queue {
  // Wrapped, so that the same function may listen twice and each stop only itself.
  const listeners = new Set<{ handler: Parameters<Queue["listen"]>[0] }>();
  let waiting: string[] = [];
  let signalled = 0;
  let delivered = 0;
  let closed = false;

  const deliver = () => {
    const given = waiting;
    waiting = [];
    if (listeners.size === 0) return;
    const taskIds = Object.freeze([...new Set(given)]);
    for (const listener of [...listeners]) if (listeners.has(listener)) tell(listener.handler, taskIds, log);
    delivered += given.length;
  };

  return {
    signal(taskIds) {
      if (closed || taskIds.length === 0) return;
      if (waiting.length === 0) queueMicrotask(deliver);
      for (const taskId of taskIds) waiting.push(taskId);
      signalled += taskIds.length;
    },
    listen(handler) {
      const listener = { handler };
      if (!closed) listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    counts: async () => ({ signalled, delivered }),
    async close() {
      closed = true;
      listeners.clear();
    },
  };
}

function tell(handler: (taskIds: readonly string[]) => unknown, taskIds: readonly string[], log: Log): void {
  const failed = (error: unknown) => log.error("a listener of the queue failed", { error });
  try {
    const result = handler(taskIds);
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
