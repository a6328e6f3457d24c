/** The team as configuration: the shapes of skills.yaml and of the files under .agents/. */

import { z } from "zod";
import { batchMark, priority } from "./goal.ts";
import { DIRECTOR, MAX_VARIANTS } from "./plan.ts";
import type { ToolsFile } from "./tools-file.ts";

export const slugName = z
  .string()
  .regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, "lower-case words joined by hyphens")
  .max(64);
const line = z.string().trim().min(1);

export const TIERS = ["strong", "standard", "light"] as const;
export const tier = z.enum(TIERS);
export type Tier = z.infer<typeof tier>;

const rubricCriterion = z.strictObject({
  id: slugName,
  weight: z.number().positive().max(10),
  asks: line,
  /** What 1, 5 and 10 look like. */
  low: line,
  mid: line,
  high: line,
});
export type RubricCriterion = z.infer<typeof rubricCriterion>;

const skillEntry = z.strictObject({
  squad: slugName,
  role: line.max(160),
  tier,
  rubric: slugName,
  /** What its work builds on; without circles. */
  needs: z.array(slugName).default([]),
  /** Who can use its output; may be mutual. */
  feeds: z.array(slugName).default([]),
  /** Headings that its deliverable must have. */
  sections: z.array(line).default([]),
  /** Roles of tools (analytics, email, …) that help it; see tools.yaml. */
  tools: z.array(slugName).default([]),
});
export type SkillEntry = z.infer<typeof skillEntry>;

/** Folders with skills from elsewhere, and what those of them are that have no entry of their own. */
const externalSkills = z.strictObject({
  /** Relative to skills.yaml, or absolute; each of their sub-folders is a skill in the open Agent Skills format. */
  folders: z.array(line.regex(/^[^~]/, "write the whole path: ~ is not expanded")).min(1),
  squad: slugName,
  tier,
  rubric: slugName,
});
export type ExternalSkills = z.infer<typeof externalSkills>;

export const skillsFile = z.strictObject({
  /** The skill that keeps the product context; every agent reads what it wrote. */
  foundation: slugName,
  review: z.strictObject({
    approve: z.number().min(1).max(10),
    reject: z.number().min(1).max(10),
    /** How often a deliverable may be sent back. */
    rounds: z.number().int().min(0).max(10),
  }),
  /** Squads and skills whose word counts before that of others, when two texts contradict each other; the product context is above all. */
  precedence: z.array(slugName).default([]),
  squads: z.record(slugName, z.strictObject({ title: line, does: line })),
  rubrics: z.record(slugName, z.strictObject({ criteria: z.array(rubricCriterion).min(1) })),
  skills: z.record(slugName, skillEntry),
  external: externalSkills.optional(),
});
export type SkillsFile = z.infer<typeof skillsFile>;

const pipelineWork = z.strictObject({
  skill: slugName,
  phase: line,
  brief: line,
  criteria: z.array(line).default([]),
  /** Read by the Director before what stands behind it goes on. */
  gate: z.boolean().default(false),
  /** So many versions are made side by side and compared. */
  variants: z.number().int().min(2).max(MAX_VARIANTS).optional(),
});
/** A step that the Director itself does. */
const pipelineDirector = z.strictObject({ [DIRECTOR]: line, phase: line, gate: z.boolean().default(false) });
/** `review: <skill>`: that skill (or the director) reviews what the step before it handed in. */
const pipelineReview = z.strictObject({ review: slugName });
const pipelineStep = z.union([
  pipelineWork,
  pipelineDirector,
  pipelineReview,
  z.strictObject({ parallel: z.array(z.union([pipelineWork, pipelineReview])).min(2) }),
]);
export type PipelineStep = z.infer<typeof pipelineStep>;

export const pipeline = z.strictObject({
  category: slugName,
  fits: line,
  /** Started by a schedule or an event of P2 or P3, its calls wait for batches. */
  batch: batchMark.optional(),
  steps: z.array(pipelineStep).min(1),
});
export type Pipeline = z.infer<typeof pipeline>;
export const pipelinesFile = z.strictObject({ pipelines: z.record(line.max(60), pipeline) });

export const routingFile = z.strictObject({
  /** Squads whose work comes last in plans that the Director makes. */
  last: z.array(slugName),
  categories: z.record(
    slugName,
    z.strictObject({
      means: line,
      route: z
        .array(
          z.strictObject({
            phase: line,
            squads: z.array(slugName).default([]),
            skills: z.array(slugName).default([]),
            gate: z.boolean().default(false),
          }),
        )
        .min(1),
    }),
  ),
});
export type RoutingFile = z.infer<typeof routingFile>;

export const schedulesFile = z.strictObject({
  schedules: z.record(
    slugName,
    z.strictObject({
      cron: line,
      zone: line.default("UTC"),
      pipeline: line,
      priority: priority.default("P2"),
      catch_up: z.union([z.enum(["skip", "once"]), z.number().int().min(1).max(31)]).default("skip"),
      /** Its calls wait for batches. */
      batch: batchMark.optional(),
      enabled: z.boolean().default(true),
    }),
  ),
  /** When the daemon puts learnings to the test, and what one such time may cost in USD. */
  trials: z
    .strictObject({ cron: line, zone: line.default("UTC"), budget: z.number().positive(), enabled: z.boolean().default(true) })
    .optional(),
});
export type SchedulesFile = z.infer<typeof schedulesFile>;

/** A place in an event's data, as `drop`, `page.url` or `pages.0.drop`; a leading `data.` is allowed. */
const fieldPath = line.max(200);
/** One place, or several names for it: the first that an event has counts. */
const fieldPaths = z.union([fieldPath, z.array(fieldPath).min(1).max(8)]);
// Not as a pattern: the message of a pattern repeats the value, which may be a secret that somebody wrote into the file.
const variableName = z
  .string()
  .refine((text) => /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text), 'write the name of an environment variable: "${NAME}"');

const EVENT_SOURCE_KINDS = ["standard", "github", "stripe"] as const;

export const eventsFile = z.strictObject({
  events: z.record(
    slugName,
    z.strictObject({
      pipeline: line,
      priority: priority.default("P1"),
      /** A field of the event's data and the number it must exceed. */
      when: z.strictObject({ field: fieldPaths, above: z.number() }).optional(),
      /** Events with the same value here are the same thing: cooldown and debounce count for each value by itself. */
      key: fieldPaths.optional(),
      /** Seconds in which a second event of this type starts nothing. */
      cooldown: z.number().int().min(0).default(3600),
      /** Seconds to wait for another event of this type; the last one starts the goal. */
      debounce: z.number().int().min(0).max(86_400).default(0),
      enabled: z.boolean().default(true),
    }),
  ),
  /** Who may send signed events to /webhook/<name>. */
  sources: z
    .record(
      slugName,
      z
        .strictObject({
          kind: z.enum(EVENT_SOURCE_KINDS),
          secret: variableName.optional(),
          /** While a secret is changed: both count. */
          secrets: z.array(variableName).min(1).max(4).optional(),
          /** Where the type stands in their body, where it is not the place that is usual for the kind. */
          type: fieldPath.optional(),
          /** Their types and ours. A type that is not in it counts as it is. */
          map: z.record(line.max(200), slugName).default({}),
          enabled: z.boolean().default(true),
        })
        .refine(({ secret, secrets }) => (secret === undefined) !== (secrets === undefined), "give either `secret` or `secrets`"),
    )
    .default({}),
});
export type EventsFile = z.infer<typeof eventsFile>;

const rates = {
  /** USD per million tokens. */
  input: z.number().nonnegative(),
  output: z.number().nonnegative(),
  cache_write_5m: z.number().nonnegative(),
  cache_write_1h: z.number().nonnegative(),
  cache_read: z.number().nonnegative(),
};
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const price = z.strictObject({
  from: day,
  ...rates,
  /** Other rates for the whole request once the prompt (input, reads and writes) is longer than `over` tokens. */
  long_prompt: z.strictObject({ over: z.number().int().positive(), ...rates }).optional(),
});
export type Price = z.infer<typeof price>;

const effort = z.enum(["low", "medium", "high", "xhigh", "max"]);

const modelEntry = z.strictObject({
  context: z.number().int().positive(),
  max_output: z.number().int().positive(),
  effort: effort.optional(),
  prices: z.array(price).min(1),
});

export const modelsFile = z.strictObject({
  as_of: day,
  source: line,
  tiers: z.strictObject({ strong: line, standard: line, light: line }),
  /** The share of every rate that a call in a batch is billed at. Without an entry nothing goes into a batch. */
  batch: z.array(z.strictObject({ from: day, share: z.number().positive().max(1) })).optional(),
  models: z.record(line, modelEntry),
});
export type ModelsFile = z.infer<typeof modelsFile>;

/** A skill ready to work: its entry, its text, and the references it may ask for. */
export type Skill = SkillEntry & {
  readonly name: string;
  readonly description: string;
  readonly body: string;
  /** Reference files by path below the skill's folder, with their text loaded on demand. */
  readonly references: readonly { readonly path: string; readonly chars: number }[];
};

/** The whole team, checked and frozen. Loading returns it with the problems found on the way. */
export type Registry = {
  readonly foundation: string;
  readonly review: SkillsFile["review"];
  readonly precedence: SkillsFile["precedence"];
  readonly squads: ReadonlyMap<string, { readonly title: string; readonly does: string }>;
  readonly rubrics: ReadonlyMap<string, { readonly criteria: readonly RubricCriterion[] }>;
  readonly skills: ReadonlyMap<string, Skill>;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly routing: RoutingFile;
  readonly schedules: SchedulesFile["schedules"];
  readonly trials: NonNullable<SchedulesFile["trials"]> | null;
  readonly events: EventsFile["events"];
  readonly sources: EventsFile["sources"];
  readonly tools: ToolsFile;
  readonly models: ModelsFile;
  /** Texts that people may change: the Director's charter, the house rules every agent reads, the reviewer's stance. */
  readonly texts: { readonly charter: string; readonly house: string; readonly reviewer: string };
  /** Reads a reference of a skill; null when the skill has no such reference. */
  readReference(skill: string, path: string): Promise<string | null>;
};
