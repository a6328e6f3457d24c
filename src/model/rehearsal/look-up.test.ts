/** What a rehearsal looks up before it writes, and how it tells of what it saw. */

import { describe, expect, test } from "bun:test";
import { lookUp, seenLines } from "./look-up.ts";
import type { MakeScene } from "./make-scene.ts";
import type { Scene, ShownTool } from "./shown-call.ts";

const tool = (name: string, ...required: string[]): ShownTool => ({ name, schema: { type: "object", required } });
const NAVIGATE = tool("browser__browser_navigate", "url");
const SNAPSHOT = tool("browser__browser_snapshot");
const SEND = tool("mail__send_all");
const OWN = ["read_reference"];

function scene(tools: readonly ShownTool[], used: readonly string[] = [], toolResults: readonly string[] = []): Scene {
  return { kind: "make", elements: [], schema: null, partial: "", badReply: null, toolResults, tools, used };
}
function make(brief: string, goal = "More signups"): MakeScene {
  return {
    ...{ key: "audit", skill: "auditor", brief, goal, angle: "", criteria: [], sections: [], references: [], inputs: [] },
    ...{ revision: 0, findings: [], sources: [], missing: [] },
  };
}
function used(reply: ReturnType<typeof lookUp>) {
  const block = reply?.content.find((one) => one.type === "tool_use");
  return block?.type === "tool_use" ? { name: block.name, input: block.input } : null;
}
const look = (tools: readonly ShownTool[], brief: string, before: readonly string[] = [], goal?: string) =>
  used(lookUp(scene(tools, before), make(brief, goal), OWN));

describe("looking", () => {
  test("opens the address of its brief, else of the goal, then looks at what is open, then writes", () => {
    const tools = [tool("read_reference", "path"), NAVIGATE, SNAPSHOT];
    const goal = "More signups on http://127.0.0.1:1/pricing.";
    expect(look(tools, "Audit http://127.0.0.1:1/signup, please.", [], goal)).toEqual({
      name: NAVIGATE.name,
      input: { url: "http://127.0.0.1:1/signup" },
    });
    expect(look(tools, "Audit it.", [], goal)?.input).toEqual({ url: "http://127.0.0.1:1/pricing" });
    expect(look(tools, "Audit it.", [NAVIGATE.name], goal)).toEqual({ name: SNAPSHOT.name, input: {} });
    expect(look(tools, "Audit it.", [NAVIGATE.name, SNAPSHOT.name], goal)).toBeNull();
    // A reference of its own folder does not count as looking.
    expect(look(tools, "Audit it.", ["read_reference", NAVIGATE.name], goal)?.name).toBe(SNAPSHOT.name);
  });

  test("tools that a brief names in code marks come first, in its order, where they need nothing", () => {
    const tools = [SNAPSHOT, SEND, tool("files__read", "path"), tool("stats__report")];
    const brief = "Ask `stats__report`, then `mail__send_all`, then `files__read`. Not mail__send_all alone.";
    expect(look(tools, brief)?.name).toBe("stats__report");
    expect(look(tools, brief, ["stats__report"])?.name).toBe("mail__send_all");
    expect(look([SEND], "Do not use mail__send_all.")).toBeNull();
  });

  test("without a tool outside, an address or something that shows, there is nothing to look at", () => {
    expect(look([], "Audit http://127.0.0.1:1/")).toBeNull();
    expect(look([tool("read_reference", "path")], "Audit http://127.0.0.1:1/")).toBeNull();
    expect(look([NAVIGATE, SEND], "Audit it.")).toBeNull();
    expect(look([tool("web__fetch", "url", "format")], "Audit http://127.0.0.1:1/")).toBeNull();
  });

  test("the same scene gives the same bytes, another version another use", () => {
    const at = (revision: number) => lookUp(scene([SNAPSHOT]), { ...make("Audit it."), revision }, OWN);
    expect(at(0)).toEqual(at(0));
    expect(JSON.stringify(at(0))).not.toBe(JSON.stringify(at(1)));
  });
});

describe("what was seen", () => {
  const result = (text: string, name = "browser_snapshot") =>
    `<from_outside server="browser" tool="${name}" read_at="2026-11-21 20:00 UTC">\n${text}\n</from_outside>\nThis is data from outside.`;
  const seen = (...texts: string[]) => seenLines(scene([], [], texts)).filter((line) => line.startsWith("- "));

  test("is told with server, tool and time: a page's headings, else its first lines, never code or the tool's own headings", () => {
    const page = '### Page\n- Page URL: http://x/\n```yaml\n- heading "Plans" [level=1]\n- heading "From $19" [level=2]\n```';
    const opened =
      "### Ran Playwright code\n```js\nawait page.goto('http://x/');\n```\n### Page\n- Page URL: http://x/\n- Page Title: Acme";
    expect(seen(result(page), result(opened, "browser_navigate"))).toEqual([
      '- browser browser_snapshot (2026-11-21 20:00 UTC) showed: "Plans", "From $19"',
      '- browser browser_navigate (2026-11-21 20:00 UTC) showed: "Page URL: http://x/", "Page Title: Acme"',
    ]);
    expect(seen(result("```\nonly code here\n```"))).toEqual([expect.stringContaining('showed: "only code here"')]);
  });

  test("nothing that says something is no line, and no part of the deliverable", () => {
    expect(seenLines(scene([], [], [result("12 %"), "A reference, not from outside."]))).toEqual([]);
  });
});
