/** Figures in their place: each value of a passage with what it is the value of, as far as the words around it say. */

import { COMPETITION, standing, type Named, type Names } from "./names.ts";
import type { Passage } from "./passages.ts";
import { readingsOf, type Reading } from "./readings.ts";
import { clockOf, perOf, rolesOf, type Cues } from "./roles.ts";
import { wordsOf } from "./words.ts";

export type Figure = Reading & {
  readonly passage: Passage;
  /** "about", "over", "under", "up to", "range": how exact it means to be. */
  readonly bound: string;
  /** Words of clause and labels; and with those of the sentence and of what stands before. */
  readonly near: ReadonlySet<string>;
  readonly wide: ReadonlySet<string>;
  /** The other figures of its sentence. */
  readonly marks: ReadonlySet<string>;
  /** Of a count: the head noun of what is counted (several, when a table's labels say it), and its other words. */
  readonly nouns: ReadonlySet<string>;
  readonly mods: ReadonlySet<string>;
  readonly plan: string;
  readonly rival: string;
  readonly roles: ReadonlySet<string>;
  /** Of a price for a number of things: how many. */
  readonly per: number;
  /** Time of day that goes with a date. */
  readonly clock: string;
  /** Said to hold no more. */
  readonly old: boolean;
  /** A plan, cost, result or condition, or about other people: it may agree with a statement, and contradicts none. */
  readonly side: boolean;
};

/** "Per site and month" is one thing. */
const CLAUSE =
  /[;()]|:(?!\d)|,(?!\d)|\s[–—-]\s|[.!?](?=\s)|\b(?:and(?! (?:month|year|week|day))|or|but|then|instead of|against|while|so)\b/g;
const OLD =
  /\b(?:was|were|used to|old|former(?:ly)?|previous(?:ly)?|last (?:year|time|season|quarter|spring|summer|autumn|winter|month)(?:'s|’s)?|rose from|raised from|a year (?:before|ago|earlier)|no longer|so far|until then)\b/i;
/** Sections that plan, measure and calculate: their figures are targets, costs and results, and no statements about the offer. */
const INSIDE =
  /measure|metric|\btests?\b|research|revenue|margin|budget|econom|channel|runbook|calendar|flow map|evidence|decision rules|\brisks?\b|targeting|tracking|sending|diagnos|baseline|alternatives|asset briefs|visual|forecast|targets?\b|goals|backlog|experiments?|reply handling|segment|volume/i;
/** Sections about people and rivals. */
const AROUND = /^compet|persona|pains?\b|customer language|switching|voice/i;
const PLANNED =
  /\b(?:expect(?:s|ed)?|likely|assum\w+|forecast|estimated?|targets?|would change|trigger|threshold)\b|\b(?:numbers?|goals?|gates?|risk|budget):/i;
const DECISION = /^(?:\*\*)?decision:/i;

const GOES_ON =
  /^["“]?(?:it|its|they|their|this|that|these|those|each|both|all|then|and|or|plus|up|with|from|after|for|in|on|as|when|you|we|what|no|not|more|above|beyond|only|over|then)\b/i;

/** The figures of a passage, in its order. */
export function figuresOf(passage: Passage, names: Names): Figure[] {
  const { said, labels } = passage;
  const readings = readingsOf(said);
  if (readings.length === 0) return [];
  const cuts = [0, ...[...said.matchAll(CLAUSE)].map((match) => match.index + match[0].length), said.length];
  const label = labels.join(" ; ");
  const inside = (INSIDE.test(passage.section) || INSIDE.test(passage.block)) && !DECISION.test(said);
  const planned = inside || PLANNED.test(said);
  const sentence = wordsOf(`${said} ${label}`);
  const wide = new Set([...sentence, ...wordsOf(`${passage.before.slice(-2).join(" ")} ${passage.block}`)]);
  const plans = standing(said, names.plans, names.plain, passage.cell);
  const rivals = standing(said, names.rivals, names.plain, true);
  return readings.map((reading): Figure => {
    const span = spanOf(cuts, readings, reading, said);
    const clause = said.slice(span.start, span.end);
    const near = wordsOf(`${clause} ${label}`);
    const counted = reading.kind === "count" ? nounOf(said, reading, labels) : NOTHING;
    const rival = rivalOf(rivals, reading.start, passage, names);
    const cues = cuesOf(said, span, readings, reading);
    return {
      ...reading,
      passage,
      bound: reading.range
        ? "range"
        : boundOf(said.slice(Math.max(0, reading.start - 24), reading.start), said.slice(reading.end)),
      near: near.size >= 2 ? near : sentence,
      wide,
      marks: new Set(
        readings
          .filter((one) => one.kind !== reading.kind && one.unit !== "%~")
          .map((one) => `${one.kind} ${one.amount.toFixed(3)}`),
      ),
      nouns: counted.nouns,
      mods: counted.mods,
      plan: planOf(reading.kind, said, plans, span, passage, names),
      rival,
      roles: rolesOf(reading.kind, cues, passage),
      per: reading.kind === "money" ? perOf(`${label} ; ${said}`) : 0,
      clock: reading.kind === "date" ? clockOf(said.slice(reading.end)) : "",
      old: reading.unit !== "%~" && (OLD.test(clause) || OLD.test(label)),
      // Among rivals their own figures are what is known of them.
      side: planned || (AROUND.test(passage.section) && (rival === "" || !COMPETITION.test(passage.section))),
    };
  });
}

type Span = { readonly start: number; readonly end: number };

function spanOf(cuts: readonly number[], readings: readonly Reading[], reading: Reading, said: string): Span {
  let start = 0;
  let end = said.length;
  for (const cut of cuts) {
    if (cut <= reading.start) start = Math.max(start, cut);
    else if (cut >= reading.end && cut < end) end = cut;
  }
  // What stands in brackets or alone after a comma belongs to what stands before it.
  if (wordsOf(said.slice(start, end)).size < 2 && start > 0) {
    const earlier = cuts.filter((cut) => cut < start).sort((a, b) => b - a)[0] ?? 0;
    const other = readings.some((one) => one.kind === reading.kind && one.start >= earlier && one.start < start);
    if (!other) start = earlier;
  }
  return { start, end };
}

function cuesOf(said: string, span: Span, readings: readonly Reading[], reading: Reading): Cues {
  // Of two prices in one clause each has the words up to the other.
  const others = readings.filter((one) => one !== reading && one.kind === reading.kind);
  const start = Math.max(span.start, ...others.map((one) => one.end).filter((end) => end <= reading.start));
  const end = Math.min(span.end, ...others.map((one) => one.start).filter((at) => at >= reading.end));
  return {
    clause: reading.kind === "money" ? said.slice(start, end) : said.slice(span.start, span.end),
    lead: said.slice(Math.max(0, reading.start - 60), reading.start),
    tail: said.slice(reading.end, reading.end + 40),
    sentence: said,
    change: CHANGE_OF.test(reading.text),
  };
}

function boundOf(before: string, after: string): string {
  if (/\b(?:no|never|not) (?:\w+ ){0,3}more than $/i.test(before)) return "up to";
  if (/\b(?:over|more than|above|at least|from|upwards of) $/i.test(before) || /^ or more\b/i.test(after)) return "over";
  if (/\b(?:up to|as many as|at most|max(?:imum)?(?: of)?|(?:no|never|not) (?:\w+ ){0,3}more than) (?:as )?$/i.test(before))
    return "up to";
  if (/\b(?:under|fewer than|less than|below) $/i.test(before)) return "under";
  if (/\b(?:about|around|some|nearly|almost|close to|roughly|just under|approximately|circa) $/i.test(before)) return "about";
  return "";
}

/** "74 to 41 minutes", read as what lies between. */
const CHANGE_OF = /\d.* ?(?:to|–|-) ?\d/;
const NOTHING = { nouns: new Set<string>(), mods: new Set<string>() };

/** The words right behind a number up to the next small word; in a cell that holds little else, the labels. */
function nounOf(said: string, reading: Reading, labels: readonly string[]): { nouns: Set<string>; mods: Set<string> } {
  const tail = said.slice(reading.end).replace(/^(?: (?:or more|and more|of (?:the|our|your)|more|other|different|new))+/i, "");
  const words = /^[ -]((?:\p{L}[\p{L}'’-]*)(?: \p{L}[\p{L}'’-]*){0,3})/u.exec(tail)?.[1]?.split(" ") ?? [];
  const taken: string[] = [];
  for (const word of words) {
    const [cut] = wordsOf(word);
    if (cut === undefined) break;
    taken.push(cut);
  }
  // The verb behind a noun is not part of it: the last plural is the head.
  const plural = words.slice(0, taken.length).findLastIndex((word) => /[^su]s$|people|children|men\b/i.test(word));
  const head = plural >= 0 ? plural : taken.length - 1;
  // "The first three cohorts" are others than the last three.
  const place = /\b(first|last|next|past|other|top|previous) $/i.exec(
    said.slice(Math.max(0, reading.start - 12), reading.start),
  )?.[1];
  const mods = new Set([...taken.slice(0, head), ...(place ? [`the ${place.toLowerCase()}`] : [])]);
  if (head >= 0) return { nouns: new Set(taken.slice(head, head + 1)), mods };
  if (wordsOf(said).size > 1) return NOTHING;
  return { nouns: wordsOf(`${labels[0] ?? ""} ${labels.at(-1) ?? ""}`), mods: new Set() };
}

function planOf(
  kind: Reading["kind"],
  said: string,
  plans: readonly Named[],
  span: Span,
  passage: Passage,
  names: Names,
): string {
  // A discount on this or that plan is of neither alone.
  if (kind === "discount" && new Set(plans.map(({ name }) => name)).size > 1) return "";
  const within = plans.filter(({ at }) => at >= span.start && at < span.end);
  if (within.length > 0) return within[0]?.name ?? "";
  const part = said.lastIndexOf(";", span.start) + 1;
  const earlier = plans.filter(({ at }) => at >= part && at < span.start);
  if (earlier.length > 0) return earlier.at(-1)?.name ?? "";
  // Of a table its column and its row; other cells only stand beside.
  for (const label of passage.cell ? [passage.labels.at(-1) ?? "", passage.labels[0] ?? ""] : passage.labels) {
    const named = standing(label, names.plans, names.plain, true)[0];
    if (named) return named.name;
  }
  // "It renews at …", "Up to …": such a sentence goes on about what the one before was about.
  if (!GOES_ON.test(passage.said)) return "";
  for (const sentence of [...passage.lead].reverse()) {
    const named = standing(sentence, names.plans, names.plain, false);
    if (new Set(named.map(({ name }) => name)).size === 1) return named[0]?.name ?? "";
    if (named.length > 0) return "";
  }
  return "";
}

function rivalOf(rivals: readonly Named[], at: number, passage: Passage, names: Names): string {
  const before = rivals.filter((rival) => rival.at < at).at(-1) ?? rivals[0];
  if (before) return before.name;
  const label = standing(passage.labels.join(" "), names.rivals, names.plain, true)[0]?.name;
  return label ?? (COMPETITION.test(passage.section) ? "?" : "");
}
