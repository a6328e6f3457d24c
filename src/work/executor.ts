/** The executor: gives a task's skill its prompt, lets it read its references, and brings back a whole deliverable or a typed failure. */

import { readHandoff } from "../domain/deliverable.ts";
import type { CallKey } from "../domain/call.ts";
import type { Skill } from "../domain/registry.ts";
import type { Stopped } from "../journal/outcome.ts";
import type { CallSpec, ToolResult, ToolUse, Turn } from "../journal/request.ts";
import { bullets, READ_REFERENCE, SHARE } from "../skills/prompt.ts";
import type { Offer } from "../tools/toolbox.ts";
import { applyEdits } from "./edits.ts";
import { makeSpec, type Make } from "./make-spec.ts";
import type { Team } from "./team.ts";
import { answerUses, type At } from "./tool-uses.ts";

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
      readonly why: "refusal" | "empty" | "truncated" | "context_too_long" | "tool_loop" | "edits";
      readonly detail: string;
    }
  | Stopped;

const MAX_CONTINUATIONS = 3;
/** Turns of looking up before it has to write: its references alone, and with tools outside. */
const MAX_TOOL_TURNS = { references: 2, tools: 12 } as const;
const MAX_USES_A_TURN = 8;
const MAX_EMPTY = 1;
const MAX_MISPLACED = 2;

/** Makes one version of a deliverable: reference reads, continuations of a cut-off text, and one second try for an empty reply. */
export async function make(team: Team, job: Make, signal: AbortSignal): Promise<Made> {
  let compact = false;
  let turns: Turn[] = [];
  let text = "";
  let toolTurns = 0;
  let continuations = 0;
  let empties = 0;
  let misplaced = 0;
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
        const last = toolTurns >= maxToolTurns;
        const closing = last ? "You have what you need: write the deliverable now." : "";
        // With tools outside one look mostly leads to the next; a reference is read and the text follows.
        const share = maxToolTurns === MAX_TOOL_TURNS.tools && !last ? { share: SHARE } : {};
        turns = [
          ...turns,
          {
            assistant: { text: outcome.text, uses: outcome.uses, blocks: outcome.blocks },
            user: { text: closing, results, ...share },
          },
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
        const reply = text + outcome.text;
        const edited = applyEdits(job.previous?.body ?? "", job.previous ? reply : "");
        if (edited.kind === "misplaced") {
          if (misplaced++ >= MAX_MISPLACED) return { kind: "unusable", why: "edits", detail: edited.problems.join("; ") };
          text = "";
          const told = `These edits have no place in the previous version, so none was made:\n${bullets(edited.problems)}\nHand in the whole deliverable now, without edits, with the handoff block.`;
          turns = [
            ...turns,
            {
              assistant: { text: outcome.text.trim() === "" ? "(no text)" : outcome.text, uses: [] },
              user: { text: told, results: [] },
            },
          ];
          continue;
        }
        const handoff = readHandoff(edited.kind === "edited" ? edited.text : reply);
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
