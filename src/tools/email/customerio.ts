/**
 * Customer.io, App API. Sources: the vendor's OpenAPI as mirrored in api-evangelist/customer-io (newsletters, newsletter variants
 * and metrics, segments, send messages; 2026-10-12), docs.customer.io (release note 2026-04-14: newsletters by API), read
 * 2026-11-21. Limits: 10 requests a second, transactional 100; no idempotency key is documented.
 */

import { z } from "zod";
import type { Audience, Provider, ProviderOptions } from "./provider.ts";
import { got, refused, type Got, type Wire } from "./wire.ts";

export const CUSTOMERIO_URLS = { us: "https://api.customer.io", eu: "https://api-eu.customer.io" } as const;

// "default: 1000, maximum: 30000".
const PAGE = 1000;
/** Each one left out is a condition of the newsletter, and a request must stay below 1 MB. */
const MAX_LEFT_OUT = 1000;
const NAME_CHARS = 190;
/** Newest newsletters that are looked through for a copy. */
const SEARCH = 50;

const segments = z.object({ segments: z.array(z.object({ id: z.number(), name: z.string() })) });
const count = z.object({ count: z.number() });
const membership = z.object({
  // A workspace that does not know people by address gives none: then nobody can be looked up.
  identifiers: z.array(z.object({ email: z.string().nullish() })),
  next: z.string().nullish(),
});
const newsletter = z.object({
  id: z.number(),
  name: z.string().nullish(),
  type: z.string().nullish(),
  sent_at: z.number().nullish(),
  recipient_segment_ids: z.array(z.number()).nullish(),
  subscription_topic_id: z.number().nullish(),
});
const one = z.object({ newsletter });
const many = z.object({ newsletters: z.array(newsletter) });
const contents = z.object({
  contents: z.array(
    z.object({
      subject: z.string().nullish(),
      body: z.string().nullish(),
      from: z.string().nullish(),
      preheader_text: z.string().nullish(),
    }),
  ),
});
const metrics = z.object({ metric: z.object({ series: z.record(z.string(), z.array(z.number()).nullish()) }) });

/** `{"errors":[{"detail":"…","status":"422"}]}`, or `{"meta":{"error":"…"}}` of the sending endpoints. */
export function customerioProblem(body: unknown): string | null {
  const listed = z.object({ errors: z.array(z.object({ detail: z.string() })).min(1) }).safeParse(body);
  if (listed.success) return listed.data.errors.map((error) => error.detail).join("; ");
  const single = z.object({ meta: z.object({ error: z.string() }) }).safeParse(body);
  return single.success ? single.data.meta.error : null;
}

export function createCustomerio(wire: Wire, { from, replyTo }: ProviderOptions): Provider {
  const sender = from.name === null ? from.address : `${from.name} <${from.address}>`;
  const read = <T>(path: string, answer: z.ZodType<T>, signal: AbortSignal) => wire({ method: "GET", path, answer }, signal);
  const at = (id: string, rest = "") => `/v1/newsletters/${encodeURIComponent(id)}${rest}`;

  function create(
    mail: {
      name: string;
      recipients: object;
      subject: string;
      body: string;
      from: string;
      preheader: string | null;
      topic: number | null;
    },
    deed: boolean,
    signal: AbortSignal,
  ): Promise<Got<z.infer<typeof one>>> {
    const body = {
      type: "email",
      name: mail.name.slice(0, NAME_CHARS),
      recipients: mail.recipients,
      subject: mail.subject,
      body: mail.body,
      from: mail.from,
      ...(mail.preheader === null ? {} : { preheader_text: mail.preheader }),
      ...(mail.topic === null ? {} : { subscription_topic_id: mail.topic }),
      // Without send_now and scheduled_at it stays a draft.
    };
    return wire({ method: "POST", path: "/v1/newsletters", body, answer: one, deed }, signal);
  }

  return {
    vendor: "Customer.io",
    unsubscribeTag: "{% unsubscribe_url %}",
    unsubscribeForms:
      /\{%-?\s*(?:unsubscribe_url|unsubscribe|manage_subscription_preferences_url)\b[^%]*%\}|\{\{\s*unsubscribe_url\s*\}\}/,
    addressForms: null,

    async audiences(signal) {
      const found = await read("/v1/segments", segments, signal);
      if (!found.ok) return found;
      const counted: Audience[] = [];
      for (const segment of found.value.segments) {
        const size = await read(`/v1/segments/${segment.id}/customer_count`, count, signal);
        counted.push({ id: String(segment.id), name: segment.name, members: size.ok ? size.value.count : null });
      }
      return got(counted);
    },

    async members(audience, max, signal) {
      const found: string[] = [];
      for (let start = ""; ;) {
        const query = `?limit=${PAGE}${start === "" ? "" : `&start=${encodeURIComponent(start)}`}`;
        const page: Got<z.infer<typeof membership>> = await read(
          `/v1/segments/${encodeURIComponent(audience)}/membership${query}`,
          membership,
          signal,
        );
        if (!page.ok) return page;
        for (const { email } of page.value.identifiers) {
          if (email === undefined)
            return refused(
              "this Customer.io workspace does not identify people by address, so nobody can be checked against the list",
            );
          if (email !== null) found.push(email);
        }
        if (found.length > max) return refused(`the audience has more than ${max} people`);
        if (!page.value.next || page.value.identifiers.length === 0) return got(found);
        start = page.value.next;
      }
    },

    async draft(mail, signal) {
      if (!/^\d+$/.test(mail.audience)) return refused(`there is no audience "${mail.audience}": it is the number of a segment`);
      const recipients = { segment: { id: Number(mail.audience) } };
      const made = await create(
        {
          name: mail.name,
          recipients,
          subject: mail.subject,
          body: mail.html,
          from: sender,
          preheader: mail.preheader,
          topic: null,
        },
        true,
        signal,
      );
      return made.ok ? got({ id: String(made.value.newsletter.id) }) : made;
    },

    async campaign(id, signal) {
      const head = await read(at(id), one, signal);
      if (!head.ok) return head;
      const body = await read(at(id, "/contents"), contents, signal);
      if (!body.ok) return body;
      const { newsletter: found } = head.value;
      const [variant, ...more] = body.value.contents;
      const [segment, ...others] = found.recipient_segment_ids ?? [];
      if (variant === undefined || more.length > 0 || (found.type ?? "email") !== "email")
        return refused(`the newsletter ${id} is not a mail of one version: send it in Customer.io itself`);
      return got({
        id: String(found.id),
        name: found.name ?? "",
        // Of several segments one cannot tell how they are combined.
        audience: segment === undefined || others.length > 0 ? null : String(segment),
        subject: variant.subject ?? "",
        from: variant.from ?? "",
        html: variant.body ?? "",
        text: "",
        // A draft and one that waits for its time look the same.
        status: found.sent_at ? "sent" : "open",
        sentAt: found.sent_at ? found.sent_at * 1000 : null,
      });
    },

    /** The recipients of a newsletter cannot be changed: one that leaves people out is made anew, with the same content. */
    async prepare(found, { suppressed, others }, key, signal) {
      const out = [...suppressed, ...others];
      if (out.length === 0) return got({ id: found.id, note: null });
      if (out.length > MAX_LEFT_OUT)
        return refused(
          `${out.length} people would have to be left out, Customer.io takes ${MAX_LEFT_OUT}: choose a segment without them`,
        );
      const [head, body] = [await read(at(found.id), one, signal), await read(at(found.id, "/contents"), contents, signal)];
      if (!head.ok) return head;
      if (!body.ok) return body;
      const made = await create(
        {
          name: `${found.name.slice(0, NAME_CHARS - key.length - 3)} · ${key}`,
          recipients: {
            and: [
              { segment: { id: Number(found.audience) } },
              { not: { or: out.map((address) => ({ attribute: { field: "email", operator: "eq", value: address } })) } },
            ],
          },
          subject: found.subject,
          body: found.html,
          from: found.from,
          preheader: body.value.contents[0]?.preheader_text ?? null,
          topic: head.value.newsletter.subscription_topic_id ?? null,
        },
        false,
        signal,
      );
      if (!made.ok) return made;
      const { id } = made.value.newsletter;
      return got({ id: String(id), note: `sent as newsletter ${id}, a copy of ${found.id} that leaves them out` });
    },

    send: (id, signal) => wire({ method: "POST", path: at(id, "/send"), body: {}, answer: null, deed: true }, signal),

    async copySent(key, signal) {
      const newest = await read(`/v1/newsletters?limit=${SEARCH}&sort=desc`, many, signal);
      if (!newest.ok) return newest;
      return got(newest.value.newsletters.some((entry) => entry.name?.endsWith(`· ${key}`) && Boolean(entry.sent_at)));
    },

    async report(id, signal) {
      // Days start at 00:00 EST; 45 of them are the most there is.
      const found = await read(at(id, "/metrics?period=days&steps=45&type=email"), metrics, signal);
      if (!found.ok) return found;
      const figures = Object.entries(found.value.metric.series).flatMap(([name, values]) =>
        values ? [[REPORTED[name], values.reduce((sum, value) => sum + value, 0)] as const] : [],
      );
      return got(Object.fromEntries(figures.flatMap(([name, value]) => (name === undefined ? [] : [[name, value]]))));
    },

    single: {
      async send(mail, _key, signal) {
        const sent = await wire(
          {
            method: "POST",
            path: "/v1/send/email",
            body: {
              to: mail.to,
              identifiers: { email: mail.to },
              from: sender,
              subject: mail.subject,
              // One of both is given; HTML wins, and a plain text is the body where there is no HTML.
              body: mail.html ?? mail.text ?? "",
              ...(mail.html !== null && mail.text !== null ? { plaintext_body: mail.text } : {}),
              ...(replyTo === null ? {} : { reply_to: replyTo }),
              ...(Object.keys(mail.headers).length === 0 ? {} : { headers: mail.headers }),
              // Who has unsubscribed there gets no single mail either.
              send_to_unsubscribed: false,
            },
            answer: z.object({ delivery_id: z.string() }),
            deed: true,
          },
          signal,
        );
        return sent.ok ? got({ id: sent.value.delivery_id }) : sent;
      },
      find: null,
    },
  };
}

const REPORTED: Readonly<Record<string, string>> = {
  sent: "sent",
  delivered: "delivered",
  bounced: "bounced",
  human_opened: "opensByPeople",
  opened: "opens",
  human_clicked: "clicksByPeople",
  clicked: "clicks",
  converted: "converted",
  unsubscribed: "unsubscribed",
  spammed: "spamReports",
  suppressed: "suppressed",
  undeliverable: "undeliverable",
};
