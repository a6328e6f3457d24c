/** State machines as data: a table of what may follow what; a transition that is not listed is impossible. */

export class TransitionError extends Error {
  readonly code = "impossible_transition";
}

/** Returns `to`, or throws a TransitionError when the table does not allow it. */
export function transition<S extends string>(what: string, table: Record<S, readonly S[]>, from: S, to: S): S {
  if (!table[from].includes(to)) throw new TransitionError(`${what} cannot go from ${from} to ${to}`);
  return to;
}
