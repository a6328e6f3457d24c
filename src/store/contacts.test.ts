/** Suppressed and contacted addresses on every engine: many of them, whole domains, another tenant's. */

import { describe, expect, test } from "bun:test";
import { ENGINES } from "../test/engines.ts";
import {
  addContacted,
  contactedOften,
  countContacted,
  countSuppressed,
  listSuppressed,
  suppress,
  suppressedAmong,
  unsuppress,
} from "./contacts.ts";

for (const engine of ENGINES)
  describe.skipIf(!engine.ok)(`contacts on ${engine.name}`, () => {
    test("on the list once, with the first reason; off it again", async () => {
      await using store = await engine.open();
      expect(await store.write("test.one", (tx) => suppress(tx, ["b@x.com", "a@x.com", "a@x.com"], "asked"))).toBe(2);
      expect(await store.write("test.two", (tx) => suppress(tx, ["a@x.com", "@y.com"], "imported"))).toBe(1);
      expect(await store.write("test.none", (tx) => suppress(tx, [], "nobody"))).toBe(0);
      const listed = await store.read((read) => listSuppressed(read, { limit: 10 }));
      expect(listed.map(({ address, reason }) => [address, reason])).toEqual([
        ["@y.com", "imported"],
        ["a@x.com", "asked"],
        ["b@x.com", "asked"],
      ]);
      expect(listed.every(({ at }) => Number.isSafeInteger(at))).toBe(true);
      expect(
        (await store.read((read) => listSuppressed(read, { limit: 1, after: "a@x.com" }))).map((entry) => entry.address),
      ).toEqual(["b@x.com"]);
      expect(await store.write("test.off", (tx) => unsuppress(tx, "a@x.com"))).toBe(true);
      expect(await store.write("test.off", (tx) => unsuppress(tx, "a@x.com"))).toBe(false);
      expect(await store.read(countSuppressed)).toBe(2);
    });

    test("40,000 addresses in one question, with whole domains, and nobody of another tenant", async () => {
      await using store = await engine.open();
      const all = Array.from({ length: 40_000 }, (_, i) => `p${i}@${i % 100 === 0 ? "gone.com" : "x.com"}`);
      await store.write("test.many", (tx) => suppress(tx, [...all.slice(0, 12_000), "@gone.com"], "asked"));
      const among = await store.read((read) => suppressedAmong(read, all));
      expect(among.size).toBe(12_000 + 280);
      expect(await store.read((read) => suppressedAmong({ ...read, tenant: "other" }, all))).toEqual(new Set());
    });

    test("who was written to how often since when", async () => {
      await using store = await engine.open();
      await store.write("test.sent", async (tx) => {
        await addContacted(tx, "act_1", ["a@x.com", "b@x.com"], 1000);
        await addContacted(tx, "act_2", ["a@x.com", "a@x.com"], 2000);
      });
      const often = (count: number, since: number) =>
        store.read((read) => contactedOften(read, ["a@x.com", "b@x.com", "c@x.com"], { count, since }));
      expect(await often(2, 0)).toEqual(new Set(["a@x.com"]));
      expect(await often(1, 0)).toEqual(new Set(["a@x.com", "b@x.com"]));
      expect(await often(1, 1000)).toEqual(new Set(["a@x.com"]));
      expect(await store.read((read) => countContacted(read, 999))).toBe(3);
    });
  });
