/** The executor: gives a task's skill its prompt, lets it read its references, and brings back a whole deliverable or a typed failure. */

import { readHandoff } from "../domain/deliverable.ts";
import type { CallKey } from "../domain/call.ts";
import type { Goal } from "../domain/goal.ts";
import type { Learning } from "../domain/learning.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Skill } from "../domain/registry.ts";
import type { Asked } from "../domain/review.ts";
import type { Lease, Task } from "../domain/task.ts";
import type { Stopped } from "../journal/outcome.ts";
import type { CallSpec, ToolResult, ToolUse, Turn } from "../journal/request.ts";
import { bullets, learningsPart, lines, openingParts, READ_REFERENCE, skillPart, tag } from "../skills/prompt.ts";
import type { Offer } from "../tools/toolbox.ts";
import type { TaskInput } from "./inputs.ts";
import type { Team } from "./team.ts";
import { answerUses, type At } from "./tool-uses.ts";

export type Make = {
  readonly goal: Goal;
  readonly task: Task;
  readonly skill: Skill;
  readonly context: ProductContext | null;
  readonly learnings: readonly Learning[];
  readonly inputs: readonly TaskInput[];
  /** The version that was sent back, and why; null for a first version. */
  readonly previous: { readonly revision: number; readonly body: string; readonly findings: readonly Asked[] } | null;
  readonly lease: Lease | null;
  /** One of several versions made side by side: its number, and what it puts first. */
  readonly variant?: { readonly number: number; readonly of: number; readonly angle: string };
  /** Where the journal keeps it, when that is not the task itself: a replay of a stored task. */
  readonly key?: Pick<CallKey, "goalId" | "subject" | "step">;
};

export type Made =
  | {
      readonly kind: "made";
      readonly body: string;
      readonly missing: string[];
      readonly warnings: string[];
      /** Its lines on the findings it was given. */
      readonly answers: string[];
      readonly model: string;
    }
  | {
      readonly kind: "unusable";
      readonly why: "refusal" | "empty" | "truncated" | "context_too_long" | "tool_loop";
      readonly detail: string;
    }
  | Stopped;

const MAX_TOKENS = 16_000;
const MAX_CONTINUATIONS = 3;
/** Turns of looking up before it has to write: its references alone, and with tools outside. */
const MAX_TOOL_TURNS = { references: 2, tools: 12 } as const;
const MAX_USES_A_TURN = 8;
const MAX_EMPTY = 1;

/** What an agent is told of tools: that it has some, that it has none where some would help, and who is away. */
function toolsPart(skill: Skill, offer: Offer | null): string[] {
  if (offer !== null && offer.specs.length > 0) {
    const away = offer.down.length > 0 ? `\n${tag("tools_away", {}, bullets(offer.down))}` : "";
    return [
      `<tools>\nYou have tools of the user's own accounts. Look up what this task needs instead of assuming it, and say what you looked at and when. What changes something outside is noted for a person's yes: ask for it where the task wants it, with arguments that can be used as they are; make a draft first where there is a tool for it.\n</tools>${away}`,
    ];
  }
  if (skill.tools.length === 0) return [];
  const away = offer && offer.down.length > 0 ? ` (${offer.down.join(", ")} cannot be reached)` : "";
  return [
    `<tools none="true"/>\nNo tool for ${skill.tools.join(", ")} is connected${away}: you advise. Say in a sentence near the top that this is advice from what you were given, and name the numbers that a connected tool would have to check.`,
  ];
}

/** The first call of a make step; later rounds add turns to it. `compact` hands the inputs over by their summaries. */
export function makeSpec(
  make: Make,
  house: string,
  options: { compact: boolean; offer?: Offer | null },
): Omit<CallSpec, "turns"> {
  const { goal, task, skill, previous, variant } = make;
  const offer = options.offer ?? null;
  const inputs = make.inputs.map((input) => {
    const short = options.compact && input.summary !== null;
    return tag(
      "input",
      { key: input.key, skill: input.skill, form: short ? "summary" : input.form },
      short ? (input.summary ?? "") : input.text,
    );
  });
  const revision = previous
    ? [
        tag("previous_version", { revision: previous.revision }, previous.body),
        tag("findings", {}, lines(previous.findings.map(({ reviewer: _, ...entry }) => entry))),
        'The previous version was sent back. Hand in the whole deliverable again, with every finding answered: change what is asked for, keep what was good. The handoff block then begins with the list "answers:", one line for each finding: "- F1: done", or "- F1: declined, because" and the reason, where doing it would make the work worse or untrue.',
      ]
    : [];
  const angle = variant
    ? [
        tag("angle", { number: variant.number, of: variant.of }, variant.angle),
        "This is one of several versions that will be compared. Each meets the whole task; yours is built round its angle: let that decide the central idea, the order and the opening, so that it is a different piece of work and not the same one in other words.",
      ]
    : [];
  return {
    key: {
      goalId: make.key?.goalId ?? goal.id,
      subject: make.key?.subject ?? task.id,
      revision: task.revision,
      step: make.key?.step ?? (variant ? `make:${variant.number}` : "make"),
      round: 0,
    },
    lease: make.lease,
    goal,
    skill: skill.name,
    tier: skill.tier,
    maxTokens: MAX_TOKENS,
    learnings: make.learnings.map((entry) => entry.id),
    tools: [...(skill.references.length > 0 ? [READ_REFERENCE] : []), ...(offer?.specs ?? [])],
    system: [...openingParts(house, make.context), skillPart(skill), learningsPart(make.learnings)],
    user: [
      {
        kind: "inputs",
        text: [
          tag("goal", {}, goal.text),
          ...(inputs.length > 0 ? [`<inputs>\n${inputs.join("\n")}\n</inputs>`] : []),
          tag("task", { key: task.key, skill: skill.name, phase: task.phase }, task.brief),
          tag("criteria", {}, bullets(task.criteria)),
          ...toolsPart(skill, offer),
          ...revision,
          ...angle,
          "Hand in the deliverable now, complete and ready to use.",
        ].join("\n"),
      },
    ],
  };
}

/** Makes one version of a deliverable: reference reads, continuations of a cut-off text, and one second try for an empty reply. */
export async function make(team: Team, job: Make, signal: AbortSignal): Promise<Made> {
  let compact = false;
  let turns: Turn[] = [];
  let text = "";
  let toolTurns = 0;
  let continuations = 0;
  let empties = 0;
  // A replay of a stored task touches nothing.
  const offer = team.hands && job.key === undefined ? await team.hands.toolbox.offer(job.skill, signal) : null;
  // Why is for the log: a server that fails may say in what words it likes, and those are no part of a prompt.
  if (offer && offer.away.length > 0) team.log.warn("tools are away", { task: job.task.id, goal: job.goal.id, away: offer.away });
  const maxToolTurns = offer && offer.specs.length > 0 ? MAX_TOOL_TURNS.tools : MAX_TOOL_TURNS.references;
  for (let round = 0; ; round++) {
    const spec = makeSpec(job, team.registry.texts.house, { compact, offer });
    const outcome = await team.journal.call({ ...spec, key: { ...spec.key, round }, turns }, signal);
    if (outcome.kind === "stopped") return outcome;
    switch (outcome.stop) {
      case "refusal":
        return { kind: "unusable", why: "refusal", detail: outcome.detail ?? "the model refused the task" };
      case "context_too_long":
        if (compact)
          return { kind: "unusable", why: "context_too_long", detail: "the task's inputs are too long, also by their summaries" };
        compact = true;
        turns = [];
        text = "";
        continue;
      case "tool_use": {
        if (toolTurns++ >= maxToolTurns)
          return { kind: "unusable", why: "tool_loop", detail: `it looked things up ${toolTurns} times without writing` };
        const earlier = turns.flatMap((turn) => turn.assistant.uses);
        const results = await answersTo(team, job, { offer, spec, round, uses: outcome.uses, earlier }, signal);
        const closing = toolTurns >= maxToolTurns ? "You have what you need: write the deliverable now." : "";
        turns = [
          ...turns,
          { assistant: { text: outcome.text, uses: outcome.uses, blocks: outcome.blocks }, user: { text: closing, results } },
        ];
        continue;
      }
      case "truncated":
        text += outcome.text;
        if (continuations++ >= MAX_CONTINUATIONS)
          return {
            kind: "unusable",
            why: "truncated",
            detail: `the text was still not at its end after ${text.length} characters`,
          };
        turns = [
          ...turns,
          {
            assistant: { text: outcome.text.trim() === "" ? "(nothing yet)" : outcome.text, uses: [] },
            user: {
              text: "<continue/> Your reply was cut off. Go on exactly where it ended, without repeating anything and without a remark.",
              results: [],
            },
          },
        ];
        continue;
      case "end": {
        const handoff = readHandoff(text + outcome.text);
        if (handoff.body !== "") {
          const told = (offer?.down ?? []).map(
            (name) => `The tool ${name} could not be reached: \`tools test ${name}\` says why`,
          );
          const missing = [...handoff.missing, ...told];
          return { kind: "made", ...handoff, missing, model: outcome.model };
        }
        if (empties++ >= MAX_EMPTY) return { kind: "unusable", why: "empty", detail: "the reply was empty, twice" };
        turns = [
          ...turns,
          {
            assistant: { text: "(no text)", uses: [] },
            user: { text: "Your reply held no deliverable. Hand it in now, complete.", results: [] },
          },
        ];
      }
    }
  }
}

type Turned = {
  readonly offer: Offer | null;
  readonly spec: Pick<CallSpec, "key">;
  readonly round: number;
  readonly uses: readonly ToolUse[];
  readonly earlier: readonly ToolUse[];
};

/** One result a use, in their order: references from the skill's folder, everything else through the team's hands. */
async function answersTo(team: Team, job: Make, turned: Turned, signal: AbortSignal): Promise<ToolResult[]> {
  const { offer, spec, round, earlier } = turned;
  const fail = (id: string, text: string) => ({ id, text, isError: true });
  const uses = turned.uses.slice(0, MAX_USES_A_TURN);
  const results = turned.uses
    .slice(MAX_USES_A_TURN)
    .map(({ id }) => fail(id, `At most ${MAX_USES_A_TURN} at once: this one was not looked at.`));
  const { hands } = team;
  const outside = uses.filter((use) => use.name !== READ_REFERENCE.name);
  const [read, used] = await Promise.all([
    Promise.all(uses.filter((use) => use.name === READ_REFERENCE.name).map((use) => readReference(team, job.skill, use))),
    offer && hands
      ? answerUses(team, hands, { offer, at: placeOf(job, spec.key, round), uses: outside, earlier }, signal)
      : outside.map((use) => fail(use.id, `There is no tool "${use.name}". The only one is ${READ_REFERENCE.name}.`)),
  ]);
  const all = new Map([...read, ...used, ...results].map((result) => [result.id, result]));
  return turned.uses.flatMap((use) => all.get(use.id) ?? []);
}

function placeOf({ goal, task, skill }: Make, key: CallKey, round: number): At {
  return {
    ...{ goalId: key.goalId, subject: key.subject, revision: key.revision, step: key.step, round },
    ...{ taskId: task.id, skill: skill.name, rehearsal: goal.rehearsal },
  };
}

async function readReference(team: Team, skill: Skill, use: ToolUse): Promise<ToolResult> {
  const fail = (text: string) => ({ id: use.id, text, isError: true });
  const path = typeof use.input === "object" && use.input !== null && "path" in use.input ? use.input.path : null;
  if (typeof path !== "string") return fail('Call it with { "path": "references/…" }.');
  const text = await team.registry.readReference(skill.name, path);
  const known = skill.references.map((entry) => entry.path).join(", ");
  return text === null ? fail(`There is no reference "${path}". There are: ${known}.`) : { id: use.id, text, isError: false };
}
