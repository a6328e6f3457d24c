/** What a goal costs: every shipped pipeline and some goals, with and without caching, by prompt part and by model tier. */

import { mkdirSync, copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PACKAGE_ROOT } from "../src/config.ts";
import { PART_KINDS, type Call, type Usage } from "../src/domain/call.ts";
import { usd } from "../src/domain/money.ts";
import type { Plan } from "../src/domain/plan.ts";
import { TIERS, type ModelsFile } from "../src/domain/registry.ts";
import type { Task } from "../src/domain/task.ts";
import { promptTokens, tokensByPart } from "../src/journal/cache-share.ts";
import { costOf, priceAt } from "../src/journal/prices.ts";
import { planFromPipeline } from "../src/skills/pipeline-plan.ts";
import { callsOfGoal } from "../src/store/calls.ts";
import { graphOf, tasksOfGoal } from "../src/store/tasks.ts";
import { CONTEXT_PATH } from "../src/work/accept.ts";
import { batchFigures, batchLines, type CostRow, type Made } from "./cost-batches.ts";
import { replay, type Chain, type Step } from "./cost-clock.ts";
import { openWire, type Sent } from "./cost-wire.ts";
import { sample, type Figure } from "./figure.ts";
import { openTeam } from "./team.ts";

export type CostTable = {
  readonly name: string;
  readonly rows: readonly CostRow[];
  /** The work of all rows at the same time, in batches that they share. */
  readonly together: CostRow["figures"];
};

const CONTEXT = join(PACKAGE_ROOT, "examples/umami/product-marketing-context.md");
/** Tasks at a time, as the program does it by default. */
const AGENTS = 4;
const GOALS = [
  "Increase signup conversion by 20%",
  "Write a comparison page against our main competitor",
  "Win back customers who cancelled in the last quarter",
  "Give us two versions of a landing page headline to choose from",
  "Find out why organic traffic fell and plan what to do about it",
];
/**
 * Tokens of an answer with its thinking, where the rehearsal's is shorter: the quote's own likely sizes, where it has one.
 * `look`: asking for references. `edits`: a revision, which thinks like a first version and writes a tenth of it.
 * `reads`: a review without summary and facts, where another reader comes after it.
 */
const ANSWER: Partial<Record<Sent["kind"] | "look" | "edits" | "reads", number>> = {
  ...{ look: 300, make: 5_500, edits: 2_500, review: 2_200, reads: 1_600, plan: 5_000, gate: 1_200, rebrief: 1_500, report: 900 },
  ...{ compare: 600, consistency: 500, "look-back": 2_500 },
};

/**
 * One row a pipeline or goal, each on a workspace of its own, the same figures every time. Tokens of input are the program's
 * own requests, deliverables and summaries made as long as a model's; tokens of answers are assumed (`ANSWER`). Throws when
 * the journal and the wire do not agree.
 */
export async function measureCost(only: (label: string) => boolean = () => true): Promise<CostTable> {
  const all: Measured[] = [];
  const names = await pipelineNames();
  for (const name of names.filter(only)) all.push(await measured(name, name));
  for (const goal of GOALS.filter(only)) all.push(await measured(`goal: ${goal}`, null));
  const [steps, chains] = [all.flatMap((each) => each.steps), all.flatMap((each) => each.chains)];
  const together = all[0] ? batchFigures(steps, chains, all[0].models) : {};
  return { name: "cost", rows: all.map(({ row }) => row), together };
}

type Measured = {
  readonly row: CostRow;
  readonly steps: readonly Made[];
  readonly chains: readonly Chain[];
  readonly models: ModelsFile;
};

async function pipelineNames(): Promise<string[]> {
  await using wire = openWire({ seed: 1 });
  await using team = await openTeam(wire.url, { concurrency: 1 });
  return [...team.app.registry.pipelines.keys()];
}

async function measured(label: string, pipeline: string | null): Promise<Measured> {
  await using wire = openWire({ seed: 1 });
  await using team = await openTeam(wire.url, { concurrency: 1 });
  const context = join(team.workspace, CONTEXT_PATH);
  mkdirSync(dirname(context), { recursive: true });
  copyFileSync(CONTEXT, context);
  const { registry } = team.app;
  const entry = pipeline === null ? undefined : registry.pipelines.get(pipeline);
  const plan: Plan | undefined = entry && pipeline !== null ? planFromPipeline(pipeline, entry, null) : undefined;
  const { id } = await team.run(label.replace(/^goal: /, ""), plan);
  const { calls, tasks, graph } = await team.app.store.read(async (read) => ({
    calls: await callsOfGoal(read, id),
    tasks: await tasksOfGoal(read, id),
    graph: await graphOf(read, id),
  }));
  const sent = wire.sent();
  if (calls.length !== sent.length || sent.length !== wire.witnessed())
    throw new Error(`${label}: ${calls.length} calls in the journal, ${sent.length} on the wire, ${wire.witnessed()} in its log`);
  const steps = calls.map((call, i): { call: Call; step: Step } => {
    const on = sent[i];
    if (on?.model !== call.model)
      throw new Error(`${label}: call ${i} is ${call.model} in the journal, ${on?.model} on the wire`);
    return { call, step: { sent: on, output: Math.max(on.answerTokens, ANSWER[answerKind(on)] ?? 0) } };
  });
  const chains = chainsOf(steps, tasks, graph);
  const { usage, ms } = replay(chains, AGENTS);
  const { models } = registry;
  const figures = { ...figuresOf(steps, usage, models, ms), ...batchFigures(steps, chains, models) };
  return { row: { label, figures }, steps, chains, models };
}

function answerKind(sent: Sent): keyof typeof ANSWER {
  return sent.lookedUp ? "look" : sent.edits ? "edits" : sent.reads ? "reads" : sent.kind;
}

/** The order in which work can be done: a task's calls behind what it needs; what closes a goal behind all before it. */
function chainsOf(made: readonly Made[], tasks: readonly Task[], graph: readonly { taskId: string; needId: string }[]): Chain[] {
  const kind = new Map(tasks.map((task) => [task.id, task.kind]));
  const parts: { subject: string; id: string; calls: Made[] }[] = [];
  for (const entry of made) {
    const { subject } = entry.call;
    const known = parts.findLast((part) => part.subject === subject);
    // A text that the check sent back goes on behind the check.
    const checked = parts.findLastIndex((part) => kind.get(part.subject) === "check");
    if (known && parts.indexOf(known) >= checked) known.calls.push(entry);
    else parts.push({ subject, id: `${subject}/${parts.length}`, calls: [entry] });
  }
  return parts.map((part, i): Chain => {
    const before = parts.slice(0, i);
    const needs = graph.filter((edge) => edge.taskId === part.subject).map((edge) => edge.needId);
    const behind = before.filter(
      ({ subject }) =>
        needs.includes(subject) ||
        subject === part.subject ||
        ["plan", "check"].includes(kind.get(subject) ?? "") ||
        ["check", "report"].includes(kind.get(part.subject) ?? ""),
    );
    return { id: part.id, needs: behind.map(({ id }) => id), stages: stagesOf(part.calls) };
  });
}

/** Versions of one task are made side by side, and so are comparisons; everything else follows. */
function stagesOf(calls: readonly Made[]): Step[][][] {
  const stages: { sort: string; lanes: Map<string, Step[]> }[] = [];
  for (const { call, step } of calls) {
    const sort = /^(make|compare):/.exec(call.step)?.[1] ?? "";
    const last = stages.at(-1);
    const stage = last && sort !== "" && last.sort === sort ? last : { sort, lanes: new Map<string, Step[]>() };
    if (stage !== last) stages.push(stage);
    stage.lanes.set(call.step, [...(stage.lanes.get(call.step) ?? []), step]);
  }
  return stages.map((stage) => [...stage.lanes.values()]);
}

function figuresOf(
  made: readonly Made[],
  usage: ReadonlyMap<Step, Usage>,
  models: ModelsFile,
  ms: number,
): Record<string, number> {
  const day = Date.parse(models.as_of);
  const sums: Record<string, number> = {};
  const add = (name: string, value: number) => (sums[name] = (sums[name] ?? 0) + value);
  for (const name of ["calls", "fresh", "write5m", "write1h", "read", "output", "usd", "usdInput", "usdUncached"]) add(name, 0);
  for (const { call, step } of made) {
    const used = usage.get(step);
    if (!used) throw new Error(`the call ${call.step} was not made again`);
    const price = priceAt(models, call.model, day);
    const prompt = promptTokens(used);
    const uncached = { input: prompt, output: used.output, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
    const cost = usd(costOf(used, price));
    add("calls", 1);
    add("fresh", used.input);
    add("write5m", used.cacheWrite5m);
    add("write1h", used.cacheWrite1h);
    add("read", used.cacheRead);
    add("output", used.output);
    add("usd", cost);
    add("usdInput", usd(costOf({ ...used, output: 0 }, price)));
    add("usdUncached", usd(costOf(uncached, price)));
    add("usdUncachedInput", usd(costOf({ ...uncached, output: 0 }, price)));
    add(`tier ${TIERS.find((tier) => models.tiers[tier] === call.model) ?? "other"}`, cost);
    add(`step ${call.step.replace(/:.*/, "")}${step.sent.lookedUp ? " look" : step.sent.edits ? " edits" : ""}`, cost);
    add("holdMax", 0);
    sums.holdMax = Math.max(sums.holdMax ?? 0, usd(call.hold));
    for (const [part, tokens] of tokensByPart(call.parts, prompt)) add(`part ${part}`, tokens);
  }
  const prompt = PART_KINDS.reduce((sum, part) => sum + (sums[`part ${part}`] ?? 0), 0);
  return {
    ...sums,
    prompt,
    readShare: (sums.read ?? 0) / Math.max(1, prompt),
    minutes: ms / 60_000,
  };
}

/** Each row's dollars beside the same without a cache; all that it is made of stands in its detail. */
export async function cost(): Promise<Figure[]> {
  const { rows, together } = await measureCost();
  console.log(`${costTable(rows)}\n\n${columns(batchLines(rows, together))}\n`);
  return rows.map(({ label, figures }) => ({
    key: label
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/-$/, ""),
    what: label,
    unit: "USD",
    value: sample([figures.usd ?? 0]),
    base: { what: "without caching", value: sample([figures.usdUncached ?? 0]) },
    note: `${(figures.usdBatched ?? 0).toFixed(3)} in batches`,
    detail: figures,
  }));
}

export function costTable(rows: readonly CostRow[]): string {
  const thousand = (value = 0) => (value / 1000).toFixed(1);
  const dollars = (value = 0) => value.toFixed(3);
  const share = (value = 0, of = 1) => `${Math.round((value / Math.max(of, 1e-9)) * 100)}`;
  const head = [
    ...["", "calls", "min", "fresh k", "5m k", "1h k", "read k", "out k", "read %"],
    ...[
      "USD",
      "input",
      "no cache",
      "its input",
      "batched",
      ...PART_KINDS.map((part) => `${part} %`),
      ...TIERS.map((tier) => `${tier} %`),
    ],
  ];
  const lines = rows.map(({ label, figures: f }) => [
    ...[
      label.slice(0, 44),
      String(f.calls),
      (f.minutes ?? 0).toFixed(0),
      thousand(f.fresh),
      thousand(f.write5m),
      thousand(f.write1h),
    ],
    ...[thousand(f.read), thousand(f.output), share(f.readShare)],
    ...[dollars(f.usd), dollars(f.usdInput), dollars(f.usdUncached), dollars(f.usdUncachedInput), dollars(f.usdBatched)],
    ...PART_KINDS.map((part) => share(f[`part ${part}`], f.prompt)),
    ...TIERS.map((tier) => share(f[`tier ${tier}`], f.usd)),
  ]);
  return columns([head, ...lines]);
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "))
    .join("\n");
}
