/** Fuzz of what a model may answer: each kind of decision ends in a value that fits or in words, and never in an error. */

import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { readHandoff, type Deliverable } from "../../domain/deliverable.ts";
import { plan as planSchema, planProblems, type Plan } from "../../domain/plan.ts";
import { answersTo, reviewReply, type Review } from "../../domain/review.ts";
import type { Registry } from "../../domain/registry.ts";
import type { Lease, Task } from "../../domain/task.ts";
import { compareTexts } from "../../director/compare/compare.ts";
import { contextFromText } from "../../director/context/from-text.ts";
import { judgeFacts } from "../../director/consistency/judge.ts";
import { lookBack } from "../../director/look-back.ts";
import { decideGate } from "../../director/plan/gate.ts";
import { makePlan, planRegistry } from "../../director/plan/plan.ts";
import { decideRebrief } from "../../director/plan/rebrief.ts";
import { closingWord } from "../../director/report.ts";
import { reviewDeliverable } from "../../director/review/review.ts";
import { structureFindings } from "../../director/review/structure.ts";
import type { Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { loadRegistry } from "../../skills/registry.ts";
import { smallTeam } from "../../skills/registry.fixture.ts";
import { harmless, runs, spoilt, spoiltValue } from "../fuzz.ts";

const files = await smallTeam();
const { registry: loaded } = await loadRegistry({ root: files.root });
if (!loaded) throw new Error("the fixture does not load");
const registry: Registry = loaded;
afterAll(() => files[Symbol.asyncDispose]());

/** A journal whose model says these texts, one after the other, and the last one again; counts how often it is asked. */
function says(
  texts: readonly string[],
  stops: readonly ("end" | "truncated" | "refusal")[] = [],
): { journal: Journal; asked: () => number } {
  let n = 0;
  const journal: Journal = {
    async call(spec) {
      // What goes out must be sendable: the repair turn repeats what the model said.
      JSON.stringify(spec.turns);
      const text = texts[Math.min(n, texts.length - 1)] ?? "";
      const stop = stops[n] ?? "end";
      n++;
      return { kind: "answer", stop, text, uses: [], blocks: [], model: "m", detail: null, replayed: false };
    },
    refuseNew: () => {},
  };
  return { journal, asked: () => n };
}

const never = new AbortController().signal;
const goal = {
  id: "goal_1",
  text: "A page",
  category: null,
  source: "cli",
  priority: "P1",
  cap: 1e9,
  allowed: 0,
  rehearsal: false,
  changes: 0,
} as const;
const lease: Lease = { goalId: "goal_1", taskId: "task_1", owner: "p", epoch: 1 };
const task = {
  ...{
    id: "task_1",
    goalId: "goal_1",
    key: "page",
    kind: "work",
    phase: "One",
    skill: "writer",
    brief: "b",
    criteria: ["c"],
    reviewers: ["director"],
  },
  ...{
    status: "reviewing",
    revision: 0,
    roundStart: 0,
    unmet: 0,
    attempts: 1,
    epoch: 1,
    leaseOwner: "p",
    leaseUntil: 1,
    runAt: 0,
    rejections: 0,
  },
  ...{
    reason: null,
    score: null,
    verdict: null,
    model: null,
    variants: 1,
    deliverableId: null,
    createdAt: 0,
    startedAt: 0,
    endedAt: null,
  },
} as Task;
const deliverable: Deliverable = {
  ...{
    id: "dlv_1",
    taskId: "task_1",
    goalId: "goal_1",
    revision: 0,
    origin: "agent",
    skill: "writer",
    body: "# A\n\nIt costs $29.",
    hash: "h",
  },
  ...{ missing: [], warnings: [], score: null, summary: null, facts: [], answers: [], claims: [], createdAt: 0 },
};
const claims = [{ kind: "number", quote: "It costs $29.", status: "open", source: "" }] as const;
const planned: Plan = {
  ...{ title: "T", category: "content", pipeline: null, assumptions: ["a"], missing: ["m"] },
  phases: [
    { name: "One", gate: true },
    { name: "Two", gate: false },
  ],
  tasks: [
    { key: "page", phase: "One", skill: "writer", brief: "b", criteria: ["c"], needs: [] },
    { key: "test", phase: "Two", skill: "checker", brief: "b", criteria: ["c"], needs: ["page"] },
  ],
};
const withAll = { ...planned, tasks: planned.tasks.map((one) => ({ ...one, reviewers: [] as string[], variants: 1 })) };
const result = { key: "page", skill: "writer", phase: "One", score: 8, summary: "s", body: "b" };

type Case = {
  readonly sound: unknown;
  readonly ask: (journal: Journal) => Promise<Decision<unknown> | null>;
  /** What must hold of a value that was decided. */
  readonly holds: (value: unknown) => void;
};

const CASES: Record<string, Case> = {
  plan: {
    sound: withAll,
    ask: (journal) => makePlan(journal, registry, { goal, context: null, learnings: [], recent: [], lease }, never),
    holds: (value) => {
      const plan = planSchema.parse(value);
      expect(planProblems(plan, planRegistry(registry), { template: plan.pipeline !== null })).toEqual([]);
    },
  },
  gate: {
    sound: {
      ...{ decision: "change", note: "n", rebrief: [{ key: "test", brief: "b", criteria: ["c"] }] },
      ...{ add: [{ key: "more", phase: "Three", skill: "checker", brief: "b", criteria: ["c"], needs: ["page"] }], drop: [] },
    },
    ask: (journal) =>
      decideGate(
        journal,
        registry,
        {
          goal,
          context: null,
          plan: planned,
          phase: "One",
          results: [result],
          open: new Set(["test"]),
          taken: new Set(["page", "test"]),
          lease,
        },
        never,
      ),
    holds: (value) => {
      const { plan } = value as { plan: Plan | null };
      if (plan) expect(planProblems(plan, planRegistry(registry), { template: true })).toEqual([]);
      // What is done stays in the plan as it was.
      if (plan) expect(plan.tasks.find((one) => one.key === "page")).toEqual(planned.tasks[0] as never);
    },
  },
  rebrief: {
    sound: { skill: "checker", brief: "b", criteria: ["c"], reason: "r" },
    ask: (journal) =>
      decideRebrief(journal, registry, { goal, context: null, task, rejected: deliverable, findings: [], lease }, never),
    holds: (value) => expect(registry.skills.has((value as { skill: string }).skill)).toBe(true),
  },
  review: {
    sound: {
      ...{ scores: [{ criterion: "clarity", score: 9, evidence: "e" }], wrong_work: false, summary: "s" },
      findings: [{ severity: "minor", quote: "It costs", problem: "p", request: "r" }],
      facts: [{ kind: "price", subject: "Pro", value: "$29", quote: "It costs $29." }],
      claims: [{ id: "C1", status: "supported", source: "context" }],
      learnings: [{ statement: "l", tags: ["t"] }],
    } satisfies z.infer<typeof reviewReply>,
    ask: (journal) =>
      reviewDeliverable(
        journal,
        registry,
        { goal, context: null, task, deliverable, reviewer: "director", before: null, claims, shared: false, sums: true, lease },
        never,
      ),
    holds: (value) => {
      const { score, verdict, reply } = value as {
        score: number;
        verdict: Review["verdict"];
        reply: z.infer<typeof reviewReply>;
      };
      expect(score >= 1 && score <= 10).toBe(true);
      if (verdict === "APPROVE") {
        expect([score >= registry.review.approve, reply.wrong_work]).toEqual([true, false]);
        expect(reply.findings.every((finding) => finding.severity === "minor")).toBe(true);
      }
    },
  },
  report: {
    sound: { headline: "h", summary: ["s"], next_steps: ["n"], open_questions: ["q"] },
    ask: (journal) => closingWord(journal, registry, { goal, context: null, results: [result], open: [], lease }, never),
    holds: (value) => expect((value as { headline: string }).headline).not.toBe(""),
  },
  consistency: {
    sound: { suspected: [], contradictions: [{ subject: "s", a: "S1", b: "S2", context_quote: "", why: "w" }] },
    ask: (journal) => {
      const text = (name: string) => ({
        name,
        squad: "makers",
        skill: "writer",
        body: `The ${name} is for teams.`,
        phase: "One",
        rank: 1,
      });
      const fact = (name: string) => ({
        kind: "audience" as const,
        subject: "audience",
        value: "teams",
        quote: `The ${name} is for teams.`,
      });
      const stated = ["page", "mail"].map((name) => ({ text: text(name) as never, facts: [fact(name)] }));
      return judgeFacts(journal, registry, { goal, context: null, stated, suspected: [], lease }, never);
    },
    holds: (value) => expect(Array.isArray((value as { found: unknown[] }).found)).toBe(true),
  },
  comparison: {
    sound: { better: "first", reason: "r" },
    ask: (journal) =>
      compareTexts(
        journal,
        registry,
        {
          goal,
          context: null,
          task,
          key: { goalId: "goal_1", subject: "task_1", revision: 0 },
          a: { name: "v1", body: "One." },
          b: { name: "v2", body: "Two, and longer." },
          lease,
        },
        never,
      ),
    holds: (value) => expect([null, "v1", "v2"]).toContain((value as { winner: string | null }).winner),
  },
  "look-back": {
    sound: { report: "r", five_lines: ["l"], goals: [{ text: "t", category: "content", priority: "P2", why: "w" }] },
    ask: (journal) => lookBack(journal, registry, { goal, context: null, task, digest: "d", purse: "$1", lease }, never),
    holds: (value) => {
      const { goals, five_lines: lines } = value as { goals: { category: string | null }[]; five_lines: string[] };
      expect([goals.length <= 3, lines.length <= 5]).toEqual([true, true]);
      expect(goals.every((one) => one.category === null || one.category === "content")).toBe(true);
    },
  },
  context: {
    sound: { sections: [{ name: "Overview", text: "o" }], missing: ["Goals"] },
    ask: (journal) => contextFromText(journal, registry, { goal, source: "A text." }, never),
    holds: (value) => expect(value).toBeInstanceOf(Map),
  },
};

describe("decisions", () => {
  for (const [name, { sound, ask, holds }] of Object.entries(CASES)) {
    test(`${name}: the sound reply is decided`, async () => {
      const decision = await ask(says([JSON.stringify(sound)]).journal);
      expect(decision?.kind).toBe("decided");
      if (decision?.kind === "decided") holds(decision.value);
    });

    test(`${name}: a spoilt reply is a value that fits, or words; asked for again twice at most`, async () => {
      const text = JSON.stringify(sound);
      const reply = fc.oneof(
        spoiltValue(sound).map((value) => JSON.stringify(value) ?? ""),
        spoilt(text, `Here it is:\n\`\`\`json\n${text}\n\`\`\`\nDone.`),
      );
      const stops = fc.array(fc.constantFrom("end" as const, "end" as const, "truncated" as const, "refusal" as const), {
        maxLength: 3,
      });
      await fc.assert(
        fc.asyncProperty(fc.array(reply, { minLength: 1, maxLength: 3 }), stops, async (texts, ends) => {
          const { journal, asked } = says(texts, ends);
          const decision = await harmless(() => ask(journal));
          // A comparison is up to three decisions.
          expect(asked()).toBeLessThanOrEqual(name === "comparison" ? 9 : 3);
          if (decision === null) return;
          if (decision.kind === "decided") holds(decision.value);
          else expect([decision.kind, decision.detail.length > 0]).toEqual(["unreadable", true]);
        }),
        runs(80),
      );
    }, 120_000);
  }

  test("a plan as long as a model can write one is refused in time", async () => {
    const many = Array.from({ length: 4_000 }, (_, i) => ({
      ...withAll.tasks[0],
      key: `task-${i}`,
      needs: [`tusk-${i + 1}`],
      skill: `skill-${i}`,
      phase: `Phase ${i}`,
    }));
    for (const tasks of [
      many,
      many.map((one, i) => ({ ...one, skill: "writer", phase: "One", needs: i === 0 ? [] : [`task-${i - 1}`] })),
    ]) {
      const { journal } = says([JSON.stringify({ ...withAll, tasks })]);
      const decision = await harmless(() =>
        makePlan(journal, registry, { goal, context: null, learnings: [], recent: [], lease }, never),
      );
      expect(decision.kind).toBe("unreadable");
    }
  }, 120_000);
});

describe("texts", () => {
  const NOTE =
    "# Page\n\nText [NEEDS: the price] and [UNVERIFIED: 9 of 10].\n\n```html\n<p>\n```\n\n<handoff>\nmissing:\n- a photo\nassumed: none\nanswers:\n- F1: done\n- F2: declined, because no\n</handoff>\n";

  test("a handoff note: the text without it, and lists; in time, however often its marks come", async () => {
    const many = fc
      .tuple(
        fc.constantFrom("<handoff>", "</handoff>", "```\n<handoff>", "\n- x", "missing:\n", "[NEEDS: ", "> ```"),
        fc.integer({ min: 1, max: 3_000 }),
      )
      .map(([piece, n]) => piece.repeat(n));
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 5, arbitrary: spoilt(NOTE) }, { weight: 1, arbitrary: many }), async (text) => {
        const { body, missing, warnings, answers } = await harmless(() => readHandoff(text));
        expect(body).toBe(body.trim());
        expect(body.length).toBeLessThanOrEqual(text.length);
        for (const entry of [...missing, ...warnings, ...answers]) expect(entry.trim()).not.toBe("");
        const asked = [1, 2].map((n) => ({
          id: `F${n}`,
          reviewer: "director",
          severity: "major" as const,
          quote: "",
          problem: `p${n}`,
          request: "r",
        }));
        for (const answer of answersTo(asked, answers)) if (answer.answer === "declined") expect(answer.reason).not.toBe("");
        const findings = await harmless(() =>
          structureFindings({ body, requiredSections: ["Text", "(["], secrets: ["sk-canary"] }),
        );
        if (body === "") expect(findings[0]?.severity).toBe("blocker");
      }),
      runs(400),
    );
  }, 120_000);
});
