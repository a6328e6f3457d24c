/** The link by which a person answers an effect: signed over exactly what they are shown, for one answer, until it expires. */

import { createHmac, timingSafeEqual } from "node:crypto";

const CHOICES = ["approve", "reject"] as const;
export type Choice = (typeof CHOICES)[number];

/** What a link says. Its signature also covers the hash of the effect, which it does not repeat. */
export type LinkClaim = { readonly id: string; readonly choice: Choice; readonly expiresAt: number };

const LETTER: Readonly<Record<Choice, string>> = { approve: "a", reject: "r" };

/** A token that fits into a path. `hash` is the effect's as it was shown; times are UTC ms. */
export function signLink(secret: string, claim: LinkClaim, hash: string): string {
  const { id, choice, expiresAt } = claim;
  return `${id}.${LETTER[choice]}.${expiresAt.toString(36)}.${mac(secret, claim, hash).toString("base64url")}`;
}

/** What a token claims, unproven; null when it cannot be one. */
export function readLink(token: string): (LinkClaim & { readonly mac: string }) | null {
  const found = /^(act_[0-9a-z]{26})\.([ar])\.([0-9a-z]{1,11})\.([\w-]{43})$/.exec(token);
  if (!found) return null;
  const [, id = "", letter, expiry = "", signature = ""] = found;
  const expiresAt = Number.parseInt(expiry, 36);
  // Written in one way only: else one link would have several spellings.
  if (!Number.isSafeInteger(expiresAt) || expiresAt.toString(36) !== expiry) return null;
  return { id, choice: letter === "a" ? "approve" : "reject", expiresAt, mac: signature };
}

/** `hash` is that of the effect now: a link to something that has changed is as false as a forged one. */
export function verifyLink(
  secret: string,
  link: LinkClaim & { readonly mac: string },
  { hash, now }: { readonly hash: string; readonly now: number },
): "good" | "false" | "late" {
  const given = Buffer.from(link.mac, "base64url");
  const right = mac(secret, link, hash);
  // 43 letters hold two bits more than 32 bytes: they count as well.
  if (given.length !== right.length || !timingSafeEqual(given, right) || given.toString("base64url") !== link.mac) return "false";
  return link.expiresAt <= now ? "late" : "good";
}

function mac(secret: string, { id, choice, expiresAt }: LinkClaim, hash: string): Buffer {
  return createHmac("sha256", secret)
    .update(JSON.stringify(["marketeam approval 1", id, hash, choice, expiresAt]))
    .digest();
}
