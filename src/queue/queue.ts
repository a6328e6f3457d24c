/** The queue port. It may only say "look now": lease, attempts, priority and time are columns of the task in the store. */

export interface Queue {
  /** Says that these tasks may be ready. May be lost or doubled: the claim in the store decides. Never throws. */
  signal(taskIds: readonly string[]): void;
  /** Calls the handler for signals from now on, also with none known (null: look for anything). Returns how to stop. */
  listen(handler: (taskIds: readonly string[] | null) => void): () => void;
  /** Signals given and delivered so far, for health. */
  counts(): Promise<{ signalled: number; delivered: number }>;
  close(): Promise<void>;
}
