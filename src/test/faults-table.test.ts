/** The table of faults in docs/reliability.md: every fault has tests that exist, or a line that says why not. */

import { expect, test } from "bun:test";
import { join, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "..");
const GROUPS = { P: 20, M: 14, Q: 10, D: 10, W: 13, T: 10, S: 15 };

type Row = { readonly id: string; readonly proof: string };

function rowsOf(page: string): Row[] {
  return [...page.matchAll(/^\| ([A-Z]\d+) \| [^|]+ \| ([^|]+) \|/gm)].map(([, id = "", proof = ""]) => ({ id, proof }));
}

/** What is wrong with a row, in words. */
async function faultsOf({ id, proof }: Row): Promise<string[]> {
  const named = [...proof.matchAll(/`([^`]+)`: "([^"]+)"/g)];
  const why = /^no test: (.{30,})/.test(proof);
  const faults = named.length === 0 && !why ? [`${id} names no test and no reason`] : [];
  for (const [, path = "", name = ""] of named) {
    const file = Bun.file(join(SRC, path));
    if (!(await file.exists())) faults.push(`${id}: there is no ${path}`);
    else if (name.length < 12 || !(await file.text()).includes(name)) faults.push(`${id}: ${path} has no test "${name}"`);
  }
  return faults;
}

test("every fault of the table has a test that exists, or says why not", async () => {
  const rows = rowsOf(await Bun.file(join(SRC, "../docs/reliability.md")).text());
  const all = Object.entries(GROUPS).flatMap(([group, n]) => Array.from({ length: n }, (_, i) => `${group}${i + 1}`));
  expect(rows.map((row) => row.id)).toEqual(all);
  expect((await Promise.all(rows.map(faultsOf))).flat()).toEqual([]);
});

test("the check sees a test that is gone, a file that is gone, and a row without either", async () => {
  const page = [
    '| P2 | b | `test/nowhere.test.ts`: "the check sees a test that is gone" | |',
    "| P3 | c | later | |",
    "| P4 | d | no test: soon | |",
  ].join("\n");
  const rows = rowsOf(page);
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(await faultsOf(row)).toHaveLength(1);
  expect(await faultsOf({ id: "P1", proof: `\`test/faults-table.test.ts\`: "${"gone ".repeat(5)}"` })).toHaveLength(1);
});
