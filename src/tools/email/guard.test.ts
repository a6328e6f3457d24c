/** The guard on every engine: whatever is asked in whatever order, nobody gets what he must not get. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { emailSection, normalAddress } from "../../domain/email.ts";
import { quietUntil } from "../../domain/quiet-hours.ts";
import { contactedBy, countContacted, suppress, unsuppress } from "../../store/contacts.ts";
import { ENGINES } from "../../test/engines.ts";
import { createGuard } from "./guard.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse("2026-03-27T12:00:00Z");
const SPELT = ["ann@a.com", "ANN@A.com", "bob@a.com", "Cleo@B.org", "dan@b.org", "eve@Ü.de", "not an address"];
const LISTED = ["ann@a.com", "bob@a.com", "cleo@b.org", "@b.org", "eve@xn--tda.de"];

type Step =
  | { readonly do: "send"; readonly to: readonly string[]; readonly fails: boolean }
  | { readonly do: "suppress" | "allow"; readonly whom: string }
  | { readonly do: "wait"; readonly hours: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("send" as const), to: fc.subarray(SPELT), fails: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("suppress" as const, "allow" as const), whom: fc.constantFrom(...LISTED) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), hours: fc.integer({ min: 1, max: 40 }) }) },
);

for (const engine of ENGINES)
  describe.skipIf(!engine.ok)(`the guard on ${engine.name}`, () => {
    const section = {
      provider: "resend",
      key: "${K}",
      from: "a@b.com",
      caps: { perSend: 3, perDay: 5, perRecipient: { count: 2, days: 3 } },
      // Over the night in which the clock is put forward.
      quietHours: { from: "20:00", to: "07:00", zone: "Europe/Berlin" },
    };
    const settings = emailSection.parse(section);

    test("no order of sends, suppressions and days lets a mail through that must not leave", async () => {
      await using store = await engine.open();
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
          run += 1;
          await store.write("test.clear", async (tx) => {
            await tx.db.deleteFrom("suppressed").execute();
            await tx.db.deleteFrom("contacted").execute();
          });
          let at = START;
          const guard = createGuard({ store, settings, now: () => at });
          const never = new Set<string>();
          const sent: { to: string; at: number }[] = [];
          for (const [index, one] of steps.entries()) {
            if (one.do === "wait") at += one.hours * HOUR;
            else if (one.do !== "send") {
              const put = one.do === "suppress";
              if (put) never.add(one.whom);
              else never.delete(one.whom);
              await store.write(
                "test.list",
                async (tx) => void (await (put ? suppress(tx, [one.whom], "asked") : unsuppress(tx, one.whom))),
              );
            } else {
              const key = `act_${run}_${index}`;
              const seen = await guard.look(one.to);
              const reserved = await guard.reserve(key, one.to);
              if ("refusal" in reserved) {
                expect(await store.read((read) => contactedBy(read, key))).toBe(0);
                continue;
              }
              expect(reserved.decision).toEqual(seen.decision);
              const { allowed, suppressed, capped, unusable } = reserved.decision;
              // Nobody is left out in silence.
              expect([...allowed, ...suppressed, ...capped, ...unusable].sort()).toEqual([...one.to].sort());
              const people = new Set(allowed.map((spelt) => normalAddress(spelt) ?? "?"));
              for (const to of people) {
                expect(to).not.toBe("?");
                expect(never.has(to) || never.has(`@${to.split("@")[1]}`)).toBe(false);
              }
              expect(people.size).toBeGreaterThan(0);
              expect(people.size).toBeLessThanOrEqual(3);
              expect(quietUntil(settings.quietHours ?? null, at)).toBeNull();
              expect(await guard.reserve(key, one.to)).toEqual({
                refusal: `${key} has been tried already: it is never sent twice`,
              });
              if (one.fails) await guard.release(key);
              else sent.push(...[...people].map((to) => ({ to, at })));
            }
          }
          for (const mail of sent) {
            const within = (days: number) => sent.filter((other) => other.at <= mail.at && other.at > mail.at - days * DAY);
            expect(within(1).length).toBeLessThanOrEqual(5);
            expect(within(3).filter((other) => other.to === mail.to).length).toBeLessThanOrEqual(2);
          }
        }),
        { numRuns: engine.name === "sqlite" ? 120 : 40 },
      );
    });

    test("sends at the same moment do not pass the caps together", async () => {
      await using store = await engine.open();
      const guard = createGuard({ store, settings: { caps: { ...settings.caps, perDay: 4 } }, now: () => START });
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => guard.reserve(`act_${i}`, [`p${i}@a.com`, "ann@a.com"])),
      );
      const reached = answers.flatMap((answer) => ("decision" in answer ? [...answer.decision.allowed] : []));
      expect(reached.length).toBeLessThanOrEqual(4);
      expect(reached.filter((to) => to === "ann@a.com").length).toBeLessThanOrEqual(2);
      expect(await store.read((read) => countContacted(read, START - DAY))).toBe(reached.length);
      // One approval twice at once: one of them.
      const twice = await Promise.all(
        [1, 2, 3].map(() =>
          createGuard({ store, settings: { caps: { ...settings.caps, perDay: 99 } }, now: () => START }).reserve("act_same", [
            "zoe@a.com",
          ]),
        ),
      );
      expect(twice.filter((answer) => "decision" in answer)).toHaveLength(1);
    });

    test("contacts are forgotten when nobody counts them any more", async () => {
      await using store = await engine.open();
      let at = START;
      const guard = createGuard({ store, settings: { caps: settings.caps }, now: () => at });
      const kept = (key: string) => store.read((read) => contactedBy(read, key));
      await guard.reserve("act_1", ["ann@a.com"]);
      at += 89 * DAY;
      await guard.reserve("act_2", ["ann@a.com"]);
      expect([await kept("act_1"), await kept("act_2")]).toEqual([1, 1]);
      at += 2 * DAY;
      await guard.reserve("act_3", ["bob@a.com"]);
      expect([await kept("act_1"), await kept("act_2")]).toEqual([0, 1]);
    });
  });
