/** The product context as a text: its twelve sections in their order, with what is known in each. */

import { CONTEXT_SECTIONS } from "../../domain/product-context.ts";

export type SectionName = (typeof CONTEXT_SECTIONS)[number][0];

const NOT_KNOWN = "Not known yet.";
const REHEARSAL = "> Rehearsal: no model wrote this. Sentences of the source were only sorted. Make a real one before real work.";

/** The document's body. Sections without a text hold "Not known yet."; headings inside a text become small ones. */
export function contextBody(sections: ReadonlyMap<string, string>, options: { rehearsal: boolean }): string {
  const blocks = CONTEXT_SECTIONS.map(([name]) => {
    // A heading of our own rank inside a text would end its section.
    const text = (sections.get(name) ?? "").trim().replace(/^#{1,2}(?=\s)/gm, "###");
    return `## ${name}\n\n${text === "" ? NOT_KNOWN : text}`;
  });
  return [...(options.rehearsal ? [REHEARSAL] : []), "# Product context", ...blocks].join("\n\n");
}

export function isRehearsal(body: string): boolean {
  return body.startsWith(REHEARSAL);
}
