/** Strings for a regular expression of the usual parts: literals, classes, groups, alternatives, repetition. */

import { pick } from "./chance.ts";

const CLASSES: Record<string, string> = { d: "0", w: "a", s: " ", D: "a", W: "-", S: "a", n: "\n", t: "\t" };
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@ ";

/** Some candidates, from few repetitions to many. They are guesses: the caller tests them against the expression. */
export function samplePattern(source: string, minLength: number, seed: number, path: string): string[] {
  return [0, 1, 2, Math.max(3, minLength)].flatMap((extra) => {
    const text = read(source, extra, seed, path);
    return text === null ? [] : [text];
  });
}

/** Null when the expression has parts that are not known here (look-around, back references). */
function read(source: string, extra: number, seed: number, path: string): string | null {
  let at = 0;
  let known = true;
  const text = alternatives();
  return known && at === source.length ? text : null;

  function alternatives(): string {
    const options = [sequence()];
    while (source[at] === "|") {
      at++;
      options.push(sequence());
    }
    return pick(options, seed, path, source) ?? "";
  }

  function sequence(): string {
    let made = "";
    while (at < source.length && source[at] !== "|" && source[at] !== ")") {
      const unit = one();
      made += unit.repeat(repetitions());
    }
    return made;
  }

  function one(): string {
    const character = source[at++] ?? "";
    if (character === "^" || character === "$") return "";
    if (character === ".") return "a";
    if (character === "[") return fromClass();
    if (character === "\\") return escaped(source[at++] ?? "");
    if (character !== "(") return character;
    if (source.startsWith("?:", at)) at += 2;
    else if (source[at] === "?") known = false;
    const made = alternatives();
    at++;
    return made;
  }

  function escaped(letter: string): string {
    if (/[1-9bBpPuxk]/.test(letter)) known = letter === "b" && known;
    return letter === "b" ? "" : (CLASSES[letter] ?? letter);
  }

  function fromClass(): string {
    const end = source.indexOf("]", source[at] === "]" ? at + 1 : at);
    const inner = source.slice(at, end);
    at = end + 1;
    try {
      const allowed = new RegExp(`[${inner}]`, "u");
      return [...LETTERS].find((letter) => allowed.test(letter)) ?? "";
    } catch {
      known = false;
      return "";
    }
  }

  function repetitions(): number {
    const match = /^(?:([?*+])|\{(\d+)(,(\d*))?\})\??/.exec(source.slice(at));
    if (!match) return 1;
    at += match[0].length;
    const [, sign, from, open, to] = match;
    if (sign) return sign === "?" ? Math.min(extra, 1) : Math.max(extra, sign === "+" ? 1 : 0);
    const least = Number(from);
    return open === undefined ? least : Math.min(least + extra, to ? Number(to) : Number.POSITIVE_INFINITY);
  }
}
