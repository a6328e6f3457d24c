/** Values in a sentence as an offer means them: discounts apart from other percentages, fractions, weeks of evenings, and what "from 74 to 41" amounts to. */

import { valuesOf, type Value } from "../facts/values.ts";

export type ReadingKind = "money" | "discount" | "date" | "duration" | "count" | "percent";

export type Reading = {
  readonly kind: ReadingKind;
  /** Money in its currency, durations in days, dates as month and day (1231), the rest as it is. */
  readonly amount: number;
  /** Of "3/4" the other way to read it; else the same. */
  readonly other: number;
  /** What two amounts must share to be compared: a currency, a unit of time; "%~" is a percentage that was worked out here. */
  readonly unit: string;
  /** Of a date, when it is said. */
  readonly year: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** One end of a range ("4 to 24 doors"). */
  readonly range: boolean;
};

const LESS = /\b(?:off|less|discount(?:ed)?|cheaper|sav(?:e|es|ing|ings)|reduction|reduced|rebate|price falls|falls by)\b/i;
const CHANGED =
  /\b(?:fell|fall|falls|dropp?e?d?|rose|grew|cut|less|fewer|more|shorter|longer|faster|higher|lower|increased?|decreased?|went)\b/i;
const FRACTION = /\b(?:(two|three) )?(half|third|quarter|fifth|tenth)s?\b/gi;
const PARTS: Readonly<Record<string, number>> = { half: 2, third: 3, quarter: 4, fifth: 5, tenth: 10 };
const HALF_PRICE = /\bhalf (?:the |of the )?(?:price|rate|cost)\b|\bhalf[- ]price\b/gi;
const WEEKS =
  /(\p{L}+(?:-\p{L}+)?|\d+) (?:(?:mon|tues|wednes|thurs|fri|satur|sun)days|(?:mon|tues|wednes|thurs|fri|satur|sun)day (?:evening|morning|afternoon|night)s)\b/giu;
/** With a year or behind a weekday it is a date: which of the two is the month, nobody can tell. */
const SLASHES =
  /(?<![\d/.])(?:\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?(?<![\d/])(\d{1,2})\/(\d{1,2})(?:\/(20\d\d)\b|(?<=day,? \d{1,2}\/\d{1,2})(?![\d/]))/gi;
/** Most sentences hold no value at all. */
const ANY =
  /\d|\b(?:free|half|third|quarter|fifth|tenth|all of|none of|not a single|every single|without exception|hundred|thousand|million|dozen|an? (?:minute|hour|day|week|fortnight|month|quarter|year)|one|two|three|four|five|six|seven|eight|nine|ten|eleven|\w+teen|twelve|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\b/i;
const FREE_TIME = /\bfree (day|week|month|year)\b/gi;
const PART_HOUR = /\b(?:(half|(?:a )?quarter of|three quarters of) an hour|(an hour and a half))\b/gi;
/** "94 of 100", "nine in ten". */
const OUT_OF = /^ (?:of|in|out of) (?:every )?$/;
/** As good as "100 %". */
const ALL = /\b(?:all of them|every single \p{L}+|not a single \p{L}+|none of them|without exception)\b/giu;
/** Between the two ends of a range or change; "74 minutes to 41", too. */
const RANGE = /^(?: \p{L}+)? ?(?:to|–|-) ?$/u;
/** Between a reduced price and the full one. */
const FOR_MORE = /^[^.;\d]{0,25}\b(?:instead of|and not|rather than|down from)\b[^.;\d]{0,10}$/;
const DAYS: Readonly<Record<string, number>> = { day: 1, week: 7, month: 365 / 12, year: 365 };
const MINUTE = 1 / 1440;

export function readingsOf(said: string): Reading[] {
  if (!ANY.test(said)) return [];
  const read: Reading[] = [];
  const taken: (readonly [number, number])[] = [];
  const add = (kind: ReadingKind, amount: number, unit: string, start: number, end: number): void => {
    read.push({ kind, amount, other: amount, unit, year: "", start, end, text: said.slice(start, end), range: false });
  };
  const take = (kind: ReadingKind, amount: number, unit: string, start: number, text: string): void => {
    if (taken.some(([from, to]) => start < to && start + text.length > from)) return;
    add(kind, amount, unit, start, start + text.length);
    taken.push([start, start + text.length]);
  };
  for (const match of said.matchAll(WEEKS)) {
    const count = /^one$/i.test(match[1] ?? "") ? 1 : Number(valuesOf(match[1] ?? "")[0]?.normal ?? 0);
    if (count > 0) take("duration", 7 * count, "d", match.index, match[0]);
  }
  for (const { 0: text, 1: unit = "", index } of said.matchAll(FREE_TIME))
    take("duration", DAYS[unit.toLowerCase()] ?? 0, "d", index, text);
  for (const { 0: text, 1: part, index } of said.matchAll(PART_HOUR)) {
    const minutes = part === undefined ? 90 : /half/i.test(part) ? 30 : /three/i.test(part) ? 45 : 15;
    take("duration", minutes * MINUTE, "d", index, text);
  }
  for (const match of said.matchAll(SLASHES)) {
    const [a, b] = [Number(match[1]), Number(match[2])];
    if (a < 1 || b < 1 || a > 31 || b > 31 || (a > 12 && b > 12)) continue;
    const year = match[3] ?? "";
    const start = match.index + match[0].search(/\d/);
    read.push({
      kind: "date",
      amount: 100 * a + b,
      other: 100 * b + a,
      unit: "date",
      year,
      start,
      end: match.index + match[0].length,
      text: said.slice(start, match.index + match[0].length),
      range: false,
    });
    taken.push([start, match.index + match[0].length]);
  }
  for (const { 0: text, index } of said.matchAll(HALF_PRICE)) take("discount", 50, "%", index, text);
  for (const { 0: text, index } of said.matchAll(ALL)) take("percent", 100, "%", index, text);
  for (const match of said.matchAll(FRACTION)) fraction(said, match, take);

  const values = valuesOf(said);
  const ranges = new Set<Value>();
  for (const [i, low] of values.entries()) {
    const high = values[i + 1];
    if (high) pair(said, low, high, ranges, take, add);
  }
  for (const value of values) {
    if (taken.some(([start, end]) => value.start < end && value.end > start)) continue;
    const one = plainOf(value, said);
    if (one)
      read.push({ ...one, other: one.amount, start: value.start, end: value.end, text: value.text, range: ranges.has(value) });
  }
  return read.sort((a, b) => a.start - b.start);
}

type Take = (kind: ReadingKind, amount: number, unit: string, start: number, text: string) => void;

/** "A fifth less", "by two thirds"; other fractions are left alone. */
function fraction(said: string, match: RegExpExecArray, take: Take): void {
  const end = match.index + match[0].length;
  const around = said.slice(Math.max(0, match.index - 24), end + 24);
  const led =
    match[1] !== undefined ||
    /\b(?:by|an?|one)(?: (?:more than|over|nearly|almost|about|around|an?|one))* $/i.test(
      said.slice(Math.max(0, match.index - 40), match.index),
    );
  if (!led || !(LESS.test(around) || CHANGED.test(around) || /\bup by\b/i.test(around))) return;
  const many = { two: 2, three: 3 }[(match[1] ?? "").toLowerCase()] ?? 1;
  const share = (100 * many) / (PARTS[(match[2] ?? "").toLowerCase()] ?? 1);
  take(isDiscount(said, match.index, end) ? "discount" : "percent", share, "%", match.index, match[0]);
}

/** What two values beside each other say together: a range, a change, a share, a discount. */
function pair(
  said: string,
  low: Value,
  high: Value,
  ranges: Set<Value>,
  take: Take,
  add: (kind: ReadingKind, amount: number, unit: string, start: number, end: number) => void,
): void {
  const between = said.slice(low.end, high.start);
  const [was, is] = [Number.parseFloat(low.normal.replace(/^\D+/, "")), Number.parseFloat(high.normal.replace(/^\D+/, ""))];
  if (!(was > 0) || !(is > 0)) return;
  if (low.kind === "money" && high.kind === "money") {
    // "$75 instead of $100" is 25 % off.
    if (was < is && FOR_MORE.test(between)) add("discount", 100 * (1 - was / is), "%", low.start, high.end);
    return;
  }
  if (low.kind === "number" && high.kind === "number" && OUT_OF.test(between)) {
    if ([10, 100].includes(is) && was <= is) take("percent", (100 * was) / is, "%", low.start, said.slice(low.start, high.end));
    return;
  }
  const plain = ["number", "duration", "percent"];
  if (!plain.includes(low.kind) || !plain.includes(high.kind) || was === is || !RANGE.test(between)) return;
  const changed =
    was > is || (CHANGED.test(said) && /\bfrom\b[^.;]{0,40}$/i.test(said.slice(Math.max(0, low.start - 60), low.start)));
  if (!changed) {
    ranges.add(low).add(high);
    return;
  }
  // "From 74 to 41 minutes" also says 33 minutes, and 45 %.
  const text = said.slice(low.start, high.end);
  const unit = high.kind === "duration" ? high : low;
  const one =
    unit.kind === "duration"
      ? plainOf({ ...unit, normal: unit.normal.replace(/^[\d.]+/, String(Math.abs(was - is))) }, said)
      : null;
  take("percent", (100 * Math.abs(was - is)) / was, "%~", low.start, text);
  if (one) add("duration", one.amount, one.unit, low.start, high.end);
}

function plainOf(value: Value, said: string): Pick<Reading, "kind" | "amount" | "unit" | "year"> | null {
  const [first = "", second = ""] = value.normal.split(" ");
  switch (value.kind) {
    case "money":
      return { kind: "money", amount: Number(second), unit: first, year: "" };
    case "date": {
      const year = value.normal.startsWith("--") ? "" : value.normal.slice(0, 4);
      return { kind: "date", amount: Number(value.normal.slice(-5).replace("-", "")), unit: "date", year };
    }
    case "duration": {
      // "A month", "per year" behind a price is what the price is for.
      if (/^(?:an? |one day$)/i.test(value.text)) return null;
      const days = { min: MINUTE, d: 1, wd: 1, mo: 365 / 12 }[second] ?? 1;
      return { kind: "duration", amount: Number(first) * days, unit: second === "wd" ? "wd" : "d", year: "" };
    }
    case "percent":
      return {
        kind: isDiscount(said, value.start, value.end) ? "discount" : "percent",
        amount: Number(first),
        unit: "%",
        year: "",
      };
    case "multiple":
      // Of "12 x $24": a number to reckon with.
      return { kind: "count", amount: Number(first), unit: "", year: "" };
    default:
      // The year of a date that has no day.
      if (/^(?:19|20)\d\d$/.test(value.text)) return null;
      return { kind: "count", amount: Number(first), unit: "", year: "" };
  }
}

/** "20 % off", "save 20 %", "a fifth less": less than a price, and not the change of something measured. */
function isDiscount(said: string, start: number, end: number): boolean {
  const after = said.slice(end, end + 28);
  const before = said.slice(Math.max(0, start - 40), start);
  // "86 % less plastic" is no price; "15 % less for each pouch" is one.
  if (/^ ?(?:of|fewer)\b|^ less (?!for\b|than\b|on\b|until\b|if\b|when\b|each\b|every\b|in\b)\p{L}/iu.test(after)) return false;
  // "86 % less" alone says nothing of a price.
  if (/^ less\s*(?:[.,;)]|$)/.test(after) && !/\b(?:pa(?:y|ys|id)|price[ds]?|costs?|rate)\b|[$€£]/i.test(said)) return false;
  return (
    /^[ -]?(?:off|less|discount|cheaper|reduction|rebate|lower)\b/i.test(after) ||
    /\b(?:save|saves|saving|discount of|off|cheaper by|reduced by|price (?:falls|drops) by|price is) (?:an? |up to )?$/i.test(
      before,
    ) ||
    (/\b(?:price|cost|rate)\b/i.test(before) && LESS.test(before))
  );
}
