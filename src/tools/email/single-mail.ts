/** One mail to one person: as it leaves, and why it may not. */

import { normalAddress } from "../../domain/email.ts";
import type { EmailArgs } from "./catalogue.ts";
import { fillTags, lawProblem, subjectProblem, type Law } from "./content.ts";
import type { SingleMail } from "./provider.ts";
import type { EmailSettings } from "./vendors.ts";

type Args = EmailArgs<"transactional_send">;

/** The mail with its tags filled in, and in a sentence why it may not leave, or null. */
export function composeSingle(
  args: Args,
  settings: Pick<EmailSettings, "unsubscribe" | "postalAddress">,
): { readonly mail: SingleMail; readonly problem: string | null } {
  const to = normalAddress(args.to);
  const postalAddress = settings.postalAddress ?? null;
  const link = settings.unsubscribe?.replaceAll("{email}", encodeURIComponent(to ?? "")) ?? null;
  const fill = (text: string | undefined, html: boolean) =>
    text === undefined ? null : fillTags(text, { unsubscribe: link, postalAddress, html });
  const mail: SingleMail = {
    to: to ?? args.to,
    subject: args.subject,
    html: fill(args.html, true),
    text: fill(args.text, false),
    headers: args.kind === "marketing" && link !== null ? headersOf(link) : {},
  };
  if (to === null) return { mail, problem: `"${args.to.slice(0, 80)}" is not one bare address` };
  return {
    mail,
    problem: subjectProblem(args.subject, args.kind === "marketing") ?? marketingProblem(args.kind, mail, link, postalAddress),
  };
}

function marketingProblem(kind: Args["kind"], { html, text }: SingleMail, link: string | null, postalAddress: string | null) {
  if (kind === "service") return null;
  if (link === null) return "a marketing mail needs a way out: set email › unsubscribe in tools.yaml";
  const law: Law = { postalAddress, unsubscribe: new RegExp(literally(link), "i"), address: null };
  // A reader sees one of the two: each by itself must hold both.
  for (const part of [html, text]) {
    const problem = part === null ? null : lawProblem(part, law);
    if (problem !== null) return problem;
  }
  return null;
}

/** RFC 8058: one click works for https alone; a mailto: stands by itself (RFC 2369). */
function headersOf(link: string): Record<string, string> {
  const oneClick: Record<string, string> = link.startsWith("https://")
    ? { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }
    : {};
  return { "List-Unsubscribe": `<${link}>`, ...oneClick };
}

/** In HTML an address may stand with its ampersands escaped. */
function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("&", "&(?:amp;)?");
}
