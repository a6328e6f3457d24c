/** Ids in a database file with a few words each, for completion: one look, without the checks and migrations of opening the store. */

import { Database } from "bun:sqlite";
import { refuseLostFile } from "./lost-file.ts";

export type NamedRows = "goals" | "questions" | "waiting" | "effects" | "learnings" | "inbox";

/** Another process may be putting the -wal file away: longer than this a key press does not wait. */
const BUSY_MS = 100;

const OPEN_QUESTIONS = `select id, title from questions where tenant = $tenant and status = 'open' order by id limit $most`;
const WAITING_EFFECTS = `select id, class || ': ' || tool as title from effects
  where tenant = $tenant and state in ('intent', 'unknown') order by id desc limit $most`;

const QUERIES: Readonly<Record<NamedRows, readonly string[]>> = {
  goals: [`select id, status || ': ' || title as title from goals where tenant = $tenant order by id desc limit $most`],
  questions: [OPEN_QUESTIONS],
  waiting: [OPEN_QUESTIONS, WAITING_EFFECTS],
  effects: [`select id, state || ': ' || tool as title from effects where tenant = $tenant order by id desc limit $most`],
  learnings: [
    `select id, statement as title from learnings
      where tenant = $tenant and rehearsal = 0 and status not in ('retired', 'pruned') order by id desc limit $most`,
  ],
  inbox: [`select id, type || ': ' || decision as title from inbox where tenant = $tenant order by id desc limit $most`],
};

/**
 * At most so many of a kind, as their lists order them; questions before actions. Changes nothing. Throws for what is no
 * database of this program, also for one whose schema is too old.
 */
export function readNames(
  path: string,
  { tenant, rows, most }: { readonly tenant: string; readonly rows: NamedRows; readonly most: number },
): [id: string, title: string][] {
  refuseLostFile(path);
  // Not opened as read-only: the last to close such a connection leaves a -wal file behind.
  using database = new Database(path, { readwrite: true, create: false });
  database.run(`pragma busy_timeout = ${BUSY_MS}`);
  database.run("pragma query_only = on");
  const found = QUERIES[rows].flatMap((query) =>
    database
      .query<{ id: string; title: string }, { $tenant: string; $most: number }>(query)
      .all({ $tenant: tenant, $most: most }),
  );
  return found.slice(0, most).map(({ id, title }) => [id, title]);
}
