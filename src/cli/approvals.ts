/** `marketeam approvals`: the questions that wait for a person in a line or two each, or one of them whole. */

import { EXIT } from "../domain/exit.ts";
import { usd } from "../domain/money.ts";
import { detailOf, type Decision, type Question } from "../domain/question.ts";
import { getQuestion, listQuestions } from "../store/questions.ts";
import { decisionOf } from "../work/escalation.ts";
import { age, count } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

/** All that wait. */
export async function approvals(options: CommonOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  let questions: Question[];
  try {
    questions = store === null ? [] : await store.read((read) => listQuestions(read, { status: "open" }));
  } finally {
    await store?.close();
  }
  if (options.json) {
    printJson({ approvals: questions.map(questionJson) });
    return EXIT.done;
  }
  if (questions.length === 0) {
    print("Nothing waits for you.");
    return EXIT.done;
  }
  const { bold, dim } = stylesFor(config);
  for (const { id, goalId, title, createdAt } of questions) {
    print(bold(oneLine(title, 160)));
    print(dim(`  ${id}  ${goalId}  ${age(Date.now() - createdAt)} ago`));
  }
  print(`\n${count(questions.length, "question")}. One with all you need to decide: bun run start approvals <id>`);
  return EXIT.done;
}

/** One question whole, by a unique beginning of its id; all of them without one. */
export async function approval(typed: string | undefined, options: CommonOptions): Promise<number> {
  if (typed === undefined) return approvals(options);
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (store === null) throw new UsageError(`there is no question "${typed}"`, "see `approvals`");
  let question: Question | null;
  let decision: Decision | null = null;
  try {
    const id = await resolveId({ store }, "ask", typed);
    question = await store.read((read) => getQuestion(read, id));
    if (question?.status === "open") decision = await decisionOf(store, question);
  } finally {
    await store.close();
  }
  if (!question) throw new UsageError(`there is no question "${typed}"`, "see `approvals`");
  if (options.json) {
    const { status } = question;
    printJson({ approvals: [{ ...questionJson(question), status, ...(decision ? decisionJson(decision) : {}) }] });
  } else {
    const { bold, dim } = stylesFor(config);
    const asked = new Date(question.createdAt).toISOString().slice(0, 16).replace("T", " ");
    const answered = question.answer
      ? `\n\nAnswered: ${question.answer.choice}${question.answer.note === null ? "" : ` (${question.answer.note})`}`
      : question.status === "withdrawn"
        ? "\n\nWithdrawn: its goal has ended."
        : "";
    print(bold(oneLine(question.title, 158)));
    print(dim(`${question.goalId}, asked ${asked} UTC`));
    print(`\n${decision ? detailOf(decision) : question.detail}${answered}`);
  }
  return EXIT.done;
}

function questionJson({ id, goalId, taskId, kind, title, detail, approveMeans, rejectMeans, createdAt }: Question) {
  const askedAt = new Date(createdAt).toISOString();
  return { id, goal: goalId, task: taskId, kind, title, detail, approveMeans, rejectMeans, askedAt };
}

/** The parts of what `detail` says. Nothing is cut here but a difference of many pages. */
function decisionJson({ asked, happened, versions, diff, findings, cost, lost, ahead, choices }: Decision) {
  return {
    asked,
    happened,
    versions,
    diff,
    findings,
    costUsd: usd(cost),
    lostUsd: usd(lost),
    ahead,
    choices: choices.map((choice) => ({
      answer: choice.answer,
      command: `bun run start ${choice.command}`,
      costUsd: choice.cost === null ? null : usd(choice.cost),
      means: choice.means,
    })),
  };
}
