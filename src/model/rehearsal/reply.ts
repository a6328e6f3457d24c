/** From a valid request to the message that answers it: which kind of reply, within the schema, within max_tokens. */

import { conform } from "./schema-sample.ts";
import { contextReply } from "./context-reply.ts";
import { gateReply, rebriefReply, reportReply } from "./decisions.ts";
import { judgeReply, routeReply } from "./evals-reply.ts";
import { type Json, canonical, sha256 } from "./json.ts";
import { makeReply } from "./make-reply.ts";
import { type ReplyMessage, spoil, textMessage, withinLimit } from "./message.ts";
import { compareReply, consistencyReply, lookBackReply } from "./judgement-reply.ts";
import { planReply } from "./plan-reply.ts";
import type { FaultKind } from "./faults.ts";
import type { MessagesRequest } from "./request.ts";
import { reviewReply } from "./review-reply.ts";
import { type Scene, readScene } from "./shown-call.ts";

export type ReplyOptions = { readonly seed: number; readonly returns: number };

/** The same request, seed and fault give the same message, whatever came before. */
export function composeReply(request: MessagesRequest, fault: FaultKind | null, options: ReplyOptions): ReplyMessage {
  const scene = readScene(request);
  const whole = scene.schema === null ? textReply(scene, fault, options.seed) : structured(scene, scene.schema, request, options);
  return withinLimit(fault === null ? whole : spoil(whole, fault), request.maxTokens);
}

function textReply(scene: Scene, fault: FaultKind | null, seed: number): ReplyMessage {
  if (scene.kind === "make") return makeReply(scene, seed, fault !== "truncate");
  return textMessage(
    "Rehearsal: no model answered this. The request was understood, and it asked for nothing that a rehearsal knows.",
  );
}

/** What the kind would say, made to fit the schema that was sent. JSON is whole every time: a cut one cannot be gone on with. */
function structured(scene: Scene, schema: Json, request: MessagesRequest, options: ReplyOptions): ReplyMessage {
  const shown = [...request.system, ...request.turns.flatMap((turn) => turn.blocks)].map((block) => canonical(block.json, true));
  return textMessage(JSON.stringify(conform(schema, wishFor(scene, options), options.seed, sha256(shown.join("\n")))));
}

function wishFor(scene: Scene, { seed, returns }: ReplyOptions): unknown {
  switch (scene.kind) {
    case "plan":
      return planReply(scene, seed);
    case "review":
      return reviewReply(scene, seed, returns);
    case "gate":
      return gateReply(scene.elements, seed);
    case "rebrief":
      return rebriefReply(scene.elements);
    case "report":
      return reportReply(scene.elements);
    case "context":
      return contextReply(scene.elements);
    case "route":
      return routeReply(scene.elements);
    case "judge":
      return judgeReply(scene.elements, seed);
    case "compare":
      return compareReply(scene.elements, seed);
    case "consistency":
      return consistencyReply(scene.elements);
    case "look-back":
      return lookBackReply(scene.elements);
    default:
      return undefined;
  }
}
