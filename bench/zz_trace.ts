import { openTeam, startServer, GOAL } from "./team.ts";
await using server = await startServer({ latencyMs: 200 });
await using team = await openTeam(server.url, { concurrency: 16 });
await team.run(GOAL);
const store = team.app.team.store as any;
const t0 = performance.now();
const lines: string[] = [];
const ow = store.write, or = store.read;
store.write = async (name: string, c: any) => { const b = performance.now(); let inner = 0; let startIn=0; const r = await ow(name, async (tx: any) => { const i = performance.now(); startIn=i; try { return await c(tx);} finally { inner = performance.now()-i; } }); const e=performance.now(); lines.push(`${(b-t0).toFixed(1)} write ${name} ${(e-b).toFixed(2)} wait ${(startIn-b).toFixed(2)} inner ${inner.toFixed(2)} commit+tell ${(e-startIn-inner).toFixed(2)}`); return r; };
store.read = async (q: any) => { const b = performance.now(); const r = await or(q); const e=performance.now(); lines.push(`${(b-t0).toFixed(1)} read ${(e-b).toFixed(2)} ${new Error().stack?.split("\n")[2]?.trim().slice(0,90)}`); return r; };
await team.run(GOAL);
const by = new Map<string, number[]>();
for (const l of lines) { const m = /^\S+ (write \S+|read) (\S+)/.exec(l)!; by.set(m[1]!, [...(by.get(m[1]!) ?? []), Number(m[2])]); }
for (const [k, v] of by) { v.sort((a,b)=>a-b); console.log(k, v.length, "median", v[v.length>>1], "max", v.at(-1), "sum", v.reduce((a,b)=>a+b,0).toFixed(1)); }
console.log(lines.sort((a,b)=>parseFloat(a)-parseFloat(b)).slice(0,400).join("\n"));
