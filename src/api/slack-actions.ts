/** Buttons pressed in Slack: `POST /slack/actions` becomes an answer to an effect, if Slack signed it and the person may. */

import { z } from "zod";
import type { Log } from "../log/log.ts";
import { readButton } from "../notify/answer-button.ts";
import type { Channel } from "../notify/channel.ts";
import type { SlackAnswers } from "../notify/settings.ts";
import { getEffect } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import type { Effects } from "../work/effects.ts";
import { CLOSE, refuse } from "./answer.ts";
import { createBodyReader, mapOf, textOf } from "./body.ts";
import { verifySlack } from "./slack-signature.ts";

export const SLACK_PATH = "/slack/actions";

export type SlackActionsOptions = {
  readonly store: Pick<Store, "read">;
  readonly effects: Pick<Effects, "approve" | "reject">;
  /** The channels of Slack in which people may answer. */
  readonly channels: readonly (SlackAnswers & Pick<Channel, "answers">)[];
  /** Lets the sender look now. */
  readonly answered: () => void;
  readonly log: Log;
  /** UTC ms. */
  readonly now: () => number;
};

/** Answers requests to `/slack/actions`; null for all others. */
export type SlackActions = (request: Request, path: string) => Promise<Response | null>;

const pressed = z.object({
  type: z.literal("block_actions"),
  user: z.object({ id: z.string().regex(/^[UW][A-Z0-9]{2,20}$/) }),
  channel: z.object({ id: z.string() }),
  actions: z
    .array(z.object({ action_id: z.string(), value: z.string().max(200).optional() }))
    .min(1)
    .max(10),
});
type Pressed = z.infer<typeof pressed>;

/** Slack takes an empty 200 within three seconds; what a person is told goes the other way, as a message. */
const taken = () => new Response(null, { status: 200, headers: { "cache-control": "no-store" } });

export function createSlackActions(options: SlackActionsOptions): SlackActions {
  const { store, effects, channels, answered, log, now } = options;
  const readBody = createBodyReader();

  async function read(request: Request): Promise<{ body: string; of: SlackActionsOptions["channels"] } | Response> {
    if (request.method !== "POST")
      return refuse({ status: 405, error: "Slack sends buttons with POST", headers: { allow: "POST", ...CLOSE } });
    if (!/^application\/x-www-form-urlencoded *(?:;|$)/i.test(request.headers.get("content-type") ?? ""))
      return refuse({ status: 415, error: "the content-type must be application/x-www-form-urlencoded", headers: CLOSE });
    const found = await readBody(request);
    if ("refusal" in found) return refuse(found.refusal);
    const body = textOf(found.bytes);
    if (body === null) return refuse({ status: 400, error: "the body is not UTF-8" });
    const header = (name: string) => request.headers.get(name);
    const signed = { body, timestamp: header("x-slack-request-timestamp"), signature: header("x-slack-signature") };
    const at = now();
    // All of them, without an early end: which secret is right is nobody's business.
    const verdicts = channels.map((channel) => ({ channel, verdict: verifySlack(channel.signingSecret, signed, at) }));
    const of = verdicts.filter(({ verdict }) => verdict === "good").map(({ channel }) => channel);
    if (of.length > 0) return { body, of };
    return verdicts.some(({ verdict }) => verdict === "late")
      ? refuse({ status: 400, error: "the signature's time is more than 5 minutes from ours: check the clock" })
      : refuse({ status: 401, error: "the signature is missing or wrong", headers: CLOSE });
  }

  async function press({ user, channel, actions }: Pressed, of: SlackActionsOptions["channels"]): Promise<void> {
    const here = of.filter((entry) => entry.channel === channel.id);
    const [first] = here;
    if (!first)
      return void log.warn("a button was pressed in a channel of Slack that notify.yaml does not name", { channel: channel.id });
    const whisper = (text: string) => {
      // Not awaited: Slack waits three seconds for the answer. What was done does not depend on it.
      void first.answers?.whisper(user.id, text).then((said) => {
        if (!said.ok) log.warn("an answer in Slack could not be told", { problem: said.problem });
      });
    };
    if (!here.some(({ approvers }) => approvers.includes(user.id))) {
      log.warn("somebody who may not answer pressed a button in Slack", { user: user.id });
      return whisper("Nothing was changed: you may not answer here. Who may stands in .agents/notify.yaml (approvers).");
    }
    for (const { action_id, value } of actions) {
      const button = readButton(action_id, value ?? "");
      if (button) await answer(button, `slack:${user.id}`, whisper);
      else whisper("Nothing was changed: this button is not one of ours, or of another version.");
    }
  }

  async function answer(
    button: NonNullable<ReturnType<typeof readButton>>,
    by: string,
    whisper: (text: string) => void,
  ): Promise<void> {
    const { choice, id, hash } = button;
    const effect = await store.read((reading) => getEffect(reading, id));
    if (effect === null) return whisper(`Nothing was changed: there is no action ${id} here any more.`);
    if (effect.hash !== hash) return whisper("Nothing was changed: it is not what was shown. Look at it again: `approvals`.");
    const given = choice === "approve" ? await effects.approve(id, { hash, by }) : await effects.reject(id, { by, note: null });
    if ("refused" in given) return whisper(`Nothing was changed: ${given.refused}.`);
    // The message itself says what becomes of it: the notifier brings it up to date.
    log.info("an action was answered in Slack", { effect: id, choice, by });
    answered();
  }

  return async (request, path) => {
    if (path !== SLACK_PATH) return null;
    const found = await read(request);
    if (found instanceof Response) return found;
    const form = new URLSearchParams(found.body);
    // Slack asks so whether the address is there.
    if (form.get("ssl_check") === "1") return taken();
    const body = mapOf(form.get("payload") ?? "");
    if ("problem" in body) return refuse({ status: 400, error: `payload: ${body.problem}` });
    if (body.map.type !== "block_actions") return taken();
    const payload = pressed.safeParse(body.map);
    if (!payload.success) return refuse({ status: 400, error: "the payload is not one of a button" });
    await press(payload.data, found.of);
    return taken();
  };
}
