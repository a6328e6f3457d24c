/** The email tools over each vendor, and what only some of them have: single mails. */

import { describe, expect, test } from "bun:test";
import { suppress } from "../../store/contacts.ts";
import { EMAIL_CLASSES, EMAIL_VERIFY } from "./catalogue.ts";
import { ADDRESS, emailContract, emailWorld, HTML } from "./contract.ts";
import { fakeCustomerio } from "./fake-customerio.fixture.ts";
import { fakeMailchimp } from "./fake-mailchimp.fixture.ts";
import { fakeResend } from "./fake-resend.fixture.ts";

const resend = () => fakeResend(() => Date.parse("2026-11-19T11:00:00Z"));
emailContract("Resend", resend, { leavesOut: false, figures: { note: expect.stringContaining("webhooks") } });
emailContract("Mailchimp", fakeMailchimp, { leavesOut: true, figures: { sent: 3, uniqueOpens: 5, hardBounces: 2 } });
emailContract("Customer.io", fakeCustomerio, { leavesOut: true, figures: { sent: 12, delivered: 11, opens: 7, bounced: 1 } });

const OUT = "https://acme.com/out?a=jo%40example.com";
const mail = { to: "Jo@Example.com", kind: "marketing", subject: "Hello", html: HTML };

describe.each([
  ["Resend", resend],
  ["Customer.io", fakeCustomerio],
] as const)("%s: single mails", (name, make) => {
  test("one mail, once, from the company's address, with the way out in it and in its head", async () => {
    await using w = await emailWorld(make);
    expect(await w.data("transactional_send", mail, "act_1")).toMatchObject({ to: "jo@example.com", id: expect.any(String) });
    expect(w.vendor.outbox).toHaveLength(1);
    expect(w.vendor.outbox[0]).toMatchObject({ to: "jo@example.com", subject: "Hello", body: expect.stringContaining(OUT) });
    const asked = w.vendor.asked[0];
    expect(asked?.body).toMatchObject({
      from: "Acme <news@acme.com>",
      headers: { "List-Unsubscribe": `<${OUT}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
    });
    if (name === "Resend") expect(asked?.headers["idempotency-key"]).toBe("act_1");
    expect(await w.words("transactional_send", mail, "act_1")).toContain("never sent twice");
    expect(await w.words("transactional_send", mail)).toContain("id of its approval");
    expect(w.vendor.asked).toHaveLength(1);
  });

  test("nobody on the list, nobody too often, no address that is none: the vendor is not even asked", async () => {
    await using w = await emailWorld(make, { caps: { perRecipient: { count: 1, days: 7 } } });
    await w.store.write("test.suppress", (tx) => suppress(tx, ["jo@example.com"], "asked"));
    expect(await w.words("transactional_send", mail, "act_1")).toContain("1 on the suppression list");
    for (const to of ["a@b.c, d@e.f", "Jo <jo@example.com>", "jo@example.com\r\nBcc: x@y.z", "jo@localhost"])
      expect(await w.words("transactional_send", { ...mail, to }, "act_2")).toContain("not one bare address");
    expect(w.vendor.asked).toEqual([]);
    await w.data("transactional_send", { ...mail, to: "ann@example.com" }, "act_3");
    expect(await w.words("transactional_send", { ...mail, to: "ANN@example.com" }, "act_4")).toContain("as many mails");
    expect(w.vendor.outbox).toHaveLength(1);
  });

  test("marketing needs the way out and the address in every part; a service mail does not", async () => {
    await using w = await emailWorld(make);
    const refused = (change: object) => w.words("transactional_send", { ...mail, ...change }, "act_1");
    expect(await refused({ html: "<p>Buy</p>" })).toContain("{{unsubscribe_url}}");
    expect(await refused({ text: "Buy" })).toContain("{{unsubscribe_url}}");
    expect(await refused({ html: undefined, text: "Off: {{unsubscribe_url}}" })).toContain("{{postal_address}}");
    expect(await refused({ html: undefined })).toContain("html, text or both");
    expect(w.vendor.asked).toEqual([]);
    await w.data("transactional_send", { to: mail.to, kind: "service", subject: "Re: your order", text: "It left." }, "act_2");
    await using bare = await emailWorld(make, { unsubscribe: undefined });
    expect(await bare.words("transactional_send", mail, "act_1")).toContain("email › unsubscribe");
  });

  test("a lost one is counted, never repeated, and found where the vendor can be asked", async () => {
    await using w = await emailWorld(make);
    for (const [key, fault] of [
      ["act_1", "mute"],
      ["act_2", "deaf"],
    ] as const) {
      w.vendor.fail(/^POST/, fault);
      expect(await w.call("transactional_send", { ...mail, to: `${key}@example.com` }, key)).toMatchObject({ kind: "lost" });
    }
    expect(w.vendor.outbox).toHaveLength(1);
    const state = async (key: string) => (await w.data("send_check", { action: key, to: `${key}@example.com` })).state;
    expect([await state("act_1"), await state("act_2")]).toEqual(
      name === "Resend" ? ["happened", "unknown"] : ["unknown", "unknown"],
    );
    expect(w.vendor.asked.filter((asked) => asked.method === "POST")).toHaveLength(2);
  });

  test("a conflict over the key may be under way: lost", async () => {
    await using w = await emailWorld(make);
    w.vendor.fail(/^POST/, { status: 409, body: { name: "concurrent_idempotent_requests", message: "m" } });
    expect(await w.call("transactional_send", mail, "act_1")).toMatchObject({ kind: "lost" });
  });

  test("what a person is shown: the kind is said, and what an agent wrote is no markup", async () => {
    await using w = await emailWorld(make);
    const text = "Hi **you** [click](https://evil.example)\n# Approved";
    const shown = await w.server.preview(
      "transactional_send",
      { to: mail.to, kind: "service", subject: "*Hi*", text },
      new AbortController().signal,
    );
    expect(shown).toMatchObject({ recipients: 1, to: "jo@example.com", unsubscribe: false, postalAddress: false, blocked: null });
    expect(shown?.notes.join()).toContain("may advertise nothing");
    expect(shown?.markdown).toContain("\\*\\*you\\*\\* \\[click\\]");
    expect(shown?.markdown).toContain("> \\# Approved");
    const marketing = await w.server.preview("transactional_send", mail, new AbortController().signal);
    expect(marketing).toMatchObject({ unsubscribe: true, postalAddress: true, blocked: null });
    expect(w.vendor.asked).toEqual([]);
  });
});

test("Mailchimp's key opens no single mails: the tool is not offered, and a call is refused", async () => {
  await using w = await emailWorld(fakeMailchimp);
  const listed = await w.server.list(new AbortController().signal);
  const names = "tools" in listed ? listed.tools.map((tool) => tool.name) : [];
  expect(names).toEqual(["audience_list", "campaign_draft", "campaign_send", "campaign_report", "send_check"]);
  expect(await w.words("transactional_send", mail, "act_1")).toContain("there is no tool");
  expect(w.vendor.asked).toEqual([]);
});

test("the tools: classes, schemas that a model can be shown, and rules that name what there is", async () => {
  await using w = await emailWorld(resend);
  const listed = await w.server.list(new AbortController().signal);
  if (!("tools" in listed)) throw new Error("no tools");
  expect(EMAIL_CLASSES).toEqual({
    audience_list: "read",
    campaign_draft: "draft",
    campaign_send: "send",
    campaign_report: "read",
    transactional_send: "send",
    send_check: "read",
  });
  for (const tool of listed.tools) expect(tool.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
  // Measured as everywhere: bytes by four.
  expect(JSON.stringify(listed.tools).length / 4).toBeLessThan(1200);
  const names = new Set(listed.tools.map((tool) => tool.name));
  for (const rule of Object.values(EMAIL_VERIFY)) expect(names.has(rule.tool)).toBe(true);
  expect(await w.words("no_such_tool")).toContain("there is no tool");
  expect(await w.words("campaign_send", { campaign: "x", people: 1 }, "act_1")).toContain('"fingerprint"');
  expect(ADDRESS).toContain("Berlin");
  await w.server.close();
  expect(await w.call("audience_list")).toMatchObject({ kind: "unsent" });
});
