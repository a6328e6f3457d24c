/** `marketeam schedules`: the schedules as configured, and when each would fire next. */

import { RegistryError } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import type { Registry } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { note, print, printJson, table } from "./output.ts";
import { configFor, stylesFor } from "./session.ts";

type Schedule = Registry["schedules"][string];

const SHOWN = 2;

export async function schedules(options: { readonly json?: boolean }): Promise<number> {
  const config = configFor({});
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  const entries = Object.entries(registry.schedules);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const now = new Date();
  const rows = await Promise.all(
    entries.map(async ([name, schedule]) => ({ name, ...schedule, next: await nextFirings(schedule, now) })),
  );
  const faulty = problems.filter((problem) => problem.file.endsWith("schedules.yaml") && problem.severity === "error").length;
  if (faulty > 0)
    note(
      `${faulty} ${faulty === 1 ? "error" : "errors"} in the schedules' file: see \`validate\`. What is wrong fires nothing and is not listed.`,
    );
  if (options.json) {
    printJson({
      schedules: rows.map(({ name, cron, zone, pipeline, priority, catch_up, enabled, next }) => ({
        name,
        cron,
        zone,
        pipeline,
        priority,
        catchUp: catch_up,
        enabled,
        next: next.map((at) => ({ at: at.toISOString(), inZone: wallClock(at, zone), local: wallClock(at, here) })),
      })),
    });
    return EXIT.done;
  }
  if (rows.length === 0) {
    print("There are no schedules. Write them in .agents/schedules.yaml.");
    return EXIT.done;
  }
  const { bold, dim } = stylesFor(config);
  const elsewhere = rows.some((row) => row.zone !== here);
  const head = [
    "schedule",
    "cron",
    "zone",
    "pipeline",
    "priority",
    "",
    "next, in its zone",
    ...(elsewhere ? [`next, here (${here})`] : []),
  ];
  const body = rows.flatMap(({ name, cron, zone, pipeline, priority, enabled, next }) => {
    const first = [name, cron, zone, pipeline, priority, enabled ? "on" : "off"];
    if (next.length === 0) return [[...first, "-"]];
    return next.map((at, i) => [
      ...(i === 0 ? first : first.map(() => "")),
      wallClock(at, zone),
      ...(elsewhere ? [wallClock(at, here)] : []),
    ]);
  });
  print(table([head.map(bold), ...body]));
  print(dim("\nSchedules fire in the daemon, while it runs. A single goal never starts one."));
  return EXIT.done;
}

/** The next firings after an instant; none for a schedule that is off. */
export async function nextFirings(schedule: Pick<Schedule, "cron" | "zone" | "enabled">, after: Date): Promise<Date[]> {
  if (!schedule.enabled) return [];
  const { CronExpressionParser } = await import("cron-parser");
  return CronExpressionParser.parse(schedule.cron, { tz: schedule.zone, currentDate: after })
    .take(SHOWN)
    .map((at) => at.toDate());
}

/** An instant as a clock on the wall of that zone shows it: `Mon 2026-11-23 06:00`. */
export function wallClock(at: Date, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const get = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
  return `${get("weekday")} ${get("year")}-${get("month")}-${get("day")} ${get("hour")}:${get("minute")}`;
}
