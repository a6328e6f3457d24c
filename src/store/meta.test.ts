/** Small values by key, where several processes begin at the same moment. */

import { expect, test } from "bun:test";
import { ENGINES } from "../test/engines.ts";
import { getMeta, initMeta } from "./meta.ts";

for (const engine of ENGINES)
  test.skipIf(!engine.ok)(`${engine.name}: of many that set a value for the first time, one wins for all`, async () => {
    await using store = await engine.open();
    // Connections take their time to open: with them there, the writes meet.
    await Promise.all(Array.from({ length: 8 }, () => store.read((read) => getMeta(read, "project"))));
    const names = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.write("project.name", (tx) => initMeta(tx, "project", `name-${i}`))),
    );
    expect(new Set(names).size).toBe(1);
    expect(await store.read((read) => getMeta(read, "project"))).toBe(names[0] ?? "");
  });
