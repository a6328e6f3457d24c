/** A small registry in a temporary folder, for tests: three skills, one pipeline of each kind, everything sound until a test breaks it. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const FILES: Readonly<Record<string, string>> = {
  "skills.yaml": `foundation: basics
review: { approve: 7.5, reject: 4, rounds: 3 }
squads:
  ground: { title: Ground, does: keeps the basics }
  makers: { title: Makers, does: make }
  checkers: { title: Checkers, does: check }
rubrics:
  text:
    criteria:
      - { id: clarity, weight: 2, asks: Clear?, low: no, mid: half, high: yes }
skills:
  basics: { squad: ground, role: Writes the basics., tier: standard, rubric: text, sections: [Basics] }
  writer: { squad: makers, role: Writes., tier: standard, rubric: text, needs: [basics], feeds: [checker], sections: [Text] }
  checker:
    squad: checkers
    role: Checks.
    tier: light
    rubric: text
    needs: [writer]
    feeds: [writer]
    sections: [Report]
`,
  ".agents/pipelines.yaml": `pipelines:
  Write And Check:
    category: content
    fits: A text.
    steps:
      - skill: writer
        phase: Write
        brief: Write it.
        criteria: [It is written]
        gate: true
      - { skill: checker, phase: Check, brief: Check it. }
  Look Back:
    category: content
    fits: A look back.
    steps:
      - { director: Look back., phase: Look }
`,
  ".agents/routing.yaml": `last: [checkers]
categories:
  content:
    means: texts
    route:
      - { phase: Write, squads: [makers], skills: [basics], gate: true }
      - { phase: Check, skills: [checker] }
`,
  ".agents/schedules.yaml": `schedules:
  daily: { cron: "0 6 * * *", pipeline: Write And Check }
  monthly: { cron: "0 0 1 * *", zone: Europe/Berlin, pipeline: Look Back }
`,
  ".agents/events.yaml": `events:
  drop: { pipeline: Write And Check, when: { field: drop, above: 20 } }
`,
  ".agents/models.yaml": `as_of: "2026-11-21"
source: a price list
tiers: { strong: big, standard: small, light: small }
models:
  big:
    context: 1000
    max_output: 100
    prices:
      - { from: "2026-01-01", input: 4, output: 20, cache_write_5m: 5, cache_write_1h: 8, cache_read: 0.2 }
  small:
    context: 1000
    max_output: 100
    prices:
      - { from: "2026-01-01", input: 1, output: 5, cache_write_5m: 1, cache_write_1h: 2, cache_read: 0.1 }
`,
  ".agents/charter.md": "Lead well.\n",
  ".agents/house-rules.md": "Be true.\n",
  ".agents/reviewer.md": "Be fair.\n",
  ".agents/skills/basics/SKILL.md": skillText("basics", playbookText("Basics")),
  ".agents/skills/writer/SKILL.md": skillText("writer", `${playbookText("Text")}\nSee references/styles.md.`),
  ".agents/skills/writer/references/styles.md": "# Styles\n",
  ".agents/skills/checker/SKILL.md": skillText("checker", playbookText("Report")),
};

/** A sound SKILL.md. */
export function skillText(name: string, body = "Do it well."): string {
  return `---\nname: ${name}\ndescription: Does ${name} work.\n---\n\n${body}\n`;
}

/** A sound playbook of a skill with these sections and the rubric of this registry. */
export function playbookText(...sections: readonly string[]): string {
  const parts = sections.map((name) => `### ${name}\nWhat it holds.\n`).join("\n");
  return `Do it well.\n\n## Inputs\n\nThe brief.\n\n## Deliverable\n\n${parts}\n## Quality criteria\n\n- \`clarity\`: it is clear.`;
}

export type Team = AsyncDisposable & {
  readonly root: string;
  /** Writes a file below the root; null removes it. */
  write(file: string, content: string | Uint8Array | null): Promise<void>;
  /** Replaces the first occurrence of a text in a file; throws when it is not there. */
  change(file: string, from: string, to: string): Promise<void>;
};

/** The small registry on disk; `await using` removes it. */
export async function smallTeam(): Promise<Team> {
  const root = await mkdtemp(join(tmpdir(), "marketeam-registry-"));
  const write: Team["write"] = async (file, content) => {
    const path = join(root, file);
    if (content === null) return rm(path, { recursive: true });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  for (const [file, content] of Object.entries(FILES)) await write(file, content);
  return {
    root,
    write,
    async change(file, from, to) {
      const text = await Bun.file(join(root, file)).text();
      if (!text.includes(from)) throw new Error(`${file} does not contain ${JSON.stringify(from)}`);
      await write(
        file,
        text.replace(from, () => to),
      );
    },
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
}
