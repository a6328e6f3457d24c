/** `marketeam costs`: what was spent and what is held, against the caps; and how a lost call is put right. */

import { periods, type Caps } from "../domain/budget.ts";
import { EXIT } from "../domain/exit.ts";
import { listCalls } from "../store/calls.ts";
import { listScopes, scopeState } from "../store/scopes.ts";
import { getGoal } from "../store/goals.ts";
import { outsideByServer } from "../store/outside-use.ts";
import type { Read } from "../store/store.ts";
import { settle, settlement, type SettleOptions } from "./costs-settle.ts";
import { costsJson, costsText, type CostsView } from "./costs-text.ts";
import { UsageError } from "./errors.ts";
import { print, printJson, type Styles } from "./output.ts";
import { callSums } from "./queries.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere, storeThere } from "./store-there.ts";

const GOALS_SHOWN = 20;

type CostsOptions = CommonOptions & SettleOptions;

export async function costs(options: CostsOptions): Promise<number> {
  const wanted = settlement(options);
  const config = configFor(options);
  const rehearsal = options.rehearsal ?? false;
  if (wanted) {
    if (!storeThere(config)) throw new UsageError(`there is no call "${wanted.typed}"`, "no call was made yet");
    return settle(wanted, options);
  }
  const store = await openStoreThere(config);
  const view = store ? await store.read((read) => costsView(read, config.caps, rehearsal)).finally(() => store.close()) : null;
  showCosts(view ?? emptyView(config.caps, rehearsal), options, stylesFor(config));
  return EXIT.done;
}

function showCosts(view: CostsView, options: CostsOptions, style: Styles): void {
  if (options.json) printJson(costsJson(view));
  else print(costsText(view, style));
}

function emptyView(caps: Caps, rehearsal: boolean): CostsView {
  const { day, month } = periods(Date.now());
  const fresh = { spent: 0, held: 0, allowed: 0 };
  return {
    rehearsal,
    day: { kind: "day", id: day, cap: caps.day, ...fresh },
    month: { kind: "month", id: month, cap: caps.month, ...fresh },
    goals: [],
    goalsInAll: 0,
    skills: [],
    models: [],
    unknown: [],
    outside: [],
  };
}

async function costsView(read: Read, caps: Caps, rehearsal: boolean): Promise<CostsView> {
  const empty = emptyView(caps, rehearsal);
  const all = (await listScopes(read, "goal", rehearsal)).toSorted(
    (a, b) => b.spent + b.held - (a.spent + a.held) || (a.id < b.id ? 1 : -1),
  );
  const goals: CostsView["goals"][number][] = [];
  for (const { id, spent, held } of all.slice(0, GOALS_SHOWN))
    goals.push({ id, title: (await getGoal(read, id))?.title ?? null, spent, held });
  return {
    rehearsal,
    day: await scopeState(read, empty.day, rehearsal),
    month: await scopeState(read, empty.month, rehearsal),
    goals,
    goalsInAll: all.length,
    skills: await callSums(read, "skill", rehearsal),
    models: await callSums(read, "model", rehearsal),
    unknown: (await listCalls(read, { state: "unknown" })).filter((call) => call.rehearsal === rehearsal),
    // What a rehearsal reads outside is billed like any other read.
    outside: rehearsal ? [] : await outsideByServer(read, read.now),
  };
}
