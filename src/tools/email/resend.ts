/**
 * Resend. Sources: github.com/resend/resend-openapi (resend.yaml 1.5.0), resend-node (src/broadcasts/interfaces/broadcast.ts,
 * src/emails/interfaces), resend.com/docs/api-reference (errors, segments, idempotency keys), all read 2026-11-21.
 */

import { z } from "zod";
import { normalAddress } from "../../domain/email.ts";
import type { CampaignStatus, Provider, ProviderOptions } from "./provider.ts";
import { got, refused, type Got, type Wire } from "./wire.ts";

export const RESEND_URL = "https://api.resend.com";

// Default 20, at most 100 (docs/api-reference/segments/list-segment-contacts).
const PAGE = 100;
// Newest first; five pages of mails are looked through for a lost one.
const SEARCH_PAGES = 5;

const id = z.object({ id: z.string() });
const segments = z.object({ has_more: z.boolean(), data: z.array(z.object({ id: z.string(), name: z.string() })) });
const contacts = z.object({
  has_more: z.boolean(),
  data: z.array(z.object({ id: z.string(), email: z.string(), unsubscribed: z.boolean() })),
});
const broadcast = z.object({
  id: z.string(),
  name: z.string().nullish(),
  // Audiences became segments; old broadcasts still say audience.
  segment_id: z.string().nullish(),
  audience_id: z.string().nullish(),
  from: z.string().nullable(),
  subject: z.string().nullable(),
  status: z.string(),
  sent_at: z.string().nullish(),
  scheduled_at: z.string().nullish(),
  html: z.string().nullish(),
  text: z.string().nullish(),
});
const emails = z.object({
  has_more: z.boolean(),
  data: z.array(z.object({ id: z.string(), to: z.array(z.string()), created_at: z.string() })),
});
const email = z.object({ tags: z.array(z.object({ name: z.string(), value: z.string() })).nullish() });

/** `{"statusCode":422,"name":"validation_error","message":"…"}` */
export function resendProblem(body: unknown): string | null {
  const found = z.object({ name: z.string(), message: z.string() }).safeParse(body);
  return found.success ? `${found.data.name}: ${found.data.message}` : null;
}

export function createResend(wire: Wire, { from, replyTo }: ProviderOptions): Provider {
  const sender = from.name === null ? from.address : `${from.name} <${from.address}>`;
  const segment = (at: string) => encodeURIComponent(at);

  /** Page after page; `each` says whether to go on. */
  async function pages<T extends { id: string }>(
    path: string,
    answer: z.ZodType<{ has_more: boolean; data: T[] }>,
    signal: AbortSignal,
    each: (rows: readonly T[]) => boolean,
  ): Promise<Got<null>> {
    for (let after: string | null = null; ;) {
      const query: string = `?limit=${PAGE}${after === null ? "" : `&after=${encodeURIComponent(after)}`}`;
      const page: Got<{ has_more: boolean; data: T[] }> = await wire({ method: "GET", path: path + query, answer }, signal);
      if (!page.ok) return page;
      const last = page.value.data.at(-1)?.id;
      if (!each(page.value.data) || !page.value.has_more || last === undefined) return got(null);
      after = last;
    }
  }

  return {
    vendor: "Resend",
    unsubscribeTag: "{{{RESEND_UNSUBSCRIBE_URL}}}",
    unsubscribeForms: /\{\{\{\s*RESEND_UNSUBSCRIBE_URL\s*\}\}\}/,
    addressForms: null,

    async audiences(signal) {
      const found: { id: string; name: string; members: null }[] = [];
      // How many there are in a segment only its contacts tell.
      const read = await pages("/segments", segments, signal, (rows) => {
        found.push(...rows.map((row) => ({ id: row.id, name: row.name, members: null })));
        return true;
      });
      return read.ok ? got(found) : read;
    },

    async members(audience, max, signal) {
      const found: string[] = [];
      const read = await pages(`/segments/${segment(audience)}/contacts`, contacts, signal, (rows) => {
        for (const row of rows) if (!row.unsubscribed) found.push(row.email);
        return found.length <= max;
      });
      if (!read.ok) return read;
      return found.length > max ? refused(`the audience has more than ${max} people`) : got(found);
    },

    draft: (mail, signal) =>
      wire(
        {
          method: "POST",
          path: "/broadcasts",
          body: {
            name: mail.name,
            segment_id: mail.audience,
            from: sender,
            subject: mail.subject,
            html: mail.html,
            ...(mail.text === null ? {} : { text: mail.text }),
            ...(mail.preheader === null ? {} : { preview_text: mail.preheader }),
            ...(replyTo === null ? {} : { reply_to: [replyTo] }),
            // Without `send` it stays a draft.
          },
          answer: id,
          deed: true,
        },
        signal,
      ),

    async campaign(at, signal) {
      const read = await wire({ method: "GET", path: `/broadcasts/${segment(at)}`, answer: broadcast }, signal);
      if (!read.ok) return read;
      const { value } = read;
      return got({
        id: value.id,
        name: value.name ?? "",
        audience: value.segment_id ?? value.audience_id ?? null,
        subject: value.subject ?? "",
        from: value.from ?? "",
        html: value.html ?? "",
        text: value.text ?? "",
        status: statusOf(value.status, value.scheduled_at ?? null),
        sentAt: instantOf(value.sent_at),
      });
    },

    /** A contact that is marked as unsubscribed gets no broadcast; for a few days nobody can be left out here. */
    async prepare(campaign, { suppressed, others }, _key, signal) {
      if (others.length > 0)
        return refused(
          `${others.length} of the audience may get no mail now, and Resend cannot leave them out of a broadcast: choose a segment without them, or wait`,
        );
      for (const address of suppressed) {
        const path = `/contacts/${encodeURIComponent(address)}`;
        const marked = await wire({ method: "PATCH", path, body: { unsubscribed: true }, answer: null }, signal);
        if (!marked.ok) return marked;
      }
      const note = suppressed.length === 0 ? null : `${suppressed.length} suppressed were marked as unsubscribed at Resend`;
      return got({ id: campaign.id, note });
    },

    send: (at, signal) =>
      wire({ method: "POST", path: `/broadcasts/${segment(at)}/send`, body: {}, answer: null, deed: true }, signal),
    copySent: null,

    async report(at, signal) {
      const read = await wire({ method: "GET", path: `/broadcasts/${segment(at)}`, answer: broadcast }, signal);
      if (!read.ok) return read;
      return got({
        note: "Resend documents no figures of a broadcast: opens, clicks and bounces come by its webhooks and in its dashboard",
      });
    },

    single: {
      // The key holds for 24 hours: a repetition within them gets the first answer and sends nothing.
      send: (mail, key, signal) =>
        wire(
          {
            method: "POST",
            path: "/emails",
            headers: { "idempotency-key": key },
            body: {
              from: sender,
              to: [mail.to],
              subject: mail.subject,
              ...(mail.html === null ? {} : { html: mail.html }),
              ...(mail.text === null ? {} : { text: mail.text }),
              ...(replyTo === null ? {} : { reply_to: [replyTo] }),
              ...(Object.keys(mail.headers).length === 0 ? {} : { headers: mail.headers }),
              // Letters, digits, _ and - are allowed in a tag's value.
              tags: [{ name: TAG, value: key }],
            },
            answer: id,
            deed: true,
          },
          signal,
        ),

      /** The list holds no tags: each mail to the same person is looked at by itself. */
      async find(key, { to, since }, signal) {
        const candidates: string[] = [];
        let [looked, reachedBack] = [0, false];
        const read = await pages("/emails", emails, signal, (rows) => {
          looked += 1;
          for (const row of rows) {
            if ((instantOf(row.created_at) ?? 0) < since) reachedBack = true;
            else if (row.to.some((address) => normalAddress(address) === to)) candidates.push(row.id);
          }
          return !reachedBack && looked < SEARCH_PAGES;
        });
        if (!read.ok) return read;
        for (const candidate of candidates) {
          const one = await wire({ method: "GET", path: `/emails/${encodeURIComponent(candidate)}`, answer: email }, signal);
          if (!one.ok) return one;
          if (one.value.tags?.some((tag) => tag.name === TAG && tag.value === key)) return got("found");
        }
        // A mail that carries no tags could be the one: then nothing is proved.
        const whole = reachedBack || looked < SEARCH_PAGES;
        return got(whole && candidates.length === 0 ? "absent" : "unclear");
      },
    },
  };
}

const TAG = "marketeam";

function statusOf(status: string, scheduledAt: string | null): CampaignStatus {
  if (status === "draft") return "draft";
  if (status === "sent") return "sent";
  // `queued` is a broadcast on its way, or one that waits for its time.
  if (status === "scheduled" || (status === "queued" && scheduledAt !== null)) return "scheduled";
  return status === "canceled" || status === "failed" ? "stopped" : "sending";
}

/** `2026-10-01 12:00:00.000000+00` stands beside ISO 8601 in Resend's answers. */
function instantOf(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  const iso = text
    .trim()
    .replace(" ", "T")
    .replace(/(\.\d{3})\d+/, "$1")
    .replace(/([+-]\d\d)$/, "$1:00");
  const at = Date.parse(iso);
  return Number.isNaN(at) ? null : at;
}
