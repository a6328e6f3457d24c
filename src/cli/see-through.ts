/** A goal's run from the command line: progress while it goes, the summary and the exit code at its end. */

import type { Application } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { GOAL_ENDED, type Goal } from "../domain/goal.ts";
import { dollars } from "../domain/money.ts";
import { effectsWaiting } from "../store/effect-waiting.ts";
import { listEvents } from "../store/events.ts";
import { listQuestions } from "../store/questions.ts";
import { needGoal } from "../store/goals.ts";
import { goalResultOf } from "../work/goal-result.ts";
import { runGoal } from "../work/run-goal.ts";
import { startProgress } from "./progress.ts";
import { onInterrupt } from "./interrupt.ts";
import { columnsOf, note, oneLine, print, printJson, wrap } from "./output.ts";
import { interactive, pageOf, type RunFlags } from "./session.ts";
import { summaryText } from "./summary-text.ts";

const DRAIN_MS = 25_000;

export async function seeThrough(app: Application, goalId: string, options: RunFlags): Promise<number> {
  const { config } = app;
  const before = await app.store.read((read) => needGoal(read, goalId));
  if (!options.json && !options.events) {
    const { caps } = config;
    const told = GOAL_ENDED.includes(before.status)
      ? [`${goalId} has ended already (${before.status}): there is nothing to go on with. This is what it came to.`]
      : [
          `${goalId}  caps: ${dollars(before.cap + before.allowed)} this goal, ${dollars(caps.day)} a day, ${dollars(caps.month)} a month, ${dollars(caps.call)} a call`,
          ...(before.contextVersion === 0
            ? ["There is no product context yet: the work will be general. `bun run start init` makes one in a few minutes."]
            : []),
        ];
    for (const line of told) note(wrap(line, columnsOf(process.stderr)));
  }
  const progress = await startProgress(app, goalId, {
    form: options.events ? "ndjson" : options.json ? "none" : interactive(config) ? "tree" : "lines",
    color: interactive(config) && !config.noColor,
  });
  await using interrupt = onInterrupt(() => progress.say("Stopping: calls in flight may finish (again to stop at once)."));
  const presence = await app.presence();
  // What waits in a batch is fetched; what is still to be asked is asked at once, as somebody waits for it now.
  const collector = before.batch ? await app.collector() : null;
  let goal: Goal;
  try {
    goal = await runGoal(
      {
        team: app.team,
        queue: app.queue,
        presence,
        concurrency: config.concurrency,
        stop: interrupt.stop,
        abort: interrupt.abort,
        drainMs: DRAIN_MS,
        refuseCalls: () => app.journal.refuseNew(),
        ...(collector && {
          parts: [{ name: "batches", everyMs: 60_000, look: () => collector.look(interrupt.stop), hears: collector.hears }],
        }),
      },
      goalId,
    );
  } finally {
    await progress.close();
  }
  const { result, questions, actions } = await app.store.read(async (read) => ({
    result: await goalResultOf(read, config.workspace, goalId),
    questions: await listQuestions(read, { goalId, status: "open" }),
    actions: await effectsWaiting(read, { goalId }),
  }));
  if (options.json) printJson(result);
  else if (!options.events) print(summaryText(result, goal, questions, actions, pageOf()));
  // Where a program reads stdout, stderr still tells a person how to go on.
  if ((options.json || options.events) && goal.status === "paused")
    note(
      questions[0]
        ? `Paused, a question waits for you (bun run start approvals): ${oneLine(questions[0].title, 140)}`
        : `Paused. Go on with: bun run start resume ${goalId}`,
    );
  return exitCodeOf(app, goal, interrupt.stop.aborted);
}

async function exitCodeOf(app: Application, goal: Goal, interrupted: boolean): Promise<number> {
  if (goal.status === "completed") return EXIT.done;
  if (goal.status === "failed" || goal.status === "cancelled") return EXIT.failed;
  if (interrupted || goal.pause === "interrupted") return EXIT.interrupted;
  // A key or model that the provider refuses is the installation's fault, not the goal's.
  const calls = (await app.store.read((read) => listEvents(read, { goalId: goal.id, limit: 10_000 }))).filter(
    (event) => event.type === "call.settled",
  );
  const stop = calls.at(-1)?.stop;
  return goal.pause === "model_away" && (stop === "auth" || stop === "unknown_model") ? EXIT.config : EXIT.stopped;
}
