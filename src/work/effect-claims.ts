/** What keeps an action that publishes from leaving: claims of its text that nothing supports. */

import { unpublishable } from "../director/claims/claims.ts";
import { severity } from "../domain/action.ts";
import { versionsOf } from "../store/deliverables.ts";
import { getEffect } from "../store/effects.ts";
import type { Read } from "../store/store.ts";
import { getTask } from "../store/tasks.ts";

/** Nothing unsupported is published: what the accepted text claims without a source, in a sentence; null when nothing. */
export async function unprovenClaims(read: Read, id: string): Promise<string | null> {
  const effect = await getEffect(read, id);
  if (!effect || severity(effect.class) < severity("publish")) return null;
  const task = await getTask(read, effect.taskId);
  const versions = await versionsOf(read, effect.taskId);
  const accepted = versions.find((version) => version.id === task?.deliverableId);
  // A person's own words are theirs to answer for.
  if (!accepted || versions.some((version) => version.origin === "person" && version.revision >= accepted.revision)) return null;
  const open = unpublishable(accepted.claims);
  const [first] = open;
  if (!first) return null;
  return `the text of "${task?.key}" says ${open.length === 1 ? "something" : `${open.length} things`} that nothing supports ("${first.quote.slice(0, 120)}"), and nothing unsupported goes out: edit its output file, or add the source to the product context and have it made again`;
}
