/** Identifiers: time-ordered, they carry their kind (`goal_…`), and any unique beginning of one names the thing. */

export const ID_KINDS = ["goal", "task", "call", "dlv", "rev", "learn", "ask", "con", "proc", "event", "act", "batch"] as const;
export type IdKind = (typeof ID_KINDS)[number];

// Crockford's alphabet in lower case: sorts like the number it encodes, no i, l, o, u to misread.
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new id: the kind and 26 characters of base 32 that sort by time (UUIDv7 bits). Monotonic within a process. */
export function newId(kind: IdKind): string {
  let bits = BigInt(`0x${Bun.randomUUIDv7().replaceAll("-", "")}`);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = ALPHABET[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `${kind}_${text}`;
}

/** What a person may type for an id: the kind is optional, the rest is a beginning. Null when it cannot be one. */
export function idPrefix(kind: IdKind, typed: string): string | null {
  const text = typed.trim().toLowerCase();
  const bare = text.startsWith(`${kind}_`) ? text.slice(kind.length + 1) : text;
  return /^[0-9a-z]{1,26}$/.test(bare) ? `${kind}_${bare}` : null;
}

/** Names of skills, squads, pipelines' ids and task keys: safe as a file name on every system. */
export const SLUG = /^[a-z0-9]+(?:[-_][a-z0-9]+)*$/;

/** Lower-case words joined by hyphens, at most `max` characters; never empty. */
export function slug(text: string, max = 48): string {
  const words = text
    .normalize("NFKD")
    // The accents that NFKD splits off: "café" is "cafe".
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, max)
    .replace(/^-+|-+$/g, "");
  return words || "untitled";
}
