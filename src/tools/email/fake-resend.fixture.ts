/** Test fixture: Resend's API as its OpenAPI file and its error page describe it. */

import { serveVendor, text, type Asked, type FakeVendor, type Mail, type Person, type Reply } from "./fake-vendor.fixture.ts";

const SEGMENT = "78261eea-8f8b-4381-83c6-79fa7120f1cf";
const problem = (statusCode: number, name: string, message: string): Reply => ({
  status: statusCode,
  body: { statusCode, name, message },
});
const created = (index: number) => `2026-11-21 10:00:${String(index % 60).padStart(2, "0")}.123456+00`;

type Broadcast = {
  id: string;
  name: string;
  segment_id: string;
  from: string;
  subject: string;
  html: string;
  text: string | null;
  preview_text: string | null;
  status: string;
  sent_at: string | null;
};
type Sent = { id: string; to: string[]; subject: string; tags: unknown; at: number };

export function fakeResend(now: () => number = Date.now): Promise<FakeVendor> {
  const key = "re_test_key_123456";
  const outbox: Mail[] = [];
  const people: Person[] = [];
  const broadcasts = new Map<string, Broadcast>();
  const sent: Sent[] = [];
  const keys = new Map<string, { body: string; id: string }>();

  /** Cursor pages as of docs/api-reference/pagination: at most 100, behind `after`. */
  function page<T extends { id: string }>(rows: readonly T[], { query }: Asked): Reply {
    const limit = Number(query.get("limit") ?? 20);
    if (limit < 1 || limit > 100) return problem(422, "validation_error", "The `limit` must be between 1 and 100.");
    const after = query.get("after");
    const from = after === null ? 0 : rows.findIndex((row) => row.id === after) + 1;
    const data = rows.slice(from, from + limit);
    return { status: 200, body: { object: "list", has_more: from + limit < rows.length, data } };
  }

  function handle(asked: Asked): Reply {
    const { method, path, body, headers } = asked;
    if (headers.authorization === undefined)
      return problem(401, "missing_api_key", "Missing API key in the authorization header.");
    if (headers.authorization !== `Bearer ${key}`) return problem(403, "invalid_api_key", "API key is invalid");
    const parts = path.split("/").slice(1);
    if (method === "GET" && path === "/segments")
      return page([{ id: SEGMENT, name: "Newsletter", created_at: created(0) }], asked);
    if (method === "GET" && path === `/segments/${SEGMENT}/contacts`)
      return page(
        people.map((person, index) => ({
          id: `c-${index}`,
          email: person.email,
          first_name: "",
          last_name: "",
          created_at: created(index),
          unsubscribed: person.unsubscribed,
        })),
        asked,
      );
    if (method === "PATCH" && parts[0] === "contacts") {
      // Contacts are found by id or by the address as it was given.
      const person = people.find(({ email }) => email === parts[1]);
      if (!person) return problem(404, "not_found", "Contact not found");
      person.unsubscribed = body.unsubscribed === true;
      return { status: 200, body: { object: "contact", id: "c" } };
    }
    if (method === "POST" && path === "/broadcasts") {
      if (body.segment_id !== SEGMENT) return problem(404, "not_found", "Segment not found");
      const id = crypto.randomUUID();
      broadcasts.set(id, {
        id,
        name: text(body.name),
        segment_id: SEGMENT,
        from: text(body.from),
        subject: text(body.subject),
        html: text(body.html),
        text: body.text === undefined ? null : text(body.text),
        preview_text: body.preview_text === undefined ? null : text(body.preview_text),
        status: "draft",
        sent_at: null,
      });
      return { status: 201, body: { id } };
    }
    if (parts[0] === "broadcasts") {
      const found = broadcasts.get(parts[1] ?? "");
      if (!found) return problem(404, "not_found", "Broadcast not found");
      if (method === "GET")
        return {
          status: 200,
          body: {
            object: "broadcast",
            audience_id: null,
            reply_to: null,
            created_at: created(1),
            scheduled_at: null,
            topic_id: null,
            ...found,
          },
        };
      if (method === "POST" && parts[2] === "send") {
        if (found.status !== "draft") return problem(422, "validation_error", "You can only send draft broadcasts");
        found.status = "sent";
        found.sent_at = "2026-11-21T10:00:00.000Z";
        for (const person of people)
          if (!person.unsubscribed)
            outbox.push({ to: person.email, subject: found.subject, body: found.html, campaign: found.id, key: null });
        return { status: 200, body: { id: found.id } };
      }
    }
    if (method === "POST" && path === "/emails") return single(body, headers["idempotency-key"]);
    if (method === "GET" && path === "/emails")
      return page(
        sent.toReversed().map((mail) => ({
          id: mail.id,
          to: mail.to,
          subject: mail.subject,
          last_event: "sent",
          created_at: new Date(mail.at).toISOString().replace("T", " ").replace("Z", "000+00"),
        })),
        asked,
      );
    if (method === "GET" && parts[0] === "emails") {
      const found = sent.find((mail) => mail.id === parts[1]);
      return found ? { status: 200, body: { object: "email", ...found } } : problem(404, "not_found", "Email not found");
    }
    return problem(404, "not_found", "The requested endpoint does not exist");
  }

  function single(body: Record<string, unknown>, header: string | string[] | undefined): Reply {
    const idempotency = text(header);
    if (idempotency.length > 256) return problem(400, "invalid_idempotency_key", "The key must be between 1-256 chars.");
    const before = keys.get(idempotency);
    if (before)
      return before.body === JSON.stringify(body)
        ? { status: 200, body: { id: before.id } }
        : problem(409, "invalid_idempotent_request", "This idempotency key has been used before with another payload");
    const [to] = body.to as string[];
    const id = crypto.randomUUID();
    if (idempotency !== "") keys.set(idempotency, { body: JSON.stringify(body), id });
    sent.push({ id, to: [to ?? ""], subject: text(body.subject), tags: body.tags, at: now() });
    outbox.push({
      to: to ?? "",
      subject: text(body.subject),
      body: text(body.html) || text(body.text),
      campaign: null,
      key: idempotency,
    });
    return { status: 200, body: { id } };
  }

  return serveVendor(
    {
      provider: "resend",
      key,
      prefix: "",
      audience: SEGMENT,
      sends: /^POST \/broadcasts\/[^/]+\/send$/,
      outbox,
      people,
      rewrite(id, subject) {
        const found = broadcasts.get(id);
        if (found) found.subject = subject;
      },
      campaigns: () => [...broadcasts.values()],
    },
    handle,
  );
}
