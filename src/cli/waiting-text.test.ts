/** What waits for a person, in the last lines of a goal and in the status: few words, and the command that answers. */

import { expect, test } from "bun:test";
import type { Effect } from "../domain/effect.ts";
import { waitingLines, waitingText } from "./waiting-text.ts";

const effect = (n: number, change: Partial<Effect> = {}): Effect => ({
  ...{
    id: `act_${String(n).padStart(26, "0")}`,
    hash: "h",
    server: "mail",
    tool: "send",
    toolHash: "h",
    args: "{}",
    class: "send",
  },
  ...{ goalId: "goal_a", taskId: "task_a", revision: 0, skill: null, preview: "", recipients: 1_200, cost: null, tainted: false },
  ...{
    state: "intent",
    blocked: null,
    approvedBy: null,
    approvedAt: null,
    expiresAt: 0,
    sender: null,
    sentAt: null,
    endedAt: null,
  },
  ...{ result: null, note: null, rehearsal: false, createdAt: 0 },
  ...change,
});
const REAL = { rehearsal: false };

test("nothing waits: nothing is said", () => {
  expect(waitingText({ answerable: [], unknown: [] }, REAL)).toEqual([]);
  expect(waitingLines({ answerable: 0, unknown: 0 })).toEqual([]);
});

test("one leads straight to it, several to the list, many are counted", () => {
  const one = waitingText({ answerable: [effect(1)], unknown: [] }, REAL);
  expect(one).toEqual([
    "1 action outside waits for your yes; until then it is not done:",
    "  Send to 1,200 recipients with mail.send",
    `       bun run start approvals act_${"1".padStart(26, "0")}`,
    "",
  ]);
  const many = waitingText({ answerable: Array.from({ length: 7 }, (_, i) => effect(i)), unknown: [] }, REAL);
  expect(many[0]).toBe("7 actions outside wait for your yes; until then none is done:");
  expect(many.slice(-3)).toEqual(["  and 2 more", "       bun run start approvals", ""]);
});

test("unknown ones say that nothing is done twice, blocked ones that they can only be rejected, names stay on their line", () => {
  const text = waitingText(
    { answerable: [effect(1, { blocked: "too many", tool: "a\nb\u001b[2J" })], unknown: [effect(2, { state: "unknown" })] },
    REAL,
  ).join("\n");
  expect(text).toContain("Send to 1,200 recipients with mail.a b[2J (it can only be rejected: too many)");
  expect(text).toContain("Nobody knows whether this happened, and nothing is done twice. Look outside, then say so:");
  expect(text).toContain(`bun run start effects act_${"2".padStart(26, "0")}`);
});

test("a rehearsal waits for nobody: it says what a real run would ask", () => {
  const text = waitingText({ answerable: [effect(1)], unknown: [] }, { rehearsal: true });
  expect(text[0]).toBe("A real run would ask for your yes to 1 action outside (a rehearsal does nothing outside):");
  expect(text.join()).not.toContain("bun run start");
});
