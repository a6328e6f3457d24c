/** `marketeam approvals`: the questions and actions that wait for a person in a line or two each, one of them whole, or an answer. */

import type { Effect } from "../domain/effect.ts";
import { EXIT } from "../domain/exit.ts";
import { idPrefix } from "../domain/id.ts";
import { usd } from "../domain/money.ts";
import { detailOf, type Decision, type Question } from "../domain/question.ts";
import { count } from "../domain/quantity.ts";
import { effectsWaiting } from "../store/effect-waiting.ts";
import { idsLike } from "../store/ids.ts";
import { getQuestion, listQuestions } from "../store/questions.ts";
import type { Store } from "../store/store.ts";
import { decisionOf } from "../work/escalation.ts";
import { age } from "./columns.ts";
import { show } from "./effects.ts";
import { answerEffects, waitingLine, type AnswerFlags } from "./effects-answer.ts";
import { effectJson, whatOf } from "./effects-text.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

/** What was typed: nothing for the list, an id for one whole, and an answer with `--approve` or `--reject`. */
export async function answerOrShow(typed: readonly string[], options: AnswerFlags): Promise<number> {
  if (options.approve || options.reject) return answerEffects(typed, options);
  for (const flag of ["note", "all", "class", "yes"] as const)
    if (options[flag] !== undefined)
      throw new UsageError(`--${flag} goes with --approve or --reject`, "add the one that you mean, or leave it out");
  if (typed.length > 1)
    throw new UsageError("name one, or answer several with --approve or --reject", "see `bun run start approvals`");
  return approval(typed[0], options);
}

/** All that wait. */
export async function approvals(options: CommonOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  let questions: Question[] = [];
  let effects: Effect[] = [];
  try {
    if (store) {
      questions = await store.read((read) => listQuestions(read, { status: "open" }));
      const { answerable, unknown } = await store.read((read) => effectsWaiting(read));
      // Together, the oldest first: ids grow with time.
      effects = [...answerable, ...unknown].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    }
  } finally {
    await store?.close();
  }
  if (options.json) {
    printJson({ approvals: questions.map(questionJson), effects: effects.map(effectJson) });
    return EXIT.done;
  }
  if (questions.length + effects.length === 0) {
    print("Nothing waits for you.");
    return EXIT.done;
  }
  const { bold, dim } = stylesFor(config);
  for (const { id, goalId, title, createdAt } of questions) {
    print(bold(oneLine(title, 160)));
    print(dim(`  ${id}  ${goalId}  ${age(Date.now() - createdAt)} ago`));
  }
  for (const effect of effects) {
    print(bold(whatOf(effect)));
    print(dim(`  ${effect.id}  ${effect.goalId}  ${age(Date.now() - effect.createdAt)} ago`));
  }
  print("");
  if (questions.length > 0)
    print(`${count(questions.length, "question")}. One with all you need to decide: bun run start approvals <id>`);
  if (effects.length > 0) print(waitingLine(effects.length));
  return EXIT.done;
}

/** One question whole, by a unique beginning of its id; all of them without one. */
export async function approval(typed: string | undefined, options: CommonOptions): Promise<number> {
  if (typed === undefined) return approvals(options);
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (store === null) throw new UsageError(`there is no question "${typed}"`, "see `bun run start approvals`");
  let question: Question | null;
  let decision: Decision | null = null;
  try {
    if (await isEffect(store, typed)) return await show(typed, options);
    const id = await resolveId(store, "ask", typed);
    question = await store.read((read) => getQuestion(read, id));
    if (question?.status === "open") decision = await decisionOf(store, question);
  } finally {
    await store.close();
  }
  if (!question) throw new UsageError(`there is no question "${typed}"`, "see `bun run start approvals`");
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

/** Whether a beginning of an id is one of an action: without its kind, a question of that name comes first. */
async function isEffect(store: Store, typed: string): Promise<boolean> {
  if (typed.startsWith("act_")) return true;
  const [question, action] = [idPrefix("ask", typed), idPrefix("act", typed)];
  if (typed.startsWith("ask_") || question === null || action === null) return false;
  const [asked] = await store.read((read) => idsLike(read, "questions", question));
  return asked === undefined && (await store.read((read) => idsLike(read, "effects", action))).length > 0;
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
