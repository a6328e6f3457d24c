/** A meter on the wire between the team and the model: what every answer said it used, read from its bytes and kept outside of the team. */

export type Metered = {
  /** UTC ms, when it was asked. */
  readonly at: number;
  readonly model: string;
  /** Of the price, as the answer says by its tier: a batch's is half. */
  readonly share: number;
  readonly usage: {
    readonly input: number;
    readonly output: number;
    readonly cacheRead: number;
    readonly cacheWrite5m: number;
    readonly cacheWrite1h: number;
  };
};

export type Meter = AsyncDisposable & { readonly url: string; readonly read: readonly Metered[] };

/** `output` may say how many tokens an answer of this model wrote, in the answer's place: to spend a sum in one call. */
export type Output = (model: string) => number | null;

/** In front of the server at `url`. */
export function startMeter(url: string, output: Output = () => null): Meter {
  const read: Metered[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    reusePort: false,
    async fetch(request, bun) {
      bun.timeout(request, 0);
      const at = Date.now();
      const { pathname, search } = new URL(request.url);
      const body = request.method === "GET" ? null : await request.text();
      const answer = await fetch(`${url}${pathname}${search}`, { method: request.method, headers: request.headers, body });
      const model = body === null ? "" : String((JSON.parse(body) as { model?: unknown }).model);
      const wanted = pathname === "/v1/messages" ? output(model) : null;
      const said = await answer.text();
      const text = wanted === null ? said : said.replaceAll(/"output_tokens":\d+/g, `"output_tokens":${wanted}`);
      // A stream tells the input at its beginning and the output at its end: the last word on each counts.
      const last = (name: string) => Number([...text.matchAll(new RegExp(`"${name}":(\\d+)`, "g"))].at(-1)?.[1] ?? 0);
      if (answer.ok && pathname === "/v1/messages")
        read.push({
          at,
          model,
          share: 1,
          usage: {
            input: last("input_tokens"),
            output: last("output_tokens"),
            cacheRead: last("cache_read_input_tokens"),
            cacheWrite5m: last("ephemeral_5m_input_tokens"),
            cacheWrite1h: last("ephemeral_1h_input_tokens"),
          },
        });
      if (answer.ok && pathname.endsWith("/results")) read.push(...resultsOf(said, at));
      const headers = new Headers(answer.headers);
      for (const name of ["content-length", "content-encoding", "transfer-encoding"]) headers.delete(name);
      return new Response(text, { status: answer.status, headers });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    read,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** What the results of a batch say that each of its requests used. A batch that is fetched again is billed once. */
function resultsOf(lines: string, at: number): Metered[] {
  type Line = { result: { message?: { model: string; usage: Usage } } };
  type Usage = Record<"input_tokens" | "output_tokens" | "cache_read_input_tokens", number> & {
    service_tier: string;
    cache_creation: Record<"ephemeral_5m_input_tokens" | "ephemeral_1h_input_tokens", number>;
  };
  return lines
    .trim()
    .split("\n")
    .flatMap((line) => {
      const { message } = (JSON.parse(line) as Line).result;
      if (!message) return [];
      const { usage } = message;
      return [
        {
          ...{ at, model: message.model, share: usage.service_tier === "batch" ? 0.5 : 1 },
          usage: {
            ...{ input: usage.input_tokens, output: usage.output_tokens, cacheRead: usage.cache_read_input_tokens },
            cacheWrite5m: usage.cache_creation.ephemeral_5m_input_tokens,
            cacheWrite1h: usage.cache_creation.ephemeral_1h_input_tokens,
          },
        },
      ];
    });
}
