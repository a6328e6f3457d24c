/** tools.yaml as data: the user's tool servers as `.mcp.json` has them, and our keys flat beside. */

import { z } from "zod";
import { ACTION_CLASSES, actionClass, permission } from "./action.ts";
import { emailSection } from "./email.ts";
import { SERVER_NAME } from "./tool-name.ts";

/** What a tool is good for. Skills ask for roles, never for products; a team may use roles of its own beside these. */
export const TOOL_ROLES = [
  "analytics",
  "product_analytics",
  "search",
  "tags",
  "performance",
  "cms",
  "code",
  "browser",
  "email",
  "crm",
  "ads_search",
  "ads_social",
  "social",
  "billing",
  "chat",
  "seo_research",
  "scrape",
  "knowledge",
] as const;

const word = z.string().trim().min(1).max(200);
const slug = z
  .string()
  .regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, "lower-case words joined by hyphens")
  .max(64);
/** A tool's name, or a glob with `*`. */
const toolPattern = z.string().min(1).max(200);

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "i");
    return true;
  } catch {
    return false;
  }
}

/**
 * A place in a call's arguments (dotted) and what its text must look like. What is no text counts as the rule's gravest class,
 * and so does what is missing, unless `missing` says what it means that the argument is left out.
 */
const argumentCase = z.strictObject({
  arg: word,
  match: z.string().min(1).max(500).refine(isPattern, "not a usable regular expression"),
  class: actionClass,
  missing: actionClass.optional(),
});

/** A class, or, for a tool that wraps everything, a class by its arguments: `class` counts when no case matches. */
export const classRule = z.union([
  actionClass,
  z.strictObject({ class: actionClass, when: z.array(argumentCase).min(1).max(40) }),
]);
export type ClassRule = z.infer<typeof classRule>;

const duration = z.string().regex(/^[1-9]\d{0,4}\s*(?:m|h|d)$/, "a duration like 30m, 24h or 7d");

const approvalSetting = z.union([
  permission,
  z.strictObject({
    mode: permission.default("ask"),
    /** How long a yes can wait: after it nobody can approve or send it any more. */
    ttl: duration.optional(),
    maxRecipients: z.number().int().min(1).optional(),
    perDay: z.number().int().min(1).optional(),
  }),
]);
export type ApprovalSetting = z.infer<typeof approvalSetting>;

const approvals = z.strictObject(
  Object.fromEntries(ACTION_CLASSES.map((name) => [name, approvalSetting.optional()])) as Record<
    (typeof ACTION_CLASSES)[number],
    z.ZodOptional<typeof approvalSetting>
  >,
);
export type Approvals = z.infer<typeof approvals>;

// Absent is not limited; nothing else is. Exact, so that what reads it need not ask twice.
const rate = z.number().positive().max(1_000_000).exactOptional();
export const toolLimits = z.strictObject({
  concurrency: z.number().int().min(1).max(100).exactOptional(),
  perSecond: rate,
  perMinute: rate,
  perHour: rate,
  perDay: rate,
  /** What a vendor sells by the unit (credits, API units): a UTC day's, and what a call takes (1). */
  units: z.strictObject({ perDay: rate, perCall: z.number().int().min(1).max(1_000_000).exactOptional() }).exactOptional(),
  /** What it may cost outside in a UTC day and month, and what a call costs (0). */
  usd: z
    .strictObject({ perDay: rate, perMonth: rate, perCall: z.number().positive().max(10_000).exactOptional() })
    .exactOptional(),
});
export type ToolLimits = z.infer<typeof toolLimits>;

// Vendors write numbers and booleans too, where the child's environment has texts.
const values = z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]).transform(String));

const TRANSPORTS = ["stdio", "http", "streamable-http", "sse"] as const;

/** Standard keys as vendors print them; ours flat beside. Keys of other hosts pass, and `validate` tells of them. */
export const toolServerEntry = z.looseObject({
  type: z.enum(TRANSPORTS).optional(),
  command: word.optional(),
  args: z.array(z.union([z.string(), z.number()]).transform(String)).optional(),
  env: values.optional(),
  cwd: word.optional(),
  url: word.optional(),
  headers: values.optional(),
  oauth: z.looseObject({}).optional(),

  role: slug.optional(),
  /** The vendor, where the address or the package does not say it. */
  provider: slug.optional(),
  /** Who may use it; ["*"]: everyone. Left out: the skills that ask for its role. */
  skills: z.array(z.union([z.literal("*"), slug])).optional(),
  allow: z.array(toolPattern).optional(),
  deny: z.array(toolPattern).optional(),
  actions: z.record(toolPattern, classRule).optional(),
  approval: approvals.optional(),
  limits: toolLimits.optional(),
  enabled: z.boolean().optional(),
  /** Where the entry came from: a name in the MCP registry. */
  registry: word.optional(),
  pinned: z.union([z.boolean(), word]).optional(),
  description: z.string().max(500).optional(),
});
export type ToolServerEntry = z.infer<typeof toolServerEntry>;

/** The keys that are ours: they go when an entry is exported. */
export const OUR_KEYS = [
  "role",
  "provider",
  "skills",
  "allow",
  "deny",
  "actions",
  "approval",
  "limits",
  "enabled",
  "registry",
  "pinned",
  "description",
] as const;
export const STANDARD_KEYS = ["type", "command", "args", "env", "cwd", "url", "headers", "oauth"] as const;

/** Taken: the direct way to send mail is a server of this name. */
export const EMAIL_SERVER = "email";

export const serverName = z.string().regex(SERVER_NAME, "letters, digits, hyphens and underscores, at most 40 characters");

export const toolsFile = z.strictObject({
  version: z.literal(1).optional(),
  approval: approvals.optional(),
  /** Which server has a role when several could: { email: resend }. */
  roles: z.record(slug, word).optional(),
  mcpServers: z.record(serverName, toolServerEntry).default({}),
  /** Mail by a vendor's own API, without a server. It is a server called `email` to everything else. */
  email: emailSection.optional(),
});
export type ToolsFile = z.infer<typeof toolsFile>;
