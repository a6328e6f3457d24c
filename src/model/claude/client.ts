/** The SDK's client as we use it: one key and one address, no retry, no limit of its own, nothing from the environment. */

import type Anthropic from "@anthropic-ai/sdk";

export type ClaudeAddress = { readonly apiKey: string; readonly baseURL?: string | undefined };

export async function loadSdk() {
  const [{ Anthropic }, { transformJSONSchema }] = await Promise.all([
    import("@anthropic-ai/sdk"),
    import("@anthropic-ai/sdk/lib/transform-json-schema"),
  ]);
  return { Anthropic, transformJSONSchema };
}

/** The client, and the SDK's own reduction of schemas. */
export async function openClient({ apiKey, baseURL }: ClaudeAddress) {
  const { Anthropic, transformJSONSchema } = await loadSdk();
  return { client: createClient(Anthropic, apiKey, baseURL), reduceSchema: transformJSONSchema };
}

/** What went wrong may quote the key. */
export function redact(text: string, apiKey: string): string {
  return text.replaceAll(apiKey || "\0", "[redacted]");
}

function createClient(SDK: typeof Anthropic, apiKey: string, baseURL: string | undefined): Anthropic {
  const client = new SDK({
    apiKey,
    authToken: null,
    webhookKey: null,
    baseURL: baseURL ?? "https://api.anthropic.com",
    maxRetries: 0,
    // Silence is the watchdog's business. Bun's own limit (300 s) and the SDK's (10 minutes to the headers) would cut off
    // calls that are paid for; a redirect would carry the key to another address.
    timeout: 2 ** 31 - 1,
    fetchOptions: { timeout: false, redirect: "manual" },
    logLevel: "off",
    openTelemetry: false,
  });
  // The one variable that no option switches off: ANTHROPIC_CUSTOM_HEADERS could even replace the key.
  (client as unknown as { _options: { defaultHeaders: undefined } })._options.defaultHeaders = undefined;
  return client;
}
