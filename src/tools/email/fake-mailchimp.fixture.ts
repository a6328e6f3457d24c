/** Test fixture: Mailchimp's Marketing API as its OpenAPI file describes it, errors as problem documents. */

import { serveVendor, text, type Asked, type FakeVendor, type Mail, type Person, type Reply } from "./fake-vendor.fixture.ts";

const LIST = "a1b2c3d4e5";
const problem = (status: number, title: string, detail: string): Reply => ({
  status,
  body: { type: "https://mailchimp.com/developer/marketing/docs/errors/", title, status, detail, instance: "995c5cb0-3280-4a6e" },
});

type Settings = { subject_line: string; title: string; from_name: string; reply_to: string };
type Campaign = {
  id: string;
  status: string;
  list: string;
  segment: number | null;
  settings: Settings;
  html: string | null;
  sent: number;
};

export function fakeMailchimp(): Promise<FakeVendor> {
  const key = "0123456789abcdef0123456789abcdef-us21";
  const outbox: Mail[] = [];
  const people: Person[] = [];
  const campaigns = new Map<string, Campaign>();
  const segments = new Map<number, { name: string; emails: Set<string> }>();

  const subscribed = () => people.filter((person) => !person.unsubscribed);
  /** Addresses that are not on the list are ignored; their case does not count. */
  function put(segment: { emails: Set<string> }, emails: unknown): void {
    if (!Array.isArray(emails)) return;
    for (const email of emails as string[])
      if (people.some((person) => person.email.toLowerCase() === email.toLowerCase())) segment.emails.add(email.toLowerCase());
  }
  const inSegment = (id: number) => subscribed().filter((person) => segments.get(id)?.emails.has(person.email.toLowerCase()));

  function paged(name: string, rows: readonly unknown[], { query }: Asked): Reply {
    const [count, offset] = [Number(query.get("count") ?? 10), Number(query.get("offset") ?? 0)];
    if (count > 1000) return problem(400, "Invalid Resource", "count must be at most 1000");
    return { status: 200, body: { [name]: rows.slice(offset, offset + count), total_items: rows.length } };
  }

  function handle(asked: Asked): Reply {
    const { method, path, body, headers } = asked;
    if (headers.authorization !== `Basic ${Buffer.from(`anystring:${key}`).toString("base64")}`)
      return problem(401, "API Key Invalid", "Your API key may be invalid, or you've attempted to access the wrong datacenter.");
    const [room, id = "", part, last, deeper] = path.split("/").slice(1);
    const called = `${method} ${room}${part === undefined ? "" : `/${part}`}`;
    if (room === "lists" && id === "" && method === "GET")
      return paged(
        "lists",
        [{ id: LIST, name: "Newsletter", stats: { member_count: subscribed().length, unsubscribe_count: 0 } }],
        asked,
      );
    if (room === "lists" && id !== LIST) return problem(404, "Resource Not Found", "The requested resource could not be found.");
    if (called === "GET lists/segments" && last === undefined)
      return paged(
        "segments",
        [...segments].map(([number, { name }]) => ({ id: number, name, member_count: inSegment(number).length, type: "static" })),
        asked,
      );
    if (called === "GET lists/members")
      return paged(
        "members",
        people
          .map((person) => ({ email_address: person.email, status: person.unsubscribed ? "unsubscribed" : "subscribed" }))
          .filter((member) => asked.query.get("status") === null || member.status === asked.query.get("status")),
        asked,
      );
    if (called === "GET lists/segments" && deeper === "members")
      return paged(
        "members",
        inSegment(Number(last)).map((person) => ({ email_address: person.email, status: "subscribed" })),
        asked,
      );
    if (called === "POST lists/segments" && last === undefined) {
      const segment = { name: text(body.name), emails: new Set<string>() };
      put(segment, body.static_segment);
      const number = 1000 + segments.size;
      segments.set(number, segment);
      return { status: 200, body: { id: number, name: segment.name, member_count: segment.emails.size, type: "static" } };
    }
    if (called === "POST lists/segments") {
      const segment = segments.get(Number(last));
      if (!segment) return problem(404, "Resource Not Found", "The requested resource could not be found.");
      if (Array.isArray(body.members_to_add) && body.members_to_add.length > 500)
        return problem(400, "Invalid Resource", "A maximum of 500 members can be sent.");
      put(segment, body.members_to_add);
      return {
        status: 200,
        body: { members_added: [], members_removed: [], errors: [], total_added: 0, total_removed: 0, error_count: 0 },
      };
    }
    if (room === "campaigns" && id === "" && method === "POST") {
      const made = `cmp${campaigns.size + 1}`;
      const campaign: Campaign = {
        id: made,
        status: "save",
        list: "",
        segment: null,
        settings: { subject_line: "", title: "", from_name: "", reply_to: "" },
        html: null,
        sent: 0,
      };
      campaigns.set(made, campaign);
      aim(campaign, body);
      return { status: 200, body: shown(campaign) };
    }
    const campaign = campaigns.get(id);
    if (!campaign) return problem(404, "Resource Not Found", "The requested resource could not be found.");
    if (called === "GET campaigns") return { status: 200, body: shown(campaign) };
    if (called === "PATCH campaigns") {
      if (campaign.status !== "save") return problem(400, "Bad Request", "Cannot edit a campaign that has been sent");
      aim(campaign, body);
      return { status: 200, body: shown(campaign) };
    }
    if (called === "PUT campaigns/content") {
      campaign.html = text(body.html);
      return { status: 200, body: { plain_text: "", html: campaign.html } };
    }
    if (called === "GET campaigns/content") return { status: 200, body: { plain_text: "", html: campaign.html ?? "" } };
    if (called === "GET campaigns/send-checklist") {
      const ready = campaign.html !== null;
      return {
        status: 200,
        body: {
          is_ready: ready,
          items: [
            {
              type: ready ? "success" : "error",
              id: 501,
              heading: "Content",
              details: ready ? "" : "Your campaign has no content.",
            },
          ],
        },
      };
    }
    if (called === "POST campaigns/actions" && last === "send") {
      if (campaign.status !== "save") return problem(400, "Bad Request", "Your Campaign is not ready to send.");
      campaign.status = "sent";
      const readers = campaign.segment === null ? subscribed() : inSegment(campaign.segment);
      for (const person of readers)
        outbox.push({
          to: person.email,
          subject: campaign.settings.subject_line,
          body: campaign.html ?? "",
          campaign: id,
          key: null,
        });
      campaign.sent = readers.length;
      return { status: 204 };
    }
    if (room === "reports")
      return {
        status: 200,
        body: {
          id,
          emails_sent: campaign.sent,
          abuse_reports: 0,
          unsubscribed: 1,
          bounces: { hard_bounces: 2, soft_bounces: 1, syntax_errors: 0 },
          opens: { opens_total: 9, unique_opens: 5, open_rate: 0.42 },
          clicks: { clicks_total: 4, unique_subscriber_clicks: 3, click_rate: 0.1 },
        },
      };
    return problem(405, "Method Not Allowed", "The requested method and resource are not compatible.");
  }

  function aim(campaign: Campaign, body: Record<string, unknown>): void {
    const recipients = body.recipients as { list_id?: string; segment_opts?: { saved_segment_id?: number } } | undefined;
    if (recipients) {
      campaign.list = recipients.list_id ?? campaign.list;
      campaign.segment = recipients.segment_opts?.saved_segment_id ?? null;
    }
    Object.assign(campaign.settings, body.settings);
  }
  function shown({ id, status, list, segment, settings }: Campaign) {
    return {
      id,
      web_id: 1,
      type: "regular",
      status,
      send_time: status === "sent" ? "2026-11-21T10:00:00+00:00" : "",
      recipients: {
        list_id: list,
        list_name: "Newsletter",
        segment_text: "",
        ...(segment === null ? {} : { segment_opts: { saved_segment_id: segment, match: "any" } }),
      },
      settings,
    };
  }

  return serveVendor(
    {
      provider: "mailchimp",
      key,
      prefix: "/3.0",
      audience: LIST,
      sends: /^POST \/campaigns\/[^/]+\/actions\/send$/,
      outbox,
      people,
      rewrite(id, subject) {
        const found = campaigns.get(id);
        if (found) found.settings.subject_line = subject;
      },
      campaigns: () => [...campaigns.values()],
    },
    handle,
  );
}
