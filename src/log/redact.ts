/** Takes secrets out of text, by their literal words in every spelling that a program produces. */

/** Shorter secrets are words that stand everywhere: redacting them would only make the log unreadable. */
const SHORTEST_SECRET = 6;
const REDACTED = "[redacted]";

/**
 * Returns a function that replaces every known secret in a text: as it is, in base64 (also inside something longer),
 * URL-encoded and JSON-escaped. Literal replacement, never a pattern: an engine that gives up would let a key through.
 * The list may grow (see `secrets.ts`): what was added to its end is redacted from then on.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  let spellings: string[] | null = null;
  let count = 0;
  let last: string | undefined;
  return (text) => {
    if (spellings === null || count !== secrets.length || last !== secrets.at(-1)) {
      spellings = allSpellings(secrets);
      count = secrets.length;
      last = secrets.at(-1);
    }
    return spellings.reduce((redacted, spelling) => redacted.replaceAll(spelling, () => REDACTED), text);
  };
}

/** The longest first, so that no piece of a spelling stays behind. */
function allSpellings(secrets: readonly string[]): string[] {
  const known = secrets.flatMap((secret) => [secret, secret.trim()]).filter((secret) => secret.length >= SHORTEST_SECRET);
  return [...new Set(known.flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
}

function spellingsOf(secret: string): string[] {
  const percent = encodeURIComponent(secret.toWellFormed());
  const plain = [
    secret,
    ...base64Of(secret),
    percent,
    percent.replaceAll("%20", "+"),
    percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    encodeURI(secret.toWellFormed()),
    new URLSearchParams([["", secret]]).toString().slice(1),
  ];
  // The line itself is JSON, and a message in it may quote JSON that quotes JSON (a provider's error body).
  const once = plain.map(escapeJson);
  const twice = once.map(escapeJson);
  return [...plain, ...once, ...twice, ...twice.map(escapeJson)].filter((spelling) => spelling.length >= SHORTEST_SECRET);
}

/**
 * The base64 of the secret alone, and the letters that it alone decides inside something longer, such as the
 * `user:password` of an authorization header: they depend on how many bytes come before it, modulo 3.
 */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const whole = bytes.toString("base64");
  const inner = [0, 1, 2].map((before) => {
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor(((before + bytes.length) * 8) / 6);
    return Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(first, last);
  });
  const standard = [whole, whole.replaceAll("=", ""), ...inner];
  return [...standard, ...standard.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
