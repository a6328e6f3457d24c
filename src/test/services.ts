/** Servers that some tests need: asked once, with a hard limit, and skipped in one plain line when they are not there. */

/** A server that is there answers at once, unless the machine has a hundred other things to do. */
const LIMIT_MS = 5_000;

export type Service = { readonly url: string; readonly ok: true } | { readonly ok: false };

/** PostgreSQL at TEST_DATABASE_URL. With REQUIRE_SERVICES=1 its absence throws, so that CI cannot skip unseen. */
export async function postgresService(): Promise<Service> {
  const url = process.env.TEST_DATABASE_URL;
  if (!url) return absent("postgres", "TEST_DATABASE_URL is not set");
  const { Client } = await import("pg");
  const client = new Client({ connectionString: url, connectionTimeoutMillis: LIMIT_MS });
  client.on("error", () => {});
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
  try {
    await Promise.race([client.connect().then(() => client.query("select 1")), late.promise]);
    return { ok: true, url };
  } catch (error) {
    return absent("postgres", error instanceof Error ? error.message || String(error) : String(error));
  } finally {
    clearTimeout(timer);
    client.end().catch(() => {});
  }
}

/** A Chromium in PATH, for servers that drive a browser. */
export function chromiumService(): { readonly path: string; readonly ok: true } | { readonly ok: false } {
  const path = Bun.which("chromium") ?? Bun.which("chromium-browser");
  return path === null ? absent("chromium", "it is not in PATH") : { ok: true, path };
}

function absent(name: string, why: string): { readonly ok: false } {
  if (process.env.REQUIRE_SERVICES === "1") throw new Error(`${name} is required by REQUIRE_SERVICES=1, but: ${why}`);
  console.error(`SKIP ${name}: ${why}`);
  return { ok: false };
}
