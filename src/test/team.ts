/** Test fixture: the shipped team in this process, on the rehearsal over the real wire, with single replies replaced where a test says so. */

import { join } from "node:path";
import type { Caps } from "../domain/budget.ts";
import { nano } from "../domain/money.ts";
import type { Goal } from "../domain/goal.ts";
import type { Registry } from "../domain/registry.ts";
import { createJournal, type Journal } from "../journal/journal.ts";
import { silentLog } from "../log/log.ts";
import { createClaude } from "../model/claude/claude.ts";
import type { Model, ModelRequest, Reply } from "../model/model.ts";
import { parseFault } from "../model/rehearsal/faults.ts";
import { startRehearsal, type Rehearsal } from "../model/rehearsal/server.ts";
import { createEmbeddedQueue } from "../queue/embedded/embedded.ts";
import { loadRegistry } from "../skills/registry.ts";
import { openFreshStore } from "./fresh-store.ts";
import type { Store } from "../store/store.ts";
import { acceptGoal, type NewWork } from "../work/accept.ts";
import { createPresence, type Presence } from "../work/presence.ts";
import { runGoal } from "../work/run-goal.ts";
import type { Team } from "../work/team.ts";
import { createWorkspace } from "../workspace/workspace.ts";
import { ROOT, tempDir } from "./cli.ts";

export const CAPS: Caps = { call: nano(2), task: nano(10), goal: nano(20), day: nano(50), month: nano(100) };

/** What a request is about, read from the request itself. */
export type Asked = {
  readonly kind: "plan" | "make" | "review" | "gate" | "rebrief" | "report" | "other";
  readonly skill: string | null;
  readonly text: string;
};

export type TeamOptions = {
  /** Answers in the model's place, or null to let the rehearsal answer. */
  readonly override?: (asked: Asked, request: ModelRequest) => Partial<Reply> | null | Promise<Partial<Reply> | null>;
  readonly faults?: readonly string[];
  readonly caps?: Partial<Caps>;
  readonly returns?: number;
  readonly seed?: number;
  readonly registry?: (registry: Registry) => Registry;
  readonly store?: Store;
  readonly attempts?: number;
};

export type TestTeam = AsyncDisposable & {
  readonly team: Team;
  readonly store: Store;
  readonly journal: Journal;
  readonly rehearsal: Rehearsal;
  readonly presence: Presence;
  readonly asked: readonly Asked[];
  /** Accepts a goal and works on it until it rests. */
  run(text: string, options?: Partial<NewWork>): Promise<Goal>;
  accept(text: string, options?: Partial<NewWork>): Promise<string>;
  /** Works on a goal that is there. */
  work(goalId: string, signals?: { stop?: AbortSignal; abort?: AbortSignal }): Promise<Goal>;
};

const loaded = loadRegistry({ root: ROOT });

export async function testTeam(options: TeamOptions = {}): Promise<TestTeam> {
  const { registry } = await loaded;
  if (!registry) throw new Error("the shipped registry does not load");
  const dir = await tempDir();
  const faults = (options.faults ?? []).map((text) => {
    const parsed = parseFault(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.fault;
  });
  const rehearsal = startRehearsal({ seed: options.seed ?? 1, faults, returns: options.returns ?? 0 });
  const store =
    options.store ??
    (await openFreshStore({
      path: join(dir.path, "test.db"),
      tenant: "default",
      now: Date.now,
      log: silentLog,
      reached: () => {},
    }));
  const presence = await createPresence({
    store,
    machine: { host: "test", pid: process.pid, started: "1", startedOf: () => "1" },
  });
  const wire = createClaude({ apiKey: "test-key", baseURL: rehearsal.url, idleMs: 400, log: silentLog });
  const asked: Asked[] = [];
  const model: Model = {
    async respond(request, context) {
      const about = askedOf(request);
      asked.push(about);
      const given = await options.override?.(about, request);
      return given ? { ...BLANK, ...given } : wire.respond(request, context);
    },
  };
  const team0 = options.registry ? options.registry(registry) : registry;
  const journal = createJournal({
    store,
    model,
    models: team0.models,
    caps: { ...CAPS, ...options.caps },
    retry: { attempts: options.attempts ?? 3, baseMs: 1, maxMs: 5 },
    now: Date.now,
    random: () => 0.5,
    sleep: (ms) => Bun.sleep(Math.min(ms, 5)),
    processId: presence.processId,
    log: silentLog,
    reached: () => {},
  });
  const workspace = createWorkspace({ root: dir.path, reached: () => {} });
  const team: Team = {
    store,
    journal,
    registry: team0,
    workspace,
    secrets: ["sk-test-canary-123"],
    caps: { ...CAPS, ...options.caps },
    now: Date.now,
    log: silentLog,
  };
  const queue = createEmbeddedQueue();
  const never = new AbortController().signal;
  const accept = (text: string, work: Partial<NewWork> = {}) =>
    acceptGoal(team, {
      text,
      category: null,
      source: "test",
      priority: "P1",
      cap: CAPS.goal,
      rehearsal: false,
      plan: null,
      ...work,
    });
  const workOn = (goalId: string, signals: { stop?: AbortSignal; abort?: AbortSignal } = {}) =>
    runGoal(
      {
        team,
        queue,
        presence,
        concurrency: 4,
        stop: signals.stop ?? never,
        abort: signals.abort ?? never,
        drainMs: 5_000,
        refuseCalls: () => journal.refuseNew(),
      },
      goalId,
    );
  return {
    team,
    store,
    journal,
    rehearsal,
    presence,
    asked,
    accept,
    work: workOn,
    run: async (text, work) => workOn(await accept(text, work)),
    async [Symbol.asyncDispose]() {
      await presence.close();
      await queue.close();
      await rehearsal.stop();
      if (!options.store) await store.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const BLANK: Reply = {
  stop: "end",
  text: "",
  uses: [],
  blocks: [],
  usage: { input: 100, output: 50, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
  billable: true,
  detail: null,
  retryAfterMs: null,
  requestId: null,
};

export function json(value: unknown): Partial<Reply> {
  return { text: JSON.stringify(value) };
}

function askedOf(request: ModelRequest): Asked {
  const text = [
    ...request.system.map((part) => part.text),
    ...request.messages.flatMap((message) => (message.role === "user" ? message.parts.map((part) => part.text) : [message.text])),
  ].join("\n");
  const properties = Object.keys((request.format?.properties as object | undefined) ?? {});
  const has = (...names: string[]) => names.every((name) => properties.includes(name));
  const kind = !request.format
    ? "make"
    : has("phases", "tasks")
      ? "plan"
      : has("scores", "findings")
        ? "review"
        : has("decision", "rebrief")
          ? "gate"
          : has("skill", "reason")
            ? "rebrief"
            : has("headline")
              ? "report"
              : "other";
  return { kind, skill: /<(?:task [^>]*|quality_criteria )skill="([^"]+)"/.exec(text)?.[1] ?? null, text };
}

/** A review's reply with one score for every criterion of the rubric in the request. */
export function reviewReplyFor(asked: Asked, score: number, extra: object = {}): Partial<Reply> {
  const rubric = /<rubric[^>]*>\n([\s\S]*?)\n<\/rubric>/.exec(asked.text)?.[1] ?? "";
  const criteria = rubric.split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  return json({
    scores: criteria.map((criterion) => ({ criterion, score, evidence: "as read" })),
    findings: score >= 8 ? [] : [{ severity: "major", quote: "", problem: "it misses the point", request: "make the point" }],
    wrong_work: false,
    summary: "A summary.",
    facts: [],
    claims: [...asked.text.matchAll(/^\{"id":"(C\d+)"/gm)].map(([, id]) => ({ id, status: "no_claim", source: "" })),
    learnings: [],
    ...extra,
  });
}
