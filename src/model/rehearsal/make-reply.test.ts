/** Deliverables: marked, complete, in the words that were given; revisions and references. */

import { expect, test } from "bun:test";
import type Anthropic from "@anthropic-ai/sdk";
import { readHandoff } from "../../domain/deliverable.ts";
import { CONTEXT, MARK, type MakeShown, body, makePrompt, open, textOfMessage, write } from "./rehearsal.fixture.ts";

const INPUT =
  '<input key="know-guests" skill="guest-study" form="summary">\nFamilies come on Sundays and order fish for the children.\n</input>';

test.each<[string, MakeShown]>([
  ["all there", { inputs: INPUT }],
  ["no context", { context: null }],
  ["many sections", { sections: Array.from("abcdefgh", (letter) => `Part ${letter}`), inputs: INPUT }],
  ["no required sections, no criteria", { sections: [], criteria: [] }],
  [
    "a long context",
    {
      context: `${CONTEXT}\n\n## Pains\n${"Guests wait for the bill and for the bread. Nobody tells them why the soup is late. ".repeat(40)}`,
    },
  ],
])("a deliverable is marked, complete and of readable length: %s", async (_, shown) => {
  await using at = open();
  const text = await write(at.client, shown);
  const [title, blank, mark] = text.split("\n");
  expect([title, blank, mark]).toEqual(["# Write the autumn menu for families", "", MARK]);
  expect(text.length).toBeWithin(1500, 4001);
  for (const name of shown.sections ?? ["What guests want", "The menu"]) expect(text).toContain(`\n## ${name}\n`);
  for (const criterion of shown.criteria ?? ["Each dish says what is in it", "Children find a dish"])
    expect(text).toContain(criterion);
  expect(text).not.toMatch(/\[[^\]]*\]/);
  expect(text.trimEnd()).toEndWith("</handoff>");
  const { body: deliverable, missing, warnings } = readHandoff(text);
  expect(warnings.length).toBeGreaterThan(0);
  expect(missing).toEqual(
    shown.context === null
      ? ["There is no product context: who buys the product, what it does for them and how it speaks are unknown."]
      : ["The product context says nothing about: Proof points"],
  );
  // Its only numbers are those that it was given.
  const given = JSON.stringify(makePrompt(shown));
  for (const [number] of deliverable.matchAll(/\d+/g)) expect(given).toContain(number);
  expect(deliverable).toContain("catch of the day");
  if (shown.context !== null)
    expect(deliverable).toContain("The Blue Spoon is a small restaurant by the harbour that cooks what the boats bring in");
  if (shown.inputs) expect(deliverable).toContain("`know-guests`");
});

test("a revision answers each finding, differs from the version before and drops what was quoted", async () => {
  await using at = open();
  const first = readHandoff(await write(at.client)).body;
  const quote = "Most guests are families from the village;";
  expect(first).toContain(quote);
  const findings = [
    { severity: "major", quote, problem: "Rehearsal: it does not say where they come from.", request: "Name the village." },
    { severity: "minor", quote: "", problem: "The soup is absent.", request: "Add the soup." },
  ];
  const shown = { previous: { revision: 0, body: first }, findings };
  const second = readHandoff(await write(at.client, shown)).body;
  const changes = second.split("## Changes in this version")[1]?.split("\n## ")[0] ?? "";
  for (const words of ["it does not say where they come from", "Name the village", "The soup is absent", "Add the soup"])
    expect(changes).toContain(words);
  expect(second).not.toBe(first);
  expect(second.replace(changes, "")).not.toContain(quote);
  const third = readHandoff(await write(at.client, { ...shown, previous: { revision: 1, body: second } })).body;
  expect(third).not.toBe(second);
});

test("about a third of first turns ask for references that are listed, and write once they have them", async () => {
  await using at = open();
  const tools = [{ name: "read_reference", description: "reads", input_schema: { type: "object" as const } }];
  let asked = 0;
  for (let i = 0; i < 60; i++) {
    const { system, user } = makePrompt({ key: `task-${i}`, references: true });
    const request = body(user, { system, tools });
    const reply = await at.client.messages.stream(request).finalMessage();
    if (reply.stop_reason !== "tool_use") continue;
    asked++;
    const uses = reply.content.filter((block) => block.type === "tool_use");
    expect(uses.length).toBeWithin(1, 3);
    expect(new Set(uses.map((use) => use.id)).size).toBe(uses.length);
    for (const use of uses) expect((use.input as { path: string }).path).toStartWith("references/");
    const results = uses.map((use) => ({
      type: "tool_result" as const,
      tool_use_id: use.id,
      content: "Autumn brings mussels and pumpkins to the harbour.",
    }));
    const turns: Anthropic.MessageParam[] = [
      { role: "assistant", content: uses.map(({ id, name, input }) => ({ type: "tool_use", id, name, input })) },
      { role: "user", content: results },
    ];
    const text = textOfMessage(await at.client.messages.create({ ...request, messages: [...request.messages, ...turns] }));
    expect(text).toContain(MARK);
  }
  expect(asked).toBeWithin(10, 31);
});
