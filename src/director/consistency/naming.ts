/** Names that a campaign should not use: given up ones, unknown plans, and near misses of a known name. */

import { standing, type Names } from "./names.ts";
import type { Passage } from "./passages.ts";
import type { Found } from "./text.ts";
import type { Weigh } from "./weigh.ts";
import { wordsOf } from "./words.ts";

const NAME = String.raw`["“'„]?(\p{Lu}[\p{L}\p{N}+-]*(?: \p{Lu}[\p{L}\p{N}+-]*){0,2})["”'“]?`;
/** How texts say that a name is not used any more, or must not be. */
const GIVEN_UP: readonly RegExp[] = [
  String.raw`\b(?:was|were|used to be|had been) (?:once |first |originally |formerly |previously )?(?:called|named|known as|sold as|listed as) (?:the )?${NAME}`,
  String.raw`\b(?:formerly|previously|once|originally)(?: called| named| known as| sold as)? ${NAME}`,
  String.raw`\b(?:old|former|previous|working|internal|earlier|code) (?:plan |product )?(?:name|title|names|titles|codename)(?:,| of| for| was| is| were)?(?: it)?(?: the)? ${NAME}`,
  String.raw`\bno longer (?:called|named|say|use|known as) (?:the )?${NAME}`,
  String.raw`\b(?:renamed|changed) (?:from )${NAME}`,
  String.raw`\b(?:not|never)(?: say| write| call it| written| spelled)? ${NAME}(?=[,.;)]|$)`,
  String.raw`${NAME} (?:is|was|has been) (?:now called|renamed|retired|no longer used|replaced by)`,
].map((source) => new RegExp(source, "gu"));
/** How a text shows that it knows a name is not the one in use. */
const KNOWINGLY =
  /\b(?:was|were|been|used to be|formerly|previously|once|until|no longer|old|working title|not|never|must not|is now|renamed)\b/i;
const ABOUT_NAMES =
  /\b(?:sold as|listed as|called|named|name|names|title|renamed|formerly|previously|known as|written|spell(?:ed|ing)|say)\b/i;
const PLAN = /\b(?:the|our|your|on|a|your own) (\p{Lu}[\p{L}\p{N}+-]*) (?:plan|package|tier|edition|membership)\b/gu;
const PHRASE = /(?<=[\p{Ll}\p{N},"“] )\p{Lu}[\p{L}\p{N}]*(?:[ -]\p{Lu}[\p{L}\p{N}]*){0,2}/gu;
const ORDINARY_HEAD =
  /^(?:Day|Days|Week|Month|Year|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September|October|November|December|Street|Road|City|States|Time|Block|Part|Version|Step)$/;

const AND = new RegExp(`^,? (?:and|or) ${NAME}`, "u");

type Use = { readonly name: string; readonly passage: Passage };

export function namingClashes(passages: readonly Passage[], names: Names, weigh: Weigh): Found[] {
  return [
    ...givenUp(passages, names),
    ...unknownPlans(passages, names),
    ...nearMisses(passages, names),
    ...renamed(passages, weigh),
  ];
}

function givenUp(passages: readonly Passage[], { plain }: Names): Found[] {
  const declared = new Map<string, Passage>();
  for (const passage of passages) {
    if (!ABOUT_NAMES.test(passage.said)) continue;
    for (const pattern of GIVEN_UP) {
      for (const [whole, name = ""] of passage.said.matchAll(pattern)) {
        // Ordinary words that only begin a sentence here are no names.
        const quoted = /["“„]/.test(whole);
        if (declared.has(name) || (plain.has(name.toLowerCase()) && !quoted && !/called|named|name|title/.test(whole))) continue;
        declared.set(name, passage);
        // "… were called Starter and Growth"
        const more = AND.exec(passage.said.slice(passage.said.indexOf(whole) + whole.length))?.[1];
        if (more) declared.set(more, passage);
      }
    }
  }
  const found: Found[] = [];
  for (const [name, right] of declared) {
    for (const wrong of passages) {
      if (wrong.text.rank <= right.text.rank || (ABOUT_NAMES.test(wrong.said) && KNOWINGLY.test(wrong.said))) continue;
      if (standing(wrong.said, [name], plain, wrong.cell).length > 0)
        found.push(clash("product_name", name, wrong, right, `"${name}" is not used any more.`));
    }
  }
  return found;
}

/** "The Household plan", where the plans have other names. */
function unknownPlans(passages: readonly Passage[], names: Names): Found[] {
  const found: Found[] = [];
  const home = new Map<string, Passage>();
  for (const passage of passages) {
    for (const { name } of standing(passage.said, names.plans, names.plain, true)) if (!home.has(name)) home.set(name, passage);
  }
  const known = [...home.values()];
  for (const wrong of passages) {
    for (const [, name = ""] of wrong.said.matchAll(PLAN)) {
      if (names.rivals.includes(name)) continue;
      const above = known.filter(({ text }) => text.rank < wrong.text.rank);
      const used = passages.some(
        ({ text, said }) =>
          text.rank < wrong.text.rank && standing(said, [name], names.plain, false).length > 0 && !ABOUT_NAMES.test(said),
      );
      const right = above[0];
      if (!used && right)
        found.push(clash("plan_name", name, wrong, right, `There is no plan of the name "${name}": ${names.plans.join(", ")}.`));
    }
  }
  return found;
}

const BAPTISED = new RegExp(
  String.raw`\b(?:is|are) called (?:an? |the )?${NAME}|\b[Ww]e call (?:it|this|that|them) (?:an? |the )?${NAME}|\b(?:its|the) name is (?:an? |the )?${NAME}`,
  "u",
);

function baptised(said: string): string[] {
  const match = BAPTISED.exec(said);
  const name = match?.[1] ?? match?.[2] ?? match?.[3];
  return name === undefined ? [] : [name];
}

/** "We call it a Quick Check", where a text above has given it another name. */
function renamed(passages: readonly Passage[], weigh: Weigh): Found[] {
  const said = passages.flatMap((passage) => {
    const [name] = KNOWINGLY.test(passage.said) ? [] : baptised(passage.said);
    return name === undefined
      ? []
      : [{ name, passage, words: wordsOf([...passage.lead.slice(-2), passage.said].join(" ").replace(name, " ")) }];
  });
  return said.flatMap(({ name, passage: wrong, words }) => {
    if (passages.some(({ text, said: other }) => text.rank < wrong.text.rank && other.includes(name))) return [];
    const right = said
      .filter((other) => other.passage.text.rank < wrong.text.rank)
      .map((other) => ({ ...other, weight: weigh(words, other.words) }))
      .sort((a, b) => b.weight - a.weight)[0];
    return right && right.weight >= 0.8
      ? [clash("product_name", name, wrong, right.passage, `Its name is "${right.name}".`)]
      : [];
  });
}

/** "Mirror Room" for "Echo Room", "Testlom" for "Testloom". */
function nearMisses(passages: readonly Passage[], names: Names): Found[] {
  const uses = passages.flatMap((passage): Use[] =>
    titled(passage.said) ? [] : (passage.said.match(PHRASE) ?? []).map((name) => ({ name, passage })),
  );
  const known = new Map<string, Passage>();
  const often = new Map<string, Set<string>>();
  for (const { name, passage } of uses) {
    if (!known.has(name)) known.set(name, passage);
    const texts = often.get(name) ?? new Set();
    often.set(name, texts.add(passage.text.name));
  }
  const settled = new Set(passages.flatMap(({ said }) => (KNOWINGLY.test(said) ? [] : baptised(said))));
  const found: Found[] = [];
  for (const { name, passage: wrong } of uses) {
    const first = known.get(name);
    if (!first || first.text.rank < wrong.text.rank || (ABOUT_NAMES.test(wrong.said) && KNOWINGLY.test(wrong.said))) continue;
    // An ordinary word with a capital letter, or a name that this text alone knows.
    if (names.plain.has(name.toLowerCase()) || names.rivals.includes(name)) continue;
    for (const [other, right] of known) {
      if (right.text.rank >= wrong.text.rank || ((often.get(other)?.size ?? 0) < 2 && !settled.has(other))) continue;
      if (!alike(name, other) && !sameHead(name, other, names.plain)) continue;
      found.push(clash("product_name", name, wrong, right, `The name is "${other}".`));
      break;
    }
  }
  return found;
}

/** Headlines In Capitals tell nothing about names. */
function titled(said: string): boolean {
  const words = said.match(/\p{L}{4,}/gu) ?? [];
  return words.length > 2 && words.filter((word) => /^\p{Lu}/u.test(word)).length > words.length * 0.6;
}

function sameHead(a: string, b: string, plain: ReadonlySet<string>): boolean {
  const [mine, theirs] = [a.split(" "), b.split(" ")];
  const head = mine.at(-1) ?? "";
  return (
    mine.length > 1 &&
    theirs.length === mine.length &&
    head === theirs.at(-1) &&
    !ORDINARY_HEAD.test(head) &&
    plain.has(head.toLowerCase())
  );
}

/** The same but for spaces, hyphens and capitals, or a letter or two of a long name. */
function alike(a: string, b: string): boolean {
  if (a === b) return false;
  const [one, other] = [a, b].map((name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ""));
  if (one === undefined || other === undefined || one.length < 5 || other.length < 5) return false;
  // "Docksights" is "Docksight" in a sentence.
  if (one === other) return true;
  if (one === `${other}s` || other === `${one}s` || Math.abs(one.length - other.length) > 2) return false;
  return distance(one, other) <= (Math.min(one.length, other.length) >= 8 ? 2 : 1);
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function clash(kind: string, subject: string, wrong: Passage, right: Passage, note: string): Found {
  return {
    kind,
    subject,
    wrong: { name: wrong.text.name, quote: wrong.quote },
    right: { name: right.text.name, quote: right.quote },
    note,
  };
}
