/** A scene for one fault: a team, a workspace with its SQLite file, a model's server that outlives the daemons, and the daemons. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startRehearsal, type Rehearsal } from "../../model/rehearsal/server.ts";
import { tempDir } from "../cli.ts";
import { CAPS } from "../kill/life.ts";
import { seenIn } from "../kill/witness.ts";
import { readDaemonBooks, type DaemonBooks } from "./books.ts";
import { inboxFaults, restFaults, tickFaults, workFaults, type Posted } from "./checks.ts";
import { fileTruth, type Truth } from "./places.ts";
import { pollUntil } from "./poll.ts";
import { startDaemonProcess, type DaemonProcess, type DaemonStart } from "./program.ts";
import { makeTeam } from "./root.ts";
import { post, TOKEN } from "./world.ts";

export type SceneOptions = {
  /** Where the workspace lies; below the scene's own folder unless told. */
  readonly workspace?: string;
  /** Where the truth lies; in the workspace's file unless told. */
  readonly truth?: Truth;
  readonly schedules?: string;
  readonly latencyMs?: number;
  readonly env?: Readonly<Record<string, string>>;
};

export type Scene = AsyncDisposable & {
  readonly folder: string;
  readonly workspace: string;
  readonly truth: Truth;
  readonly model: Rehearsal;
  start(more?: Partial<DaemonStart>): DaemonProcess;
  /** Posts an event and keeps what its acknowledgement said. Returns the status; null when nobody answered. */
  tell(url: string, id: string): Promise<number | null>;
  /** What `tell` has kept. */
  posted(): readonly Posted[];
  requests(): number;
  until(what: string, sql: string, n: number): Promise<void>;
  books(): Promise<DaemonBooks>;
  /** Whatever is wrong with books, inbox, ticks and wire. `lost`: how many answers may be lost for one call. */
  faults(lost: number): Promise<string[]>;
};

const EVENTS = "events:\n  quick: { pipeline: Short, cooldown: 0 }\n";

export async function openScene({ schedules, latencyMs = 0, env = {}, ...places }: SceneOptions = {}): Promise<Scene> {
  const dir = await tempDir();
  const [root, workspace] = [join(dir.path, "team"), places.workspace ?? join(dir.path, "workspace")];
  await makeTeam(root, { events: EVENTS, ...(schedules === undefined ? {} : { schedules }) });
  await mkdir(workspace, { recursive: true });
  const truth = places.truth ?? fileTruth(workspace);
  const model = startRehearsal({ seed: 1, latencyMs });
  const daemons: DaemonProcess[] = [];
  const posted = new Map<string, Posted & { readonly receipts: Set<string> }>();
  const requests = () => model.requests().filter((line) => line.event === "request");
  const books = () => readDaemonBooks(truth.ask);
  return {
    ...{ folder: dir.path, workspace, truth, model, books },
    start({ env: more, ...rest } = {}) {
      const own = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "any", WEBHOOK_TOKEN: TOKEN };
      const daemon = startDaemonProcess({ root, workspace, env: { ...own, ...truth.env, ...env, ...more }, ...rest });
      daemons.push(daemon);
      return daemon;
    },
    async tell(url, id) {
      const answer = await post(url, { id, type: "quick", data: { id } });
      if (answer?.status !== 202 && answer?.status !== 200) return answer?.status ?? null;
      const known = posted.get(id) ?? { id, type: "quick", receipts: new Set<string>() };
      posted.set(id, known);
      known.receipts.add(answer.id);
      return answer.status;
    },
    posted: () => [...posted.values()],
    requests: () => requests().length,
    until: async (what, sql, n) =>
      void (await pollUntil(what, async () => (await truth.ask<{ n: number }>(sql))[0]?.n === n, {
        limitMs: 60_000,
        everyMs: 100,
        seen: () => daemons.map((daemon) => daemon.stderr().slice(-600)).join("\n"),
      })),
    async faults(lost) {
      const lies = await books();
      return [
        ...inboxFaults(lies, [...posted.values()]),
        ...tickFaults(lies),
        ...restFaults(lies, ["completed"]),
        ...workFaults(lies, seenIn(model.requests()), CAPS, lost),
      ];
    },
    async [Symbol.asyncDispose]() {
      for (const daemon of daemons) if (daemon.alive()) daemon.signal("SIGKILL");
      await Promise.all(daemons.map((daemon) => daemon.exited));
      await model.stop();
      await truth.drop();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** SIGTERM, and the code that it ends with. */
export async function endedBy(daemon: DaemonProcess): Promise<number | null> {
  daemon.signal("SIGTERM");
  return daemon.exited;
}
