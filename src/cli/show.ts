/** `marketeam show`: one goal with its plan and tasks; on request its calls, its reviews, what it read outside, or what filled one prompt. */

import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { callsOfGoal } from "../store/calls.ts";
import { getGoal } from "../store/goals.ts";
import type { Store } from "../store/store.ts";
import { goalResultOf } from "../work/goal-result.ts";
import { START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { print, printJson, type Styles } from "./output.ts";
import { goalOfCall, taskKeys } from "./queries.ts";
import { configFor, pageOf, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { callsJson, callsText, type CallsView } from "./show-calls.ts";
import { goalText, goalView } from "./show-goal.ts";
import { promptJson, promptText, promptView } from "./show-prompt.ts";
import { readsJson, readsText, readsView } from "./show-reads.ts";
import { reviewsJson, reviewsText, reviewsView } from "./show-reviews.ts";
import { openStoreThere } from "./store-there.ts";

type ShowOptions = CommonOptions & {
  readonly calls?: boolean;
  readonly reviews?: boolean;
  readonly reads?: boolean;
  readonly prompt?: string;
};

export async function show(typed: string | undefined, options: ShowOptions): Promise<number> {
  if (options.prompt !== undefined && (options.calls || options.reviews || options.reads)) {
    throw new UsageError("--prompt shows one call", "leave --calls, --reviews and --reads out");
  }
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (store === null) throw new UsageError("there is no goal yet", START_HINT);
  try {
    if (options.prompt !== undefined) await showPrompt(store, typed, options.prompt, options, stylesFor(config));
    else await showGoal(store, config, await resolveId(store, "goal", typed ?? "last"), options);
  } finally {
    await store.close();
  }
  return EXIT.done;
}

async function showGoal(store: Store, config: RuntimeConfig, goalId: string, options: ShowOptions): Promise<void> {
  const { view, calls, reviews, reads } = await store.read(async (read) => ({
    view: await goalView(read, await goalResultOf(read, config.workspace, goalId), goalId),
    calls: options.calls ? await callsOfGoal(read, goalId) : null,
    reviews: options.reviews ? await reviewsView(read, goalId) : null,
    reads: options.reads ? await readsView(read, goalId) : null,
  }));
  const callsView: CallsView | null =
    calls === null
      ? null
      : {
          calls,
          startedAt: view.goal.createdAt,
          keys: new Map(view.tasks.map((task) => [task.id, task.key])),
          rehearsal: view.goal.rehearsal,
        };
  if (options.json) {
    const asked = {
      ...(callsView ? { calls: callsJson(callsView) } : {}),
      ...(reviews ? { reviews: reviewsJson(reviews) } : {}),
      ...(reads ? { reads: readsJson(reads) } : {}),
    };
    printJson(callsView || reviews || reads ? { goal: view.result, ...asked } : view.result);
    return;
  }
  const style = stylesFor(config);
  const parts = [
    ...(callsView ? [callsText(view.goal, callsView, style)] : []),
    ...(reviews ? [reviewsText(view.goal, reviews, style)] : []),
    ...(reads ? [readsText(view.goal, reads, style)] : []),
  ];
  print(parts.length > 0 ? parts.join("\n\n") : goalText(view, style, pageOf()));
}

async function showPrompt(store: Store, typed: string | undefined, typedCall: string, options: ShowOptions, style: Styles) {
  const callId = await resolveId(store, "call", typedCall);
  const goalId = await store.read((read) => goalOfCall(read, callId));
  if (typed !== undefined && goalId !== (await resolveId(store, "goal", typed))) {
    throw new UsageError(`call ${callId} belongs to goal ${goalId}`, "leave the goal out, the call is enough");
  }
  const view = await store.read(async (read) => {
    const call = (await callsOfGoal(read, goalId ?? "")).find((entry) => entry.id === callId);
    if (!call) throw new Error(`no call ${callId}`);
    const keys = await taskKeys(read, [call.subject]);
    return promptView(read, call, { goal: await getGoal(read, call.goalId), task: keys.get(call.subject) ?? call.subject });
  });
  if (options.json) printJson(promptJson(view));
  else print(promptText(view, style));
}
