/** What tasks handed in, as the Director reads it in a prompt. */

import { tag } from "../skills/prompt.ts";

export type Result = {
  readonly key: string;
  readonly skill: string;
  readonly phase: string;
  readonly score: number | null;
  readonly summary: string | null;
  readonly body: string;
};

/** Texts longer than this are shown by their summary, when there is one. */
const FULL_MAX_CHARS = 12_000;

export function resultBlocks(results: readonly Result[], options: { full: boolean }): string {
  return results
    .map((result) => {
      const full = options.full && (result.body.length <= FULL_MAX_CHARS || result.summary === null);
      const text = full ? result.body : (result.summary ?? result.body.slice(0, FULL_MAX_CHARS));
      return tag("result", { key: result.key, skill: result.skill, score: result.score, form: full ? "full" : "summary" }, text);
    })
    .join("\n");
}
