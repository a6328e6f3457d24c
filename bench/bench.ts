/** `bun run bench [name…] [--json FILE]`: runs the benchmarks, each beside a bare baseline, and prints what came out. */

import { cpus, loadavg } from "node:os";
import { cache } from "./cache.ts";
import { criticalPath } from "./critical-path.ts";
import { daemonMemory, daemonRecovery } from "./daemon-process.ts";
import { daemonWork } from "./daemon-work.ts";
import { holds } from "./holds.ts";
import { reviewers } from "./reviewers.ts";
import { queue } from "./queue.ts";
import { schedules } from "./schedules.ts";
import { start } from "./start.ts";
import { storeWrite } from "./store-write.ts";
import { throughput } from "./throughput.ts";
import { validate } from "./validate.ts";
import { webhooks } from "./webhooks.ts";
import { ratioOf, table, verdictOf, type Figure } from "./figure.ts";

type Benchmark = { readonly title: string; readonly run: () => Promise<Figure[]> };

const BENCHMARKS: Record<string, Benchmark> = {
  path: { title: "A goal's time over its longest chain of calls (200 ms a call, warm process)", run: criticalPath },
  tasks: { title: "Orchestration alone: a model that answers at once", run: throughput },
  holds: { title: "Budget: 1,000 holds at the same time", run: holds },
  daemon: { title: "The daemon at work: a model that answers at once", run: daemonWork },
  memory: { title: "The daemon's memory", run: () => daemonMemory() },
  queue: { title: "Signals: from given to a handler's start", run: queue },
  write: { title: "A change of the store", run: storeWrite },
  cache: { title: "What caching saves", run: cache },
  recovery: { title: "A daemon that begins where a killed one was, and its /health", run: daemonRecovery },
  reviewers: { title: "A chain of four reviewers", run: reviewers },
  schedules: { title: "A look of the scheduler", run: schedules },
  start: { title: "Start of a process", run: start },
  validate: { title: "Checking the team's files", run: validate },
  webhooks: { title: "Events over HTTP, durable before they are answered", run: webhooks },
};

const args = process.argv.slice(2);
const at = args.indexOf("--json");
const file = at === -1 ? null : (args[at + 1] ?? "");
const names = args.filter((_, i) => at === -1 || (i !== at && i !== at + 1));
const unknown = names.find((name) => !(name in BENCHMARKS));
if (unknown !== undefined || file === "" || file?.startsWith("-")) {
  console.error(unknown === undefined ? "--json needs the name of a file" : `there is no benchmark "${unknown}"`);
  console.error(`Usage: bun run bench [name…] [--json FILE]; names: ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exitCode = 2;
} else {
  const machine = {
    cpu: cpus()[0]?.model ?? "",
    cores: cpus().length,
    bun: Bun.version,
    load: loadavg()[0] ?? 0,
    at: new Date().toISOString(),
  };
  const busy = machine.load > machine.cores ? " More waits than the cores can run: the times are too long." : "";
  console.log(`${machine.cores} × ${machine.cpu}, Bun ${machine.bun}, load ${machine.load.toFixed(1)}. Medians.${busy}\n`);
  const results: Record<string, unknown> = {};
  for (const [name, { title, run }] of Object.entries(BENCHMARKS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const figures = await run();
    console.log(table(title, figures));
    results[name] = figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), ok: verdictOf(figure) }));
  }
  if (file !== null) await Bun.write(file, `${JSON.stringify({ machine, results }, null, 2)}\n`);
}
