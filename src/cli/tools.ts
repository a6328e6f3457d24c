/** `marketeam tools`: the servers of tools.yaml, who may use each, and whether it is on. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { RegistryError } from "../bootstrap.ts";
import { processInput } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import type { Registry } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { note, oneLine, print, printJson, table } from "./output.ts";
import { configFor, stylesFor } from "./session.ts";

type Variables = Readonly<Record<string, string | undefined>>;
export type ToolServer = {
  readonly name: string;
  readonly role: string | null;
  readonly skills: readonly string[];
  readonly on: boolean;
  /** Why it is off. */
  readonly reason: string | null;
};

export async function tools(options: { readonly json?: boolean }): Promise<number> {
  const config = configFor({});
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  const servers = toolServers(registry, variables());
  const faulty = problems.filter((problem) => problem.file === "tools.yaml" && problem.severity === "error").length;
  if (faulty > 0) note(`${faulty} ${faulty === 1 ? "error" : "errors"} in tools.yaml: see \`validate\`.`);
  if (options.json) {
    printJson({ tools: servers });
    return EXIT.done;
  }
  if (servers.length === 0) {
    print(
      "There are no tools in tools.yaml. A skill without tools advises: it works from your goal, the product context and what it knows,\nnames the numbers it would need, and touches nothing outside. tools.yaml says in its first lines how to add one.",
    );
    return EXIT.done;
  }
  const { bold, green, yellow } = stylesFor(config);
  const rows = servers.map(({ name, role, skills, on, reason }) => [
    oneLine(name, 40),
    role ?? "-",
    skills.length === 0 ? "none" : oneLine(skills.join(", "), 70),
    on ? green("on") : yellow(`off: ${reason ?? ""}`),
  ]);
  print(table([["tool", "role", "skills", "state"].map(bold), ...rows]));
  return EXIT.done;
}

/** The servers in the order of the file. `known` are the variables that `${NAME}` may stand for. */
export function toolServers(registry: Pick<Registry, "tools" | "skills">, known: Variables): ToolServer[] {
  return Object.entries(registry.tools.mcpServers).map(([name, server]) => {
    const { role = null, enabled = true } = server;
    const skills =
      server.skills ??
      [...registry.skills.values()].filter((skill) => role !== null && skill.tools.includes(role)).map((skill) => skill.name);
    const unset = variablesOf(server).filter((variable) => !known[variable]);
    const reason = !enabled
      ? "enabled is false"
      : unset.length > 0
        ? `${unset.map((variable) => `\${${variable}}`).join(" and ")} ${unset.length === 1 ? "is" : "are"} not set`
        : null;
    return { name, role, skills, on: reason === null, reason };
  });
}

/** Names that stand as `${NAME}` in any text of a value; `${NAME:-something}` needs none. */
function variablesOf(value: unknown): string[] {
  if (typeof value === "string") return [...value.matchAll(/\$\{([A-Za-z_]\w*)\}/g)].map((match) => match[1] ?? "");
  if (typeof value !== "object" || value === null) return [];
  return [...new Set(Object.values(value).flatMap(variablesOf))];
}

/** The environment, and .env for what it does not say. */
function variables(): Variables {
  const { env, cwd } = processInput();
  let file: Variables = {};
  try {
    file = parseEnv(readFileSync(join(cwd, ".env"), "utf8"));
  } catch {
    // No .env is the ordinary case; one that cannot be read has stopped the command before, in loadConfig.
  }
  return { ...file, ...Object.fromEntries(Object.entries(env).filter(([, value]) => value)) };
}
