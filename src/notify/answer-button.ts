/** What a button in a chat says when it is pressed: which answer to which effect, as it was shown. Never the arguments. */

import type { WaitingAction } from "./channel.ts";

const BUTTONS = { approve: "marketeam.approve", reject: "marketeam.reject" } as const;
export type Choice = keyof typeof BUTTONS;

export const buttonId = (choice: Choice) => BUTTONS[choice];
/** What is done is what the store holds under this id and hash. */
export const buttonValue = ({ id, hash }: Pick<WaitingAction, "id" | "hash">) => `${id} ${hash}`;

/** Null when it is none of ours. */
export function readButton(
  actionId: string,
  value: string,
): { readonly choice: Choice; readonly id: string; readonly hash: string } | null {
  const choice = actionId === BUTTONS.approve ? "approve" : actionId === BUTTONS.reject ? "reject" : null;
  const [, id, hash] = /^(act_[0-9a-z]{26}) ([0-9a-f]{64})$/.exec(value) ?? [];
  return choice === null || id === undefined || hash === undefined ? null : { choice, id, hash };
}
