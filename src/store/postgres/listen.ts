/** News of commits by other processes: LISTEN on a connection of its own, and a slow look for what it did not hear. */

import type { Client } from "pg";
import type { Log } from "../../log/log.ts";
import { clientConfig } from "./connect.ts";

export const CHANNEL = "marketeam_events";

const POLL_MS = 1000;
/** Nobody says that this wire is dead: so it is asked now and then. Until then one looks once a second. */
const BEAT_MS = 15_000;
const ANSWER_MS = 10_000;

type ListenOptions = {
  readonly url: string;
  /** Whether a payload is news to us. */
  readonly concerns: (payload: string) => boolean;
  readonly wake: () => void;
  readonly log: Log;
};

function beat(client: Client, drop: () => void): void {
  const late = setTimeout(drop, ANSWER_MS);
  late.unref();
  // One that fails is told by its own end.
  const answered = () => clearTimeout(late);
  client.query("select 1").then(answered, answered);
}

/** Calls `wake` soon after another process has committed events, and every second. Connects again when it must. Returns how to stop. */
export function listenForCommits({ url, concerns, wake, log }: ListenOptions): () => void {
  let client: Client | null = null;
  let opening = false;
  let stopped = false;

  async function connect(): Promise<void> {
    if (opening || client !== null) return;
    opening = true;
    const { Client } = await import("pg");
    const connecting = new Client(await clientConfig(url));
    client = connecting;
    opening = false;
    let beats: ReturnType<typeof setInterval> | undefined;
    const drop = () => {
      clearInterval(beats);
      if (client === connecting) client = null;
      connecting.end().catch(() => {});
    };
    connecting.on("error", drop);
    connecting.on("end", drop);
    connecting.on("notification", ({ payload }) => {
      if (concerns(payload ?? "")) wake();
    });
    try {
      await connecting.connect();
      await connecting.query(`listen ${CHANNEL}`);
      beats = setInterval(() => beat(connecting, drop), BEAT_MS);
      beats.unref();
      if (stopped) drop();
      // What committed before the LISTEN was not heard.
      else wake();
    } catch (error) {
      log.debug("cannot listen on PostgreSQL: looking once a second instead", { error });
      drop();
    }
  }

  const timer = setInterval(() => {
    void connect();
    wake();
  }, POLL_MS);
  timer.unref();
  void connect();
  return () => {
    stopped = true;
    clearInterval(timer);
    const last = client;
    client = null;
    last?.end().catch(() => {});
  };
}
