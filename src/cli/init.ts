/** `marketeam init`: makes the product context that every agent reads, in a dialogue or from a text. */

import { basename } from "node:path";
import type { Application } from "../bootstrap.ts";
import type { RuntimeConfig } from "../config.ts";
import { contextBody, type SectionName } from "../director/context/document.ts";
import { contextFromText } from "../director/context/from-text.ts";
import { hashOf } from "../domain/deliverable.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, usd, type Nano } from "../domain/money.ts";
import { filledSections } from "../domain/product-context.ts";
import type { StopWhy } from "../journal/outcome.ts";
import { callsOfGoal } from "../store/calls.ts";
import { CONTEXT_PATH, readContext, takeInContext, takeInWritten } from "../work/accept.ts";
import { formatDocument } from "../workspace/document.ts";
import { createWorkspace } from "../workspace/workspace.ts";
import { printable, UsageError } from "./errors.ts";
import { askForContext, BACK, terminalAsker } from "./init-dialogue.ts";
import { readSource } from "./init-source.ts";
import { askForTools } from "./init-tools.ts";
import { onInterrupt } from "./interrupt.ts";
import { note, print, printJson } from "./output.ts";
import { openApplication, openTeam } from "./application.ts";
import { configFor, interactive, type CommonOptions } from "./session.ts";
import { add } from "./tools-add.ts";
import { readTools } from "./tools-change.ts";
import { catalogueOf } from "./tools-catalogue.ts";

type InitOptions = CommonOptions & {
  readonly from?: string;
  readonly force?: boolean;
  readonly rehearse?: boolean;
  readonly seed: number;
};

type Draft = {
  readonly sections: ReadonlyMap<SectionName, string>;
  /** Where it came from, for the document's head. */
  readonly origin: string;
  readonly rehearsal: boolean;
  readonly cost: Nano;
};

export async function init(options: InitOptions): Promise<number> {
  const config = configFor(options);
  // Looked at without opening anything: a refusal, or Ctrl-C in the dialogue, leaves no folder and no database behind.
  const workspace = createWorkspace({ root: config.workspace, reached: () => {} });
  if (!options.force) refuseExisting(await readContext({ workspace }), workspace.resolve(CONTEXT_PATH));
  return options.from === undefined ? fromDialogue(config, options) : fromFile(config, options.from, options);
}

async function fromDialogue(config: RuntimeConfig, options: InitOptions): Promise<number> {
  if (!process.stdin.isTTY || !interactive(config))
    throw new UsageError("the dialogue needs a terminal to ask in", "read a text instead: bun run start init --from README.md");
  note(
    `Ten questions, one line each. No model is asked, nothing is spent.
Enter leaves one for later, "${BACK}" goes back, Ctrl-C stops and saves nothing.
Have more than a line? Put it into a file: init --from FILE
`,
  );
  const end = await askForContext(await terminalAsker());
  if (end.kind !== "save") {
    note(end.kind === "empty" ? "Nothing was answered, so nothing was saved." : "Nothing was saved.");
    return end.kind === "stopped" ? EXIT.interrupted : EXIT.stopped;
  }
  const draft: Draft = { sections: end.sections, origin: "dialogue", rehearsal: false, cost: 0 };
  try {
    await using app = await openApplication(options);
    const code = await save(app, draft, options);
    return code === EXIT.done ? await connectTools(config) : code;
  } catch (error) {
    // Somebody typed this: it must not be lost with the failure.
    note(`The document could not be saved. Here it is:\n\n${printable(contextBody(draft.sections, draft))}\n`);
    throw error;
  }
}

/** After the document is safe: what is chosen here is only tools.yaml, and Ctrl-C leaves it as it was. */
async function connectTools(config: RuntimeConfig): Promise<number> {
  const catalogue = await catalogueOf(config);
  const { mcpServers } = await readTools(config.root);
  const chosen = await askForTools(await terminalAsker(), catalogue, Object.keys(mcpServers));
  for (const name of chosen ?? []) await add(name, {});
  return EXIT.done;
}

async function fromFile(config: RuntimeConfig, path: string, options: InitOptions): Promise<number> {
  const source = await readSource(path);
  // As in the check of finished work: what is shorter is a word like any other.
  if (config.secrets.some((secret) => secret.length >= 6 && source.includes(secret))) {
    throw new UsageError(
      `${path} holds a secret of this installation (a key or a database's password)`,
      "take it out: the text goes to the model",
    );
  }
  await using app = await openTeam({ ...options, latency: 0 }, { model: true });
  await using interrupt = onInterrupt(() => note("Stopping."));
  note(
    `Reading ${path} (${source.length.toLocaleString("en")} characters): one model call${app.rehearsal ? ", rehearsed" : ""}.`,
  );
  // The journal answers by this id, and its budget is this text's own: a rehearsal's answer must never become a real one.
  const id = `init-${hashOf(source).slice(0, 12)}${app.rehearsal ? "-rehearsal" : ""}`;
  const goal = { id, priority: "P0" as const, cap: config.caps.goal, allowed: 0, rehearsal: app.rehearsal };
  const began = app.team.now();
  const decision = await contextFromText(
    app.journal,
    app.registry,
    { goal, source },
    AbortSignal.any([interrupt.stop, interrupt.abort]),
  );
  if (decision.kind === "stopped") {
    note(
      `error: ${printable(decision.detail)}${decision.why === "budget" ? "\n  take a shorter text, or raise the cap (`doctor` shows all of them)" : ""}`,
    );
    return stoppedCode(decision.why);
  }
  if (decision.kind === "unreadable") {
    note(
      `error: the reply cannot be used (${decision.why}): ${printable(decision.detail)}\n  the answer to this text is kept and would come again: change the text, or shorten it`,
    );
    return EXIT.failed;
  }
  if (decision.value.size === 0)
    throw new UsageError(
      `${path} says nothing about a product`,
      "name a text that speaks about yours, or use the dialogue: init",
    );
  const calls = await app.store.read((read) => callsOfGoal(read, id));
  const cost = calls.reduce((sum, call) => sum + (call.startedAt >= began ? call.cost : 0), 0);
  return await save(app, { sections: decision.value, origin: basename(path), rehearsal: app.rehearsal, cost }, options);
}

/** Writes the document and takes it in as a version; what was there before is taken in first. */
async function save(app: Application, draft: Draft, options: InitOptions): Promise<number> {
  const { team } = app;
  const path = team.workspace.resolve(CONTEXT_PATH);
  const before = await readContext(team);
  // Asked again: minutes have passed, and somebody may have begun to write it by hand.
  if (!options.force) refuseExisting(before, path);
  const replaced = before === null ? null : ((await takeInContext(team))?.version ?? null);
  const head = {
    document: "product context",
    from: draft.origin,
    made: new Date(team.now()).toISOString().slice(0, 10),
    rehearsal: draft.rehearsal,
  };
  await team.workspace.write(CONTEXT_PATH, formatDocument(head, contextBody(draft.sections, draft)));
  const context = await takeInWritten(team);
  const { filled, empty } = filledSections(context?.body ?? "");
  if (options.json) {
    printJson({
      path,
      version: context?.version ?? null,
      replaced,
      rehearsal: draft.rehearsal,
      filled,
      empty,
      costUsd: usd(draft.cost),
    });
    return EXIT.done;
  }
  const out = [`Product context, version ${context?.version ?? 1}: ${path}`];
  if (replaced !== null) out.push(`The one before is kept in the store as version ${replaced}.`);
  out.push(
    `${filled.length} of ${filled.length + empty.length} sections are filled.${empty.length > 0 ? ` Not known yet: ${empty.join(", ")}.` : ""}`,
  );
  out.push("It is yours: edit the file at any time, the next goal reads it as it is then.");
  if (draft.cost > 0)
    out.push(
      draft.rehearsal
        ? `Rehearsal: nothing was spent (a real call would have cost about ${dollars(draft.cost)}).`
        : `Cost ${dollars(draft.cost)}.`,
    );
  if (draft.rehearsal)
    out.push(
      `No model read your text: its sentences were only sorted. For the real one: bun run start init --from ${options.from ?? "FILE"} --force`,
    );
  const real = app.config.apiKey !== null && !draft.rehearsal;
  // The dialogue asks for them itself.
  if (draft.origin !== "dialogue" && Object.keys(app.registry.tools.mcpServers).length === 0)
    out.push(
      "The team has no tools yet, and advises. `bun run start tools add` lists what it can use: analytics, search, a browser, mail and more.",
    );
  out.push("", `Next: bun run start ${real ? "--dry-run" : "--rehearse"} "Increase signup conversion by 20%"`);
  print(out.join("\n"));
  return EXIT.done;
}

function refuseExisting(body: string | null, path: string): void {
  if (body !== null)
    throw new UsageError(
      `there is a product context already: ${path}`,
      "edit it, or replace it with --force (the store keeps the old one as a version)",
    );
}

function stoppedCode(why: StopWhy): number {
  if (why === "aborted") return EXIT.interrupted;
  return why === "auth" || why === "unknown_model" ? EXIT.config : EXIT.stopped;
}
