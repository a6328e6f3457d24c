/** The port of a mail vendor: the few things that every one of them can do, in neutral words. */

import type { Got } from "./wire.ts";

export type Audience = { readonly id: string; readonly name: string; readonly members: number | null };

export type CampaignMail = {
  /** For the team, not for readers. */
  readonly name: string;
  readonly audience: string;
  readonly subject: string;
  readonly preheader: string | null;
  /** With the vendor's own tags in it. */
  readonly html: string;
  readonly text: string | null;
};

/** `open`: not sent, and whether it is timed for later the vendor does not say. */
export type CampaignStatus = "draft" | "open" | "scheduled" | "sending" | "sent" | "stopped";

export type Campaign = {
  readonly id: string;
  readonly name: string;
  readonly audience: string | null;
  readonly subject: string;
  readonly from: string;
  readonly html: string;
  /** The plain text that somebody wrote beside it; empty where the vendor makes it by itself. */
  readonly text: string;
  readonly status: CampaignStatus;
  /** UTC ms. */
  readonly sentAt: number | null;
};

export type SingleMail = {
  readonly to: string;
  readonly subject: string;
  readonly html: string | null;
  readonly text: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** Who of a campaign's audience may be written to, and who not; spelt as the vendor spells them. */
export type Recipients = {
  readonly allowed: readonly string[];
  /** Never again. */
  readonly suppressed: readonly string[];
  /** Not now: they have had their mails of these days, or their address cannot be compared with the list. */
  readonly others: readonly string[];
};

/** What goes out: the campaign itself, or one made from it that leaves people out. */
export type Ready = { readonly id: string; readonly note: string | null };

/** `found`: it was sent. `absent`: everything since then was looked through and it is not there. `unclear`: too much to look through. */
export type Search = "found" | "absent" | "unclear";

export type Provider = {
  readonly vendor: string;
  /** What a reader follows to take himself off, as this vendor writes it. */
  readonly unsubscribeTag: string;
  /** Every form of it that the vendor documents. */
  readonly unsubscribeForms: RegExp;
  /** Tags that stand for the sender's postal address, where the vendor has some. */
  readonly addressForms: RegExp | null;

  audiences(signal: AbortSignal): Promise<Got<readonly Audience[]>>;
  /** The addresses that the vendor would write to, as it spells them; refused above `max`. */
  members(audience: string, max: number, signal: AbortSignal): Promise<Got<readonly string[]>>;
  draft(mail: CampaignMail, signal: AbortSignal): Promise<Got<{ readonly id: string }>>;
  campaign(id: string, signal: AbortSignal): Promise<Got<Campaign>>;
  /** Takes the suppressed and the others out, or refuses. Sends nothing. `key` marks what it makes. */
  prepare(campaign: Campaign, recipients: Recipients, key: string, signal: AbortSignal): Promise<Got<Ready>>;
  /** The one deed. Asked once. */
  send(id: string, signal: AbortSignal): Promise<Got<unknown>>;
  /** Whether a copy that `prepare` made under this key has gone out; null where it makes none. */
  copySent: ((key: string, signal: AbortSignal) => Promise<Got<boolean>>) | null;
  /** Figures by name; what the vendor does not give is not there. */
  report(id: string, signal: AbortSignal): Promise<Got<Readonly<Record<string, number | string>>>>;
  /** Single mails; null where the vendor has no such door for this key. */
  readonly single: {
    send(mail: SingleMail, key: string, signal: AbortSignal): Promise<Got<{ readonly id: string }>>;
    /** Looks for a mail by the mark that `send` gave it; null where nothing can be looked for. `since`: UTC ms. */
    find: ((key: string, mail: { to: string; since: number }, signal: AbortSignal) => Promise<Got<Search>>) | null;
  } | null;
};

export type ProviderOptions = {
  readonly from: { readonly name: string | null; readonly address: string };
  readonly replyTo: string | null;
};
