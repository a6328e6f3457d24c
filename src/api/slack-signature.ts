/** Slack's signature (v0): HMAC-SHA256 over version, time and the body as it came. */

import { createHmac, timingSafeEqual } from "node:crypto";
import { WINDOW_SECONDS } from "./signed-event.ts";

export type SlackSigned = { readonly body: string; readonly timestamp: string | null; readonly signature: string | null };

/** `late`: rightly signed, but its time is more than five minutes from `now` (UTC ms). Takes as long for a near miss as for any other. */
export function verifySlack(secret: string, { body, timestamp, signature }: SlackSigned, now: number): "good" | "bad" | "late" {
  if (timestamp === null || !/^\d{1,12}$/.test(timestamp)) return "bad";
  const given = /^v0=([0-9a-f]{64})$/.exec(signature ?? "")?.[1];
  if (given === undefined) return "bad";
  const right = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest();
  if (!timingSafeEqual(Buffer.from(given, "hex"), right)) return "bad";
  return Math.abs(now / 1000 - Number(timestamp)) <= WINDOW_SECONDS ? "good" : "late";
}
