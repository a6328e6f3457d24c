/** Live progress of a goal's run: as a tree, as lines, as JSON, or not at all; all of it from the events of the goal. */

import type { Application } from "../bootstrap.ts";
import { note, print, styles } from "./output.ts";
import { follow } from "./progress/follow.ts";
import { lineOf } from "./progress/lines.ts";
import { every, onSuddenEnd, terminal } from "./progress/terminal.ts";
import { createTree } from "./progress/tree.ts";

export type ProgressForm = "tree" | "lines" | "ndjson" | "none";

export type Progress = {
  /** Tells the person something, on stderr, without getting in the way of what is drawn. */
  say(text: string): void;
  /** Ends the display; the last tree stays on the screen. */
  close(): Promise<void>;
};

/**
 * Shows what happens to a goal from now on: `tree` and `lines` on stderr, `ndjson` on stdout. `tree` is for a terminal
 * only. Never fails the run for something that cannot be shown, but rejects when there is no such goal.
 */
export async function startProgress(
  app: Pick<Application, "store" | "log">,
  goalId: string,
  options: { readonly form: ProgressForm; readonly color: boolean },
): Promise<Progress> {
  const { store, log } = app;
  const now = Date.now;
  switch (options.form) {
    case "none":
      return { say: note, close: async () => {} };
    case "ndjson": {
      const stop = store.subscribe((event) => {
        if (event.goalId !== goalId) return;
        const { seq, at, type, ...rest } = event;
        print(JSON.stringify({ seq, at, type, ...rest }));
      });
      return { say: note, close: async () => stop() };
    }
    case "lines": {
      const follower = await follow(
        {
          store,
          log,
          now,
          heard(event, state) {
            const line = lineOf(event, state);
            if (line !== null) note(line);
          },
        },
        goalId,
      );
      return { say: note, close: () => follower.close() };
    }
    case "tree": {
      const follower = await follow({ store, log, now, heard: () => {} }, goalId);
      const tree = createTree({
        screen: terminal,
        now,
        every,
        style: styles(options.color),
        state: follower.state,
        failed: (error) => log.error("the progress could not be drawn; the work goes on", { error }),
      });
      const release = onSuddenEnd(tree.abandon, tree.release);
      return {
        say: tree.say,
        async close() {
          try {
            await follower.close();
          } finally {
            tree.close();
            release();
          }
        },
      };
    }
  }
}
