/** Notices in the program's own log: the one channel that rehearsals reach. */

import type { Log } from "../../log/log.ts";
import type { Channel } from "../channel.ts";

/** A Channel that always succeeds. What a person should act on is a warning, the rest information. */
export function createLogChannel({ name, log }: { name: string; log: Log }): Channel {
  return {
    name,
    outside: false,
    async send({ id, type, goal, title, text, urgent, rehearsal }) {
      const quiet = rehearsal || (!urgent && (type === "goal.done" || type === "digest.daily" || type === "test"));
      const fields = { message: id, kind: type, goal, text, rehearsal };
      if (quiet) log.info(title, fields);
      else log.warn(title, fields);
      return { ok: true };
    },
  };
}
