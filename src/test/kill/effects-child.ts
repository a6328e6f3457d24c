/** A process of the effect kill suite: works on the ledger until it is done, or until it reaches the point where it kills itself. */

import { readFileSync, writeSync } from "node:fs";
import { DEFAULT_POLICY, type ActionClass } from "../../domain/action.ts";
import { hashOf } from "../../domain/deliverable.ts";
import { silentLog } from "../../log/log.ts";
import { listEffects } from "../../store/effects.ts";
import { openSqliteStore } from "../../store/sqlite/store.ts";
import type { Store, Tx } from "../../store/store.ts";
import { suppress, unsuppress } from "../../store/contacts.ts";
import { createGuard } from "../../tools/email/guard.ts";
import { limitedServer } from "../../tools/limits.ts";
import type { Offer } from "../../tools/toolbox.ts";
import { answerUses } from "../../work/tool-uses.ts";
import type { ToolAnswer, ToolInfo, ToolServer } from "../../tools/server.ts";
import { createApprovalLinks } from "../../work/effect-links.ts";
import { createEffects, type Effects, type Wish } from "../../work/effects.ts";
import { createPresence } from "../../work/presence.ts";
import { addGoal, addTask, addVersion } from "../small-store.ts";

/** What the parent tells a child, as JSON in its only argument. */
export type Order = {
  readonly path: string;
  readonly mailPort: number;
  /** `point#n`, or null: it lives. */
  readonly crashAt: string | null;
  /** `life` goes through everything that the ledger knows once; `mails` sends all that is approved. */
  readonly job: "life" | "mails";
};

export const GOAL = "goal_kill";
export const TASK = "task_kill";
const HOUR = 3_600_000;

async function work({ path, mailPort, crashAt, job }: Order): Promise<void> {
  const [wanted, nth = "1"] = (crashAt ?? "").split("#");
  let left = Number(nth);
  const reached = (point: string) => {
    writeSync(1, `${point}\n`);
    if (point === wanted && --left === 0) process.kill(process.pid, "SIGKILL");
  };
  // Goes on when the life needs time to pass, and is kept from one life to the next by the ledger's own times.
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const store = await openSqliteStore({ path, tenant: "default", now, log: silentLog, reached });
  const presence = await createPresence({
    store,
    machine: { host: "here", pid: process.pid, started: startedOf(process.pid) ?? "", startedOf },
  });
  const tools = new Map<string, string>();
  const effects = createEffects({
    store,
    server: (name) => (name === "mail" ? mailServer(mailPort, tools) : null),
    toolHash: (_, tool) => hashOf(tool.description),
    rules: ({ tool }) => ({
      policy: DEFAULT_POLICY,
      ttlMs: tool === "short" ? HOUR : 1_000 * HOUR,
      maxRecipients: null,
      perDay: null,
      accepted: true,
      notBefore: null,
      verify: tool === "send-checked" ? { tool: "sent-mails", args: { key: "{id}" }, found: { matches: "{id}" } } : null,
    }),
    processId: async () => presence.processId,
    secrets: [],
    now,
    log: silentLog,
    reached,
  });
  await presence.sweep();

  const { signal } = new AbortController();
  const propose = async (one: Wish) => {
    const noted = await effects.propose(one);
    return "effect" in noted ? noted.effect : null;
  };
  const approve = async (one: Wish) => {
    const effect = await propose(one);
    if (effect?.state === "intent") await effects.approve(effect.id, { hash: effect.hash, by: "a person" });
  };

  if (job === "mails") {
    // Once at least: another's send may be left over when nothing waits any more.
    do await effects.look();
    while ((await store.read((read) => listEffects(read, { states: ["approved"], limit: 1 }))).length > 0);
  } else {
    await store.write("test.task", ensureTask);
    await createApprovalLinks({ store, publicUrl: "http://here", now }).links((await propose(wish(0, "send")))!);
    const refused = await propose(wish(1, "send"));
    if (refused?.state === "intent") await effects.reject(refused.id, { by: "a person", note: "no" });
    await propose(wish(2, "short"));
    for (const n of [0, 3, 4]) await approve(wish(n, "send"));
    for (const n of [5, 6]) await approve(wish(n, "send-checked"));
    await approve(wish(7, "changing"));
    await effects.runAtOnce(wish(8, "send", "draft"));
    tools.set("changing", "another description");
    ahead = 2 * HOUR;
    await effects.look();
    for (const effect of await store.read((read) => listEffects(read, { states: ["unknown"] })))
      if (effect.tool === "send") {
        // The person looks at the mail service.
        const answer = await mailServer(mailPort, tools).call("sent-mails", {}, { signal, idempotencyKey: effect.id });
        const happened = answer.kind === "answered" && answer.text !== "[]";
        await effects.resolve(effect.id, { happened, by: "a person", note: null });
      }
    await readWithTool({ store, effects, server: mailServer(mailPort, tools), signal });
    await guardMail(store, now);
    await useUnits(store, signal);
    // Stopped twice in a row after a kill; what has ended by then stays as it is.
    await propose(wish(9, "send"));
    await effects.stop("a person");
    await effects.resume();
  }
  await presence.close();
  await store.close();
}

/** An agent looks something up: what it read is kept at its place, and read there by whoever lives on. */
async function readWithTool(of: { store: Store; effects: Effects; server: ToolServer; signal: AbortSignal }): Promise<void> {
  const { store, effects, server, signal } = of;
  const info = { name: "sent-mails", description: "", inputSchema: { type: "object" }, annotations: {} };
  const tool = {
    server: "mail",
    info,
    hash: "h",
    classOf: () => "read" as const,
    policy: DEFAULT_POLICY,
    floor: "auto" as const,
  };
  const offer: Offer = { specs: [], away: [], down: [], resolve: (_, args) => ({ kind: "call", tool, args }) };
  const toolbox = {
    sources: [],
    source: () => null,
    server: () => server,
    offer: async () => offer,
    leave() {},
    close: async () => {},
  };
  const hands = { toolbox, effects, preview: async () => null, clean: (text: string) => text };
  const at = {
    goalId: GOAL,
    subject: TASK,
    revision: 0,
    step: "make",
    round: 0,
    taskId: TASK,
    skill: "writing",
    rehearsal: false,
  };
  const uses = [{ id: "use", name: "mail__sent-mails", input: { key: "nothing" } }];
  const [seen] = await answerUses({ store }, hands, { offer, at, uses, earlier: [] }, signal);
  if (!seen || seen.isError) throw new Error(`the read failed: ${seen?.text}`);
}

/** A send that is counted and given back, and an address that is taken off the list again. */
async function guardMail(store: Store, now: () => number): Promise<void> {
  const caps = { perSend: 10, perDay: 10, perRecipient: { count: 1, days: 1 } };
  const guard = createGuard({ store, settings: { caps }, now });
  const effectId = "act_guarded";
  // Who lives on finds it counted, and does not count it twice.
  await guard.reserve(effectId, ["reader@example.com"]);
  await guard.release(effectId);
  await store.write("email.suppress", (tx) => suppress(tx, ["reader@example.com"], "they asked"));
  await store.write("email.allow", (tx) => unsuppress(tx, "reader@example.com"));
}

/** What an agent of the kill suite asks for, by number. */
export const wish = (n: number, tool: string, kind: ActionClass = "send"): Wish => ({
  goalId: GOAL,
  taskId: TASK,
  revision: 0,
  skill: "writing",
  step: "make",
  round: 0,
  useIndex: n,
  server: "mail",
  tool,
  toolHash: hashOf("as it was"),
  class: kind,
  tainted: false,
  rehearsal: false,
  args: { to: `reader-${n}@example.com`, subject: `Number ${n}`, text: "Hello" },
});

export async function ensureTask(tx: Tx): Promise<void> {
  const there = await tx.db.selectFrom("tasks").select("id").where("id", "=", TASK).executeTakeFirst();
  if (there) return;
  await addGoal(tx, { id: GOAL, status: "completed" });
  await addTask(tx, { id: TASK, goal_id: GOAL, status: "done", deliverable_id: "dlv_kill" });
  await addVersion(tx, { id: "dlv_kill", task_id: TASK, goal_id: GOAL }, "APPROVE");
}

/** One read that a vendor counts, and one that never left. */
async function useUnits(store: Store, signal: AbortSignal): Promise<void> {
  const limits = { unitsPerDay: 1_000, costPerDay: null, costPerMonth: null };
  const use = { server: "seo", account: ["seo"], units: 1, cost: 0, limits };
  const answers: ToolAnswer[] = [
    { kind: "answered", text: "ok", isError: false, bytes: 2, spilled: null },
    { kind: "unsent", detail: "away" },
  ];
  for (const answer of answers) {
    const server = { ...mailServer(0, new Map()), call: async () => answer };
    await limitedServer(server, use, store).call("read", {}, { signal });
  }
}

/** What an adapter does: a bare HTTP client of the fake mail service, without a retry of its own. */
function mailServer(port: number, tools: ReadonlyMap<string, string>): ToolServer {
  const names = ["send", "send-checked", "changing", "short", "sent-mails"];
  const info = (name: string): ToolInfo => ({
    name,
    description: tools.get(name) ?? "as it was",
    inputSchema: {},
    annotations: {},
  });
  return {
    name: "mail",
    list: async () => ({ tools: names.map(info) }),
    async call(tool, args, { idempotencyKey }): Promise<ToolAnswer> {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/${tool}`, {
          method: "POST",
          headers: { connection: "close", "content-type": "application/json" },
          body: JSON.stringify({ key: idempotencyKey ?? null, ...args }),
          keepalive: false,
        });
        const text = await response.text();
        return { kind: "answered", text, isError: response.status >= 400, bytes: text.length, spilled: null };
      } catch (error) {
        return { kind: "lost", detail: String(error) };
      }
    },
    state: () => ({ state: "ready", detail: null, stderr: [] }),
    close: async () => {},
  };
}

function startedOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return null;
  }
}

if (import.meta.main) await work(JSON.parse(process.argv[2] ?? "") as Order);
