/** What stands in the help besides the commands: its columns, its examples, and what a refusal ends with. */

import type { Command } from "commander";

/** A terminal of 80 columns has room for both sides; a narrower one breaks between words too. */
export const HELP = {
  minWidthToWrap: 20,
  subcommandTerm: (command: Command) => `${command.name()} ${command.usage().replace(/^\[options\] ?/, "")}`.trimEnd(),
};

export const ENDING = `
Examples (in a clone, type \`bun run start\` for \`marketeam\`, or \`bun link\` once):
  marketeam --rehearse "Increase signup conversion by 20%"
      see a whole goal, without a key and without spending
  marketeam --dry-run "Improve onboarding of trial users"
      the plan and a quote, nothing else
  marketeam --pipeline "<name>" "Guide to OKRs"
      a named pipeline (a wrong name lists them)
  marketeam status
      what the team is doing
  marketeam show last --reviews
      who said what of which version

Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 stopped by budget or
waiting for you, 130 interrupted.`;

/** Below what commander refuses: the command as it works, and what lists the ids that may be named. */
export function afterError(example: string, ids: string | null): string {
  const typed = example.replace(/^marketeam /, "bun run start ");
  return `  for example: ${typed} (or --help)${ids === null ? "" : `\n  ids: bun run start ${ids}`}`;
}
