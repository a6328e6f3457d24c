/** The catalogue of vetted tools as data: how each is connected, what each of its tools does, and what it needs from the user. */

import { z } from "zod";
import { classRule, toolLimits, toolServerEntry } from "./tools-file.ts";

const line = z.string().trim().min(1);
const name = z
  .string()
  .regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, "lower-case words joined by hyphens")
  .max(64);

/**
 * How an effect whose answer was lost is looked for: a tool of the same server that reads, its arguments (`{id}`: the effect's
 * id, `{arg:a.b}`: an argument of the effect itself), and the pattern that the answer must fit when it has happened: the whole
 * text, or the field at `path` of a JSON answer. `absent: failed` says that not finding it proves that it did not happen.
 */
const verifyRule = z.strictObject({
  tool: line,
  args: z.record(z.string(), z.unknown()),
  found: z.strictObject({ path: line.exactOptional(), matches: line }),
  absent: z.literal("failed").exactOptional(),
});
export type VerifyRule = z.infer<typeof verifyRule>;

const catalogueEntry = z.strictObject({
  title: line,
  role: name,
  /** Skills that it is for, beside those that ask for its role. */
  skills: z.array(name).optional(),
  /** What `tools add` writes: an entry of tools.yaml. Null: there is none that can be vouched for, see `instead`. */
  server: toolServerEntry.pick({ type: true, command: true, args: true, env: true, url: true, headers: true }).nullable(),
  /** Other ways to reach the same vendor that this entry speaks for: `npm:name`, `pypi:name`, `docker:image`, `https://host/`. */
  also: z.array(z.string().regex(/^(?:npm|pypi|docker):\S+$|^https:\/\/\S+$/)).default([]),
  /** Where a person finds each variable, and the least it must be able to do. `secret: false` may be shown. */
  variables: z
    .record(line, z.strictObject({ where: line, least: line.optional(), secret: z.boolean().default(true) }))
    .default({}),
  /** May work without anybody at the screen: a login in a browser is not needed. */
  headless: z.enum(["yes", "no", "unknown"]),
  /** Globs: what is offered, so that a skill's part of the prompt stays small. Left out: everything. */
  allow: z.array(line).optional(),
  /** Class of each tool. An exact name has been looked at by a person; a glob is a guess that a graver verb overrules. */
  tools: z.record(line, classRule).default({}),
  /** One tool of it does everything, unless its address or arguments fit this pattern. */
  wraps: z.strictObject({ unless: line, hint: line }).optional(),
  limits: toolLimits.optional(),
  verify: z.record(line, verifyRule.nullable()).default({}),
  /** Tool → the argument that takes the idempotency key. */
  idempotency: z.record(line, line).default({}),
  /** What is not sure, in a sentence each. */
  unsure: z.array(line).default([]),
  /** What to do instead, or besides: the email section, another entry, a REST call by hand. */
  instead: line.optional(),
  source: line,
  checked: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
});
export type CatalogueEntry = z.infer<typeof catalogueEntry>;
export const catalogueFile = z.strictObject({ catalogue: z.record(name, catalogueEntry) });
export type Catalogue = Readonly<Record<string, CatalogueEntry>>;
