/** The facts of health: what the store knows of real work on both engines, and what the disk says of the workspace. */

import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nano } from "../domain/money.ts";
import { noteCapHit } from "../store/breaker.ts";
import { tempDir } from "../test/cli.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addScope, at, fillSmallStore, NOON } from "../test/small-store.ts";
import { diskFacts, storeFacts } from "./facts.ts";

const CAPS = { day: nano(10), month: nano(50) };

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`facts of the store on ${engine.name}`, () => {
    test("an empty store is well", async () => {
      await using store = await engine.open();
      const facts = await at(store, NOON).read((read) => storeFacts(read, CAPS));
      expect(facts).toMatchObject({ budget: "normal", capsHit: false, modelAway: 0 });
    });

    test("real goals that wait for the model are counted; the worst of day and month decides", async () => {
      await using store = await engine.open();
      await store.write("test.fill", async (tx) => {
        await fillSmallStore(tx);
        await addGoal(tx, { id: "goal_away2", status: "paused", pause: "model_away" });
        await addGoal(tx, { id: "goal_asks", status: "paused", pause: "question" });
        await addGoal(tx, { id: "goal_played", status: "paused", pause: "model_away", rehearsal: 1 });
        await addScope(tx, { kind: "day", id: "2026-11-20", spent: nano(99) });
        await addScope(tx, { kind: "day", id: "2026-11-21", spent: nano(99), rehearsal: 1 });
      });
      const facts = await at(store, NOON).read((read) => storeFacts(read, CAPS));
      expect(facts).toMatchObject({ budget: "normal", modelAway: 2 });
      expect(facts.day).toMatchObject({ spent: nano(0.4), held: nano(0.1), cap: CAPS.day });
      const tight = await at(store, NOON).read((read) => storeFacts(read, { ...CAPS, day: nano(0.55) }));
      expect(tight.budget).toBe("tight");
    });

    test("ten cap hits of real work, not nine, and none of a rehearsal", async () => {
      await using store = await engine.open();
      const hit = () => at(store, NOON).read(async (read) => (await storeFacts(read, CAPS)).capsHit);
      for (let i = 0; i < 12; i++) await store.write("test.hit", (tx) => noteCapHit(tx, true));
      for (let i = 0; i < 9; i++) await store.write("test.hit", (tx) => noteCapHit(tx, false));
      expect(await hit()).toBe(false);
      await store.write("test.hit", (tx) => noteCapHit(tx, false));
      expect(await hit()).toBe(true);
    });
  });
}

describe("the disk", () => {
  test("of a workspace that is not there yet, the folder counts in which it would be made", async () => {
    await using dir = await tempDir();
    const facts = diskFacts(join(dir.path, "not", "there"));
    expect(facts.workspaceProblem).toBeNull();
    expect(facts.diskFree).toBeGreaterThan(0);
  });

  test("free space is that of the folder's own disk", async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, "workspace"));
    await writeFile(join(dir.path, "workspace", "x"), "x");
    expect(diskFacts(join(dir.path, "workspace")).diskFree).toBeGreaterThan(0);
  });
});
