/** Kill -9 at every named point, with an outside witness; and proof that each check can fail. `bun run test:kill` kills longer. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBooks, type Books } from "../kill/books.ts";
import { callFaults, eventFaults, lostFaults, moneyFaults, printedFaults, taskFaults, wireFaults } from "../kill/checks.ts";
import { exportFaults, wholeFaults } from "../kill/files.ts";
import { pointsIn } from "../kill/points.ts";
import { CAPS } from "../kill/life.ts";
import { finished } from "../kill/run.ts";
import { SCENARIOS } from "../kill/scenarios.ts";
import { killSuite, recoveryLine } from "../kill/suite.ts";
import { startWitness, type Seen } from "../kill/witness.ts";

const LIMIT_MS = 600_000;

test(
  "killed at any named point, a goal goes on: nothing acknowledged is lost, no settled call repeated, every file whole",
  async () => {
    const begun = performance.now();
    const { points, unpassed, kills, faults, recovery } = await killSuite({ each: 1, random: 8, seed: 1, say: console.log });
    console.log(
      `${points.length} points, ${kills} kills, ${Math.round((performance.now() - begun) / 1000)} s; ${recoveryLine(recovery)}`,
    );
    expect(unpassed).toEqual([]);
    expect(faults).toEqual([]);
    expect(points.length).toBeGreaterThan(60);
    expect(kills).toBeGreaterThanOrEqual(points.length);
  },
  LIMIT_MS,
);

describe("the checks see planted faults", () => {
  let scratch = "";
  let workspace = "";
  let books: Books;
  let seen: Seen[] = [];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "marketeam-checks-"));
    const scenario = SCENARIOS.find((entry) => entry.name === "goal");
    if (!scenario) throw new Error("there is no such scenario");
    const witness = await startWitness({ folder: scratch, name: "witness", seed: scenario.seed, faults: [] });
    ({ workspace, seen } = await finished(scenario, witness, scratch));
    await witness.stop();
    books = readBooks(workspace);
  }, 60_000);
  afterAll(() => rm(scratch, { recursive: true }));

  const none = new Set<string>();
  const first = <T>(list: readonly T[]): T => {
    const [entry] = list;
    if (entry === undefined) throw new Error("the goal left nothing to look at");
    return entry;
  };

  test("a goal that nobody disturbed has none", async () => {
    expect(seen.length).toBeGreaterThan(10);
    expect([...moneyFaults(books, CAPS), ...callFaults(books, 0, true), ...eventFaults(books), ...taskFaults(books)]).toEqual([]);
    expect([...lostFaults(books, books), ...wireFaults(books, seen, [none])]).toEqual([]);
    expect(await exportFaults(workspace, books, none)).toEqual([]);
  });

  test("money: a counter that drifts, a hold that vanished, a cap that was passed", () => {
    const scopes = books.scopes.map((scope, i) => (i === 0 ? { ...scope, spent: scope.spent + 1 } : scope));
    expect(moneyFaults({ ...books, scopes }, CAPS)).toHaveLength(1);
    expect(moneyFaults({ ...books, calls: books.calls.slice(1) }, CAPS).length).toBeGreaterThan(2);
    expect(moneyFaults(books, { ...CAPS, day: 1 })).toHaveLength(1);
  });

  test("calls: a second stored answer, a hold that nobody works on, more lost answers than kills", () => {
    const call = first(books.calls);
    const more = (state: string) => ({ ...books, calls: [...books.calls, { ...call, id: "call_x", attempt: 2, state }] });
    expect(callFaults(more("settled"), 1, true).length).toBeGreaterThan(0);
    expect(callFaults(more("held"), 1, true).length).toBeGreaterThan(0);
    const lost = { ...books, calls: [{ ...call, state: "unknown" }] };
    expect(callFaults(lost, 0, true)).toHaveLength(1);
    expect(callFaults(lost, 1, true)).toEqual([]);
  });

  test("the wire: a request without a row, a row without a request, a settled call asked for again", () => {
    const request = first(seen);
    const again = { ...request, n: 999, phase: request.phase + 1 };
    expect(wireFaults(books, [...seen, again], [none])).toHaveLength(1);
    expect(wireFaults(books, seen.slice(1), [none])).toHaveLength(1);
    const ids = new Set([first(books.calls).id]);
    expect(wireFaults(books, [...seen, again], [none, ids])).toHaveLength(2);
    expect(
      wireFaults(
        books,
        seen.map((entry, i) => (i === 3 ? { ...entry, hash: request.hash } : entry)),
        [none],
      ).length,
    ).toBeGreaterThan(0);
  });

  test("events: one that is missing, one twice, a second end", () => {
    const { events } = books;
    const last = events.at(-1)?.seq ?? 0;
    const of = (type: string) => first(events.filter((event) => event.type === type));
    const plus = (type: string) => ({ ...books, events: [...events, { ...of(type), seq: last + 1 }] });
    expect(eventFaults(plus("task.done")).length).toBeGreaterThan(0);
    expect(eventFaults(plus("goal.completed")).length).toBeGreaterThan(0);
    expect(eventFaults({ ...books, events: [...events, first(events)] }).length).toBeGreaterThan(0);
    const without = { ...books, events: events.filter((event) => event !== of("task.done")) };
    expect(eventFaults(without).length).toBeGreaterThan(0);
    expect(lostFaults(books, without)).toHaveLength(1);
    expect(printedFaults(`${JSON.stringify({ seq: last + 1, type: "goal.completed" })}\n`, books)).toHaveLength(1);
  });

  test("tasks and acknowledged rows: a version that changed, a goal that is gone", () => {
    const done = first(books.tasks.filter((task) => task.kind === "work"));
    const undone = { ...books, tasks: books.tasks.map((task) => (task === done ? { ...task, deliverable_id: null } : task)) };
    expect(taskFaults(undone)).toHaveLength(1);
    expect(lostFaults(books, undone)).toHaveLength(1);
    expect(lostFaults(books, { ...books, goals: [] })).toHaveLength(1);
    const changed = { ...books, deliverables: books.deliverables.map((entry) => ({ ...entry, hash: "-" })) };
    expect(lostFaults(books, changed)).toHaveLength(books.deliverables.length);
  });

  test("files: cut short, changed, missing, one too many", async () => {
    const report = join(workspace, "goals", first(await readdir(join(workspace, "goals"))));
    const text = await readFile(report, "utf8");
    await writeFile(report, text.slice(0, 30));
    expect(await wholeFaults(workspace)).toHaveLength(2);
    await writeFile(report, `${text}more\n`);
    expect(await exportFaults(workspace, books, none)).toHaveLength(1);
    await writeFile(report, text);
    const beside = report.replace(".md", ".new.md");
    await writeFile(beside, text);
    expect(await exportFaults(workspace, books, none)).toHaveLength(1);
    await rm(beside);
    await rm(report);
    expect(await exportFaults(workspace, books, none)).toHaveLength(1);
    await writeFile(report, text);
    expect(await exportFaults(workspace, books, none)).toEqual([]);
  });

  test("names: a write that cannot be read from the text, and a crash point of a new form", () => {
    expect(pointsIn(['store.write("a.b", x)', 'options.reached("c")'], ["0001"])).toHaveLength(5);
    expect(() => pointsIn(["store.write(nameOf(x), y)"], [])).toThrow("cannot be read");
    expect(() => pointsIn(["reached(`new ${form}`)"], [])).toThrow("new form");
  });
});
