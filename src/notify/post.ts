/** POST to a configured address, carefully: no redirects, a time limit, a small answer, no address in what goes wrong. */

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 16 * 1024;
const LONGEST_RETRY_MS = 6 * 3_600_000;

export type Answer = { readonly status: number; readonly body: string; readonly retryAfterMs: number | null };

export type Post = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs?: number;
};

/** The answer, whatever its status, its body cut at 16 KB; or what went wrong in a sentence. Never rejects. */
export async function post({ url, headers, body, timeoutMs = TIMEOUT_MS }: Post): Promise<Answer | { readonly problem: string }> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "marketeam", "accept-encoding": "identity", ...headers },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await beginningOf(response);
    if (response.status >= 300 && response.status < 400)
      return { problem: `the address answers with a redirect (${response.status}), which is not followed` };
    return { status: response.status, body: text, retryAfterMs: retryAfter(response.headers.get("retry-after")) };
  } catch (error) {
    return { problem: problemOf(error, timeoutMs) };
  }
}

async function beginningOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < ANSWER_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value.subarray(0, ANSWER_BYTES - size));
    size += value.byteLength;
  }
  await reader.cancel().catch(() => {});
  return Buffer.concat(chunks).toString("utf8");
}

/** Seconds, or a date; null for neither. */
function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_RETRY_MS) : null;
}

/** In our own words: errors of fetch carry the address, and the address of a Slack webhook is a secret. */
function problemOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Za-z_]{3,40}$/.test(code) ? `the connection failed (${code})` : "the connection failed";
}

/** Null when messages may be sent to this address, else what is wrong with it, without the address. */
export function addressProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return "is not an address";
  if (url.username !== "" || url.password !== "") return "holds a name or password: use the secret instead";
  const own = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && own)) return null;
  return "must begin with https:// (http:// is for 127.0.0.1 and localhost)";
}
