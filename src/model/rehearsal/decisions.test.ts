/** Gates, re-briefs, reports and the product context, through the wire. */

import { expect, test } from "bun:test";
import { z } from "zod";
import { planTask } from "../../domain/plan.ts";
import { TEAM, ask, lines, open, reviewPrompt } from "./rehearsal.fixture.ts";

const gate = z.object({
  decision: z.enum(["go_on", "change"]),
  note: z.string(),
  rebrief: z.array(z.object({ key: z.string(), brief: z.string(), criteria: z.array(z.string()) })),
  add: z.array(planTask.omit({ reviewers: true, variants: true })),
  drop: z.array(z.object({ key: z.string(), reason: z.string() })),
});
const RESULT =
  '<result key="know-guests" skill="guest-study" score="8.4">\n# Guests\n\nFamilies come on Sundays and order fish.\n</result>';
const team = `<team>\n${lines(TEAM)}\n</team>`;

test("a gate mostly goes on; a seeded quarter re-briefs one later task", async () => {
  await using at = open();
  let changed = 0;
  for (let i = 0; i < 60; i++) {
    const later = [`write-${i}`, `taste-${i}`].map((key) => ({
      key,
      phase: "Write",
      skill: "menu-writing",
      brief: "Write it.",
      criteria: ["good"],
      needs: ["know-guests"],
    }));
    const reply = await ask(
      at.client,
      gate,
      `<gate phase="Study">\n${RESULT}\n</gate>\n<later_tasks>\n${lines(later)}\n</later_tasks>\n${team}`,
    );
    expect(reply.note).toStartWith("Rehearsal: ");
    expect([reply.add, reply.drop]).toEqual([[], []]);
    expect(reply.rebrief).toHaveLength(reply.decision === "change" ? 1 : 0);
    if (reply.decision === "go_on") continue;
    changed++;
    expect(later.map((task) => task.key)).toContain(reply.rebrief[0]?.key ?? "");
    expect(reply.rebrief[0]?.brief).toContain("Families come on Sundays");
    expect(reply.rebrief[0]?.criteria).toContain("good");
  }
  expect(changed).toBeWithin(6, 26);
});

test("a re-brief keeps a skill that is known and takes up the requests", async () => {
  await using at = open();
  const shape = z.object({ skill: z.string(), brief: z.string().min(1), criteria: z.array(z.string()), reason: z.string() });
  const findings = [
    { severity: "blocker", quote: "", problem: "Rehearsal: this is no menu.", request: "Write a menu with prices." },
  ];
  const reply = await ask(at.client, shape, `${reviewPrompt("A song.")}\n<findings>\n${lines(findings)}\n</findings>\n${team}`);
  expect(reply.skill).toBe("menu-writing");
  expect(reply.brief).toContain("Write a menu with prices.");
  expect(reply.criteria).toContain("Each dish says what is in it");
  expect(reply.reason).toStartWith("Rehearsal: this is no menu");
});

test("a report speaks of the goal, every result and what is open", async () => {
  await using at = open();
  const shape = z.object({
    headline: z.string().min(1),
    summary: z.array(z.string()),
    next_steps: z.array(z.string()),
    open_questions: z.array(z.string()),
  });
  const reply = await ask(
    at.client,
    shape,
    `<goal>\nMore families on Sundays.\n</goal>\n${RESULT}\n<open>\n- who cooks on Mondays\n</open>`,
  );
  expect(reply.headline).toBe("Rehearsal: More families on Sundays");
  expect(reply.summary[0]).toStartWith("Rehearsal: ");
  expect(reply.summary.join()).toContain("know-guests (guest-study), score 8.4: Families come on Sundays and order fish.");
  expect(reply.open_questions).toEqual(["who cooks on Mondays"]);
  expect(reply.next_steps.length).toBeGreaterThan(0);
});

test("a context is sorted verbatim; what the source does not say is missing", async () => {
  await using at = open();
  const shape = z.object({ sections: z.array(z.object({ name: z.string(), text: z.string() })), missing: z.array(z.string()) });
  const asked = [
    { name: "Audience", asks: "Who comes and eats: families, travellers, their number." },
    { name: "Voice", asks: "How the house speaks: tone, words it never says." },
    { name: "Proof", asks: "Awards and quotes that may be used, each with its source." },
  ];
  const source =
    "Our guests are families with children.\nWe never say delicious; our tone is plain.\n\n# Proof\nThe Harbour Gazette named us in spring.";
  const prompt = (text: string) => `<sections>\n${lines(asked)}\n</sections>\n<source>\n${text}\n</source>`;
  const reply = await ask(at.client, shape, prompt(source));
  expect(reply).toEqual({
    sections: [
      { name: "Audience", text: "Our guests are families with children." },
      { name: "Voice", text: "We never say delicious; our tone is plain." },
      { name: "Proof", text: "The Harbour Gazette named us in spring." },
    ],
    missing: [],
  });
  expect(await ask(at.client, shape, prompt("Qwertz."))).toEqual({ sections: [], missing: ["Audience", "Voice", "Proof"] });
});
