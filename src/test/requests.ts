/** Test fixture: requests to the HTTP door: good ones of every kind, and a seeded engine that makes them bad. */

import { sign as githubSign } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import type { SignedSource } from "../triggers/event-sources.ts";

export const TOKEN = "token-new-0123456789abcdef";
export const OLD_TOKEN = "token-old-0123456789abcdef";
export const KEYS = {
  standard: `whsec_${Buffer.from("s".repeat(32)).toString("base64")}`,
  github: "github-secret-0123456789",
  stripe: "whsec_stripe_0123456789abcdef",
} as const;
export const OLD_KEYS = {
  standard: `whsec_${Buffer.from("o".repeat(32)).toString("base64")}`,
  github: "github-older-0123456789",
  stripe: "whsec_older_0123456789abcdef",
} as const;

export type Kind = "plain" | keyof typeof KEYS;
export const KINDS: readonly Kind[] = ["plain", "standard", "github", "stripe"];

export const SOURCES: ReadonlyMap<string, SignedSource> = new Map(
  (["standard", "github", "stripe"] as const).map((kind) => [
    kind,
    {
      name: kind,
      kind,
      secrets: [KEYS[kind], OLD_KEYS[kind]],
      typePath: null,
      map: {
        "shop.drop": "drop",
        "release.published": "drop",
        push: "drop",
        "invoice.payment_failed": "drop",
        "issue.goal": "goal",
      },
    },
  ]),
);

export type Parts = {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
};

export type SignOptions = {
  readonly secret?: string;
  /** UTC ms. */
  readonly at?: number;
  readonly id?: string;
};

/** A request of a kind with this body, signed by the kind's own library. */
export async function signed(
  kind: Kind,
  body: string | Uint8Array,
  { secret, at = Date.now(), id = "msg_1" }: SignOptions = {},
): Promise<Parts> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const common = { "content-type": "application/json" };
  const parts = (path: string, headers: Record<string, string>): Parts => ({
    path,
    method: "POST",
    headers: { ...common, ...headers },
    body: bytes,
  });
  if (kind === "plain") return parts("/webhook", { authorization: `Bearer ${secret ?? TOKEN}` });
  const key = secret ?? KEYS[kind];
  const seconds = Math.floor(at / 1000);
  if (kind === "standard")
    return parts("/webhook/standard", {
      "webhook-id": id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": new Webhook(key).sign(id, new Date(at), text),
    });
  if (kind === "github")
    return parts("/webhook/github", {
      "x-github-event": "release",
      "x-github-delivery": id,
      "x-hub-signature-256": text === "" ? "sha256=00" : await githubSign(key, text),
    });
  const header = await Stripe.webhooks.generateTestHeaderStringAsync({ payload: text, secret: key, timestamp: seconds });
  return parts("/webhook/stripe", { "stripe-signature": header });
}

/** A body that the kind's sender would send, for an event that is mapped to `drop`. */
export function goodBody(kind: Kind, n: number): object {
  const data = { drop: 25, page: `/p/${n}`, list: [1, 2, { three: "four" }], note: "żółć 😀" };
  if (kind === "plain") return { id: `id-${n}`, type: "drop", source: "monitor", timestamp: "2026-11-21T12:00:00Z", data };
  if (kind === "standard") return { type: "shop.drop", timestamp: "2026-11-21T12:00:00Z", data };
  if (kind === "github") return { action: "published", release: { tag_name: `v${n}` }, ...data };
  return {
    id: `evt_${n}`,
    object: "event",
    type: "invoice.payment_failed",
    created: 1_795_000_000,
    data: { object: data },
    pending_webhooks: 1,
  };
}

export function toRequest({ path, method, headers, body }: Parts): Request {
  return new Request(`http://127.0.0.1${path}`, { method, headers, ...(method === "GET" || method === "HEAD" ? {} : { body }) });
}

const MORSELS = [
  '"__proto__":{"admin":true},',
  '"constructor":{"prototype":1},',
  "1e999",
  "-1e999",
  "12345678901234567890123",
  "0.1e-999",
  "\\u0000",
  "\\ud800",
  "\\udfff\\ud800",
  "\u0000",
  "\ufeff",
  "\u2028",
  "null",
  "true",
  "[]",
  "{}",
  '""',
  "NaN",
  "Infinity",
  "undefined",
  "//",
  "/*",
  "'",
  "[".repeat(40),
  '{"a":'.repeat(40),
  "[".repeat(5000),
  '"type":"goal",',
  '"type":"budget_critical",',
  '"source":"marketeam",',
  '"id":"","data":[],',
  '"toString":1,',
  '"data":null,',
  "😀",
  "\r\n\r\n",
  "%00",
  "x".repeat(3000),
  "\\",
  '"',
  ",",
  ":",
  "}",
  "]",
];
const BYTES = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x00],
  [0x80],
  [0xef, 0xbb, 0xbf],
];
const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  [
    "content-type",
    [
      "",
      "text/plain",
      "application/json; charset=utf-16",
      "application/jsonx",
      "application/x-www-form-urlencoded",
      "APPLICATION/JSON",
      "application/cloudevents+json",
    ],
  ],
  ["content-encoding", ["gzip", "identity", "br, gzip"]],
  ["content-length", ["-1", "99999999999", "abc", "300000", "0"]],
  [
    "authorization",
    [
      "",
      "Bearer",
      "Bearer ",
      `bearer ${TOKEN}`,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN},${OLD_TOKEN}`,
      "Bearer \u00e9",
    ],
  ],
  ["webhook-id", ["", "a b", "x".repeat(300), "é"]],
  ["webhook-timestamp", ["", "0", "-1", "NaN", "1e99", "99999999999999999999"]],
  ["webhook-signature", ["", "v1,", "v1", "v2,abc", "v1,é v1,", ",".repeat(100), "v1a,x v1,x"]],
  ["x-hub-signature-256", ["", "sha256=", "sha1=abc", "sha256=" + "0".repeat(64), "é"]],
  ["x-github-event", ["", "push", "é", "x".repeat(500), "__proto__"]],
  ["stripe-signature", ["", "t=,v1=", "t=1", "v1=abc", "t=99999999999999999999,v1=a", "t=1,v1=" + "0".repeat(64), ",=,="]],
];
const PATHS = [
  "/webhook/",
  "/webhook//",
  "/webhook/none",
  "/webhook/__proto__",
  "/webhook/github/x",
  "/",
  "/webhook/%00",
  "/../webhook",
  "/webhook?x=1",
  "//webhook",
  "/WEBHOOK",
];
const METHODS = ["PUT", "DELETE", "PATCH", "OPTIONS", "GET", "HEAD"];

/** A mutated request: its body is bad before it is signed, or after, or its headers, path or method are. */
export async function mutated(random: () => number, n: number): Promise<Parts> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const kind = pick(KINDS);
  let bytes: Uint8Array = new TextEncoder().encode(JSON.stringify(goodBody(kind, n)));
  const times = Math.floor(random() * 4);
  const before = random() < 0.7;
  const spoil = () => {
    for (let i = 0; i < times; i++) bytes = spoiled(bytes, random, pick);
  };
  if (before) spoil();
  const at = random() < 0.05 ? Date.now() + (random() - 0.5) * 2_000_000 : Date.now();
  let parts = await signed(kind, bytes, {
    at,
    id: `msg_${n}`,
    ...(random() < 0.1 ? { secret: kind === "plain" ? OLD_TOKEN : OLD_KEYS[kind] } : {}),
  });
  if (!before) {
    spoil();
    parts = { ...parts, body: bytes };
  }
  const headers = { ...parts.headers };
  if (random() < 0.25) {
    const [name, values] = pick(HEADERS);
    const value = pick(values);
    if (random() < 0.3) delete headers[name];
    else headers[name] = value;
  }
  const path = random() < 0.03 ? pick(PATHS) : parts.path;
  const method = random() < 0.03 ? pick(METHODS) : parts.method;
  return { path, method, headers, body: parts.body };
}

function spoiled(bytes: Uint8Array, random: () => number, pick: <T>(items: readonly T[]) => T): Uint8Array {
  const at = Math.floor(random() * (bytes.length + 1));
  const insert = (more: Uint8Array) => Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
  switch (Math.floor(random() * 7)) {
    case 0:
      return insert(new TextEncoder().encode(pick(MORSELS)));
    case 1:
      return insert(new Uint8Array(pick(BYTES)));
    case 2:
      return bytes.subarray(0, at);
    case 3: {
      const copy = new Uint8Array(bytes);
      if (copy.length > 0) copy[at % copy.length] = Math.floor(random() * 256);
      return copy;
    }
    case 4:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 5: {
      // Where a value may stand, so that what follows is still JSON.
      const text = new TextDecoder().decode(bytes);
      const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?=[,}\]])|\b\d+\b/g)];
      const place = places[Math.floor(random() * places.length)];
      if (!place) return bytes;
      const value = pick([
        "1e999",
        "null",
        "[]",
        "{}",
        "-0",
        "true",
        '"\\u0000\\ud800"',
        '{"__proto__":{"a":1}}',
        "[[[[1]]]]",
        "1e21",
        '""',
      ]);
      return new TextEncoder().encode(text.slice(0, place.index) + value + text.slice(place.index + place[0].length));
    }
    default: {
      const text = new TextDecoder().decode(bytes);
      return new TextEncoder().encode(text.replace("{", `{${pick(MORSELS)}`));
    }
  }
}
