/** The port of a tool server: what it offers, and one call at a time over it. Whoever speaks MCP or a vendor's API is behind it. */

export type ToolInfo = {
  readonly name: string;
  readonly description: string;
  /** JSON schema of the arguments, as the server sent it. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** What the server says of itself: never to be trusted downwards. */
  readonly annotations: {
    readonly readOnlyHint?: boolean | undefined;
    readonly destructiveHint?: boolean | undefined;
    readonly idempotentHint?: boolean | undefined;
    readonly openWorldHint?: boolean | undefined;
  };
};

export type ToolAnswer =
  /** The server answered. `text` is cut to the output cap; `spilled` is the file that holds all of it, where it was cut. */
  | {
      readonly kind: "answered";
      readonly text: string;
      readonly isError: boolean;
      readonly bytes: number;
      readonly spilled: string | null;
    }
  /** It never left: it may be tried again. `stopped`: we ended it, which says nothing of the tool. */
  | { readonly kind: "unsent"; readonly detail: string; readonly stopped?: true }
  /** It left and no answer came (time-out, crash, broken connection): it may have happened. */
  | { readonly kind: "lost"; readonly detail: string; readonly stopped?: true };

export type CallOptions = {
  readonly signal: AbortSignal;
  /** Passed on where the tool takes one. */
  readonly idempotencyKey?: string;
};

export type ServerState = {
  /** `idle`: not started yet, or ended after rest. `off`: given up until a person looks. */
  readonly state: "idle" | "starting" | "ready" | "waiting" | "off";
  /** In a sentence, for `doctor` and `tools test`. */
  readonly detail: string | null;
  /** The last lines that a child process wrote to stderr, secrets removed. */
  readonly stderr: readonly string[];
};

/** Never rejects for what one can expect of somebody else's program; rejects only for a bug. */
export interface ToolServer {
  readonly name: string;
  list(signal: AbortSignal): Promise<{ readonly tools: readonly ToolInfo[] } | { readonly away: string }>;
  call(tool: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<ToolAnswer>;
  state(): ServerState;
  /** Ends it, and whatever it started. */
  close(): Promise<void>;
}
