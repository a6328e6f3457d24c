/** Test fixture: what all fuzz tests share: how long they go on, how a sound text is spoilt, and what no input may ever do. */

import { expect } from "bun:test";
import fc from "fast-check";

/** `FUZZ_TIMES=100` makes every property that much longer; `FUZZ_SEED` (printed with each failure) repeats a run, `random` takes a new one. */
const TIMES = Number(process.env["FUZZ_TIMES"] ?? 1);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20261121);

/** How often a property is tried, and from which seed. A failure prints the seed and the smallest input that still fails. */
export function runs(count: number): { numRuns: number; seed?: number; interruptAfterTimeLimit: number } {
  // Looking for a smaller input that fails too must end before the test's own time does.
  const interruptAfterTimeLimit = 50_000 * Math.max(1, TIMES);
  return {
    numRuns: Math.max(1, Math.round(count * TIMES)),
    interruptAfterTimeLimit,
    ...(Number.isInteger(SEED) ? { seed: SEED } : {}),
  };
}

/** No input of the sizes used here may keep the program longer than this, on a machine with other work too. */
const LIMIT_MS = 2_000;

const plainNames = () => [Object.prototype, Array.prototype, Function.prototype].map((each) => Object.getOwnPropertyNames(each));
const atFirst = plainNames();

/** Runs what an input does, and fails when it takes too long or leaves something behind in what all objects share. */
export async function harmless<T>(work: () => T | Promise<T>): Promise<T> {
  const began = performance.now();
  const value = await work();
  expect(performance.now() - began).toBeLessThan(LIMIT_MS);
  expect(plainNames()).toEqual(atFirst);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  return value;
}

/** What has broken parsers before. */
export const NASTY: readonly string[] = [
  "__proto__",
  "__proto__: { polluted: yes }\n",
  '"__proto__": {"polluted": true},',
  '{"constructor":{"prototype":{"polluted":true}}}',
  "constructor",
  "toString",
  "hasOwnProperty",
  "\u0000",
  "\u001b[2J\u001b]0;owned\u0007",
  "\ufeff",
  "\ud800",
  "\u202e",
  "\u2028",
  "\r",
  "\t",
  "---\n",
  "...\n",
  "<<: *x\n",
  "&x [*x, *x]",
  "*unknown",
  "!!js/function 'x'",
  "!!binary aGk=",
  "? [a, b]\n: c\n",
  "[".repeat(300),
  "{a: ".repeat(150),
  "- ".repeat(200),
  "]}]}",
  '"',
  "'",
  "|2-\n",
  ">+9\n",
  ": ",
  " #",
  "~",
  "null",
  "NaN",
  ".inf",
  "-0",
  "1e999",
  "9".repeat(400),
  "0x",
  "9007199254740993",
  "../../../etc/passwd",
  "${HOME}",
  "%00%2e%2e%2f",
  "a".repeat(5_000),
  "\n".repeat(500),
  "<handoff>",
  "</handoff>",
  "```\n",
  "~~~~\n",
  "[NEEDS: ",
  "😀".repeat(50),
  "e\u0301\u0327".repeat(100),
];

type Edit = { readonly kind: number; readonly at: number; readonly size: number; readonly piece: string };

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.nat(6),
  at: fc.nat(100_000),
  size: fc.nat(60),
  piece: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  ),
});

function apply(text: string, { kind, at, size, piece }: Edit): string {
  const from = text.length === 0 ? 0 : at % (text.length + 1);
  const lines = text.split("\n");
  const line = at % lines.length;
  switch (kind) {
    case 0:
      return text.slice(0, from) + piece + text.slice(from);
    case 1:
      return text.slice(0, from) + text.slice(from + size);
    case 2:
      return text.slice(0, from) + text.slice(from, from + size).repeat(3) + text.slice(from + size);
    case 3:
      return text.slice(0, from);
    case 4:
      return lines.toSpliced(line, 1).join("\n");
    case 5:
      // A value, and not what stands in front of it.
      return lines.with(line, (lines[line] ?? "").replace(/(:|-) .*$/, `$1 ${piece.replaceAll("$", "$$$$")}`)).join("\n");
    default:
      return lines.toSpliced(line, 0, lines[size % lines.length] ?? "", lines[line] ?? "").join("\n");
  }
}

/** One of these sound texts, spoilt in one to four places; now and then anything at all. */
export function spoilt(...texts: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 }))
        .map(([text, edits]) => edits.reduce(apply, text)),
    },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...NASTY), { maxLength: 8 }).map((pieces) => pieces.join("")) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 300 }) },
  );
}

/** Bytes that may be no text: the spoilt text, with some of its bytes replaced. */
export function spoiltBytes(...texts: readonly string[]): fc.Arbitrary<Uint8Array> {
  return fc.tuple(spoilt(...texts), fc.array(fc.tuple(fc.nat(100_000), fc.nat(255)), { maxLength: 3 })).map(([text, flips]) => {
    const bytes = new TextEncoder().encode(text);
    for (const [at, byte] of flips) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });
}

/** A value like this one, with one to three of its parts replaced, left out, doubled or moved: JSON that is nearly right. */
export function spoiltValue(sound: unknown): fc.Arbitrary<unknown> {
  return fc
    .array(fc.tuple(fc.nat(10_000), fc.nat(4), fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...NASTY))), {
      minLength: 1,
      maxLength: 3,
    })
    .map((changes) => {
      let value: unknown = structuredClone(sound);
      for (const [which, how, other] of changes) value = changed(value, which, how, other);
      return value;
    });
}

function changed(root: unknown, which: number, how: number, other: unknown): unknown {
  const places: { holder: Record<string, unknown> | unknown[]; key: string | number }[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach((inner, key) => (places.push({ holder: value, key }), walk(inner)));
    else if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        places.push({ holder: value as Record<string, unknown>, key });
        walk(inner);
      }
  };
  walk(root);
  const place = places[which % Math.max(1, places.length)];
  if (!place) return other;
  const { holder, key } = place;
  if (Array.isArray(holder)) {
    const at = Number(key);
    if (how === 1) holder.splice(at, 1);
    else if (how === 2) holder.splice(at, 0, structuredClone(holder[at]));
    else if (how === 3) holder.push(...Array.from({ length: 60 }, () => structuredClone(holder[at])));
    else holder[at] = other;
  } else if (how === 1) delete holder[key];
  else if (how === 2)
    Object.defineProperty(holder, String(other).slice(0, 80), {
      value: holder[key],
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else if (how === 3)
    Object.defineProperty(holder, "__proto__", {
      value: { polluted: true },
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else holder[key] = other;
  return root;
}
