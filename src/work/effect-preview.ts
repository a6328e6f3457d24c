/** What an action will do, for a person who decides about it: made from its arguments alone. */

import type { ActionClass } from "../domain/action.ts";
import type { Nano } from "../domain/money.ts";

export type Preview = {
  /** Markdown. */
  readonly preview: string;
  /** How many people it reaches; null when the arguments do not say. */
  readonly recipients: number | null;
  /** What it spends outside, at most; null when the arguments do not say. */
  readonly cost: Nano | null;
};

const VERBS: Readonly<Record<ActionClass, string>> = {
  read: "Reads",
  draft: "Makes a draft, which nobody outside sees",
  write: "Changes something",
  publish: "Publishes: strangers will see it",
  send: "Sends to people",
  spend: "Spends money",
  delete: "Deletes",
  admin: "Changes settings, access or keys",
};
/** Keys that hold whom it goes to. */
const TO = /^(?:to|cc|bcc|recipients?|emails?|to_?emails?|email_?address(?:es)?|address(?:es)?|phone_?numbers?|invitees?)$/i;
const VALUE_MAX = 4_000;
const SHOWN_RECIPIENTS = 5;

/** Shows every argument; a long one is cut in the preview, never in what is sent. */
export function previewOf(action: {
  readonly server: string;
  readonly tool: string;
  readonly class: ActionClass;
  readonly args: Readonly<Record<string, unknown>>;
}): Preview {
  const people = [...recipientsIn(action.args)];
  const recipients = people.length === 0 ? null : people.length;
  const some = people.slice(0, SHOWN_RECIPIENTS).map(plain).join(", ");
  const lines = [`**${VERBS[action.class]}**: \`${code(action.tool)}\` of \`${code(action.server)}\``];
  if (recipients !== null)
    lines.push(
      `Recipients: ${recipients.toLocaleString("en")} (${some}${recipients > SHOWN_RECIPIENTS ? ` and ${(recipients - SHOWN_RECIPIENTS).toLocaleString("en")} more` : ""})`,
    );
  else if (action.class === "send") lines.push("Recipients: not said in the arguments");
  if (action.class === "spend") lines.push("Cost: not known beforehand, see the arguments");
  const entries = Object.entries(action.args);
  if (entries.length === 0) lines.push("No arguments.");
  for (const [name, value] of entries) lines.push(`${plain(name)}:\n\n${block(value)}`);
  return { preview: `${lines.join("\n\n")}\n`, recipients, cost: null };
}

/** Who is written to, once each: what stands under keys such as `to`, at any depth. */
export function recipientsIn(value: unknown, under = false): Set<string> {
  const found = new Set<string>();
  if (typeof value === "string") {
    if (under) for (const one of value.split(/[,;]/)) if (one.trim() !== "") found.add(addressOf(one));
  } else if (Array.isArray(value)) {
    for (const entry of value) for (const one of recipientsIn(entry, under)) found.add(one);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      // In `to: [{ name, email }]` the name is no second recipient.
      const named = TO.test(key);
      for (const one of recipientsIn(inner, named)) found.add(one);
    }
  }
  return found;
}

/** `Ann <ann@example.com>` and `ANN@example.com` are one. */
function addressOf(text: string): string {
  return (/<([^<>]+)>\s*$/.exec(text)?.[1] ?? text).trim().toLowerCase();
}

/** Indented, not fenced: a fence inside would end ours. */
function block(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
  const cut =
    text.length <= VALUE_MAX ? text : `${text.slice(0, VALUE_MAX)}\n(cut here: ${text.length - VALUE_MAX} more characters)`;
  return printable(cut)
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}

const plain = (text: string) =>
  printable(text)
    .replace(/\s+/g, " ")
    .replace(/[*_`<>[\]\\]/g, "\\$&");
const code = (text: string) => printable(text).replace(/[`\s]+/g, " ");

/** Without what a terminal, or a reader from right to left, would take for a command. */
function printable(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (found) =>
      found === "\t" ? "  " : "",
    );
}

/** Characters that nobody sees could hide what a person approves: they are shown by their number. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu, (character) =>
    character === "\n" || character === "\t" ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
