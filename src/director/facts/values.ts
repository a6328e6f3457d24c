/** Values in running text: money, percentages, multiples, durations, dates and numbers, each in one normal form with its place. */

export type ValueKind = "money" | "percent" | "multiple" | "duration" | "date" | "number";

/**
 * `normal` is equal exactly when two values are: "USD 29", "20", "3", "14 d" (weeks are days, years are months, working days "wd"), "2026-03-03"
 * or "--03-03" without a year, "2140". `start` and `end` are places in the text, `text` the words that stand there.
 */
export type Value = {
  readonly kind: ValueKind;
  readonly normal: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
};

const CURRENCIES: Readonly<Record<string, string>> = {
  $: "USD",
  us$: "USD",
  usd: "USD",
  dollar: "USD",
  dollars: "USD",
  "€": "EUR",
  eur: "EUR",
  euro: "EUR",
  euros: "EUR",
  "£": "GBP",
  gbp: "GBP",
  pound: "GBP",
  pounds: "GBP",
  chf: "CHF",
  "¥": "JPY",
  jpy: "JPY",
  "₹": "INR",
  inr: "INR",
};
const WORDS =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(
    " ",
  );
const TENS: Readonly<Record<string, number>> = {
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
};
/** "Twenty-four", "a hundred": tens before units, so that the longer word is read first. */
const COMPOUND = `(?:${Object.keys({ twenty: 0, ...TENS }).join("|")})-(?:${WORDS.slice(1, 10).join("|")})`;
const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

const DIGITS = String.raw`\d{1,3}(?:[ \u00a0\u202f',.]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?`;
const WORD = `(?:${COMPOUND}|${[...WORDS.slice(1), ...Object.keys(TENS)].join("|")})`;
const SCALE = String.raw`(?:[ -]?(?:k|hundred|thousand|m|mn|million|bn|billion)\b)?`;
const SIGN = String.raw`US\$|[$€£¥₹]`;
const CODE = String.raw`USD|EUR|GBP|CHF|JPY|INR`;
const MONTH = String.raw`(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`;
const UNIT = String.raw`(?:(?:working|business|calendar|full|whole) )?(?:minutes?|mins?|hours?|hrs?|days?|weeks?|fortnights?|months?|quarters?|years?|yrs?)`;

// In this order: what an earlier one has taken, a later one does not see.
const PATTERNS: readonly {
  readonly kind: ValueKind;
  readonly find: RegExp;
  readonly normal: (match: RegExpExecArray) => string | null;
}[] = [
  { kind: "date", find: /\b(\d{4})-(\d{2})-(\d{2})\b/g, normal: ([, y, m, d]) => date(y, Number(m), d) },
  // Day first, as where dots are used.
  { kind: "date", find: /\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b/g, normal: ([, d, m, y]) => date(y, Number(m), d) },
  {
    kind: "date",
    find: new RegExp(String.raw`(?<![A-Za-z]-)\b(\d{1,2})(?:st|nd|rd|th|\.)?(?: of)? (${MONTH})(?:,? (\d{4})(?!-))?\b`, "gi"),
    normal: ([, d, m, y]) => date(y, monthOf(m), d),
  },
  {
    kind: "date",
    find: new RegExp(String.raw`\b(${MONTH}) (\d{1,2})(?:st|nd|rd|th)?(?!\d)(?:,? (\d{4})(?!-))?\b`, "gi"),
    normal: ([, m, d, y]) => date(y, monthOf(m), d),
  },
  {
    kind: "money",
    find: new RegExp(String.raw`(?<![\w.]|\d )(${SIGN}|\b(?:${CODE})\b) ?(${DIGITS})(${SCALE})`, "gi"),
    normal: ([, sign, digits, scale]) => money(sign, digits, scale),
  },
  {
    kind: "money",
    find: new RegExp(String.raw`(?<![\w.,])(${DIGITS}|\b${WORD})(${SCALE}) ?(€|£|\b(?:${CODE}|dollars?|euros?|pounds)\b)`, "gi"),
    normal: ([, digits, scale, sign]) => money(sign, digits, scale),
  },
  // "19.1p", "90 pence", "50¢"; "1080p" and "p95" are something else.
  {
    kind: "money",
    find: /(?<![\w.,])(\d{1,2}(?:[.,]\d+)?)(p\b| ?pence\b| ?¢)/gi,
    normal: ([, digits, sign]) => {
      const value = plain(amount(digits) / 100);
      return value === null ? null : `${/¢/.test(sign ?? "") ? "USD" : "GBP"} ${value}`;
    },
  },
  {
    kind: "percent",
    find: new RegExp(String.raw`(?<![\w.,])(${DIGITS}|\b${WORD}) ?(?:%|\bper ?cent\b)`, "gi"),
    normal: ([, digits]) => plain(amount(digits)),
  },
  {
    kind: "multiple",
    find: new RegExp(String.raw`(?<![\w.,])(${DIGITS}|\b${WORD}) ?(?:[x×]\b|×|\btimes\b)`, "gi"),
    normal: ([, digits]) => plain(amount(digits)),
  },
  {
    kind: "duration",
    find: new RegExp(String.raw`(?<![\w.,])(${DIGITS}|\b(?:an?|${WORD}))[ -](${UNIT})\b`, "gi"),
    normal: ([, digits, unit]) => duration(/^an?$/i.test(digits ?? "") ? 1 : amount(digits), unit ?? ""),
  },
  {
    kind: "number",
    find: new RegExp(String.raw`(?<![\w.,#/:-])(${DIGITS})(${SCALE})(?![\w:/]|[.,]\d|-\w)`, "gi"),
    normal: ([, digits, scale]) => plain(scaled(amount(digits), scale)),
  },
  // "One" is a pronoun more often than a number.
  {
    kind: "number",
    find: new RegExp(
      String.raw`(?<!-)\b(?:(?!one\b)(${WORD})(${SCALE})|(?:an?|one) (hundred|thousand|million|dozen))\b(?!-)`,
      "gi",
    ),
    normal: ([, word, scale, one]) =>
      plain(one ? scaled(one === "dozen" ? 12 : 1, one === "dozen" ? "" : one) : scaled(amount(word), scale)),
  },
];

/** Every value of a text, in its order. Linear in the text; never throws. */
export function valuesOf(text: string): Value[] {
  const taken = new Uint8Array(text.length);
  const values: Value[] = [];
  for (const { kind, find, normal } of PATTERNS) {
    for (const match of text.matchAll(find)) {
      const start = match.index;
      const end = start + match[0].length;
      if (taken.subarray(start, end).includes(1)) continue;
      const value = normal(match);
      if (value === null) continue;
      taken.fill(1, start, end);
      values.push({ kind, normal: value, start, end, text: match[0] });
    }
  }
  return values.sort((a, b) => a.start - b.start);
}

/** The same value; a date without a year equals that day of any year. */
export function sameValue(a: Pick<Value, "kind" | "normal">, b: Pick<Value, "kind" | "normal">): boolean {
  if (a.kind !== b.kind) return false;
  if (a.normal === b.normal) return true;
  return (
    a.kind === "date" && (a.normal.startsWith("--") || b.normal.startsWith("--")) && a.normal.slice(-5) === b.normal.slice(-5)
  );
}

/** "1,234.50", "1.234,50", "1 234", "12,5": the last separator is the decimal one unless three digits follow it. */
function amount(written: string | undefined): number {
  const text = (written ?? "").toLowerCase();
  const word = WORDS.indexOf(text);
  if (word >= 0) return word;
  if (text in TENS) return TENS[text] ?? Number.NaN;
  const [tens = "", unit = ""] = text.split("-");
  if (unit !== "" && (tens in TENS || tens === "twenty")) return (TENS[tens] ?? 20) + WORDS.indexOf(unit);
  const bare = text.replace(/[ \u00a0\u202f']/g, "");
  const last = Math.max(bare.lastIndexOf("."), bare.lastIndexOf(","));
  if (last === -1) return Number(bare);
  const separators = bare.match(/[.,]/g) ?? [];
  const mixed = new Set(separators).size > 1;
  const decimal = mixed || (separators.length === 1 && bare.length - last - 1 !== 3);
  const whole = bare.slice(0, decimal ? last : undefined).replace(/[.,]/g, "");
  return Number(decimal ? `${whole}.${bare.slice(last + 1)}` : whole);
}

function scaled(value: number, scale: string | undefined): number {
  const unit = (scale ?? "").toLowerCase().replace(/[ -]/g, "");
  const factor = unit.startsWith("h")
    ? 100
    : unit.startsWith("k") || unit.startsWith("t")
      ? 1e3
      : unit.startsWith("m")
        ? 1e6
        : unit.startsWith("b")
          ? 1e9
          : 1;
  return value * factor;
}

function plain(value: number): string | null {
  return Number.isFinite(value) ? String(Math.round(value * 1e6) / 1e6) : null;
}

function money(sign: string | undefined, digits: string | undefined, scale: string | undefined): string | null {
  const value = plain(scaled(amount(digits), scale));
  return value === null ? null : `${CURRENCIES[(sign ?? "").toLowerCase()] ?? sign} ${value}`;
}

function duration(count: number, unit: string): string | null {
  const word = unit.toLowerCase().replace(/^(?:calendar|full|whole) /, "");
  const of = (factor: number, name: string) => (Number.isFinite(count) ? `${count * factor} ${name}` : null);
  // Working days are not days: how many days they are depends on the calendar.
  if (/^(?:working|business) d/.test(word)) return of(1, "wd");
  if (/^(?:working|business) /.test(word)) return null;
  if (word.startsWith("min")) return of(1, "min");
  if (word.startsWith("h")) return of(60, "min");
  if (word.startsWith("d")) return of(1, "d");
  if (word.startsWith("w")) return of(7, "d");
  if (word.startsWith("f")) return of(14, "d");
  if (word.startsWith("mo")) return of(1, "mo");
  if (word.startsWith("q")) return of(3, "mo");
  return of(12, "mo");
}

function monthOf(word: string | undefined): number {
  return MONTHS.indexOf((word ?? "").slice(0, 3).toLowerCase()) + 1;
}

function date(year: string | undefined, month: number, day: string | undefined): string | null {
  const d = Number(day);
  if (month < 1 || month > 12 || d < 1 || d > 31) return null;
  return `${year ?? "-"}-${String(month).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
}
