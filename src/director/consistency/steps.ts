/** The one next step of a campaign: buttons and links that ask for another one than the texts above agree on. */

import type { Passage } from "./passages.ts";
import type { Found } from "./text.ts";
import { wordsOf } from "./words.ts";

const FIELD = /^(?:primary |main )?(?:buttons?|cta|call[- ]to[- ]action|link|button text|on the button)(?: [A-Z0-9]+)?$/i;
const STEP_LABEL = /^(?:(?:primary|main|one) )?(?:cta|call[- ]to[- ]action|next step|button|action)$/i;
const STEP_SAID =
  /\b(?:one|same|only|main|primary|single) (?:next )?(?:step|button|action|call[- ]to[- ]action|cta)\b(?: is|:|,| reads| says)?(?: always)? ["“]?(\p{Lu}[^.;"”]{4,60})/u;
const LABELLED = /^(?:call[- ]to[- ]action|cta|button)(?: everywhere| in all texts)?: ["“]?(\p{Lu}[^.;"”]{3,60})/iu;
/** "… except the webinar invitation", "the post about the free plan is the exception": what may ask for something else. */
/** "… except the webinar invitation", "the post about the free plan is the exception": what may ask for something else. */
const EXCEPTION =
  /\b(?:except(?: for| in)?|besides|apart from|other than|unless) ([^.;,]{3,60})|([^.;,]{3,60}) (?:(?:is|are) the exceptions?|(?:has|have) (?:its|their) own)\b/i;
const REFUSED = /\b(?:no (?:asset|text|mail|page|post|ad)s?|never|nothing) (?:asks? for|offers?|says?) (?:an? )?([^.;,]{3,40})/i;
const SERVICE = /\b(?:service|receipts?|reminder|transactional|confirmation|invoice|settings|account mail|legal)\b/i;
const REMARK = /\b(?:variant|test|on purpose|exception|alternative|secondary|second button|smaller)\b/i;
const ASIDE = /alternative|\btests?\b|test plan|experiment|measure|tracking|reply|risks?\b/i;

type Declared = {
  readonly step: string;
  readonly others: readonly string[];
  /** Words of what may ask for something else, and of what nothing may ask for. */
  readonly exception: ReadonlySet<string>;
  readonly refused: ReadonlySet<string>;
  readonly passage: Passage;
};

export function stepClashes(passages: readonly Passage[]): Found[] {
  const declared = declarationOf(passages);
  if (!declared) return [];
  const allowed = [declared.step, ...declared.others];
  const labels = new Set(
    passages
      .filter(({ said, field }) => field !== "" && allowed.some((step) => step.toLowerCase() === bare(said).toLowerCase()))
      .map(({ field }) => field),
  );
  const found: Found[] = [];
  for (const wrong of passages) {
    if (wrong.text.rank <= declared.passage.text.rank || !(FIELD.test(wrong.field) || labels.has(wrong.field))) continue;
    if (ASIDE.test(wrong.section) || ASIDE.test(wrong.block)) continue;
    const asked = bare(wrong.said);
    if (
      !isStep(asked) ||
      REMARK.test(wrong.quote) ||
      allowed.some((step) => same(step, asked)) ||
      within(asked, declared.passage.quote)
    )
      continue;
    const block = passages.filter(
      (other) => other.text === wrong.text && other.section === wrong.section && other.block === wrong.block,
    );
    const around = `${wrong.block} ${block.map(({ said }) => said).join(" ")}`;
    // A mail that only informs, and what the declaration itself leaves out.
    if (SERVICE.test(around) || (!meets(declared.refused, asked) && meets(declared.exception, around))) continue;
    // A second button beside the first, or one that a text above has, too.
    if (block.some((other) => other !== wrong && allowed.some((step) => same(step, other.said)))) continue;
    const above = passages.some(
      (other) => other.text.rank < wrong.text.rank && FIELD.test(other.field) && same(asked, other.said),
    );
    if (above) continue;
    found.push({
      kind: "cta",
      subject: declared.step,
      wrong: { name: wrong.text.name, quote: wrong.quote },
      right: { name: declared.passage.text.name, quote: declared.passage.quote },
      note: `The step that the campaign asks for is "${declared.step}".`,
    });
  }
  return found;
}

/** The first text that says what the one step is; else the button that a text repeats. */
function declarationOf(passages: readonly Passage[]): Declared | null {
  for (const [i, passage] of passages.entries()) {
    const { said, labels, cell } = passage;
    const label = cell ? (labels[0] ?? "") : "";
    const step =
      (STEP_LABEL.test(label) && labels.length <= 2 ? said : (STEP_SAID.exec(said)?.[1] ?? LABELLED.exec(said)?.[1] ?? "")).split(
        /[.;]|, (?=\p{Ll})/u,
      )[0] ?? "";
    if (!isStep(bare(step))) continue;
    const more = passages
      .slice(i + 1, i + 3)
      .filter((other) => other.quote === passage.quote || (!cell && !other.cell && other.section === passage.section));
    const rest = [said, ...more.map((other) => other.said)].join(" ");
    const others = [...rest.matchAll(/["“]([^"”]{4,60})["”]/g)].map((match) => match[1] ?? "");
    const except = EXCEPTION.exec(rest);
    const exception = wordsOf(except?.[1] ?? except?.[2] ?? "");
    const refused = wordsOf(REFUSED.exec(rest)?.[1] ?? "");
    return { step: bare(step), others, exception, refused, passage };
  }
  const repeated = Map.groupBy(
    passages.filter(({ field, said }) => FIELD.test(field) && isStep(bare(said))),
    ({ said, text }) => `${text.rank} ${bare(said).toLowerCase()}`,
  );
  for (const uses of repeated.values()) {
    const [first] = uses;
    if (first && uses.length > 1)
      return { step: bare(first.said), others: [], exception: new Set(), refused: new Set(), passage: first };
  }
  return null;
}

function bare(said: string): string {
  return said
    .replace(/\([^)]*\)/g, " ")
    .replace(/["“”*_[\]]/g, "")
    .trim();
}

/** Two to eight words that begin with a capital letter, and no address. */
function isStep(said: string): boolean {
  const words = said.split(/\s+/);
  return /^\p{Lu}/u.test(said) && words.length >= 2 && words.length <= 8 && !/[/@{}]|https?:|[.!?] /.test(said);
}

/** One says nothing that the other does not. */
function same(a: string, b: string): boolean {
  const [mine, theirs] = [wordsOf(bare(a)), wordsOf(bare(b))];
  if (mine.size === 0 || theirs.size === 0) return bare(a).toLowerCase() === bare(b).toLowerCase();
  return [...mine].every((word) => theirs.has(word)) || [...theirs].every((word) => mine.has(word));
}

/** "Invite" speaks of the invitation. */
function meets(words: ReadonlySet<string>, text: string): boolean {
  const others = [...wordsOf(text)].map((word) => word.slice(0, 5));
  return [...words].some((word) => others.includes(word.slice(0, 5)));
}

/** The declaration itself names the step, if not as the first one. */
function within(asked: string, quote: string): boolean {
  const words = wordsOf(quote);
  return [...wordsOf(asked)].every((word) => words.has(word));
}
