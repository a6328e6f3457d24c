/**
 * The guard between an approval and the wire: suppression, caps and quiet hours, decided from the store in code that no prompt
 * reaches. What may have gone out is counted before it goes.
 */

import { normalAddress, type EmailSection } from "../../domain/email.ts";
import { quietUntil } from "../../domain/quiet-hours.ts";
import {
  addContacted,
  contactedBy,
  contactedOften,
  countContacted,
  forgetContacted,
  lockContacts,
  removeContacted,
  suppressedAmong,
} from "../../store/contacts.ts";
import type { Read, Store } from "../../store/store.ts";

const DAY = 86_400_000;
/** Contacts are personal data: kept as long as a cap counts them, and as long as an approval could still come twice. */
const KEPT_DAYS = 90;

/** Whom a send may reach, in the spelling in which they were given. */
export type Decision = {
  readonly allowed: readonly string[];
  readonly suppressed: readonly string[];
  /** They have had their mails of these days. */
  readonly capped: readonly string[];
  /** Not an address that can be compared with the list. */
  readonly unusable: readonly string[];
};

export type Guard = {
  /** What would be decided outside quiet hours; keeps nothing. */
  look(addresses: readonly string[]): Promise<{ readonly decision: Decision; readonly refusal: string | null }>;
  /** Decides, and counts the allowed as written to by this effect. A refusal counts nobody. */
  reserve(
    effectId: string,
    addresses: readonly string[],
  ): Promise<{ readonly decision: Decision } | { readonly refusal: string }>;
  /** Nothing went out by this effect, for certain. */
  release(effectId: string): Promise<void>;
  /** The end (UTC ms) of the quiet hours that it is now, or null. */
  quietUntil(): number | null;
};

export type GuardOptions = {
  readonly store: Pick<Store, "read" | "write">;
  readonly settings: Pick<EmailSection, "caps" | "quietHours">;
  /** UTC ms. */
  readonly now: () => number;
};

export function createGuard({ store, settings: { caps, quietHours }, now }: GuardOptions): Guard {
  const quiet = () => quietUntil(quietHours ?? null, now());

  async function decide(read: Read, addresses: readonly string[]): Promise<{ decision: Decision; people: Set<string> }> {
    const normal = new Map([...new Set(addresses)].map((address) => [address, normalAddress(address)] as const));
    const known = [...new Set([...normal.values()].filter((address) => address !== null))];
    const never = await suppressedAmong(read, known);
    const { count, days } = caps.perRecipient;
    const often = await contactedOften(read, known, { count, since: now() - days * DAY });
    const sorted = { allowed: [] as string[], suppressed: [] as string[], capped: [] as string[], unusable: [] as string[] };
    const people = new Set<string>();
    for (const [spelt, address] of normal) {
      if (address === null) sorted.unusable.push(spelt);
      else if (never.has(address)) sorted.suppressed.push(spelt);
      else if (often.has(address)) sorted.capped.push(spelt);
      else {
        sorted.allowed.push(spelt);
        people.add(address);
      }
    }
    return { decision: sorted, people };
  }

  function quietRefusal(): string | null {
    const until = quiet();
    if (until !== null && quietHours) {
      const end = Temporal.Instant.fromEpochMilliseconds(until).toZonedDateTimeISO(quietHours.zone);
      return `quiet hours until ${end.toPlainDate()} ${end.toPlainTime().toString({ smallestUnit: "minute" })} (${quietHours.zone})`;
    }
    return null;
  }

  async function refusalOf(read: Read, decision: Decision, people: number): Promise<string | null> {
    if (people === 0) return `nobody is left to write to${leftOutWords(decision)}`;
    if (people > caps.perSend)
      return `${people} people, and one send may reach ${caps.perSend} (email › caps › perSend in tools.yaml)`;
    const today = await countContacted(read, now() - DAY);
    if (today + people > caps.perDay)
      return `${people} people after ${today} in the last 24 hours, and ${caps.perDay} are allowed (email › caps › perDay in tools.yaml)`;
    return null;
  }

  return {
    quietUntil: quiet,

    look: (addresses) =>
      store.read(async (read) => {
        const { decision, people } = await decide(read, addresses);
        return { decision, refusal: await refusalOf(read, decision, people.size) };
      }),

    reserve: (effectId, addresses) =>
      store.write("email.reserve", async (tx) => {
        await lockContacts(tx);
        await forgetContacted(tx, now() - Math.max(KEPT_DAYS, caps.perRecipient.days) * DAY);
        if ((await contactedBy(tx, effectId)) > 0)
          return { refusal: `${effectId} has been tried already: it is never sent twice` };
        const { decision, people } = await decide(tx, addresses);
        const refusal = quietRefusal() ?? (await refusalOf(tx, decision, people.size));
        if (refusal !== null) return { refusal };
        await addContacted(tx, effectId, [...people], now());
        return { decision };
      }),

    async release(effectId) {
      await store.write("email.release", (tx) => removeContacted(tx, effectId));
    },
  };
}

/** ` (3 suppressed, 1 has had …)`, or nothing. */
export function leftOutWords({ suppressed, capped, unusable }: Omit<Decision, "allowed">): string {
  const parts = [
    suppressed.length > 0 ? `${suppressed.length} on the suppression list` : "",
    capped.length > 0 ? `${capped.length} with as many mails these days as they may get` : "",
    unusable.length > 0 ? `${unusable.length} with an address that cannot be checked` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` (left out: ${parts.join(", ")})`;
}
