/** The other end of what the daemon sends: a receiver of notices and of traces that keeps all it was sent. */

export type Received = {
  /** Every delivery of a notice, repeats included, in order. */
  readonly notices: readonly { readonly id: string; readonly text: string }[];
  readonly spans: readonly { readonly id: string; readonly root: boolean; readonly goal: string }[];
};

export type Receiver = Received & {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
};

type Attribute = { key: string; value: { stringValue?: string } };
type SentSpan = { spanId: string; traceId: string; parentSpanId?: string; attributes: Attribute[] };
type SentSpans = { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };

export function startReceiver(): Receiver {
  const notices: { id: string; text: string }[] = [];
  const spans: { id: string; root: boolean; goal: string }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    async fetch(request) {
      const text = await request.text();
      if (new URL(request.url).pathname === "/v1/traces") {
        for (const { scopeSpans } of (JSON.parse(text) as SentSpans).resourceSpans)
          for (const { spanId, traceId, parentSpanId, attributes } of scopeSpans.flatMap((scope) => scope.spans)) {
            const goal = attributes.find(({ key }) => key === "gen_ai.conversation.id")?.value.stringValue ?? "";
            spans.push({ id: `${traceId}/${spanId}`, root: !parentSpanId, goal });
          }
        return Response.json({});
      }
      notices.push({ id: request.headers.get("webhook-id") ?? "", text });
      return new Response(null, { status: 204 });
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    notices,
    spans,
    env: {
      NOTIFY_WEBHOOK_URL: url,
      NOTIFY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
    },
    stop: () => server.stop(true),
  };
}

/** .agents/notify.yaml for it: every kind of notice, and a digest that is due at once. */
export const NOTIFY = `digest: "00:00"
channels:
  hook: { type: webhook, url: "\${NOTIFY_WEBHOOK_URL}", secret: "\${NOTIFY_WEBHOOK_SECRET}" }
`;
