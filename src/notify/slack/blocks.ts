/** An action in a Slack message: all that would happen, and its buttons, its links, or what became of it. */

import { buttonId, buttonValue } from "../answer-button.ts";
import type { WaitingAction } from "../channel.ts";
import { previewText } from "../preview-text.ts";
import { slackText } from "./text.ts";

// Slack takes 3,000 characters in a section, and refused about 13,000 in all blocks together.
export const SECTION_CHARS = 3000;
const PREVIEWS_CHARS = 10_500;
const PIECE_CHARS = 2_900;
const CONFIRM_CHARS = 280;

/** `buttons`: where only some may answer, a link that answers for whoever holds it has no place. */
export function actionBlocks(actions: readonly WaitingAction[], buttons: boolean): object[] {
  const room = Math.floor(PREVIEWS_CHARS / Math.max(1, actions.length));
  return actions.flatMap((action) => blocksOf(action, { room, buttons, alone: actions.length === 1 }));
}

type How = { readonly room: number; readonly buttons: boolean; readonly alone: boolean };

function blocksOf(action: WaitingAction, { room, buttons, alone }: How): object[] {
  const { id, title, blocked, tainted, became } = action;
  const preview = previewText(action.preview);
  // Of a single one the message's own title says it.
  const head = alone ? [] : [{ type: "divider" }, mrkdwn(`*${slackText(title, 300)}*`)];
  if (became !== null)
    return [...head, mrkdwn(`${slackText(became.words, 600)}${became.by === null ? "" : ` Answered by ${who(became.by)}.`}`)];
  const whole = preview.length <= room;
  const facts = [
    ...(action.goal === "" ? [] : [`Goal: ${action.goal}`]),
    ...(tainted ? ["The run that asked had read content from outside."] : []),
    ...(blocked === null ? [] : [`It can only be rejected: ${blocked}.`]),
    ...(whole
      ? []
      : [`${preview.length - room} more characters have no place here${buttons ? ": it cannot be approved here" : ""}.`]),
    `Until ${new Date(action.expiresAt).toISOString().slice(0, 16).replace("T", " ")} UTC. In the terminal: approvals ${id}`,
  ];
  return [
    ...head,
    ...pieces(whole ? preview : preview.slice(0, room).toWellFormed()).map(literal),
    { type: "context", elements: [{ type: "plain_text", text: facts.join("\n").slice(0, 1_900).toWellFormed(), emoji: false }] },
    ...answersOf(action, { buttons, approvable: whole && blocked === null }),
  ];
}

function answersOf(action: WaitingAction, { buttons, approvable }: { buttons: boolean; approvable: boolean }): object[] {
  const { id, title, links, blocked } = action;
  if (buttons) {
    const value = buttonValue(action);
    const label = (text: string) => ({ type: "plain_text", text, emoji: false });
    const text = label(title.slice(0, CONFIRM_CHARS).toWellFormed());
    const confirm = { title: label("Do exactly this?"), text, confirm: label("Approve"), deny: label("Not yet") };
    const approve = { type: "button", action_id: buttonId("approve"), style: "primary", text: label("Approve"), value, confirm };
    const reject = { type: "button", action_id: buttonId("reject"), text: label("Reject"), value };
    return [{ type: "actions", block_id: id, elements: approvable ? [approve, reject] : [reject] }];
  }
  if (links === null) return [];
  const link = (url: string, words: string) => `<${slackText(url.replaceAll("|", "%7C"), 2_000)}|${words}>`;
  // The page behind a link shows all of it, whatever has no room here.
  const yes = blocked === null ? [link(links.approve, "Look and approve")] : [];
  return [mrkdwn([...yes, link(links.reject, "Look and reject")].join("  ·  "))];
}

/** Literal text, spaces and all: nothing in it is a mention, a link, an emoji or bold. */
function literal(text: string): object {
  return { type: "rich_text", elements: [{ type: "rich_text_preformatted", elements: [{ type: "text", text }] }] };
}

const mrkdwn = (text: string) => ({ type: "section", text: { type: "mrkdwn", text, verbatim: true } });

export function plainSection(text: string): object {
  return { type: "section", text: { type: "plain_text", text: text.slice(0, SECTION_CHARS).toWellFormed(), emoji: false } };
}

/** Cut at line ends where there are some; joined they are the text. */
function pieces(text: string): string[] {
  const found: string[] = [];
  for (let rest = text; rest !== "";) {
    const end = rest.length <= PIECE_CHARS ? rest.length : breakOf(rest);
    found.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return found;
}

function breakOf(text: string): number {
  const line = text.lastIndexOf("\n", PIECE_CHARS - 1) + 1;
  if (line > PIECE_CHARS / 2) return line;
  // Not between the two halves of one character.
  return /[\ud800-\udbff]/.test(text.charAt(PIECE_CHARS - 1)) ? PIECE_CHARS - 1 : PIECE_CHARS;
}

/** A person of this Slack by their name there; who answered elsewhere as the ledger calls them. */
function who(by: string): string {
  const user = /^slack:([UW][A-Z0-9]{2,20})$/.exec(by)?.[1];
  return user === undefined ? slackText(by, 80) : `<@${user}>`;
}
