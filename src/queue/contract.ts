/** What every queue adapter must do. Each adapter's test runs this suite and names what it cannot do, with the reason. */

import { afterEach, describe, expect, test } from "bun:test";
import type { Queue } from "./queue.ts";

/** Tests of this suite that an adapter does not pass, by their exact names, and why that is right. */
export type Deviation = { readonly reason: string; readonly tests: readonly string[] };

type Contract = {
  readonly name: string;
  /** Makes a queue that shares nothing with the others; the suite closes it. */
  readonly create: () => Queue | Promise<Queue>;
  readonly skip?: readonly Deviation[];
};

/** Ten thousand ids through a server on a busy machine. */
const LIMIT_MS = 30_000;

/** Registers the suite. Throws when a deviation names a test that does not exist. */
export function queueContract({ name, create, skip = [] }: Contract): void {
  const deviations = new Map(skip.flatMap(({ reason, tests }) => tests.map((title) => [title, reason])));
  const unknown = [...deviations.keys()].filter((title) => !(title in CASES));
  if (unknown.length > 0) throw new Error(`${name}: no such test in the queue contract: ${unknown.join(", ")}`);

  describe(`queue contract: ${name}`, () => {
    const open: Queue[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((queue) => queue.close()));
    });
    for (const [title, run] of Object.entries(CASES)) {
      const reason = deviations.get(title);
      const shown = reason ? `${title} (skipped: ${reason})` : title;
      const check = async () => {
        const queue = await create();
        open.push(queue);
        await run(queue);
      };
      test.skipIf(reason !== undefined)(shown, check, LIMIT_MS);
    }
  });
}

/** Listens and remembers. `until` resolves as soon as what was heard fits. */
function hear(queue: Queue) {
  const calls: (readonly string[] | null)[] = [];
  // Kept as they come: a queue may bring ten thousand ids one by one.
  const heard: string[] = [];
  let check = () => {};
  const stop = queue.listen((taskIds) => {
    calls.push(taskIds);
    for (const id of taskIds ?? []) heard.push(id);
    check();
  });
  const ids = () => heard;
  const until = (fits: (ids: readonly string[]) => boolean) =>
    new Promise<void>((resolve) => {
      check = () => void (fits(ids()) && resolve());
      check();
    });
  return {
    calls,
    ids,
    stop,
    until,
    untilHas: (...wanted: string[]) => until((heard) => wanted.every((id) => heard.includes(id))),
  };
}

const CASES: Record<string, (queue: Queue) => Promise<void>> = {
  "delivers the ids of a signal": async (queue) => {
    const heard = hear(queue);
    queue.signal(["task_1", "task_2"]);
    await heard.untilHas("task_1", "task_2");
  },

  "never calls a handler from within signal": async (queue) => {
    const heard = hear(queue);
    queue.signal(["task_1"]);
    expect(heard.calls).toHaveLength(0);
    await heard.untilHas("task_1");
  },

  "delivers signals of the same moment as one, each id once": async (queue) => {
    const heard = hear(queue);
    queue.signal(["task_1", "task_2"]);
    queue.signal(["task_2"]);
    queue.signal(["task_3", "task_1"]);
    await heard.untilHas("task_3");
    expect(heard.calls).toEqual([["task_1", "task_2", "task_3"]]);
  },

  "delivers a later signal of the same id again": async (queue) => {
    const heard = hear(queue);
    queue.signal(["task_1"]);
    await heard.untilHas("task_1");
    queue.signal(["task_1"]);
    await heard.until((ids) => ids.length === 2);
  },

  "tells every listener": async (queue) => {
    const [one, two] = [hear(queue), hear(queue)];
    queue.signal(["task_1"]);
    await Promise.all([one.untilHas("task_1"), two.untilHas("task_1")]);
  },

  "goes on when a handler throws or rejects": async (queue) => {
    queue.listen(() => {
      throw new Error("on purpose");
    });
    // Port handlers return nothing, but nobody keeps an async function from being one.
    queue.listen(() => Promise.reject(new Error("on purpose, later")) as unknown as undefined);
    const heard = hear(queue);
    queue.signal(["task_1"]);
    await heard.untilHas("task_1");
    queue.signal(["task_2"]);
    await heard.untilHas("task_2");
  },

  "stops one listener and no other": async (queue) => {
    const [stopped, heard] = [hear(queue), hear(queue)];
    stopped.stop();
    stopped.stop();
    queue.signal(["task_1"]);
    await heard.untilHas("task_1");
    expect(stopped.calls).toHaveLength(0);
  },

  "lets a handler signal again": async (queue) => {
    const heard = hear(queue);
    queue.listen((taskIds) => {
      if (taskIds?.includes("task_1")) queue.signal(["task_2"]);
    });
    queue.signal(["task_1"]);
    await heard.untilHas("task_2");
  },

  "delivers nothing for a signal of nothing": async (queue) => {
    const heard = hear(queue);
    queue.signal([]);
    await Promise.resolve();
    queue.signal(["task_1"]);
    await heard.untilHas("task_1");
    expect(heard.ids()).toEqual(["task_1"]);
    expect(heard.calls).toHaveLength(1);
  },

  "delivers whatever the hints: urgent or not, and due since a while": async (queue) => {
    const heard = hear(queue);
    queue.signal(["task_1"], { priority: "P3" });
    queue.signal(["task_2"], { priority: "P0" });
    queue.signal(["task_3"], { at: Date.now() - 60_000 });
    await heard.untilHas("task_1", "task_2", "task_3");
  },

  "tells the others when one handler has no room": async (queue) => {
    queue.listen(() => false);
    const heard = hear(queue);
    queue.signal(["task_1"]);
    await heard.untilHas("task_1");
    queue.signal(["task_2"]);
    await heard.untilHas("task_2");
  },

  "delivers ten thousand ids": async (queue) => {
    const heard = hear(queue);
    const all = Array.from({ length: 10_000 }, (_, index) => `task_${index}`);
    for (const id of all) queue.signal([id]);
    await heard.until((ids) => ids.length >= all.length);
    expect(new Set(heard.ids())).toEqual(new Set(all));
  },

  "counts what was signalled and delivered": async (queue) => {
    const heard = hear(queue);
    expect(await queue.counts()).toEqual({ signalled: 0, delivered: 0 });
    queue.signal(["task_1", "task_2"]);
    await heard.untilHas("task_1", "task_2");
    queue.signal(["task_1"]);
    await heard.until((ids) => ids.length === 3);
    expect(await queue.counts()).toEqual({ signalled: 3, delivered: 3 });
  },

  "takes a signal that nobody listens to": async (queue) => {
    queue.signal(["task_1"]);
    expect((await queue.counts()).signalled).toBe(1);
  },

  "is closed once and for all, and stays quiet": async (queue) => {
    const heard = hear(queue);
    queue.signal(["task_1"]);
    await heard.untilHas("task_1");
    await queue.close();
    queue.signal(["task_2"]);
    const late = hear(queue);
    queue.signal(["task_3"]);
    await queue.close();
    late.stop();
    expect(heard.ids()).toEqual(["task_1"]);
    expect(late.calls).toHaveLength(0);
  },
};
