/** `marketeam approvals … --approve` and `--reject`: answers effects, one or several, and sends what was approved. */

import type { ActionClass } from "../domain/action.ts";
import type { Effect } from "../domain/effect.ts";
import { EXIT } from "../domain/exit.ts";
import { count } from "../domain/quantity.ts";
import { waitsFor } from "../store/effect-answers.ts";
import { getEffect, listEffects } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import { PERSON } from "./effects.ts";
import { openLedger, type Ledger, type OpenLedger } from "./effects-open.ts";
import { effectJson, plain, resolveEffectId, whatOf } from "./effects-text.ts";
import { UsageError } from "./errors.ts";
import { note, oneLine, print, printJson } from "./output.ts";
import { configFor, interactive, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

export type AnswerFlags = CommonOptions & {
  readonly approve?: boolean;
  readonly reject?: boolean;
  readonly note?: string;
  readonly all?: boolean;
  readonly class?: ActionClass;
  readonly yes?: boolean;
};

/** Of these, many may be approved with one word. All others are named one by one. */
const IN_BULK: readonly ActionClass[] = ["draft", "write"];

type Outcome = { readonly effect: Effect; readonly waiting: string | null; readonly refused: string | null };

export async function answerEffects(
  typed: readonly string[],
  options: AnswerFlags,
  open: OpenLedger = openLedger,
): Promise<number> {
  const approve = options.approve ?? false;
  checkFlags(typed, options);
  const config = configFor(options);
  if (!storeThere(config)) throw new UsageError("there is nothing to answer", "see `bun run start approvals`");
  await using ledger = await open(options);
  const chosen = options.all ? await allOf(ledger.store, options.class, approve) : await named(ledger.store, typed);
  if (approve) await checkApprovable(ledger.store, chosen);
  if (chosen.length === 0) {
    if (options.json) printJson({ [approve ? "approved" : "rejected"]: [] });
    else print("Nothing waits for that.");
    return EXIT.done;
  }
  if (approve) {
    for (const effect of chosen) note(`${effect.id}\n${plain(effect.preview)}`);
    if (interactive(config) && process.stdin.isTTY && !options.yes && !(await agreed(chosen))) {
      note("Nothing was approved.");
      return EXIT.stopped;
    }
  }
  const outcomes: Outcome[] = [];
  for (const effect of chosen)
    outcomes.push(await (approve ? approveOne(ledger, effect) : rejectOne(ledger, effect, options.note ?? null)));
  for (const goalId of new Set(outcomes.map(({ effect }) => effect.goalId)))
    await ledger.report(goalId).catch(() => note(`The report of ${goalId} could not be written: \`export\` writes it again.`));
  if (options.json)
    printJson({
      [approve ? "approved" : "rejected"]: outcomes.map(({ effect, waiting, refused }) => ({
        ...effectJson(effect),
        waiting,
        refused,
      })),
    });
  else for (const outcome of outcomes) print(lineOf(outcome));
  return codeOf(outcomes);
}

function checkFlags(typed: readonly string[], options: AnswerFlags): void {
  if (options.approve && options.reject) throw new UsageError("--approve and --reject exclude each other", "choose one of them");
  if (options.approve && options.note !== undefined) throw new UsageError("--note goes with --reject", "it says why not");
  if (options.class !== undefined && !options.all) throw new UsageError("--class goes with --all", "or name the ids");
  if (options.all && typed.length > 0) throw new UsageError("--all and ids exclude each other", "choose one of them");
  if (!options.all && typed.length === 0)
    throw new UsageError("say which effects", "approvals --approve act_… act_…; see `bun run start approvals`");
  if (options.all && options.approve && !IN_BULK.includes(options.class ?? "send"))
    throw new UsageError(
      options.class === undefined
        ? "--approve --all needs --class draft or --class write"
        : `nothing of class ${options.class} is approved in bulk`,
      "name each id: what reaches people, costs money or deletes is looked at one by one",
    );
}

async function allOf(store: Store, kind: ActionClass | undefined, approve: boolean): Promise<Effect[]> {
  return store.read(async (read) => {
    const open = (await listEffects(read, { states: ["intent"] })).filter(
      (effect) => kind === undefined || effect.class === kind,
    );
    if (!approve) return open.toReversed();
    const ready: Effect[] = [];
    for (const effect of open.toReversed())
      if (effect.blocked === null && effect.expiresAt > read.now && (await waitsFor(read, effect)) === null) ready.push(effect);
    return ready;
  });
}

async function named(store: Store, typed: readonly string[]): Promise<Effect[]> {
  const ids: string[] = [];
  for (const one of typed) {
    if (one.startsWith("ask_"))
      throw new UsageError(`${oneLine(one, 40)} is a question`, "answer it with `approve <id>` or `reject <id>`");
    ids.push(await resolveEffectId(store, one));
  }
  const found = await store.read(async (read) => Promise.all([...new Set(ids)].map((id) => getEffect(read, id))));
  return found.filter((effect) => effect !== null);
}

/** All or nothing: who names one that cannot be approved looks again before any is. */
async function checkApprovable(store: Store, effects: readonly Effect[]): Promise<void> {
  for (const effect of effects) {
    const why =
      effect.state !== "intent"
        ? `it is ${effect.state}`
        : (effect.blocked ??
          (effect.expiresAt <= Date.now() ? "its time is over" : await store.read((read) => waitsFor(read, effect))));
    if (why !== null)
      throw new UsageError(`${effect.id} cannot be approved: ${why}`, `nothing was changed; see \`effects ${effect.id}\``);
  }
}

async function agreed(effects: readonly Effect[]): Promise<boolean> {
  const { confirm, isCancel } = await import("@clack/prompts");
  const message = effects.length === 1 ? "Do exactly this?" : `Do exactly these ${effects.length}?`;
  const go = await confirm({ message, initialValue: false, output: process.stderr });
  return !isCancel(go) && go;
}

async function approveOne({ effects }: Ledger, effect: Effect): Promise<Outcome> {
  const given = await effects.approve(effect.id, { hash: effect.hash, by: PERSON });
  if ("refused" in given) return { effect, waiting: null, refused: given.refused };
  const { effect: after, waiting } = await effects.send(effect.id);
  return { effect: after, waiting, refused: null };
}

async function rejectOne({ effects }: Ledger, effect: Effect, why: string | null): Promise<Outcome> {
  const given = await effects.reject(effect.id, { by: PERSON, note: why });
  return "refused" in given ? { effect, waiting: null, refused: given.refused } : { ...given, waiting: null, refused: null };
}

function lineOf({ effect, waiting, refused }: Outcome): string {
  const what = `${effect.id}  ${whatOf(effect)}`;
  if (refused !== null) return `${what}: not changed, ${refused}`;
  if (waiting !== null) return `${what}: approved; it waits: ${oneLine(waiting, 120)}`;
  if (effect.state === "unknown")
    return `${what}: unknown, ${oneLine(effect.note ?? "", 120)}\n  It may have happened. Look, then: bun run start effects ${effect.id} --happened (or --did-not-happen)`;
  return `${what}: ${effect.state}${effect.note === null ? "" : `, ${oneLine(effect.note, 120)}`}`;
}

/** 0 when all is as the person wanted it, 4 when something waits or is not known, 1 when something was not done. */
function codeOf(outcomes: readonly Outcome[]): number {
  // What a rehearsal ends without doing is as it should be.
  if (outcomes.some(({ effect, refused }) => refused !== null || (effect.state === "failed" && !effect.rehearsal)))
    return EXIT.failed;
  return outcomes.some(({ effect, waiting }) => waiting !== null || effect.state === "unknown") ? EXIT.stopped : EXIT.done;
}

/** What `approvals` says below the questions. */
export function waitingLine(n: number): string {
  return `${count(n, "action")} outside. One whole: bun run start approvals <id>; answer with --approve or --reject`;
}
