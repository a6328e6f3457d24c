/** The prompt of a making call: what the skill is given, in the order in which calls share it. Pure. */

import type { CallKey } from "../domain/call.ts";
import type { Goal } from "../domain/goal.ts";
import type { Learning } from "../domain/learning.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Skill } from "../domain/registry.ts";
import type { Asked } from "../domain/review.ts";
import type { Lease, Task } from "../domain/task.ts";
import type { CallSpec } from "../journal/request.ts";
import { bullets, learningsPart, lines, openingParts, READ_REFERENCE, SHARE, skillPart, tag } from "../skills/prompt.ts";
import type { Offer } from "../tools/toolbox.ts";
import type { TaskInput } from "./inputs.ts";

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

const MAX_TOKENS = 16_000;
const HAND_IN = "Hand in the deliverable now, complete and ready to use.";
/** What was good is not written, and paid for, again. The choice is the maker's: some findings ask for another text. */
const REVISE = `The previous version was sent back. Answer every finding: change what is asked for, keep what was good. Hand in what changes, as edits in this form, with nothing before or between them:
<edit>
<find>
a passage of the previous version, copied exactly, long enough to stand there only once
</find>
<replace>
what takes its place; empty where it goes, the passage itself with the new words where something is added
</replace>
</edit>
Look at the rest once more with the edits in it: what a change makes wrong elsewhere is an edit too. Where about half of the text would change, hand in the whole deliverable again instead, without edits. Either way the handoff block ends it, and begins with the list "answers:", one line for each finding: "- F1: done", or "- F1: declined, because" and the reason, where doing it would make the work worse or untrue.`;

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
        REVISE,
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
    system: [...openingParts(house, make.context, "cached"), skillPart(skill)],
    user: [
      {
        kind: "inputs",
        // Read again after a look at references or tools, and by the next version.
        share: SHARE,
        text: [
          tag("goal", {}, goal.text),
          ...(inputs.length > 0 ? [`<inputs>\n${inputs.join("\n")}\n</inputs>`] : []),
          tag("task", { key: task.key, skill: skill.name, phase: task.phase }, task.brief),
          tag("criteria", {}, bullets(task.criteria)),
          ...toolsPart(skill, offer),
        ].join("\n"),
      },
      // The review of a version may have taught something: what stands behind this changes with it.
      learningsPart(make.learnings),
      { kind: "inputs", text: [...revision, ...angle, previous ? "Hand in the revision now." : HAND_IN].join("\n") },
    ],
  };
}
