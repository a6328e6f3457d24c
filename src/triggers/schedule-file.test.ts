import { describe, expect, test } from "bun:test";
import { readdir, readFile, stat, symlink, unlink, chmod, rename } from "node:fs/promises";
import { join } from "node:path";
import { smallTeam } from "../skills/registry.fixture.ts";
import { loadRegistry } from "../skills/registry.ts";
import { ROOT } from "../test/cli.ts";
import { addSchedule, readSchedules, removeSchedule, SCHEDULES_FILE, type NewSchedule } from "./schedule-file.ts";

const PIPELINES = ["Write And Check", "Look Back"];
const NOW = Date.UTC(2026, 10, 21, 12);
const NEW: NewSchedule = { cron: "30 9 * * MON-FRI", zone: "Europe/Berlin", pipeline: "Look Back", priority: "P1", catch_up: 3 };

async function withFile(text?: string) {
  const team = await smallTeam();
  if (text !== undefined) await team.write(SCHEDULES_FILE, text);
  const place = { root: team.root, pipelines: PIPELINES };
  return {
    root: team.root,
    text: () => readFile(join(team.root, SCHEDULES_FILE), "utf8"),
    add: (name: string, schedule: NewSchedule = NEW) => addSchedule(place, { name, schedule, now: NOW }),
    remove: (name: string) => removeSchedule(place, name),
    team,
    [Symbol.asyncDispose]: () => team[Symbol.asyncDispose](),
  };
}

describe("adding", () => {
  test("what is added is at the end, and all else is byte for byte as it was", async () => {
    const shipped = await readFile(join(ROOT, SCHEDULES_FILE), "utf8");
    await using file = await withFile(shipped);
    expect(await addSchedule({ root: file.root, pipelines: PIPELINES }, { name: "new-one", schedule: NEW, now: NOW })).toBeNull();
    const added =
      '  new-one:\n    cron: "30 9 * * MON-FRI"\n    zone: Europe/Berlin\n    pipeline: Look Back\n    priority: P1\n    catch_up: 3\n';
    expect(await file.text()).toBe(shipped + added);
    expect(await file.remove("new-one")).toBeNull();
    expect(await file.text()).toBe(shipped);
  });

  test("the registry reads it as it was meant", async () => {
    await using file = await withFile();
    expect(await file.add("third")).toBeNull();
    expect(await file.add("fourth", { cron: "0 0 1 1 *", pipeline: "Write And Check" })).toBeNull();
    const { registry, problems } = await loadRegistry({ root: file.root });
    expect(problems).toEqual([]);
    expect(Object.keys(registry?.schedules ?? {})).toEqual(["daily", "monthly", "third", "fourth"]);
    expect(registry?.schedules["third"]).toEqual({
      ...{ cron: "30 9 * * MON-FRI", zone: "Europe/Berlin", pipeline: "Look Back", priority: "P1", catch_up: 3, enabled: true },
    });
    expect(registry?.schedules["fourth"]).toMatchObject({ zone: "UTC", priority: "P2", catch_up: "skip" });
  });

  test.each([
    ["no-such-day", { cron: "0 0 31 2 *" }, "is not a time"],
    ["two-fields", { cron: "0 6" }, "has 2 fields instead of five"],
    ["by-chance", { cron: "H 6 * * *" }, 'uses "H"'],
    ["no-zone", { zone: "Europe/Berln" }, 'unknown time zone "Europe/Berln"'],
    ["offset", { zone: "+02:00" }, "is an offset"],
    ["no-pipeline", { pipeline: "Look Bak" }, 'unknown pipeline "Look Bak"'],
    ["no-priority", { priority: "P9" }, "P9"],
    ["no-policy", { catch_up: "twice" }, "twice"],
    ["Not A Name", {}, "not a usable name"],
    ["daily", {}, 'there is a schedule "daily" already'],
  ])("%s is refused, and the file is untouched", async (name, change, message) => {
    await using file = await withFile();
    const before = await file.text();
    const refusal = await file.add(name, { ...NEW, ...change });
    expect(refusal?.problem).toContain(message);
    expect(await file.text()).toBe(before);
    expect((await readdir(join(file.root, ".agents"))).filter((entry) => entry.includes("tmp"))).toEqual([]);
  });

  test("a day that comes only every fourth year is no mistake, one that never comes is", async () => {
    await using file = await withFile();
    expect(await file.add("leap", { cron: "0 0 29 2 *", pipeline: "Look Back" })).toBeNull();
    const never = await file.add("never", { cron: "0 0 30 2 *", pipeline: "Look Back" });
    expect(never?.problem).toStartWith('schedule never: cron "0 0 30 2 *"');
  });

  test.each([
    // Half an hour comes twice on that day, and the package's own search in that zone gives up.
    ["15 2 5 4 *", "Australia/Lord_Howe"],
    ["15 2 5 APR *", "Australia/Lord_Howe"],
    ["45 1 5 APR *", "Australia/Lord_Howe"],
    // A time that the clock jumps over on that very day.
    ["15 2 4 OCT *", "Australia/Lord_Howe"],
    ["30 2 29 MAR *", "Europe/Berlin"],
  ])("%s in %s is a time, whatever the clock does on that day", async (cron, zone) => {
    await using file = await withFile();
    expect(await file.add("odd", { cron, zone, pipeline: "Look Back" })).toBeNull();
    expect(Object.keys(await readSchedules(file.root))).toContain("odd");
    const { registry, problems } = await loadRegistry({ root: file.root });
    expect(problems).toEqual([]);
    expect(registry?.schedules["odd"]).toMatchObject({ cron, zone });
  });

  test("another entry's fault stands in nobody's way, a broken file does", async () => {
    await using file = await withFile('schedules:\n  bad: { cron: "0 6 * *", pipeline: Gone } # one day\n');
    expect(await file.add("good")).toBeNull();
    expect(await file.text()).toContain("# one day");
    await file.team.write(SCHEDULES_FILE, "schedules: [\n");
    expect(await file.add("good")).toMatchObject({ hint: "mend it first: see `validate`" });
    await file.team.write(SCHEDULES_FILE, null);
    expect(await file.add("good")).toMatchObject({ problem: `${SCHEDULES_FILE} is missing` });
  });

  test("a link stays a link, and the rights of the file stay", async () => {
    await using file = await withFile();
    const path = join(file.root, SCHEDULES_FILE);
    const real = join(file.root, "elsewhere.yaml");
    await rename(path, real);
    await chmod(real, 0o640);
    await symlink(real, path);
    expect(await file.add("third")).toBeNull();
    expect(await readFile(real, "utf8")).toContain("third:");
    expect((await stat(real)).mode & 0o777).toBe(0o640);
    await unlink(path);
  });
});

describe("removing", () => {
  test("takes the comment above the entry with it, and no other", async () => {
    const text = `# head

schedules:
  # about a
  a: { cron: "0 6 * * *", pipeline: Look Back } # in line

  # about b
  b:
    cron: '0 7 * * *' # seven
    pipeline: "Look Back"
  # about c
  c: { cron: "0 8 * * *", pipeline: Look Back }
`;
    await using file = await withFile(text);
    expect(await file.remove("b")).toBeNull();
    expect(await file.text()).toBe(text.replace(/\n  # about b[^]*"Look Back"\n/, ""));
    expect(await file.remove("a")).toBeNull();
    expect(await file.text()).toBe('# head\n\nschedules:\n  # about c\n  c: { cron: "0 8 * * *", pipeline: Look Back }\n');
    expect(await file.remove("c")).toBeNull();
    expect(await file.text()).toBe("# head\n\nschedules: {}\n");
    expect(await readSchedules(file.root)).toEqual({});
    expect(await file.add("d", { cron: "0 9 * * *", pipeline: "Look Back" })).toBeNull();
    expect(await file.text()).toBe('# head\n\nschedules:\n  d:\n    cron: "0 9 * * *"\n    pipeline: Look Back\n');
  });

  test("a name that is not there is told with the one that was meant", async () => {
    await using file = await withFile();
    expect(await file.remove("dayly")).toEqual({ problem: 'there is no schedule "dayly"', hint: 'did you mean "daily"?' });
  });
});

test("reading keeps what has a time and no pipeline: its ticks are told as broken", async () => {
  await using file = await withFile();
  await file.team.change(SCHEDULES_FILE, "pipeline: Look Back", "pipeline: Gone");
  await file.add("later");
  const { registry } = await loadRegistry({ root: file.root });
  expect(Object.keys(registry?.schedules ?? {})).toEqual(["daily", "later"]);
  expect(Object.keys(await readSchedules(file.root))).toEqual(["daily", "monthly", "later"]);
});
