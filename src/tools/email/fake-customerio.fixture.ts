/** Test fixture: Customer.io's App API as its OpenAPI file describes it. */

import { serveVendor, text, type Asked, type FakeVendor, type Mail, type Person, type Reply } from "./fake-vendor.fixture.ts";

const SEGMENT = 7;
const problem = (status: number, detail: string): Reply => ({ status, body: { errors: [{ detail, status: String(status) }] } });

type Condition = {
  segment?: { id: number };
  attribute?: { field: string; operator: string; value: string };
  and?: Condition[];
  or?: Condition[];
  not?: Condition;
};
type Newsletter = {
  id: number;
  name: string;
  recipients: Condition;
  subject: string;
  body: string;
  from: string;
  preheader: string;
  sent_at: number | null;
};

export function fakeCustomerio(): Promise<FakeVendor> {
  const key = "cio_app_key_123456";
  const outbox: Mail[] = [];
  const people: Person[] = [];
  const newsletters = new Map<number, Newsletter>();

  /** Values are compared as they are written: `Jo@…` is not `jo@…`. */
  function meets(person: Person, condition: Condition): boolean {
    if (condition.and) return condition.and.every((part) => meets(person, part));
    if (condition.or) return condition.or.some((part) => meets(person, part));
    if (condition.not) return !meets(person, condition.not);
    if (condition.segment) return condition.segment.id === SEGMENT;
    return (
      condition.attribute?.operator === "eq" &&
      condition.attribute.field === "email" &&
      condition.attribute.value === person.email
    );
  }
  function segmentsOf(condition: Condition): number[] {
    const inner = [...(condition.and ?? []), ...(condition.or ?? []), ...(condition.not ? [condition.not] : [])].flatMap(
      segmentsOf,
    );
    return condition.segment ? [condition.segment.id, ...inner] : inner;
  }
  const shown = (entry: Newsletter) => ({
    id: entry.id,
    deduplicate_id: `${entry.id}:1484870424`,
    type: "email",
    content_ids: [entry.id + 100],
    name: entry.name,
    ...(entry.sent_at === null ? {} : { sent_at: entry.sent_at }),
    created: 1_481_653_919,
    updated: 1_481_653_929,
    recipient_segment_ids: segmentsOf(entry.recipients),
    tags: [],
  });

  function handle(asked: Asked): Reply {
    const { method, path, body, headers, query } = asked;
    if (headers.authorization !== `Bearer ${key}`) return problem(401, "unauthorized");
    const parts = path.split("/").slice(2);
    const called = `${method} ${parts[0]}${parts[2] === undefined ? "" : `/${parts[2]}`}`;
    if (method === "GET" && path === "/v1/segments")
      return {
        status: 200,
        body: {
          segments: [
            {
              id: SEGMENT,
              deduplicate_id: "7:1",
              name: "Newsletter",
              description: "",
              state: "finished",
              progress: null,
              type: "dynamic",
              tags: null,
            },
          ],
        },
      };
    if (parts[0] === "segments" && parts[1] !== String(SEGMENT)) return problem(404, "not found");
    if (called === "GET segments/customer_count") return { status: 200, body: { count: people.length } };
    if (called === "GET segments/membership") {
      const limit = Number(query.get("limit") ?? 1000);
      const from = Number(query.get("start") ?? 0);
      const some = people.slice(from, from + limit);
      const next = from + limit < people.length ? String(from + limit) : "";
      return {
        status: 200,
        body: {
          ids: some.map(() => ""),
          identifiers: some.map((person, index) => ({ email: person.email, id: null, cio_id: `a3${from + index}` })),
          next,
        },
      };
    }
    if (method === "POST" && path === "/v1/newsletters") {
      if (body.type !== "email" || text(body.subject) === "" || text(body.body) === "" || body.recipients === undefined)
        return problem(400, "invalid newsletter");
      if (text(body.name).length > 190) return problem(422, "name is too long");
      const id = 128_000 + newsletters.size;
      const made: Newsletter = {
        id,
        name: text(body.name),
        recipients: body.recipients as Condition,
        subject: text(body.subject),
        body: text(body.body),
        from: text(body.from),
        preheader: text(body.preheader_text),
        sent_at: null,
      };
      newsletters.set(id, made);
      return { status: 200, body: { newsletter: shown(made) } };
    }
    if (method === "GET" && path === "/v1/newsletters") {
      const rows = [...newsletters.values()].map(shown);
      return {
        status: 200,
        body: {
          newsletters: (query.get("sort") === "desc" ? rows.toReversed() : rows).slice(0, Number(query.get("limit") ?? 50)),
          next: "",
        },
      };
    }
    if (method === "POST" && path === "/v1/send/email") {
      if (text(body.to) === "" || body.identifiers === undefined)
        return { status: 400, body: { meta: { error: "to and identifiers are required" } } };
      outbox.push({ to: text(body.to), subject: text(body.subject), body: text(body.body), campaign: null, key: null });
      return { status: 200, body: { delivery_id: "ZHVtbXk", queued_at: 1_580_000_000 } };
    }
    const found = newsletters.get(Number(parts[1]));
    if (parts[0] !== "newsletters" || !found) return problem(404, "not found");
    if (called === "GET newsletters") return { status: 200, body: { newsletter: shown(found) } };
    if (called === "GET newsletters/contents")
      return {
        status: 200,
        body: {
          contents: [
            {
              id: found.id + 100,
              newsletter_id: found.id,
              name: "",
              layout: "",
              body: found.body,
              language: "",
              type: "email",
              from: found.from,
              from_id: 1,
              reply_to: "",
              subject: found.subject,
              preheader_text: found.preheader,
            },
          ],
        },
      };
    if (called === "POST newsletters/send") {
      if (found.sent_at !== null) return problem(422, "newsletter has already been sent");
      found.sent_at = 1_763_719_200;
      for (const person of people)
        if (!person.unsubscribed && meets(person, found.recipients))
          outbox.push({ to: person.email, subject: found.subject, body: found.body, campaign: String(found.id), key: null });
      return { status: 200, body: { newsletter: shown(found) } };
    }
    if (called === "GET newsletters/metrics")
      return {
        status: 200,
        body: {
          metric: {
            type: "email",
            series: {
              sent: [0, 12],
              delivered: [0, 11],
              human_opened: [0, 5],
              opened: [1, 6],
              clicked: [0, 2],
              bounced: [0, 1],
              created: [12, 0],
            },
          },
        },
      };
    return problem(405, "method not allowed");
  }

  return serveVendor(
    {
      provider: "customerio",
      key,
      prefix: "",
      audience: String(SEGMENT),
      sends: /^POST \/v1\/newsletters\/\d+\/send$/,
      outbox,
      people,
      rewrite(id, subject) {
        const found = newsletters.get(Number(id));
        if (found) found.subject = subject;
      },
      campaigns: () =>
        [...newsletters.values()].map(({ id, sent_at }) => ({ id: String(id), status: sent_at === null ? "draft" : "sent" })),
    },
    handle,
  );
}
