/** Kill -9 at every edge of the effect ledger, with a mail service as witness. Longer by hand: `bun src/test/kill/effects.ts [sends] [seed]`. */

import { Database } from "bun:sqlite";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonical, type EffectState } from "../../domain/effect.ts";
import { silentLog } from "../../log/log.ts";
import { approveEffect } from "../../store/effect-answers.ts";
import { proposeEffect } from "../../store/effects.ts";
import { openSqliteStore } from "../../store/sqlite/store.ts";
import { randomFrom } from "../random.ts";
import { ensureTask, wish, type Order } from "./effects-child.ts";
import { startMailWitness, type Fate, type Mail } from "./mail-witness.ts";
import { namedPoints } from "./points.ts";

/** The edges that a send passes, in their order. */
export const EDGES = [
  "effect.send:before-commit",
  "effect.send:after-commit",
  "effect:before-wire",
  "effect:after-wire",
  "effect.end:before-commit",
  "effect.end:after-commit",
] as const;
const LANES = 2;
const CHILD = join(import.meta.dir, "effects-child.ts");

export type EffectRow = { readonly id: string; readonly state: EffectState; readonly args: string; readonly tool: string };
export type SendFacts = {
  readonly effects: readonly EffectRow[];
  /** Ids, one for each event `effect.sent`. */
  readonly sent: readonly string[];
  readonly requests: readonly Mail[];
};

/** What must hold whatever was killed when; a line for each fault. */
export function sendFaults({ effects, sent, requests }: SendFacts): string[] {
  const faults: string[] = [];
  const byKey = Map.groupBy(requests, (mail) => mail.key);
  const started = Map.groupBy(sent, (id) => id);
  for (const { id, state } of effects) {
    const asked = byKey.get(id) ?? [];
    const out = asked.filter(({ fate }) => fate === "answered" || fate === "accepted, then dropped");
    byKey.delete(id);
    if (asked.length > 1) faults.push(`${id} went over the wire ${asked.length} times`);
    if (out.length > 1) faults.push(`${id}: ${out.length} mails for one approval`);
    if ((started.get(id)?.length ?? 0) > 1) faults.push(`${id} was committed as sent ${started.get(id)?.length} times`);
    if (asked.length > 0 && !started.has(id)) faults.push(`${id} was on the wire without a commit`);
    if (state === "approved" || state === "sent") faults.push(`${id} is still ${state}`);
    if (state === "confirmed" && out.length !== 1) faults.push(`${id} is confirmed, and ${out.length} mails are out`);
    if (out.length > 0 && state !== "confirmed" && state !== "unknown") faults.push(`${id} is out, and its state is ${state}`);
    const lost = asked.some(({ fate }) => fate === "accepted, then dropped" || fate === "dropped at once");
    if (lost && state !== "unknown") faults.push(`${id} lost its answer, and is ${state} instead of unknown`);
  }
  for (const key of byKey.keys()) faults.push(`a mail went out for ${key}, which is no effect`);
  return faults;
}

export type SendsResult = {
  readonly sends: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, number>>;
  readonly mails: number;
  readonly faults: readonly string[];
};

/** So many mails, approved one by one, sent by processes of which most are killed at an edge; two work on one ledger at a time. */
export async function killSends({ sends, seed }: { readonly sends: number; readonly seed: number }): Promise<SendsResult> {
  const folder = await mkdtemp(join(tmpdir(), "marketeam-effects-"));
  const random = randomFrom(seed);
  const fates = new Map<string, Fate>();
  const witness = await startMailWitness((subject) => {
    const fate = fates.get(subject) ?? fateFor(random());
    fates.set(subject, fate);
    return fate;
  });
  const kills: Record<string, number> = Object.fromEntries(EDGES.map((edge) => [edge, 0]));
  const faults: string[] = [];
  try {
    const path = join(folder, "kill.db");
    await prepare(path, sends);
    let edge = 0;
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        for (;;) {
          const point = EDGES[edge++ % EDGES.length] ?? EDGES[0];
          // The first is killed early, others after some that go well.
          const crashAt = `${point}#${1 + Math.floor(random() * Math.max(4, sends / 30))}`;
          const { killed, code, stderr } = await runChild({ path, mailPort: witness.port, crashAt, job: "mails" });
          if (killed) kills[point] = (kills[point] ?? 0) + 1;
          else if (code === 0) return;
          else {
            faults.push(`a process ended with ${code}: ${stderr.slice(0, 500)}`);
            return;
          }
        }
      }),
    );
    // What the last one that was killed had in hand is found by the next that looks.
    const last = await runChild({ path, mailPort: witness.port, crashAt: null, job: "mails" });
    if (last.code !== 0) faults.push(`the last process ended with ${last.code}: ${last.stderr.slice(0, 500)}`);
    const facts = { ...readLedger(path), requests: witness.requests };
    if (facts.effects.length !== sends) faults.push(`there are ${facts.effects.length} effects instead of ${sends}`);
    faults.push(...sendFaults(facts));
    const states = Object.fromEntries(
      [...Map.groupBy(facts.effects, ({ state }) => state)].map(([state, all]) => [state, all.length]),
    );
    return { sends, kills, states, mails: witness.accepted().length, faults };
  } finally {
    await witness.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export type PointsResult = { readonly points: readonly string[]; readonly kills: number; readonly faults: readonly string[] };

/** One life of the ledger for each named point, killed there, and lived to its end by the next process. */
export async function killPoints(): Promise<PointsResult> {
  const folder = await mkdtemp(join(tmpdir(), "marketeam-effects-"));
  const points = await namedPoints("effects");
  const faults: string[] = [];
  let kills = 0;
  try {
    const left = [...points];
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        for (let point = left.shift(); point !== undefined; point = left.shift()) {
          const path = join(folder, `${point.replace(/\W/g, "-")}.db`);
          const witness = await startMailWitness(lifeFate);
          const order = { path, mailPort: witness.port, job: "life" as const };
          try {
            // Without a lost send there is nothing to orphan: the first process dies with one in hand.
            if (point.startsWith("effect.orphan")) await runChild({ ...order, crashAt: "effect:before-wire" });
            const first = await runChild({ ...order, crashAt: point });
            if (first.killed) kills++;
            else faults.push(`${point}: no process was killed there, it ended with ${first.code}: ${first.stderr.slice(0, 500)}`);
            const next = await runChild({ ...order, crashAt: null });
            if (next.code !== 0) faults.push(`${point}: the next process ended with ${next.code}: ${next.stderr.slice(0, 500)}`);
            const facts = { ...readLedger(path), requests: witness.requests };
            for (const fault of leftFaults(path)) faults.push(`${point}: ${fault}`);
            for (const fault of lifeFaults(facts)) faults.push(`${point}: ${fault}`);
          } finally {
            await witness.stop();
          }
        }
      }),
    );
    return { points, kills, faults };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Number 4 is lost for good, 5 and 6 are looked for: one of them had arrived. */
function lifeFate(subject: string): Fate {
  if (subject === "Number 4" || subject === "Number 6") return "dropped at once";
  return subject === "Number 5" ? "accepted, then dropped" : "answered";
}

/** In a life, what was lost may have been verified or settled since; what was refused, changed or too late never left. */
function lifeFaults(facts: SendFacts): string[] {
  const number = (row: EffectRow) => Number(/"Number (\d+)"/.exec(row.args)?.[1]);
  const never = facts.effects.filter((row) => [1, 2, 7].includes(number(row)));
  const left = never.filter(({ id }) => facts.requests.some((mail) => mail.key === id));
  const verified = facts.effects.find((row) => number(row) === 5);
  return [
    ...sendFaults(facts).filter((fault) => !/lost its answer/.test(fault)),
    ...left.map(({ id, args }) => `${id} went out and must not: ${args}`),
    ...facts.effects.filter(({ state }) => state === "intent").map(({ id }) => `${id} is still an intent`),
    // Killed around its send, it never left or is proven to have arrived.
    ...(verified && facts.requests.some((mail) => mail.key === verified.id) && verified.state !== "confirmed"
      ? [`${verified.id} arrived, a read can prove it, and it is ${verified.state}`]
      : []),
  ];
}

/** As many approved mails. How they came to be approved is killed in the other suite. */
async function prepare(path: string, sends: number): Promise<void> {
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached: () => {} });
  await store.write("test.task", ensureTask);
  await store.write("test.approve", async (tx) => {
    for (let n = 0; n < sends; n++) {
      const { args, ...rest } = wish(n, "send");
      const like = { preview: "", recipients: 1, cost: null, blocked: null, expiresAt: tx.now + 1e9 };
      const noted = await proposeEffect(tx, { ...rest, ...like, args: canonical(args) });
      if ("effect" in noted) await approveEffect(tx, noted.effect.id, { hash: noted.effect.hash, by: "a person" });
    }
  });
  await store.close();
}

async function runChild(order: Order) {
  const child = Bun.spawn([process.execPath, CHILD, JSON.stringify(order)], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  return { killed: child.signalCode === "SIGKILL", code, stderr };
}

/** After a whole life, one read is kept, nobody counts as written to by what was given back, and nobody is on the list. */
function leftFaults(path: string): string[] {
  const db = new Database(path, { readonly: true });
  try {
    const rows = (table: string, where = "1") =>
      db.query<{ n: number }, []>(`select count(*) as n from ${table} where ${where}`).get()?.n ?? -1;
    return [
      ...(rows("tool_reads") === 1 ? [] : [`${rows("tool_reads")} reads are kept instead of 1`]),
      ...(rows("contacted", "effect_id = 'act_guarded'") === 0 ? [] : ["a send that was given back still counts"]),
      ...(rows("suppressed") === 0 ? [] : ["an address that was allowed again is still on the list"]),
    ];
  } finally {
    db.close();
  }
}

function readLedger(path: string): Pick<SendFacts, "effects" | "sent"> {
  const db = new Database(path, { readonly: true });
  try {
    return {
      effects: db.query<EffectRow, []>("select id, state, args, tool from effects order by id").all(),
      sent: db
        .query<{ data: string }, []>("select data from events where type = 'effect.sent'")
        .all()
        .map((row) => (JSON.parse(row.data) as { effectId: string }).effectId),
    };
  } finally {
    db.close();
  }
}

function fateFor(chance: number): Fate {
  if (chance < 0.55) return "answered";
  return chance < 0.85 ? "accepted, then dropped" : chance < 0.95 ? "dropped at once" : "refused";
}

if (import.meta.main) {
  const begun = performance.now();
  const [sends = "1000", seed = String(Math.floor(Math.random() * 1e6))] = process.argv.slice(2);
  const result = await killSends({ sends: Number(sends), seed: Number(seed) });
  console.log(
    JSON.stringify({
      ...result,
      faults: result.faults.slice(0, 20),
      seed,
      seconds: Math.round((performance.now() - begun) / 1000),
    }),
  );
  process.exitCode = result.faults.length === 0 ? 0 : 1;
}
