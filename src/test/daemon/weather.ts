/** What stands between the daemons and the model's server: it lets through, refuses, or takes the answer and throws it away. */

/** `busy` is a 529, `limited` a 429 that asks for a second's wait; neither reaches the server. A `lost` answer was given, and paid for. */
export type Weather = "busy" | "limited" | "lost";

export type WeatherStation = AsyncDisposable & {
  readonly url: string;
  /** For so many calls of the model, after what was set before; the rest is fair. */
  set(weather: Weather, calls: number): void;
  /** How many calls met it so far. */
  readonly met: Readonly<Record<Weather, number>>;
};

const REFUSALS = {
  busy: { status: 529, type: "overloaded_error", headers: {} },
  limited: { status: 429, type: "rate_limit_error", headers: { "retry-after": "1" } },
} as const;

/** In front of the server at `url`. */
export function startWeather(url: string): WeatherStation {
  const met = { busy: 0, limited: 0, lost: 0 };
  const coming: Weather[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    reusePort: false,
    async fetch(request, bun) {
      bun.timeout(request, 0);
      const { pathname } = new URL(request.url);
      const weather = pathname === "/v1/messages" ? coming.shift() : undefined;
      if (weather !== undefined) met[weather]++;
      if (weather === "busy" || weather === "limited") {
        const { status, type, headers } = REFUSALS[weather];
        return Response.json({ type: "error", error: { type, message: "Come again later." } }, { status, headers });
      }
      const body = request.method === "GET" ? null : await request.text();
      const answer = await fetch(`${url}${pathname}`, { method: request.method, headers: request.headers, body });
      const text = await answer.text();
      const headers = new Headers(answer.headers);
      for (const name of ["content-length", "content-encoding", "transfer-encoding"]) headers.delete(name);
      // The server has answered in full. Of a stream only its first half arrives, and its end never does.
      return new Response(weather === "lost" ? text.slice(0, text.length / 2) : text, { status: answer.status, headers });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    met,
    set(weather, calls) {
      coming.push(...Array<Weather>(calls).fill(weather));
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
