/** `marketeam effects`: what was done outside or is to be, one of them whole, the kill switch, and settling what nobody knows. */

import type { StoredEvent } from "../domain/event.ts";
import { EXIT } from "../domain/exit.ts";
import type { Effect } from "../domain/effect.ts";
import { count } from "../domain/quantity.ts";
import { waitsFor } from "../store/effect-answers.ts";
import { getEffect, getStop, listEffects, stoppedWords } from "../store/effects.ts";
import { listEvents } from "../store/events.ts";
import type { Read, Store } from "../store/store.ts";
import { choicesOf, effectJson, effectPage, effectRows, resolveEffectId, whatOf, type History } from "./effects-text.ts";
import { openBareLedger, openLedger, type OpenLedger } from "./effects-open.ts";
import { UsageError } from "./errors.ts";
import { eventText } from "./event-text.ts";
import { print, printJson } from "./output.ts";
import { configFor, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere, storeThere } from "./store-there.ts";

export type EffectsFlags = CommonOptions & {
  readonly goal?: string;
  readonly limit?: number;
  readonly stop?: boolean;
  readonly resume?: boolean;
  readonly happened?: boolean;
  readonly didNotHappen?: boolean;
  readonly note?: string;
};

const LIMIT = 30;
export const PERSON = "a person";

export async function effects(typed: string | undefined, options: EffectsFlags, open: OpenLedger = openLedger): Promise<number> {
  const { stop, resume, happened, didNotHappen, note } = options;
  const asked = [stop, resume, happened, didNotHappen].filter(Boolean).length;
  if (asked > 1)
    throw new UsageError("--stop, --resume, --happened and --did-not-happen exclude each other", "choose one of them");
  if ((stop || resume) && typed !== undefined)
    throw new UsageError(`${stop ? "--stop" : "--resume"} concerns everything outside`, `leave "${typed}" out`);
  if ((happened || didNotHappen) && typed === undefined)
    throw new UsageError("say which effect you looked for", "effects <id> --happened, or --did-not-happen");
  if (note !== undefined && !happened && !didNotHappen)
    throw new UsageError("--note goes with --happened or --did-not-happen", "it says what you saw");
  if (stop) return stopAll(options);
  if (resume) return resumeAll(options);
  if (typed === undefined) return list(options, open);
  if (!storeThere(configFor(options))) throw new UsageError(`there is no effect "${typed}"`, "see `bun run start effects`");
  if (happened || didNotHappen) return settle(typed, happened ?? false, options, open);
  return show(typed, options);
}

async function list(options: EffectsFlags, open: OpenLedger): Promise<number> {
  const config = configFor(options);
  let found = await readList(options);
  if (found.effects.some((effect) => effect.state === "sent")) {
    // Under way, or left so by a process that is gone: only a look at the processes tells.
    await using ledger = await open(options);
    if ((await ledger.recover()) > 0) found = await readList(options);
  }
  if (options.json) {
    printJson({
      stopped: found.stop && { at: new Date(found.stop.at).toISOString(), by: found.stop.by },
      effects: found.effects.map(effectJson),
    });
    return EXIT.done;
  }
  const styles = stylesFor(config);
  if (found.stop) print(`${styles.red(`Stopped: ${stoppedWords(found.stop)}.`)} Go on with: bun run start effects --resume\n`);
  if (found.effects.length === 0) {
    print("Nothing was done outside, and nothing is to be.");
    return EXIT.done;
  }
  print(effectRows(found.effects, Date.now(), styles));
  const unknown = found.effects.filter((effect) => effect.state === "unknown").length;
  print(
    `\nOne of them whole: bun run start effects <id>.${unknown > 0 ? ` ${count(unknown, "effect")} may have happened: only you can look.` : ""}`,
  );
  return EXIT.done;
}

async function readList(options: EffectsFlags) {
  const store = await openStoreThere(configFor(options));
  if (store === null) return { stop: null, effects: [] };
  try {
    const goalId = options.goal === undefined ? undefined : await resolveId(store, "goal", options.goal);
    return await store.read(async (read) => ({
      stop: await getStop(read),
      effects: await listEffects(read, { limit: options.limit ?? LIMIT, ...(goalId === undefined ? {} : { goalId }) }),
    }));
  } finally {
    await store.close();
  }
}

/** One effect whole. */
export async function show(typed: string, options: CommonOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (store === null) throw new UsageError(`there is no effect "${typed}"`, "see `bun run start effects`");
  try {
    const whole = await wholeEffect(store, await resolveEffectId(store, typed));
    if (options.json) printJson(wholeJson(whole));
    else print(effectPage(whole.effect, whole.history, whole.waits, stylesFor(config)));
  } finally {
    await store.close();
  }
  return EXIT.done;
}

export type WholeEffect = { readonly effect: Effect; readonly history: History; readonly waits: string | null };

async function wholeEffect(store: Pick<Store, "read">, id: string): Promise<WholeEffect> {
  return store.read(async (read) => {
    const effect = await getEffect(read, id);
    if (!effect) throw new UsageError(`there is no effect "${id}"`, "see `bun run start effects`");
    const waits = effect.state === "intent" ? (effect.blocked ?? (await waitsFor(read, effect))) : null;
    return { effect, history: await historyOf(read, effect), waits };
  });
}

function wholeJson({ effect, history, waits }: WholeEffect) {
  return {
    ...effectJson(effect),
    preview: effect.preview,
    args: JSON.parse(effect.args) as unknown,
    result: effect.result,
    waits,
    history: history.map(({ at, what }) => ({ at: new Date(at).toISOString(), what })),
    choices: choicesOf(effect, waits),
  };
}

async function historyOf(read: Read, { id, goalId }: Effect): Promise<History> {
  const history: { at: number; what: string }[] = [];
  for (let after = 0; ;) {
    const events: StoredEvent[] = await listEvents(read, { goalId, after });
    for (const event of events)
      if ("effectId" in event && event.effectId === id) history.push({ at: event.at, what: eventText(event) });
    const last = events.at(-1);
    if (!last) return history;
    after = last.seq;
  }
}

async function stopAll(options: EffectsFlags): Promise<number> {
  await using ledger = await openBareLedger(options);
  const { stopped, gone } = await ledger.effects.stop(PERSON);
  if (options.json) {
    printJson({ stopped: stopped.map(effectJson), gone: gone.map(effectJson) });
    return EXIT.done;
  }
  print(
    `Stopped. ${count(stopped.length, "effect")} will not be sent; nothing new is taken until: bun run start effects --resume`,
  );
  if (gone.length > 0) {
    print(`\nThis cannot be taken back (${count(gone.length, "effect")} sent, in the last 24 hours or still without an answer):`);
    for (const effect of gone) print(`  ${effect.id}  ${effect.state}  ${whatOf(effect)}`);
  }
  return EXIT.done;
}

async function resumeAll(options: EffectsFlags): Promise<number> {
  await using ledger = await openBareLedger(options);
  const resumed = await ledger.effects.resume();
  if (options.json) printJson({ resumed });
  else print(resumed ? "New effects are taken again. What was stopped stays stopped." : "Nothing was stopped.");
  return EXIT.done;
}

async function settle(typed: string, happened: boolean, options: EffectsFlags, open: OpenLedger): Promise<number> {
  await using ledger = await open(options);
  const id = await resolveEffectId(ledger.store, typed);
  await ledger.recover();
  const given = await ledger.effects.resolve(id, { happened, by: PERSON, note: options.note ?? null });
  if ("refused" in given) throw new UsageError(`${id}: ${given.refused}`, "see `bun run start effects`");
  if (options.json) printJson(effectJson(given.effect));
  else print(`Noted: ${given.effect.note}. ${id} is ${given.effect.state}.`);
  return EXIT.done;
}
