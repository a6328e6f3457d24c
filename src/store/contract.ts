/** What every engine of the store must do: one suite, run by each. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { sql } from "kysely";
import type { StoredEvent } from "../domain/event.ts";
import { bench, failureOf, listenTo, type Subject } from "./contract-bench.ts";
import { histories, saveFile } from "./contract-child.ts";
import type { Migration } from "./migrations.ts";
import { StoreError, type Store, type Tx } from "./store.ts";

const note = (tx: Tx, by: string) => tx.emit({ type: "goal.resumed", goalId: "goal_1", taskId: null, by });
const by = (event: StoredEvent) => (event.type === "goal.resumed" ? event.by : event.type);

/** The suite. `fresh` makes a new, empty database for each test. */
export function storeContract(fresh: () => Promise<Subject>): void {
  test("a change that throws leaves nothing, neither rows nor events, and its own error comes out", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    const heard = listenTo(store);
    const thrown = new Error("no");
    const failed = store.write("x", async (tx) => {
      await tx.db.insertInto("contexts").values({ tenant: "t", version: 1, body: "", hash: "", created_at: 0 }).execute();
      note(tx, "nobody");
      throw thrown;
    });
    expect(await failureOf(failed)).toBe(thrown);
    await saveFile(store, "after");
    await heard.count(1);
    expect(heard.seen.map((event) => event.type)).toEqual(["output.edited"]);
    expect(await store.read(({ db }) => db.selectFrom("contexts").selectAll().execute())).toEqual([]);
  });

  test("changes made at once do not fall into each other's transaction", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    const one = (n: number) =>
      store.write("x", async (tx) => {
        for (const part of ["a", "b"]) {
          const path = `${n}/${part}`;
          await tx.db.insertInto("files").values({ tenant: "t", path, hash: "-", task_id: null, written_at: 0 }).execute();
        }
        if (n % 2 === 1) throw new Error("odd");
      });
    const ends = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => one(n)));
    expect(ends.filter((end) => end.status === "fulfilled")).toHaveLength(10);
    const wanted = Array.from({ length: 10 }, (_, n) => [`${n * 2}/a`, `${n * 2}/b`]).flat();
    expect(await at.files(store)).toEqual(wanted.toSorted());
  });

  test("eight writers in two stores claim each row once", async () => {
    await using at = await bench(fresh);
    const stores = [await at.open(), await at.open()];
    for (let n = 0; n < 40; n++) await saveFile(stores[0] as Store, `${n}`);
    const claim = (store: Store) =>
      store.write("claim", async (tx) => {
        let open = tx.db.selectFrom("files").select("path").where("task_id", "is", null).orderBy("path").limit(1);
        if (tx.engine === "postgres") open = open.forUpdate().skipLocked();
        const next = await open.executeTakeFirst();
        if (!next) return null;
        const done = await tx.db
          .updateTable("files")
          .set({ task_id: "x" })
          .where("path", "=", next.path)
          .where("task_id", "is", null)
          .execute();
        expect(done[0]?.numUpdatedRows).toBe(1n);
        return next.path;
      });
    const claimed: string[] = [];
    const worker = async (_: unknown, n: number) => {
      for (let path = await claim(stores[n % 2] as Store); path !== null; path = await claim(stores[n % 2] as Store))
        claimed.push(path);
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(claimed).toHaveLength(40);
    expect(new Set(claimed).size).toBe(40);
  });

  test("changed rows are counted, and numbers are numbers", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    const large = 2 ** 52 + 1;
    await store.write("x", async (tx) => {
      const scope = { tenant: "t", kind: "day", rehearsal: 0, held: 0, allowed: large, level: "ok" };
      const rows = ["a", "b", "c"].map((id) => ({ ...scope, id, spent: 1 }));
      expect((await tx.db.insertInto("scopes").values(rows).execute())[0]?.numInsertedOrUpdatedRows).toBe(3n);
      const update = tx.db.updateTable("scopes").set({ held: 2 });
      expect((await update.execute())[0]?.numUpdatedRows).toBe(3n);
      expect((await update.where("id", "=", "z").execute())[0]?.numUpdatedRows).toBe(0n);
      expect(await update.where("id", "=", "b").returning(["id", "allowed"]).execute()).toEqual([{ id: "b", allowed: large }]);
      const raw = await sql`update scopes set held = 3 where id <> 'c'`.execute(tx.db);
      expect(raw.numAffectedRows).toBe(2n);
      const returned = await sql`update scopes set held = 3 where id = 'b' returning id`.execute(tx.db);
      expect(returned).toMatchObject({ numAffectedRows: 1n, rows: [{ id: "b" }] });
      expect((await tx.db.deleteFrom("scopes").where("id", "=", "a").execute())[0]?.numDeletedRows).toBe(1n);
    });
    const totals = await store.read(({ db }) =>
      db
        .selectFrom("scopes")
        .select((eb) => [eb.fn.countAll<number>().as("rows"), eb.fn.sum<number>("held").as("held")])
        .execute(),
    );
    expect(totals).toEqual([{ rows: 2, held: 5 }]);
  });

  test("an event is told as it was emitted, once its write has ended, with the time of its transaction", async () => {
    await using at = await bench(fresh);
    const store = await at.open({ now: () => 1234 });
    const heard = listenTo(store);
    await store.write("x", async (tx) => {
      tx.emit({
        type: "task.reviewed",
        goalId: "goal_1",
        taskId: "task_1",
        revision: 2,
        reviewer: "director",
        verdict: "REVISE",
        score: 6.5,
      });
      tx.emit({ type: "goal.cancelled", goalId: "goal_1", taskId: null }, { rehearsal: true });
    });
    expect(heard.seen).toEqual([
      {
        seq: expect.any(Number),
        at: 1234,
        rehearsal: false,
        type: "task.reviewed",
        goalId: "goal_1",
        taskId: "task_1",
        revision: 2,
        reviewer: "director",
        verdict: "REVISE",
        score: 6.5,
      },
      { seq: (heard.seen[0]?.seq ?? 0) + 1, at: 1234, rehearsal: true, type: "goal.cancelled", goalId: "goal_1", taskId: null },
    ]);
    const [stored] = await at.events(store);
    expect(JSON.parse(stored?.data ?? "")).toEqual({ revision: 2, reviewer: "director", verdict: "REVISE", score: 6.5 });
  });

  test("a subscription begins now, ends when told, is for one tenant, and outlives a handler that throws", async () => {
    await using at = await bench(fresh);
    const [store, other] = [await at.open(), await at.open({ tenant: "u" })];
    const write = (to: Store, name: string) => to.write("x", async (tx) => note(tx, name));
    await write(store, "before");
    store.subscribe(() => {
      throw new Error("a bad handler");
    });
    const first = listenTo(store);
    await write(store, "one");
    const second = listenTo(store);
    await write(other, "another tenant's");
    await write(store, "two");
    first.stop();
    await write(store, "three");
    expect(first.seen.map(by)).toEqual(["one", "two"]);
    expect(second.seen.map(by)).toEqual(["two", "three"]);
  });

  test("under concurrent writers every subscriber of every store hears every event once, in order", async () => {
    await using at = await bench(fresh);
    const stores = [await at.open(), await at.open(), await at.open()];
    const heard = stores.map(listenTo);
    // A read returns after the subscription has begun.
    await Promise.all(stores.map((store) => at.files(store)));
    const writer = async (_: unknown, n: number) => {
      for (let i = 0; i < 25; i++) {
        const broken = i % 5 === 0;
        const write = (stores[n % 2] as Store).write("x", async (tx) => {
          for (const part of ["a", "b"]) note(tx, `${n}.${i}.${part}`);
          if (broken) throw new Error("on purpose");
        });
        await write.catch((error: Error) => expect(error.message).toBe("on purpose"));
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    await Promise.all(heard.map(({ count }) => count(320)));
    const table = await at.events(stores[0] as Store);
    expect(table).toHaveLength(320);
    for (const { seen } of heard) expect(seen.map((event) => event.seq)).toEqual(table.map((row) => row.seq));
    const together = heard[2]?.seen.map(by) ?? [];
    for (let i = 0; i < together.length; i += 2) expect(together[i + 1]).toBe(together[i]?.replace("a", "b"));
  });

  test("events of another process are heard", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    const heard = listenTo(store);
    await at.files(store);
    const child = await at.run({ worker: "far", writes: 3 });
    expect(child).toMatchObject({ exit: 0, err: "" });
    await heard.count(3);
    expect(heard.seen.map((event) => (event.type === "output.edited" ? event.path : ""))).toEqual(["far/0", "far/1", "far/2"]);
  });

  test("two processes that hammer one database lose nothing and are never refused", async () => {
    await using at = await bench(fresh);
    const ends = await Promise.all(["p", "q"].map((worker) => at.run({ worker, writes: 200, parallel: 4 })));
    for (const end of ends) expect(end).toMatchObject({ exit: 0, err: "" });
    const store = await at.open();
    expect(await at.files(store)).toHaveLength(400);
    expect(await at.events(store)).toHaveLength(400);
  });

  test("what was acknowledged survives kill -9, and rows and events agree", async () => {
    await using at = await bench(fresh);
    const acknowledged: string[] = [];
    for (const [round, enough] of [3, 40, 17, 90].entries()) {
      const child = at.spawn({ worker: `r${round}`, writes: null, parallel: 3 });
      let text = "";
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (text.split("saved").length > enough) child.kill("SIGKILL");
      }
      await child.exited;
      expect(child.signalCode).toBe("SIGKILL");
      acknowledged.push(...[...text.matchAll(/^saved (.+)\n/gm)].map((match) => match[1] ?? ""));
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(150);
    const store = await at.open();
    const files = await at.files(store);
    expect(new Set(files).isSupersetOf(new Set(acknowledged))).toBe(true);
    const told = (await at.events(store)).map((row) => (JSON.parse(row.data) as { path: string }).path);
    expect(told.toSorted()).toEqual(files.toSorted());
    expect(await store.check()).toEqual([]);
  });

  test("killed before the commit nothing is saved; killed after it everything is", async () => {
    await using at = await bench(fresh);
    const before = await at.run({ worker: "before", writes: 1, dieAt: "file.save:before-commit" });
    const after = await at.run({ worker: "after", writes: 1, dieAt: "file.save:after-commit" });
    expect([before.signal, after.signal]).toEqual(["SIGKILL", "SIGKILL"]);
    const store = await at.open();
    expect(await at.files(store)).toEqual(["after/0"]);
    expect(await at.events(store)).toHaveLength(1);
  });

  test("a migration that was killed half-way is done again from its beginning, and only once", async () => {
    await using at = await bench(fresh);
    for (const dieAt of [
      "0001-initial:before",
      "0001-initial:after",
      "0002-shelf:before",
      "0002-shelf:after",
      "0003-wider:before",
    ]) {
      const end = await at.run({ history: "longer", dieAt: `migrate ${dieAt}-commit` });
      expect(end).toMatchObject({ signal: "SIGKILL" });
    }
    expect((await at.run({ history: "longer" })).lines.filter((line) => line.endsWith("after-commit"))).toEqual([
      "migrate 0003-wider:after-commit",
    ]);
    const store = await at.open({ migrations: histories.longer });
    const shelf = await store.read(({ db }) => sql<{ id: string; width: null }>`select id, width from shelf`.execute(db));
    expect(shelf.rows).toEqual([{ id: "one", width: null }]);
    expect(await store.check()).toEqual([]);
  });

  test("of four processes that start together one migrates", async () => {
    await using at = await bench(fresh);
    const ends = await Promise.all(["a", "b", "c", "d"].map((worker) => at.run({ worker, history: "longer", writes: 1 })));
    for (const end of ends) expect(end).toMatchObject({ exit: 0, err: "" });
    const applied = ends.flatMap((end) => end.lines.filter((line) => line.endsWith(":after-commit")));
    expect(applied.toSorted()).toEqual(histories.longer.map(({ name }) => `migrate ${name}:after-commit`).toSorted());
  });

  test("a database of a newer version, or of a rewritten migration, is refused and left alone", async () => {
    await using at = await bench(fresh);
    await (await at.open({ migrations: histories.longer })).close();
    const refusal = await failureOf(at.open());
    expect(refusal).toBeInstanceOf(StoreError);
    expect(refusal).toMatchObject({ code: "newer", message: expect.stringContaining("0002-shelf") });
    const rewritten = histories.longer.map((entry): Migration =>
      entry.name === "0003-wider" ? { ...entry, sql: () => ["select 1"] } : entry,
    );
    expect(await failureOf(at.open({ migrations: rewritten }))).toMatchObject({
      code: "newer",
      message: expect.stringContaining("0003-wider"),
    });
    expect(await (await at.open({ migrations: histories.longer })).check()).toEqual([]);
  });

  test("a migration that fails leaves the schema as it was", async () => {
    await using at = await bench(fresh);
    const broken: Migration = { name: "0002-broken", sql: () => ["create table half (id text)", "create table half (id text)"] };
    expect(String(await failureOf(at.open({ migrations: [...histories.shipped, broken] })))).toContain("half");
    const store = await at.open();
    expect(String(await failureOf(store.read(({ db }) => sql`select * from half`.execute(db))))).toContain("half");
  });

  test("check names the table and the column that are missing", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    expect(await store.check()).toEqual([]);
    await store.write("x", async ({ db }) => {
      await sql`drop table reviews`.execute(db);
      await sql`alter table goals drop column quote`.execute(db);
    });
    expect(await store.check()).toEqual(["the table reviews is missing", "the column quote of the table goals is missing"]);
  });

  test("a backup taken while others write can be opened, and is never written over", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    for (const path of ["a", "b", "c"]) await saveFile(store, path);
    const copy = join(at.folder, "copy");
    await Promise.all([store.backup(copy), ...Array.from({ length: 20 }, (_, n) => saveFile(store, `later/${n}`))]);
    const saved = await at.subject.filesOfBackup(copy);
    expect(saved.filter((path) => !path.startsWith("later/"))).toEqual(["a", "b", "c"]);
    const refusal = await failureOf(store.backup(copy));
    expect(refusal).toBeInstanceOf(StoreError);
    expect(String(refusal)).toContain("is there already");
    expect(await at.subject.filesOfBackup(copy)).toEqual(saved);
  });

  test("a write inside a write is refused instead of waiting for itself", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    const nested = store.write("outer", () => store.write("inner", async () => {}));
    expect(String(await failureOf(nested))).toContain('store.write("inner") inside store.write("outer")');
    await saveFile(store, "goes on");
    expect(await at.files(store)).toEqual(["goes on"]);
  });

  test("closing waits for what is under way, and refuses what comes later", async () => {
    await using at = await bench(fresh);
    const store = await at.open();
    const writing = Promise.all(Array.from({ length: 5 }, (_, n) => saveFile(store, `${n}`)));
    await store.close();
    await writing;
    expect(String(await failureOf(saveFile(store, "late")))).toContain("the store is closed");
    expect(await at.files(await at.open())).toHaveLength(5);
  });
}
