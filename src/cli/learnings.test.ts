import { describe, expect, test } from "bun:test";
import type { Learning } from "../domain/learning.ts";
import { UsageError } from "./errors.ts";
import { learnings } from "./learnings.ts";
import { checkStatement } from "./learnings-change.ts";
import { learningsText } from "./learnings-text.ts";
import { styles } from "./output.ts";

const plain = styles(false);

function learning(change: Partial<Learning>): Learning {
  return {
    id: "learn_1",
    statement: "Say the price",
    skill: null,
    category: null,
    tags: [],
    confidence: 0.5,
    evidence: "",
    status: "active",
    origin: "review",
    rehearsal: false,
    goalId: null,
    taskId: null,
    createdAt: 0,
    ...change,
  };
}

/** What a command says is wrong; every case here is refused before anything is opened. */
async function refusal(...args: Parameters<typeof learnings>): Promise<string> {
  try {
    await learnings(...args);
  } catch (error) {
    if (error instanceof UsageError) return `${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("learnings", () => {
  test("a statement is kept on one line, of 1 to 400 characters", () => {
    expect(checkStatement("  Say\n the\tprice ")).toBe("Say the price");
    expect(checkStatement("x".repeat(400))).toHaveLength(400);
    for (const bad of ["", " \n ", "x".repeat(401), "a\u0007b", "a\u001b[31mb"])
      expect(() => checkStatement(bad)).toThrow(UsageError);
  });

  test("what cannot be done is refused with what can", async () => {
    expect(await refusal("ad", "x", {})).toContain('did you mean "add"?');
    expect(await refusal("frobnicate", undefined, {})).toContain("add, edit, retire");
    expect(await refusal("add", undefined, {})).toContain("add what?");
    expect(await refusal("add", "x", { text: "y" })).toContain("given twice");
    expect(await refusal("edit", undefined, { text: "y" })).toContain("edit which learning?");
    expect(await refusal("edit", "learn_1", {})).toContain("edit what of it?");
    expect(await refusal("retire", undefined, {})).toContain("retire which learning?");
  });

  test("an option that would be ignored is refused", async () => {
    expect(await refusal("retire", "learn_1", { text: "y" })).toContain("no use for --text");
    expect(await refusal("edit", "learn_1", { skill: "s" })).toContain("it takes --text, --confidence");
    expect(await refusal(undefined, undefined, { confidence: 1 })).toContain("no use for --confidence");
  });

  test("confidence is a number from 0 to 1", async () => {
    for (const confidence of [-0.1, 1.1, Number.NaN]) expect(await refusal("add", "x", { confidence })).toContain("from 0 to 1");
  });

  test("the list goes by skill, the surest first, with whole ids and each statement on its row", () => {
    const rows = learningsText(
      [
        learning({ id: "learn_b", skill: "writing", confidence: 0.5 }),
        learning({ id: "learn_a", skill: "writing", confidence: 0.9, statement: "two\nlines" }),
        learning({ id: "learn_c", status: "retired" }),
      ],
      0,
      plain,
    ).split("\n");
    expect(rows.slice(1).map((row) => row.split(/\s+/).at(-1))).toEqual(["learn_c", "learn_a", "learn_b"]);
    expect(rows[1]).toContain("all skills");
    expect(rows[1]).toContain("retired");
    expect(rows[2]).toContain("two lines");
  });

  test("an empty list says how to add one", () => {
    expect(learningsText([], 0, plain)).toContain("learnings add");
    expect(learningsText([], 2, plain)).toContain("2 from rehearsals");
  });
});
