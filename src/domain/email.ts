/** Mail that is sent for a company: the `email` section of tools.yaml, and addresses in the one form in which they are compared. */

import { z } from "zod";
import { knownZone } from "./quiet-hours.ts";

/** The vendors whose API is spoken directly; whoever else sends mail is connected as an MCP server. */
const EMAIL_PROVIDERS = ["resend", "mailchimp", "customerio"] as const;
export type EmailProvider = (typeof EMAIL_PROVIDERS)[number];

/**
 * What holds where the file says nothing. Gmail counts a sender as bulk from about 5,000 mails in 24 hours to its users, for
 * ever (support.google.com/a/answer/14229414, read 2026-11): the day's cap stays far below, whoever wants more says so.
 */
export const EMAIL_CAPS = { perSend: 500, perDay: 1000, perRecipient: { count: 2, days: 7 } } as const;

const ADDRESS = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

/** The one spelling of a bare address (`Jo@Exämple.COM` is `jo@xn--exmple-cua.com`), or null for what is not one. */
export function normalAddress(text: string): string | null {
  const typed = text.trim().normalize("NFC").toLowerCase();
  const at = typed.lastIndexOf("@");
  const [local, domain] = [typed.slice(0, at), normalDomain(typed.slice(at + 1))];
  // RFC 5321, 4.5.3.1: 64 octets before the @, 254 in all. Quoted local parts and letters beyond ASCII are refused: no vendor takes them.
  if (at < 1 || domain === null || local.length > 64 || !ADDRESS.test(local)) return null;
  const address = `${local}@${domain}`;
  return address.length > 254 ? null : address;
}

/** A domain in its ASCII form, or null. */
export function normalDomain(text: string): string | null {
  const name = text.trim().toLowerCase();
  if (name === "" || /[\s/:?#@\\[\]%]/.test(name) || !name.includes(".") || !URL.canParse(`http://${name}/`)) return null;
  const { hostname } = new URL(`http://${name}/`);
  const labels = hostname.split(".");
  const fine = labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  return fine && !/^\d+$/.test(labels.at(-1) ?? "") ? hostname : null;
}

/** `Acme <news@acme.com>` or the address alone; null for anything else. */
export function parseSender(text: string): { readonly name: string | null; readonly address: string } | null {
  const found = /^\s*(?:"?([^"<>\r\n]*?)"?\s*<([^<>]+)>|([^<>\s]+))\s*$/.exec(text);
  const address = normalAddress(found?.[2] ?? found?.[3] ?? "");
  if (address === null) return null;
  const name = found?.[1]?.trim() ?? "";
  return { name: name === "" ? null : name, address };
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

// Not as a pattern: the message of a pattern repeats the value, which may be a secret that somebody wrote into the file.
const secretName = z
  .string()
  .refine((text) => /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text), 'write the name of an environment variable: "${NAME}"');
const time = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "write a time as HH:MM in quotes");
const sender = z.string().refine((text) => parseSender(text) !== null, "write an address, or Name <address>");
const people = z.number().int().min(1).max(1_000_000);

/** `email:` of tools.yaml. Strict: a misspelt cap must not be a missing one. */
export const emailSection = z.strictObject({
  enabled: z.boolean().default(true),
  provider: z.enum(EMAIL_PROVIDERS),
  key: secretName,
  /** Customer.io keeps accounts in two places; the others need none. */
  region: z.enum(["us", "eu"]).default("us"),
  from: sender,
  replyTo: sender.optional(),
  /** Stands in every marketing mail; without it none is sent. */
  postalAddress: z
    .string()
    .trim()
    .max(300)
    .refine((text) => text.replace(/[^\p{L}\p{N}]/gu, "").length >= 10, "write a whole postal address")
    .optional(),
  /** Where somebody who got a single marketing mail takes himself off: https://…, {email} is filled in; or mailto:. */
  unsubscribe: z
    .string()
    .refine(
      (text) => /^mailto:[^\s?]+@[^\s?]+(?:\?\S*)?$/.test(text) || (text.startsWith("https://") && URL.canParse(text)),
      "write https://… or mailto:…",
    )
    .optional(),
  caps: z
    .strictObject({
      /** People one send may reach. */
      perSend: people.default(EMAIL_CAPS.perSend),
      /** People all sends of 24 hours may reach. */
      perDay: people.default(EMAIL_CAPS.perDay),
      /** So many mails in so many days, whichever campaign they belong to. */
      perRecipient: z
        .strictObject({ count: z.number().int().min(1).max(100), days: z.number().int().min(1).max(365) })
        .default(EMAIL_CAPS.perRecipient),
    })
    .prefault({}),
  quietHours: z
    .strictObject({
      from: time,
      to: time,
      zone: z.string().refine(knownZone, "not a time zone: write an IANA name, such as Europe/Berlin"),
    })
    .refine(({ from, to }) => from !== to, "quiet hours that begin and end at the same time")
    .optional(),
});
export type EmailSection = z.infer<typeof emailSection>;
