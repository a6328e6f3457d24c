/** The body of POST /webhook: our own shape of an event, strictly. */

import { z } from "zod";
import { hashOf } from "../domain/deliverable.ts";
import { OWN_SOURCE, PLAIN_SOURCE } from "../domain/inbox.ts";
import { schemaProblems } from "../skills/schema-problems.ts";
import type { Incoming } from "../triggers/event-take.ts";
import { isMap } from "./body.ts";

const time = z.iso.datetime({ offset: true });
const isTime = (value: unknown) => time.safeParse(value).success;

const plainEvent = z.strictObject({
  id: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, "1 to 200 visible ASCII characters")
    .optional(),
  type: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/, "1 to 100 letters, digits and . _ : / -"),
  source: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "1 to 64 letters, digits and . _ -")
    .optional(),
  timestamp: z.custom<string>(isTime, "must be a time with its zone, like 2026-11-21T16:30:00Z").optional(),
  data: z.custom<Readonly<Record<string, unknown>>>(isMap, "must be a map (key: value)"),
});

export const isType = (text: string) => plainEvent.shape.type.safeParse(text).success;

/** The event in a body, or what is wrong with it in one line. `taken` are the names of signed sources: nobody else speaks for them. */
export function readPlainEvent(
  body: Readonly<Record<string, unknown>>,
  { text, taken }: { readonly text: string; readonly taken: { has(name: string): boolean } },
): { readonly event: Incoming } | { readonly problem: string } {
  // Zod passes this one name by without a word.
  if (Object.hasOwn(body, "__proto__")) return { problem: 'unknown field "__proto__"' };
  const read = plainEvent.safeParse(body);
  if (!read.success) {
    const [first] = schemaProblems(read.error.issues, plainEvent, { file: "", data: body, lineOf: () => undefined });
    if (!first) return { problem: "the body has not the shape of an event" };
    return { problem: `${first.message.replace("unknown key", "unknown field")}${first.hint ? ` (${first.hint})` : ""}` };
  }
  const { id, type, source = PLAIN_SOURCE, timestamp, data } = read.data;
  if (source === OWN_SOURCE || taken.has(source))
    return {
      problem: `source: "${source}" is a name that only ${source === OWN_SOURCE ? "the team itself" : "its signed events"} may use`,
    };
  const hash = hashOf(text);
  const happenedAt = timestamp === undefined ? null : Date.parse(timestamp);
  if (Number.isNaN(happenedAt)) return { problem: "timestamp is no time" };
  return { event: { source, key: id ?? `body ${hash}`, hash, type, theirType: null, mayAsk: true, happenedAt, data } };
}
