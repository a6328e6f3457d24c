/** What may stand at the cursor: commands, flags and their values, read from the program's own tree of commands. */

import type { Command, Option } from "commander";
import { namesOf, type Names } from "./completion-names.ts";

export type Word = readonly [value: string, means: string];
export type Words = { readonly kind: "words" | "files" | "dirs"; readonly words: readonly Word[] };

/** What a flag's value is, by the flag. Flags with choices of their own need no line here. */
const VALUES: Readonly<Record<string, Names>> = {
  "--pipeline": "pipelines",
  "--skill": "skills",
  "--scores": "skills",
  "--category": "categories",
  "--priority": ["P0", "P1", "P2", "P3"],
  "--goal": "goals",
  "--workspace": "dirs",
  "--edit": "files",
  "--from": "files",
  "--log": "files",
  "--for": ["claude", "cursor", "vscode", "opencode"],
  "--zone": "zones",
  "--catch-up": ["skip", "once"],
};

/** What a command's words are: the first behind it, then what follows one of its actions. A test compares the actions with the commands'. */
export const WORDS: Readonly<Record<string, { readonly first: Names; readonly then?: Readonly<Record<string, Names>> }>> = {
  show: { first: "goals" },
  resume: { first: "goals" },
  cancel: { first: "goals" },
  export: { first: "goals" },
  approve: { first: "questions" },
  reject: { first: "questions" },
  approvals: { first: "waiting" },
  effects: { first: "effects" },
  learnings: { first: ["add", "edit", "retire", "validate"], then: { edit: "learnings", retire: "learnings" } },
  schedules: {
    first: ["next", "run", "pause", "resume", "add", "remove"],
    then: { run: "schedules", pause: "schedules", resume: "schedules", remove: "schedules" },
  },
  events: { first: ["show", "replay"], then: { show: "inbox", replay: "inbox" } },
  email: { first: ["suppressed", "suppress", "allow"], then: { suppress: "files" } },
  queue: { first: ["redrive"] },
  notify: { first: ["test"], then: { test: "channels" } },
  tools: {
    first: ["list", "test", "call", "add", "import", "export"],
    then: { test: "servers", call: "servers", add: "catalogue", import: "files" },
  },
  completion: { first: ["bash", "zsh", "fish"] },
  backup: { first: "files" },
};

/** The words that begin with the last one typed. Reads files and, for ids, the store that is there; changes nothing. */
export async function wordsAt(program: Command, typed: readonly string[]): Promise<Words> {
  // bash hands over `--flag=value` as three words, the others as one.
  const words = typed.filter((word) => word !== "=");
  const last = typed.at(-1) === "=" ? "" : (words.pop() ?? "");
  const equals = last.startsWith("--") ? last.indexOf("=") : -1;
  const before = equals > 0 ? [...words, last.slice(0, equals)] : words;
  const current = (equals > 0 ? last.slice(equals + 1) : last).replace(/^["']/, "");
  const prefix = equals > 0 ? last.slice(0, equals + 1) : "";
  const { command, positionals, waiting, workspace } = position(program, before);
  const found = await (async (): Promise<Words> => {
    if (waiting !== null) return waiting.argChoices ? list(waiting.argChoices) : values(VALUES[waiting.long ?? ""], workspace);
    if (current.startsWith("-")) return list(flags(command));
    if (command === program) return positionals.length > 0 ? list([]) : list(commands(program));
    const own = WORDS[command.name()];
    if (own === undefined) return list([]);
    const variadic = command.registeredArguments.at(-1)?.variadic === true;
    if (positionals.length === 0 || variadic) return values(own.first, workspace);
    return values(positionals.length === 1 ? own.then?.[positionals[0] ?? ""] : undefined, workspace);
  })();
  const fits = found.words.filter(
    ([value]) => value.toLowerCase().startsWith(current.toLowerCase()) && !positionals.includes(value),
  );
  return { kind: found.kind, words: fits.map(([value, means]) => [`${prefix}${value}`, means]) };
}

/** Where the typed words lead: the command, its words so far, the flag that still wants its value. */
function position(program: Command, before: readonly string[]) {
  let command = program;
  const positionals: string[] = [];
  let waiting: Option | null = null;
  let workspace: string | undefined;
  for (const word of before) {
    if (waiting !== null) {
      if (waiting.long === "--workspace") workspace = word;
      waiting = null;
    } else if (word.startsWith("-")) {
      const [name, value] = word.split("=", 2);
      const option = command.options.find((one) => one.long === name || one.short === name);
      if (option && (option.required || option.optional) && value === undefined) waiting = option;
      if (name === "--workspace") workspace = value;
    } else {
      const child =
        command === program && positionals.length === 0 ? program.commands.find((one) => one.name() === word) : undefined;
      if (child) command = child;
      else positionals.push(word);
    }
  }
  return { command, positionals, waiting, workspace };
}

async function values(names: Names | undefined, workspace: string | undefined): Promise<Words> {
  if (names === undefined) return list([]);
  if (names === "files" || names === "dirs") return { kind: names, words: [] };
  if (typeof names !== "string") return list(names);
  return list(await namesOf(names, workspace));
}

const list = (words: readonly (string | Word)[]): Words => ({
  kind: "words",
  words: words.map((word) => (typeof word === "string" ? [word, ""] : word)),
});

const commands = (program: Command): Word[] =>
  program
    .createHelp()
    .visibleCommands(program)
    .map((one) => [one.name(), one.description()]);

const flags = (command: Command): Word[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option): Word[] => (option.long ? [[option.long, option.description]] : []));
