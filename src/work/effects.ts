/** What leaves the house: noted, approved, committed as sent, done at most once, and verified or parked when its answer is lost. */

import { permissionFor, type Policy } from "../domain/action.ts";
import { canonical, type Action, type Effect } from "../domain/effect.ts";
import type { VerifyRule } from "../domain/tool-catalogue.ts";
import type { Log } from "../log/log.ts";
import { createRedactor } from "../log/redact.ts";
import { approveEffect, POLICY, rejectEffect, waitsFor } from "../store/effect-answers.ts";
import {
  endSending,
  failUnsent,
  orphanSends,
  resolveEffect,
  startSending,
  type Ending,
  type SendLimits,
} from "../store/effect-sends.ts";
import {
  expireEffects,
  getEffect,
  listEffects,
  proposeEffect,
  resumeEffects,
  stopEffects,
  type EffectPlace,
  type NewEffect,
  type Refused,
} from "../store/effects.ts";
import type { Store, Tx } from "../store/store.ts";
import type { ToolAnswer, ToolInfo, ToolServer } from "../tools/server.ts";
import { unprovenClaims } from "./effect-claims.ts";
import { previewOf, visible, type Preview } from "./effect-preview.ts";
import { careful, createVerifier } from "./effect-verify.ts";
import { keepTrying } from "./keep-trying.ts";

/** What tools.yaml and the catalogue say of one tool. */
export type EffectRules = SendLimits & {
  readonly policy: Policy;
  /** How long a proposal can be answered and sent, ms. */
  readonly ttlMs: number;
  /** How an unknown effect is checked by a read; null where there is no way. */
  readonly verify: VerifyRule | null;
  /** The tool is as a person has accepted it; otherwise nothing of it is done unasked, whatever the policy says. */
  readonly accepted: boolean;
  /** Until when (UTC ms) an approved one waits, quiet hours for one; null: it may go now. */
  readonly notBefore: number | null;
};

/** What an agent wants done, as the executor understood it. */
export type Wish = EffectPlace &
  Pick<NewEffect, "goalId" | "taskId" | "revision" | "skill" | "class" | "tainted" | "rehearsal"> &
  Omit<Action, "args"> & {
    readonly args: Readonly<Record<string, unknown>>;
    /** Where the server knows better than the arguments what will happen. */
    readonly preview?: Preview;
    /** Why it may not be approved as it is; null when it may. */
    readonly blocked?: string | null;
  };

export type EffectsOptions = {
  readonly store: Store;
  /** Null when it is off, or not there. */
  readonly server: (name: string) => ToolServer | null;
  /** Of a tool as its server lists it now: compared with what was approved. */
  readonly toolHash: (server: string, tool: ToolInfo) => string;
  readonly rules: (action: Pick<Effect, "server" | "tool" | "toolHash" | "class">) => EffectRules;
  /** This process among those that share the store; registered before the first send. */
  readonly processId: () => Promise<string>;
  /** Texts that no result, note or log may hold. */
  readonly secrets: readonly string[];
  readonly now: () => number;
  readonly log: Log;
  readonly reached: (point: string) => void;
};

/** `effect` is how it stands now. `waiting` is why it is still approved and not sent, else null; `at` when to look again (UTC ms), or null. */
export type Sending = { readonly effect: Effect; readonly waiting: string | null; readonly at: number | null };
export type Answered = { readonly effect: Effect } | Refused;

export interface Effects {
  /** Notes it for a person's answer. */
  propose(wish: Wish): Promise<{ effect: Effect; fresh: boolean } | Refused>;
  /** Does at once what the policy lets through unasked. What is there from an earlier life is not done again: look at its state. */
  runAtOnce(wish: Wish): Promise<Sending | Refused>;
  /** A person's yes to exactly what stands under `hash`. Sends nothing. */
  approve(id: string, answer: { hash: string; by: string }): Promise<Answered>;
  reject(id: string, answer: { by: string; note: string | null }): Promise<Answered>;
  /** Sends an approved effect, if nobody else does. Never throws for what a server does. */
  send(id: string): Promise<Sending>;
  /** Turns sends that nobody has in hand into `unknown`. The rows of dead processes must be gone: see Presence. */
  recover(): Promise<number>;
  /** All that is due: expires, recovers, verifies, sends. Returns when to look again (UTC ms), or null. Begins nothing once `stop` has fired. */
  look(stop?: AbortSignal): Promise<number | null>;
  /** The kill switch. */
  stop(by: string): Promise<{ stopped: readonly Effect[]; gone: readonly Effect[] }>;
  resume(): Promise<boolean>;
  /** A person says whether an unknown effect happened. */
  resolve(id: string, answer: { happened: boolean; by: string; note: string | null }): Promise<Answered>;
}

export const DEFAULT_TTL_MS = 72 * 3_600_000;
const RESULT_CHARS = 8_000;
const LIST_MS = 60_000;
const SEND_MS = 5 * 60_000;
const AWAY_MS = 30_000;

export function createEffects(options: EffectsOptions): Effects {
  const { store, rules, now, log, reached } = options;
  const redact = createRedactor(options.secrets);
  /** In the hands of this process, from before the commit of `sent` to after that of its end. */
  const inHand = new Set<string>();
  const verify = createVerifier({ store, server: options.server, rules, now, log });

  function newEffect(wish: Wish): NewEffect {
    const { args, preview: given, blocked = null, ...rest } = wish;
    const { ttlMs, maxRecipients } = rules(wish);
    const preview = given ?? previewOf(wish);
    const many = maxRecipients !== null && (preview.recipients ?? 0) > maxRecipients;
    return {
      ...rest,
      args: canonical(args),
      preview: visible(clean(preview.preview)),
      recipients: preview.recipients,
      cost: preview.cost,
      blocked: blocked ?? (many ? `${preview.recipients} recipients are more than the ${maxRecipients} of one send` : null),
      expiresAt: now() + ttlMs,
    };
  }

  /** What is kept as text: no secret, nothing that PostgreSQL refuses. */
  function clean(text: string): string {
    return redact(text).replaceAll("\u0000", "\ufffd");
  }

  async function runAtOnce(wish: Wish): Promise<Sending | Refused> {
    if (permissionFor(wish.class, rules(wish).policy, wish.tainted) !== "auto")
      return { refused: `to ${wish.class} needs a person's yes here` };
    const proposal = newEffect(wish);
    const noted = await store.write("effect.run", async (tx: Tx) => {
      const proposed = await proposeEffect(tx, proposal);
      if ("refused" in proposed || proposed.effect.state !== "intent") return proposed;
      return approveEffect(tx, proposed.effect.id, { hash: proposed.effect.hash, by: POLICY });
    });
    return "refused" in noted ? noted : send(noted.effect.id);
  }

  async function send(id: string): Promise<Sending> {
    const effect = await needed(id);
    if (effect.state !== "approved") return { effect, waiting: null, at: null };
    const later = (waiting: string, at = now() + AWAY_MS): Sending => ({ effect, waiting, at });
    const failed = async (reason: string): Promise<Sending> => {
      const after = await store.write("effect.fail", (tx) => failUnsent(tx, id, reason));
      return { effect: after, waiting: null, at: null };
    };
    const { notBefore } = rules(effect);
    if (notBefore !== null && notBefore > now()) return later("these are quiet hours", notBefore);
    const server = options.server(effect.server);
    if (!server) return later(`the server ${effect.server} is not connected here`);
    const listed = await careful(server.list(AbortSignal.timeout(LIST_MS)), log);
    if ("away" in listed) return later(`the server ${effect.server} is away: ${clean(listed.away)}`);
    const tool = listed.tools.find(({ name }) => name === effect.tool);
    if (!tool) return failed(`the server ${effect.server} no longer offers ${effect.tool}`);
    if (options.toolHash(effect.server, tool) !== effect.toolHash) return failed("the tool has changed since it was approved");
    const sender = await options.processId();
    if (inHand.has(id)) return { effect, waiting: null, at: null };
    inHand.add(id);
    try {
      const started = await store.write("effect.send", (tx) => startSending(tx, id, sender, rules(effect)));
      if (started.kind === "later") return later(started.why, started.at);
      if (started.kind === "no") return { effect: started.effect, waiting: null, at: null };
      reached("effect:before-wire");
      const answer = await call(server, started.effect);
      reached("effect:after-wire");
      const after = await keepTrying(() => store.write("effect.end", (tx) => endSending(tx, id, endingOf(answer))));
      log.info("an action outside has ended", { effect: id, state: after.state, server: effect.server, tool: effect.tool });
      if (after.state !== "unknown") return { effect: after, waiting: null, at: null };
    } finally {
      inHand.delete(id);
    }
    const at = await verify(await needed(id));
    return { effect: await needed(id), waiting: null, at };
  }

  /** From here on it may have happened. Whatever goes wrong, nothing is said that is not known. */
  async function call(server: ToolServer, { id, tool, args }: Effect): Promise<ToolAnswer> {
    try {
      const given = JSON.parse(args) as Record<string, unknown>;
      return await server.call(tool, given, { signal: AbortSignal.timeout(SEND_MS), idempotencyKey: id });
    } catch (error) {
      log.error("a tool server broke its promise", { effect: id, error });
      return { kind: "lost", detail: error instanceof Error ? error.message : String(error) };
    }
  }

  function endingOf(answer: ToolAnswer): Ending {
    if (answer.kind === "lost") return { state: "unknown", result: null, note: `no answer came: ${cut(clean(answer.detail))}` };
    if (answer.kind === "unsent") return { state: "failed", result: null, note: `it never left: ${cut(clean(answer.detail))}` };
    const result = cut(clean(answer.text));
    return answer.isError
      ? { state: "failed", result, note: "the tool answered with an error" }
      : { state: "confirmed", result, note: null };
  }

  async function recover(): Promise<number> {
    const some = await store.read((read) => listEffects(read, { states: ["sent"], limit: 1 }));
    if (some.length === 0) return 0;
    const sender = await options.processId();
    return store.write("effect.orphan", (tx) => orphanSends(tx, { sender, inHand }));
  }

  async function look(stop?: AbortSignal): Promise<number | null> {
    await recover();
    const open = await store.read((read) => listEffects(read, { states: ["intent", "approved", "unknown"] }));
    if (open.some(({ state, expiresAt }) => state !== "unknown" && expiresAt <= now()))
      await store.write("effect.expire", (tx) => expireEffects(tx));
    const times: number[] = [];
    // One server that hangs keeps the others from nothing; of one server, one thing at a time, the oldest first.
    const groups = Map.groupBy(open.toReversed(), (effect) => effect.server);
    const outcomes = await Promise.allSettled([...groups.values()].map((effects) => lookAt(effects, times, stop)));
    for (const { expiresAt, state } of open) if (state !== "unknown" && expiresAt > now()) times.push(expiresAt);
    // The store could not be used: the others have ended what they had in hand.
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    return times.length === 0 ? null : Math.min(...times);
  }

  /**
   * Whether the policy lets an intent through, now that the work which asked for it is accepted and its claims are supported.
   * What no person has to see is sent then, and not while the text is still being written.
   */
  async function passes(effect: Effect): Promise<boolean> {
    if (effect.rehearsal || effect.blocked !== null) return false;
    const { policy, accepted } = rules(effect);
    if (!accepted || permissionFor(effect.class, policy, effect.tainted) !== "auto") return false;
    if ((await store.read((read) => waitsFor(read, effect))) !== null) return false;
    const answered = await approve(effect.id, { hash: effect.hash, by: POLICY });
    if ("refused" in answered) log.debug("the policy's yes was refused", { effect: effect.id, why: answered.refused });
    return !("refused" in answered);
  }

  const approve: Effects["approve"] = (id, answer) =>
    store.write("effect.approve", async (tx) => {
      const unproven = await unprovenClaims(tx, id);
      return unproven === null ? approveEffect(tx, id, answer) : { refused: unproven };
    });

  async function lookAt(effects: readonly Effect[], times: number[], stop?: AbortSignal): Promise<void> {
    for (const effect of effects) {
      if (stop?.aborted) return;
      if (effect.state === "unknown") {
        const at = await verify(effect);
        if (at !== null) times.push(at);
        continue;
      }
      if (effect.expiresAt <= now()) continue;
      if (effect.state === "approved" || (await passes(effect))) {
        const { waiting, at } = await send(effect.id);
        if (waiting !== null) log.debug("an approved action waits", { effect: effect.id, waiting });
        if (at !== null) times.push(at);
      }
    }
  }

  async function needed(id: string): Promise<Effect> {
    const effect = await store.read((read) => getEffect(read, id));
    if (!effect) throw new Error(`there is no effect ${id}`);
    return effect;
  }

  return {
    propose: (wish) => {
      const proposal = newEffect(wish);
      return store.write("effect.propose", (tx) => proposeEffect(tx, proposal));
    },
    runAtOnce,
    approve,
    reject: (id, answer) => store.write("effect.reject", (tx) => rejectEffect(tx, id, answer)),
    send,
    recover,
    look,
    stop: (by) => store.write("effect.stop", (tx) => stopEffects(tx, by)),
    resume: () => store.write("effect.resume", (tx) => resumeEffects(tx)),
    resolve: (id, answer) => store.write("effect.resolve", (tx) => resolveEffect(tx, id, answer)),
  };
}

function cut(text: string): string {
  return text.length <= RESULT_CHARS
    ? text
    : `${text.slice(0, RESULT_CHARS)}\n(cut here: ${text.length - RESULT_CHARS} more characters)`;
}
