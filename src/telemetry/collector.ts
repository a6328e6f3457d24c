/** The collector's side of the wire: one POST of OTLP JSON, and what its answer means. */

export type Sent =
  /** `rejected`: spans that the collector did not want; it keeps the others. */
  | { readonly kind: "taken"; readonly rejected: number; readonly detail: string | null }
  /** The collector will never take these. */
  | { readonly kind: "refused"; readonly detail: string }
  /** Again later; `afterMs` when the collector said how much later. */
  | { readonly kind: "away"; readonly detail: string; readonly afterMs: number | null };

/** A collector answers in milliseconds; one that hangs must not hold the lease for longer than it lasts. */
const POST_TIMEOUT_MS = 10_000;
/** Answers that say something about these spans and not about the way to the collector. */
const REFUSED: readonly number[] = [400, 413, 422];
const MAX_ANSWER_CHARS = 2_000;

export type Collector = {
  /** OTEL_EXPORTER_OTLP_ENDPOINT: the address without `/v1/traces`. */
  readonly endpoint: string;
  /** OTEL_EXPORTER_OTLP_HEADERS, parsed. */
  readonly headers: Readonly<Record<string, string>>;
};

/** Never throws. What is wrong with address, key or network may be mended, and the spans are in the store: that is `away`. */
export async function postSpans(collector: Collector, body: object): Promise<Sent> {
  try {
    const response = await fetch(tracesUrl(collector.endpoint), {
      method: "POST",
      headers: { ...collector.headers, "content-type": "application/json" },
      body: JSON.stringify(body),
      // The headers may hold a key: they go to the address that a person wrote, and nowhere else.
      redirect: "manual",
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    const text = (await response.text()).slice(0, MAX_ANSWER_CHARS);
    if (response.ok) return { kind: "taken", ...partialSuccess(text) };
    const detail = `it answers ${response.status}${text.trim() === "" ? "" : `: ${oneLine(text)}`}`;
    if (REFUSED.includes(response.status)) return { kind: "refused", detail };
    return { kind: "away", detail, afterMs: retryAfter(response.headers.get("retry-after")) };
  } catch (error) {
    return { kind: "away", detail: error instanceof Error ? oneLine(error.message) : String(error), afterMs: null };
  }
}

export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  return url.href;
}

/** Where the collector is, without what an address may hold of names and keys. */
export function collectorName(endpoint: string): string {
  return new URL(endpoint).origin;
}

/** `key=value,key2=value2`, percent-encoded, as OTEL_EXPORTER_OTLP_HEADERS has it. Null when it is not that. */
export function parseOtlpHeaders(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const pair of text.split(",").filter((entry) => entry.trim() !== "")) {
    const at = pair.indexOf("=");
    const key = pair.slice(0, at).trim();
    if (at < 1 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key)) return null;
    try {
      const value = decodeURIComponent(pair.slice(at + 1).trim());
      if (/[\r\n\0]/.test(value)) return null;
      headers[key.toLowerCase()] = value;
    } catch {
      return null;
    }
  }
  return headers;
}

function partialSuccess(text: string): { rejected: number; detail: string | null } {
  try {
    const answer = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown } } | null;
    const rejected = Number(answer?.partialSuccess?.rejectedSpans ?? 0);
    const message = answer?.partialSuccess?.errorMessage;
    return {
      rejected: Number.isFinite(rejected) ? rejected : 0,
      detail: typeof message === "string" && message !== "" ? oneLine(message) : null,
    };
  } catch {
    // A collector may answer with nothing, or with protobuf: it took them.
    return { rejected: 0, detail: null };
  }
}

function retryAfter(value: string | null): number | null {
  return value !== null && /^\d{1,5}$/.test(value.trim()) ? Number(value) * 1000 : null;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, 200);
}
