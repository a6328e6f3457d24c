/** `marketeam approvals`: the questions that wait for a person, each with what is needed to decide. */

import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import type { Question } from "../domain/question.ts";
import { listQuestions } from "../store/questions.ts";
import { print, printJson } from "./output.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export async function approvals(options: CommonOptions): Promise<number> {
  const config = configFor(options);
  const questions = await openQuestions(config);
  if (options.json) {
    printJson({
      approvals: questions.map(({ id, goalId, taskId, kind, title, detail, approveMeans, rejectMeans, createdAt }) => ({
        id,
        goal: goalId,
        task: taskId,
        kind,
        title,
        detail,
        approveMeans,
        rejectMeans,
        askedAt: new Date(createdAt).toISOString(),
      })),
    });
    return EXIT.done;
  }
  if (questions.length === 0) {
    print("Nothing waits for you.");
    return EXIT.done;
  }
  const { bold, dim } = stylesFor(config);
  for (const question of questions) {
    print(
      [
        bold(question.title),
        dim(
          `${question.id}  goal ${question.goalId}  asked ${new Date(question.createdAt).toISOString().slice(0, 16).replace("T", " ")} UTC`,
        ),
        "",
        question.detail,
        "",
        `yes  ${question.approveMeans}`,
        `     bun run start approve ${question.id}`,
        `no   ${question.rejectMeans}`,
        `     bun run start reject ${question.id} --note "why"`,
        "",
      ].join("\n"),
    );
  }
  return EXIT.done;
}

async function openQuestions(config: RuntimeConfig): Promise<Question[]> {
  const store = await openStoreThere(config);
  try {
    return store === null ? [] : await store.read((read) => listQuestions(read, { status: "open" }));
  } finally {
    await store?.close();
  }
}
