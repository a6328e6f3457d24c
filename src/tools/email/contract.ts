/** What every mail vendor behind the email tools must hold to. Run once a vendor, against a fake of its API: its outbox is the witness. */

import { describe, expect, test } from "bun:test";
import { emailSection, normalAddress } from "../../domain/email.ts";
import { suppress } from "../../store/contacts.ts";
import type { Store } from "../../store/store.ts";
import { ENGINES } from "../../test/engines.ts";
import type { ToolAnswer } from "../server.ts";
import type { FakeVendor } from "./fake-vendor.fixture.ts";
import { createGuard } from "./guard.ts";
import { createEmailServer, type EmailServer } from "./server.ts";

export const ADDRESS = "Acme GmbH, Hauptstraße 1, 10115 Berlin";
export const HTML = `<h1>News</h1><p>Hello there</p><p><a href="{{unsubscribe_url}}">Unsubscribe</a><br>{{postal_address}}</p>`;
/** A Thursday noon in Berlin. */
export const NOON = Date.parse("2026-11-19T11:00:00Z");

export type World = AsyncDisposable & {
  readonly vendor: FakeVendor;
  readonly server: EmailServer;
  readonly store: Store;
  readonly waits: number[];
  readonly clock: { at: number };
  call(tool: string, args?: object, key?: string, signal?: AbortSignal): Promise<ToolAnswer>;
  /** The answer as data; fails the test when it is none. */
  data(tool: string, args?: object, key?: string): Promise<Record<string, unknown>>;
  /** The words of a refusal; fails the test when it is none. */
  words(tool: string, args?: object, key?: string): Promise<string>;
  draft(): Promise<{ campaign: string; fingerprint: string; people: number }>;
};

export async function emailWorld(
  make: () => Promise<FakeVendor>,
  section: object = {},
  people: readonly string[] = PEOPLE,
): Promise<World> {
  const engine = ENGINES.find(({ name }) => name === "sqlite");
  if (!engine) throw new Error("no SQLite");
  const store = await engine.open();
  const vendor = await make();
  vendor.people.push(...people.map((email) => ({ email, unsubscribed: false })));
  const settings = emailSection.parse({
    provider: vendor.provider,
    key: "${MAIL_KEY}",
    from: "Acme <news@acme.com>",
    postalAddress: ADDRESS,
    unsubscribe: "https://acme.com/out?a={email}",
    caps: { perSend: 5000, perDay: 9000, perRecipient: { count: 2, days: 7 } },
    ...section,
  });
  const clock = { at: NOON };
  const waits: number[] = [];
  const now = () => clock.at;
  const guard = createGuard({ store, settings, now });
  const sleep = async (ms: number) => void waits.push(ms);
  const server = createEmailServer({ settings, key: vendor.key, baseUrl: vendor.url, guard, now, fetch, sleep });
  const call: World["call"] = (tool, args = {}, key, signal = new AbortController().signal) =>
    server.call(tool, args as Record<string, unknown>, { signal, ...(key === undefined ? {} : { idempotencyKey: key }) });
  const data: World["data"] = async (tool, args, key) => {
    const answer = await call(tool, args, key);
    if (answer.kind !== "answered" || answer.isError) throw new Error(`${tool}: ${JSON.stringify(answer)}`);
    return JSON.parse(answer.text) as Record<string, unknown>;
  };
  return {
    vendor,
    server,
    store,
    waits,
    clock,
    call,
    data,
    async words(tool, args, key) {
      const answer = await call(tool, args, key);
      if (answer.kind !== "answered" || !answer.isError) throw new Error(`${tool} was not refused: ${JSON.stringify(answer)}`);
      return answer.text;
    },
    async draft() {
      const made = await data("campaign_draft", {
        name: "November",
        audience: vendor.audience,
        subject: "News of November",
        html: HTML,
      });
      return { campaign: String(made.campaign), fingerprint: String(made.fingerprint), people: Number(made.people) };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await vendor[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

const PEOPLE = ["ann@example.com", "Bob@Example.com", "cleo@example.org"];
const put = (store: Store, ...addresses: string[]) => store.write("test.suppress", (tx) => suppress(tx, addresses, "asked"));

/** `leavesOut`: whoever may get no mail for a while can be left out of a campaign; else the campaign is refused. */
export function emailContract(
  name: string,
  make: () => Promise<FakeVendor>,
  can: { readonly leavesOut: boolean; readonly figures: object },
): void {
  const world = (section: object = {}, people?: readonly string[]) => emailWorld(make, section, people);
  const to = (vendor: FakeVendor) => vendor.outbox.map((mail) => mail.to).sort();
  const sendsOf = (vendor: FakeVendor) =>
    vendor.asked.filter((asked) => vendor.sends.test(`${asked.method} ${asked.path}`)).length;

  describe(`${name}: campaigns`, () => {
    test("audiences, a draft that sends nothing, and the send that reaches everybody once", async () => {
      await using w = await world();
      const { audiences } = (await w.data("audience_list")) as { audiences: { id: string; name: string }[] };
      expect(audiences).toContainEqual(expect.objectContaining({ id: w.vendor.audience, name: "Newsletter" }));
      const draft = await w.draft();
      expect(draft.fingerprint).toMatch(/^[0-9a-f]{16}$/);
      expect(w.vendor.outbox).toEqual([]);
      expect(await w.data("campaign_send", draft, "act_1")).toMatchObject({
        recipients: 3,
        leftOut: { suppressed: 0, capped: 0, unusable: 0 },
      });
      expect(to(w.vendor)).toEqual([...PEOPLE].sort());
      for (const mail of w.vendor.outbox) {
        expect(mail.body).toContain("Hauptstraße 1");
        expect(mail.body).not.toContain("{{unsubscribe_url}}");
        expect(mail.body).not.toContain("{{postal_address}}");
      }
    });

    test("the report: its state before, its figures after", async () => {
      await using w = await world();
      const draft = await w.draft();
      const before = await w.data("campaign_report", { campaign: draft.campaign });
      expect(before).toMatchObject({ subject: "News of November", fingerprint: draft.fingerprint, from: "Acme <news@acme.com>" });
      expect(before.figures).toBeUndefined();
      await w.data("campaign_send", draft, "act_1");
      expect(await w.data("campaign_report", { campaign: draft.campaign })).toMatchObject({
        status: "sent",
        figures: can.figures,
      });
      expect(await w.words("campaign_report", { campaign: "424242" })).toMatch(/404|not found/i);
    });

    test("nobody on the list gets mail, however the vendor spells the address and however many pages there are", async () => {
      const crowd = Array.from({ length: 1205 }, (_, i) => (i % 2 === 0 ? `Person.${i}@Example.com` : `person.${i}@example.com`));
      await using w = await world({}, [...crowd, "x@blocked.org"]);
      const never = ["person.0@example.com", "person.7@example.com", "person.1204@example.com", "@blocked.org"];
      await put(w.store, ...never);
      const sent = await w.data("campaign_send", await w.draft(), "act_1");
      expect(sent).toMatchObject({ recipients: 1202, leftOut: { suppressed: 4, capped: 0, unusable: 0 } });
      const reached = w.vendor.outbox.map((mail) => normalAddress(mail.to));
      expect(reached).toHaveLength(1202);
      for (const address of never.slice(0, 3)) expect(reached).not.toContain(address);
      expect(reached).not.toContain("x@blocked.org");
    });

    test("who has had his mails of these days", async () => {
      await using w = await world({ caps: { perRecipient: { count: 1, days: 7 } } });
      if (w.vendor.provider !== "mailchimp")
        await w.data("transactional_send", { to: "ann@example.com", kind: "service", subject: "Hi", text: "Hi" }, "act_0");
      else await sendTo(w, ["ann@example.com"], "act_0");
      w.vendor.outbox.length = 0;
      const draft = await w.draft();
      if (can.leavesOut) {
        expect(await w.data("campaign_send", draft, "act_1")).toMatchObject({ recipients: 2, leftOut: { capped: 1 } });
        expect(to(w.vendor)).toEqual(["Bob@Example.com", "cleo@example.org"]);
      } else {
        expect(await w.words("campaign_send", draft, "act_1")).toContain("1 of the audience may get no mail now");
        expect(w.vendor.outbox).toEqual([]);
      }
      // The days pass.
      w.clock.at += 8 * 86_400_000;
      w.vendor.outbox.length = 0;
      expect(await w.data("campaign_send", await w.draft(), "act_2")).toMatchObject({ recipients: 3, leftOut: { capped: 0 } });
    });

    test("an address that cannot be compared with the list gets nothing", async () => {
      await using w = await world({}, [...PEOPLE, "jürgen@example.com"]);
      const answer = await w.call("campaign_send", await w.draft(), "act_1");
      expect(answer).toMatchObject({ kind: "answered", isError: !can.leavesOut });
      expect(to(w.vendor)).toEqual(can.leavesOut ? [...PEOPLE].sort() : []);
    });

    test("an approved campaign that was changed, or sent already, is not sent", async () => {
      await using w = await world();
      const draft = await w.draft();
      w.vendor.rewrite(draft.campaign, "Everything free");
      expect(await w.words("campaign_send", draft, "act_1")).toContain("was changed since");
      expect(await w.words("campaign_send", { ...draft, fingerprint: "0".repeat(16) }, "act_2")).toContain("was changed since");
      const other = await w.draft();
      await w.data("campaign_send", other, "act_3");
      expect(await w.words("campaign_send", other, "act_4")).toContain("not a draft any more");
      expect(w.vendor.outbox).toHaveLength(3);
      expect(sendsOf(w.vendor)).toBe(1);
    });

    test("an audience that has grown since is not written to", async () => {
      await using w = await world();
      const draft = await w.draft();
      expect(draft.people).toBe(3);
      w.vendor.people.push({ email: "dora@example.com", unsubscribed: false });
      expect((await w.server.preview("campaign_send", draft, new AbortController().signal))?.blocked).toContain(
        "4 people now, and 3",
      );
      expect(await w.words("campaign_send", draft, "act_1")).toContain("4 people now, and 3");
      expect(w.vendor.outbox).toEqual([]);
      const { people } = await w.data("campaign_report", { campaign: draft.campaign });
      expect(await w.data("campaign_send", { ...draft, people }, "act_1")).toMatchObject({ recipients: 4 });
    });

    test("one approval, one send: the same key again asks the vendor for nothing", async () => {
      await using w = await world();
      const [first, second] = [await w.draft(), await w.draft()];
      await w.data("campaign_send", first, "act_1");
      expect(await w.words("campaign_send", second, "act_1")).toContain("never sent twice");
      expect(await w.words("campaign_send", second)).toContain("id of its approval");
      expect(sendsOf(w.vendor)).toBe(1);
    });

    test("a draft without the way out or the address is none", async () => {
      await using w = await world();
      const mail = { name: "n", audience: w.vendor.audience, subject: "News", html: HTML };
      const refused = (change: object) => w.words("campaign_draft", { ...mail, ...change });
      expect(await refused({ html: "<p>Hello</p>{{postal_address}}" })).toContain("{{unsubscribe_url}}");
      expect(await refused({ html: "<a href='{{unsubscribe_url}}'>out</a>" })).toContain("{{postal_address}}");
      expect(await refused({ html: `<!-- {{unsubscribe_url}} -->{{postal_address}}` })).toContain("{{unsubscribe_url}}");
      expect(await refused({ text: "Hello" })).toContain("{{unsubscribe_url}}");
      expect(await refused({ subject: "Re: our call" })).toContain("answers or forwards");
      expect(await refused({ subject: "a\r\nBcc: x@y.z" })).toContain("line break");
      expect(await refused({ from: "boss@acme.com" })).toContain("from");
      expect(w.vendor.asked).toEqual([]);
      await using bare = await world({ postalAddress: undefined });
      expect(await bare.words("campaign_draft", mail)).toContain("postalAddress in tools.yaml");
    });
  });

  describe(`${name}: caps and hours`, () => {
    test("a send too large, and a day too full: nothing is asked to be sent", async () => {
      await using w = await world({ caps: { perSend: 2, perDay: 9000 } });
      const large = await w.draft();
      expect((await w.server.preview("campaign_send", large, new AbortController().signal))?.blocked).toContain("perSend");
      expect(await w.words("campaign_send", large, "act_1")).toContain("perSend");
      await using day = await world({ caps: { perSend: 100, perDay: 4 } });
      await day.data("campaign_send", await day.draft(), "act_1");
      expect(await day.words("campaign_send", await day.draft(), "act_2")).toContain("perDay");
      expect([sendsOf(w.vendor), sendsOf(day.vendor)]).toEqual([0, 1]);
      day.clock.at += 25 * 3_600_000;
      await day.data("campaign_send", await day.draft(), "act_3");
      expect(day.vendor.outbox).toHaveLength(6);
    });

    test("quiet hours: refused with the hour at which it may go", async () => {
      await using w = await world({ quietHours: { from: "21:00", to: "08:00", zone: "Europe/Berlin" } });
      const draft = await w.draft();
      w.clock.at = Date.parse("2026-11-19T23:30:00Z");
      expect(w.server.notBefore("campaign_send")).toBe(Date.parse("2026-11-20T07:00:00Z"));
      expect(w.server.notBefore("campaign_draft")).toBeNull();
      const shown = await w.server.preview("campaign_send", draft, new AbortController().signal);
      expect(shown).toMatchObject({
        recipients: 3,
        blocked: null,
        when: "after the quiet hours, from 2026-11-20T08:00 (Europe/Berlin)",
      });
      expect(await w.words("campaign_send", draft, "act_1")).toBe("quiet hours until 2026-11-20 08:00 (Europe/Berlin)");
      expect(w.vendor.outbox).toEqual([]);
      w.clock.at = Date.parse("2026-11-20T07:00:00Z");
      // A refusal counts nobody: the same approval may go now.
      await w.data("campaign_send", draft, "act_1");
      expect(w.vendor.outbox).toHaveLength(3);
    });
  });

  describe(`${name}: the wire`, () => {
    test("what never left is unsent and counts for nobody", async () => {
      await using w = await world();
      const draft = await w.draft();
      w.vendor.fail(/^GET/, "deaf");
      expect(await w.call("campaign_send", draft, "act_1")).toMatchObject({ kind: "unsent" });
      const off = new AbortController();
      off.abort();
      expect(await w.call("campaign_send", draft, "act_1", off.signal)).toMatchObject({ kind: "unsent" });
      await w.data("campaign_send", draft, "act_1");
      expect(w.vendor.outbox).toHaveLength(3);
      // Nobody listens any more.
      await w.vendor[Symbol.asyncDispose]();
      expect(await w.call("audience_list")).toMatchObject({ kind: "unsent", detail: expect.stringContaining("failed") });
    });

    for (const fault of ["deaf", "mute"] as const)
      test(`a connection that ends at the send (${fault}) is lost, asked once, counted, and looked up`, async () => {
        await using w = await world();
        const draft = await w.draft();
        w.vendor.fail(w.vendor.sends, fault);
        expect(await w.call("campaign_send", draft, "act_1")).toMatchObject({ kind: "lost" });
        expect(sendsOf(w.vendor)).toBe(1);
        expect(w.vendor.outbox).toHaveLength(fault === "mute" ? 3 : 0);
        expect(await w.words("campaign_send", draft, "act_1")).toMatch(/never sent twice|not a draft any more/);
        const checked = await w.data("send_check", { action: "act_1", campaign: draft.campaign });
        expect(checked.state).toBe(fault === "mute" ? "happened" : "unknown");
        expect(sendsOf(w.vendor)).toBe(1);
      });

    test("a copy or a list made for a send that was lost is found by its approval", async () => {
      await using w = await world();
      await put(w.store, "bob@example.com");
      const draft = await w.draft();
      w.vendor.fail(w.vendor.sends, "mute");
      expect(await w.call("campaign_send", draft, "act_01lost")).toMatchObject({ kind: "lost" });
      expect(to(w.vendor)).toEqual(["ann@example.com", "cleo@example.org"]);
      expect((await w.data("send_check", { action: "act_01lost", campaign: draft.campaign })).state).toBe("happened");
      expect((await w.data("send_check", { action: "act_02other", campaign: draft.campaign })).state).toBe(
        w.vendor.provider === "customerio" ? "unknown" : "happened",
      );
    });

    test("called off under way is lost", async () => {
      await using w = await world();
      const draft = await w.draft();
      w.vendor.fail(w.vendor.sends, "slow");
      const off = new AbortController();
      const came = w.vendor.came(w.vendor.sends);
      const sending = w.call("campaign_send", draft, "act_1", off.signal);
      await came;
      off.abort();
      expect(await sending).toMatchObject({ kind: "lost" });
    });

    test("a server's error at the send may come from behind the deed: lost; a no is a no", async () => {
      await using w = await world();
      const draft = await w.draft();
      w.vendor.fail(w.vendor.sends, { status: 422, body: null });
      expect(await w.words("campaign_send", draft, "act_1")).toContain("answered 422");
      w.vendor.fail(w.vendor.sends, { status: 302, headers: { location: "http://127.0.0.1:1/" } });
      expect(await w.words("campaign_send", draft, "act_1")).toContain("redirect");
      w.vendor.fail(w.vendor.sends, { status: 502, body: null });
      expect(await w.call("campaign_send", draft, "act_1")).toMatchObject({ kind: "lost" });
      expect(w.vendor.outbox).toEqual([]);
    });

    test("too many requests: a question waits, a send does not", async () => {
      await using w = await world();
      w.vendor.fail(/^GET/, { status: 429, headers: { "retry-after": "3" }, body: {} });
      await w.data("audience_list");
      expect(w.waits).toEqual([3000]);
      const draft = await w.draft();
      w.vendor.fail(w.vendor.sends, { status: 429, headers: { "retry-after": "7" }, body: {} });
      expect(await w.words("campaign_send", draft, "act_1")).toContain("again in 7 s");
      expect([sendsOf(w.vendor), w.vendor.outbox.length, w.waits.length]).toEqual([1, 0, 1]);
      w.vendor.fail(/^GET/, { status: 429, headers: { "retry-after": "900" }, body: {} });
      expect(await w.words("audience_list")).toContain("again in 900 s");
      expect(w.waits).toHaveLength(1);
    });

    test("no answer, and no error, holds the key; nonsense is not taken for an answer", async () => {
      await using w = await world();
      w.vendor.fail(/^GET/, {
        status: 403,
        body: {
          name: "x",
          title: "x",
          message: `bad ${w.vendor.key}`,
          detail: `bad ${w.vendor.key}`,
          errors: [{ detail: w.vendor.key, message: w.vendor.key }],
        },
      });
      const words = await w.words("audience_list");
      expect(words).toContain("403");
      expect(words).not.toContain(w.vendor.key);
      w.vendor.fail(/^GET/, { status: 200, body: { hello: 1 } });
      expect(await w.words("audience_list")).toContain("does not document");
      expect(JSON.stringify(await w.server.list(new AbortController().signal))).not.toContain(w.vendor.key);
      expect(JSON.stringify(w.server.state())).not.toContain(w.vendor.key);
    });
  });

  test(`${name}: what a person is shown before a yes`, async () => {
    await using w = await world();
    await put(w.store, "bob@example.com");
    const draft = await w.draft();
    const signal = new AbortController().signal;
    const shown = await w.server.preview("campaign_send", draft, signal);
    expect(shown).toMatchObject({
      recipients: 2,
      leftOut: { suppressed: 1, capped: 0, unusable: 0 },
      subject: "News of November",
      from: "Acme <news@acme.com>",
      senderDomain: "acme.com",
      unsubscribe: true,
      postalAddress: true,
      when: "as soon as it is approved",
      blocked: null,
    });
    expect(shown?.firstLines.split("\n").slice(0, 2)).toEqual(["News", "Hello there"]);
    expect(shown?.markdown).toContain("people: 2 (left out: 1 on the suppression list)");
    w.vendor.rewrite(draft.campaign, "Other");
    expect((await w.server.preview("campaign_send", draft, signal))?.blocked).toContain("was changed since");
    expect(await w.server.preview("audience_list", {}, signal)).toBeNull();
    expect([sendsOf(w.vendor), w.vendor.outbox.length]).toEqual([0, 0]);
  });
}

/** A campaign to these people alone, so that they have had a mail. */
async function sendTo(w: World, addresses: readonly string[], key: string): Promise<void> {
  const all = w.vendor.people.splice(0);
  w.vendor.people.push(...all.filter((person) => addresses.includes(person.email)));
  await w.data("campaign_send", await w.draft(), key);
  w.vendor.people.splice(0, w.vendor.people.length, ...all);
}
