/** Links to answer an effect by: made for notices and chats, checked at the door. */

import { readLink, signLink, verifyLink, type Choice } from "../domain/approval-link.ts";
import type { Effect } from "../domain/effect.ts";
import { getEffect } from "../store/effects.ts";
import { initMeta } from "../store/meta.ts";
import type { Store } from "../store/store.ts";

export type ApprovalLinks = {
  /** Where a browser answers it; null when nobody said under what address the door can be reached. */
  links(effect: Effect): Promise<Readonly<Record<Choice, string>> | null>;
  /** The token alone, as it stands behind `/approve/`. */
  token(effect: Effect, choice: Choice): Promise<string>;
  /**
   * The effect that a token answers, and how. `false`: forged, or of something that is not there or not the same any more.
   * `late`: its time is over; what became of the effect may still be told.
   */
  open(token: string): Promise<{ readonly effect: Effect; readonly choice: Choice } | { readonly late: Effect } | "false">;
};

export const APPROVAL_PATH = "/approve/";
const SECRET = "effects.secret";

/** `publicUrl` is the address of the door as others see it, or null. */
export function createApprovalLinks(options: {
  readonly store: Store;
  readonly publicUrl: string | null;
  readonly now: () => number;
}): ApprovalLinks {
  const { store, publicUrl, now } = options;
  let known: Promise<string> | null = null;
  // It stands in the store alone, so that a link works wherever the store does, also after a restart.
  const secret = () =>
    (known ??= store
      .write("effect.secret", (tx) =>
        initMeta(tx, SECRET, Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex")),
      )
      .catch((error: unknown) => {
        known = null;
        throw error;
      }));
  async function token({ id, hash, expiresAt }: Effect, choice: Choice): Promise<string> {
    return signLink(await secret(), { id, choice, expiresAt }, hash);
  }
  return {
    token,
    async links(effect) {
      if (publicUrl === null) return null;
      const to = async (choice: Choice) => `${publicUrl.replace(/\/+$/, "")}${APPROVAL_PATH}${await token(effect, choice)}`;
      return { approve: await to("approve"), reject: await to("reject") };
    },
    async open(typed) {
      const link = readLink(typed);
      if (!link) return "false";
      const effect = await store.read((read) => getEffect(read, link.id));
      if (!effect) return "false";
      const verdict = verifyLink(await secret(), link, { hash: effect.hash, now: now() });
      if (verdict === "false") return "false";
      return verdict === "late" ? { late: effect } : { effect, choice: link.choice };
    },
  };
}
