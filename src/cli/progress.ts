/** Interim progress; being replaced. */
import type { Application } from "../bootstrap.ts";
import { note, oneLine, print } from "./output.ts";

export async function startProgress(app: Application, goalId: string, options: { form: "tree" | "lines" | "ndjson" | "none"; color: boolean }) {
  const stop = app.store.subscribe((event) => {
    if (event.goalId !== goalId) return;
    if (options.form === "ndjson") print(JSON.stringify(event));
    else if (options.form !== "none") note(oneLine(`${event.type} ${JSON.stringify(event)}`, 140));
  });
  return { say: note, close: async () => stop() };
}
