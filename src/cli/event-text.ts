/** Events in words, for a person. */

import type { StoredEvent } from "../domain/event.ts";
import { dollars } from "../domain/money.ts";

/** What happened, in a few words; goal, task and time are said beside it. May hold text from models: print it on one line. */
export function eventText(event: StoredEvent): string {
  switch (event.type) {
    case "goal.accepted":
      return `goal accepted: "${event.title}" (${event.priority}, from ${event.source})`;
    case "goal.planned":
      return event.why === null
        ? `planned: ${event.tasks} tasks${event.pipeline === null ? "" : ` by pipeline ${event.pipeline}`}`
        : `plan changed to version ${event.version}: ${event.why}`;
    case "goal.paused":
      return `goal paused (${event.pause.replace("_", " ")}): ${event.reason}`;
    case "goal.resumed":
      return `goal resumed by ${event.by}`;
    case "goal.completed":
      return event.open === 0 ? "goal completed" : `goal completed, ${event.open} left open`;
    case "goal.failed":
      return `goal failed: ${event.reason}`;
    case "goal.cancelled":
      return "goal cancelled";
    case "task.ready":
      return event.revision === 0 ? "ready" : `ready for version ${event.revision + 1}`;
    case "task.started":
      return `started by ${event.skill}, version ${event.revision + 1}${event.attempt > 1 ? `, attempt ${event.attempt}` : ""}`;
    case "task.delivered":
      return `version ${event.revision + 1} handed in, ${event.chars.toLocaleString("en")} characters`;
    case "task.reviewed":
      return `${event.reviewer} on version ${event.revision + 1}: ${event.verdict}${event.score === null ? "" : ` ${event.score.toFixed(1)}`}`;
    case "task.returned":
      return `sent back: ${event.why}`;
    case "task.done":
      return `done${event.score === null ? "" : `, score ${event.score.toFixed(1)}`}`;
    case "task.failed":
      return `failed: ${event.reason}`;
    case "task.blocked":
      return `blocked: ${event.reason}${event.questionId === null ? "" : ` (${event.questionId})`}`;
    case "task.cancelled":
      return `cancelled: ${event.reason}`;
    case "task.parked":
      return `put back, its answers are kept: ${event.reason}`;
    case "gate.decided":
      return `gate of ${event.phase}: ${event.changed ? "the plan changes" : "goes on as planned"}${event.note === "" ? "" : `, ${event.note}`}`;
    case "review.written":
      return `review written${event.started.length > 0 ? `, goals started: ${event.started.join(", ")}` : ""}: ${event.lines[0] ?? ""}`;
    case "variants.compared":
      return `${event.variants} versions compared, number ${event.winner} taken: ${event.reason}`;
    case "texts.compared": {
      if (event.contradictions === 0) return "the texts do not contradict each other";
      const count = event.contradictions === 1 ? "1 contradiction" : `${event.contradictions} contradictions`;
      return `${count} between the texts${event.sentBack.length > 0 ? `, sent back: ${event.sentBack.join(", ")}` : ""}`;
    }
    case "call.held":
      return `call begins: ${event.step} on ${event.model}, ${dollars(event.hold)} held${event.attempt > 1 ? `, attempt ${event.attempt}` : ""}`;
    case "call.settled":
      return `call ended: ${event.step} on ${event.model}, ${event.stop}, ${event.tokens.toLocaleString("en")} tokens, ${dollars(event.cost)}, ${(event.ms / 1000).toFixed(1)} s`;
    case "call.unknown":
      return `answer lost: ${event.step}, ${dollars(event.hold)} stay held until it is settled (${event.callId})`;
    case "call.refused":
      return `call refused: the cap of the ${event.scope} is ${dollars(event.cap)}`;
    case "batch.sent":
      return `${event.calls === 1 ? "1 call" : `${event.calls.toLocaleString("en")} calls`} sent as a batch (${event.batchId})`;
    case "batch.ended":
      return `batch ended after ${Math.round(event.ms / 60_000).toLocaleString("en")} min (${event.batchId})`;
    case "question.asked":
      return `question for you: ${event.title} (${event.questionId})`;
    case "question.answered":
      return `question answered: ${event.choice} (${event.questionId})`;
    case "learning.added":
      return `learned: ${event.statement} (${event.skill ?? "all skills"})`;
    case "learning.judged":
      return `learning is now ${event.status} after ${event.trials} trials: ${event.statement}`;
    case "budget.level":
      return `budget of the ${event.scope} is ${event.level}, ${Math.round(event.share * 100)} % used`;
    case "pipeline_blocked":
      return `blocked: ${event.reason}`;
    case "price.mismatch":
      return `a call cost ${dollars(event.cost)}, more than the ${dollars(event.hold)} held for it (${event.callId}): check .agents/models.yaml`;
    case "effect.proposed":
      return `wants to ${event.class} with ${event.tool}${event.recipients === null ? "" : `, ${event.recipients.toLocaleString("en")} ${event.recipients === 1 ? "recipient" : "recipients"}`} (${event.effectId})`;
    case "effect.approved":
      return `approved by ${event.by}: ${event.tool} (${event.effectId})`;
    case "effect.rejected":
      return `rejected by ${event.by}: ${event.tool}${event.note === null ? "" : `, ${event.note}`} (${event.effectId})`;
    case "effect.sent":
      return `on its way: ${event.tool} (${event.effectId})`;
    case "effect.confirmed":
      return `done outside: ${event.tool}${event.note === null ? "" : `, ${event.note}`} (${event.effectId})`;
    case "effect.failed":
      return `not done outside: ${event.tool}, ${event.reason} (${event.effectId})`;
    case "effect.unknown":
      return `nobody knows whether it happened: ${event.tool}, ${event.reason} (${event.effectId})`;
    case "effect.expired":
      return `expired without being done: ${event.tool} (${event.effectId})`;
    case "effect.stopped":
      return `stopped by ${event.by}: ${event.tool} (${event.effectId})`;
    case "effect.withdrawn":
      return `withdrawn: ${event.tool}, ${event.reason} (${event.effectId})`;
    case "context.imported":
      return `product context taken in as version ${event.version}`;
    case "output.edited":
      return `a person edited ${event.path}: kept as version ${event.revision + 1}`;
  }
}
