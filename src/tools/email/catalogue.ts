/** The email tools by name: what each takes, what class it is, and how a lost one is looked for. */

import { z } from "zod";
import type { ActionClass } from "../../domain/action.ts";
import type { VerifyRule } from "../../domain/tool-catalogue.ts";
import type { ToolInfo } from "../server.ts";
import { ADDRESS_TAG, MAX_BODY_CHARS, UNSUBSCRIBE_TAG } from "./content.ts";

export const EMAIL_SERVER = "email";

const id = z.string().trim().min(1).max(100);
const body = z.string().min(1).max(MAX_BODY_CHARS);

const tools = {
  audience_list: {
    class: "read",
    description: "The lists and segments that can be written to, with how many people are in each where the vendor says it.",
    args: z.strictObject({}),
  },
  campaign_draft: {
    class: "draft",
    description: `Makes a draft of a campaign at the mail vendor; sends nothing. Answers with what campaign_send takes. The body needs a link to ${UNSUBSCRIBE_TAG} and the text ${ADDRESS_TAG}. The sender is set by the company.`,
    args: z.strictObject({
      name: z.string().trim().min(1).max(100).describe("for the team, not for readers"),
      audience: id.describe("an id of audience_list"),
      subject: z.string().min(1),
      preheader: z.string().max(200).optional().describe("shown behind the subject in the inbox"),
      html: body,
      text: body.optional().describe("the same as plain text"),
    }),
  },
  campaign_send: {
    class: "send",
    description:
      "Sends a drafted campaign to its audience, after a person has approved it. Who is on the suppression list or has had enough mails is left out. Takes the fingerprint and people of campaign_draft or campaign_report: a campaign that was changed since, or an audience that has grown, is refused.",
    args: z.strictObject({
      campaign: id,
      fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
      people: z
        .number()
        .int()
        .min(1)
        .max(1_000_000)
        .describe("the most it may reach: those of campaign_draft or campaign_report"),
    }),
  },
  campaign_report: {
    class: "read",
    description: "One campaign: its state, subject, audience and fingerprint, and its figures once it is sent.",
    args: z.strictObject({ campaign: id }),
  },
  transactional_send: {
    class: "send",
    description: `Sends one mail to one person, after a person has approved it. kind "service" is for what the reader has asked for or bought; everything that promotes something is "marketing" and needs a link to ${UNSUBSCRIBE_TAG} and the text ${ADDRESS_TAG}.`,
    args: z
      .strictObject({
        to: z.string().min(3).max(254).describe("one bare address"),
        kind: z.enum(["marketing", "service"]),
        subject: z.string().min(1),
        html: body.optional(),
        text: body.optional(),
      })
      .refine(({ html, text }) => html !== undefined || text !== undefined, "give html, text or both"),
  },
  send_check: {
    class: "read",
    description: "Whether a mail or a campaign has left although its answer was lost: happened, or unknown.",
    args: z.strictObject({
      action: id.describe("the id of the action"),
      campaign: id.optional(),
      to: z.string().max(254).optional(),
    }),
  },
} as const satisfies Record<string, { class: ActionClass; description: string; args: z.ZodType }>;

export type EmailTool = keyof typeof tools;
export const EMAIL_TOOLS: Readonly<
  Record<EmailTool, { readonly class: ActionClass; readonly description: string; readonly args: z.ZodType }>
> = tools;
export type EmailArgs<Name extends EmailTool> = z.infer<(typeof tools)[Name]["args"]>;

/** For the classifier: every tool by its exact name. */
export const EMAIL_CLASSES = Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, tool.class])) as Readonly<
  Record<EmailTool, ActionClass>
>;

/** For the ledger: how a lost send is looked for. `send_check` answers by reading alone. */
export const EMAIL_VERIFY: Readonly<Record<"campaign_send" | "transactional_send", VerifyRule>> = {
  campaign_send: {
    tool: "send_check",
    args: { action: "{id}", campaign: "{arg:campaign}" },
    found: { path: "state", matches: "^happened$" },
  },
  transactional_send: {
    tool: "send_check",
    args: { action: "{id}", to: "{arg:to}" },
    found: { path: "state", matches: "^happened$" },
  },
};

export function isEmailTool(name: string): name is EmailTool {
  return Object.hasOwn(tools, name);
}

export function parseArgs<Name extends EmailTool>(
  name: Name,
  given: unknown,
): { readonly args: EmailArgs<Name> } | { readonly problem: string } {
  const read = tools[name].args.safeParse(given);
  if (read.success) return { args: read.data as EmailArgs<Name> };
  const issue = read.error.issues[0];
  const place = issue?.path.join(".") ?? "";
  return { problem: `${place === "" ? "the arguments" : `"${place}"`}: ${issue?.message ?? "not usable"}` };
}

export function toolInfo(name: EmailTool): ToolInfo {
  const tool = EMAIL_TOOLS[name];
  const { $schema: _, ...inputSchema } = z.toJSONSchema(tool.args, { io: "input" }) as Record<string, unknown>;
  const readOnly = tool.class === "read";
  return {
    name,
    description: tool.description,
    inputSchema,
    annotations: {
      readOnlyHint: readOnly,
      destructiveHint: tool.class === "send",
      idempotentHint: readOnly,
      openWorldHint: true,
    },
  };
}
