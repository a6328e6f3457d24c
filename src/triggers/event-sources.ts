/** The signed sources of .agents/events.yaml with their secrets filled in from the environment. */

import type { Problem } from "../domain/problem.ts";
import type { EventsFile } from "../domain/registry.ts";

export type SignedSource = {
  readonly name: string;
  readonly kind: EventsFile["sources"][string]["kind"];
  /** Those that count; the sender uses one of them. */
  readonly secrets: readonly string[];
  /** Where the type stands in the body; null for the place that is usual for the kind. */
  readonly typePath: string | null;
  readonly map: Readonly<Record<string, string>>;
};

export type ResolvedSources = {
  /** Those that can be used, by name. */
  readonly sources: ReadonlyMap<string, SignedSource>;
  readonly problems: readonly Problem[];
  /** For the log's redaction, before the first line is written. */
  readonly secrets: readonly string[];
};

const SHORTEST = 16;
const SHORTEST_KEY_BYTES = 24;

/**
 * The sources that are on and have a usable secret. `variable` gives the value of an environment variable, or null. A source
 * without one is left out with a warning; no problem repeats a value.
 */
export function resolveSources(
  configured: EventsFile["sources"],
  { file, variable }: { readonly file: string; readonly variable: (name: string) => string | null },
): ResolvedSources {
  const problems: Problem[] = [];
  const found: string[] = [];
  const sources = new Map<string, SignedSource>();
  for (const [name, source] of Object.entries(configured)) {
    if (!source.enabled) continue;
    const secrets: string[] = [];
    for (const written of source.secrets ?? [source.secret ?? ""]) {
      const from = written.slice(2, -1);
      const value = variable(from)?.trim() ?? "";
      if (value !== "") found.push(value);
      const problem = value === "" ? "is not set" : secretProblem(source.kind, value);
      if (problem === null) secrets.push(value);
      else problems.push({ severity: "warning", file, message: `source ${name}: ${from} ${problem}`, hint: HINTS[source.kind] });
    }
    if (secrets.length > 0)
      sources.set(name, { name, kind: source.kind, secrets, typePath: source.type ?? null, map: source.map });
    else problems.push({ severity: "warning", file, message: `source ${name} is off: it has no secret that can be used` });
  }
  return { sources, problems, secrets: found };
}

const HINTS = {
  standard: 'take the one that the sender shows, or make one: echo "whsec_$(openssl rand -base64 32)"',
  github: "make one and enter it at GitHub too: openssl rand -hex 32",
  stripe: "take the endpoint's signing secret from Stripe's dashboard",
} as const;

function secretProblem(kind: SignedSource["kind"], secret: string): string | null {
  if (kind !== "standard") return secret.length < SHORTEST ? `is shorter than ${SHORTEST} characters` : null;
  const key = secret.replace(/^whsec_/, "");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(key))
    return "is not base64, with or without whsec_";
  if (Buffer.from(key, "base64").length < SHORTEST_KEY_BYTES) return `holds fewer than ${SHORTEST_KEY_BYTES} bytes`;
  return null;
}
