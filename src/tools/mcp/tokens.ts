/** OAuth tokens of one server: a file for its owner alone, refreshed by one process at a time. */

import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  AuthProvider,
  AuthorizationServerMetadata,
  FetchLike,
  OAuthClientInformationMixed,
} from "@modelcontextprotocol/client";
import { z } from "zod";
import { withFileLock } from "./file-lock.ts";

/** A token that ends sooner than this is refreshed before it is used. */
const MARGIN_MS = 60_000;
const LOCK_MS = 60_000;
const REFRESH_MS = 30_000;

const stored = z.object({
  version: z.literal(1),
  /** The MCP server that the tokens are for: those of another address are never sent to it. */
  url: z.string(),
  authorizationServer: z.string(),
  metadata: z.custom<AuthorizationServerMetadata>().optional(),
  resource: z.string().optional(),
  client: z.custom<OAuthClientInformationMixed>(),
  tokens: z
    .looseObject({ access_token: z.string(), refresh_token: z.string().optional(), scope: z.string().optional() })
    .nullable(),
  /** UTC milliseconds; null when the server did not say. */
  expiresAt: z.number().nullable(),
});
export type StoredLogin = z.infer<typeof stored>;

/** A person has to log in; the message says how. */
export class LoginNeeded extends Error {
  override readonly name = "LoginNeeded";
  constructor(server: string) {
    super(`log in with: tools test ${server}`);
  }
}

export type TokenFile = {
  /** Null when there is none that fits this server's address. */
  read(): Promise<StoredLogin | null>;
  /** Whole or not at all, readable for the owner only. */
  write(login: StoredLogin): Promise<void>;
  /** One process at a time. */
  locked<T>(work: () => Promise<T>): Promise<T>;
};

/**
 * `dir` is made when it is missing. `server` is a name of tools.yaml; what is no letter or digit in it becomes its code.
 * `learn` is told every secret that is read or written here, before anything is done with it: they stand nowhere else.
 */
export function tokenFile(dir: string, server: string, url: string, learn: (secrets: readonly string[]) => void): TokenFile {
  const name = server.replace(/[^a-zA-Z0-9_-]/g, (char) => `%${char.codePointAt(0)?.toString(16)}`);
  const path = join(dir, `${name}.json`);
  return {
    async read() {
      const text = await readFile(path, "utf8").catch(() => null);
      if (text === null) return null;
      const login = stored.safeParse(parsed(text));
      if (!login.success) return null;
      // Of another address, too: they may still be good there.
      learn(secretsOf(login.data));
      return login.data.url === url ? login.data : null;
    },
    async write(login) {
      learn(secretsOf(login));
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const draft = `${path}.${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
      await writeFile(draft, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
      await chmod(draft, 0o600);
      await rename(draft, path);
    },
    async locked(work) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      return withFileLock(join(dir, `${name}.lock`), LOCK_MS, work);
    },
  };
}

/** What of a login must be seen by nobody but the two servers. */
function secretsOf({ tokens, client }: StoredLogin): string[] {
  const { access_token, refresh_token, id_token }: Readonly<Record<string, unknown>> = tokens ?? {};
  const { client_secret, registration_access_token } = client as Readonly<Record<string, unknown>>;
  const all: readonly unknown[] = [access_token, refresh_token, id_token, client_secret, registration_access_token];
  return all.filter((secret) => typeof secret === "string");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Gives the transport its token, without a person. A refresh token is spent once: under the lock one looks first whether another
 * process has refreshed already. Throws LoginNeeded when only a person can help.
 */
export function createTokenKeeper(options: {
  readonly server: string;
  readonly file: TokenFile;
  readonly now: () => number;
  readonly fetch: FetchLike;
}): AuthProvider {
  const { server, file, now } = options;
  let given: string | undefined;

  const renew = (spent: string | undefined): Promise<string> =>
    file.locked(async () => {
      const login = await file.read();
      if (login === null || login.tokens === null) throw new LoginNeeded(server);
      if (login.tokens.access_token !== spent) return login.tokens.access_token;
      const { refresh_token: refreshToken } = login.tokens;
      if (refreshToken === undefined) throw new LoginNeeded(server);
      const { OAuthError, refreshAuthorization } = await import("@modelcontextprotocol/client");
      try {
        const tokens = await refreshAuthorization(login.authorizationServer, {
          ...(login.metadata !== undefined && { metadata: login.metadata }),
          ...(login.resource !== undefined && { resource: login.resource }),
          clientInformation: login.client,
          refreshToken,
          fetchFn: (url, init) => options.fetch(url, { ...init, signal: AbortSignal.timeout(REFRESH_MS) }),
        });
        await file.write({ ...login, tokens, expiresAt: expiryOf(tokens, now()) });
        return tokens.access_token;
      } catch (error) {
        if (!(error instanceof OAuthError) || error.code !== "invalid_grant") throw error;
        // Revoked, or spent by somebody who could not keep what he got.
        await file.write({ ...login, tokens: null, expiresAt: null });
        throw new LoginNeeded(server);
      }
    });

  return {
    async token() {
      const login = await file.read();
      if (login === null || login.tokens === null) return (given = undefined);
      const ending = login.expiresAt !== null && login.expiresAt - MARGIN_MS <= now();
      // Without a refresh token it is used as long as the server takes it.
      const renewable = login.tokens.refresh_token !== undefined;
      given = ending && renewable ? await renew(login.tokens.access_token) : login.tokens.access_token;
      return given;
    },
    async onUnauthorized() {
      if (given === undefined) throw new LoginNeeded(server);
      await renew(given);
    },
  };
}

export function expiryOf(tokens: { readonly expires_in?: number | undefined }, now: number): number | null {
  return tokens.expires_in === undefined ? null : now + tokens.expires_in * 1000;
}
