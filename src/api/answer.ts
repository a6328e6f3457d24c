/** What the door says: small JSON bodies, one line for what is wrong, the headers that a status asks for. */

export type Refusal = {
  readonly status: 400 | 401 | 404 | 405 | 408 | 409 | 413 | 415 | 429 | 503;
  /** What is wrong and where, in one line. */
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** An answer holds for this moment, so nobody keeps it; and it is never read as a page, whatever stands in it. */
const PLAIN = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

export function json(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { ...PLAIN, "content-type": "application/json", ...headers },
  });
}

export function refuse({ status, error, headers }: Refusal): Response {
  return json(status, { error }, headers);
}

export function text(body: string, type: string): Response {
  return new Response(body, { headers: { ...PLAIN, "content-type": type } });
}

/** The rest of the body is not wanted: the connection ends with the answer. */
export const CLOSE = { connection: "close" } as const;

export function retryAfter(seconds: number): Readonly<Record<string, string>> {
  return { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}
