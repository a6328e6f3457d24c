/** `.agents/notify.yaml`: which channels there are, what goes where, quiet hours. Secrets stand in it by name only. */

import { z } from "zod";
import { suggest, type Problem } from "../domain/problem.ts";
import { knownZone, type QuietHours } from "../domain/quiet-hours.ts";
import { NOTICE_KINDS, type NoticeKind } from "./channel.ts";
import { addressProblem } from "./post.ts";

const REFERENCE = /^\$\{([A-Z_][A-Z0-9_]*)\}$/;
// The messages do not repeat the value: it may be a secret that somebody wrote into the file.
const byName = z.string().refine((text) => REFERENCE.test(text), "write the name of an environment variable: ${NAME}");
const USER = /^[UW][A-Z0-9]{2,20}$/;
const CHANNEL_ID = /^[CGD][A-Z0-9]{2,20}$/;
const time = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "write a time as HH:MM in quotes");
const zone = z.string().refine(knownZone, "not a time zone: write an IANA name, such as Europe/Berlin");
const address = z
  .string()
  .refine((text) => REFERENCE.test(text) || addressProblem(text) === null, "write an https:// address or ${NAME}");
const channelName = z.string().regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, "use lower-case letters, digits and hyphens");

const slack = z
  .strictObject({
    type: z.literal("slack"),
    url: byName.optional(),
    token: byName.optional(),
    channel: z.string().min(1).max(100).optional(),
    signingSecret: byName.optional(),
    approvers: z.array(z.string().regex(USER, "write a member's id, such as U0123456789")).min(1).max(100).optional(),
  })
  .refine(
    ({ url, token, channel }) => (url === undefined) === (token !== undefined && channel !== undefined),
    "a Slack channel needs either `url` (an incoming webhook) or `token` and `channel`",
  )
  .refine(
    ({ token, signingSecret, approvers }) =>
      (signingSecret === undefined && approvers === undefined) ||
      (token !== undefined && signingSecret !== undefined && approvers !== undefined),
    "to approve in Slack, a channel needs `token`, `channel`, `signingSecret` and `approvers` (who may)",
  );
const webhook = z.strictObject({ type: z.literal("webhook"), url: address, secret: byName });
const log = z.strictObject({ type: z.literal("log") });

/** The whole file. Without `send`, every channel gets every kind. */
export const notifySettings = z.strictObject({
  zone: zone.default("UTC"),
  quiet: z
    .strictObject({ from: time, to: time })
    .refine(({ from, to }) => from !== to, "quiet hours that begin and end at the same time")
    .optional(),
  digest: time.optional(),
  channels: z.record(channelName, z.union([slack, webhook, log])).default({}),
  send: z.partialRecord(z.enum(NOTICE_KINDS), z.array(channelName)).default({}),
});
export type NotifySettings = z.infer<typeof notifySettings>;

/** Who may answer by buttons in a channel of Slack, and how its requests are known. */
export type SlackAnswers = { readonly channel: string; readonly signingSecret: string; readonly approvers: readonly string[] };

export type ChannelSpec =
  | {
      readonly type: "slack";
      readonly name: string;
      readonly to: { url: string } | { token: string; channel: string };
      readonly answers?: SlackAnswers;
    }
  | { readonly type: "webhook"; readonly name: string; readonly url: string; readonly secret: string }
  | { readonly type: "log"; readonly name: string };

export type Resolved = {
  readonly channels: readonly ChannelSpec[];
  readonly quiet: QuietHours | null;
  readonly digest: { readonly at: string; readonly zone: string } | null;
  /** The channels (by name) that a kind goes to. */
  readonly route: (kind: NoticeKind) => readonly string[];
  readonly problems: readonly Problem[];
  /** For the log's redaction, before the first line is written. */
  readonly secrets: readonly string[];
};

/**
 * The settings with their variables filled in. A channel whose variable is not set, or holds what cannot be used, is left
 * out with a warning; an error is what no environment can make right. No problem repeats a value.
 */
export function resolveSettings(
  settings: NotifySettings,
  { file, variable }: { readonly file: string; readonly variable: (name: string) => string | null },
): Resolved {
  const problems: Problem[] = [];
  const secrets = new Set<string>();
  const names = Object.keys(settings.channels);

  function off(name: string, message: string, hint: string): null {
    problems.push({ severity: "warning", file, message: `the channel ${name} is off: ${message}`, hint });
    return null;
  }
  /** The value behind `${NAME}`, which is kept for redaction; other text as it is. */
  function value(name: string, text: string): string | null {
    const variableName = REFERENCE.exec(text)?.[1];
    if (variableName === undefined) return text;
    const found = variable(variableName)?.trim();
    if (!found) return off(name, `${variableName} is not set`, "set it in the environment or in .env");
    for (const secret of piecesOf(found)) secrets.add(secret);
    return found;
  }
  function usable(name: string, text: string): string | null {
    const url = value(name, text);
    const problem = url === null ? null : addressProblem(url);
    return problem === null ? url : off(name, `its address ${problem}`, "an address is https://…");
  }
  function specOf(name: string, channel: NotifySettings["channels"][string]): ChannelSpec | null {
    if (channel.type === "log") return { type: "log", name };
    if (channel.type === "webhook") {
      const [url, secret] = [usable(name, channel.url), value(name, channel.secret)];
      if (url === null || secret === null) return null;
      const problem = secretProblem(secret);
      if (problem !== null) return off(name, `its secret ${problem}`, 'make one: echo "whsec_$(openssl rand -base64 32)"');
      return { type: "webhook", name, url, secret };
    }
    if (channel.url !== undefined) {
      const url = usable(name, channel.url);
      return url === null ? null : { type: "slack", name, to: { url } };
    }
    const [token, id] = [value(name, channel.token ?? ""), value(name, channel.channel ?? "")];
    if (token === null || id === null) return null;
    const to = { token, channel: id };
    if (channel.signingSecret === undefined || channel.approvers === undefined) return { type: "slack", name, to };
    const signingSecret = value(name, channel.signingSecret);
    if (signingSecret === null) return null;
    if (signingSecret.length < 16 || /\s/.test(signingSecret))
      return off(name, "its signingSecret is not one of Slack's", "api.slack.com/apps › your app › Basic Information");
    // A request names the channel by its id alone.
    if (!CHANNEL_ID.test(id))
      return off(name, "to approve there, `channel` must be an id such as C0123456789", "see its details in Slack");
    return { type: "slack", name, to, answers: { channel: id, signingSecret, approvers: channel.approvers } };
  }

  const channels = Object.entries(settings.channels).flatMap(([name, channel]) => specOf(name, channel) ?? []);
  for (const [kind, targets] of Object.entries(settings.send))
    for (const target of targets ?? [])
      if (!names.includes(target))
        problems.push({
          severity: "error",
          file,
          message: `send › ${kind}: there is no channel "${target}"`,
          hint: suggest(target, names),
        });
  const on = channels.map((channel) => channel.name);
  return {
    channels,
    quiet: settings.quiet === undefined ? null : { ...settings.quiet, zone: settings.zone },
    digest: settings.digest === undefined ? null : { at: settings.digest, zone: settings.zone },
    route: (kind) => on.filter((name) => (settings.send[kind] ?? on).includes(name)),
    problems,
    secrets: [...secrets],
  };
}

/** A secret as it stands, and what of it can be seen elsewhere: the base64 behind `whsec_`, the tail of an address. */
function piecesOf(secret: string): string[] {
  const tail = URL.canParse(secret) ? new URL(secret).pathname : secret.replace(/^whsec_/, "");
  return [secret, ...(tail.length >= 12 ? [tail] : [])];
}

/** Null for `whsec_` and base64 of 24 to 64 bytes (the prefix may be missing), else what is wrong, without the secret. */
export function secretProblem(secret: string): string | null {
  const text = secret.replace(/^whsec_/, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return "is not base64";
  const bytes = Buffer.from(text, "base64").byteLength;
  return bytes >= 24 && bytes <= 64 ? null : `has ${bytes} bytes, it must have 24 to 64`;
}
