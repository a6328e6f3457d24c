/** The registry that we ship: it loads without a problem, and says what the specification's tables say. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DIRECTOR, findCycle, planNodes, planProblems } from "../domain/plan.ts";
import { formatProblem } from "../domain/problem.ts";
import type { Registry } from "../domain/registry.ts";
import { planFromPipeline } from "./pipeline-plan.ts";
import { loadRegistry } from "./registry.ts";

const root = join(import.meta.dir, "../..");
const loaded = await loadRegistry({ root });
const registry = loaded.registry as Registry;

const SQUADS: Readonly<Record<string, string>> = {
  foundation: "product-marketing-context",
  strategy: "content-strategy pricing-strategy launch-strategy marketing-ideas marketing-psychology competitor-alternatives",
  creative: "copywriting copy-editing social-content cold-email paid-ads programmatic-seo schema-markup",
  convert: "page-cro form-cro signup-flow-cro popup-cro free-tool-strategy",
  activate: "onboarding-cro email-sequence paywall-upgrade-cro referral-program",
  measure: "analytics-tracking ab-test-setup seo-audit",
};

/** `→` one after the other, `+` beside each other, `*name` a review. */
const PIPELINES: Readonly<Record<string, string>> = {
  "Content Production":
    "content-strategy → copywriting → *content-strategy → *director → copy-editing → seo-audit → schema-markup",
  "Page Launch": "copywriting → page-cro → ab-test-setup → analytics-tracking",
  "Product Launch": "launch-strategy → copywriting + email-sequence + social-content + paid-ads",
  "Conversion Sprint": "page-cro → copywriting → ab-test-setup → analytics-tracking",
  "Competitive Response": "competitor-alternatives → copywriting → pricing-strategy → paid-ads",
  "Retention Sprint": "onboarding-cro → email-sequence → paywall-upgrade-cro → ab-test-setup",
  "SEO Cycle": "seo-audit → programmatic-seo + schema-markup + content-strategy",
  "Outreach Campaign": "cold-email → ab-test-setup → analytics-tracking",
  "Social Content": "social-content",
  "Email Health": "email-sequence",
  "Test Readout": "ab-test-setup → page-cro",
  "Director Morning Review": "director",
  "Performance Review": "director",
  "Copywriting Review Chain": "copywriting → *copy-editing → *page-cro → *director",
};

const RUBRICS: Readonly<Record<string, string>> = {
  strategy: "insight focus evidence feasibility actionability",
  copy: "clarity persuasion voice specificity truth",
  outbound: "relevance brevity credibility call_to_action compliance",
  seo: "intent_match technical_accuracy prioritisation originality measurability",
  cro: "diagnosis hypothesis_strength expected_lift user_respect implementability",
  lifecycle: "trigger_logic relevance sequence_design copy_quality compliance",
  measurement: "validity completeness statistical_soundness decision_readiness implementability",
  foundation: "accuracy completeness customer_language usefulness",
};

test("there is no problem in any file", () => {
  expect(loaded.problems.map(formatProblem)).toEqual([]);
  expect(loaded.fatal).toBeFalse();
});

test("26 skills in their squads", () => {
  const squads: Record<string, string[]> = {};
  for (const [name, skill] of registry.skills) squads[skill.squad] = [...(squads[skill.squad] ?? []), name].sort();
  const wanted = Object.fromEntries(Object.entries(SQUADS).map(([squad, names]) => [squad, names.split(" ").sort()]));
  expect(squads).toEqual(wanted);
  expect(registry.skills.size).toBe(26);
  expect([...registry.squads.keys()].sort()).toEqual(Object.keys(SQUADS).sort());
});

test("rubrics have their criteria, each with its own three descriptions", () => {
  const criteria = [...registry.rubrics].map(([name, rubric]) => [name, rubric.criteria.map((one) => one.id).join(" ")]);
  expect(Object.fromEntries(criteria)).toEqual(RUBRICS);
  for (const { criteria } of registry.rubrics.values()) {
    for (const { low, mid, high } of criteria) expect(new Set([low, mid, high]).size).toBe(3);
  }
  expect(registry.review).toEqual({ approve: 7.5, reject: 4, rounds: 3 });
});

describe("playbooks", () => {
  test.each([...registry.skills.values()].map((skill) => [skill.name, skill] as const))(
    "%s asks for the sections that its entry requires, and speaks of its rubric",
    (_name, skill) => {
      const deliverable = /^## Deliverable$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(skill.body)?.[1] ?? "";
      expect([...deliverable.matchAll(/^### (.+?)\s*$/gm)].map((match) => match[1] ?? "")).toEqual([...skill.sections]);
      const quality = /^## Quality criteria$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(skill.body)?.[1] ?? "";
      const ids = registry.rubrics.get(skill.rubric)?.criteria.map((criterion) => criterion.id) ?? [];
      for (const id of ids) expect(quality).toContain(`\`${id}\``);
    },
  );
});

describe("pipelines", () => {
  test("are those of the specification", () => {
    const written = [...registry.pipelines].map(([name, pipeline]) => [
      name,
      pipeline.steps
        .map((step) => {
          const parts = "parallel" in step ? step.parallel : [step];
          return parts
            .map((part) => ("skill" in part ? part.skill : "review" in part ? `*${part.review}` : DIRECTOR))
            .join(" + ");
        })
        .join(" → "),
    ]);
    expect(Object.fromEntries(written)).toEqual(PIPELINES);
  });

  test.each([...registry.pipelines])("%s is a plan that can run, with briefs and checkable criteria", (name, pipeline) => {
    const plan = planFromPipeline(name, pipeline, "the new plan");
    const known = {
      skills: new Map<string, { squad: string }>(registry.skills).set(DIRECTOR, { squad: DIRECTOR }),
      categories: Object.keys(registry.routing.categories),
      pipelines: [...registry.pipelines.keys()],
      lastSquads: registry.routing.last,
    };
    expect(planProblems(plan, known, { template: true })).toEqual([]);
    expect(findCycle(planNodes(plan))).toBeNull();
    for (const task of plan.tasks) {
      expect(task.brief.length).toBeGreaterThan(100);
      if (task.skill === DIRECTOR) continue;
      expect(task.criteria.length).toBeGreaterThanOrEqual(2);
      expect(task.criteria.length).toBeLessThanOrEqual(4);
    }
  });

  test("a first phase that audits, researches or plans ends in a gate when something stands behind it", () => {
    for (const [name, pipeline] of registry.pipelines) {
      const { phases } = planFromPipeline(name, pipeline, null);
      const looks = phases.findIndex((phase) => /^(Audit|Research|Plan|Readout)$/.test(phase.name));
      if (looks !== -1 && looks < phases.length - 1) expect([name, phases[looks]?.gate]).toEqual([name, true]);
    }
  });
});

test("categories lead where the specification says, the measure squad last", () => {
  expect(registry.routing.last).toEqual(["measure"]);
  const routes = Object.entries(registry.routing.categories).map(([name, { route }]) => [
    name,
    route.map((phase) => [...phase.squads, ...phase.skills].join(" ")),
  ]);
  expect(Object.fromEntries(routes)).toEqual({
    strategic: ["strategy", "measure"],
    content: ["content-strategy", "creative", "seo-audit analytics-tracking"],
    optimization: ["convert", "creative", "measure"],
    retention: ["activate", "measure"],
    competitive: ["competitor-alternatives", "creative", "pricing-strategy", "measure"],
    measurement: ["measure"],
  });
});

test("schedules are those of the specification", () => {
  const table = Object.entries(registry.schedules).map(([name, s]) => [name, s.cron, s.pipeline, s.priority, s.zone, s.enabled]);
  expect(table).toEqual([
    ["daily-social", "0 6 * * *", "Social Content", "P2", "UTC", true],
    ["daily-review", "0 9 * * *", "Director Morning Review", "P1", "UTC", true],
    ["weekly-content", "0 0 * * 1", "Content Production", "P2", "UTC", true],
    ["weekly-seo", "0 0 * * 3", "SEO Cycle", "P2", "UTC", true],
    ["monthly-cro", "0 0 1 * *", "Conversion Sprint", "P1", "UTC", true],
    ["monthly-review", "0 0 15 * *", "Performance Review", "P1", "UTC", true],
  ]);
});

test("events are those of the specification", () => {
  const table = Object.entries(registry.events).map(([name, event]) => [
    name,
    event.pipeline,
    event.priority,
    event.when ? `${[event.when.field].flat()[0]} > ${event.when.above}` : "",
    event.cooldown,
  ]);
  expect(table).toEqual([
    ["traffic_drop", "SEO Cycle", "P1", "drop > 20", 3600],
    ["conversion_drop", "Conversion Sprint", "P0", "drop > 10", 3600],
    ["competitor_launch", "Competitive Response", "P1", "", 86400],
    ["new_feature_shipped", "Page Launch", "P1", "", 300],
    ["new_blog_post", "Content Production", "P2", "", 300],
    ["churn_spike", "Retention Sprint", "P1", "spike > 15", 3600],
    ["email_bounce_spike", "Email Health", "P1", "spike > 15", 3600],
    ["ab_test_significant", "Test Readout", "P1", "", 3600],
  ]);
});

test("tiers and the prices that matter most", () => {
  expect(registry.models.tiers).toEqual({
    strong: "claude-opus-5-5",
    standard: "claude-sonnet-5-5",
    light: "claude-haiku-5-5",
  });
  const { models } = registry.models;
  expect(Object.keys(models)).toHaveLength(18);
  expect(models["claude-sonnet-5-5"]?.prices.map((price) => [price.from, price.cache_read])).toEqual([
    ["2026-09-28", 0.2],
    ["2026-10-07", 0.1],
  ]);
  expect(models["claude-haiku-5-5"]?.prices).toEqual([
    {
      from: "2026-10-07",
      input: 0.1,
      output: 0.5,
      cache_write_5m: 0.125,
      cache_write_1h: 0.2,
      cache_read: 0.01,
      long_prompt: { over: 100_000, input: 0.5, output: 2.5, cache_write_5m: 0.625, cache_write_1h: 1, cache_read: 0.05 },
    },
  ]);
  // Writing a cache costs 1.25 and 2 times the input with every model of this provider: a slip of the pen shows.
  for (const [name, { prices }] of Object.entries(models)) {
    for (const price of prices) {
      for (const rates of [price, ...(price.long_prompt ? [price.long_prompt] : [])]) {
        expect([name, rates.cache_write_5m]).toEqual([name, expect.closeTo(rates.input * 1.25, 9)]);
        expect([name, rates.cache_write_1h]).toEqual([name, expect.closeTo(rates.input * 2, 9)]);
        expect([name, rates.output]).toEqual([name, expect.closeTo(rates.input * 5, 9)]);
      }
    }
  }
});

test("the texts that agents work by are there, and their rules are", () => {
  const { charter, house, reviewer } = registry.texts;
  expect(charter.length + house.length).toBeGreaterThan(4_500);
  for (const word of ["[NEEDS:", "[UNVERIFIED:", "<handoff>", "missing:", "assumed:", "dark patterns"])
    expect(house).toContain(word);
  for (const word of ["blocker", "major", "minor", "wrong_work", "summary", "facts", "learnings"])
    expect(reviewer).toContain(word);
});
