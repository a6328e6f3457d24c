/** Errors as words: one clear line (what, where, what to do), and the exit code that fits. */

import { EXIT } from "../domain/exit.ts";
import { formatProblem, type Problem } from "../domain/problem.ts";

/** Something typed that cannot be used. */
export class UsageError extends Error {
  readonly code = "usage";
  readonly hint: string | null;
  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** Prints an error to stderr and says how to exit. An error that nobody foresaw shows its stack: it is ours. */
export function reportError(error: unknown): number {
  // What went wrong first speaks: that closing failed too follows from it.
  if (error instanceof SuppressedError) return reportError(error.suppressed);
  if (!(error instanceof Error)) {
    process.stderr.write(`error: ${String(error)}\n`);
    return EXIT.failed;
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (code === "registry" && "problems" in error && Array.isArray(error.problems)) {
    for (const problem of error.problems as Problem[]) process.stderr.write(`${problem.severity}: ${formatProblem(problem)}\n`);
    return EXIT.config;
  }
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : null;
  if (code === "usage") {
    process.stderr.write(`error: ${printable(error.message)}${hint ? `\n  ${printable(hint)}` : ""}\n`);
    return EXIT.usage;
  }
  if (hint !== null) {
    process.stderr.write(`error: ${printable(error.message)}\n  ${printable(hint)}\n`);
    return code === "full" || code === "busy" || code === "io" ? EXIT.failed : EXIT.config;
  }
  process.stderr.write(
    `error: ${printable(error.stack ?? error.message)}\n  This is a fault of the program. Nothing that was saved is lost: \`resume\` goes on.\n`,
  );
  return EXIT.failed;
}

/** Typed text in a message must not reach the terminal as control characters. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
