/** The daemon's work in this process: a store, a queue of one's choice, a model that answers at once, and goals of equal tasks. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/config.ts";
import { nano } from "../src/domain/money.ts";
import type { Plan } from "../src/domain/plan.ts";
import type { Registry } from "../src/domain/registry.ts";
import { createJournal, RETRY } from "../src/journal/journal.ts";
import { silentLog } from "../src/log/log.ts";
import { createClaude } from "../src/model/claude/claude.ts";
import type { Model, ModelRequest, Reply } from "../src/model/model.ts";
import { alike } from "./instant-server.ts";
import type { Queue } from "../src/queue/queue.ts";
import { loadRegistry } from "../src/skills/registry.ts";
import { openSqliteStore } from "../src/store/sqlite/store.ts";
import type { Store } from "../src/store/store.ts";
import { acceptIn, readyToAccept } from "../src/work/accept.ts";
import { startDaemon } from "../src/work/daemon.ts";
import { createPresence } from "../src/work/presence.ts";
import type { Team } from "../src/work/team.ts";
import { createWorkspace } from "../src/workspace/workspace.ts";

/** Each with its review; a goal adds a check of all texts and a report. */
export const TASKS_A_GOAL = 10;
const GOALS_A_CHANGE = 50;
const CAP = nano(1_000_000);
export const CAPS = { call: CAP, task: CAP, goal: CAP, day: CAP, month: CAP };
const MACHINE = { host: "bench", pid: process.pid, started: "1", startedOf: () => "1" };

const loaded = shippedRegistry();

export type Work = AsyncDisposable & {
  readonly team: Team;
  readonly store: Store;
  readonly folder: string;
  /** Saves goals of ten independent tasks, or of as many as given; nobody works on them yet. */
  accept(goals: number, tasks?: number): Promise<void>;
  /** Works on all that is there until that many more goals are done. `flushMs`: what documents took after that. */
  run(goals: number, limitMs?: number): Promise<Ran>;
  /** Keeps working while `during` runs. */
  at<T>(during: () => Promise<T>): Promise<T>;
  /** Hears of named points, like `task.claim:after-commit`. */
  onPoint(heard: ((point: string) => void) | null): void;
};

export type Ran = {
  readonly ms: number;
  readonly cpuMs: number;
  readonly flushMs: number;
  /** All that ended in `done` meanwhile, and those of them that were a skill's work. */
  readonly tasks: number;
  readonly work: number;
};

export type WorkOptions = { readonly model: Model; readonly queue: () => Promise<Queue>; readonly concurrency: number };

export async function openWork(options: WorkOptions): Promise<Work> {
  const registry = await loaded;
  const folder = mkdtempSync(join(tmpdir(), "bench-work-"));
  let heard: ((point: string) => void) | null = null;
  const store = await openSqliteStore({
    path: join(folder, ".marketeam/marketeam.db"),
    tenant: "default",
    now: Date.now,
    log: silentLog,
    reached: (point) => heard?.(point),
  });
  const presence = await createPresence({ store, machine: MACHINE });
  const queue = await options.queue();
  const journal = createJournal({
    store,
    model: options.model,
    models: registry.models,
    caps: CAPS,
    retry: RETRY,
    now: Date.now,
    random: Math.random,
    sleep: (ms) => Bun.sleep(ms),
    processId: presence.processId,
    log: silentLog,
    reached() {},
  });
  const workspace = createWorkspace({ root: folder, reached() {} });
  const team: Team = { store, journal, registry, workspace, secrets: [], caps: CAPS, now: Date.now, log: silentLog };

  const start = () => {
    const stop = new AbortController();
    const daemon = startDaemon({
      team,
      queue,
      presence,
      concurrency: options.concurrency,
      rehearsal: false,
      parts: [],
      stop: stop.signal,
      abort: new AbortController().signal,
      drainMs: 60_000,
      refuseCalls() {},
    });
    return async () => {
      stop.abort();
      await daemon.done;
    };
  };

  return {
    team,
    store,
    folder,
    accept: (goals, tasks = TASKS_A_GOAL) => acceptMany(team, goals, tasks),
    async run(goals, limitMs = 60_000) {
      let [left, tasks] = [goals, 0];
      const over = Promise.withResolvers<void>();
      const works = new Set<string>();
      let work = 0;
      const stopFeed = store.subscribe((event) => {
        if (event.type === "task.delivered" && event.taskId !== null) works.add(event.taskId);
        if (event.type === "task.done") {
          tasks++;
          if (event.taskId !== null && works.delete(event.taskId)) work++;
        }
        if (event.type === "goal.failed" || event.type === "goal.paused") over.reject(new Error(JSON.stringify(event)));
        if (event.type === "goal.completed" && --left === 0) over.resolve();
      });
      // Bounded: what is done by then is what counts.
      const timer = setTimeout(() => over.resolve(), limitMs);
      const [before, began] = [process.cpuUsage(), performance.now()];
      const rest = start();
      await over.promise;
      const ms = performance.now() - began;
      const [done, works2] = [tasks, work];
      const { user, system } = process.cpuUsage(before);
      clearTimeout(timer);
      stopFeed();
      await rest();
      const flushMs = performance.now() - began - ms;
      return { ms, cpuMs: (user + system) / 1000, flushMs, tasks: done, work: works2 };
    },
    async at(during) {
      const rest = start();
      try {
        return await during();
      } finally {
        await rest();
      }
    },
    onPoint: (given) => void (heard = given),
    async [Symbol.asyncDispose]() {
      await presence.close();
      await queue.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Goals that are alike to the letter, so that their prompts are too. Many in one change: this is not what is measured. */
export async function acceptMany(team: Team, goals: number, tasks: number): Promise<void> {
  const plan = flatPlan(team.registry, tasks);
  const work = { text: plan.title, category: null, source: "bench", priority: "P1", cap: CAP, rehearsal: false, plan } as const;
  const ready = await readyToAccept(team);
  for (let done = 0; done < goals; done += GOALS_A_CHANGE) {
    const some = Math.min(GOALS_A_CHANGE, goals - done);
    await team.store.write("goal.accept", async (tx) => {
      for (let i = 0; i < some; i++) await acceptIn(tx, team.registry, work, ready);
    });
  }
}

/** The shipped team, in which the first skill has nothing to look up: a task is one call to make it and one to review it. */
async function shippedRegistry(): Promise<Registry> {
  const { registry } = await loadRegistry({ root: PACKAGE_ROOT });
  if (!registry) throw new Error("the shipped registry does not load");
  const [first] = registry.skills.values();
  if (!first) throw new Error("the team has no skill");
  return { ...registry, skills: new Map([...registry.skills, [first.name, { ...first, references: [] }]]) };
}

/** Tasks of the first skill that need nothing of each other. */
export function flatPlan(registry: Registry, tasks: number): Plan {
  const [skill = ""] = registry.skills.keys();
  return {
    title: "A goal among many",
    category: Object.keys(registry.routing.categories)[0] ?? "",
    pipeline: null,
    phases: [{ name: "Work", gate: false }],
    tasks: Array.from({ length: tasks }, (_, i) => ({
      key: `part-${i}`,
      skill,
      phase: "Work",
      brief: "Write one page about the goal.",
      criteria: ["It is one page"],
      needs: [],
    })),
    assumptions: [],
    missing: [],
  };
}

export type Remembering = Model & { readonly requests: ReadonlyMap<string, ModelRequest>; readonly asked: () => number };

/** Answers in this process with what `url` answered to the same request before; `asked` counts those it had to send. */
export function remembering(url: string): Remembering {
  const wire = createClaude({ apiKey: "bench", baseURL: url, log: silentLog });
  const replies = new Map<string, Promise<Reply>>();
  const requests = new Map<string, ModelRequest>();
  return {
    requests,
    asked: () => replies.size,
    respond(request, context) {
      const key = alike(JSON.stringify(request));
      let reply = replies.get(key);
      if (!reply) {
        reply = wire.respond(request, context);
        replies.set(key, reply);
        requests.set(key, request);
      }
      context.onStart?.();
      return reply;
    },
  };
}
