/** The login of a person: authorization code with PKCE, the answer caught on this machine. For interactive commands only. */

import type { AuthorizationServerMetadata, FetchLike, OAuthClientInformationMixed } from "@modelcontextprotocol/client";
import { createRedactor } from "../../log/redact.ts";
import { createSecrets } from "../../log/secrets.ts";
import type { HttpWay } from "./entry.ts";
import { expiryOf, type TokenFile } from "./tokens.ts";

export type LoginOptions = {
  readonly way: HttpWay;
  readonly file: TokenFile;
  /** Shows the address to the person, or opens it in a browser. */
  readonly show: (url: string) => Promise<void>;
  readonly now: () => number;
  readonly fetch: FetchLike;
  /** Aborts when the person gives up or has taken too long. */
  readonly signal: AbortSignal;
};

const CLIENT_NAME = "Marketeam";

/**
 * Ends with the tokens kept in the file. Rejects with a sentence when the person or the server said no: what a server says may
 * repeat what it was sent, so the sentence is all that comes out, without secrets.
 */
export async function login(options: LoginOptions): Promise<void> {
  const { list, learn } = createSecrets([]);
  try {
    await loggedIn(options, learn);
  } catch (error) {
    throw new Error(createRedactor(list)(error instanceof Error ? error.message : String(error)));
  }
}

async function loggedIn(
  { way, file, show, now, fetch: fetchFn, signal }: LoginOptions,
  learn: (secrets: readonly string[]) => void,
): Promise<void> {
  const sdk = await import("@modelcontextprotocol/client");
  const found = await sdk.discoverOAuthServerInfo(way.url, { fetchFn, ...(await challenge(way.url, fetchFn)) });
  const { authorizationServerUrl, authorizationServerMetadata: metadata, resourceMetadata } = found;
  const resource = resourceMetadata?.resource;
  const scope = (way.oauth?.scopes ?? resourceMetadata?.scopes_supported)?.join(" ");

  await using callback = catchAnswer(way.oauth?.callbackPort ?? 0, signal);
  const client = await clientOf(way, metadata, authorizationServerUrl, callback.address, scope, fetchFn);
  if (client.client_secret !== undefined) learn([client.client_secret]);
  const { authorizationUrl, codeVerifier } = await sdk.startAuthorization(authorizationServerUrl, {
    ...(metadata !== undefined && { metadata }),
    ...(scope !== undefined && { scope }),
    ...(resource !== undefined && { resource }),
    clientInformation: client,
    redirectUrl: callback.address,
    state: callback.state,
  });
  learn([codeVerifier]);
  await show(authorizationUrl.href);
  const { code, iss } = await callback.answer;
  learn([code]);
  const tokens = await sdk.exchangeAuthorization(authorizationServerUrl, {
    ...(metadata !== undefined && { metadata }),
    ...(resource !== undefined && { resource }),
    ...(iss !== null && { iss }),
    clientInformation: client,
    authorizationCode: code,
    codeVerifier,
    redirectUri: callback.address,
    fetchFn,
  });
  await file.locked(() =>
    file.write({
      version: 1,
      url: way.url,
      authorizationServer: String(authorizationServerUrl),
      ...(metadata !== undefined && { metadata }),
      ...(resource !== undefined && { resource }),
      client,
      tokens,
      expiresAt: expiryOf(tokens, now()),
    }),
  );
}

/** The server's own word on where its metadata is, out of the 401 it answers to a stranger. */
async function challenge(url: string, fetchFn: FetchLike): Promise<{ resourceMetadataUrl?: URL }> {
  const { extractWWWAuthenticateParams } = await import("@modelcontextprotocol/client");
  const response = await fetchFn(url, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  await response.body?.cancel();
  const { resourceMetadataUrl } = extractWWWAuthenticateParams(response);
  return resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl };
}

async function clientOf(
  way: HttpWay,
  metadata: AuthorizationServerMetadata | undefined,
  server: string,
  redirect: string,
  scope: string | undefined,
  fetchFn: FetchLike,
): Promise<OAuthClientInformationMixed> {
  const { clientId, clientSecret } = way.oauth ?? {};
  if (clientId !== undefined) return { client_id: clientId, ...(clientSecret !== undefined && { client_secret: clientSecret }) };
  const { registerClient } = await import("@modelcontextprotocol/client");
  return registerClient(server, {
    ...(metadata !== undefined && { metadata }),
    ...(scope !== undefined && { scope }),
    clientMetadata: {
      client_name: CLIENT_NAME,
      redirect_uris: [redirect],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
    fetchFn,
  });
}

type Caught = { readonly code: string; readonly iss: string | null };

/** Listens on the loopback for the one answer that carries our `state`. */
function catchAnswer(port: number, signal: AbortSignal) {
  const state = crypto.randomUUID();
  const { promise: answer, resolve, reject } = Promise.withResolvers<Caught>();
  answer.catch(() => {});
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch(request) {
      const { pathname, searchParams: query } = new URL(request.url);
      // Whoever guesses the port does not know the state.
      if (pathname !== "/callback" || query.get("state") !== state) return new Response("Not found.", { status: 404 });
      const code = query.get("code");
      if (code !== null) resolve({ code, iss: query.get("iss") });
      else
        reject(new Error(`the login was refused: ${query.get("error_description") ?? query.get("error") ?? "no reason given"}`));
      return new Response(`${code === null ? "The login was refused." : "You are logged in."} You can close this page.`);
    },
  });
  const stop = () => reject(new Error("the login was not finished"));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return {
    state,
    answer,
    address: `http://127.0.0.1:${server.port}/callback`,
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", stop);
      // The page shall still reach the browser.
      await server.stop();
    },
  };
}
