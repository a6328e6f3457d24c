/** The email tools as a tool server: one capability map over one vendor, with the guard between every send and the wire. */

import { domainOf, normalAddress, parseSender } from "../../domain/email.ts";
import type { CallOptions, ToolAnswer, ToolServer } from "../server.ts";
import { answerOf, before, counts, grown, json, refusal, state } from "./answers.ts";
import { EMAIL_SERVER, EMAIL_TOOLS, isEmailTool, parseArgs, toolInfo, type EmailArgs, type EmailTool } from "./catalogue.ts";
import { fillTags, fingerprint, lawProblem, subjectProblem, type Law } from "./content.ts";
import type { Decision, Guard } from "./guard.ts";
import { previewOf, type EmailPreview } from "./preview.ts";
import type { Campaign } from "./provider.ts";
import { composeSingle } from "./single-mail.ts";
import { providerOf, senderOf, type EmailSettings } from "./vendors.ts";
import type { Fetch } from "./wire.ts";

export type EmailServerOptions = {
  readonly settings: EmailSettings;
  /** The value behind `key`. */
  readonly key: string;
  /** Where the vendor's API is; tests have their own. */
  readonly baseUrl?: string;
  readonly guard: Guard;
  /** UTC ms. */
  readonly now: () => number;
  readonly fetch: Fetch;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
};

export type EmailServer = ToolServer & {
  /** What a person is shown before a yes, read from the vendor where it must be; null for tools that need none. */
  preview(tool: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<EmailPreview | null>;
  /** Until when (UTC ms) an approved send should wait; null: it may go now. */
  notBefore(tool: string): number | null;
};

/** More people than any cap allows are not read one by one. */
const MOST_MEMBERS = 200_000;
/** A mail that was on its way when the answer was lost may be listed late. */
const SETTLED_MS = 15 * 60_000;
const DAY = 86_400_000;

/** Throws for settings that the schema lets through and no vendor can use. */
export function createEmailServer(options: EmailServerOptions): EmailServer {
  const { settings, guard, now } = options;
  const provider = providerOf(options);
  const sender = senderOf(settings);
  const campaignLaw: Law = {
    postalAddress: settings.postalAddress ?? null,
    unsubscribe: provider.unsubscribeForms,
    address: provider.addressForms,
  };

  const names = (Object.keys(EMAIL_TOOLS) as EmailTool[]).filter(
    (name) => name !== "transactional_send" || provider.single !== null,
  );
  let closed = false;

  /** Why this campaign may not go out as it stands, or null. */
  function campaignProblem(campaign: Campaign, expected: string): string | null {
    if (campaign.status !== "draft" && campaign.status !== "open")
      return `the campaign ${campaign.id} is not a draft any more: it is ${campaign.status}`;
    if (fingerprint(campaign) !== expected)
      return `the campaign ${campaign.id} was changed since: look at it again with campaign_report`;
    if (campaign.audience === null) return `the campaign ${campaign.id} does not say in one word whom it goes to`;
    const from = parseSender(campaign.from);
    if (from?.address !== sender.address)
      return `the campaign's sender is ${campaign.from || "missing"}, and the company's is ${settings.from}`;
    return subjectProblem(campaign.subject, true) ?? partsProblem(campaign.html, campaign.text);
  }

  /** A reader sees one of the two: each by itself must hold what the law wants. */
  function partsProblem(html: string, text: string | null): string | null {
    return lawProblem(html, campaignLaw) ?? (text ? lawProblem(text, campaignLaw) : null);
  }

  const call: { [Name in EmailTool]: (args: EmailArgs<Name>, options: CallOptions) => Promise<ToolAnswer> } = {
    async audience_list(_args, { signal }) {
      const found = await provider.audiences(signal);
      return found.ok ? json({ audiences: found.value }) : answerOf(found.failure);
    },

    async campaign_draft(args, { signal }) {
      const fill = (text: string, html: boolean) =>
        fillTags(text, { unsubscribe: provider.unsubscribeTag, postalAddress: settings.postalAddress ?? null, html });
      const html = fill(args.html, true);
      const text = args.text === undefined ? null : fill(args.text, false);
      const problem = subjectProblem(args.subject, true) ?? partsProblem(html, text);
      if (problem !== null) return refusal(problem);
      const { name, audience, subject, preheader = null } = args;
      const made = await provider.draft({ name, audience, subject, preheader, html, text }, signal);
      if (!made.ok) return answerOf(made.failure);
      // Read back: what stands there is what is approved.
      const there = await provider.campaign(made.value.id, signal);
      if (!there.ok)
        return json({
          campaign: made.value.id,
          note: `it could not be read back (${there.failure.detail}): see campaign_report`,
        });
      return json({
        campaign: made.value.id,
        fingerprint: fingerprint(there.value),
        people: await peopleOf(there.value.audience, signal),
        subject: there.value.subject,
        audience: there.value.audience,
      });
    },

    async campaign_send({ campaign: id, fingerprint: expected, people }, { signal, idempotencyKey: key }) {
      if (key === undefined) return refusal("a send needs the id of its approval");
      const read = await provider.campaign(id, signal);
      if (!read.ok) return before(read.failure);
      const problem = campaignProblem(read.value, expected);
      if (problem !== null) return refusal(problem);
      const members = await provider.members(read.value.audience ?? "", MOST_MEMBERS, signal);
      if (!members.ok) return before(members.failure);
      return guarded(key, members.value, async (decision) => {
        const { allowed, suppressed, capped, unusable } = decision;
        if (allowed.length > people) return refusal(grown(allowed.length, people));
        const ready = await provider.prepare(read.value, { allowed, suppressed, others: [...capped, ...unusable] }, key, signal);
        if (!ready.ok) return before(ready.failure);
        const sent = await provider.send(ready.value.id, signal);
        if (!sent.ok) return answerOf(sent.failure);
        return json({
          campaign: id,
          sentAs: ready.value.id,
          recipients: allowed.length,
          leftOut: counts(decision),
          note: ready.value.note,
        });
      });
    },

    async campaign_report({ campaign: id }, { signal }) {
      const read = await provider.campaign(id, signal);
      if (!read.ok) return answerOf(read.failure);
      const { name, audience, subject, from, status, sentAt } = read.value;
      const head = { campaign: id, name, audience, subject, from, status, fingerprint: fingerprint(read.value) };
      if (status !== "sent" && status !== "sending") return json({ ...head, people: await peopleOf(audience, signal) });
      const figures = await provider.report(id, signal);
      const at = sentAt === null ? null : new Date(sentAt).toISOString();
      return json({ ...head, sentAt: at, figures: figures.ok ? figures.value : { note: figures.failure.detail } });
    },

    async transactional_send(args, { signal, idempotencyKey: key }) {
      const { single } = provider;
      if (single === null) return refusal(`${provider.vendor} sends no single mails with this key`);
      if (key === undefined) return refusal("a send needs the id of its approval");
      const { mail, problem } = composeSingle(args, settings);
      if (problem !== null) return refusal(problem);
      return guarded(key, [mail.to], async () => {
        const sent = await single.send(mail, key, signal);
        return sent.ok ? json({ to: mail.to, id: sent.value.id }) : answerOf(sent.failure);
      });
    },

    async send_check({ action, campaign, to }, { signal }) {
      if (campaign !== undefined) return campaignState(action, campaign, signal);
      const address = normalAddress(to ?? "");
      if (address === null) return refusal("give the campaign, or the one address");
      const find = provider.single?.find ?? null;
      if (find === null) return state("unknown", `${provider.vendor} cannot be asked for a single mail`);
      const found = await find(action, { to: address, since: now() - 2 * DAY }, signal);
      if (!found.ok) return answerOf(found.failure);
      if (found.value === "found") return state("happened", null);
      return state(
        "unknown",
        found.value === "absent"
          ? `not listed at ${provider.vendor}; one that has just left may be missing for ${SETTLED_MS / 60_000} minutes`
          : "too many mails to be sure",
      );
    },
  };

  /** How many the audience holds now; null when the vendor does not say. */
  async function peopleOf(audience: string | null, signal: AbortSignal): Promise<number | null> {
    const members = audience === null ? null : await provider.members(audience, MOST_MEMBERS, signal);
    return members?.ok ? members.value.length : null;
  }

  async function campaignState(action: string, id: string, signal: AbortSignal): Promise<ToolAnswer> {
    const copy = provider.copySent === null ? null : await provider.copySent(action, signal);
    if (copy !== null && !copy.ok) return answerOf(copy.failure);
    if (copy?.value) return state("happened", null);
    const read = await provider.campaign(id, signal);
    if (!read.ok) return answerOf(read.failure);
    const { status } = read.value;
    if (status === "sent" || status === "sending" || status === "scheduled") return state("happened", null);
    return state(
      "unknown",
      status === "draft" ? `${provider.vendor} still shows it as a draft` : `${provider.vendor} shows it as ${status}`,
    );
  }

  /** Counts first, sends then; takes the count back only where nothing can have gone out. */
  async function guarded(
    key: string,
    addresses: readonly string[],
    send: (decision: Decision) => Promise<ToolAnswer>,
  ): Promise<ToolAnswer> {
    const reserved = await guard.reserve(key, addresses);
    if ("refusal" in reserved) return refusal(reserved.refusal);
    const answer = await send(reserved.decision);
    if (answer.kind === "unsent" || (answer.kind === "answered" && answer.isError)) await guard.release(key);
    return answer;
  }

  return {
    name: EMAIL_SERVER,
    list: async () => ({ tools: names.map(toolInfo) }),
    async call(tool, given, options) {
      if (closed) return { kind: "unsent", detail: "the email tools are closed" };
      if (!isEmailTool(tool) || !names.includes(tool)) return refusal(`there is no tool "${tool.slice(0, 60)}"`);
      return run(tool, given, options);
    },
    state: () => ({ state: closed ? "off" : "ready", detail: `${provider.vendor}, from ${settings.from}`, stderr: [] }),
    async close() {
      closed = true;
    },
    notBefore: (tool) => (isEmailTool(tool) && EMAIL_TOOLS[tool].class === "send" ? guard.quietUntil() : null),

    async preview(tool, given, signal) {
      if (tool === "transactional_send") {
        const parsed = parseArgs(tool, given);
        if ("problem" in parsed) return null;
        const { mail, problem } = composeSingle(parsed.args, settings);
        const look = await guard.look([mail.to]);
        const body = mail.html ?? mail.text ?? "";
        return previewOf({
          ...base(),
          to: mail.to,
          kind: parsed.args.kind,
          subject: mail.subject,
          from: settings.from,
          body,
          look,
          law: null,
          problem,
          unsubscribe: "List-Unsubscribe" in mail.headers,
        });
      }
      if (tool !== "campaign_send") return null;
      const parsed = parseArgs(tool, given);
      if ("problem" in parsed) return null;
      const read = await provider.campaign(parsed.args.campaign, signal);
      if (!read.ok)
        return previewOf({
          ...base(),
          to: null,
          kind: "marketing",
          subject: "",
          from: settings.from,
          body: "",
          look: null,
          law: campaignLaw,
          problem: read.failure.detail,
          unsubscribe: null,
        });
      const { subject, from, html, audience } = read.value;
      const members = audience === null ? null : await provider.members(audience, MOST_MEMBERS, signal);
      const look = members?.ok ? await guard.look(members.value) : null;
      const { fingerprint: expected, people } = parsed.args;
      const now = look?.decision.allowed.length ?? 0;
      const problem =
        campaignProblem(read.value, expected) ??
        (members?.ok === false ? members.failure.detail : null) ??
        (now > people ? grown(now, people) : null);
      return previewOf({
        ...base(),
        to: audience === null ? null : `audience ${audience}`,
        kind: "marketing",
        subject,
        from,
        body: html,
        look,
        law: campaignLaw,
        problem,
        unsubscribe: null,
      });
    },
  };

  function base() {
    return {
      senderDomain: domainOf(sender.address),
      quietUntil: guard.quietUntil(),
      zone: settings.quietHours?.zone ?? "UTC",
      postalAddress: settings.postalAddress ?? null,
    };
  }

  function run<Name extends EmailTool>(tool: Name, given: unknown, options: CallOptions): Promise<ToolAnswer> {
    const parsed = parseArgs(tool, given);
    if ("problem" in parsed) return Promise.resolve(refusal(parsed.problem));
    return call[tool](parsed.args, options);
  }
}
