/** Kill -9 at each edge of the effect ledger: never two mails for one approval, and every lost answer is parked as unknown. */

import { expect, test } from "bun:test";
import { EDGES, killPoints, killSends, sendFaults, type SendFacts } from "../kill/effects.ts";

test("1,000 mails, two processes at a time, most of them killed at an edge: at most one mail for each approval", async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const begun = performance.now();
  const { kills, states, mails, faults } = await killSends({ sends: 1_000, seed });
  const all = Object.values(kills).reduce((sum, n) => sum + n, 0);
  console.log(
    `seed ${seed}: 1,000 approved, ${mails} mails out, ${all} kills, ${JSON.stringify(states)}, ${Math.round((performance.now() - begun) / 1000)} s`,
  );
  expect(faults).toEqual([]);
  for (const edge of EDGES) expect({ edge, killed: (kills[edge] ?? 0) > 0 }).toEqual({ edge, killed: true });
  expect(states.unknown ?? 0).toBeGreaterThan(200);
  expect(states.confirmed ?? 0).toBeGreaterThan(300);
}, 180_000);

test("killed at every named point of its own, the ledger goes on", async () => {
  const { points, kills, faults } = await killPoints();
  expect(faults).toEqual([]);
  expect(kills).toBe(points.length);
  expect(points.length).toBeGreaterThan(25);
}, 180_000);

test("the checks see planted faults", () => {
  const row = { id: "act_1", state: "confirmed" as const, args: "{}", tool: "send" };
  const mail = { key: "act_1", tool: "send", subject: "s", fate: "answered" as const };
  const good: SendFacts = { effects: [row], sent: ["act_1"], requests: [mail] };
  const dropped = { ...mail, fate: "accepted, then dropped" as const };
  expect(sendFaults(good)).toEqual([]);
  expect(sendFaults({ ...good, effects: [{ ...row, state: "unknown" }], requests: [dropped] })).toEqual([]);
  expect(sendFaults({ ...good, requests: [mail, mail] }).length).toBeGreaterThan(1);
  expect(sendFaults({ ...good, requests: [] })).toHaveLength(1);
  expect(sendFaults({ ...good, sent: ["act_1", "act_1"] })).toHaveLength(1);
  expect(sendFaults({ ...good, sent: [] })).toHaveLength(1);
  expect(sendFaults({ ...good, effects: [{ ...row, state: "sent" }] }).length).toBeGreaterThan(0);
  expect(sendFaults({ ...good, effects: [{ ...row, state: "failed" }] })).toHaveLength(1);
  expect(sendFaults({ ...good, requests: [dropped] })).toHaveLength(1);
  expect(sendFaults({ ...good, requests: [mail, { ...mail, key: "act_2" }] })).toHaveLength(1);
});
