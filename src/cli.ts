#!/usr/bin/env bun
/** The door: argv becomes one command. The only caller of process.exit, the one place where errors become words. */

import { CommanderError, type Command } from "commander";
import { printable, reportError } from "./cli/errors.ts";
import { createProgram, type Action } from "./cli/program.ts";

let exitCode = 0;

function run(load: () => Promise<Action>) {
  return async (...args: unknown[]) => {
    const action = await load();
    handDown(args.at(-1) as Command);
    // Commander passes the command itself last; ours take arguments and options.
    exitCode = await (action as (...given: unknown[]) => Promise<number>)(...args.slice(0, -1));
  };
}

/** A flag that was typed in front of the command counts for the command, when it has that flag. */
function handDown(command: Command): void {
  for (const option of command.parent?.options ?? []) {
    const name = option.attributeName();
    const known = command.options.some((own) => own.attributeName() === name);
    if (known && command.parent?.getOptionValueSource(name) === "cli" && command.getOptionValueSource(name) !== "cli")
      command.setOptionValueWithSource(name, command.parent.getOptionValue(name), "cli");
  }
}

const program = createProgram(run);

function strict(entry: Command): void {
  entry
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeErr: (text) => process.stderr.write(printable(text)) });
  for (const child of entry.commands) strict(child);
}
strict(program);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? 0 : 2;
  else exitCode = reportError(error);
}
// Nothing may keep a finished command alive; stdout is written synchronously by then.
process.exit(exitCode);
