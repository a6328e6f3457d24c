/** The house's rules, enforced: who may import whom, and what stands in one place only. Reads the import text, types included. */

import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { drawing, PAGE, withDrawing } from "./drawing.ts";
import { isTest, roomOf, sources, SRC, type File } from "./sources.ts";

/** Floors from the ground. A file imports its own room and lower floors only; neighbours on a floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ["domain"],
  ["log", "model", "store", "queue", "workspace"],
  ["journal"],
  ["skills", "tools", "health", "notify", "telemetry"],
  ["director"],
  ["work"],
  ["triggers", "evals"],
  ["config", "api"],
  ["bootstrap"],
  ["daemon"],
  ["cli"],
];
/** Folders with a technology inside: only the composition root, their own folder and tests may name them. */
const ADAPTERS = [
  "model/claude",
  "model/rehearsal",
  "model/scripted",
  "store/sqlite",
  "store/postgres",
  "queue/embedded",
  "queue/bullmq",
  "notify/log",
  "notify/slack",
  "notify/webhook",
  "log/pino.ts",
  "tools/email",
  "tools/mcp",
];

/** As many lines as a file may have; two subjects in it show long before. */
const LINES = 330;
/** Files with one subject that is long in itself. */
const LONG = new Set(["store/calls.ts", "store/schema.ts"]);

const floorOf = (path: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));
const within = (path: string, place: string) => path === place || path.startsWith(`${place}/`);

/** What breaks the import rule, a line each. */
export function importFaults(files: readonly File[]): string[] {
  const faults: string[] = [];
  for (const file of files) {
    if (isTest(file.path)) continue;
    if (floorOf(file.path) === -1) faults.push(`${file.path}: stands in no room of the house`);
    for (const target of file.imports) {
      if (target.startsWith("..")) {
        if (!target.endsWith("package.json")) faults.push(`${file.path} imports ${target} from outside src`);
        continue;
      }
      const [from, to] = [floorOf(file.path), floorOf(target)];
      const same = roomOf(file.path) === roomOf(target);
      if (isTest(target)) faults.push(`${file.path} imports the test file ${target}`);
      else if (to > from) faults.push(`${file.path} imports upwards: ${target}`);
      else if (to === from && !same && target !== "log/log.ts") faults.push(`${file.path} imports its neighbour ${target}`);
      const adapter = ADAPTERS.find((place) => within(target, place));
      if (adapter !== undefined && !within(file.path, adapter) && roomOf(file.path) !== "bootstrap")
        faults.push(`${file.path} names the adapter ${target}`);
      if (within(file.path, "director/plan") && within(target, "director/review"))
        faults.push(`${file.path}: planning does not know reviewing`);
      if (within(file.path, "director/review") && within(target, "director/plan"))
        faults.push(`${file.path}: reviewing does not know planning`);
      if (target === "model/model.ts" && !["journal", "model", "bootstrap"].includes(roomOf(file.path)))
        faults.push(`${file.path}: only the journal speaks to the model port`);
    }
  }
  return faults;
}

describe("the house", () => {
  test("a file imports its own room and lower floors only, and no adapter", async () => {
    const files = await sources();
    expect(files.length).toBeGreaterThan(50);
    expect(importFaults(files)).toEqual([]);
  });

  test("the rule sees planted faults", () => {
    const file = (path: string, ...imports: string[]): File => ({ path, text: "", imports });
    expect(
      importFaults([
        file("domain/goal.ts", "store/store.ts"),
        file("store/goals.ts", "model/model.ts"),
        file("work/worker.ts", "store/sqlite/store.ts"),
        file("director/plan/plan.ts", "director/review/review.ts"),
        file("work/executor.ts", "model/model.ts"),
        file("stray/thing.ts"),
      ]).length,
    ).toBeGreaterThanOrEqual(6);
    expect(
      importFaults([
        file("work/worker.ts", "store/store.ts", "log/log.ts"),
        file("store/goals.ts", "log/log.ts", "domain/goal.ts"),
      ]),
    ).toEqual([]);
  });

  test("the drawing of the rooms is what the imports say, and calm", async () => {
    const drawn = drawing(await sources());
    const page = await readFile(PAGE, "utf8");
    expect(page === withDrawing(page, drawn) || "docs/architecture.md is out of date: bun src/test/drawing.ts").toBe(true);
    expect(drawn.split("-->").length - 1).toBeLessThan(40);
  });

  test("no circles between files", async () => {
    const files = (await sources()).filter((file) => !isTest(file.path));
    const graph = new Map(files.map((file) => [file.path, file.imports]));
    const state = new Map<string, number>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 2 || !graph.has(path)) return;
      if (state.get(path) === 1) {
        circles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
        return;
      }
      state.set(path, 1);
      for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
      state.set(path, 2);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(circles).toEqual([]);
  });

  test("the environment is read in config.ts, the process ends in cli.ts", async () => {
    const files = (await sources()).filter((file) => !isTest(file.path));
    const readers = files.filter((file) => /process\.env|Bun\.env|import\.meta\.env/.test(file.text)).map((file) => file.path);
    const exits = files.filter((file) => /process\.exit\b(?!Code)/.test(file.text)).map((file) => file.path);
    expect(readers).toEqual(["config.ts"]);
    expect(exits).toEqual(["cli.ts"]);
  });

  test("no barrels, no drawers for everything", async () => {
    const names = /(?:^|\/)(?:index|utils?|helpers?|common|shared|manager|types|misc)\.ts$/;
    expect((await sources()).map((file) => file.path).filter((path) => names.test(path))).toEqual([]);
  });

  test("no skill or pipeline is named in src: the engine knows no marketing", async () => {
    const root = resolve(SRC, "..");
    const skills = Object.keys((Bun.YAML.parse(await Bun.file(join(root, "skills.yaml")).text()) as { skills: object }).skills);
    const pipelines = Object.keys(
      (Bun.YAML.parse(await Bun.file(join(root, ".agents/pipelines.yaml")).text()) as { pipelines: object }).pipelines,
    );
    expect(skills.length).toBeGreaterThanOrEqual(26);
    const names = new Set([...skills, ...pipelines]);
    const faults = (await sources())
      .filter((file) => !isTest(file.path))
      .flatMap((file) =>
        [...file.text.matchAll(/["'`]([^"'`\n]{3,80})["'`]/g)]
          .filter((match) => names.has(match[1] ?? ""))
          .map((match) => `${file.path}: ${match[0]}`),
      );
    expect(faults).toEqual([]);
  });

  test("each file opens with a sentence that says what it is for, and stays readable", async () => {
    const faults: string[] = [];
    for await (const path of new Glob("**/*.ts").scan({ cwd: SRC })) {
      const text = await Bun.file(join(SRC, path)).text();
      if (isTest(path)) continue;
      if (!/^(?:#!.*\n)?\/\*\*/.test(text)) faults.push(`${path}: no opening sentence`);
      const lines = text.split("\n").length;
      if (lines > (LONG.has(path) ? 400 : LINES)) faults.push(`${path}: ${lines} lines`);
    }
    expect(faults).toEqual([]);
  });

  test("a command that looks loads nothing that only workers need, and a key press loads no package", async () => {
    const looking = ["status", "show", "costs", "events", "approvals", "effects", "learnings", "queue"];
    const workers = ["bootstrap.ts", "skills/registry.ts", "journal/journal.ts", "work/attempt.ts", "model/claude/claude.ts"];
    const faults: string[] = [];
    for (const command of looking) {
      const { files } = await loadedWith(`cli/${command}.ts`);
      expect(files.size).toBeGreaterThan(10);
      faults.push(...workers.filter((path) => files.has(path)).map((path) => `cli/${command}.ts loads ${path}`));
    }
    // The last one is loaded by name, when ids are asked for.
    for (const path of ["cli/completion.ts", "store/sqlite/names.ts"])
      faults.push(...[...(await loadedWith(path)).packages].map((name) => `${path} loads ${name}`));
    expect(faults).toEqual([]);
  });

  test("every store.write has its own name: each is a crash point", async () => {
    const files = (await sources()).filter((file) => !isTest(file.path));
    const calls = files.flatMap((file) =>
      [...file.text.matchAll(/\.write\(\s*("[^"]*"|[^",\s]+)/g)]
        .filter((match) => /^"[^$]*"$/.test(match[1] ?? ""))
        .map((match) => ({ file: file.path, name: match[1] ?? "" })),
    );
    const names = calls.map((call) => call.name);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !/^"[a-z]+\.[a-z]+"$/.test(name))).toEqual([]);
  });

  test("every promise of the README names a test that exists", async () => {
    const readme = await Bun.file(resolve(SRC, "../README.md")).text();
    const table = readme.slice(readme.indexOf("## Promises"));
    const rows = [...table.matchAll(/^\| [^|]+ \| `([^`]+)`: "([^"]+)"/gm)];
    expect(rows.length).toBeGreaterThan(10);
    for (const [, file = "", name = ""] of rows) {
      const text = await Bun.file(resolve(SRC, "..", file)).text();
      // A name that a table of cases fills in is known by what stands around the gap.
      const found = name.endsWith("…") ? text.includes(name.slice(0, -1)) : text.includes(name) || templated(text, name);
      expect([file, name, found]).toEqual([file, name, true]);
    }
  });
});

/** What is loaded when this file is: without types, and without what is imported later. */
async function loadedWith(path: string): Promise<{ files: Set<string>; packages: Set<string> }> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const visit = async (file: string): Promise<void> => {
    if (files.has(file) || !file.endsWith(".ts")) return;
    files.add(file);
    for (const found of transpiler.scanImports(await Bun.file(join(SRC, file)).text())) {
      if (found.kind !== "import-statement") continue;
      if (found.path.startsWith(".")) await visit(relative(SRC, resolve(join(SRC, dirname(file)), found.path)));
      else if (!/^(?:node|bun):/.test(found.path)) packages.add(found.path);
    }
  };
  await visit(path);
  return { files, packages };
}

/** Whether a template of the file could have given this name: its fixed pieces stand in it, in order. */
function templated(text: string, name: string): boolean {
  return [...text.matchAll(/`([^`\n]+)`/g)].some(([, template = ""]) => {
    const pieces = template.split(/\$\{[^}]+\}/).filter((piece) => piece.trim().length > 8);
    let at = 0;
    return (
      pieces.length > 0 &&
      pieces.every((piece) => {
        const found = name.indexOf(piece, at);
        at = found + piece.length;
        return found !== -1;
      })
    );
  });
}
