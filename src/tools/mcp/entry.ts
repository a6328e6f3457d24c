/** What the MCP client is told of a server: how it is reached, how often it may be asked, how long one waits. All values are expanded. */

export type StdioWay = {
  readonly type: "stdio";
  readonly command: string;
  readonly args: readonly string[];
  /** The only variables besides the allow list (`environment.ts`) that the child sees. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts; without one in the folder given for all, which holds no `.env`. */
  readonly cwd?: string;
};

export type HttpWay = {
  readonly type: "http";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For vendors without dynamic registration. Without an `authorization` header OAuth is used when the server asks for it. */
  readonly oauth?: {
    readonly clientId?: string;
    readonly clientSecret?: string;
    readonly scopes?: readonly string[];
    readonly callbackPort?: number;
  };
};

/** How often a credential may be used; what is absent is not limited. */
export type RateLimits = {
  readonly concurrency?: number;
  readonly perSecond?: number;
  readonly perMinute?: number;
  readonly perHour?: number;
  readonly perDay?: number;
};

/** Milliseconds and bytes. */
export type Caps = {
  /** Until the handshake is done. A package runner may have to download first. */
  readonly connectMs: number;
  /** Until a call is answered or shows progress. */
  readonly callMs: number;
  /** Until a call is answered, whatever progress it shows. */
  readonly longestCallMs: number;
  /** After a call that was not answered in time, until the server shows that it lives. */
  readonly pingMs: number;
  /** For each step of the way out: stdin closed, SIGTERM, SIGKILL. */
  readonly closeMs: number;
  /** Without a call for so long, the server is ended. */
  readonly restMs: number;
  /** A call waits so long at most for a rate limit or a restart. */
  readonly patienceMs: number;
  /** First pause after a failure; doubled with each further one. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  /** After so many failures without an answer between them the server is `off`. */
  readonly breakAfter: number;
  /** How long it stays off before it is tried once more. */
  readonly offMs: number;
  /** What of an answer goes into the prompt. */
  readonly answerBytes: number;
  /** Where reading a message stops. */
  readonly mostBytes: number;
};

export const DEFAULT_CAPS: Caps = {
  connectMs: 30_000,
  callMs: 60_000,
  longestCallMs: 600_000,
  pingMs: 5_000,
  closeMs: 1_000,
  restMs: 600_000,
  patienceMs: 60_000,
  backoffMs: 1_000,
  longestBackoffMs: 60_000,
  breakAfter: 5,
  offMs: 600_000,
  answerBytes: 64 * 1024,
  mostBytes: 20 * 1024 * 1024,
};

export type McpEntry = {
  readonly name: string;
  readonly way: StdioWay | HttpWay;
  readonly limits?: RateLimits;
  /** Servers with the same one share their limits: vendors count per account. Absent: the server's own name. */
  readonly credential?: string;
  /** Tool → the argument that takes an idempotency key, where it has one. */
  readonly idempotency?: Readonly<Record<string, string>>;
  readonly caps?: Partial<Caps>;
};
