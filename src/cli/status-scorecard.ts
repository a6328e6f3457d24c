/** `marketeam status --scorecard`: how well the team did in the last 30 days, real work and rehearsals apart. */

import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { duration } from "../domain/quantity.ts";
import { StoreError } from "../store/store.ts";
import { emptyScorecard, readScorecard, scorecardLines, type ScorecardResult } from "../telemetry/scorecard.ts";
import { columns } from "./columns.ts";
import { reportError } from "./errors.ts";
import { print, printJson, type Styles } from "./output.ts";
import { stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export async function showScorecard(config: RuntimeConfig, options: CommonOptions): Promise<number> {
  let card: ScorecardResult;
  try {
    const store = await openStoreThere(config);
    try {
      const now = Date.now();
      // What happens in this millisecond still belongs to it.
      card = store === null ? emptyScorecard(now) : await store.read((read) => readScorecard(read, now + 1));
    } finally {
      await store?.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return reportError(error);
  }
  if (options.json) printJson(card);
  else print(scorecardText(card, stylesFor(config)));
  return EXIT.done;
}

function scorecardText(card: ScorecardResult, style: Styles): string {
  const rehearsed = card.rehearsal === null ? null : scorecardLines(card.rehearsal, duration);
  const rows = scorecardLines(card.real, duration).map(({ name, value }, i) => [
    name,
    value,
    ...(rehearsed ? [style.dim(rehearsed[i]?.value ?? "")] : []),
  ]);
  const head = ["", style.dim("real work"), style.dim("rehearsals")];
  return [
    `The last ${card.days} days, ${card.from.slice(0, 10)} to ${card.to.slice(0, 10)} (UTC)`,
    "",
    columns(rehearsed ? [head, ...rows] : rows, []),
  ].join("\n");
}
