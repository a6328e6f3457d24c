/** Bearer tokens: two may count at a time, so that one can be changed without losing an event. */

import { timingSafeEqual } from "node:crypto";

/** `new,old` as a list. */
export function parseTokens(text: string | null): string[] {
  return (text ?? "")
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "");
}

/** Whether the header holds one of the tokens. Takes as long for a near miss as for anything else. */
export function createTokenCheck(tokens: readonly string[]): (authorization: string | null) => boolean {
  const wanted = tokens.map(digest);
  return (authorization) => {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) return false;
    const hash = digest(given);
    // All of them, without an early end.
    return wanted.map((token) => timingSafeEqual(token, hash)).includes(true);
  };
}

// Hashes have one length, and say nothing of where two texts part.
const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
