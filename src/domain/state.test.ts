/** State machines: no sequence of allowed moves leaves the tables, and what has ended has no way out. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CALL_STATES, CALL_TRANSITIONS } from "./call.ts";
import { GOAL_ENDED, GOAL_STATUSES, GOAL_TRANSITIONS } from "./goal.ts";
import { transition, TransitionError } from "./state.ts";
import { TASK_ENDED, TASK_STATUSES, TASK_TRANSITIONS } from "./task.ts";

// A task that is done has ended, and may be sent back once more: a contradiction with other work is found at the goal's end.
type Table = Record<string, readonly string[]>;
const MACHINES: readonly { name: string; states: readonly string[]; table: Table; start: string; ended: readonly string[] }[] = [
  { name: "goal", states: GOAL_STATUSES, table: GOAL_TRANSITIONS, start: "running", ended: GOAL_ENDED },
  {
    name: "task",
    states: TASK_STATUSES,
    table: TASK_TRANSITIONS,
    start: "waiting",
    ended: TASK_ENDED.filter((state) => state !== "done"),
  },
  { name: "call", states: CALL_STATES, table: CALL_TRANSITIONS, start: "held", ended: ["settled", "released"] },
];

for (const { name, states, table, start, ended } of MACHINES) {
  describe(name, () => {
    test("any walk of allowed moves stays inside the table", () => {
      fc.assert(
        fc.property(fc.array(fc.nat(), { maxLength: 60 }), (choices) => {
          let at = start;
          for (const choice of choices) {
            const next = table[at] ?? [];
            if (next.length === 0) {
              expect(ended).toContain(at);
              break;
            }
            at = transition(name, table, at, next[choice % next.length] ?? "");
            expect(states).toContain(at);
          }
        }),
      );
    });

    test("every pair that is not listed is refused, with both states named", () => {
      for (const from of states)
        for (const to of states) {
          if (table[from]?.includes(to)) expect(transition(name, table, from, to)).toBe(to);
          else {
            expect(() => transition(name, table, from, to)).toThrow(TransitionError);
            expect(() => transition(name, table, from, to)).toThrow(`${name} cannot go from ${from} to ${to}`);
          }
        }
    });

    test("the ended states are exactly those without a way out, and from every other one an end can be reached", () => {
      expect(states.filter((state) => table[state]?.length === 0).sort()).toEqual([...ended].sort());
      for (const state of states) {
        const seen = new Set([state]);
        for (const each of seen) for (const next of table[each] ?? []) seen.add(next);
        expect([...seen].some((each) => ended.includes(each))).toBe(true);
      }
    });
  });
}
