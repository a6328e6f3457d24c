/** The vendors by name: which client, where, and with which credentials. */

import { parseSender, type EmailSection } from "../../domain/email.ts";
import { createCustomerio, CUSTOMERIO_URLS, customerioProblem } from "./customerio.ts";
import { createMailchimp, mailchimpProblem, mailchimpUrl } from "./mailchimp.ts";
import type { Provider } from "./provider.ts";
import { createResend, RESEND_URL, resendProblem } from "./resend.ts";
import { createWire, type WireOptions } from "./wire.ts";

export type EmailSettings = Pick<
  EmailSection,
  "provider" | "region" | "from" | "replyTo" | "postalAddress" | "unsubscribe" | "caps" | "quietHours"
>;

export type VendorOptions = Pick<WireOptions, "fetch" | "sleep" | "now"> & {
  readonly settings: EmailSettings;
  /** The value behind `key`. */
  readonly key: string;
  /** Where the vendor's API is; tests have their own. */
  readonly baseUrl?: string;
};

/** Throws for a sender that the schema would have refused. */
export function senderOf(settings: EmailSettings) {
  const sender = parseSender(settings.from);
  if (sender === null) throw new Error("email › from is not an address");
  return sender;
}

/** Throws for a key that cannot be one of this vendor's. */
export function providerOf({ settings, key, baseUrl, fetch, sleep, now }: VendorOptions): Provider {
  const { provider, region, replyTo = null } = settings;
  const options = { from: senderOf(settings), replyTo };
  const common = { secret: key, fetch, sleep, now };
  const bearer = { authorization: `Bearer ${key}` };
  if (provider === "resend")
    return createResend(
      createWire({ ...common, vendor: "Resend", baseUrl: baseUrl ?? RESEND_URL, headers: bearer, problemOf: resendProblem }),
      options,
    );
  if (provider === "customerio") {
    const wire = createWire({
      ...common,
      vendor: "Customer.io",
      baseUrl: baseUrl ?? CUSTOMERIO_URLS[region],
      headers: bearer,
      problemOf: customerioProblem,
    });
    return createCustomerio(wire, options);
  }
  const url = baseUrl ?? mailchimpUrl(key);
  if (url === null) throw new Error("the Mailchimp key does not end in its data centre (-us21)");
  // "anystring" is the vendor's own word for the user name.
  const basic = { authorization: `Basic ${Buffer.from(`anystring:${key}`).toString("base64")}` };
  return createMailchimp(
    createWire({ ...common, vendor: "Mailchimp", baseUrl: url, headers: basic, problemOf: mailchimpProblem }),
    options,
  );
}
