/** One MCP server as a tool server: started when it is needed, ended after rest, restarted with pauses, given up after too many failures. */

import { createRedactor } from "../../log/redact.ts";
import type { Log } from "../../log/log.ts";
import type { CallOptions, ServerState, ToolAnswer, ToolInfo, ToolServer } from "../server.ts";
import { answered, readAnswer, type Spill } from "./answer.ts";
import { connect, messageOf, type Connection } from "./connection.ts";
import { DEFAULT_CAPS, type McpEntry } from "./entry.ts";
import type { RateLimiter } from "./rate-limits.ts";
import { createStderrTail } from "./stderr-tail.ts";
import { openWire } from "./wire.ts";
import { LoginNeeded } from "./tokens.ts";

export type McpServerOptions = {
  readonly log: Log;
  /** Every secret that is known, as a list that grows: none of them comes out of here, in an answer, a list, a line of stderr or a reason. */
  readonly secrets: readonly string[];
  /** Adds to that list, before anything is said with it: the tokens of a login, those of a refresh. */
  readonly learn: (secrets: readonly string[]) => void;
  readonly now: () => number;
  /** Resolves early on an abort, never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly spill: Spill;
  /** Shared by all servers, so that a credential is counted once. */
  readonly limits: RateLimiter;
  /** Our environment; a child sees the allow list of it only. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where children start: a folder without a `.env`, which some of them would read. Made when it is missing. */
  readonly cwd: string;
  /** Where OAuth tokens are kept. */
  readonly tokensDir: string;
  readonly fetch: typeof globalThis.fetch;
};

const LONGEST_REASON = 600;
/** A refusal for "too many" is tried again so often, after the pause that was asked for. */
const TOO_MANY_TRIES = 2;

export function createMcpServer(entry: McpEntry, options: McpServerOptions): ToolServer {
  const { now, sleep, limits } = options;
  const { name } = entry;
  const caps = { ...DEFAULT_CAPS, ...entry.caps };
  const log = options.log.child({ server: name });
  const redact = createRedactor(options.secrets);
  /** A reason may quote the server: one line of it, without secrets. */
  const brief = (why: string) => {
    const line = redact(why).replace(/\s+/g, " ").trim();
    return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
  };
  const tail = createStderrTail(redact);
  const gate = limits.gate(entry.credential ?? `server ${name}`, entry.limits ?? {});
  const closing = new AbortController();

  let state: ServerState["state"] = "idle";
  let detail: string | null = null;
  let connection: Connection | null = null;
  let starting: Promise<Connection | null> | null = null;
  /** Of the same kind as `now`: not before it another start. */
  let notBefore = 0;
  /** Without an answer between them. */
  let failures = 0;
  let working = 0;
  const leaving = new Set<Connection>();
  let rest = new AbortController();

  const set = (next: ServerState["state"], why: string | null) => {
    state = next;
    detail = why === null ? null : brief(why);
  };

  const failed = (why: string) => {
    failures++;
    const said = tail.last();
    const reason = said === null ? why : `${why}; it last wrote: ${said}`;
    if (failures >= caps.breakAfter) {
      notBefore = now() + caps.offMs;
      set(
        "off",
        `given up after ${failures} failures in a row (${reason}); tried again after ${minutes(caps.offMs)}, or by: tools test ${name}`,
      );
      log.warn("a tool server is given up", { reason: detail });
      return;
    }
    const pause = Math.min(caps.longestBackoffMs, caps.backoffMs * 2 ** (failures - 1));
    notBefore = now() + pause;
    set("waiting", `${reason}; started again after ${Math.ceil(pause / 1000)} s`);
    log.info("a tool server failed", { reason: detail, failures });
  };

  const start = async (): Promise<Connection | null> => {
    set("starting", null);
    try {
      const opened = await connect(await openWire(entry, caps, { ...options, stderr: tail.add, onTooMany: gate.tooMany }), caps);
      if (closing.signal.aborted) {
        await opened.close();
        return null;
      }
      connection = opened;
      set("ready", null);
      void opened.ended.then((why) => {
        if (connection !== opened) return;
        connection = null;
        failed(why);
      });
      return opened;
    } catch (error) {
      if (isLoginNeeded(error)) set("off", new LoginNeeded(name).message);
      else failed(messageOf(error));
      return null;
    }
  };

  /** A live connection, or why there is none. */
  const connected = async (signal: AbortSignal): Promise<Connection | string> => {
    const until = now() + caps.patienceMs;
    while (!signal.aborted && !closing.signal.aborted) {
      if (connection !== null) return connection;
      if (starting !== null) {
        const made = await Promise.race([starting, whenAborted(signal)]);
        if (made !== null) return made;
        if (signal.aborted) break;
        return detail ?? "it could not be started";
      }
      const pause = notBefore - now();
      if (pause > 0 && (state === "off" || now() + pause > until)) return detail ?? "it is off";
      if (pause > 0) {
        await sleep(pause, AbortSignal.any([signal, closing.signal]));
        continue;
      }
      starting = start().finally(() => (starting = null));
    }
    return closing.signal.aborted ? "the server is closed" : "it was stopped while the server started";
  };

  /** Ends the connection in order: that is no failure. */
  const disconnect = async (to: Connection | null) => {
    if (to === null) return;
    if (connection === to) {
      connection = null;
      set("idle", null);
    }
    await to.close();
  };

  /** A connection that is good for nothing new: what waits on it may still be answered. */
  const retire = (old: Connection) => {
    if (connection === old) {
      connection = null;
      set("idle", null);
    }
    leaving.add(old);
    void old.closeWhenQuiet().then(() => leaving.delete(old));
  };

  /** Counts what is going on, so that a server at rest is ended. */
  const busy = async <T>(work: () => Promise<T>): Promise<T> => {
    working++;
    rest.abort();
    try {
      return await work();
    } finally {
      if (--working === 0 && connection !== null) {
        rest = new AbortController();
        const { signal } = rest;
        void sleep(caps.restMs, signal).then(() => {
          if (!signal.aborted && working === 0) return disconnect(connection);
        });
      }
    }
  };

  const once = async (
    tool: string,
    args: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ToolAnswer & { status?: number | null }> => {
    for (let fresh = false; ; fresh = true) {
      const to = await connected(signal);
      if (typeof to === "string") return { kind: "unsent", detail: brief(to) };
      const end = await to.call(tool, args, signal);
      if (end.kind === "answered") {
        failures = 0;
        const read = readAnswer(end.answer);
        const whole = { ...read, text: redact(read.text) };
        return answered(whole, caps.answerBytes, () => kept(whole.text, tool));
      }
      // The server has forgotten us (it was restarted): the request was refused unread, and a new session may say it again.
      if (end.kind === "unsent" && (end.status === 404 || end.status === 400) && !fresh) {
        retire(to);
        continue;
      }
      if (end.kind === "unsent" && end.status === null && entry.way.type === "http" && !signal.aborted && connection === to) {
        retire(to);
        failed(end.detail);
      }
      if (end.kind === "unsent" && end.status === 401 && !hasKey(entry)) {
        retire(to);
        set("off", new LoginNeeded(name).message);
      }
      return end.kind === "unsent" ? { ...end, detail: brief(end.detail) } : { kind: "lost", detail: brief(end.detail) };
    }
  };

  const kept = async (text: string, tool: string): Promise<string | null> => {
    try {
      return await options.spill(text, { server: name, tool });
    } catch (error) {
      log.warn("a long answer could not be kept", { tool, error });
      return null;
    }
  };

  return {
    name,
    list: (signal) =>
      busy(async () => {
        for (let fresh = false; ; fresh = true) {
          const to = await connected(signal);
          if (typeof to === "string") return { away: brief(to) };
          try {
            return { tools: withoutSecrets(await to.list(signal), redact) };
          } catch (error) {
            const why = `its list of tools did not come: ${messageOf(error)}`;
            // Who works on somebody's call is not ended for a list.
            const child = entry.way.type === "stdio";
            if (signal.aborted || fresh || (child && to.waiting() > 0)) return { away: brief(why) };
            // To ask again does no harm, and a server that has forgotten us answers a new session.
            if (child) await disconnect(to);
            else retire(to);
          }
        }
      }),
    call: (tool, args, { signal, idempotencyKey }: CallOptions) =>
      busy(async () => {
        if (closing.signal.aborted) return { kind: "unsent", detail: "the server is closed" };
        const keyName = entry.idempotency?.[tool];
        const sent = keyName === undefined || idempotencyKey === undefined ? args : { ...args, [keyName]: idempotencyKey };
        for (let tries = 0; ; tries++) {
          const turn = await gate.take(AbortSignal.any([signal, closing.signal]), caps.patienceMs);
          if (!turn.ok) return { kind: "unsent", detail: turn.detail };
          const { status, ...answer } = await once(tool, sent, signal).finally(turn.release);
          if (status !== 429 || tries >= TOO_MANY_TRIES) return answer as ToolAnswer;
        }
      }),
    state: () => ({ state, detail, stderr: tail.lines() }),
    async close() {
      closing.abort();
      rest.abort();
      await starting;
      await disconnect(connection);
      await Promise.all([...leaving].map((old) => old.close()));
      set("idle", "the server is closed");
    },
  };
}

/** With a key of its own there is nothing to log in to. */
function hasKey({ way }: McpEntry): boolean {
  return way.type === "http" && Object.keys(way.headers).some((header) => header.toLowerCase() === "authorization");
}

function isLoginNeeded(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++)
    if (at instanceof LoginNeeded) return true;
  return false;
}

/** What a server says of its tools goes into prompts too. */
function withoutSecrets(tools: readonly ToolInfo[], redact: (text: string) => string): readonly ToolInfo[] {
  return JSON.parse(redact(JSON.stringify(tools))) as ToolInfo[];
}

function whenAborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null), { once: true }));
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`;
}
