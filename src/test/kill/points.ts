/** The named points at which the program can be killed, read from its source text: a new write is covered without a change here. */

import { Glob } from "bun";
import { join, resolve } from "node:path";
import { migrations } from "../../store/migrations.ts";

const SRC = resolve(import.meta.dir, "../..");

/** Points whose name is put together where they are reached, and how their names come about. */
const TEMPLATES = new Set([
  "${name}:before-commit",
  "${name}:after-commit",
  "migrate ${migration.name}:before-commit",
  "migrate ${migration.name}:after-commit",
]);

/**
 * What a goal of one process never comes by: the daemon's own rooms, and what only a process that shares its work does at its
 * start (the composition root writes nothing else). The suite of `daemon-kill` kills there, that of `kill` everywhere else.
 */
const DAEMON =
  /^(?:triggers|notify|telemetry|api)\/|^journal\/batches\.ts$|^(?:daemon|bootstrap)\.ts$|^cli\/(?:daemon|schedules|events)[\w-]*\.ts$/;

/** What tools read and what leaves the house: killed by a suite of its own, with a mail service as witness. */
const EFFECTS = /^(?:work\/(?:effect[\w-]*|tool-uses)|tools\/(?:email\/.*|limits)|cli\/email)\.ts$/;

export type Suite = "goal" | "daemon" | "effects";

/** Every point that a file of the product names, sorted; of one suite if told. Throws for a name that cannot be read from the text. */
export async function namedPoints(suite?: Suite): Promise<string[]> {
  const texts: Record<Suite, string[]> = { goal: [], daemon: [], effects: [] };
  for await (const path of new Glob("**/*.ts").scan({ cwd: SRC })) {
    if (/^test\/|\.test\.ts$|\.fixture\.ts$|(?:^|\/)contract[^/]*\.ts$/.test(path)) continue;
    texts[DAEMON.test(path) ? "daemon" : EFFECTS.test(path) ? "effects" : "goal"].push(await Bun.file(join(SRC, path)).text());
  }
  const names = migrations.map((migration) => migration.name);
  const goal = pointsIn(texts.goal, names);
  // A write that both name is passed by a goal alone.
  const daemon = pointsIn(texts.daemon, []).filter((point) => !goal.includes(point));
  const effects = pointsIn(texts.effects, []);
  if (suite === undefined) return [...goal, ...daemon, ...effects].sort();
  return { goal, daemon, effects }[suite];
}

export function pointsIn(texts: readonly string[], migrationNames: readonly string[]): string[] {
  const points = new Set<string>();
  const around = (name: string) => [`${name}:before-commit`, `${name}:after-commit`];
  for (const text of texts) {
    const unread = /\bstore\s*\.write\((?!\s*"[a-z]+\.[a-z]+"|[`"]?\$|name\b)[^\n]*/.exec(text);
    // The transaction's own messages quote a write by its name.
    if (unread && !/^store\.write\("\$\{/.test(unread[0])) throw new Error(`the name of this write cannot be read: ${unread[0]}`);
    for (const [, name] of text.matchAll(/\.write\(\s*"([a-z]+\.[a-z]+)"/g))
      for (const point of around(name ?? "")) points.add(point);
    for (const [, point] of text.matchAll(/\breached\("([^"]+)"\)/g)) points.add(point ?? "");
    for (const [, template] of text.matchAll(/\breached\(`([^`]+)`\)/g)) {
      if (!TEMPLATES.has(template ?? "")) throw new Error(`a crash point of a new form: ${template}`);
    }
  }
  for (const name of migrationNames) for (const point of around(`migrate ${name}`)) points.add(point);
  return [...points].sort();
}
