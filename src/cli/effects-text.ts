/** Effects as rows, as a whole page and as JSON. */

import type { Effect } from "../domain/effect.ts";
import { idPrefix } from "../domain/id.ts";
import { dollars, usd } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import { idsLike } from "../store/ids.ts";
import type { Store } from "../store/store.ts";
import { age, columns, stamp } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { oneLine, type Styles } from "./output.ts";

export function effectJson(effect: Effect) {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  const { id, hash, state, server, tool, goalId, taskId, revision, skill, recipients, cost, tainted, rehearsal } = effect;
  return {
    id,
    hash,
    state,
    class: effect.class,
    server,
    tool,
    goal: goalId,
    task: taskId,
    version: revision + 1,
    skill,
    recipients,
    costUsd: cost === null ? null : usd(cost),
    tainted,
    rehearsal,
    blocked: effect.blocked,
    askedAt: time(effect.createdAt),
    expiresAt: time(effect.expiresAt),
    approvedBy: effect.approvedBy,
    approvedAt: time(effect.approvedAt),
    sentAt: time(effect.sentAt),
    endedAt: time(effect.endedAt),
    note: effect.note,
  };
}

/** `send 3 with resend.send-email`. */
export function whatOf({ class: kind, server, tool, recipients, cost, rehearsal }: Effect): string {
  const to = recipients === null ? "" : ` to ${count(recipients, "recipient")}`;
  const price = cost === null ? "" : ` for up to ${dollars(cost)}`;
  return oneLine(`${kind}: ${server}.${tool}${to}${price}${rehearsal ? " (rehearsal)" : ""}`, 90);
}

export function effectRows(effects: readonly Effect[], now: number, { bold, dim, red, green, yellow }: Styles): string {
  const colour = (state: Effect["state"]) =>
    state === "unknown" || state === "failed" ? red(state) : state === "confirmed" ? green(state) : yellow(state);
  const rows = effects.map((effect) => [
    effect.id,
    colour(effect.state),
    whatOf(effect),
    effect.approvedBy === null ? dim("nobody") : oneLine(effect.approvedBy, 20),
    `${age(now - effect.createdAt)} ago`,
  ]);
  return columns([["effect", "state", "what", "approved by", "asked"].map(bold), ...rows], []);
}

export type History = readonly { readonly at: number; readonly what: string }[];

/** One effect with all that a person needs to decide: `waits` is why it cannot be approved now. */
export function effectPage(effect: Effect, history: History, waits: string | null, { bold, dim }: Styles): string {
  const { id, goalId, skill, revision, state, note, result, tainted } = effect;
  const lines = [
    bold(`${whatOf(effect)}: ${state}`),
    dim(`${id}, ${goalId}, version ${revision + 1} of ${skill ?? "the team"}, until ${stamp(effect.expiresAt)} UTC`),
  ];
  if (tainted) lines.push("The run that asked for this had read content from outside.");
  if (note !== null) lines.push(plain(note));
  lines.push("", plain(effect.preview.trimEnd()), "", bold("Exactly these arguments:"), plain(effect.args));
  if (result !== null) lines.push("", bold("What the tool answered:"), plain(result));
  lines.push("", bold("History:"), ...history.map(({ at, what }) => `${stamp(at)}  ${oneLine(what, 120)}`));
  const next = choicesOf(effect, waits);
  if (next.length > 0) lines.push("", bold("You can:"), ...next.map((choice) => `  ${choice}`));
  return lines.join("\n");
}

/** What one can do with an effect now, as commands and words. */
export function choicesOf({ id, state }: Effect, waits: string | null): string[] {
  const start = "bun run start";
  if (state === "intent") {
    const reject = `${start} approvals ${id} --reject --note "why"`;
    return waits === null ? [`${start} approvals ${id} --approve`, reject] : [`(approve later: ${waits})`, reject];
  }
  if (state === "approved")
    return [`(it is sent as soon as its server can be used; nothing else is needed)`, `${start} effects --stop`];
  if (state === "unknown")
    return [
      "(look outside whether it happened: it is never sent again)",
      `${start} effects ${id} --happened`,
      `${start} effects ${id} --did-not-happen`,
    ];
  return [];
}

/** The id that a person means: a unique beginning. Throws UsageError. */
export async function resolveEffectId(store: Pick<Store, "read">, typed: string): Promise<string> {
  const prefix = idPrefix("act", typed);
  if (prefix === null) throw new UsageError(`"${oneLine(typed, 60)}" is not the id of an effect`, "see `bun run start effects`");
  const found = await store.read((read) => idsLike(read, "effects", prefix));
  if (found.length > 1) throw new UsageError(`"${typed}" is the beginning of several effect ids`, "type more of it");
  if (found[0] === undefined) throw new UsageError(`there is no effect "${typed}"`, "see `bun run start effects`");
  return found[0];
}

/** Text from outside, line by line, without what a terminal would take for a command. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
}
