/** `marketeam notify test`: one test notice through each channel, now, and what each of them said to it. */

import { openChannels } from "../bootstrap.ts";
import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest, type Problem } from "../domain/problem.ts";
import type { Log } from "../log/log.ts";
import type { Channel } from "../notify/channel.ts";
import { notifySettings, resolveSettings } from "../notify/settings.ts";
import { readYamlFile } from "../skills/yaml-file.ts";
import { UsageError } from "./errors.ts";
import { note, oneLine, print, printJson, table } from "./output.ts";
import { noteProblems } from "./application.ts";
import { configFor, stylesFor } from "./session.ts";

const NOTIFY_FILE = ".agents/notify.yaml";
const LOG_LINE = "the log channel says";

type Outcome = {
  readonly name: string;
  readonly type: string;
  /** `off`: named in the file, but what it needs is missing. */
  readonly state: "sent" | "failed" | "off";
  /** In a sentence without addresses and secrets; null for what was sent. */
  readonly problem: string | null;
  readonly ms: number | null;
};

export async function notify(action: string, name: string | undefined, options: { readonly json?: boolean }): Promise<number> {
  if (action !== "test") throw new UsageError(`notify cannot "${oneLine(action, 60)}"`, suggest(action, ["test"]));
  const config = configFor({});
  const { types, channels, problems, broken } = await configured(config);
  if (broken) {
    noteProblems(problems);
    return EXIT.config;
  }
  const names = [...types.keys()];
  if (name !== undefined && !types.has(name))
    throw new UsageError(`there is no channel "${oneLine(name, 60)}"`, `${suggest(name, names)} (${NOTIFY_FILE})`);
  // What a channel that is off lacks is told with it; the rest concerns the file.
  const off = (channel: string) => problems.find(({ message }) => message.startsWith(`the channel ${channel} is off: `));
  noteProblems(problems.filter((problem) => !names.some((channel) => off(channel) === problem)));
  const outcomes = await Promise.all(
    names
      .filter((channel) => name === undefined || channel === name)
      .map((channel) => tried(channel, types.get(channel) ?? "", channels.get(channel), off(channel))),
  );
  const ok = outcomes.length > 0 && outcomes.every(({ state }) => state === "sent");
  if (options.json) printJson({ ok, channels: outcomes });
  else print(outcomes.length === 0 ? `There is no channel: put one into ${NOTIFY_FILE}.` : outcomesText(outcomes, config));
  if (ok) return EXIT.done;
  return outcomes.some(({ state }) => state === "failed") ? EXIT.failed : EXIT.config;
}

/** The channels of the file, each with its type; those that can be used, opened. `broken`: the file itself cannot be read. */
async function configured(config: RuntimeConfig) {
  const file = await readYamlFile(
    { root: config.root, file: NOTIFY_FILE, required: false, hint: "it says where notices go" },
    notifySettings,
  );
  const settings = file.value ?? notifySettings.parse({});
  const resolved = resolveSettings(settings, { file: NOTIFY_FILE, variable: config.variable });
  const opened = await openChannels(resolved.channels, heard);
  return {
    types: new Map(Object.entries(settings.channels).map(([name, { type }]) => [name, type])),
    channels: new Map(opened.map((channel) => [channel.name, channel])),
    problems: [...file.problems, ...resolved.problems],
    broken: file.problems.some(({ severity }) => severity === "error"),
  };
}

/** The log channel writes into the program's log; here a person looks for it, whatever LOG_LEVEL says. */
const heard: Log = {
  debug() {},
  info: (message, fields) => note(`${LOG_LINE}: ${message}${typeof fields?.["text"] === "string" ? `. ${fields["text"]}` : ""}`),
  warn: (message, fields) => heard.info(message, fields),
  error: (message, fields) => heard.info(message, fields),
  child: () => heard,
};

async function tried(name: string, type: string, channel: Channel | undefined, off: Problem | undefined): Promise<Outcome> {
  if (channel === undefined) {
    const why = off?.message.slice(`the channel ${name} is off: `.length) ?? "it cannot be used";
    return { name, type, state: "off", problem: off?.hint ? `${why} (${off.hint})` : why, ms: null };
  }
  const began = performance.now();
  const delivery = await channel.send({
    id: `msg_${Bun.randomUUIDv7()}`,
    type: "test",
    at: Date.now(),
    goal: null,
    title: "A test from marketeam",
    text: `The channel "${name}" works.`,
    urgent: false,
    rehearsal: false,
  });
  const ms = Math.round(performance.now() - began);
  return delivery.ok
    ? { name, type, state: "sent", problem: null, ms }
    : { name, type, state: "failed", problem: delivery.problem, ms };
}

function outcomesText(outcomes: readonly Outcome[], config: RuntimeConfig): string {
  const { green, red, yellow } = stylesFor(config);
  const marks = { sent: green("✔"), failed: red("✖"), off: yellow("!") };
  return table(
    outcomes.map(({ name, type, state, problem, ms }) => [
      `${marks[state]} ${name}`,
      type,
      state === "sent"
        ? `took the test notice in ${ms} ms`
        : state === "off"
          ? `is off: ${problem}`
          : `did not take it: ${problem}`,
    ]),
  );
}
