/** What kind of price, date or time a figure is, in general English: "until" makes an end, "back" a refund. */

import type { Passage } from "./passages.ts";
import type { ReadingKind } from "./readings.ts";
import { valuesOf } from "../facts/values.ts";
import { wordsOf } from "./words.ts";

/** The words that may tell what a figure is: of its clause, just before and behind it, of the sentence; and whether it is itself a change. */
export type Cues = {
  readonly clause: string;
  readonly lead: string;
  readonly tail: string;
  readonly sentence: string;
  readonly change: boolean;
};
type Rule = { readonly role: string; readonly find: RegExp };

const PRICE: readonly Rule[] = [
  {
    role: "part",
    find: /\binstal?lments?\b|\b(?:two|three|four|five|six|ten|twelve|\d+) (?:\w+ )?(?:parts|payments)\b|\bdeposit\b|\bdown payment\b|\bup ?front\b/i,
  },
  { role: "saving", find: /\b(?:sav(?:e|es|ing|ings)|discount of)\b/i },
  {
    role: "extra",
    find: /\b(?:each|every|per) (?:further|additional|extra|other)\b|\b(?:further|additional|extra|beyond|overage)\b|\babove that\b/i,
  },
  { role: "bill", find: /\b(?:bill|total|in all|altogether)\b/i },
  { role: "sum", find: /\b(?:together|in all|in total|total|sum|bill|altogether|all in|comes? to)\b/i },
  { role: "average", find: /\b(?:average|median|realised|realized|typical|after discounts)\b/i },
  {
    role: "low",
    find: /\b(?:early|first[ -](?:year|visit|month|order)|last day|(?:launch|opening|intro\w*) (?:offer|price)|with the offer|offer price|reduced|introductory|instead of|sale price|if you (?:decide|book|order|buy|start|join) (?:by|before)|until)\b/i,
  },
];
const THRESHOLD =
  /\b(?:over|above|below|under|more than|less than|at least|from|between|starts? at|reach(?:es)?|minimum (?:order )?(?:of )?|spend) (?:only |about )?$/i;
const DELIVERY = /\b(?:shipping|delivery|postage|delivered)\b/i;

const MONTHLY = /\b(?:a|per|each|every|one|the|and|by the) month\b|\bmonthly\b|\/ ?mo(?:nth)?\b/i;
const YEARLY = /\b(?:a|per|each|every|whole|one|the|and|by the) year\b|\byearly\b|\bannual(?:ly)?\b|\/ ?y(?:ea)?r\b/i;
const PAID_MONTHLY =
  /\b(?:pay|paid|billed|bill|charged|bought)(?: \w+){0,2} (?:by the month|monthly|month by month|every month)\b|\bmonth[- ]to[- ]month\b|\bby the month\b/i;
const PAID_YEARLY =
  /\b(?:pay|paid|billed|bill|charged|bought)(?: \w+){0,3} (?:yearly|annually|by the year|for (?:the|a) (?:whole )?year|once a year)\b|\byearly (?:price|plan|billing)\b|\bannual (?:price|plan|billing)\b|\bby the year\b/i;
const EACH =
  /\b(?:per|for each|each|a|every|for every) (developer|user|seat|site|person|member|editor|agent|host|team|session|visit|hour|day|item|piece|box|bag|pair|unit|project|page|participant|client|patient|location|store|shop|device|employee|head|wash|load|meal|bottle|pouch|refill|lesson|course)\b/i;
/** "Each further 100,000", "$5 per 1,000". */
const PER =
  /\b(?:each|every|per)(?: (?:further|additional|extra|other))? (million|thousand|hundred|[\d][\d.,]*(?: ?(?:k|million|thousand))?)\b/i;

/** Global, since the last one in a text is looked for. */
const DATE: readonly Rule[] = [
  {
    role: "end",
    find: /\b(?:until|till|through|by|before|ends?|ending|closes?|closing|last day|deadline|expires?|last chance|no later than|valid to)\b/gi,
  },
  {
    role: "start",
    find: /\b(?:starts?|starting|begins?|from|opens?|opening|launch(?:es)?|live|available|out|since|as of|first (?:evening|day|session)|kick-?off)\b/gi,
  },
];
/** "(client list, 31 March" tells when something was counted. */
const SOURCE = /\([^()]{3,60}, (?:\p{L}+ )?$/u;
/** What ends or starts. */
const OBJECT: readonly Rule[] = [
  {
    role: "book",
    find: /\b(?:enrol\w*|book(?:ing)?|regist\w+|sign[- ]?ups?|apply|applications?|reserve|tickets?|seats|doors close)\b/i,
  },
  {
    role: "deal",
    find: /\b(?:offers?|price|discount|deal|sale|early (?:bird|price)|off|less|% |code|reduced|costs?)\b|[$€£¥₹%]/i,
  },
  {
    role: "meeting",
    find: /\b(?:webinar|join us|info evening|office hours?|workshop|open day|talks?|fair|live session|meet-?up|q&a|demo day|town hall|conference)\b/i,
  },
  {
    role: "launch",
    find: /\b(?:launch\w*|available|goes live|go live|is out|release[ds]?|ships?|arrives?|opens?|opening|is open|in (?:the )?stores?)\b/i,
  },
  {
    role: "work",
    find: /\b(?:due|review|reading|read on|read|gate|freeze|decision|interviews?|written|report|exchanged|send|sent|checked?|paused|draft|tested|source|database|billing|list,|page,|site,|app stores?,)\b/i,
  },
];

const TIME: readonly Rule[] = [
  { role: "gift", find: /\b(?:months? (?:are )?free|free months?|extra months?)\b/i },
  { role: "instead", find: /\b(?:instead of|for the price of)\b/i },
  {
    role: "trial",
    find: /\b(?:trial|tr(?:y|ies|ied) (?:it|\w+)? ?(?:free )?(?:for)?|free for|days free|free (?:week|days?)|can be tried|for free|first (?:week|month|days) (?:is|are) free)\b/i,
  },
  {
    role: "back",
    find: /\b(?:refund\w*|money[- ]back|guarantee\w*|returns?|returned|send (?:it|the \w+) back|price back|(?:have|get|gets|give) (?:\w+ ){0,4}back)\b/i,
  },
  { role: "set-up", find: /\b(?:set-?up|up and running|live in|is live|are live|onboard\w*|install\w*)\b/i },
  { role: "bound", find: /\b(?:contract|commitment|minimum term|notice|cancel\w*)\b/i },
  { role: "delivery", find: /\b(?:deliver\w*|ship\w*|arrives?|dispatch\w*|lead time|in the post)\b/i },
  { role: "answer", find: /\b(?:repl(?:y|ies)|answer\w*|respon\w+|get back to)\b/i },
  { role: "keep", find: /\b(?:history|retention|recordings?|archive|replay|stored?|kept|stays? (?:there|available)|access)\b/i },
  { role: "warranty", find: /\b(?:warranty|repairs? within)\b/i },
];
/** "14 minutes of speaking a day" is a rate. */
const EVERY = /^(?: of)?(?: \p{L}+){0,3} (?:a|per|each|every) (?:day|week|month|year|night|evening)\b/iu;
const CHANGE =
  /\b(?:fell|fall|falls|dropp?e?d?|rose|grew|cut|increased?|decreased?|went (?:up|down)|up|down|got)\b[^.;]{0,12} (?:an? |more than |over |about |nearly )*$/i;
const LESS = /^ (?:less|fewer|more|shorter|longer|faster|higher|lower)\b/i;
const CONDITION = /\b(?:if|unless|whether|would)\b|\?$/i;

export function rolesOf(kind: ReadingKind, cues: Cues, passage: Passage): Set<string> {
  const roles = new Set<string>();
  const label = passage.labels.join(" ; ");
  if (kind === "money") {
    const close = `${label} ${cues.clause}`;
    for (const { role, find } of PRICE) if (find.test(close)) roles.add(`price:${role}`);
    if (THRESHOLD.test(cues.lead) || /^ (?:or more|upwards|and more)\b/i.test(cues.tail)) roles.add("price:threshold");
    // A difference is no price.
    if (/^ (?:less|cheaper|more than)\b/i.test(cues.tail)) roles.add("price:saving");
    // A short question before it says what the price is for.
    if (
      DELIVERY.test(close) ||
      DELIVERY.test(cues.sentence) ||
      DELIVERY.test(/\?$/.test(passage.lead.at(-1) ?? "") ? (passage.lead.at(-1) ?? "") : "")
    )
      roles.add("price:delivery");
    if (MONTHLY.test(close)) roles.add("per:month");
    if (YEARLY.test(close)) roles.add("per:year");
    if (PAID_MONTHLY.test(close)) roles.add("paid:month");
    if (PAID_YEARLY.test(close)) roles.add("paid:year");
    const each = EACH.exec(close)?.[1];
    if (each) roles.add(`each:${each.toLowerCase()}`);
  }
  if (kind === "date" && SOURCE.test(cues.lead)) roles.add("of:work");
  else if (kind === "date") {
    // The nearest word before the date decides; else the label, else the clause.
    const lead = lastOf(DATE, cues.lead) ?? (/\b(?:to|–|-) (?:\p{L}+,? )?$/u.test(cues.lead) ? "end" : null);
    const action = lead ?? lastOf(DATE, label) ?? lastOf(DATE, cues.clause);
    if (action) roles.add(`act:${action}`);
    addFirst(roles, OBJECT, [cues.clause, label, cues.sentence, passage.cell ? "" : (passage.before.at(-1) ?? "")], "of");
    // What starts without being named is what the campaign is about.
    if (action === "start" && ![...roles].some((role) => role.startsWith("of:"))) roles.add("of:launch");
  }
  if (kind === "duration") {
    // What was said before tells only of a sentence that says little itself.
    const short = wordsOf(passage.said).size <= 4;
    addFirst(roles, TIME, [cues.clause, label, cues.sentence, short ? (passage.before.at(-1) ?? "") : ""], "time");
    if (EVERY.test(cues.tail)) roles.add("how often");
  }
  if ((kind === "percent" || kind === "duration") && (cues.change || CHANGE.test(cues.lead.slice(-24)) || LESS.test(cues.tail)))
    roles.add("change");
  if (kind === "count" && CONDITION.test(cues.clause)) roles.add("if");
  return roles;
}

/** How many things a price is for, or 0. */
export function perOf(text: string): number {
  const many = PER.exec(text)?.[1];
  if (many === undefined) return 0;
  return Number(valuesOf(/^\p{L}/u.test(many) ? `one ${many}` : many)[0]?.normal ?? 0);
}

const CLOCK =
  /\b(?:(half past) )?(\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?:[:.](\d{2}))?(?: ?(am|pm|a\.m\.|p\.m\.)\b| (?:o'clock )?in the (morning|afternoon|evening)\b|(?<=:\d\d))/i;

/** The first time of day in a text as "18:30", or nothing. */
export function clockOf(text: string): string {
  const match = CLOCK.exec(text);
  if (!match) return "";
  const hour = Number(valuesOf(match[2] ?? "")[0]?.normal ?? (/^one$/i.test(match[2] ?? "") ? 1 : Number.NaN));
  const late = /^p/i.test(match[4] ?? "") || /afternoon|evening/i.test(match[5] ?? "");
  if (!(hour < 25)) return "";
  return `${late && hour < 12 ? hour + 12 : hour}:${match[1] ? "30" : (match[3] ?? "00")}`;
}

/** The roles that the first of these texts shows, the nearest first. */
function addFirst(roles: Set<string>, rules: readonly Rule[], texts: readonly string[], group: string): void {
  for (const text of texts) {
    const shown = rules.filter(({ find }) => find.test(text));
    if (shown.length === 0) continue;
    for (const { role } of shown) roles.add(`${group}:${role}`);
    return;
  }
}

function lastOf(rules: readonly Rule[], text: string): string | null {
  let best: { role: string; at: number } | null = null;
  for (const { role, find } of rules) {
    for (const match of text.matchAll(find)) if (!best || match.index > best.at) best = { role, at: match.index };
  }
  return best?.role ?? null;
}
