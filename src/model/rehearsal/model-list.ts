/** The models that the rehearsal says there are; it answers for any id that begins as Claude's do. */

import type { Json } from "./json.ts";

const LINES = ["opus", "sonnet", "haiku"];

export function modelList(): Json {
  const data = LINES.map((line) => modelJson(`claude-${line}-5-5`));
  return { data, first_id: `claude-${LINES[0]}-5-5`, last_id: `claude-${LINES.at(-1)}-5-5`, has_more: false };
}

/** Null for an id that is none of Claude's. */
export function modelJson(id: string): Json | null {
  const [maker, line] = id.split("-");
  if (maker !== "claude" || !line) return null;
  return {
    type: "model",
    id,
    display_name: `Rehearsal of ${id}`,
    created_at: "1970-01-01T00:00:00Z",
    line: LINES.includes(line) ? line : null,
    lifecycle: "active",
    deprecated_at: null,
    retires_at: null,
    max_input_tokens: 1_000_000,
    max_tokens: 128_000,
    capabilities: null,
  };
}
