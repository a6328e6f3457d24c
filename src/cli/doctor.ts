/** `marketeam doctor`: checks this installation and changes nothing: no database, no folder, no model call. */

import { ConfigError, type RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import {
  bunCheck,
  capsCheck,
  contextCheck,
  endpointCheck,
  keyCheck,
  settingChecks,
  teamCheck,
  toolChecks,
  workspaceChecks,
  type Check,
} from "./doctor-checks.ts";
import { storeChecks } from "./doctor-store.ts";
import { print, printJson, styles, type Styles } from "./output.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";

export async function doctor(options: CommonOptions): Promise<number> {
  const config = readConfig(options);
  const checks = config instanceof ConfigError ? [bunCheck(), settingsFault(config)] : await allChecks(config);
  const ok = checks.every((check) => check.state !== "fail");
  if (options.json) printJson({ ok, checks });
  else print(checksText(checks, config instanceof ConfigError ? styles(false) : stylesFor(config)));
  return ok ? EXIT.done : EXIT.config;
}

async function allChecks(config: RuntimeConfig): Promise<Check[]> {
  const [endpoint, team, tools, workspace, store, context] = await Promise.all([
    endpointCheck(config.baseURL),
    teamCheck(config.root),
    toolChecks(config),
    workspaceChecks(config.workspace),
    storeChecks(config),
    contextCheck(config.workspace),
  ]);
  return [
    bunCheck(),
    ...settingChecks(config.settings),
    keyCheck(config),
    ...endpoint,
    team,
    ...tools,
    ...workspace,
    capsCheck(config.caps),
    context,
    ...store,
  ];
}

/** Settings that cannot be used are a finding here, not the end: but nothing else can be looked at without them. */
function readConfig(options: CommonOptions): RuntimeConfig | ConfigError {
  try {
    return configFor(options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function settingsFault(error: ConfigError): Check {
  return { name: "settings", state: "fail", detail: error.message, hint: error.hint };
}

function checksText(checks: readonly Check[], { green, yellow, red, dim }: Styles): string {
  const marks = { ok: green("✔"), warn: yellow("!"), fail: red("✖") };
  const width = Math.max(...checks.map((check) => check.name.length));
  const count = (state: Check["state"]) => checks.filter((check) => check.state === state).length;
  const out = checks.flatMap(({ name, state, detail, hint }) => [
    `${marks[state]} ${name.padEnd(width)}  ${detail}`,
    ...(hint === null ? [] : [dim(`  ${" ".repeat(width)}  ${hint}`)]),
  ]);
  const [failed, warned] = [count("fail"), count("warn")];
  const end = failed > 0 ? red(`${failed} broken`) : green("Nothing is broken");
  return [...out, "", `${end}${warned > 0 ? `, ${warned} to look at` : ""}.`].join("\n");
}
