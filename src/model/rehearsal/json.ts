/** Reading JSON of which nothing is known yet, and one canonical text for it. */

export type Json = Record<string, unknown>;

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function recordOf(value: unknown): Json {
  return isRecord(value) ? value : {};
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The strings of a list, without the empty ones. */
export function stringsOf(value: unknown): string[] {
  return listOf(value)
    .map(textOf)
    .filter((text) => text !== "");
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON with sorted keys: the same content gives the same text. `cache_control` is left out when `forCache` is set. */
export function canonical(value: unknown, forCache = false): string {
  if (Array.isArray(value)) return `[${value.map((entry) => canonical(entry, forCache)).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value)
    .filter((key) => value[key] !== undefined && !(forCache && key === "cache_control"))
    .sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key], forCache)}`).join(",")}}`;
}

export function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** The rehearsal's measure of tokens: a quarter of the UTF-8 bytes, rounded up. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text, "utf8") / 4);
}
