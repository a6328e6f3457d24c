/** `marketeam learnings`: what the team has learned; a person adds, changes or retires a statement. */

import { loadTeam, type Application } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { newId } from "../domain/id.ts";
import { LEARNING_MAX_CHARS, type Learning } from "../domain/learning.ts";
import { suggest } from "../domain/problem.ts";
import { addLearning, changeLearning, getLearning, listLearnings } from "../store/learnings.ts";
import { writeLearnings } from "../work/scribe.ts";
import { UsageError } from "./errors.ts";
import { learningJson, learningsText } from "./learnings-text.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, openApplication, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

type LearningsOptions = CommonOptions & {
  readonly text?: string;
  readonly skill?: string;
  readonly category?: string;
  readonly confidence?: number;
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
const DEFAULT_CONFIDENCE = 0.9;

export async function learnings(
  typedAction: string | undefined,
  second: string | undefined,
  options: LearningsOptions,
): Promise<number> {
  const action = actionOf(typedAction, second);
  checkOptions(action, options);
  if (action === "list") return list(options);
  if (action === "validate") return (await import("./learnings-validate.ts")).validateLearnings(second, options);
  if (action === "add") return add(statementOf(second, options), options);
  if (second === undefined) throw new UsageError(`${action} which learning?`, "its id, or the beginning of it: see `learnings`");
  return action === "edit" ? edit(second, options) : retire(second, options);
}

function actionOf(typed: string | undefined, second: string | undefined): Action {
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

/** The statement of `add`: the next word or --text. */
function statementOf(second: string | undefined, options: LearningsOptions): string {
  if (second !== undefined && options.text !== undefined)
    throw new UsageError("the statement is given twice", "as the next word or as --text");
  const typed = second ?? options.text;
  if (typed === undefined) throw new UsageError("add what?", 'learnings add "Say the price on the button" --skill <skill>');
  return checkStatement(typed);
}

/** A statement as it is kept: on one line, 1 to 400 characters, no control characters: it stands in prompts and documents. */
export function checkStatement(typed: string): string {
  const text = typed.replace(/\s+/g, " ").trim();
  if (text === "") throw new UsageError("the statement is empty", "say in a sentence what the team should know");
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) throw new UsageError("the statement contains a control character", "remove it");
  if (text.length > LEARNING_MAX_CHARS)
    throw new UsageError(
      `the statement is ${text.length} characters long, the limit is ${LEARNING_MAX_CHARS}`,
      "one short statement a learning",
    );
  return text;
}

async function list(options: LearningsOptions): Promise<number> {
  const config = configFor(options);
  if (!storeThere(config)) {
    if (options.json) printJson({ learnings: [] });
    else print(learningsText([], 0, stylesFor(config)));
    return EXIT.done;
  }
  await using app = await openApplication(options);
  const { found, rehearsed, skills } = await app.store.read(async (read) => {
    const filter = {
      rehearsal: false,
      ...(options.skill === undefined ? {} : { skill: options.skill }),
      ...(options.category === undefined ? {} : { category: options.category }),
    };
    const all = await listLearnings(read, { rehearsal: false, retired: true });
    return {
      found: await listLearnings(read, { ...filter, retired: options.all ?? false }),
      rehearsed: (await listLearnings(read, { rehearsal: true })).length,
      // A learning may outlive its skill.
      skills: all.flatMap((entry) => entry.skill ?? []),
    };
  });
  checkNames(app, options, skills);
  if (options.json) printJson({ learnings: found.map(learningJson) });
  else print(learningsText(found, rehearsed, stylesFor(config)));
  return EXIT.done;
}

function checkNames(app: Pick<Application, "registry">, options: LearningsOptions, moreSkills: readonly string[] = []): void {
  const skills = [...new Set([...app.registry.skills.keys(), ...moreSkills])];
  const categories = Object.keys(app.registry.routing.categories);
  if (options.skill !== undefined && !skills.includes(options.skill))
    throw new UsageError(`unknown skill "${oneLine(options.skill, 60)}"`, suggest(options.skill, skills));
  if (options.category !== undefined && !categories.includes(options.category)) {
    throw new UsageError(`unknown category "${oneLine(options.category, 60)}"`, suggest(options.category, categories));
  }
}

async function add(statement: string, options: LearningsOptions): Promise<number> {
  // Checked before anything is opened: a mistake makes no workspace.
  const team = await loadTeam(configFor(options));
  checkNames(team, options);
  await using app = await openApplication(options, team);
  const confidence = options.confidence ?? DEFAULT_CONFIDENCE;
  const learning = {
    id: newId("learn"),
    statement,
    skill: options.skill ?? null,
    category: options.category ?? null,
    tags: [],
    confidence,
    evidence: "a person said so",
    status: "active",
    origin: "person",
    rehearsal: false,
  } as const;
  const id = await app.store.write("learning.add", async (tx) => {
    const kept = await addLearning(tx, learning, null);
    if (kept === learning.id) return kept;
    // The team knows it already, perhaps as a guess or as retired: a person's word makes it count.
    const before = await getLearning(tx, kept);
    await changeLearning(tx, kept, {
      status: "active",
      confidence: options.confidence ?? Math.max(DEFAULT_CONFIDENCE, before?.confidence ?? 0),
    });
    return kept;
  });
  return await say(app, id, id === learning.id ? "Added" : "Was known already, and counts now", options);
}

async function edit(typed: string, options: LearningsOptions): Promise<number> {
  const statement = options.text === undefined ? undefined : checkStatement(options.text);
  if (statement === undefined && options.confidence === undefined)
    throw new UsageError("edit what of it?", "--text, --confidence or both");
  return change(typed, options, "Changed", () => ({
    ...(statement === undefined ? {} : { statement }),
    ...(options.confidence === undefined ? {} : { confidence: options.confidence }),
  }));
}

async function retire(typed: string, options: LearningsOptions): Promise<number> {
  return change(typed, options, "Retired (kept, and no longer used)", (before) => {
    if (before.status === "retired") throw new UsageError("this learning is retired already", "see `learnings --all`");
    return { status: "retired" };
  });
}

async function change(
  typed: string,
  options: LearningsOptions,
  done: string,
  to: (before: Learning) => Parameters<typeof changeLearning>[2],
): Promise<number> {
  if (!storeThere(configFor(options))) throw new UsageError(`there is no learning "${oneLine(typed, 60)}"`, "see `learnings`");
  await using app = await openApplication(options);
  const id = await resolveId(app, "learn", typed);
  await app.store.write("learning.change", async (tx) => {
    const before = await getLearning(tx, id);
    if (before === null) throw new UsageError(`there is no learning "${oneLine(typed, 60)}"`, "see `learnings`");
    await changeLearning(tx, id, to(before));
  });
  return await say(app, id, done, options);
}

/** After a change: the document for people follows the store. */
async function say(app: Application, id: string, done: string, options: LearningsOptions): Promise<number> {
  await writeLearnings(app.team);
  const learning = await app.store.read((read) => getLearning(read, id));
  if (!learning) throw new Error(`no learning ${id}`);
  if (options.json) printJson(learningJson(learning));
  else
    print(
      `${done}: ${oneLine(learning.statement, 160)}\n  ${learning.id}  ${learning.skill ?? "all skills"}, confidence ${learning.confidence.toFixed(2)}, ${learning.status}`,
    );
  return EXIT.done;
}
