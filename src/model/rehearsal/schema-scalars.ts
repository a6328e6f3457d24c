/** Strings and numbers within a schema's bounds. */

import { chance } from "./chance.ts";
import type { Json } from "./json.ts";
import { samplePattern } from "./pattern-sample.ts";

const FORMATS: Record<string, string> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "00:00:00Z",
  duration: "P1D",
  email: "rehearsal@example.com",
  hostname: "example.com",
  uri: "https://example.com/rehearsal",
  ipv4: "127.0.0.1",
  ipv6: "::1",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** The wish when it is a string that fits (too long a one is cut), else a sample that says it is a rehearsal. */
export function stringLike(schema: Json, wish: unknown, seed: number, path: string): string {
  const least = typeof schema.minLength === "number" ? schema.minLength : 0;
  const most = typeof schema.maxLength === "number" ? schema.maxLength : Number.POSITIVE_INFINITY;
  const pattern = patternOf(schema.pattern);
  const fits = (text: string) => text.length >= least && text.length <= most && (pattern === null || pattern.test(text));
  if (typeof wish === "string") {
    if (fits(wish)) return wish;
    const cut = wish.slice(0, most);
    if (fits(cut)) return cut;
  }
  const format = FORMATS[String(schema.format)];
  if (format !== undefined && pattern === null) return format;
  if (pattern !== null) {
    const candidates = [format, "rehearsal", "a", "A", "0", "1.0.0", ...samplePattern(pattern.source, least, seed, path)];
    const found = candidates.find((text) => text !== undefined && fits(text));
    if (found !== undefined) return found;
  }
  const name = path.split("/").findLast((step) => /\D/.test(step)) ?? "text";
  const text = `Rehearsal: a sample for ${name}`;
  return text.length >= least ? text.slice(0, most) : text.padEnd(least, ".");
}

function patternOf(pattern: unknown): RegExp | null {
  if (typeof pattern !== "string") return null;
  try {
    return new RegExp(pattern, "u");
  } catch {
    return null;
  }
}

/** The wish moved into the bounds, or a seeded number from the first ten steps that the bounds allow. */
export function numberLike(schema: Json, wish: unknown, whole: boolean, seed: number, path: string): number {
  const step = typeof schema.multipleOf === "number" && schema.multipleOf > 0 ? schema.multipleOf : whole ? 1 : 0;
  const gap = step || 0.5;
  const bound = (limit: unknown, exclusive: unknown, side: 1 | -1) => {
    const inner = typeof exclusive === "number" ? exclusive + side * gap : undefined;
    const outer = typeof limit === "number" ? limit : undefined;
    if (inner === undefined) return outer;
    return outer === undefined ? inner : side === 1 ? Math.max(inner, outer) : Math.min(inner, outer);
  };
  const least = bound(schema.minimum, schema.exclusiveMinimum, 1);
  const most = bound(schema.maximum, schema.exclusiveMaximum, -1);
  const low = least !== undefined && least > -1e15 ? least : Math.min(1, most ?? 1);
  const high = most !== undefined && most < 1e15 ? most : low + 9 * gap;
  const target =
    typeof wish === "number" && !Number.isNaN(wish)
      ? Math.min(Math.max(wish, least ?? wish), most ?? wish)
      : middle(low, Math.min(high, low + 9 * gap));
  if (step === 0) return target;
  const up = Math.ceil((least ?? Number.NEGATIVE_INFINITY) / step) * step;
  const down = Math.floor((most ?? Number.POSITIVE_INFINITY) / step) * step;
  return Math.min(Math.max(Math.round(target / step) * step, up), down);

  function middle(from: number, to: number): number {
    return from + (to - from) * chance(seed, path, "number");
  }
}
