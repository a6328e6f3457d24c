import { openSqliteStore } from "../src/store/sqlite/store.ts";
import { scopeState } from "../src/store/calls.ts";
import { silentLog } from "../src/log/log.ts";
import { rmSync } from "node:fs";
rmSync("/tmp/bt/k", {recursive:true, force:true});
const store = await openSqliteStore({ path: "/tmp/bt/k/x.db", tenant: "t", now: Date.now, log: silentLog, reached() {} });
for (const n of [50, 100, 200, 500, 2000, 5000, 20000]) {
  const b = performance.now();
  for (let i = 0; i < n; i++) await store.read(async (r) => { await scopeState(r, { kind: "day", id: "x", cap: 1 }, true); });
  console.log(n, ((performance.now() - b) / n).toFixed(4), "ms per read");
}
await Bun.sleep(200);
for (let k=0;k<5;k++){ await Bun.sleep(200); const b = performance.now(); await store.read(async (r) => { await scopeState(r, { kind: "day", id: "x", cap: 1 }, true); }); console.log("after idle", (performance.now()-b).toFixed(3)); }
for (let k=0;k<5;k++){ await Bun.sleep(200); const b = performance.now(); await store.write("x", async (r) => { await r.db.insertInto("meta").values({key:"a"+k,value:"x".repeat(500)}).execute(); }); console.log("write after idle", (performance.now()-b).toFixed(3)); }
await store.close();
import { Database } from "bun:sqlite";
const db = new Database("/tmp/bt/x.db"); db.run("pragma synchronous=full");
const ins = db.query("insert into t(b) values(?)"), be=db.query("begin immediate"), co=db.query("commit");
for (let k=0;k<6;k++){ await Bun.sleep(200); const b = performance.now(); be.run(); ins.run("x".repeat(5000)); co.run(); console.log("bare write after idle", (performance.now()-b).toFixed(3)); }
