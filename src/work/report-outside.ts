/** What a goal did outside, for its report and the day's: each action with what became of it, and what was read where. */

import type { Effect, EffectState } from "../domain/effect.ts";
import { EFFECT_STATE_WORDS, effectWords } from "../domain/effect-words.ts";
import { waitsFor } from "../store/effect-answers.ts";
import { isAnswerable } from "../store/effect-waiting.ts";
import { effectRows, listEffects, toEffect } from "../store/effects.ts";
import type { Window } from "../store/figures.ts";
import { readCounts, type ReadCount } from "../store/tool-read-counts.ts";
import type { Read } from "../store/store.ts";

/** Of a goal, the newest. */
const SHOWN = 100;

/** The section's lines, a table of actions and a line of reads; none when nothing was done, wanted or read outside. */
export async function outsideOfGoal(read: Read, goalId: string): Promise<{ readonly lines: string[]; readonly open: string[] }> {
  const effects = (await listEffects(read, { goalId })).toReversed();
  const reads = await readCounts(read, { goalId });
  const lines: string[] = [];
  const open: string[] = [];
  if (effects.length > 0) {
    lines.push("| action | how it stands | who said yes | when (UTC) |", "|---|---|---|---|");
    for (const effect of effects.slice(-SHOWN)) {
      const answerable = await isAnswerable(read, effect);
      const waits = answerable ? `waits for your yes: \`approvals ${effect.id}\`` : null;
      const note = effect.note === null ? "" : `: ${effect.note}`;
      const cells = [
        `${effectWords(effect)} (\`${effect.id}\`)`,
        waits ?? `${EFFECT_STATE_WORDS[effect.state]}${note}`,
        effect.approvedBy ?? "",
        minute(effect.endedAt ?? effect.sentAt ?? effect.approvedAt ?? effect.createdAt),
      ];
      lines.push(`| ${cells.map(cell).join(" | ")} |`);
      if (answerable && !effect.rehearsal) open.push(`${effectWords(effect)} (\`approvals ${effect.id}\`)`);
      if (effect.state === "unknown")
        open.push(`Nobody knows whether this happened: ${effectWords(effect)} (\`effects ${effect.id}\`)`);
    }
    lines.push("");
    const older = effects.length - SHOWN;
    if (older > 0) lines.push(`And ${older.toLocaleString("en")} older: \`effects --goal ${goalId}\`.`, "");
  }
  if (reads.length > 0) lines.push(`Read from outside: ${readWords(reads)}.`, "");
  return { lines, open };
}

/** `search-console 4 times (1 without an answer), web once`. */
export function readWords(reads: readonly ReadCount[]): string {
  return reads
    .map(({ server, n, errors }) => {
      const often = n === 1 ? "once" : `${n.toLocaleString("en")} times`;
      return `${server} ${often}${errors === 0 ? "" : ` (${errors === n ? "never" : `${errors} ${errors === 1 ? "time" : "times"} not`} with a usable answer)`}`;
    })
    .join(", ");
}

/** What became of real actions on a day, and what still waited at its end. */
export async function outsideOfDay(
  read: Read,
  window: Window,
): Promise<{ readonly lines: readonly string[]; readonly open: readonly string[]; readonly asked: boolean }> {
  const rows = await effectRows(read)
    .where("rehearsal", "=", 0)
    .where("created_at", "<", window.to)
    .where((eb) => eb.or([eb("ended_at", "is", null), eb("ended_at", ">=", window.from)]))
    .orderBy("id")
    .execute();
  const effects = rows.map(toEffect);
  const inside = (at: number | null) => at !== null && at >= window.from && at < window.to;
  const ended = Map.groupBy(
    effects.filter((effect) => inside(effect.endedAt) && effect.state !== "withdrawn"),
    (effect) => effect.state,
  );
  const lines = ORDER.flatMap((state) => {
    const of = ended.get(state) ?? [];
    return of.length === 0 ? [] : [`${EFFECT_STATE_WORDS[state]}: ${of.length} (${classesOf(of)})`];
  });
  const reads = await readCounts(read, window);
  if (reads.length > 0) lines.push(`read: ${readWords(reads)}`);
  const open: string[] = [];
  for (const effect of effects) {
    const { id, state, createdAt, sentAt } = effect;
    const since = `since ${new Date(createdAt).toISOString().slice(0, 10)}`;
    if (await waitedAt(read, effect, window.to)) open.push(`${effectWords(effect)}? (${since}; \`approvals ${id}\`)`);
    else if (state === "unknown" && (sentAt ?? createdAt) < window.to)
      open.push(`nobody knows whether this happened: ${effectWords(effect)} (\`effects ${id}\`)`);
  }
  return { lines, open, asked: effects.some((effect) => inside(effect.createdAt)) };
}

const ORDER: readonly EffectState[] = ["confirmed", "failed", "rejected", "expired", "stopped"];

/** Whether it waited for a person then (UTC ms): what was answered later does not change an earlier day. */
async function waitedAt(read: Read, effect: Effect, at: number): Promise<boolean> {
  const { state, approvedAt, endedAt, expiresAt } = effect;
  if (state === "withdrawn" || expiresAt <= at || (approvedAt ?? endedAt ?? at) < at) return false;
  return (await waitsFor(read, effect)) === null;
}

function classesOf(effects: readonly Effect[]): string {
  return [...Map.groupBy(effects, (effect) => effect.class)].map(([of, list]) => `${list.length} ${of}`).join(", ");
}

const minute = (at: number) => new Date(at).toISOString().slice(0, 16).replace("T", " ");

/** Notes quote what came from outside: one line, no column of its own, nothing that a page would take for markup. */
function cell(text: string): string {
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  const short =
    line.length <= 200
      ? line
      : `${line
          .slice(0, 198)
          .toWellFormed()
          .replace(/\ufffd$/, "")}…`;
  return short.replace(/[|<>]/g, "\\$&");
}
