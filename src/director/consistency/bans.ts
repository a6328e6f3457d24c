/** What the texts above rule out: words that must not be said, and things that cannot be done. */

import type { Passage } from "./passages.ts";
import type { Found } from "./text.ts";
import type { Weigh } from "./weigh.ts";
import { stem, wordsOf } from "./words.ts";

const LIST_LABEL = /^(?:forbidden|not to be said|never say|do not say|words? to avoid|banned|taboo|off limits)$/i;
const LIST_SAID =
  /\b(?:(?:do not|don't|never|must not) (?:say|write|use|claim|call (?:it|us|them)|promise)|never) ([^.;]{3,160})/i;
/** What holds only under a condition is no ban that words alone can tell. */
const CONDITIONAL = /\b(?:before|unless|except|without|other than|any|until|if|about|than|or less)\b/i;
/** Talk about words, and not their use. */
const ABOUT = /\b(?:say|said|never|left out|forbidden|avoid|instead of|rejected|the words?|banned)\b/i;
const CANNOT = /\b(nothing|no one|nobody|none) can be (\p{L}+)|\b(?:cannot|can't|can not|may not) be (\p{L}+)/iu;
const CAN = /\byou (?:can|may)(?: also| now| just| even)? (\p{L}+)|\bcan (?:now )?be (\p{L}+)/giu;
const EMPTY = new Set("be do get have use see find make take go come keep give let put set try know".split(" "));

type Ban = { readonly phrase: string; readonly find: RegExp; readonly passage: Passage };

export function banClashes(passages: readonly Passage[], weigh: Weigh): Found[] {
  return [...saidAnyway(passages), ...doneAnyway(passages, weigh)];
}

function saidAnyway(passages: readonly Passage[]): Found[] {
  const bans = passages.flatMap(bansOf);
  return bans.flatMap(({ phrase, find, passage: right }) =>
    passages
      .filter(
        (wrong) =>
          wrong.text.rank > right.text.rank &&
          !ABOUT.test(wrong.said) &&
          !LIST_LABEL.test(wrong.labels[0] ?? "") &&
          find.test(wrong.said),
      )
      .map((wrong) => clash("claim", phrase, wrong, right, `"${phrase}" is not to be said.`)),
  );
}

function bansOf(passage: Passage): Ban[] {
  const { said, labels, section } = passage;
  const list = LIST_LABEL.test(labels[0] ?? "") ? said : LIST_SAID.exec(said)?.[1];
  if (list === undefined || /^compet|persona/i.test(section)) return [];
  return list.split(/[,;]| and (?=["“\p{L}])/u).flatMap((item) => {
    const quoted = /["“]([^"”]{2,40})["”]/.exec(item);
    const phrase = (quoted?.[1] ?? item).trim().replace(/[.:]$/, "");
    const rest = quoted ? item.replace(quoted[0], " ") : item;
    if (CONDITIONAL.test(rest) || phrase.split(/\s+/).length > 5) return [];
    // A small word has other uses.
    if (wordsOf(phrase).size === 0 && !/^\p{Lu}{2,}$/u.test(phrase)) return [];
    if (!quoted && phrase.length < 5) return [];
    const words = phrase
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim()
      .split(" ")
      .join(String.raw`[\s-]+`);
    const free = /^(\p{L}{3,})-free$/u.exec(phrase)?.[1];
    // "Sugar-free" is also "no sugar", "without sugar".
    const same = free === undefined ? "" : String.raw`|(?<!\bnot )\b(?:no|without(?: any)?|zero|free of) ${free}\b`;
    const negated = String.raw`(?<!\b(?:not|no|never|less|isn't) )`;
    return [
      {
        phrase,
        passage,
        find: new RegExp(
          String.raw`${negated}(?<![\p{L}\p{N}])(?:${words})s?(?![\p{L}\p{N}])${same}`,
          /^\p{Lu}+$/u.test(phrase) ? "u" : "iu",
        ),
      },
    ];
  });
}

/** "Nothing can be ordered online", and below "you can order online". */
function doneAnyway(passages: readonly Passage[], weigh: Weigh): Found[] {
  const refused = passages.flatMap((passage) => {
    const match = CANNOT.exec(passage.said);
    const verb = match?.[2] ?? match?.[3];
    return verb === undefined || EMPTY.has(verb)
      ? []
      : [{ passage, verb: stem(verb), all: match?.[1] !== undefined, words: wordsOf(passage.said) }];
  });
  if (refused.length === 0) return [];
  const found: Found[] = [];
  for (const wrong of passages) {
    for (const match of wrong.said.matchAll(CAN)) {
      const verb = stem(match[1] ?? match[2] ?? "");
      const right = refused.find(
        (one) =>
          one.verb === verb &&
          one.passage.text.rank < wrong.text.rank &&
          (one.all || weigh(one.words, wordsOf(wrong.said)) >= 0.8),
      );
      if (right) found.push(clash("offer", match[0], wrong, right.passage, "A text above says that this cannot be done."));
    }
  }
  return found;
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
