/** What a mail must hold before it may leave: the neutral tags, the checks of the law, the first lines that a person is shown. */

import { hashOf } from "../../domain/deliverable.ts";
import type { Campaign } from "./provider.ts";

/** What agents write, whoever the vendor is. */
export const UNSUBSCRIBE_TAG = "{{unsubscribe_url}}";
export const ADDRESS_TAG = "{{postal_address}}";

/** Gmail hides what comes behind about 102 KB, the unsubscribe link too. */
export const CLIPPED_BYTES = 102 * 1024;
/** Customer.io takes 1 MB in a request, and nobody reads half of that. */
export const MAX_BODY_CHARS = 500_000;
const SUBJECT_CHARS = 200;

export type Law = {
  readonly postalAddress: string | null;
  readonly unsubscribe: RegExp;
  /** The vendor's own tag for the postal address. */
  readonly address: RegExp | null;
};

/** The vendor's tags in the place of the neutral ones. In HTML the address is escaped. */
export function fillTags(
  text: string,
  { unsubscribe, postalAddress, html }: { unsubscribe: string | null; postalAddress: string | null; html: boolean },
): string {
  const address = postalAddress === null ? null : html ? escapeHtml(postalAddress) : postalAddress;
  const filled = unsubscribe === null ? text : text.replaceAll(/\{\{\s*unsubscribe_url\s*\}\}/g, () => unsubscribe);
  return address === null ? filled : filled.replaceAll(/\{\{\s*postal_address\s*\}\}/g, () => address);
}

/** What is wrong with a subject, or null. A reply that is none deceives (CAN-SPAM, 15 U.S.C. 7704(a)(2)). */
export function subjectProblem(subject: string, marketing: boolean): string | null {
  if (subject.trim() === "") return "the subject is empty";
  if (subject.length > SUBJECT_CHARS) return `the subject has ${subject.length} characters, the limit is ${SUBJECT_CHARS}`;
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(subject)) return "the subject holds a line break or a control character";
  if (marketing && /^\s*(?:re|fwd?|aw|wg)\s*:/i.test(subject))
    return `the subject says that it answers or forwards something ("${subject.slice(0, 20)}")`;
  return null;
}

/**
 * Why this marketing mail may not leave, or null. Asked everywhere: CAN-SPAM wants both in every commercial mail, business or
 * not (15 U.S.C. 7704(a)(3) and (5)); CASL s. 6(2), GDPR Art. 21 and ePrivacy Art. 13(2) want the way out as well.
 */
export function lawProblem(body: string, law: Law): string | null {
  if (law.postalAddress === null)
    return "a marketing mail must carry the sender's postal address: set email › postalAddress in tools.yaml";
  if (!hasUnsubscribe(body, law)) return `a marketing mail needs a way out: put ${UNSUBSCRIBE_TAG} into it as a link`;
  if (!hasAddress(body, law)) return `the postal address is missing: put ${ADDRESS_TAG} into it`;
  return null;
}

/** Outside comments: what nobody sees is not there. */
export function hasUnsubscribe(body: string, law: Law): boolean {
  return law.unsubscribe.test(withoutComments(body));
}

export function hasAddress(body: string, law: Law): boolean {
  const seen = withoutComments(body);
  if (law.address?.test(seen)) return true;
  return law.postalAddress !== null && letters(plainText(seen)).includes(letters(law.postalAddress));
}

/** The text of a mail without its markup. */
export function plainText(html: string): string {
  return withoutComments(html)
    .replace(/<(style|script|head|title)\b[\s\S]*?<\/\1\s*>/gi, " ")
    .replace(/<(?:br|\/p|\/div|\/h[1-6]|\/li|\/tr|\/td)\b[^>]*>/gi, "\n")
    .replace(/<[^>]*>/g, "")
    .replace(/&(nbsp|amp|lt|gt|quot|#39|#x27|apos);/g, (_, name: string) => ENTITIES[name] ?? " ")
    .split("\n")
    .map((line) => line.replace(/[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/g, " ").trim())
    .filter((line) => line !== "")
    .join("\n");
}

/** The beginning, as a reader sees it. */
export function firstLines(body: string, lines = 6, chars = 600): string {
  const text = plainText(body).split("\n").slice(0, lines).join("\n");
  return text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
}

/** Stands for exactly this campaign: what was approved is what is sent, or nothing is. */
export function fingerprint({ audience, subject, from, html, text }: Campaign): string {
  return hashOf(JSON.stringify([audience, subject, from, html, text])).slice(0, 16);
}

const ENTITIES: Readonly<Record<string, string>> = {
  nbsp: " ",
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
  "#x27": "'",
  apos: "'",
};

function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function withoutComments(html: string): string {
  return html.replace(/<!--[\s\S]*?(?:-->|$)/g, " ");
}

/** For comparing: commas and line breaks stand elsewhere in every layout. */
function letters(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
}
