/** The product context: one Markdown document of twelve sections that every agent reads. */

export const CONTEXT_SECTIONS = [
  ["Overview", "What the product is, for whom, and what it does for them, in a few sentences."],
  ["Audience", "Who buys and who uses it: segments, company size, market, awareness."],
  ["Personas", "Two to four people: role, what they want, what they fear, who decides."],
  ["Pains", "The problems people have before they come, in their order of weight."],
  ["Competition", "What people use instead, direct and indirect, and doing nothing."],
  ["Differentiation", "What it does better or differently, and why that can be believed."],
  ["Objections", "What makes people hesitate, and the honest answer to each."],
  ["Switching dynamics", "What pushes people away from the old way, pulls them here, worries and habits that hold them."],
  ["Customer language", "Words customers use, verbatim; words to avoid."],
  ["Brand voice", "How the product speaks: tone, examples, what it never says."],
  ["Proof points", "Numbers, customers, quotes, awards that may be used, each with its source."],
  ["Goals", "What the business wants now: the metric, where it stands, the target, by when."],
] as const;

export type ProductContext = {
  readonly version: number;
  readonly body: string;
  readonly hash: string;
  readonly createdAt: number;
};

/** Sections (by name, lower case) of a document that have text of their own under their heading. */
export function filledSections(body: string): { filled: string[]; empty: string[] } {
  const found = new Map<string, string>();
  const pieces = body.split(/^##[ \t]+(.*)$/m);
  for (let i = 1; i < pieces.length; i += 2) {
    const name = (pieces[i] ?? "")
      .replace(/[*_`]/g, "")
      .trim()
      .replace(/^\d+[.)]\s*/, "")
      .replace(/:$/, "")
      .toLowerCase();
    found.set(name, (pieces[i + 1] ?? "").trim());
  }
  const filled: string[] = [];
  const empty: string[] = [];
  for (const [name] of CONTEXT_SECTIONS) {
    const text = found.get(name.toLowerCase());
    (text && !/^(?:\(?(?:unknown|not known yet|to be filled in|none)\)?\.?)$/i.test(text) ? filled : empty).push(name);
  }
  return { filled, empty };
}
