/** What most commands begin with: flags, configuration, colours, a named goal. Loads nothing that only workers need. */

import { loadConfig, processInput, type RuntimeConfig } from "../config.ts";
import { idPrefix, type IdKind } from "../domain/id.ts";
import { listGoals } from "../store/goals.ts";
import { idsLike } from "../store/ids.ts";
import type { Store } from "../store/store.ts";
import { UsageError } from "./errors.ts";
import { columnsOf, styles, type Page, type Styles } from "./output.ts";

export type CommonOptions = { readonly workspace?: string; readonly json?: boolean };
export type RunFlags = CommonOptions & {
  readonly rehearse?: boolean;
  readonly seed: number;
  readonly latency: number;
  readonly concurrency?: number;
  readonly events?: boolean;
};

export function configFor(options: { workspace?: string; concurrency?: number }): RuntimeConfig {
  return loadConfig({ ...processInput(), workspace: options.workspace, concurrency: options.concurrency });
}

export function interactive(config: RuntimeConfig): boolean {
  return Boolean(process.stderr.isTTY) && !config.ci;
}

export function stylesFor(config: RuntimeConfig, fd: 1 | 2 = 1): Styles {
  return styles(Boolean(fd === 1 ? process.stdout.isTTY : process.stderr.isTTY) && !config.noColor);
}

/** Where what is printed on stdout will be read. */
export function pageOf(): Page {
  return { columns: columnsOf(process.stdout), folder: processInput().cwd };
}

/** The id that a person means: a unique beginning, or `last` for the newest goal. Throws UsageError. */
export async function resolveId(
  store: Pick<Store, "read">,
  kind: IdKind & ("goal" | "ask" | "learn" | "call"),
  typed: string,
): Promise<string> {
  const tables = { goal: "goals", ask: "questions", learn: "learnings", call: "calls" } as const;
  const names = { goal: "goal", ask: "question", learn: "learning", call: "call" } as const;
  const lists = { goal: "status", ask: "approvals", learn: "learnings", call: "show --calls" } as const;
  if (kind === "goal" && typed === "last") {
    const newest = (await store.read((read) => listGoals(read, { limit: 1 })))[0];
    if (!newest) throw new UsageError("there is no goal yet", 'start one: bun run start "your goal"');
    return newest.id;
  }
  const prefix = idPrefix(kind, typed);
  if (prefix === null)
    throw new UsageError(`"${typed}" is not the id of a ${names[kind]}`, `see \`bun run start ${lists[kind]}\``);
  const found = await store.read((read) => idsLike(read, tables[kind], prefix));
  if (found.length === 0) throw new UsageError(`there is no ${names[kind]} "${typed}"`, `see \`bun run start ${lists[kind]}\``);
  if (found.length > 1) throw new UsageError(`"${typed}" is the beginning of several ${names[kind]} ids`, "type more of it");
  return found[0] ?? "";
}
