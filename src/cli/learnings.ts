/** `marketeam learnings`: what the team has learned; a person adds, changes or retires a statement. */

import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { listLearnings } from "../store/learnings.ts";
import { UsageError } from "./errors.ts";
import type { ChangeOptions } from "./learnings-change.ts";
import { learningJson, learningsText } from "./learnings-text.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, stylesFor } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

type LearningsOptions = ChangeOptions & {
  readonly all?: boolean;
  readonly budget?: number;
  readonly rehearse?: boolean;
  readonly seed?: number;
};

/** The options that each action reads; another one would be ignored, so it is refused. */
const OPTIONS = {
  list: ["skill", "category", "all"],
  add: ["text", "skill", "category", "confidence"],
  edit: ["text", "confidence"],
  retire: [],
  validate: ["budget", "rehearse", "seed"],
} as const;
type Action = keyof typeof OPTIONS;
const ACTIONS = ["add", "edit", "retire", "validate"] as const;

export async function learnings(
  typedAction: string | undefined,
  second: string | undefined,
  options: LearningsOptions,
): Promise<number> {
  const action = actionOf(typedAction);
  checkOptions(action, options);
  if (action === "list") return list(options);
  if (action === "validate") return (await import("./learnings-validate.ts")).validateLearnings(second, options);
  const { add, edit, retire } = await import("./learnings-change.ts");
  if (action === "add") return add(second, options);
  if (second === undefined)
    throw new UsageError(`${action} which learning?`, "its id, or the beginning of it: see `bun run start learnings`");
  return action === "edit" ? edit(second, options) : retire(second, options);
}

function actionOf(typed: string | undefined): Action {
  if (typed === undefined) return "list";
  const found = ACTIONS.find((action) => action === typed);
  if (found) return found;
  throw new UsageError(`learnings cannot "${oneLine(typed, 60)}"`, suggest(typed, ACTIONS));
}

function checkOptions(action: Action, options: LearningsOptions): void {
  const read: readonly string[] = OPTIONS[action];
  for (const name of ["text", "skill", "category", "confidence", "all", "budget", "rehearse", "seed"] as const) {
    if (options[name] === undefined || read.includes(name)) continue;
    const place = action === "list" ? "without an action, learnings" : `learnings ${action}`;
    throw new UsageError(
      `${place} has no use for --${name}`,
      read.length === 0 ? "leave it out" : `it takes ${read.map((entry) => `--${entry}`).join(", ")}`,
    );
  }
  const { confidence } = options;
  if (confidence !== undefined && !(confidence >= 0 && confidence <= 1))
    throw new UsageError("--confidence must be a number from 0 to 1", "for example --confidence 0.7");
}

async function list(options: LearningsOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (store === null) {
    if (options.json) printJson({ learnings: [] });
    else print(learningsText([], 0, stylesFor(config)));
    return EXIT.done;
  }
  const { skill, category } = options;
  const { all, found, rehearsed } = await store
    .read(async (read) => ({
      all: await listLearnings(read, { rehearsal: false, retired: true }),
      found: await listLearnings(read, {
        rehearsal: false,
        retired: options.all ?? false,
        ...(skill === undefined ? {} : { skill }),
        ...(category === undefined ? {} : { category }),
      }),
      rehearsed: (await listLearnings(read, { rehearsal: true })).length,
    }))
    .finally(() => store.close());
  if (skill !== undefined || category !== undefined) {
    const [{ loadTeam }, { checkNames }] = await Promise.all([import("../bootstrap.ts"), import("./learnings-change.ts")]);
    // A learning may outlive its skill.
    checkNames(
      await loadTeam(config),
      options,
      all.flatMap((entry) => entry.skill ?? []),
    );
  }
  if (options.json) printJson({ learnings: found.map(learningJson) });
  else print(learningsText(found, rehearsed, stylesFor(config)));
  return EXIT.done;
}
