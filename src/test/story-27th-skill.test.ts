/** Story: a skill of a new squad, added by files alone, is planned, routed to, executed, reviewed by its rubric and written down. */

import { expect, test } from "bun:test";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredEvent } from "../domain/event.ts";
import { goalResult } from "../domain/result.ts";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { command, ROOT, tempDir } from "./cli.ts";

const SKILL = "webinar-script";
const SQUAD = "events";
/** Stands in no route but the new one. */
const PHASE = "On stage";
const SECTIONS = ["Running order", "Speaker script", "Follow-up"];
const GOAL = "Hold a webinar for warehouse managers and script it";

const PLAYBOOK = `---
name: ${SKILL}
description: "Scripts a live webinar from opening to last question, with running order and follow-up. Use before an online event."
---

# Webinar script

## Inputs

The promise is in **Proof points** of \`product-marketing-context\`. The template is in references/running-order.md.

## Deliverable

${SECTIONS.map((name) => `### ${name}\nWhat it holds.`).join("\n\n")}

## Quality criteria

- \`stagecraft\`: the speaker can read it aloud.
- \`usefulness\`: a listener leaves with something to do.
`;

test("a 27th skill in a new squad, without a change to the program", { timeout: 60_000 }, async () => {
  await using dir = await tempDir();
  const root = join(dir.path, "team");
  for (const part of ["skills.yaml", "tools.yaml", ".agents"]) await cp(join(ROOT, part), join(root, part), { recursive: true });
  const before = await json(["validate"], root);
  await change(
    root,
    "skills.yaml",
    "\nsquads:\n",
    `\nsquads:\n  ${SQUAD}:\n    title: Events\n    does: Makes live and online events.\n`,
  );
  await change(
    root,
    "skills.yaml",
    "\nrubrics:\n",
    `\nrubrics:
  stage:
    criteria:
      - { id: stagecraft, weight: 2, asks: Can it be spoken?, low: No., mid: With effort., high: As it stands. }
      - { id: usefulness, weight: 1, asks: Does it help the listener?, low: No., mid: A little., high: At once. }\n`,
  );
  await change(
    root,
    "skills.yaml",
    "\nskills:\n",
    `\nskills:
  ${SKILL}:
    squad: ${SQUAD}
    role: Webinar scripts with running order and follow-up.
    tier: standard
    rubric: stage
    needs: [product-marketing-context]
    sections: [${SECTIONS.join(", ")}]\n`,
  );
  await change(
    root,
    ".agents/routing.yaml",
    "\ncategories:\n",
    `\ncategories:
  live:
    means: Webinars, talks and other events that people attend.
    route:
      - { phase: ${PHASE}, squads: [${SQUAD}] }\n`,
  );
  const folder = join(root, ".agents/skills", SKILL);
  await Bun.write(join(folder, "SKILL.md"), PLAYBOOK);
  await Bun.write(join(folder, "references/running-order.md"), "# Running order\n\nMinute by minute.\n");

  const checked = await json(["validate"], root);
  expect(checked).toMatchObject({ ok: true, counts: { errors: 0 } });
  // Clean: whatever the shipped files are told, the new ones add nothing to it.
  expect((checked.problems as object[]).length).toBe((before.problems as object[]).length);
  expect(JSON.stringify(checked.problems)).not.toContain(SKILL);
  expect((checked.counts as { skills: number }).skills).toBe((before.counts as { skills: number }).skills + 1);
  expect((checked.counts as { skills: number }).skills).toBe(27);

  await using wire = listen();
  const workspace = join(dir.path, "workspace");
  const env = { ANTHROPIC_BASE_URL: wire.url, ANTHROPIC_API_KEY: "any-key-at-all" };
  const run = await command(["--json", "--workspace", workspace, GOAL], { cwd: root, env });
  expect([run.code, run.code === 0 ? "" : run.stderr]).toEqual([0, ""]);
  const result = goalResult.parse(JSON.parse(run.stdout));
  expect(result).toMatchObject({ status: "completed", rehearsal: false });

  // The Director was shown the squad, the skill and the route.
  const [planning = ""] = wire.prompts.filter((prompt) => prompt.includes("Plan this goal."));
  expect(planning).toContain(`{"squad":"${SQUAD}","title":"Events","does":"Makes live and online events."}`);
  expect(planning).toContain(`{"skill":"${SKILL}","squad":"${SQUAD}","role":"Webinar scripts with running order and follow-up."`);
  expect(planning).toContain("You lead 27 specialists");
  expect(planning).toContain(`"route":[{"phase":"${PHASE}","squads":["${SQUAD}"]`);

  // The new category's route leads to it, and the plan gives it a task.
  const planned = result.plan.phases.find((phase) => phase.tasks.some((task) => task.skill === SKILL));
  expect(planned?.name).toBe(PHASE);
  const done = result.tasks.find((task) => task.skill === SKILL);
  expect(done).toMatchObject({ status: "done", phase: PHASE, verdict: "APPROVE" });

  // It worked by its playbook, and was judged by its own rubric.
  const made = wire.prompts.find((prompt) => prompt.includes(`<skill name="${SKILL}">`)) ?? "";
  expect(made).toContain("The template is in references/running-order.md.");
  expect(made).toContain(`<required_sections>\n${SECTIONS.map((name) => `- ${name}`).join("\n")}\n</required_sections>`);
  const judged = wire.prompts.find((prompt) => prompt.includes("<rubric ") && prompt.includes(`skill="${SKILL}"`)) ?? "";
  for (const id of ["stagecraft", "usefulness"]) expect(judged).toContain(`{"id":"${id}"`);
  expect(judged).toContain("the speaker can read it aloud");
  const { events } = (await json(["events", "--goal", "last", "--limit", "10000", "--workspace", workspace], root)) as {
    events: StoredEvent[];
  };
  const started = events.find((event) => event.type === "task.started" && event.skill === SKILL);
  const reviews = events.filter((event) => event.type === "task.reviewed" && event.taskId === started?.taskId);
  expect(reviews.at(-1)).toMatchObject({ reviewer: "director", verdict: "APPROVE" });

  // And what it handed in lies in the workspace, in its squad's folder.
  expect(done?.output).toStartWith(`outputs/${SQUAD}/${SKILL}/`);
  const text = await readFile(join(workspace, done?.output ?? ""), "utf8");
  for (const section of SECTIONS) expect(text).toContain(`\n## ${section}\n`);
});

async function json(args: readonly string[], cwd: string): Promise<Record<string, unknown>> {
  const run = await command([...args, "--json"], { cwd });
  if (run.code !== 0) throw new Error(`exit ${run.code} of ${args.join(" ")}\n${run.stderr}\n${run.stdout}`);
  return JSON.parse(run.stdout) as Record<string, unknown>;
}

async function change(root: string, file: string, from: string, to: string): Promise<void> {
  const path = join(root, file);
  const text = await readFile(path, "utf8");
  expect(text.split(from)).toHaveLength(2);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
}

/** The rehearsal behind a door that keeps what is said to it: its own log holds no prompts. */
function listen() {
  const rehearsal = startRehearsal({ seed: 1, returns: 0 });
  const prompts: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      if (pathname === "/v1/messages") prompts.push(textsOf(JSON.parse(body)).join("\n"));
      const headers = new Headers(request.headers);
      headers.delete("host");
      headers.delete("accept-encoding");
      const init = { method: request.method, headers, signal: request.signal };
      return fetch(rehearsal.url + pathname + search, body === "" ? init : { ...init, body });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    prompts,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      await rehearsal.stop();
    },
  };
}

/** Every text of a request, in order. */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === "text" || key === "content") && typeof inner === "string" ? [inner] : textsOf(inner),
  );
}
