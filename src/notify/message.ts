/** Notices as one message: a single one as it is, several as a summary. The same notices make the same bytes. */

import type { Notice } from "../store/notices.ts";
import { NOTICE_KINDS, type Message, type NoticeKind, type WaitingAction } from "./channel.ts";

const TITLE_CHARS = 200;
const TEXT_CHARS = 2500;
const LINES = 20;

const COUNTED: Readonly<Record<NoticeKind, readonly [string, string]>> = {
  "question.waiting": ["question waits", "questions wait"],
  "effect.waiting": ["action waits for your yes", "actions wait for your yes"],
  "effect.unknown": ["action that may have happened", "actions that may have happened"],
  "effects.stopped": ["stop of all actions", "stops of all actions"],
  "budget.level": ["budget level", "budget levels"],
  "health.level": ["health level", "health levels"],
  "goal.blocked": ["goal blocked", "goals blocked"],
  "goal.done": ["goal done", "goals done"],
  "goal.failed": ["goal failed", "goals failed"],
  "digest.daily": ["digest", "digests"],
};

/** The message of these notices (at least one), in the order given, with the actions that they are about. */
export function messageOf(id: string, notices: readonly Notice[], actions: readonly WaitingAction[] = []): Message {
  const message = textOf(id, notices);
  return actions.length === 0 ? message : { ...message, actions };
}

function textOf(id: string, notices: readonly Notice[]): Message {
  const [first] = notices;
  if (first === undefined) throw new Error(`the message ${id} has no notice`);
  const urgent = notices.some((notice) => notice.urgent);
  const at = Math.max(...notices.map((notice) => notice.at));
  if (notices.length === 1) {
    const { goalId: goal, title, text, rehearsal } = first;
    return { id, type: kindOf(first), at, goal, title: marked(title, rehearsal), text, urgent, rehearsal };
  }
  const goals = new Set(notices.map((notice) => notice.goalId));
  const goal = goals.size === 1 ? first.goalId : null;
  const rehearsal = notices.some((notice) => notice.rehearsal);
  const type = notices.every((notice) => notice.kind === "effect.waiting") ? "effect.waiting" : "summary";
  return { id, type, at, goal, title: marked(counts(notices), rehearsal), text: lines(notices), urgent, rehearsal };
}

/** A line a notice, the pressing ones first, and where to see the rest. */
function lines(notices: readonly Notice[]): string {
  const rank = (notice: Notice) => NOTICE_KINDS.findIndex((kind) => kind === notice.kind);
  const ordered = [...notices].sort((a, b) => Number(b.urgent) - Number(a.urgent) || rank(a) - rank(b));
  const shown = ordered.slice(0, LINES).map((notice) => `- ${cut(notice.title, 110)}${waitsFor(notice)}`);
  const rest = ordered.length - shown.length;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  const asked = notices.some((notice) => ANSWERED.some((kind) => kind === notice.kind));
  return cut(
    [...shown, ...more, asked ? "`approvals` lists what waits for you." : "`status` shows how it stands."].join("\n"),
    TEXT_CHARS,
  );
}

/** What a person answers; the subject is a word and the id. */
const ANSWERED: readonly NoticeKind[] = ["question.waiting", "effect.waiting"];
const waitsFor = ({ kind, subject }: Notice) =>
  ANSWERED.some((answered) => answered === kind) ? ` (\`approvals ${subject.slice(subject.indexOf(" ") + 1)}\`)` : "";

function counts(notices: readonly Notice[]): string {
  const kinds = Map.groupBy(notices, kindOf);
  const parts = NOTICE_KINDS.flatMap((kind) => {
    const count = kinds.get(kind)?.length ?? 0;
    return count === 0 ? [] : [`${count} ${COUNTED[kind][count === 1 ? 0 : 1]}`];
  });
  return parts.length === 0 ? `${notices.length} notices` : parts.join(", ");
}

/** A kind that a newer version recorded is told without being counted. */
function kindOf(notice: Notice): NoticeKind | "summary" {
  return NOTICE_KINDS.find((kind) => kind === notice.kind) ?? "summary";
}

const marked = (title: string, rehearsal: boolean) => (rehearsal ? `[rehearsal] ${title}` : title);

// What moves a cursor, hides text or turns the direction of writing. Newlines of a text stay.
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line of at most 200 characters. Titles and reasons come from people and models. */
export function cleanTitle(text: string): string {
  return cut(text.replace(/\n/g, " ").replace(CONTROLS, " ").replace(/ +/g, " ").trim(), TITLE_CHARS);
}

export function cleanText(text: string): string {
  return cut(text.replace(/\r\n?/g, "\n").replace(CONTROLS, " ").trim(), TEXT_CHARS);
}

/** At most `max` UTF-16 units, without cutting a character in two. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text
    .slice(0, max - 1)
    .toWellFormed()
    .replace(/\ufffd$/, "")
    .trimEnd()}…`;
}
