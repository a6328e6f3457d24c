/** Checks of tools.yaml: names that exist, versions that are fixed, no secret in the file, no permission that means nothing. */

import { ALWAYS_ASKED } from "../domain/action.ts";
import { nearest, type Problem, suggest } from "../domain/problem.ts";
import type { SkillsFile } from "../domain/registry.ts";
import type { Catalogue } from "../domain/tool-catalogue.ts";
import { isGlob } from "../domain/tool-name.ts";
import { catalogued, looksSecret, originOf, variableFor, variablesIn, withoutVariables } from "../domain/tool-transport.ts";
import {
  type Approvals,
  type ClassRule,
  EMAIL_SERVER,
  OUR_KEYS,
  STANDARD_KEYS,
  TOOL_ROLES,
  type ToolServerEntry,
  type ToolsFile,
} from "../domain/tools-file.ts";
import { type Known, problemsOf } from "./cross-checks.ts";
import type { YamlFile } from "./yaml-file.ts";

type Make = ReturnType<typeof problemsOf>;
type Path = readonly PropertyKey[];

/** All of a tools.yaml. Without a catalogue (null), what only the catalogue knows is not asked. */
export function checkTools(
  file: YamlFile<ToolsFile>,
  known: Known,
  team: YamlFile<SkillsFile>,
  catalogue: Catalogue | null = null,
): Problem[] {
  const content = file.partial;
  if (content === null) return [];
  const make = problemsOf(file);
  const asked = team.value === null ? null : new Set(Object.values(team.value.skills).flatMap((skill) => skill.tools));
  return [
    ...approvalProblems(content.approval, ["approval"], "", make),
    ...roleProblems(content, make),
    ...Object.entries(content.mcpServers).flatMap(([name, server]) => [
      ...serverProblems(name, server, known, asked, make),
      ...(catalogue === null ? [] : catalogueProblems(name, server, catalogue, make)),
    ]),
    ...emailProblems(content, make),
  ];
}

/** Roles that skills ask for and nobody has ever heard of. */
export function checkSkillRoles(team: YamlFile<SkillsFile>, tools: YamlFile<ToolsFile>): Problem[] {
  const { warning } = problemsOf(team);
  const served = Object.values(tools.partial?.mcpServers ?? {}).flatMap((server) =>
    server.role === undefined ? [] : [server.role],
  );
  const known = [...new Set([...TOOL_ROLES, ...served])];
  return Object.entries(team.partial?.skills ?? {}).flatMap(([name, skill]) =>
    skill.tools.flatMap((role, i) =>
      known.includes(role)
        ? []
        : [
            warning(
              ["skills", name, "tools", i],
              `skill ${name}: no tool has the role "${role}"`,
              `${suggest(role, known)}; a role of your own begins with a server in tools.yaml`,
            ),
          ],
    ),
  );
}

function serverProblems(
  name: string,
  server: ToolServerEntry,
  known: Known,
  asked: ReadonlySet<string> | null,
  make: Make,
): Problem[] {
  const { error, warning } = make;
  const path = ["mcpServers", name];
  const problems: Problem[] = [];
  const names: readonly string[] = server.skills ?? [];
  names.forEach((skill, i) => {
    if (skill === "*" || known.skills.includes(skill)) return;
    problems.push(error([...path, "skills", i], `server ${name}: unknown skill "${skill}"`, suggest(skill, known.skills)));
  });
  const { role } = server;
  if (asked !== null && role !== undefined && server.skills === undefined && !asked.has(role)) {
    const near = nearest(role, TOOL_ROLES);
    const hint =
      asked.size === 0
        ? "name its skills here, or add the role to a skill's tools in skills.yaml"
        : TOOL_ROLES.includes(role as never) || near === null || asked.has(near)
          ? suggest(role, [...asked])
          : `did you mean "${near}"?`;
    problems.push(warning([...path, "role"], `server ${name}: no skill asks for the role "${role}"`, hint));
  }
  if (name === EMAIL_SERVER)
    problems.push(
      error(path, `server ${name}: the name "${EMAIL_SERVER}" belongs to the section email:`, "call it by its vendor"),
    );
  problems.push(...wayProblems(name, server, path, make), ...keyProblems(name, server, path, make));
  const usd = server.limits?.usd;
  if (usd !== undefined && usd.perCall === undefined)
    problems.push(
      warning(
        [...path, "limits", "usd"],
        `server ${name}: limits › usd counts no read, without what a call costs`,
        "say it at most: usd: { perCall: 0.01, … }",
      ),
    );
  problems.push(...approvalProblems(server.approval, [...path, "approval"], `server ${name}: `, make));
  return problems;
}

function wayProblems(name: string, server: ToolServerEntry, path: Path, { error, warning }: Make): Problem[] {
  const problems: Problem[] = [];
  const { command, url, type } = server;
  if (command === undefined && url === undefined)
    problems.push(error(path, `server ${name}: it has neither a command nor a url`, "copy the vendor's block whole"));
  if (command !== undefined && url !== undefined)
    problems.push(error([...path, "url"], `server ${name}: it has both a command and a url`, "keep one of them"));
  if (type === "sse")
    problems.push(
      warning(
        [...path, "type"],
        `server ${name}: type sse is given up by most vendors`,
        'look for their address for type "http"',
      ),
    );
  if (
    (type === "stdio" && command === undefined && url !== undefined) ||
    (type !== undefined && type !== "stdio" && url === undefined && command !== undefined)
  )
    problems.push(
      error([...path, "type"], `server ${name}: type ${type} does not fit`, "leave type out: command or url says it"),
    );
  if (url !== undefined && withoutVariables(url) === url && !/^https?:\/\//.test(url))
    problems.push(error([...path, "url"], `server ${name}: the url is no address that begins with https://`));
  if (url !== undefined && /^http:\/\/(?!localhost[:/]|127\.|\[::1\])/.test(url))
    problems.push(warning([...path, "url"], `server ${name}: the address is not encrypted`, "use https://"));
  const { pinned, written } = originOf(server);
  if (pinned === false)
    problems.push(
      warning(
        [...path, "args"],
        `server ${name}: "${shown(written)}" has no fixed version`,
        "write one, as name@1.2.3 or name==1.2.3: an update changes what a tool does",
      ),
    );
  for (const section of ["env", "headers"] as const)
    for (const [key, value] of Object.entries(server[section] ?? {}))
      if (looksSecret(key, value))
        problems.push(
          error(
            [...path, section, key],
            `server ${name}: ${section} › ${key} looks like a secret in the file`,
            `put it into .env and write "\${${variableFor(name, key)}}" here`,
          ),
        );
  (server.args ?? []).forEach((arg, i) => {
    const [flag = "", ...rest] = arg.split("=");
    const before = server.args?.[i - 1] ?? "";
    if (looksSecret(rest.length > 0 ? flag : /^--?\w/.test(before) ? before : "", rest.length > 0 ? rest.join("=") : arg))
      problems.push(
        error(
          [...path, "args", i],
          `server ${name}: args hold what looks like a secret`,
          "put it into .env, and give it by env or a header",
        ),
      );
    else if (variablesIn(arg).length > 0 && /key|token|secret|password|auth/i.test(`${before} ${arg}`))
      problems.push(
        warning(
          [...path, "args", i],
          `server ${name}: a secret in args can be seen by every process here`,
          "give it by env or a header, if the server takes it there",
        ),
      );
  });
  if (url !== undefined && /[?&](?:api_?key|token|access_token|key|secret)=[^&$]{8,}/i.test(url))
    problems.push(
      error(
        [...path, "url"],
        `server ${name}: the url holds what looks like a secret`,
        "put it into .env and write ${NAME} in its place",
      ),
    );
  return problems;
}

/** Keys that other hosts know and we do not use: told, so that nobody relies on them. */
function keyProblems(name: string, server: ToolServerEntry, path: Path, { warning }: Make): Problem[] {
  const known: readonly string[] = [...STANDARD_KEYS, ...OUR_KEYS];
  return Object.keys(server)
    .filter((key) => !known.includes(key) && key !== "disabled")
    .map((key) => {
      const near = nearest(key, OUR_KEYS);
      const alike: Readonly<Record<string, string>> = {
        tools: "allow",
        includeTools: "allow",
        excludeTools: "deny",
        alwaysAllow: "approval",
        autoApprove: "approval",
        trust: "approval",
        timeout: "limits",
        environment: "env",
      };
      const instead = Object.hasOwn(alike, key)
        ? `here it is called "${alike[key]}"`
        : near === null
          ? "it does nothing here"
          : `did you mean "${near}"?`;
      return warning([...path, key], `server ${name}: the key "${key}" is not used`, instead);
    });
}

function approvalProblems(approval: Approvals | undefined, path: Path, where: string, { warning }: Make): Problem[] {
  return ALWAYS_ASKED.flatMap((of) => {
    const setting = approval?.[of];
    const mode = typeof setting === "object" ? setting.mode : setting;
    if (mode !== "auto") return [];
    return [
      warning(
        [...path, of],
        `${where}approval › ${of}: auto has no effect`,
        "each one is asked, whatever stands here; write ask or deny",
      ),
    ];
  });
}

function roleProblems(content: ToolsFile, { error, warning }: Make): Problem[] {
  const servers = [...Object.keys(content.mcpServers), ...(content.email === undefined ? [] : [EMAIL_SERVER])];
  return Object.entries(content.roles ?? {}).flatMap(([role, server]) => {
    if (!servers.includes(server))
      return [error(["roles", role], `roles › ${role}: there is no server "${server}"`, suggest(server, servers))];
    const own = content.mcpServers[server];
    if (own?.role === undefined || own.role === role) return [];
    return [warning(["roles", role], `roles › ${role}: the server ${server} has the role "${own.role}"`)];
  });
}

function catalogueProblems(name: string, server: ToolServerEntry, catalogue: Catalogue, { warning }: Make): Problem[] {
  const path = ["mcpServers", name];
  const problems: Problem[] = [];
  const found = catalogued(server, catalogue);
  if (server.provider !== undefined && !Object.hasOwn(catalogue, server.provider))
    problems.push(
      warning(
        [...path, "provider"],
        `server ${name}: the catalogue has no "${server.provider}"`,
        suggest(server.provider, Object.keys(catalogue)),
      ),
    );
  for (const [tool, rule] of Object.entries(server.actions ?? {})) {
    if (isGlob(tool) && lowers(rule) && found === null)
      problems.push(
        warning(
          [...path, "actions", tool],
          `server ${name}: actions › "${tool}" cannot make a tool less than its name says`,
          "name each tool itself: that counts",
        ),
      );
    const vetted = found !== null && Object.hasOwn(found.entry.tools, tool) ? found.entry.tools[tool] : undefined;
    const grave = vetted === undefined ? undefined : typeof vetted === "string" ? vetted : vetted.class;
    if (
      grave !== undefined &&
      ALWAYS_ASKED.includes(grave) &&
      typeof rule === "string" &&
      rule !== grave &&
      !ALWAYS_ASKED.includes(rule)
    )
      problems.push(
        warning(
          [...path, "actions", tool],
          `server ${name}: "${tool}" stays ${grave}, as the catalogue says`,
          "no file makes it less",
        ),
      );
  }
  const wraps = found?.name !== undefined && found.entry.wraps !== undefined ? found.entry.wraps : null;
  const ruled = Object.values(server.actions ?? {}).some((rule) => typeof rule !== "string");
  if (wraps !== null && !ruled && !new RegExp(wraps.unless).test(server.url ?? (server.args ?? []).join(" ")))
    problems.push(
      warning(path, `server ${name}: one tool wraps everything that ${found?.entry.title ?? name} can do`, wraps.hint),
    );
  return problems;
}

function lowers(rule: ClassRule): boolean {
  return (typeof rule === "string" ? rule : rule.class) === "read";
}

function emailProblems(content: ToolsFile, { warning }: Make): Problem[] {
  if (content.email === undefined || content.email.postalAddress !== undefined) return [];
  return [
    warning(["email"], "email: postalAddress is missing", "no marketing mail goes out without the sender's postal address in it"),
  ];
}

function shown(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
