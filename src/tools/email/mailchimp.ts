/**
 * Mailchimp, Marketing API 3.0. Sources: the vendor's OpenAPI as mirrored in api-evangelist/mailchimp (3.0.55, 2026-05-19),
 * mailchimp.com/developer/marketing/docs/fundamentals (limits; no Retry-After is documented), read 2026-11-21. The key does not
 * open Mandrill, so there are no single mails here.
 */

import { z } from "zod";
import type { Audience, CampaignStatus, Provider, ProviderOptions } from "./provider.ts";
import { got, refused, type Got, type Wire } from "./wire.ts";

/** The key ends in the data centre that it belongs to: `…-us21`. Null for one that does not. */
export function mailchimpUrl(key: string): string | null {
  const centre = /-([a-z]{2,4}\d{1,3})$/.exec(key)?.[1];
  return centre === undefined ? null : `https://${centre}.api.mailchimp.com/3.0`;
}

// "The number of records to return. Default value is 10. Maximum value is 1000".
const PAGE = 1000;
// "A maximum of 500 members can be sent."
const BATCH = 500;

const lists = z.object({
  lists: z.array(z.object({ id: z.string(), name: z.string(), stats: z.object({ member_count: z.number() }) })),
  total_items: z.number(),
});
const segments = z.object({
  segments: z.array(z.object({ id: z.number(), name: z.string(), member_count: z.number() })),
  total_items: z.number(),
});
const members = z.object({
  members: z.array(z.object({ email_address: z.string(), status: z.string() })),
  total_items: z.number(),
});
const made = z.object({ id: z.string() });
const campaign = z.object({
  id: z.string(),
  status: z.string(),
  send_time: z.string().nullish(),
  recipients: z.object({
    list_id: z.string(),
    segment_opts: z.object({ saved_segment_id: z.number().nullish() }).nullish(),
  }),
  settings: z.object({
    subject_line: z.string().nullish(),
    title: z.string().nullish(),
    from_name: z.string().nullish(),
    reply_to: z.string().nullish(),
  }),
});
const content = z.object({ html: z.string().nullish(), plain_text: z.string().nullish() });
const checklist = z.object({
  is_ready: z.boolean(),
  items: z.array(z.object({ type: z.string(), heading: z.string().nullish(), details: z.string().nullish() })).nullish(),
});
const report = z.object({
  emails_sent: z.number(),
  abuse_reports: z.number().nullish(),
  unsubscribed: z.number().nullish(),
  bounces: z.object({ hard_bounces: z.number(), soft_bounces: z.number() }).nullish(),
  opens: z.object({ unique_opens: z.number(), open_rate: z.number() }).nullish(),
  clicks: z.object({ unique_subscriber_clicks: z.number(), click_rate: z.number() }).nullish(),
});

/** `{"type":"…","title":"Invalid Resource","status":400,"detail":"…","instance":"…","errors":[{"field":"","message":""}]}` */
export function mailchimpProblem(body: unknown): string | null {
  const found = z
    .object({
      title: z.string(),
      detail: z.string().nullish(),
      errors: z.array(z.object({ field: z.string().nullish(), message: z.string() })).nullish(),
    })
    .safeParse(body);
  if (!found.success) return null;
  const { title, detail, errors } = found.data;
  const fields = (errors ?? []).map((error) => `${error.field ?? ""} ${error.message}`.trim());
  return [`${title}${detail ? `: ${detail}` : ""}`, ...fields].join("; ");
}

export function createMailchimp(wire: Wire, { from }: ProviderOptions): Provider {
  const at = (...parts: readonly string[]) => `/${parts.map(encodeURIComponent).join("/")}`;
  /** `list` or `list/segment`. */
  const placeOf = (audience: string) => {
    const [list = "", segment] = audience.split("/");
    return { list, segment: segment === undefined ? null : Number(segment) };
  };
  const read = <T>(path: string, answer: z.ZodType<T>, signal: AbortSignal) => wire({ method: "GET", path, answer }, signal);

  return {
    vendor: "Mailchimp",
    unsubscribeTag: "*|UNSUB|*",
    unsubscribeForms: /\*\|UNSUB(?::[^|]*)?\|\*/,
    addressForms: /\*\|(?:LIST:ADDRESS(?:LINE)?|HTML:LIST_ADDRESS_HTML|LIST_ADDRESS_HTML)\|\*/,

    async audiences(signal) {
      const found: Audience[] = [];
      const whole = await read(`/lists?count=${PAGE}`, lists, signal);
      if (!whole.ok) return whole;
      for (const list of whole.value.lists) {
        found.push({ id: list.id, name: list.name, members: list.stats.member_count });
        const parts = await read(`${at("lists", list.id, "segments")}?count=${PAGE}`, segments, signal);
        if (!parts.ok) return parts;
        for (const part of parts.value.segments)
          found.push({ id: `${list.id}/${part.id}`, name: `${list.name}: ${part.name}`, members: part.member_count });
      }
      return got(found);
    },

    async members(audience, max, signal) {
      const { list, segment } = placeOf(audience);
      const path = segment === null ? at("lists", list, "members") : at("lists", list, "segments", String(segment), "members");
      const found: string[] = [];
      for (let offset = 0; ; offset += PAGE) {
        const page = await read(
          `${path}?count=${PAGE}&offset=${offset}${segment === null ? "&status=subscribed" : ""}`,
          members,
          signal,
        );
        if (!page.ok) return page;
        for (const member of page.value.members) if (member.status === "subscribed") found.push(member.email_address);
        if (found.length > max) return refused(`the audience has more than ${max} people`);
        if (page.value.members.length === 0 || offset + PAGE >= page.value.total_items) return got(found);
      }
    },

    async draft(mail, signal) {
      const { list, segment } = placeOf(mail.audience);
      if (segment !== null && !Number.isSafeInteger(segment)) return refused(`there is no audience "${mail.audience}"`);
      const draft = await wire(
        {
          method: "POST",
          path: "/campaigns",
          body: {
            type: "regular",
            recipients: { list_id: list, ...(segment === null ? {} : { segment_opts: { saved_segment_id: segment } }) },
            settings: {
              title: mail.name,
              subject_line: mail.subject,
              ...(mail.preheader === null ? {} : { preview_text: mail.preheader }),
              from_name: from.name ?? from.address,
              // Mailchimp has one address for both: what it calls reply_to is the sender.
              reply_to: from.address,
            },
          },
          answer: made,
          deed: true,
        },
        signal,
      );
      if (!draft.ok) return draft;
      const body = { html: mail.html, ...(mail.text === null ? {} : { plain_text: mail.text }) };
      const path = at("campaigns", draft.value.id, "content");
      const filled = await wire({ method: "PUT", path, body, answer: null }, signal);
      if (filled.ok) return got({ id: draft.value.id });
      return refused(`${filled.failure.detail}; the campaign ${draft.value.id} stands there without its content`);
    },

    async campaign(id, signal) {
      const [head, body] = [
        await read(at("campaigns", id), campaign, signal),
        await read(at("campaigns", id, "content"), content, signal),
      ];
      if (!head.ok) return head;
      if (!body.ok) return body;
      const { status, send_time, recipients, settings } = head.value;
      const segment = recipients.segment_opts?.saved_segment_id ?? null;
      const sentAt = Date.parse(send_time ?? "");
      return got({
        id: head.value.id,
        name: settings.title ?? "",
        audience: segment === null || segment === 0 ? recipients.list_id : `${recipients.list_id}/${segment}`,
        subject: settings.subject_line ?? "",
        from:
          settings.from_name && settings.from_name !== settings.reply_to
            ? `${settings.from_name} <${settings.reply_to ?? ""}>`
            : (settings.reply_to ?? ""),
        html: body.value.html ?? body.value.plain_text ?? "",
        text: "",
        status: STATUS[status] ?? "open",
        sentAt: Number.isNaN(sentAt) ? null : sentAt,
      });
    },

    /** A static segment of exactly those who are allowed: who joins the list a moment later is not in it. */
    async prepare(found, { allowed, suppressed, others }, key, signal) {
      const { list } = placeOf(found.audience ?? "");
      if (suppressed.length + others.length > 0) {
        const path = at("lists", list, "segments");
        const body = { name: `${found.name.slice(0, 60)} ${key}`, static_segment: allowed.slice(0, BATCH) };
        const segment = await wire({ method: "POST", path, body, answer: z.object({ id: z.number() }) }, signal);
        if (!segment.ok) return segment;
        for (let from = BATCH; from < allowed.length; from += BATCH) {
          const some = { members_to_add: allowed.slice(from, from + BATCH) };
          const added = await wire({ method: "POST", path: `${path}/${segment.value.id}`, body: some, answer: null }, signal);
          if (!added.ok) return added;
        }
        const recipients = { list_id: list, segment_opts: { saved_segment_id: segment.value.id } };
        const aimed = await wire(
          { method: "PATCH", path: at("campaigns", found.id), body: { recipients }, answer: null },
          signal,
        );
        if (!aimed.ok) return aimed;
      }
      const ready = await read(at("campaigns", found.id, "send-checklist"), checklist, signal);
      if (!ready.ok) return ready;
      if (ready.value.is_ready) return got({ id: found.id, note: null });
      const open = (ready.value.items ?? []).filter((item) => item.type === "error");
      const words = open.map((item) => [item.heading, item.details].filter(Boolean).join(": "));
      return refused(`Mailchimp says that the campaign is not ready: ${words.join("; ") || "it does not say why"}`);
    },

    // 204 without a body.
    send: (id, signal) =>
      wire({ method: "POST", path: at("campaigns", id, "actions", "send"), answer: null, deed: true }, signal),
    copySent: null,

    async report(id, signal): Promise<Got<Record<string, number | string>>> {
      const found = await read(at("reports", id), report, signal);
      if (!found.ok) return found;
      const { emails_sent, abuse_reports, unsubscribed, bounces, opens, clicks } = found.value;
      return got(
        present({
          sent: emails_sent,
          hardBounces: bounces?.hard_bounces,
          softBounces: bounces?.soft_bounces,
          uniqueOpens: opens?.unique_opens,
          openRate: opens?.open_rate,
          uniqueClicks: clicks?.unique_subscriber_clicks,
          clickRate: clicks?.click_rate,
          unsubscribed,
          spamReports: abuse_reports,
        }),
      );
    },

    single: null,
  };
}

/** What the vendor left out stays out: a missing figure is not a nought. */
export function present(figures: Readonly<Record<string, number | null | undefined>>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}

const STATUS: Readonly<Record<string, CampaignStatus>> = {
  save: "draft",
  paused: "stopped",
  schedule: "scheduled",
  sending: "sending",
  sent: "sent",
  canceled: "stopped",
  canceling: "stopped",
  archived: "sent",
};
