/** Test fixture: what the fakes of the mail vendors share: a server on loopback that counts what it is asked and fails on demand. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EmailProvider } from "../../domain/email.ts";

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
};
export type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> };

/** `deaf`: the connection ends before anything is done. `mute`: it is done, then the connection ends. `slow`: no answer ever. */
export type Fault = Reply | "deaf" | "mute" | "slow";

export type Person = { email: string; unsubscribed: boolean };
export type Mail = {
  readonly to: string;
  readonly subject: string;
  readonly body: string;
  readonly campaign: string | null;
  readonly key: string | null;
};

export type FakeVendor = AsyncDisposable & {
  readonly provider: EmailProvider;
  readonly key: string;
  readonly url: string;
  readonly asked: Asked[];
  /** What left it: the witness. */
  readonly outbox: Mail[];
  /** People of its one audience. */
  readonly people: Person[];
  readonly audience: string;
  /** `METHOD /path` of the request that sends a campaign. */
  readonly sends: RegExp;
  /** The next request that fits fails so. */
  fail(match: RegExp, fault: Fault): void;
  /** Settles when a request that fits has come. */
  came(match: RegExp): Promise<void>;
  /** Somebody changes the subject of a campaign at the vendor. */
  rewrite(campaign: string, subject: string): void;
  campaigns(): readonly { readonly id: string; readonly status: string }[];
};

export type Inside = {
  readonly outbox: Mail[];
  readonly people: Person[];
};

export type Handler = (asked: Asked) => Reply;

/** A vendor's server around its handler. Answers 500 for what the handler throws, and keeps it to be seen. */
export async function serveVendor(
  own: Pick<FakeVendor, "provider" | "key" | "audience" | "sends" | "rewrite" | "campaigns" | "outbox" | "people"> & {
    readonly prefix: string;
  },
  handler: Handler,
): Promise<FakeVendor> {
  const asked: Asked[] = [];
  const faults: { match: RegExp; fault: Fault }[] = [];
  const waiting: { match: RegExp; settle: () => void }[] = [];

  const server = createServer((request, response) => {
    void answer(request, response);
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://fake");
    const path = decodeURIComponent(url.pathname.slice(own.prefix.length));
    const text = Buffer.concat(chunks).toString("utf8");
    const one: Asked = {
      method: request.method ?? "",
      path,
      query: url.searchParams,
      headers: request.headers,
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
    asked.push(one);
    const line = `${one.method} ${path}`;
    const index = faults.findIndex(({ match }) => match.test(line));
    const fault = index === -1 ? null : (faults.splice(index, 1)[0]?.fault ?? null);
    for (const { settle } of waiting.filter(({ match }) => match.test(line))) settle();
    if (fault === "slow") return;
    if (fault === "deaf") return void request.socket.destroy();
    const reply = fault === null || fault === "mute" ? handled(one) : fault;
    if (fault === "mute") return void request.socket.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    response.end(reply.body === undefined ? "" : JSON.stringify(reply.body));
  }
  function handled(one: Asked): Reply {
    try {
      return handler(one);
    } catch (error) {
      return { status: 500, body: { fault: String(error) } };
    }
  }

  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    ...own,
    url: `http://127.0.0.1:${port}${own.prefix}`,
    asked,
    fail: (match, fault) => void faults.push({ match, fault }),
    came: (match) => new Promise((settle) => waiting.push({ match, settle })),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
