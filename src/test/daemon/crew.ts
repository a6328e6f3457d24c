/** Daemons side by side, as a service manager keeps them: what ends is started again, until there is peace. They can be killed and paused. */

import { pollUntil } from "./poll.ts";
import type { DaemonProcess } from "./program.ts";

export type Crew = {
  /** One in each place. */
  readonly members: readonly DaemonProcess[];
  /** Those that are ready for work and not paused. */
  awake(): readonly DaemonProcess[];
  /** Resolves when a daemon beside this one is awake: a take-over would measure how long a start takes, else. */
  anotherAwake(than: DaemonProcess): Promise<void>;
  /** Nobody is paused twice at once. */
  anyPaused(): boolean;
  /** Stands still for so long, or until it ends. */
  pause(daemon: DaemonProcess, ms: number): void;
  /** Resolves when all have their doors open, and nobody is paused any more. */
  ready(): Promise<void>;
  /** SIGTERM to all; from now on nobody is started again. Resolves when all have ended. */
  stop(): Promise<void>;
  /** The same with SIGKILL, for those that are still there. */
  end(): Promise<void>;
};

export type CrewOptions = {
  readonly size: number;
  readonly start: (place: number) => DaemonProcess;
  /** What a daemon may not say or do, in words. */
  readonly fault: (text: string) => void;
  /** It ended, and nobody had killed it. */
  readonly endedByItself: (code: number | null) => void;
};

export function startCrew({ size, start, fault, endedByItself }: CrewOptions): Crew {
  const members: DaemonProcess[] = [];
  const ready = new Set<DaemonProcess>();
  const paused = new Set<DaemonProcess>();
  const watched: Promise<void>[] = [];
  const waking: Promise<void>[] = [];
  let peace = false;

  function keep(place: number): void {
    const daemon = start(place);
    members[place] = daemon;
    void daemon.ready.then((url) => url !== null && ready.add(daemon));
    watched.push(daemon.exited.then((code) => ended(daemon, place, code)));
  }
  function ended(daemon: DaemonProcess, place: number, code: number | null): void {
    ready.delete(daemon);
    if (/fault of the program/.test(daemon.stderr())) fault(`a daemon said: ${daemon.stderr().slice(-600)}`);
    if (peace) {
      if (code !== 0) fault(`a daemon ended with ${code}: ${daemon.stderr().slice(-400)}`);
      return;
    }
    if (!daemon.killed()) endedByItself(code);
    keep(place);
  }
  async function signalAll(name: "SIGTERM" | "SIGKILL"): Promise<void> {
    peace = true;
    for (const daemon of members) if (daemon.alive()) daemon.signal(name);
    await Promise.all(watched);
  }
  const awake = () => members.filter((daemon) => ready.has(daemon) && !paused.has(daemon));

  for (let place = 0; place < size; place++) keep(place);
  return {
    members,
    awake,
    anotherAwake: async (than) =>
      void (await pollUntil("another daemon is at work", () => awake().some((other) => other !== than))),
    anyPaused: () => paused.size > 0,
    pause(daemon, ms) {
      paused.add(daemon);
      daemon.signal("SIGSTOP");
      const wake = () => {
        daemon.signal("SIGCONT");
        paused.delete(daemon);
      };
      waking.push(Promise.race([Bun.sleep(ms), daemon.exited]).then(wake));
    },
    async ready() {
      await Promise.all(waking);
      await Promise.all(members.map((daemon) => daemon.ready));
    },
    async stop() {
      // A signal before it listens would end it as any process.
      await Promise.all(members.map((daemon) => daemon.ready));
      await signalAll("SIGTERM");
    },
    end: () => signalAll("SIGKILL"),
  };
}
