/** `bun run bench [name…] [--keep] [--quick] [--json FILE]`: runs the benchmarks, prints them, and says what became worse than the kept run. */

import { barText, table, type Figure } from "./figure.ts";
import { keep, missing, readKept, regressions, toKept, type Run } from "./keep.ts";
import { loadNow, noiseOf, othersSince, thisMachine } from "./machine.ts";

type Benchmark = {
  readonly title: string;
  /** Measures no time: what it finds is the same on every machine, busy or not. */
  readonly exact?: true;
  /** More than a minute of its own; `--quick` leaves it out. */
  readonly slow?: true;
  readonly run: () => Promise<Figure[]>;
};

const BENCHMARKS: Record<string, Benchmark> = {
  path: {
    title: "A goal's time over its longest chain of calls (200 ms a call, warm process)",
    run: async () => (await import("./critical-path.ts")).criticalPath(),
  },
  tasks: {
    title: "Orchestration alone: a model that answers at once",
    slow: true,
    run: async () => (await import("./throughput.ts")).throughput(),
  },
  holds: { title: "Budget: 1,000 holds at the same time", run: async () => (await import("./holds.ts")).holds() },
  daemon: {
    title: "The daemon at work: a model that answers at once",
    slow: true,
    run: async () => (await import("./daemon-work.ts")).daemonWork(),
  },
  memory: {
    title: "The daemon's memory",
    slow: true,
    run: async () => (await import("./daemon-process.ts")).daemonMemory(),
  },
  queue: { title: "Signals: from given to a handler's start", run: async () => (await import("./queue.ts")).queue() },
  write: { title: "A change of the store", run: async () => (await import("./store-write.ts")).storeWrite() },
  cache: { title: "What caching saves", exact: true, run: async () => (await import("./cache.ts")).cache() },
  checks: { title: "The checks without a model", run: async () => (await import("./checks.ts")).checks() },
  cost: {
    title: "What each pipeline and some goals cost",
    exact: true,
    slow: true,
    run: async () => (await import("./cost.ts")).cost(),
  },
  growth: {
    title: "With 1 ×, 10 × and 100 × the history",
    slow: true,
    run: async () => (await import("./growth.ts")).growth(),
  },
  recovery: {
    title: "A daemon that begins where a killed one was, and its /health",
    slow: true,
    run: async () => (await import("./daemon-process.ts")).daemonRecovery(),
  },
  reviewers: { title: "A chain of four reviewers", exact: true, run: async () => (await import("./reviewers.ts")).reviewers() },
  schedules: { title: "A look of the scheduler", run: async () => (await import("./schedules.ts")).schedules() },
  start: { title: "Start of a process", run: async () => (await import("./start.ts")).start() },
  validate: { title: "Checking the team's files", run: async () => (await import("./validate.ts")).validate() },
  webhooks: {
    title: "Events over HTTP, durable before they are answered",
    run: async () => (await import("./webhooks.ts")).webhooks(),
  },
};

const [options, names] = [{ keep: false, quick: false, json: null as string | null }, [] as string[]];
const args = process.argv.slice(2);
let wrong: string | null = null;
for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
  if (arg === "--keep") options.keep = true;
  else if (arg === "--quick") options.quick = true;
  else if (arg === "--json") {
    options.json = args.shift() ?? "";
    if (options.json === "" || options.json.startsWith("-")) wrong = "--json needs the name of a file";
  } else if (arg in BENCHMARKS) names.push(arg);
  else wrong = `there is no benchmark "${arg}"`;
}
if (wrong === null) process.exitCode = await main();
else {
  console.error(wrong);
  console.error(`Usage: bun run bench [name…] [--keep] [--quick] [--json FILE]; names: ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exitCode = 2;
}

/** The exit code: 1 when something became worse on a quiet machine. */
async function main(): Promise<number> {
  const machine = thisMachine();
  const [load, began] = [loadNow(), Date.now()];
  const kept = await readKept();
  console.log(`${machine.cores} × ${machine.cpu}, Bun ${machine.bun}, load ${load}. Medians.\n`);
  const runs: Record<string, Run> = {};
  let worse = 0;
  const noisy: string[] = [];
  for (const [name, { title, run, exact = false, slow }] of Object.entries(BENCHMARKS)) {
    if (names.length > 0 ? !names.includes(name) : options.quick && slow) continue;
    const [others, at] = [othersSince(), Date.now()];
    const figures = await run();
    const share = others();
    const seconds = Math.round((Date.now() - at) / 1000);
    const noise = exact ? null : noiseOf({ load, others: share, cores: machine.cores });
    console.log(table(title, figures));
    const latest: Run = {
      ...{ at: new Date(at).toISOString(), ...machine, load },
      ...{ others: share === null ? null : Number(share.toFixed(2)), seconds },
      figures: figures.map((figure) => toKept(figure, barText(figure))),
    };
    runs[name] = latest;
    const before = kept.get(name) ?? null;
    if (before) {
      const found = regressions(before, latest.figures);
      for (const { text } of found) console.log(noise === null ? `WORSE: ${text}` : `noisy: ${noise}; ${text}`);
      if (noise === null) worse += found.length;
      else noisy.push(name);
      const gone = missing(before, latest.figures);
      if (gone.length > 0) console.log(`not measured: ${name} ${gone.join(", ")}`);
    } else console.log(`${name}: no run is kept to compare with`);
    if (options.keep && noise === null) await keep(name, exact, latest, before);
    else if (options.keep) console.log(`not kept: ${name}, ${noise}`);
    console.log(`${seconds} s\n`);
  }
  const unsure = noisy.length === 0 ? "" : ` Too noisy to say: ${noisy.join(", ")}.`;
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(`${worse === 0 ? "Nothing" : `${worse} figures`} became worse.${unsure} ${seconds} s in all.`);
  if (options.json !== null)
    await Bun.write(options.json, `${JSON.stringify({ machine: { ...machine, load }, runs }, null, 2)}\n`);
  return worse === 0 ? 0 : 1;
}
