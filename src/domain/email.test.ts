/** Addresses in one form, the email section, files of addresses, and hours at which nobody is written to. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addressEntry, readAddressList } from "./address-list.ts";
import { EMAIL_CAPS, emailSection, normalAddress, parseSender } from "./email.ts";
import { quietUntil, type QuietHours } from "./quiet-hours.ts";

describe("addresses", () => {
  test("one spelling of one address", () => {
    expect(normalAddress("  Jo.Doe+News@EXAMPLE.com ")).toBe("jo.doe+news@example.com");
    expect(normalAddress("jo@Exämple.com")).toBe("jo@xn--exmple-cua.com");
    expect(normalAddress("jo@xn--exmple-cua.com")).toBe("jo@xn--exmple-cua.com");
  });

  test("what is not one bare address", () => {
    const none = ["", "jo", "@a.com", "jo@", "jo@localhost", "jo@1.2.3.4", "jo@[1.2.3.4]", "a b@c.de", "jo@a..com", ".jo@a.com"];
    const more = [
      "jo.@a.com",
      "Jo <jo@a.com>",
      "a@b.com,c@d.com",
      "jo@a.com\nBcc: x@y.z",
      "jo@a.com/x",
      "jo@b.com:25",
      "jo@a_b.com",
    ];
    for (const text of [...none, ...more, `${"x".repeat(65)}@a.com`, "jürgen@a.com", '"a b"@c.de'])
      expect([text, normalAddress(text)]).toEqual([text, null]);
  });

  test("the form is its own form", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        const normal = normalAddress(address.toUpperCase());
        // Whatever is taken is taken alike in every case.
        if (normal === null) return normalAddress(address) === null;
        return normalAddress(normal) === normal && normalAddress(address) === normal;
      }),
    );
  });

  test("senders", () => {
    expect(parseSender("Acme News <News@Acme.com>")).toEqual({ name: "Acme News", address: "news@acme.com" });
    expect(parseSender('"Acme, Inc." <news@acme.com>')).toEqual({ name: "Acme, Inc.", address: "news@acme.com" });
    expect(parseSender("news@acme.com")).toEqual({ name: null, address: "news@acme.com" });
    for (const bad of ["Acme", "Acme <>", "<a@b.com> x", "A\r\nBcc: x <a@b.com>"]) expect(parseSender(bad)).toBeNull();
  });
});

describe("the email section", () => {
  const least = { provider: "resend", key: "${RESEND_API_KEY}", from: "Acme <news@acme.com>" };

  test("the least there can be, and what holds then", () => {
    expect(emailSection.parse(least)).toEqual({
      ...least,
      provider: "resend",
      enabled: true,
      region: "us",
      caps: { ...EMAIL_CAPS },
    });
    expect(emailSection.parse({ ...least, caps: { perSend: 20 } }).caps).toEqual({ ...EMAIL_CAPS, perSend: 20 });
  });

  test("what is refused, and no message repeats a key that was written into the file", () => {
    const bad: object[] = [
      { key: "re_123secret" },
      { from: "Acme" },
      { provider: "sendmail" },
      { caps: { perSent: 5 } },
      { caps: { perSend: 0 } },
      { caps: { perRecipient: { count: 1 } } },
      { quietHours: { from: "21:00", to: "08:00", zone: "Mars/Base" } },
      { quietHours: { from: "08:00", to: "08:00", zone: "UTC" } },
      { quietHours: { from: "9", to: "08:00", zone: "UTC" } },
      { postalAddress: "- - - - - - - - -" },
      { unsubscribe: "http://acme.com" },
      { quiethours: null },
    ];
    for (const change of bad) {
      const read = emailSection.safeParse({ ...least, ...change });
      expect([change, read.success]).toEqual([change, false]);
      expect(JSON.stringify(read.error?.issues)).not.toContain("re_123secret");
    }
    for (const unsubscribe of ["https://acme.com/out?a={email}", "mailto:out@acme.com?subject=stop"])
      expect(emailSection.parse({ ...least, unsubscribe }).unsubscribe).toBe(unsubscribe);
  });
});

describe("a file of addresses", () => {
  test("one a line, a CSV with headings, quotes, names and separators", () => {
    const csv =
      '\uFEFFName;E-Mail;Since\r\n"Doe; Jo";Jo@Example.com;2024\r\nAnn <ann@example.com>\n\n# a remark about x@y.zz\n@Acme.com\tall of them\nbob@example.com,jo@example.com\n';
    expect(readAddressList(csv)).toEqual({
      addresses: ["jo@example.com", "ann@example.com", "@acme.com", "bob@example.com"],
      unreadable: [],
    });
  });

  test("lines without an address are told, by number", () => {
    expect(readAddressList("jo@example.com\nnot one\n\njo at example.com\n")).toEqual({
      addresses: ["jo@example.com"],
      unreadable: [2, 4],
    });
    expect(readAddressList("jürgen@example.com\nann@example.com")).toEqual({ addresses: ["ann@example.com"], unreadable: [1] });
    expect(readAddressList("")).toEqual({ addresses: [], unreadable: [] });
  });

  test("a whole domain", () => {
    expect([addressEntry("@Acme.com"), addressEntry("@acme"), addressEntry("acme.com")]).toEqual(["@acme.com", null, null]);
  });
});

describe("quiet hours", () => {
  const zones = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "UTC",
    "America/Santiago",
  ];
  // Clocks are changed between 0 and 4 at night: what begins or ends then is told in the tests of single nights.
  const hour = fc
    .tuple(fc.integer({ min: 5, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map(([h, m]) => `${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`);

  test("it is quiet exactly when the clock on the wall says so, across midnight and whenever it is changed; and the end ends it", () => {
    const start = Date.parse("2026-01-01T00:00:00Z");
    fc.assert(
      fc.property(fc.constantFrom(...zones), hour, hour, fc.integer({ min: 0, max: 366 * 24 * 60 }), (zone, from, to, minute) => {
        if (from === to) return;
        const quiet: QuietHours = { from, to, zone };
        const at = start + minute * 60_000;
        const wall = Temporal.Instant.fromEpochMilliseconds(at)
          .toZonedDateTimeISO(zone)
          .toPlainTime()
          .toString({ smallestUnit: "minute" });
        const expected = from < to ? from <= wall && wall < to : wall >= from || wall < to;
        const until = quietUntil(quiet, at);
        expect([zone, from, to, new Date(at).toISOString(), until !== null]).toEqual([
          zone,
          from,
          to,
          new Date(at).toISOString(),
          expected,
        ]);
        if (until !== null) {
          expect(until).toBeGreaterThan(at);
          expect(quietUntil(quiet, until)).toBeNull();
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("the nights when the clock is changed", () => {
    const night: QuietHours = { from: "22:00", to: "02:30", zone: "Europe/Berlin" };
    // Put back: 02:30 comes twice, and the second one ends it.
    expect(quietUntil(night, Date.parse("2026-10-25T00:45:00Z"))).toBe(Date.parse("2026-10-25T01:30:00Z"));
    // Put forward: 02:30 does not come, 03:30 is as late.
    expect(quietUntil(night, Date.parse("2026-03-29T00:30:00Z"))).toBe(Date.parse("2026-03-29T01:30:00Z"));
  });
});
