/** The settings file: as shipped, with variables filled in, and with what people get wrong. */

import { describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { readYamlFile } from "../skills/yaml-file.ts";
import { tempDir } from "../test/cli.ts";
import { notifySettings, resolveSettings, secretProblem } from "./settings.ts";

const FILE = ".agents/notify.yaml";
const SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
const ENV: Record<string, string> = {
  SLACK_URL: "https://hooks.slack.com/services/T000/B000/slackslackslack",
  TOKEN: "xoxb-tokentoken",
  HOOK_SECRET: SECRET,
  SIGNING: "0123456789abcdef0123456789abcdef",
  SHORT: "short",
  BAD_URL: "http://example.org/secretpath",
};
const resolved = (data: unknown) =>
  resolveSettings(notifySettings.parse(data), { file: FILE, variable: (name) => ENV[name] ?? null });

async function problemsOf(text: string): Promise<string[]> {
  await using dir = await tempDir();
  await Bun.write(join(dir.path, FILE), text);
  const { problems } = await readYamlFile({ root: dir.path, file: FILE, required: false }, notifySettings);
  return problems.map((problem) => `${problem.message} ${problem.hint ?? ""}`);
}

test("the shipped file is sound and reaches nobody outside", async () => {
  const root = resolve(import.meta.dir, "../..");
  const { value, problems } = await readYamlFile({ root, file: FILE, required: true }, notifySettings);
  expect(problems).toEqual([]);
  expect(value === null ? null : Object.values(value.channels).map((channel) => channel.type)).toEqual(["log"]);
});

describe("resolving", () => {
  test("fills in variables, routes by kind, and names what must be redacted", () => {
    const settings = resolved({
      zone: "Europe/Berlin",
      quiet: { from: "22:00", to: "07:00" },
      digest: "08:30",
      channels: {
        team: { type: "slack", url: "${SLACK_URL}" },
        bot: { type: "slack", token: "${TOKEN}", channel: "C1" },
        hook: { type: "webhook", url: "https://example.org/hook", secret: "${HOOK_SECRET}" },
        log: { type: "log" },
      },
      send: { "question.waiting": ["team", "hook"], "digest.daily": [] },
    });
    expect(settings.problems).toEqual([]);
    expect(settings.channels).toEqual([
      { type: "slack", name: "team", to: { url: ENV.SLACK_URL ?? "" } },
      { type: "slack", name: "bot", to: { token: "xoxb-tokentoken", channel: "C1" } },
      { type: "webhook", name: "hook", url: "https://example.org/hook", secret: SECRET },
      { type: "log", name: "log" },
    ]);
    expect(settings.quiet).toEqual({ from: "22:00", to: "07:00", zone: "Europe/Berlin" });
    expect(settings.digest).toEqual({ at: "08:30", zone: "Europe/Berlin" });
    expect(settings.route("question.waiting")).toEqual(["team", "hook"]);
    expect(settings.route("digest.daily")).toEqual([]);
    expect(settings.route("goal.done")).toEqual(["team", "bot", "hook", "log"]);
    expect(settings.secrets).toContain("/services/T000/B000/slackslackslack");
    expect(settings.secrets).toContain(SECRET.slice("whsec_".length));
    expect(settings.secrets).toContain("xoxb-tokentoken");
  });

  test("a channel that cannot be used is off, and nothing of its secret is told", () => {
    const settings = resolved({
      channels: {
        a: { type: "slack", url: "${NOT_SET}" },
        b: { type: "slack", url: "${BAD_URL}" },
        c: { type: "webhook", url: "https://example.org", secret: "${TOKEN}" },
      },
      send: { "goal.done": ["a", "teem"] },
    });
    expect(settings.channels).toEqual([]);
    expect(settings.route("goal.done")).toEqual([]);
    expect(settings.problems.map((problem) => problem.severity)).toEqual(["warning", "warning", "warning", "error"]);
    expect(settings.problems[0]?.message).toBe("the channel a is off: NOT_SET is not set");
    expect(JSON.stringify(settings.problems)).not.toMatch(/secretpath|tokentoken/);
  });

  test("to approve in Slack: who may, and the secret by which its requests are known", () => {
    const team = { type: "slack", token: "${TOKEN}", channel: "C0TEAM", signingSecret: "${SIGNING}", approvers: ["U0ANN"] };
    const given = (change: object = {}) => resolved({ channels: { team: { ...team, ...change } } });
    const { channels, secrets, problems } = given();
    expect(problems).toEqual([]);
    expect(channels).toEqual([
      {
        ...{ type: "slack", name: "team", to: { token: "xoxb-tokentoken", channel: "C0TEAM" } },
        answers: { channel: "C0TEAM", signingSecret: "0123456789abcdef0123456789abcdef", approvers: ["U0ANN"] },
      },
    ]);
    expect(secrets).toContain("0123456789abcdef0123456789abcdef");
    expect(given({ signingSecret: "${NOT_SET}" }).problems[0]?.message).toBe("the channel team is off: NOT_SET is not set");
    expect(given({ signingSecret: "${SHORT}" }).problems[0]?.message).toContain("not one of Slack's");
    expect(given({ channel: "#team" }).problems[0]?.message).toContain("must be an id");
    for (const wrong of [{ approvers: [] }, { approvers: undefined }, { approvers: ["@ann"] }, { signingSecret: undefined }])
      expect(() => given(wrong)).toThrow();
    expect(() => given({ signingSecret: "0123456789abcdef0123456789abcdef" })).toThrow("environment variable");
    const { token: _, channel: __, ...half } = team;
    expect(() => resolved({ channels: { team: { ...half, url: "${SLACK_URL}" } } })).toThrow("needs `token`");
  });

  test("nothing configured is no channel", () => {
    expect(resolved({})).toMatchObject({ channels: [], quiet: null, digest: null, problems: [] });
  });
});

describe("the file", () => {
  test("a secret in it is refused without being repeated", async () => {
    const problems = await problemsOf(`channels:
  a: { type: slack, url: "https://hooks.slack.com/services/T/B/realsecret" }
  b: { type: webhook, url: "https://u:realsecret@example.org", secret: whsec_realsecret }
`);
    expect(problems.join()).toContain("the name of an environment variable");
    expect(problems.length).toBeGreaterThanOrEqual(3);
    expect(problems.join()).not.toContain("realsecret");
  });

  test("times, zones, channels that are half there, unknown words", async () => {
    const problems = await problemsOf(`zone: Mars/Base
quiet: { from: "22:00", to: "22:00" }
digest: "25:00"
channels:
  a: { type: slack, token: "\${T}" }
  b: { type: pigeon }
send: { goal.doen: [a] }
`);
    expect(problems.join("\n")).toMatch(/time zone/);
    expect(problems.join("\n")).toMatch(/same time/);
    expect(problems.join("\n")).toMatch(/digest/);
    expect(problems.join("\n")).toMatch(/either `url`/);
    expect(problems.join("\n")).toMatch(/pigeon/);
    expect(problems.join("\n")).toMatch(/goal\.doen/);
  });
});

test("secrets of webhooks", () => {
  expect(secretProblem(SECRET)).toBeNull();
  expect(secretProblem(SECRET.slice("whsec_".length))).toBeNull();
  expect(secretProblem("whsec_not base64")).toBe("is not base64");
  expect(secretProblem(`whsec_${Buffer.from("short").toString("base64")}`)).toContain("24 to 64");
});
