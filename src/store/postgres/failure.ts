/** What PostgreSQL's and the network's error codes mean: which are worth another try, and one StoreError with one hint. */

import { StoreError } from "../store.ts";

/** Serialisation failure and deadlock: the transaction is gone, and the same one may succeed now. */
const CONFLICT = /^40(001|P01)$/;
/** The connection broke or the server is going down or coming up. */
const LOST = /^(ECONNRESET|ECONNREFUSED|EPIPE|08\d\d\d|57P0[123])$/;
/** What `pg` says, without a code, when the connection broke under a query or before it. */
const CONNECT_TIMEOUT = /connection timeout|^timeout expired|^Query read timeout/;
const POOL_TIMEOUT = /^timeout exceeded when trying to connect/;
const LOST_TEXT = /^(Connection terminated|Client has encountered a connection error|Client was closed)/;

export function isConflict(error: unknown): boolean {
  return CONFLICT.test(codeOf(error));
}

/** The connection is gone, but a new one may be had at once. A server that did not answer in time is not worth that wait again. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || CONNECT_TIMEOUT.test(error.message)) return false;
  return LOST.test(codeOf(error)) || LOST_TEXT.test(error.message);
}

/** Whether it is a StoreError of a server that does not answer and may do so again: no login, name or right stands in the way. */
export function isAway(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === "unreachable" && doesNotAnswer(error.cause);
}

/** Nobody there, or nobody who is ready: another try may do. */
export function doesNotAnswer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    isLost(error) ||
    /^(ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT)$/.test(codeOf(error)) ||
    CONNECT_TIMEOUT.test(error.message)
  );
}

/** The StoreError for an error of the server or the network; anything else, constraints included, comes back unchanged. */
export function postgresFailure(error: unknown, place: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const because = { cause: error };
  const code = codeOf(error);
  const fail = (kind: StoreError["code"], message: string, hint: string) => new StoreError(kind, message, hint, because);
  if (/^28/.test(code))
    return fail(
      "unreachable",
      `PostgreSQL at ${place} refuses the login: ${error.message}`,
      "check user and password in DATABASE_URL",
    );
  if (code === "3D000")
    return fail(
      "unreachable",
      `there is no such database: PostgreSQL at ${place}`,
      "create it with createdb, or correct DATABASE_URL",
    );
  if (doesNotAnswer(error))
    return fail(
      "unreachable",
      `PostgreSQL at ${place} does not answer: ${error.message || code}`,
      "check that it runs, and host and port in DATABASE_URL",
    );
  if (/^53[12]00$/.test(code))
    return fail(
      "full",
      `PostgreSQL at ${place} is out of room: ${error.message}`,
      "free disk or memory on its machine, then go on",
    );
  if (POOL_TIMEOUT.test(error.message))
    return fail(
      "busy",
      "all connections of this process were in use for too long",
      "run fewer agents at once, or more processes",
    );
  if (code === "53300")
    return fail("busy", `PostgreSQL at ${place} takes no more connections`, "raise max_connections, or run fewer processes");
  if (code === "55P03" || isConflict(error))
    return fail(
      "busy",
      `other processes kept what this change needs locked: ${error.message}`,
      "look for a stopped process, then try again",
    );
  if (/^(25006|42501)$/.test(code))
    return fail(
      "read_only",
      `PostgreSQL at ${place} does not let this user write: ${error.message}`,
      "grant the rights, or use the primary server",
    );
  if (/^XX00[12]$/.test(code))
    return fail("corrupt", `PostgreSQL at ${place} reports damaged data: ${error.message}`, "restore a copy made by backup");
  return error;
}

function codeOf(error: unknown): string {
  // Several addresses of one host are tried in turn: the last refusal speaks for all.
  if (error instanceof AggregateError) return codeOf(error.errors.at(-1));
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
