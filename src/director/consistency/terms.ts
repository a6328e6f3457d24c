/** Terms that exclude each other: pairs of statements of which only one can hold, in general English of offers. */

import type { Weigh } from "./weigh.ts";
import type { Passage } from "./passages.ts";
import type { Found } from "./text.ts";
import { wordsOf } from "./words.ts";

/** Both sides must be about `topic`; a side is told by words that the other does not use. */
type Opposites = {
  readonly subject: string;
  readonly topic: RegExp;
  readonly one: RegExp;
  readonly other: RegExp;
  readonly not?: RegExp;
};

const SPAN = String.raw`(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|thirty|sixty|ninety) (?:days?|weeks?|months?|years?)`;
const OPPOSITES: readonly Opposites[] = [
  {
    subject: "how long it is free",
    topic: /\bfree\b|\bnothing\b|[$€£]0\b/i,
    one: /\b(?:without (?:an? )?(?:end|time limit|end date)|no (?:end|time limit|end date|expiry)|for ?ever|always|never (?:ends|expires)|for (?:as|so) long as|for good|no date at which|stays? free)\b/i,
    other: new RegExp(
      String.raw`\b(?:first|next) ${SPAN}|\bfree (?:for|during) (?:the |their |your )?${SPAN}|\blimited time\b`,
      "i",
    ),
    not: /\btrial\b|\btry\b|\btried\b/i,
  },
  {
    subject: "whether there is a limit",
    topic: /\b(?:free|nothing|no (?:cost|limit)|limit|unlimited|as many)\b/i,
    one: /\b(?:unlimited|without (?:a |any )?limit|no limits?|as many \p{L}+ as)\b/iu,
    other:
      /\b(?:(?:for|only) the first (?:\d|a |ten|hundred)|beyond that you|(?:is|are) (?:limited|capped)|after that you (?:pay|need))/i,
  },
  {
    subject: "who gets it",
    topic: /\b(?:offers?|price|prices|reduced|discount|deal|year|code|off)\b/i,
    one: /\b(?:new (?:customers|buyers|accounts|members|users|people|subscribers|clients|patients)(?: only)?|only (?:for )?(?:new|people who|those who|first)|never (?:had|paid|bought|booked|used|ordered|subscribed)|(?:without|no) (?:a |any )?(?:paid plan|earlier order)|first (?:order|booking|purchase)s? only|not for (?:existing|current)|already (?:get|have) no)\b/i,
    other:
      /\b(?:for (?:everybody|everyone|anybody|anyone|all (?:our )?(?:customers|users|members|accounts|readers))|also if you (?:are|have)|even if you (?:are|have) already|existing (?:customers|members|users|accounts) (?:too|as well)|new and existing|whether or not you|no matter (?:if|whether|when))\b/i,
  },
  {
    subject: "whether a card is needed",
    topic: /\bcard\b/i,
    one: /\b(?:no|without(?: a| any)?|not? (?:ask|need)\w*(?: \w+){0,3}) (?:credit |bank )?card\b|\bcard is (?:not )?(?:never )?(?:asked|needed|required)\b(?<=no (?:credit )?card is (?:asked|needed|required))|\bnor a card\b/i,
    other:
      /\b(?:enter|add|with|need|requires?|have) (?:your|a) (?:credit |bank )?card\b|\bcard (?:is )?(?:needed|required)\b(?<!no (?:credit )?card (?:is )?(?:needed|required))|\bcard on file\b/i,
  },
  {
    subject: "how long one is bound",
    topic: /\b(?:contract|cancel\w*|commitment|term|leave|bound|minimum)\b/i,
    one: /\b(?:cancel (?:at )?any ?time|no (?:minimum|contract|commitment|lock-in|fixed term)|without (?:a )?(?:contract|commitment|minimum)|month[- ]to[- ]month)\b/i,
    other: new RegExp(
      String.raw`\b(?:\w+-(?:month|year)|${SPAN}) (?:contract|commitment|minimum|term)\b|\bminimum (?:term|of ${SPAN})\b|\bannual contract\b`,
      "i",
    ),
  },
  {
    subject: "whether offers add up",
    topic: /\b(?:combin\w+|together|on top|add up|stack\w*|both)\b/i,
    one: /\b(?:cannot be combined|can't be combined|not (?:be )?combined|exclude (?:one another|each other)|not (?:together )?with other|do not add up|not together|one or the other)\b/i,
    other: /\b(?:can be combined|combine (?:it|them|both|this)|on top of|adds? up|stacks?|both together|together with the)\b/i,
  },
  {
    subject: "whether money comes back",
    topic: /\b(?:refund\w*|money|price|paid|return\w*|back)\b/i,
    one: /\b(?:full(?:y)? refund(?:ed)?|refunded in full|in full|whole (?:price|amount)|all of it back|every (?:cent|penny|euro)|money[- ]back)\b/i,
    other:
      /\b(?:no refunds?|non-?refundable|not (?:be )?refund(?:ed|able)|half (?:of )?(?:the|your) (?:price|money)|partial(?:ly)? refund|store credit|vouchers? (?:instead|for)|refunds? (?:are|is) not)\b/i,
  },
  {
    subject: "who pays for delivery",
    topic: /\b(?:shipping|delivery|deliver|returns?|postage|courier)\b/i,
    one: /\b(?:free (?:shipping|delivery|returns?|postage)|(?:shipping|delivery|returns?|postage) (?:is|are) (?:free|included|on us)|no (?:shipping|delivery) (?:cost|fee|charge))/i,
    other:
      /\b(?:(?:shipping|delivery|postage|returns?) (?:is|are|costs?) (?:extra|charged|not (?:included|free))|plus (?:shipping|postage|delivery)|you pay (?:for )?(?:the )?(?:shipping|delivery|returns?|postage))\b/i,
  },
  {
    subject: "whether it is included",
    topic: /\b(?:includ\w+|extra|add-on|separately|comes with)\b/i,
    one: /\b(?:included (?:in|with)|is included|at no extra (?:cost|charge)|comes with)\b/i,
    other: /\b(?:not included|is (?:an )?(?:extra|add-on)|costs extra|sold separately|charged separately)\b/i,
  },
];
/** Words that both must share, as a measure of their rareness; an offer without further words is enough for what `topic` names. */
const ENOUGH = 0.55;

export function termClashes(passages: readonly Passage[], weigh: Weigh): Found[] {
  const found: Found[] = [];
  const words = new Map<Passage, Set<string>>();
  const said = (passage: Passage) => {
    const known = words.get(passage) ?? wordsOf(`${passage.said} ${passage.labels.join(" ")}`);
    words.set(passage, known);
    return known;
  };
  for (const { subject, topic, one, other, not } of OPPOSITES) {
    const about = passages.filter(
      (passage) => !/^compet|persona/i.test(passage.section) && topic.test(passage.said) && !not?.test(passage.said),
    );
    const ones = about.filter((passage) => one.test(passage.said) && !other.test(passage.said));
    const others = about.filter((passage) => other.test(passage.said) && !one.test(passage.said));
    for (const [mine, theirs] of [
      [ones, others],
      [others, ones],
    ] as const) {
      for (const wrong of mine) {
        const near = theirs
          .filter(({ text }) => text.rank < wrong.text.rank)
          .map((right) => ({ right, weight: weigh(said(wrong), said(right)) }))
          .sort((a, b) => b.weight - a.weight)[0];
        // Who has a text above beside it that says the same is not alone.
        const backed = mine.some(
          (same) => same.text.rank < wrong.text.rank && weigh(said(wrong), said(same)) >= (near?.weight ?? 0),
        );
        if (!near || near.weight < ENOUGH || backed) continue;
        found.push({
          kind: "offer",
          subject,
          wrong: { name: wrong.text.name, quote: wrong.quote },
          right: { name: near.right.text.name, quote: near.right.quote },
          note: "Only one of the two can hold.",
        });
      }
    }
  }
  return found;
}
