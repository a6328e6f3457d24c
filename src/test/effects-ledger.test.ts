/** The effect ledger on both engines: what is proposed once, who may say yes, one sender, limits, and no way out of the machine. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ActionClass } from "../domain/action.ts";
import { actionHash, canonical, EFFECT_STATES, toEffect, type Effect, type EffectState } from "../domain/effect.ts";
import { approveEffect, POLICY, rejectEffect, waitsFor } from "../store/effect-answers.ts";
import { endSending, failUnsent, orphanSends, resolveEffect, startSending, type SendLimits } from "../store/effect-sends.ts";
import {
  expireEffects,
  getEffect,
  listEffects,
  proposeEffect,
  resumeEffects,
  stopEffects,
  withdrawEffects,
  type NewEffect,
} from "../store/effects.ts";
import { idsLike } from "../store/ids.ts";
import { listEvents } from "../store/events.ts";
import { registerProcess, removeProcesses } from "../store/processes.ts";
import { findRead, readsOf, storeRead } from "../store/tool-reads.ts";
import type { Store, Tx } from "../store/store.ts";
import { ENGINES } from "./engines.ts";
import { addGoal, addTask, addVersion, at, HOUR, NOON } from "./small-store.ts";

const NO_LIMITS: SendLimits = { maxRecipients: null, perDay: null };

function wanted(change: Partial<NewEffect> = {}): NewEffect {
  return {
    goalId: "goal_a",
    taskId: "task_a",
    revision: 0,
    skill: "writing",
    step: "make",
    round: 0,
    useIndex: 0,
    server: "mail",
    tool: "send",
    toolHash: "h",
    args: canonical({ to: "a@example.com" }),
    class: "send",
    preview: "Sends",
    recipients: 1,
    cost: null,
    tainted: false,
    blocked: null,
    expiresAt: NOON + 24 * HOUR,
    rehearsal: false,
    ...change,
  };
}

async function fill(tx: Tx): Promise<void> {
  await addGoal(tx, { id: "goal_a" });
  await addTask(tx, { id: "task_a", goal_id: "goal_a", status: "done", deliverable_id: "dlv_0" });
  await addVersion(tx, { id: "dlv_0", task_id: "task_a", goal_id: "goal_a" }, "APPROVE");
  await registerProcess(tx, { id: "proc_1", host: "h", pid: 1, started: "s" });
}

async function made(store: Pick<Store, "write">, change: Partial<NewEffect> = {}): Promise<Effect> {
  const noted = await store.write("t.propose", (tx) => proposeEffect(tx, wanted(change)));
  if ("refused" in noted) throw new Error(noted.refused);
  return noted.effect;
}
const yes = (store: Pick<Store, "write">, { id, hash }: Effect, by = "a person") =>
  store.write("t.approve", (tx) => approveEffect(tx, id, { hash, by }));
const begin = (store: Pick<Store, "write">, { id }: Effect, limits = NO_LIMITS, sender = "proc_1") =>
  store.write("t.send", (tx) => startSending(tx, id, sender, limits));
const end = (store: Pick<Store, "write">, { id }: Effect, state: "confirmed" | "failed" | "unknown") =>
  store.write("t.end", (tx) => endSending(tx, id, { state, result: "r", note: null }));
const stateOf = (store: Pick<Store, "read">, { id }: Effect) => store.read(async (read) => (await getEffect(read, id))?.state);

for (const { name, ok, open } of ENGINES) {
  describe.skipIf(!ok)(`the ledger on ${name}`, () => {
    async function opened() {
      const real = await open();
      await real.write("t.fill", fill);
      return { ...at(real, NOON), real, [Symbol.asyncDispose]: () => real[Symbol.asyncDispose]() };
    }

    test("the policy's yes waits for the accepted work as a person's does, in the same change", async () => {
      await using store = await opened();
      await store.write("t.status", async (tx) => {
        await tx.db.updateTable("tasks").set({ status: "running" }).where("id", "=", "task_a").execute();
      });
      expect(await yes(store, await made(store, { class: "write" }), POLICY)).toMatchObject({
        refused: expect.stringContaining("the task that asked for it is running"),
      });
      expect(await yes(store, await made(store, { class: "draft", useIndex: 1, args: "{}" }), POLICY)).toMatchObject({
        effect: { state: "approved", approvedBy: "policy" },
      });
    });

    test("from a proposal to its confirmation, with an event for each step", async () => {
      await using store = await opened();
      const effect = await made(store, { preview: "Sends", cost: 5, tainted: true });
      expect(effect).toMatchObject({ state: "intent", hash: actionHash(effect), tainted: true, cost: 5, approvedBy: null });
      expect(await yes(store, effect)).toMatchObject({ effect: { state: "approved", approvedBy: "a person", approvedAt: NOON } });
      expect(await begin(store, effect)).toMatchObject({ kind: "sent", effect: { sender: "proc_1", sentAt: NOON } });
      expect(await end(store, effect, "confirmed")).toMatchObject({ state: "confirmed", result: "r", endedAt: NOON });
      const events = await store.read((read) => listEvents(read, { goalId: "goal_a" }));
      expect(events.map((event) => event.type)).toEqual([
        "effect.proposed",
        "effect.approved",
        "effect.sent",
        "effect.confirmed",
      ]);
      expect(events[0]).toMatchObject({ effectId: effect.id, tool: "mail.send", class: "send", recipients: 1, taskId: "task_a" });
      expect(await store.read((read) => idsLike(read, "effects", effect.id.slice(0, 12)))).toEqual([effect.id]);
      expect((await store.read((read) => listEffects(read, { states: ["confirmed"], taskId: "task_a" }))).length).toBe(1);
    });

    test("the same place and the same action of a task are noted once; what never left may be asked for by a later version", async () => {
      await using store = await opened();
      const first = await made(store);
      expect(await store.write("t.p", (tx) => proposeEffect(tx, wanted({ args: "{}" })))).toEqual({
        effect: first,
        fresh: false,
      });
      expect((await made(store, { useIndex: 1 })).id).toBe(first.id);
      expect((await made(store, { useIndex: 2, args: "{}" })).id).not.toBe(first.id);
      const later = await made(store, { revision: 1 });
      expect(later.id).not.toBe(first.id);
      expect(await store.write("t.w", (tx) => withdrawEffects(tx, "task_a", 1))).toBe(2);
      expect(await stateOf(store, first)).toBe("withdrawn");
      expect(await stateOf(store, later)).toBe("intent");
      await store.write("t.r", (tx) => rejectEffect(tx, later.id, { by: "a person", note: "no" }));
      // A no to exactly this stands for every version.
      expect(await made(store, { revision: 2 })).toMatchObject({ id: later.id, state: "rejected", note: "no" });
    });

    test("a yes is to exactly what was shown, once, in time, unblocked, and after the work was accepted", async () => {
      await using store = await opened();
      const refusal = async (effect: Effect, by?: string, hash = effect.hash) =>
        (await yes(store, { ...effect, hash }, by)) as { refused?: string };
      const effect = await made(store);
      expect((await refusal(effect, "x", "other")).refused).toContain("not what was shown");
      expect((await yes(at(store.real, NOON + 24 * HOUR), effect)) as object).toEqual({ refused: "its time is over" });
      expect((await refusal(await made(store, { useIndex: 1, args: "1", blocked: "too many" }))).refused).toContain("too many");
      await store.write("t.a", (tx) =>
        tx.db.updateTable("effects").set({ args: '{"to":"evil"}' }).where("id", "=", effect.id).execute(),
      );
      expect((await refusal(effect)).refused).toContain("not what was shown");
      await store.write("t.a", (tx) =>
        tx.db.updateTable("effects").set({ args: effect.args }).where("id", "=", effect.id).execute(),
      );
      await store.write("t.t", (tx) =>
        tx.db.updateTable("tasks").set({ status: "reviewing" }).where("id", "=", "task_a").execute(),
      );
      expect((await refusal(effect)).refused).toContain("when its work is accepted");
      expect(await yes(store, await made(store, { useIndex: 3, args: "3", class: "draft" }))).toMatchObject({
        effect: { state: "approved" },
      });
      await store.write("t.t", (tx) => tx.db.updateTable("tasks").set({ status: "done" }).where("id", "=", "task_a").execute());
      expect((await refusal(await made(store, { revision: 1, args: "4" }))).refused).toContain("version 2 asked for it");
      expect(await yes(store, effect)).toMatchObject({ effect: { state: "approved" } });
      expect((await refusal(effect)).refused).toContain("it is approved");
      expect((await refusal({ ...effect, id: "act_none" })).refused).toContain("there is no effect");
    });

    test("the accepted version decides who may ask, and a person's edit of it does not change that", async () => {
      await using store = await opened();
      const effect = await made(store);
      await store.write("t.v", async (tx) => {
        await addVersion(tx, { id: "dlv_1", task_id: "task_a", goal_id: "goal_a", revision: 1, origin: "person" }, null);
        await tx.db.updateTable("tasks").set({ deliverable_id: "dlv_1", revision: 1 }).where("id", "=", "task_a").execute();
      });
      expect(await store.read((read) => waitsFor(read, effect))).toBeNull();
      await store.write("t.v", async (tx) => {
        await addVersion(tx, { id: "dlv_2", task_id: "task_a", goal_id: "goal_a", revision: 2 }, "APPROVE");
        await tx.db.updateTable("tasks").set({ deliverable_id: "dlv_2", revision: 2 }).where("id", "=", "task_a").execute();
      });
      expect(await store.read((read) => waitsFor(read, effect))).toContain("another one was accepted");
      expect(await yes(store, await made(store, { revision: 2 }))).toMatchObject({ effect: { state: "approved" } });
    });

    test("the policy approves nothing that needs a person, whoever asks it to", async () => {
      await using store = await opened();
      for (const [i, kind] of (["send", "spend", "delete", "admin"] as const).entries())
        expect(await yes(store, await made(store, { useIndex: i, args: `${i}`, class: kind }), POLICY)).toMatchObject({
          refused: expect.stringContaining("needs a person's yes"),
        });
      const draft = await made(store, { useIndex: 5, args: "5", class: "draft", tainted: true });
      expect(await yes(store, draft, POLICY)).toMatchObject({ effect: { state: "approved", approvedBy: "policy" } });
      const write = await made(store, { useIndex: 6, args: "6", class: "write", tainted: true });
      expect(await yes(store, write, POLICY)).toMatchObject({ refused: expect.stringContaining("reading from outside") });
    });

    test("what was changed after the yes is not sent", async () => {
      await using store = await opened();
      const effect = await made(store);
      await yes(store, effect);
      await store.write("t.change", async (tx) => {
        const args = canonical({ to: "b@example.com" });
        await tx.db.updateTable("effects").set({ args }).where("id", "=", effect.id).execute();
      });
      expect(await begin(store, effect)).toMatchObject({
        kind: "no",
        effect: { state: "failed", note: "it is not what was approved", sentAt: null },
      });
    });

    test("the same draft of two versions is made once", async () => {
      await using store = await opened();
      const [first, second] = [await made(store, { class: "draft" }), await made(store, { class: "draft", revision: 1 })];
      expect(second.id).not.toBe(first.id);
      expect(await yes(store, first, POLICY)).toMatchObject({ effect: { state: "approved" } });
      expect(await yes(store, second, POLICY)).toMatchObject({ refused: `the same was approved already as ${first.id}` });
    });

    test("of many senders at once one wins", async () => {
      await using store = await opened();
      const effect = await made(store);
      await yes(store, effect);
      const starts = await Promise.all(Array.from({ length: 12 }, (_, i) => begin(store, effect, NO_LIMITS, `proc_${i}`)));
      expect(starts.filter((start) => start.kind === "sent").length).toBe(1);
      const events = await store.read((read) => listEvents(read, {}));
      expect(events.filter((event) => event.type === "effect.sent").length).toBe(1);
    });

    test("limits are counted where they are used up: recipients of one send, sends in 24 hours, also of many at once", async () => {
      await using store = await opened();
      const effects: Effect[] = [];
      for (let i = 0; i < 6; i++) {
        const effect = await made(store, { useIndex: i, args: `${i}`, recipients: i === 5 ? 51 : 50 });
        await yes(store, effect);
        effects.push(effect);
      }
      const limits = { maxRecipients: 50, perDay: 3 };
      const starts = await Promise.all(effects.map((effect) => begin(store, effect, limits)));
      expect(starts.filter((start) => start.kind === "sent").length).toBe(3);
      expect(starts.filter((start) => start.kind === "later")).toMatchObject([
        { at: NOON + 24 * HOUR },
        { at: NOON + 24 * HOUR },
      ]);
      expect(starts[5]).toMatchObject({
        kind: "no",
        effect: { state: "failed", note: "51 recipients are more than the 50 of one send" },
      });
      const left = effects.filter((_, i) => starts[i]?.kind === "later");
      const [waits] = left;
      if (!waits) throw new Error("nothing waits");
      // A day later there is room again; the approval may be over by then.
      expect(await begin(at(store.real, NOON + 24 * HOUR - 1), waits, limits)).toMatchObject({ kind: "later" });
      expect(await begin(at(store.real, NOON + 24 * HOUR), waits, limits)).toMatchObject({
        kind: "no",
        effect: { state: "expired" },
      });
      expect(await begin(store, waits, { maxRecipients: null, perDay: 0 })).toMatchObject({ kind: "no" });
    });

    test("an expiry never approves, and ends what was approved and not sent", async () => {
      await using store = await opened();
      const [asked, approved] = [await made(store), await made(store, { useIndex: 1, args: "1" })];
      await yes(store, approved);
      const late = at(store.real, NOON + 24 * HOUR);
      expect(await store.write("t.x", (tx) => expireEffects(tx))).toBe(0);
      expect(await late.write("t.x", (tx) => expireEffects(tx))).toBe(2);
      expect([await stateOf(store, asked), await stateOf(store, approved)]).toEqual(["expired", "expired"]);
      expect(await begin(late, approved)).toMatchObject({ kind: "no" });
    });

    test("a send whose process is gone is unknown, never approved again; a late answer or a person ends it", async () => {
      await using store = await opened();
      const effects = [];
      for (let i = 0; i < 3; i++) {
        const effect = await made(store, { useIndex: i, args: `${i}` });
        await yes(store, effect);
        await begin(store, effect);
        effects.push(effect);
      }
      const [mine, lost, late] = effects as [Effect, Effect, Effect];
      const own = { sender: "proc_2", inHand: new Set<string>() };
      expect(await store.write("t.o", (tx) => orphanSends(tx, own))).toBe(0);
      const still = { sender: "proc_1", inHand: new Set([mine.id]) };
      expect(await store.write("t.o", (tx) => orphanSends(tx, still))).toBe(2);
      await store.write("t.g", (tx) => removeProcesses(tx, ["proc_1"]));
      expect(await store.write("t.o", (tx) => orphanSends(tx, own))).toBe(1);
      for (const effect of effects) expect(await stateOf(store, effect)).toBe("unknown");
      expect(await begin(store, lost)).toMatchObject({ kind: "no", effect: { state: "unknown" } });
      expect(await end(store, late, "confirmed")).toMatchObject({ state: "confirmed" });
      const given = await store.write("t.r", (tx) =>
        resolveEffect(tx, lost.id, { happened: false, by: "a person", note: "looked" }),
      );
      expect(given).toMatchObject({ effect: { state: "failed", note: "a person says that it did not happen: looked" } });
      expect(await store.write("t.r", (tx) => resolveEffect(tx, lost.id, { happened: true, by: "x", note: null }))).toMatchObject(
        {
          refused: expect.stringContaining("it is failed"),
        },
      );
      // What has ended stays as it ended.
      expect(await end(store, lost, "confirmed")).toMatchObject({ state: "failed" });
    });

    test("the kill switch drops all that has not left, takes nothing new, and names what cannot be taken back", async () => {
      await using store = await opened();
      const [intent, approved, sent, draft] = [
        await made(store),
        await made(store, { useIndex: 1, args: "1" }),
        await made(store, { useIndex: 2, args: "2" }),
        await made(store, { useIndex: 3, args: "3", class: "draft" }),
      ];
      for (const effect of [approved, sent, draft]) await yes(store, effect);
      for (const effect of [sent, draft]) await begin(store, effect);
      await end(store, draft, "confirmed");
      const { stopped, gone } = await store.write("t.s", (tx) => stopEffects(tx, "a person"));
      expect(stopped.map((effect) => effect.id)).toEqual([intent.id, approved.id]);
      expect(gone.map((effect) => effect.id)).toEqual([sent.id]);
      const refused = { refused: "everything outside was stopped by a person at 2026-11-21 12:00 UTC" };
      expect(await store.write("t.p", (tx) => proposeEffect(tx, wanted({ useIndex: 9, args: "9" })))).toEqual(refused);
      expect(await begin(store, approved)).toMatchObject({ kind: "no", effect: { state: "stopped" } });
      // What is asked again at its place is told how it stands.
      expect(await made(store)).toMatchObject({ id: intent.id, state: "stopped" });
      expect(await end(store, sent, "confirmed")).toMatchObject({ state: "confirmed" });
      expect(await store.write("t.u", (tx) => resumeEffects(tx))).toBe(true);
      expect(await store.write("t.u", (tx) => resumeEffects(tx))).toBe(false);
      expect((await made(store, { useIndex: 9, args: "9" })).state).toBe("intent");
      expect(await stateOf(store, approved)).toBe("stopped");
    });

    test("an effect of a rehearsal is approved only into failed", async () => {
      await using store = await opened();
      const effect = await made(store, { rehearsal: true });
      expect(await yes(store, effect)).toMatchObject({ effect: { state: "failed", note: "a rehearsal does nothing outside" } });
      expect(await begin(store, effect)).toMatchObject({ kind: "no" });
      const events = await store.read((read) => listEvents(read, {}));
      expect(events.map((event) => `${event.type} ${event.rehearsal}`)).toEqual([
        "effect.proposed true",
        "effect.approved true",
        "effect.failed true",
      ]);
    });

    test("no sequence of calls leaves the machine, and nothing is sent twice", async () => {
      await using store = await opened();
      let run = 0;
      const step = fc.record({
        call: fc.constantFrom(
          "propose",
          "approve",
          "policy",
          "wrong",
          "reject",
          "expire",
          "withdraw",
          "send",
          "end",
          "orphan",
          "resolve",
          "stop",
          "resume",
          "fail",
        ),
        which: fc.nat(2),
        how: fc.constantFrom("confirmed", "failed", "unknown"),
        late: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
          // A task of its own for each run: what earlier ones left is not in the way.
          const taskId = `task_${++run}`;
          await store.write("t.t", (tx) => addTask(tx, { id: taskId, goal_id: "goal_a", status: "done" }));
          const kinds: ActionClass[] = ["send", "draft", "write"];
          const known: (Effect | null)[] = [null, null, null];
          const states = async () =>
            new Map((await store.read((read) => listEffects(read, { taskId }))).map((effect) => [effect.id, effect.state]));
          let before = await states();
          for (const { call, which, how, late } of steps) {
            const clock = at(store.real, late ? NOON + 25 * HOUR : NOON);
            const effect = known[which];
            await clock.write("t.step", async (tx) => {
              const id = effect?.id ?? "act_none";
              const hash = effect?.hash ?? "";
              if (call === "propose") {
                const change = { taskId, useIndex: which, args: `${which}`, class: kinds[which] ?? "send", rehearsal: false };
                const noted = await proposeEffect(tx, wanted(change));
                if ("effect" in noted) known[which] = noted.effect;
              } else if (call === "approve") await approveEffect(tx, id, { hash, by: "a person" });
              else if (call === "policy") await approveEffect(tx, id, { hash, by: POLICY });
              else if (call === "wrong") await approveEffect(tx, id, { hash: "other", by: "a person" });
              else if (call === "reject") await rejectEffect(tx, id, { by: "a person", note: null });
              else if (call === "expire") await expireEffects(tx);
              else if (call === "withdraw") await withdrawEffects(tx, taskId, null);
              else if (call === "stop") await stopEffects(tx, "a person");
              else if (call === "resume") await resumeEffects(tx);
              else if (call === "orphan") await orphanSends(tx, { sender: "proc_1", inHand: new Set() });
              else if (call === "resolve") await resolveEffect(tx, id, { happened: late, by: "a person", note: null });
              else if (!effect) return;
              else if (call === "send") await startSending(tx, id, "proc_1", { maxRecipients: 5, perDay: null });
              else if (call === "end") await endSending(tx, id, { state: how as "failed", result: null, note: null });
              else await failUnsent(tx, id, "the tool has changed");
            });
            const after = await states();
            for (const [id, state] of after) {
              const was = before.get(id);
              if (was === undefined) expect(state).toBe("intent");
              else if (was !== state) expect(reachable(was).has(state)).toBe(true);
            }
            for (const id of before.keys()) expect(after.has(id)).toBe(true);
            before = after;
          }
          const events = await store.read((read) => listEvents(read, { limit: 100_000 }));
          const own = events.filter((event) => event.taskId === taskId && "effectId" in event);
          for (const id of before.keys()) {
            const path = own
              .filter((event) => "effectId" in event && event.effectId === id)
              .map((event) => event.type.split(".")[1] ?? "");
            expect(path.filter((state) => state === "sent").length).toBeLessThanOrEqual(1);
            expect(path.slice(1).every((state, i) => reachableIn(i === 0 ? "proposed" : (path[i] ?? ""), state))).toBe(true);
            expect(path.at(-1)).toBe(before.get(id) === "intent" ? "proposed" : before.get(id));
          }
          await store.write("t.u", (tx) => resumeEffects(tx));
        }),
        { numRuns: name === "sqlite" ? 60 : 25 },
      );
    }, 120_000);

    test("what was read is kept as it came first, and found again at its place", async () => {
      await using store = await opened();
      const place = { goalId: "goal_a", subject: "task_a", revision: 0, step: "make", round: 1, useIndex: 0 };
      const one = {
        ...place,
        server: "web",
        tool: "read",
        args: "{}",
        text: "page\u0000",
        isError: false,
        bytes: 5,
        spilled: null,
        tainted: true,
        ms: 12.6,
        rehearsal: false,
      };
      const kept = await store.write("t.r", (tx) => storeRead(tx, one));
      expect(kept).toEqual({ ...one, text: "page\ufffd", ms: 13, at: NOON });
      expect(await store.write("t.r", (tx) => storeRead(tx, { ...one, text: "another" }))).toEqual(kept);
      expect(await store.read((read) => findRead(read, place))).toEqual(kept);
      expect(await store.read((read) => findRead(read, { ...place, round: 2 }))).toBeNull();
      await store.write("t.r", (tx) => storeRead(tx, { ...one, revision: 1 }));
      expect((await store.read((read) => readsOf(read, place))).length).toBe(1);
      expect(
        (await store.read((read) => readsOf(read, { goalId: "goal_a", subject: "task_a" }))).map((read) => read.revision),
      ).toEqual([0, 1]);
    });
  });
}

/** The states one step away. */
function stepsFrom(from: EffectState): EffectState[] {
  return EFFECT_STATES.filter((to) => {
    try {
      return toEffect(from, to) === to;
    } catch {
      return false;
    }
  });
}

/** One call may take two steps: approved, then failed at once. */
function reachable(from: EffectState): Set<EffectState> {
  return new Set(stepsFrom(from).flatMap((next) => [next, ...stepsFrom(next)]));
}

function reachableIn(from: string, to: string): boolean {
  return stepsFrom(from === "proposed" ? "intent" : (from as EffectState)).includes(to as EffectState);
}
