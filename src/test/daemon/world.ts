/** A daemon's world for one test: the team's files, a workspace, the witness of its calls, a receiver of its notices, and whoever posts events. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Witness } from "../kill/witness.ts";
import type { Posted } from "./checks.ts";
import { pollUntil } from "./poll.ts";
import { startDaemonProcess, type DaemonProcess } from "./program.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { makeTeam, type TeamFiles } from "./root.ts";

export const TOKEN = "a-token-of-the-tests-0123456789abcdef";

export type World = {
  readonly folder: string;
  readonly root: string;
  readonly workspace: string;
  readonly receiver: Receiver;
  readonly witness: Witness;
  /** What every process of this world is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Every event that was ever posted, by its id. */
  readonly posted: Map<string, Posted & { readonly data: object; readonly receipts: Set<string> }>;
  /** What processes said that no process should say. */
  readonly faults: string[];
};

export async function makeWorld(folder: string, files: TeamFiles, witness: Witness, env: Record<string, string>): Promise<World> {
  const [root, workspace] = [join(folder, "team"), join(folder, "workspace")];
  await makeTeam(root, files);
  await mkdir(workspace);
  await witness.begin();
  const receiver = startReceiver();
  return {
    ...{ folder, root, workspace, witness, receiver, posted: new Map(), faults: [] },
    env: {
      ANTHROPIC_BASE_URL: witness.url,
      ANTHROPIC_API_KEY: "test",
      WEBHOOK_TOKEN: TOKEN,
      ...receiver.env,
      ...env,
    },
  };
}

export function startIn(world: World, env: Record<string, string> = {}): DaemonProcess {
  return startDaemonProcess({ ...world, env: { ...world.env, ...env } });
}

export type Answer = { readonly status: number; readonly id: string; readonly body: Record<string, unknown> };

/** One POST to a door; null when nobody answers. */
export async function post(url: string, event: object, token: string | null = TOKEN): Promise<Answer | null> {
  try {
    const response = await fetch(`${url}/webhook`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(event),
    });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, id: String(body["id"]), body };
  } catch {
    return null;
  }
}

/** Adds an event that the sender will post until it is acknowledged, and again after each restart. */
export function plan(world: World, type: string, data: object): void {
  const id = `${type}-${world.posted.size + 1}`;
  world.posted.set(id, { id, type, data, receipts: new Set() });
}

/** Posts every event of the world once more, as senders do that are not sure. False when the process was gone before the end. */
export async function postAll(world: World, daemon: DaemonProcess): Promise<boolean> {
  const url = await daemon.ready;
  if (url === null) return false;
  const answers = await Promise.all(
    [...world.posted.values()].map(async ({ id, type, data, receipts }) => {
      const answer = await post(url, { id, type, data });
      if (answer?.status === 200 || answer?.status === 202) receipts.add(answer.id);
      else if (answer !== null) world.faults.push(`event ${id} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer;
    }),
  );
  return answers.every((answer) => answer !== null);
}

/** Waits for a state of the database, or for the end of the process: false then. */
export async function untilThere(daemon: DaemonProcess, what: string, look: () => Promise<boolean>): Promise<boolean> {
  const found = await pollUntil(what, async () => (!daemon.alive() ? "gone" : (await look()) ? "there" : null), {
    seen: () => daemon.stderr().slice(-600),
  });
  return found === "there";
}

/** SIGTERM, and its end: the code, or null when it was killed on the way. */
export async function stopped(daemon: DaemonProcess): Promise<number | null> {
  if (daemon.alive()) daemon.signal("SIGTERM");
  await daemon.exited;
  return daemon.killed() ? null : await daemon.exited;
}
