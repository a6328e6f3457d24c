/** `marketeam tools`: the servers of tools.yaml, who may use each, and whether it is on; adding, importing and exporting them. */

import { RegistryError } from "../bootstrap.ts";
import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import type { Registry } from "../domain/registry.ts";
import { EMAIL_SERVER } from "../domain/tools-file.ts";
import { loadRegistry } from "../skills/registry.ts";
import { emailSkills, readEntries, type ToolEntry } from "../tools/entries.ts";
import type { ServerUse } from "../store/outside-use.ts";
import { LOCK_FILE, readLock, type ToolsLock } from "../tools/lock.ts";
import { UsageError } from "./errors.ts";
import { note, oneLine, print, printJson, table } from "./output.ts";
import { configFor, stylesFor } from "./session.ts";
import { catalogueOf, rolesText, type ToolsOptions } from "./tools-catalogue.ts";
import type { TestOptions } from "./tools-test.ts";
import { usageRows, usedOutside, useJson } from "./tools-used.ts";

export type ToolServer = {
  readonly name: string;
  readonly role: string | null;
  readonly skills: readonly string[];
  readonly on: boolean;
  /** Why it is off. */
  readonly reason: string | null;
};

const ACTIONS = ["list", "test", "call", "add", "import", "export"] as const;

export async function tools(
  action: string | undefined,
  what: string | undefined,
  which: string | undefined,
  options: ToolsOptions & TestOptions,
): Promise<number> {
  if (which !== undefined && action !== "call")
    throw new UsageError(`one name too many: "${oneLine(which, 40)}"`, "only tools call takes two: a server and a tool");
  switch (action) {
    case undefined:
    case "list":
      if (what !== undefined)
        throw new UsageError(
          `tools list takes no name: "${oneLine(what, 40)}"`,
          "tools test <server> shows what one of them has",
        );
      return list(options);
    case "test":
      return (await import("./tools-test.ts")).testServer(what, options);
    case "call":
      return (await import("./tools-test.ts")).callTool(what, which, options);
    case "add":
      return (await import("./tools-add.ts")).add(what, options);
    case "import":
      return (await import("./tools-import.ts")).importTools(what, options);
    case "export":
      if (what !== undefined) throw new UsageError("tools export takes all servers", `tools export --for ${what}`);
      return (await import("./tools-import.ts")).exportTools(options);
    default:
      throw new UsageError(`tools cannot "${oneLine(action, 40)}"`, suggest(action, ACTIONS));
  }
}

async function list(options: ToolsOptions): Promise<number> {
  const config = configFor({});
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  const catalogue = await catalogueOf(config);
  const entries = readEntries({
    file: registry.tools,
    skills: [...registry.skills.values()],
    catalogue,
    variable: config.variable,
  });
  const { lock, fault } = await readLock(config.root);
  const faulty = problems.filter((problem) => problem.file === "tools.yaml" && problem.severity === "error").length;
  if (faulty > 0) note(`${faulty} ${faulty === 1 ? "error" : "errors"} in tools.yaml: see \`validate\`.`);
  if (fault !== null) note(`${fault}.`);
  const mail = emailRow(registry, config.variable);
  const used = await usedOutside(config, entries);
  if (options.json) {
    printJson({ tools: [...entries.map((entry) => forJson(entry, lock, used)), ...(mail === null ? [] : [mail])] });
    return EXIT.done;
  }
  if (entries.length === 0 && mail === null) {
    print(
      `There are no tools in tools.yaml. A skill without tools advises: it works from your goal, the product context and what it knows,
names the numbers it would need, and touches nothing outside. Connect one with \`bun run start tools add <name>\`:

${rolesText(catalogue)}`,
    );
    return EXIT.done;
  }
  const { bold, dim, green, yellow } = stylesFor(config);
  const rows = [...entries.map(rowOf), ...(mail === null ? [] : [mail])].map(({ name, role, skills, on, reason }) => [
    oneLine(name, 40),
    role ?? "-",
    skills.length === 0 ? "none" : oneLine(skills.join(", "), 70),
    on ? green("on") : yellow(`off: ${reason ?? ""}`),
  ]);
  print(table([["tool", "role", "skills", "state"].map(bold), ...rows]));
  const usage = usageRows(entries, used);
  if (usage.length > 0) print(`\n${table([["used (UTC)", "today", "this month"].map(bold), ...usage])}`);
  const unseen = entries
    .filter((entry) => entry.off === null && !Object.hasOwn(lock.servers, entry.name))
    .map(({ name }) => name);
  if (unseen.length > 0)
    print(
      dim(
        `\nNot in ${LOCK_FILE} yet: ${unseen.join(", ")}. Every use of their tools is asked until \`tools test <name>\` has shown them to you.`,
      ),
    );
  return EXIT.done;
}

function rowOf({ name, role, skills, off }: ToolEntry): ToolServer {
  return { name, role, skills, on: off === null, reason: off };
}

function forJson(entry: ToolEntry, lock: ToolsLock, used: readonly ServerUse[]) {
  return {
    ...rowOf(entry),
    description: entry.description,
    catalogue: entry.catalogueName,
    origin: entry.origin,
    unset: entry.unset,
    allow: entry.allow,
    deny: entry.deny,
    limits: entry.limits,
    used: useJson(entry, used),
    policy: entry.policy,
    accepted: Object.keys(lock.servers[entry.name]?.tools ?? {}).length,
  };
}

/** The section `email:` as a row among the servers. */
export function emailRow(
  { tools: file, skills }: Pick<Registry, "tools" | "skills">,
  variable: RuntimeConfig["variable"],
): ToolServer | null {
  const { email } = file;
  if (email === undefined) return null;
  const name = email.key.slice(2, -1);
  const reason = !email.enabled ? "enabled is false" : variable(name) === null ? `${email.key} is not set` : null;
  return {
    name: `${EMAIL_SERVER} (${email.provider})`,
    role: EMAIL_SERVER,
    skills: emailSkills(file, [...skills.values()]),
    on: reason === null,
    reason,
  };
}
