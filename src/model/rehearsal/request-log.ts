/** The witness: one line for every request when it arrives, another when its answer has been sent. Never a key or a prompt. */

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { CallKind } from "./shown-call.ts";

export type LoggedRequest = {
  /** Counts the server's requests from 1; both lines of one request carry the same number. */
  readonly n: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `answered`: the whole answer was handed to the connection. `gone`: the connection ended before that. */
  readonly event: "request" | "answered" | "gone";
  readonly kind: CallKind | "count_tokens" | "models";
  readonly skill: string | null;
  readonly model: string | null;
  /** SHA-256 of the body as JSON with sorted keys. */
  readonly hash: string;
  /** Of a request in a batch: the batch. It is answered when the batch has ended. */
  readonly batch?: string;
  readonly fault?: string;
  readonly status?: number;
  readonly stop?: string;
  /** Requests under way: with this one when it arrives, without it when it has been answered. */
  readonly inFlight: number;
};

export type RequestLog = {
  add(line: Omit<LoggedRequest, "at">): void;
  lines(): readonly LoggedRequest[];
  close(): void;
};

/** Keeps the lines in memory and, with a path, appends each synchronously to that file as one line of JSON. */
export function openRequestLog(path: string | undefined): RequestLog {
  const kept: LoggedRequest[] = [];
  if (path !== undefined) mkdirSync(dirname(path), { recursive: true });
  let file = path === undefined ? null : openSync(path, "a");
  return {
    add({ n, ...line }) {
      const entry = { n, at: new Date().toISOString(), ...line };
      kept.push(entry);
      if (file !== null) writeSync(file, `${JSON.stringify(entry)}\n`);
    },
    lines: () => kept,
    close() {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}
