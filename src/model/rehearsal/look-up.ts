/** What a making call looks up with the tools that it is offered, before it writes: what its brief names, tool or address, then what lies open. */

import { listOf, sha256, textOf } from "./json.ts";
import { signed } from "./thinking.ts";
import type { MakeScene } from "./make-scene.ts";
import type { ReplyMessage } from "./message.ts";
import { readElements } from "./prompt.ts";
import type { Scene, ShownTool } from "./shown-call.ts";
import { plain, short } from "./words.ts";

/** So often it looks before it writes. */
const LOOKS = 2;
const SHOWS = /(?:^|[_-])(?:snapshot|list|get|search)(?:[_-]|$)/i;
const ADDRESS = /https?:\/\/[^\s<>"'`)\]]+/;

/** A turn that uses one tool, or null when there is nothing (more) to look up. `own` are the tools that lie in the skill's folder. */
export function lookUp(scene: Scene, make: MakeScene, own: readonly string[]): ReplyMessage | null {
  const outside = scene.tools.filter((tool) => !own.includes(tool.name));
  const used = scene.used.filter((name) => !own.includes(name));
  if (outside.length === 0 || used.length >= LOOKS) return null;
  const open = outside.filter((tool) => !used.includes(tool.name));
  // Its own brief first: the goal may name a page that another task looks at.
  const task = `${make.brief}\n${make.goal}`;
  const named = open
    .filter((tool) => required(tool).length === 0 && task.includes(`\`${tool.name}\``))
    .toSorted((a, b) => task.indexOf(`\`${a.name}\``) - task.indexOf(`\`${b.name}\``))[0];
  const address = ADDRESS.exec(task)?.[0]?.replace(/[.,;:!?]+$/, "");
  const opener = address === undefined || used.length > 0 ? undefined : open.find((tool) => addressOf(tool) !== null);
  const shower = open.find((tool) => SHOWS.test(tool.name) && required(tool).length === 0);
  const tool = named ?? opener ?? shower;
  if (!tool) return null;
  const input = tool === opener ? { [addressOf(tool) ?? "url"]: address ?? "" } : {};
  const id = `toolu_${sha256(JSON.stringify([make.key, make.skill, make.revision, make.angle, tool.name, input])).slice(0, 24)}`;
  return {
    content: [signed(`Rehearsal: looking with ${tool.name}.`), { type: "tool_use", id, name: tool.name, input }],
    stop: "tool_use",
    stopDetails: null,
  };
}

function required(tool: ShownTool): string[] {
  return listOf(tool.schema.required).map(textOf);
}

/** The one argument that it must have, where that is an address. */
function addressOf(tool: ShownTool): string | null {
  const [only, ...more] = required(tool);
  return only !== undefined && more.length === 0 && /^(?:url|uri|address)$/i.test(only) ? only : null;
}

/** A line for each thing that was looked at: with what, when, and the words that it showed. */
export function seenLines(scene: Scene): string[] {
  const shown = scene.toolResults.flatMap((text) => readElements(text, ["from_outside"]));
  const lines = shown.flatMap(({ attrs, text }) => {
    const said = words(text);
    return said.length === 0
      ? []
      : [
          `- ${attrs.server ?? "a tool"} ${attrs.tool ?? ""} (${attrs.read_at ?? ""}) showed: ${said.map((one) => `"${short(plain(one).replaceAll('"', "'"), 120)}"`).join(", ")}`,
        ];
  });
  return lines.length > 0 ? ["## What was looked at", "", ...lines, ""] : [];
}

/** The headings that a page shows, else the first two lines that say something: no code, and no heading of the tool's own. */
function words(text: string): string[] {
  const headings = [...text.matchAll(/heading "([^"]+)"/g)].map((match) => match[1] ?? "");
  if (headings.length > 0) return headings.slice(0, 5);
  const lines = (of: string) =>
    of
      .split("\n")
      .map((line) => line.trim().replace(/^[-*] /, ""))
      .filter((line) => /\p{L}{3}/u.test(line) && !line.startsWith("```"));
  const said = lines(text.replace(/^```[^]*?^```/gm, "")).filter((line) => !line.startsWith("#"));
  return (said.length > 0 ? said : lines(text)).slice(0, 2);
}
