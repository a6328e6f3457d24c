/** An action outside in words: what it would do, and how it stands. */

import type { ActionClass } from "./action.ts";
import type { Effect, EffectState } from "./effect.ts";
import { dollars } from "./money.ts";

const VERBS: Readonly<Record<ActionClass, string>> = {
  read: "Read",
  draft: "Make a draft",
  write: "Change something",
  publish: "Publish",
  send: "Send",
  spend: "Spend",
  delete: "Delete",
  admin: "Change settings or access",
};

/** `Send to 2 recipients with resend.send-email`. */
export function effectWords(effect: Pick<Effect, "class" | "server" | "tool" | "recipients" | "cost">): string {
  const { recipients, cost, server, tool } = effect;
  const to = recipients === null ? "" : ` to ${recipients.toLocaleString("en")} recipient${recipients === 1 ? "" : "s"}`;
  const price = cost === null ? "" : ` up to ${dollars(cost)}`;
  return `${VERBS[effect.class]}${price}${to} with ${server}.${tool}`;
}

/** How an effect stands, as a part of a sentence. */
export const EFFECT_STATE_WORDS: Readonly<Record<EffectState, string>> = {
  intent: "proposed",
  approved: "approved, not sent yet",
  sent: "on its way",
  unknown: "nobody knows whether it happened",
  confirmed: "done",
  failed: "not done",
  rejected: "rejected",
  expired: "expired: not done",
  stopped: "stopped: not done",
  withdrawn: "withdrawn: not done",
};
