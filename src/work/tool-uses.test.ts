/** The uses of one turn: side by side, but for those of a server whose calls see each other. */

import { expect, test } from "bun:test";
import { fakeHands, said, type FakeTool } from "../test/hands-fixture.ts";
import { testTeam } from "../test/team.ts";
import type { Offer } from "../tools/toolbox.ts";
import { answerUses } from "./tool-uses.ts";

/** Opens and looks as a browser does: what one call opened, the next one shows. Opening gives others a chance to look first. */
async function turn(session: boolean, uses: readonly string[]) {
  await using it = await testTeam({});
  const holders: (string | undefined)[] = [];
  let page = "about:blank";
  let looked = false;
  const tools: FakeTool[] = [
    {
      name: "open",
      class: "read",
      async answer() {
        for (let i = 0; i < 200 && !looked; i++) await Bun.sleep(0);
        page = "the page";
        return said("opened");
      },
    },
    {
      name: "look",
      class: "read",
      answer() {
        looked = true;
        return said(`it shows ${page}`);
      },
    },
  ];
  const hands = fakeHands(it.store, it.presence.processId, tools);
  const { toolbox } = hands;
  const offered = await toolbox.offer({ name: "writer", tools: [] }, new AbortController().signal);
  const offer: Offer = {
    ...offered,
    resolve(name, args) {
      const found = offered.resolve(name, args);
      return found.kind === "call" ? { ...found, tool: { ...found.tool, session } } : found;
    },
  };
  const { server } = toolbox;
  Object.assign(toolbox, {
    server(name: string, holder?: string) {
      holders.push(holder);
      return server(name);
    },
  });
  const results = await answerUses(
    it.team,
    hands,
    {
      offer,
      at: {
        ...{ goalId: "goal_a", subject: "task_a", taskId: "task_a", revision: 0, step: "make", round: 0 },
        ...{ skill: "writer", rehearsal: false },
      },
      uses: uses.map((name, i) => ({ id: `u${i}`, name: `web__${name}`, input: {} })),
      earlier: [],
    },
    new AbortController().signal,
  );
  return { texts: results.map(({ text }) => /it shows [a-z: ]+|opened|no tool|asked exactly this/.exec(text)?.[0]), holders };
}

test("a browser opens and then looks, in the order in which it was asked, and is the task's own", async () => {
  const { texts, holders } = await turn(true, ["open", "look", "nothing", "look"]);
  expect(texts).toEqual(["opened", "it shows the page", "no tool", "it shows the page"]);
  expect(new Set(holders)).toEqual(new Set(["goal_a/task_a/make"]));
});

test("other reads do not wait for each other", async () => {
  expect((await turn(false, ["open", "look"])).texts).toEqual(["opened", "it shows about:blank"]);
});

test("who goes from page to page may look at each; who looks again and again at one may not", async () => {
  const pages = ["open", "look", "open", "look", "open", "look"];
  const shown = "it shows the page";
  expect((await turn(true, pages)).texts).toEqual(["opened", shown, "opened", shown, "opened", shown]);
  const [, , , , ...late] = (await turn(false, pages)).texts;
  expect(late).toEqual(["asked exactly this", "asked exactly this"]);
  const again = (await turn(true, ["open", "look", "look", "look"])).texts;
  expect(again).toEqual(["opened", shown, shown, "asked exactly this"]);
});

test("that the work was stopped is no answer of the tool's: it is not kept, and asked again later", async () => {
  await using it = await testTeam({});
  let stopped = true;
  const tool: FakeTool = {
    name: "look",
    class: "read",
    answer: () => (stopped ? { kind: "lost", detail: "it was stopped", stopped: true } : said("there it is")),
  };
  const hands = fakeHands(it.store, it.presence.processId, [tool]);
  const { signal } = new AbortController();
  const offer = await hands.toolbox.offer({ name: "writer", tools: [] }, signal);
  const at = {
    ...{ goalId: "goal_a", subject: "task_a", taskId: "task_a", revision: 0, step: "make", round: 0 },
    ...{ skill: "writer", rehearsal: false },
  };
  const ask = () =>
    answerUses(it.team, hands, { offer, at, uses: [{ id: "u0", name: "web__look", input: {} }], earlier: [] }, signal);
  expect(await ask()).toMatchObject([{ isError: true }]);
  stopped = false;
  expect((await ask())[0]?.text).toContain("there it is");
});

test("a draft that an earlier life had sent when it ended may have happened: that is what the agent is told", async () => {
  await using it = await testTeam({});
  const draft: FakeTool = { name: "draft", class: "draft", answer: () => ({ kind: "lost", detail: "killed" }) };
  const hands = fakeHands(it.store, it.presence.processId, [draft]);
  const { signal } = new AbortController();
  const offer = await hands.toolbox.offer({ name: "writer", tools: [] }, signal);
  const runAtOnce: typeof hands.effects.runAtOnce = async (wish) => {
    const noted = await hands.effects.propose(wish);
    if ("refused" in noted) return noted;
    return { effect: { ...noted.effect, state: "sent" }, waiting: null, at: null };
  };
  const at = {
    ...{ goalId: "goal_a", subject: "task_a", taskId: "task_a", revision: 0, step: "make", round: 0 },
    ...{ skill: "writer", rehearsal: false },
  };
  const uses = [{ id: "u0", name: "web__draft", input: {} }];
  const [result] = await answerUses(
    it.team,
    { ...hands, effects: { ...hands.effects, runAtOnce } },
    { offer, at, uses, earlier: [] },
    signal,
  );
  expect(result?.text).toContain("Nobody knows whether it happened");
});
