/** `marketeam approve` and `reject`: answer a question, and go on with its goal. */

import { readFile } from "node:fs/promises";
import { EXIT } from "../domain/exit.ts";
import type { Answer } from "../domain/question.ts";
import { needGoal } from "../store/goals.ts";
import { getQuestion } from "../store/questions.ts";
import { answerQuestion } from "../work/answers.ts";
import { createScribe } from "../work/scribe.ts";
import { bodyOf } from "../workspace/document.ts";
import { UsageError } from "./errors.ts";
import { note, print, printJson } from "./output.ts";
import { seeThrough } from "./see-through.ts";
import { openApplication, openTeam } from "./application.ts";
import { configFor, resolveId, type RunFlags } from "./session.ts";
import { storeThere } from "./store-there.ts";

type AnswerOptions = RunFlags & {
  readonly run: boolean;
  readonly note?: string;
  readonly version?: number;
  readonly edit?: string;
  readonly drop?: boolean;
};

export async function approve(typed: string, options: AnswerOptions): Promise<number> {
  if (options.edit !== undefined && options.version !== undefined)
    throw new UsageError("--edit and --version exclude each other", "take a version, or your own text");
  const body = options.edit === undefined ? null : await readEdit(options.edit);
  return answer(typed, options, {
    choice: "approve",
    note: options.note ?? null,
    version: options.version ?? null,
    drop: false,
    body,
  });
}

export async function reject(typed: string, options: AnswerOptions): Promise<number> {
  return answer(typed, options, {
    choice: "reject",
    note: options.note ?? null,
    version: null,
    drop: options.drop ?? false,
    body: null,
  });
}

async function answer(typed: string, options: AnswerOptions, given: Answer): Promise<number> {
  const { goalId, rehearsal } = await record(typed, options, given);
  const status = await (async () => {
    await using app = await openApplication(options);
    return (await app.store.read((read) => needGoal(read, goalId))).status;
  })();
  if (status !== "running" || !options.run) {
    if (options.json) printJson({ goal: goalId, status, answered: given.choice });
    else
      print(status === "running" ? `Recorded. Go on with: bun run start resume ${goalId}` : `Recorded. The goal is ${status}.`);
    return EXIT.done;
  }
  const flags = { ...options, ...(rehearsal ? { rehearse: true } : {}) };
  if (!rehearsal && configFor(options).apiKey === null) {
    note(`Recorded. ANTHROPIC_API_KEY is not set: go on later with \`bun run start resume ${goalId}\`.`);
    return EXIT.done;
  }
  await using app = await openTeam(flags, { model: true });
  return await seeThrough(app, goalId, flags);
}

/** The answer is durable before anything goes on. */
async function record(typed: string, options: AnswerOptions, given: Answer): Promise<{ goalId: string; rehearsal: boolean }> {
  if (!storeThere(configFor(options))) throw new UsageError(`there is no question "${typed}"`, "see `bun run start approvals`");
  await using app = await openApplication(options);
  const id = await resolveId(app.store, "ask", typed);
  const question = await app.store.read((read) => getQuestion(read, id));
  if (!question) throw new UsageError(`there is no question "${typed}"`, "see `bun run start approvals`");
  const scribe = createScribe(app.team, (goalId) => goalId === question.goalId);
  const problem = await answerQuestion(app.store, question, given);
  await scribe.close();
  if (problem !== null)
    throw new UsageError(problem, "`bun run start approvals` tells what waits, `bun run start show` the versions of a task");
  const goal = await app.store.read((read) => needGoal(read, question.goalId));
  return { goalId: goal.id, rehearsal: goal.rehearsal };
}

async function readEdit(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new UsageError(`cannot read ${path}`, "name a Markdown file with your version of the work");
  }
  const body = bodyOf(text);
  if (body === "") throw new UsageError(`${path} is empty`, "it should hold your version of the work");
  return body;
}
