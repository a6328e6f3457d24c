/** Stories of `notify test` through the real command line, with receivers on this machine: what each channel said, and no secret. */

import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { command, tempDir } from "./cli.ts";

const story = (name: string, body: () => Promise<void>) => test.concurrent(name, body, 60_000);
const SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
const SLACK_PATH = "/services/T000/B000/slack-secret-tail";

type Sent = { readonly path: string; readonly headers: Record<string, string>; readonly text: string };

type Answer = { readonly status: number; readonly body?: string };

/** Answers Slack's address and the webhook's with what is wanted; keeps what it was sent. */
function receiver({ slack = { status: 200, body: "ok" }, hook = { status: 204 } }: { slack?: Answer; hook?: Answer } = {}) {
  const sent: Sent[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      sent.push({ path, headers: Object.fromEntries(request.headers), text: await request.text() });
      const { status, body = null } = path === SLACK_PATH ? slack : hook;
      return new Response(body, { status });
    },
  });
  const at = `http://127.0.0.1:${server.port}`;
  const env = {
    SLACK_WEBHOOK_URL: `${at}${SLACK_PATH}`,
    NOTIFY_WEBHOOK_URL: `${at}/hook-address`,
    NOTIFY_WEBHOOK_SECRET: SECRET,
  };
  return { env, sent, [Symbol.asyncDispose]: () => server.stop(true) };
}

const CHANNELS = `
quiet: { from: "00:00", to: "23:59" }
channels:
  team: { type: slack, url: "\${SLACK_WEBHOOK_URL}" }
  pager: { type: webhook, url: "\${NOTIFY_WEBHOOK_URL}", secret: "\${NOTIFY_WEBHOOK_SECRET}" }
  log: { type: log }
`;

async function inRoot(settings: string | null) {
  const dir = await tempDir();
  // What a project is known by: the program's own files stay out of it.
  await mkdir(join(dir.path, ".agents"), { recursive: true });
  await Bun.write(join(dir.path, "skills.yaml"), "skills: {}\n");
  if (settings !== null) await Bun.write(join(dir.path, ".agents/notify.yaml"), settings);
  const run = (args: readonly string[], env: Record<string, string> = {}) => command(["notify", ...args], { cwd: dir.path, env });
  return { run, [Symbol.asyncDispose]: dir[Symbol.asyncDispose] };
}

const leaks = (said: { stdout: string; stderr: string }) =>
  [SECRET, SECRET.slice(6), "slack-secret-tail", "hook-address", "127.0.0.1"].filter((text) =>
    `${said.stdout}${said.stderr}`.includes(text),
  );

story("every channel gets one test notice, also in quiet hours, and its answer is told without address or secret", async () => {
  await using there = receiver();
  await using root = await inRoot(CHANNELS);
  const said = await root.run(["test"], there.env);
  expect(said.code).toBe(0);
  expect(said.stdout).toMatch(
    /^✔ team +slack +took the test notice in \d+ ms\n✔ pager +webhook +took .*\n✔ log +log +took .*\n$/,
  );
  expect(said.stderr).toContain("A test from marketeam");
  expect(leaks(said)).toEqual([]);
  expect(there.sent.map(({ path }) => path).toSorted()).toEqual(["/hook-address", SLACK_PATH]);
  const hook = there.sent.find(({ path }) => path !== SLACK_PATH);
  expect(new Webhook(SECRET).verify(hook?.text ?? "", hook?.headers ?? {})).toMatchObject({
    ...{ type: "test", goal: null, title: "A test from marketeam", text: 'The channel "pager" works.' },
  });
});

story("what a channel refuses is told in its own word, the others are tried all the same, exit 1", async () => {
  const slack = { status: 410, body: "channel_is_archived" };
  await using there = receiver({ slack, hook: { status: 500, body: `no: ${SECRET} hook-address` } });
  await using root = await inRoot(CHANNELS);
  const said = await root.run(["test", "--json"], there.env);
  expect(said.code).toBe(1);
  expect(JSON.parse(said.stdout)).toEqual({
    ok: false,
    channels: [
      { name: "team", type: "slack", state: "failed", problem: "Slack answered 410 channel_is_archived", ms: expect.any(Number) },
      { name: "pager", type: "webhook", state: "failed", problem: "the receiver answered 500", ms: expect.any(Number) },
      { name: "log", type: "log", state: "sent", problem: null, ms: expect.any(Number) },
    ],
  });
  expect(leaks(said)).toEqual([]);
});

story("one channel by its name: nobody else gets anything", async () => {
  await using there = receiver();
  await using root = await inRoot(CHANNELS);
  expect((await root.run(["test", "team"], there.env)).stdout).toMatch(/^✔ team .*\n$/);
  expect(there.sent.map(({ path }) => path)).toEqual([SLACK_PATH]);
});

story("a channel without its variable is off and says which, exit 3; nobody there is a failure, exit 1", async () => {
  const there = receiver();
  await there[Symbol.asyncDispose]();
  await using root = await inRoot(CHANNELS);
  const { SLACK_WEBHOOK_URL: _, ...rest } = there.env;
  const off = await root.run(["test", "team"], rest);
  expect(off.code).toBe(3);
  expect(off.stdout).toBe("! team  slack  is off: SLACK_WEBHOOK_URL is not set (set it in the environment or in .env)\n");
  const gone = await root.run(["test", "pager"], there.env);
  expect(gone.code).toBe(1);
  expect(gone.stdout).toMatch(/^✖ pager +webhook +did not take it: the connection failed/);
  expect(leaks(gone)).toEqual([]);
});

story("what is typed or written wrongly is one line", async () => {
  await using root = await inRoot(CHANNELS);
  expect(await root.run(["test", "tem"])).toMatchObject({
    code: 2,
    stderr: 'error: there is no channel "tem"\n  did you mean "team"? (.agents/notify.yaml)\n',
  });
  expect(await root.run(["tests"])).toMatchObject({ code: 2, stderr: 'error: notify cannot "tests"\n  did you mean "test"?\n' });
  expect((await root.run([])).code).toBe(2);
  await using none = await inRoot(null);
  expect(await none.run(["test"])).toMatchObject({ code: 3, stdout: "There is no channel: put one into .agents/notify.yaml.\n" });
  await using broken = await inRoot('channels:\n  team: { type: slack, url: "https://hooks.slack.com/slack-secret-tail" }\n');
  const said = await broken.run(["test"]);
  expect(said).toMatchObject({ code: 3, stdout: "" });
  expect(said.stderr).toContain(".agents/notify.yaml:2: ");
  expect(leaks(said)).toEqual([]);
});
