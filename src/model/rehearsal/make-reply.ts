/** The reply to a making call: it looks with the tools that are there, a seeded third asks for references, then the deliverable, or the rest of it. */

import { chance } from "./chance.ts";
import { sha256 } from "./json.ts";
import { lookUp, seenLines } from "./look-up.ts";
import { type MakeScene, readMakeScene } from "./make-scene.ts";
import { makeText } from "./make-text.ts";
import { signed } from "./thinking.ts";
import { type ReplyMessage, textMessage } from "./message.ts";
import type { Scene } from "./shown-call.ts";
import { rank } from "./words.ts";

const REFERENCE_TOOL = "read_reference";
const ASKING = 1 / 3;

/** `mayAsk` false: write at once. It never asks twice, nor in the middle of a text. */
export function makeReply(scene: Scene, seed: number, mayAsk: boolean): ReplyMessage {
  const make = readMakeScene(scene);
  if (mayAsk && scene.partial === "") {
    const looked = lookUp(scene, make, [REFERENCE_TOOL]);
    if (looked) return looked;
    const asked =
      !scene.used.includes(REFERENCE_TOOL) && scene.tools.some((tool) => tool.name === REFERENCE_TOOL)
        ? askFor(make, seed)
        : null;
    if (asked) return asked;
  }
  return textMessage(restOf(makeText(make, seed, seenLines(scene)), scene.partial));
}

function askFor(make: MakeScene, seed: number): ReplyMessage | null {
  const about = [make.skill, make.key, make.brief, String(make.revision)];
  if (make.references.length === 0 || chance(seed, "asks", ...about) >= ASKING) return null;
  const scores = rank(
    `${make.brief} ${make.goal}`,
    make.references.map((reference) => `${reference.when} ${reference.path.replace(/[-_/.]/g, " ")}`),
  );
  const ordered = make.references
    .map((reference, i) => ({
      path: reference.path,
      score: (scores[i] ?? 0) + chance(seed, "reference", ...about, reference.path) * 1e-6,
    }))
    .sort((a, b) => b.score - a.score);
  const content = ordered.slice(0, chance(seed, "how many", ...about) < 0.5 ? 1 : 2).map(({ path }) => ({
    type: "tool_use" as const,
    id: `toolu_${sha256(JSON.stringify([seed, ...about, path])).slice(0, 24)}`,
    name: REFERENCE_TOOL,
    input: { path },
  }));
  const thinking = `Rehearsal: reading ${content.map((use) => use.input.path).join(" and ")} first.`;
  return { content: [signed(thinking), ...content], stop: "tool_use", stopDetails: null };
}

/** The text from where the partial ended, even when spaces at its end were lost on the way. */
function restOf(text: string, partial: string): string {
  if (text.startsWith(partial)) return text.slice(partial.length);
  const trimmed = partial.trimEnd();
  if (text.startsWith(trimmed)) return text.slice(trimmed.length);
  const tail = trimmed.slice(-80);
  const at = text.indexOf(tail);
  if (at >= 0) return text.slice(at + tail.length);
  // A few words that are none of ours stand for a beginning that was empty.
  return trimmed.length < 80 ? text : text.slice(text.lastIndexOf("<handoff>"));
}
