/** Frames of the tree at several sizes: what is said, that it fits, and that nothing of a text moves the cursor. */

import { describe, expect, test } from "bun:test";
import { nano } from "../../domain/money.ts";
import { styles } from "../output.ts";
import { frame, type FrameOptions } from "./frame.ts";
import { halfway, planned, play, record, START, task } from "./recorded.ts";
import { cut, elapsed, fit, thousands } from "./words.ts";

const AT: FrameOptions = { columns: 100, rows: 40, now: START + 20_000, style: styles(false), ended: false };

test("at 100 columns every figure is there", () => {
  expect(frame(halfway(), AT)).toEqual([
    "Grow signups",
    "Research 1/2",
    "  ✔ customer-research           sonnet-5-5        8.4   12.3k    $0.06       7s",
    "  ⠋ competitor-profiling        sonnet-5-5  v2    6.1   11.0k    $0.07       9s  sent back: names …",
    "  ○ gate",
    "Draft 0/1",
    "  ○ landing-page (page-writer)",
    "",
    "23.3k tokens · $0.13 of $20.00 · 20s · ctrl-c to stop",
  ]);
});

test("at 64 columns the least needed figures go", () => {
  expect(frame(halfway(), { ...AT, columns: 64 })).toEqual([
    "Grow signups",
    "Research 1/2",
    "  ✔ customer-research           8.4       7s",
    "  ⠋ competitor-profiling  v2    6.1       9s  sent back: names…",
    "  ○ gate",
    "Draft 0/1",
    "  ○ landing-page",
    "",
    "23.3k tokens · $0.13 of $20.00 · 20s · ctrl-c to stop",
  ]);
});

test("at 40 columns names and what happens are left", () => {
  expect(frame(halfway(), { ...AT, columns: 40 })).toEqual([
    "Grow signups",
    "Research 1/2",
    "  ✔ customer-research",
    "  ⠋ competitor-profiling  sent back: n…",
    "  ○ gate",
    "Draft 0/1",
    "  ○ landing-page",
    "",
    "$0.13 of $20.00 · 20s · ctrl-c to stop",
  ]);
});

test("with too few rows, phases where nothing happens fold; the last frame is whole", () => {
  const short = frame(halfway(), { ...AT, columns: 64, rows: 5 });
  expect(short).toEqual([
    "Grow signups",
    "Research 1/2",
    "  ⠋ competitor-profiling  v2    6.1       9s  sent back: names…",
    "Draft 0/1",
    "23.3k tokens · $0.13 of $20.00 · 20s · ctrl-c to stop",
  ]);
  const last = frame(halfway(), { ...AT, rows: null, ended: true });
  expect(last).toHaveLength(9);
  expect(last.at(-1)).toBe("23.3k tokens · $0.13 of $20.00 · 20s");
});

test("at 8 rows a big plan shows what is at work, and counts", () => {
  const names = Array.from({ length: 20 }, (_, i) => `task-${i + 1}`);
  const status = (i: number) => (i < 9 ? "done" : i < 16 ? "running" : i === 16 ? "failed" : i === 17 ? "blocked" : "waiting");
  const state = planned({
    phases: ["A", "B"],
    tasks: names.map((name, i) =>
      task(name, i < 10 ? "A" : "B", { status: status(i), step: i < 9 ? null : "make", since: START }),
    ),
  });
  expect(frame(state, { ...AT, columns: 64, rows: 7 }).map((row) => row.replace(/ {2,}/g, "  "))).toEqual([
    "⠋ task-10  20s  writing",
    "⠋ task-11  20s  writing",
    "⠋ task-12  20s  writing",
    "⠋ task-13  20s  writing",
    "  and 3 more at work",
    "9/20 done · 1 failed · 1 blocked · 2 waiting",
    "0 tokens · $0.00 of $20.00 · 20s · ctrl-c to stop",
  ]);
});

describe("whatever the size", () => {
  const wide = planned({
    title: "新規登録を二割増やすための計画と、その実行について 👩‍👩‍👧‍👦".repeat(3),
    phases: ["調査調査調査調査調査調査調査", "Draft"],
    tasks: [
      task("customer-research", "調査調査調査調査調査調査調査", {
        status: "failed",
        note: "失敗した理由は長い\u001b[31m\u0007\n次の行 ".repeat(10),
        model: "claude-sonnet-5-5",
      }),
      task("landing-page", "Draft", { status: "running", since: START, step: "review:copy-editing" }),
      task("report", "", { kind: "report", status: "running" }),
    ],
    questions: [{ id: "ask_1", title: "?", taskId: null }],
  });
  for (const state of [halfway(), wide, { ...wide, phases: [] }]) {
    for (const color of [true, false]) {
      test(`nothing is wider or higher than the terminal (${Bun.stringWidth(state.title)} wide title, colour ${color})`, () => {
        for (const columns of [1, 2, 5, 13, 21, 40, 41, 63, 64, 80, 100, 181]) {
          for (const rows of [1, 2, 3, 5, 7, 8, 9, 24]) {
            const lines = frame(state, { ...AT, columns, rows, style: styles(color) });
            expect(lines.length).toBeLessThanOrEqual(rows);
            for (const line of lines) {
              expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
              expect(line.replace(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
              if (!color) expect(line).not.toContain("\u001b");
            }
          }
        }
      });
    }
  }
});

describe("the goal as a whole", () => {
  const planning = planned({ title: "As typed", phases: [], tasks: [task("plan", "Plan", { kind: "plan", status: "ready" })] });
  const rows = (state: typeof planning, options: Partial<FrameOptions> = {}) => frame(state, { ...AT, ...options });

  test("planning is one row", () => {
    const tape = record();
    tape.started("plan");
    tape.say("call.held", "plan", { callId: "a", step: "plan", model: "claude-opus-5-5", hold: 1, attempt: 1 });
    expect(rows(play(planning, tape.events))).toEqual(["⠋ Planning  opus-5-5  20s  ctrl-c to stop"]);
    tape.say("goal.paused", null, { pause: "model_away", reason: "no answer in 6 attempts" });
    expect(rows(play(planning, tape.events), { ended: true })).toEqual(["‖ Planning paused: no answer in 6 attempts"]);
    tape.say("goal.failed", null, { reason: "no usable plan" });
    expect(rows(play(planning, tape.events))).toEqual(["✖ Planning failed: no usable plan"]);
  });

  test("a task that waits for a person says so, and the pause says why", () => {
    const tape = record();
    tape.say("question.asked", "customer-research", { questionId: "ask_1", kind: "quality", title: "Take it?" });
    tape.say("task.blocked", "customer-research", { reason: "Take it?", questionId: "ask_1" });
    const blocked = rows(play(planned(), tape.events));
    expect(blocked).toContain("  ‖ customer-research           waits for you: Take it?");
    expect(blocked.at(-2)).toBe("‖ a question waits for you; the rest goes on");
    tape.say("goal.paused", null, { pause: "question", reason: "Take it?" });
    expect(rows(play(planned(), tape.events)).at(-2)).toBe("‖ paused: Take it?");
  });

  test("a rehearsal does not look like money spent", () => {
    const footer = (columns: number) => frame({ ...halfway(), rehearsal: true }, { ...AT, columns }).at(-1);
    expect(footer(100)).toBe("23.3k tokens · $0.13 of $20.00 (rehearsal: nothing is spent) · 20s · ctrl-c to stop");
    expect(footer(64)).toBe("$0.13 (rehearsal, not spent) · 20s · ctrl-c to stop");
    expect(footer(40)).toBe("$0.13 rehearsed · 20s · ctrl-c to stop");
  });

  test("a gate says what it decided, a lost answer stays in sight, a busy model too", () => {
    const tape = record();
    const call = { step: "make", model: "claude-opus-5-5" };
    tape.say("gate.decided", "gate-1", { phase: "Research", changed: true, note: "one page more" });
    tape.say("task.done", "gate-1", { revision: 0, score: null });
    tape.started("customer-research");
    tape.say("call.held", "customer-research", { ...call, callId: "a", hold: nano(0.5), attempt: 1 });
    tape.say("call.unknown", "customer-research", { callId: "a", step: "make", hold: nano(0.5) });
    const before = rows(play(planned(), tape.events), { columns: 140 });
    expect(before).toContain("  ✔ gate  plan changed: one page more");
    expect(before[2]).toEndWith("answer lost, trying again");
    expect(before.at(-1)).toContain("$0.00 of $20.00 (and $0.50 held for a lost answer)");
    tape.say("call.held", "customer-research", { ...call, callId: "b", hold: nano(0.5), attempt: 2 });
    expect(rows(play(planned(), tape.events), { columns: 140 })[2]).toEndWith("writing, attempt 2 (answer lost)");
  });
});

describe("figures", () => {
  test.each([
    [0, "0s"],
    [59_999, "59s"],
    [62_000, "1m 02s"],
    [3_599_000, "59m 59s"],
    [7_800_000, "2h 10m"],
  ])("%p ms is %p", (ms, text) => {
    expect(elapsed(ms)).toBe(text);
  });

  test.each([
    [0, "0"],
    [999, "999"],
    [1_000, "1.0k"],
    [99_949, "99.9k"],
    [99_950, "100k"],
    [999_499, "999k"],
    [999_500, "1.0M"],
  ])("%p tokens are %p", (count, text) => {
    expect(thousands(count)).toBe(text);
  });

  test("a wide character is never cut in half", () => {
    expect([1, 2, 3, 4, 5, 6].map((width) => cut("日本語", width))).toEqual(["…", "…", "日…", "日…", "日本…", "日本語"]);
    expect(fit("日本語", 4)).toBe("日… ");
    expect(fit("7", 3, "right")).toBe("  7");
  });
});
