/** The product context that a goal starts with, on machines that have its file and on machines that have not. */

import { describe, expect, test } from "bun:test";
import { mkdir, rm, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import type { Log } from "../log/log.ts";
import { needGoal } from "../store/goals.ts";
import { contextVersion } from "../store/contexts.ts";
import { ENGINES } from "../test/engines.ts";
import { testTeam, type TestTeam } from "../test/team.ts";
import { acceptGoal, CONTEXT_PATH, contextNow } from "./accept.ts";

/** Machines with workspaces of their own on one store. `starts` is the context (version and text) of a goal that starts there. */
function machine(at: TestTeam) {
  const { workspace, store } = at.team;
  const said: string[] = [];
  const say = (level: string) => (message: string) => void said.push(`${level}: ${message}`);
  const log: Log = { ...at.team.log, info: say("info"), warn: say("warn"), child: () => log };
  const team = { ...at.team, log };
  const path = workspace.resolve(CONTEXT_PATH);
  return {
    team,
    said,
    path,
    write: (text: string) => workspace.write(CONTEXT_PATH, text),
    emptyFolder: () => mkdir(dirname(path), { recursive: true }),
    async starts(): Promise<[version: number, body: string | null]> {
      const work = { category: null, source: "test", priority: "P1", cap: 1_000_000_000, rehearsal: false, plan: null } as const;
      const id = await acceptGoal(team, { ...work, text: "Write it" });
      const { contextVersion: version } = await store.read((read) => needGoal(read, id));
      return [version, (await store.read((read) => contextVersion(read, version)))?.body ?? null];
    },
  };
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`the product context on ${engine.name}`, () => {
    async function two() {
      const store = await engine.open();
      const [a, b] = [await testTeam({ store }), await testTeam({ store })];
      return {
        a: machine(a),
        b: machine(b),
        async [Symbol.asyncDispose]() {
          await a[Symbol.asyncDispose]();
          await b[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
        },
      };
    }

    test("a machine without the folder starts goals with the store's newest, and says so", async () => {
      await using at = await two();
      expect(await at.b.starts()).toEqual([0, null]);
      expect(at.b.said).toEqual([]);
      await at.a.write("We sell tea.");
      expect(await at.a.starts()).toEqual([1, "We sell tea."]);
      expect(at.a.said).toEqual(["info: the product context is the file on this machine: taken in as a new version"]);
      expect(await at.b.starts()).toEqual([1, "We sell tea."]);
      expect(at.b.said).toEqual(["info: the product context is the store's newest"]);
      await at.a.starts();
      expect(at.a.said[1]).toBe("info: the product context is the file on this machine");
    });

    test("where the folder is, and no file or an empty one, a person wants none", async () => {
      await using at = await two();
      await at.a.write("We sell tea.");
      await at.a.starts();
      await at.b.emptyFolder();
      expect(await at.b.starts()).toEqual([0, null]);
      await rm(at.a.path);
      expect(await at.a.starts()).toEqual([0, null]);
      await at.a.write("\n");
      expect(await at.a.starts()).toEqual([0, null]);
    });

    test("a copy that was left behind does not put the newer version away; put back on purpose it does", async () => {
      await using at = await two();
      await at.a.write("We sell tea.");
      await at.a.starts();
      await at.b.write("We sell coffee.");
      expect(await at.b.starts()).toEqual([2, "We sell coffee."]);
      const anHourAgo = new Date(Date.now() - 3_600_000);
      await utimes(at.a.path, anHourAgo, anHourAgo);
      expect(await at.a.starts()).toEqual([2, "We sell coffee."]);
      expect(at.a.said.at(-1)).toStartWith(
        "warn: the product context is the store's newest: the file on this machine is an earlier",
      );
      const soon = new Date(Date.now() + 60_000);
      await utimes(at.a.path, soon, soon);
      expect(await at.a.starts()).toEqual([3, "We sell tea."]);
    });

    test("a text that nobody knew is new, however old its file is", async () => {
      await using at = await two();
      await at.a.write("We sell tea.");
      await at.a.starts();
      await at.b.write("We sell coffee.");
      await utimes(at.b.path, new Date(0), new Date(0));
      expect(await at.b.starts()).toEqual([2, "We sell coffee."]);
    });

    test("a look at it changes nothing, and shows what a goal would start with", async () => {
      await using at = await two();
      await at.a.write("We sell tea.");
      expect(await contextNow(at.a.team)).toMatchObject({ body: "We sell tea.", context: { version: 1, body: "We sell tea." } });
      expect((await contextNow(at.b.team)).context).toBeNull();
      await at.a.starts();
      expect(await contextNow(at.b.team)).toMatchObject({ body: null, context: { version: 1 }, because: "no folder" });
    });
  });
}
