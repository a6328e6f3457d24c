/** Doctor's checks of the store: is it sound, does the money add up, what waits for a person. It makes no database. */

import { statSync } from "node:fs";
import { join } from "node:path";
import { DATABASE, openStore } from "../bootstrap/store.ts";
import type { RuntimeConfig } from "../config.ts";
import { dollars } from "../domain/money.ts";
import { auditScopes } from "../journal/audit.ts";
import { silentLog } from "../log/log.ts";
import { listCalls } from "../store/calls.ts";
import { listQuestions } from "../store/questions.ts";
import type { Store } from "../store/store.ts";
import { passed, type Check } from "./doctor-checks.ts";

const CONNECT_MS = 5_000;
const SHOWN = 3;

export async function storeChecks(config: RuntimeConfig): Promise<Check[]> {
  const file = join(config.workspace, DATABASE);
  const place = config.databaseUrl === null ? file : "PostgreSQL (DATABASE_URL)";
  // Opening makes what is missing, which looking must not do.
  const there = config.databaseUrl === null ? fileThere(file) : await tablesThere(config.databaseUrl);
  if (!there) return [passed("store", `${place}: nothing in it yet, the first run makes it`)];
  let store: Store;
  try {
    store = await openStore(config, { now: Date.now, log: silentLog, reached: () => {} });
  } catch (error) {
    return [fault(error)];
  }
  try {
    return [await soundness(store, place), await moneyCheck(store), await lostAnswers(store), await openQuestions(store)];
  } catch (error) {
    return [fault(error)];
  } finally {
    await store.close();
  }
}

async function soundness(store: Store, place: string): Promise<Check> {
  const problems = await store.check();
  if (problems.length === 0) return passed("store", `${place}: sound, schema as it should be`);
  return { name: "store", state: "fail", detail: `${place}: ${some(problems)}`, hint: "go back to a copy made by `backup`" };
}

async function moneyCheck(store: Store): Promise<Check> {
  const problems = await store.read((read) => auditScopes(read));
  if (problems.length === 0) return passed("money", "every budget counter is the sum of its calls");
  return {
    name: "money",
    state: "fail",
    detail: some(problems),
    hint: "caps may be kept wrongly: stop new work, keep a `backup`, and report this",
  };
}

async function lostAnswers(store: Store): Promise<Check> {
  const lost = (await store.read((read) => listCalls(read, { state: "unknown" }))).filter((call) => !call.rehearsal);
  if (lost.length === 0) return passed("lost answers", "none");
  const held = lost.reduce((sum, call) => sum + call.hold, 0);
  const detail = `${lost.length} ${lost.length === 1 ? "call" : "calls"} without an answer, counted at the worst case of ${dollars(held)}: ${some(
    lost.map((call) => call.id),
    ", ",
  )}`;
  return {
    name: "lost answers",
    state: "warn",
    detail,
    hint: "settle each with what the provider billed: costs --settle <call> --usd <amount>",
  };
}

async function openQuestions(store: Store): Promise<Check> {
  const open = await store.read((read) => listQuestions(read, { status: "open" }));
  if (open.length === 0) return passed("questions", "none waits for you");
  return {
    name: "questions",
    state: "warn",
    detail: `${open.length} ${open.length === 1 ? "waits" : "wait"} for you`,
    hint: "see `bun run start approvals`",
  };
}

function some(list: readonly string[], between = "; "): string {
  return `${list.slice(0, SHOWN).join(between)}${list.length > SHOWN ? ` and ${list.length - SHOWN} more` : ""}`;
}

function fault(error: unknown): Check {
  if (!(error instanceof Error)) throw error;
  const hint =
    "hint" in error && typeof error.hint === "string"
      ? error.hint
      : "see the message; a copy made by `backup` can take its place";
  return { name: "store", state: "fail", detail: error.message, hint };
}

/** A journal without its file is there too, and so is what may not be looked at: opening says what is wrong with it. */
function fileThere(path: string): boolean {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    return size(path) > 0 || size(`${path}-wal`) > 0;
  } catch (error) {
    // Below a file there is nothing; the check of the workspace tells of it.
    return !(error instanceof Error && "code" in error && error.code === "ENOTDIR");
  }
}

/** False only when the server answers and has no tables of ours. A server that does not answer is told by opening it. */
async function tablesThere(url: string): Promise<boolean> {
  const { Client } = await import("pg");
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ there: boolean }>("select to_regclass('public.migrations') is not null as there");
    return rows[0]?.there ?? false;
  } catch {
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}
