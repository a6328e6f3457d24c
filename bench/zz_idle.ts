import { openSqliteStore } from "../src/store/sqlite/store.ts";
import { scopeState } from "../src/store/calls.ts";
import { silentLog } from "../src/log/log.ts";
import { rmSync } from "node:fs";
rmSync("/tmp/bt/k", {recursive:true, force:true});
const store = await openSqliteStore({ path: "/tmp/bt/k/x.db", tenant: "t", now: Date.now, log: silentLog, reached() {} });
const one = () => store.read(async (r) => { await scopeState(r, { kind: "day", id: "x", cap: 1 }, true); });
let sink = 0; const data = Array.from({length: 20000}, (_, i) => ({ a: i, b: "x" + i }));
const js = () => { for (const d of data) sink += d.a + d.b.length; };
for (let i = 0; i < 5000; i++) await one();
for (let i = 0; i < 500; i++) js();
const med = (v: number[]) => v.sort((a,b)=>a-b)[v.length>>1]!.toFixed(3);
for (const idle of [0, 1, 5, 20, 50, 200]) {
  const a: number[] = [], c: number[] = [], a2: number[]=[];
  for (let k = 0; k < 15; k++) { await Bun.sleep(idle); let b = performance.now(); await one(); a.push(performance.now()-b); b=performance.now(); await one(); a2.push(performance.now()-b); await Bun.sleep(idle); b = performance.now(); js(); c.push(performance.now()-b); }
  console.log("idle", idle, "read", med(a), "second", med(a2), "js", med(c));
}
await store.close();
