/** Words as they are compared: without endings, and general English words of offers under one name for one meaning. */

const STOP = new Set(
  (
    "the and for with from that this these those than then them they their there here when what which who whom whose why how " +
    "you your yours our ours we us its it is are was were be been being has have had having do does did done will would shall should can could may might must " +
    "not nor but yet also too very just only even still ever never all any both each few more most much many other others some such own same so " +
    "into onto out over under off per via about above across after against before below between during through within without until till upon toward " +
    "one two three four five six seven eight nine ten eleven twelve get gets got getting go goes going come comes make makes made take takes took let lets put set " +
    "fact value item remark note row text body title true yes none a an as at by if in no of on or to up i me my he she his her him let's it's " +
    "minute minutes hour hours day days week weeks month months year years daily weekly monthly yearly " +
    "usd eur gbp chf january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec " +
    "monday tuesday wednesday thursday friday saturday sunday hi dear like well way thing things now today"
  ).split(" "),
);

/** Words of one meaning in offers. The first is the name that stands for all. */
const SAME: readonly string[] = [
  "book enrol enroll register registration enrolment enrollment reserve reservation sign-up signup apply application",
  "seat place spot",
  "buyer customer client",
  "subscriber subscription",
  "refund refunded reimburse",
  "launch release",
  "course programme program cohort",
  "fell fall falls drop dropped drops decrease decreased reduced shrank",
  "rose rise rises grew grow grows increase increased climbed",
  "cost costs price priced prices pay pays paid charge charged charges",
  "repo repository repositories",
  "wait waiting waits waited",
  "delivery deliver delivered ship ships shipping shipped dispatch postage",
  "photo picture image",
  "coach therapist practitioner",
  "business company companies firm organisation organization",
  "webinar webcast",
  "rating ratings review reviews",
  "developer engineer programmer",
  "demo call consultation appointment meeting",
  "freelancer self-employed solo alone",
];
const CONCEPT = new Map<string, string>();
for (const group of SAME) {
  const [name = "", ...rest] = group.split(" ");
  for (const word of [name, ...rest]) CONCEPT.set(stem(word), stem(name));
}

/** Cut so that the forms of one word fall together; crude, and enough to see that two passages speak of the same thing. */
export function stem(word: string): string {
  let it = word.toLowerCase().replace(/['’]s$/, "");
  if (it.length > 4)
    it = it
      .replace(/(?:ies|ied)$/, "y")
      .replace(/(?:sses)$/, "ss")
      .replace(/(?<![su])s$/, "");
  if (it.length > 5) it = it.replace(/(?:ing|ed|er|ly)$/, "").replace(/(.)\1$/, "$1");
  return it.replace(/e$/, "").slice(0, 7);
}

/** Words read lately: campaigns use the same ones again and again. */
const lately = new Map<string, readonly string[]>();
const LATELY = 20_000;

/** The content words of a text as stems, each once. */
export function wordsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const [word] of text.matchAll(/\p{L}[\p{L}\p{M}'’-]*/gu)) {
    let stems = lately.get(word);
    if (stems === undefined) {
      stems = stemsOf(word.toLowerCase());
      if (lately.size >= LATELY) lately.clear();
      lately.set(word, stems);
    }
    for (const one of stems) found.add(one);
  }
  return found;
}

/** Nothing for small words; of "self-hosted" also its longer parts. */
function stemsOf(word: string): string[] {
  if (word.length < 3 || STOP.has(word)) return [];
  const parts = word.includes("-") ? word.split("-").filter((part) => part.length > 3 && !STOP.has(part)) : [];
  return [word, ...parts].map((one) => {
    const cut = stem(one);
    return CONCEPT.get(cut) ?? cut;
  });
}
