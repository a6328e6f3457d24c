/** `marketeam learnings add`, `edit`, `retire`: a person adds, changes or retires a statement. */

import { loadTeam, type Application } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { newId } from "../domain/id.ts";
import { LEARNING_MAX_CHARS, type Learning } from "../domain/learning.ts";
import { suggest } from "../domain/problem.ts";
import { addLearning, changeLearning, getLearning } from "../store/learnings.ts";
import { writeLearnings } from "../work/scribe.ts";
import { openApplication } from "./application.ts";
import { UsageError } from "./errors.ts";
import { learningJson } from "./learnings-text.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, resolveId, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

export type ChangeOptions = CommonOptions & {
  readonly text?: string;
  readonly skill?: string;
  readonly category?: string;
  readonly confidence?: number;
};

const DEFAULT_CONFIDENCE = 0.9;

/** Adds the statement that is the next word or --text. */
export async function add(typed: string | undefined, options: ChangeOptions): Promise<number> {
  const statement = statementOf(typed, options);
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

export async function edit(typed: string, options: ChangeOptions): Promise<number> {
  const statement = options.text === undefined ? undefined : checkStatement(options.text);
  if (statement === undefined && options.confidence === undefined)
    throw new UsageError("edit what of it?", "--text, --confidence or both");
  return change(typed, options, "Changed", () => ({
    ...(statement === undefined ? {} : { statement }),
    ...(options.confidence === undefined ? {} : { confidence: options.confidence }),
  }));
}

export async function retire(typed: string, options: ChangeOptions): Promise<number> {
  return change(typed, options, "Retired (kept, and no longer used)", (before) => {
    if (before.status === "retired")
      throw new UsageError("this learning is retired already", "see `bun run start learnings --all`");
    return { status: "retired" };
  });
}

async function change(
  typed: string,
  options: ChangeOptions,
  done: string,
  to: (before: Learning) => Parameters<typeof changeLearning>[2],
): Promise<number> {
  if (!storeThere(configFor(options)))
    throw new UsageError(`there is no learning "${oneLine(typed, 60)}"`, "see `bun run start learnings`");
  await using app = await openApplication(options);
  const id = await resolveId(app.store, "learn", typed);
  await app.store.write("learning.change", async (tx) => {
    const before = await getLearning(tx, id);
    if (before === null) throw new UsageError(`there is no learning "${oneLine(typed, 60)}"`, "see `bun run start learnings`");
    await changeLearning(tx, id, to(before));
  });
  return await say(app, id, done, options);
}

/** After a change: the document for people follows the store. */
async function say(app: Application, id: string, done: string, options: ChangeOptions): Promise<number> {
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

/** The statement of `add`: the next word or --text. */
function statementOf(second: string | undefined, options: ChangeOptions): string {
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

/** Throws UsageError for a skill or category that the team does not have. */
export function checkNames(app: Pick<Application, "registry">, options: ChangeOptions, moreSkills: readonly string[] = []): void {
  const skills = [...new Set([...app.registry.skills.keys(), ...moreSkills])];
  const categories = Object.keys(app.registry.routing.categories);
  if (options.skill !== undefined && !skills.includes(options.skill))
    throw new UsageError(`unknown skill "${oneLine(options.skill, 60)}"`, suggest(options.skill, skills));
  if (options.category !== undefined && !categories.includes(options.category)) {
    throw new UsageError(`unknown category "${oneLine(options.category, 60)}"`, suggest(options.category, categories));
  }
}
