/** What a person sees before a mail goes out: whom it reaches, what they read, and what stands against it. Made without a model. */

import { CLIPPED_BYTES, firstLines, hasAddress, hasUnsubscribe, type Law } from "./content.ts";
import { leftOutWords, type Decision } from "./guard.ts";

export type EmailPreview = {
  /** How many people it reaches, after those are left out who must be; null when nobody can say. */
  readonly recipients: number | null;
  readonly leftOut: { readonly suppressed: number; readonly capped: number; readonly unusable: number };
  readonly to: string | null;
  readonly kind: "marketing" | "service";
  readonly subject: string;
  readonly from: string;
  readonly senderDomain: string;
  readonly firstLines: string;
  readonly unsubscribe: boolean;
  readonly postalAddress: boolean;
  /** In words; sends go as soon as they are approved and it is no quiet hour. */
  readonly when: string;
  /** Why it may not be approved as it is, in a sentence; null when it may. */
  readonly blocked: string | null;
  readonly notes: readonly string[];
  readonly markdown: string;
};

export type Shown = {
  readonly to: string | null;
  readonly kind: "marketing" | "service";
  readonly subject: string;
  readonly from: string;
  readonly senderDomain: string;
  readonly body: string;
  readonly look: { readonly decision: Decision; readonly refusal: string | null } | null;
  /** Null for a single mail, whose way out is `unsubscribe`. */
  readonly law: Law | null;
  readonly unsubscribe: boolean | null;
  readonly postalAddress: string | null;
  readonly problem: string | null;
  readonly quietUntil: number | null;
  readonly zone: string;
};

export function previewOf(shown: Shown): EmailPreview {
  const { look, kind, subject, from, body, law, zone } = shown;
  const none: Decision = { allowed: [], suppressed: [], capped: [], unusable: [] };
  const decision = look?.decision ?? none;
  const unsubscribe = shown.unsubscribe ?? (law !== null && hasUnsubscribe(body, law));
  const postal = hasAddress(body, law ?? { postalAddress: shown.postalAddress, unsubscribe: /$^/, address: null });
  const when =
    shown.quietUntil === null
      ? "as soon as it is approved"
      : `after the quiet hours, from ${Temporal.Instant.fromEpochMilliseconds(shown.quietUntil).toZonedDateTimeISO(zone).toPlainDateTime().toString({ smallestUnit: "minute" })} (${zone})`;
  const notes = [
    kind === "service" ? "said to be a service mail: it may advertise nothing, and carries no way out" : "",
    Buffer.byteLength(body) > CLIPPED_BYTES ? "longer than 102 KB: Gmail hides the end, and the unsubscribe link with it" : "",
  ].filter((note) => note !== "");
  const preview = {
    recipients: look === null ? null : decision.allowed.length,
    leftOut: { suppressed: decision.suppressed.length, capped: decision.capped.length, unusable: decision.unusable.length },
    to: shown.to,
    kind,
    subject,
    from,
    senderDomain: shown.senderDomain,
    firstLines: firstLines(body),
    unsubscribe,
    postalAddress: postal,
    when,
    // Quiet hours are not among it: they pass by themselves.
    blocked: shown.problem ?? look?.refusal ?? null,
    notes,
  };
  return { ...preview, markdown: markdownOf(preview, decision) };
}

function markdownOf(preview: Omit<EmailPreview, "markdown">, decision: Decision): string {
  const people = preview.recipients === null ? "unknown" : `${preview.recipients}${leftOutWords(decision)}`;
  const yes = (there: boolean) => (there ? "yes" : "no");
  return [
    `**To** ${safe(preview.to ?? "unknown")}, people: ${people}`,
    `**From** ${safe(preview.from)} (${safe(preview.senderDomain)})`,
    `**Subject** ${safe(preview.subject)}`,
    `**When** ${preview.when}`,
    `**Kind** ${preview.kind}; unsubscribe link: ${yes(preview.unsubscribe)}; postal address: ${yes(preview.postalAddress)}`,
    ...preview.notes.map((note) => `**Note** ${note}`),
    ...(preview.blocked === null ? [] : [`**Blocked** ${safe(preview.blocked)}`]),
    "",
    ...preview.firstLines.split("\n").map((line) => `> ${safe(line)}`),
  ].join("\n");
}

/** One line in which nothing is markup: an agent wrote it. */
function safe(text: string): string {
  return text
    .replace(/[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+/g, " ")
    .replace(/[\\`*_[\]<>|#]/g, "\\$&")
    .trim();
}
