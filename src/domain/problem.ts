/** A problem found in a file that people edit: what, where, what to do. Loaders return them instead of throwing. */

export type Problem = {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** 1-based; absent when the whole file is meant. */
  readonly line?: number | undefined;
  readonly message: string;
  /** What to do about it, when we know. */
  readonly hint?: string | undefined;
};

/** One line for a terminal, whatever the file holds. */
export function formatProblem(problem: Problem): string {
  const where = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  return oneVisibleLine(`${where}: ${problem.message}${problem.hint ? ` (${problem.hint})` : ""}`);
}

/** A file from elsewhere may hold what moves a cursor, breaks a line or turns its reading round: that is shown as an escape. */
export function oneVisibleLine(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const MAX_TYPED = 200;

/** The known word nearest to a typed one, or null when none is near (a third of the letters may differ). */
export function nearest(typed: string, known: Iterable<string>): string | null {
  // Nobody mistypes so long a name, and comparing takes the product of both lengths.
  if (typed.length > MAX_TYPED) return null;
  const wanted = typed.toLowerCase();
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const word of known) {
    if (word.length > MAX_TYPED) continue;
    const distance = editDistance(wanted, word.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
  }
  return best !== null && bestDistance <= Math.max(1, Math.floor(Math.max(wanted.length, best.length) / 3)) ? best : null;
}

/** "did you mean x?" or the list of what there is. */
export function suggest(typed: string, known: readonly string[]): string {
  const near = nearest(typed, known);
  if (near !== null) return `did you mean "${near}"?`;
  return known.length === 0 ? "there are none" : `known: ${known.join(", ")}`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
