/** The pino adapter: what reaches the file, and what never may. */

import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log, LogFields } from "./log.ts";
import { createLog, type LogOptions } from "./pino.ts";

const CANARY = 'sk-canary+"42"/õ';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Writes through a log to a file, and reads what is in the file as soon as the calls have returned. */
function written(options: Partial<LogOptions>, use: (log: Log) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  const stream = openSync(path, "w");
  cleanups.push(() => closeSync(stream));
  use(createLog({ level: "info", format: "json", secrets: [], ...options, stream }));
  return readFileSync(path, "utf8");
}

function records(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

describe("a line", () => {
  test("is there when the call returns, with level, time, fields and message", () => {
    const [record] = records(written({}, (log) => log.info("task done", { taskId: "task_1", ms: 12 })));
    expect(record).toMatchObject({ level: "info", msg: "task done", taskId: "task_1", ms: 12, pid: process.pid });
    expect(record?.["time"]).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  test("below the level is not written, nor are its fields looked at", () => {
    const trap = {
      get field(): never {
        throw new Error("was looked at");
      },
    };
    expect(written({}, (log) => log.debug("quiet", trap))).toBe("");
    expect(written({ level: "silent" }, (log) => log.error("quiet"))).toBe("");
    expect(records(written({ level: "debug" }, (log) => log.debug("said")))).toHaveLength(1);
  });

  test("of a child carries its fields; the call's own win, and no key stands twice", () => {
    const text = written({}, (log) => log.child({ goalId: "goal_1", part: "a" }).child({ part: "b" }).warn("hm", { part: "c" }));
    expect(records(text)).toMatchObject([{ level: "warn", goalId: "goal_1", part: "c" }]);
    expect(text.match(/"part"/g)).toHaveLength(1);
  });

  test("keeps its own level, time and message when a field has the same name", () => {
    const [record] = records(written({}, (log) => log.info("budget", { level: "tight", msg: "other", time: 0 })));
    expect(record).toMatchObject({ level: "info", level_: "tight", msg: "budget", msg_: "other", time_: 0 });
  });

  test("does not take a message for a format", () => {
    expect(records(written({}, (log) => log.info("100%% of %s", { a: 1 })))).toMatchObject([{ msg: "100%% of %s" }]);
  });

  test("for people stands in one line with its fields, without colours unless asked for", () => {
    const text = written({ format: "pretty" }, (log) => log.info("task done", { taskId: "task_1" }));
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: task done \{"taskId":"task_1"\}\n$/);
    expect(written({ format: "pretty", color: true }, (log) => log.info("x"))).toContain("\u001b[");
  });
});

describe("an error in a field", () => {
  test("is written with message, code, cause and stack, at any depth", () => {
    const cause = Object.assign(new TypeError("socket closed"), { code: "ECONNRESET" });
    const error = new Error("call failed", { cause });
    const [record] = records(written({}, (log) => log.error("oh", { error, deep: { list: [error] } })));
    const shape = { message: "call failed", cause: { type: "TypeError", message: "socket closed", code: "ECONNRESET" } };
    expect(record).toMatchObject({ error: shape, deep: { list: [shape] } });
    expect(JSON.stringify(record)).toContain("pino.test.ts");
  });

  test("with several errors names each", () => {
    const error = new AggregateError([new Error("one"), new Error("two")], "both");
    expect(records(written({}, (log) => log.error("oh", { error })))).toMatchObject([
      { error: { message: "both", errors: [{ message: "one" }, { message: "two" }] } },
    ]);
  });
});

test("fields that JSON cannot hold do not break a line", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const error: Error & { cause?: unknown } = new Error("round");
  error.cause = error;
  const fields: LogFields = {
    circle,
    error,
    big: 10n,
    map: new Map([["a", 1n]]),
    set: new Set([1]),
    bytes: new Uint8Array(3),
    when: new Date(0),
    never: Number.NaN,
    call: () => {},
    bad: {
      toJSON() {
        throw new Error("no");
      },
    },
    nothing: undefined,
  };
  const [record] = records(written({}, (log) => log.info("odd", fields)));
  expect(record).toMatchObject({
    circle: { self: "[circular]" },
    error: { message: "round", cause: "[circular]" },
    big: "10",
    map: { a: "1" },
    set: [1],
    bytes: "[3 bytes]",
    when: "1970-01-01T00:00:00.000Z",
    never: "NaN",
    call: "[function]",
    bad: "[unreadable]",
    msg: "odd",
  });
});

describe.each(["json", "pretty"] as const)("a secret in %s", (format) => {
  const spellings = {
    plain: CANARY,
    json: JSON.stringify({ key: CANARY }),
    jsonTwice: JSON.stringify(JSON.stringify({ key: CANARY })),
    url: `https://host/?key=${encodeURIComponent(CANARY)}&x`,
    form: new URLSearchParams({ key: CANARY }).toString(),
    lower: encodeURIComponent(CANARY).replace(/%../g, (code) => code.toLowerCase()),
    base64: Buffer.from(CANARY).toString("base64"),
    base64url: Buffer.from(CANARY).toString("base64url"),
  };

  function expectClean(text: string, options: { marks: number }): void {
    for (const spelling of [...Object.values(spellings), "canary", "sk-can", "õ", "%C3%B5"]) expect(text).not.toContain(spelling);
    expect(text.split("[redacted]").length - 1).toBeGreaterThanOrEqual(options.marks);
  }

  test.each(Object.entries(spellings))("written as %s is redacted", (_name, spelling) => {
    const text = written({ format, secrets: [CANARY] }, (log) =>
      log.info(`said ${spelling}`, { field: spelling, list: [{ spelling }] }),
    );
    expectClean(text, { marks: 3 });
    if (format === "json") expect(records(text)).toHaveLength(1);
  });

  test("in a message, a key, a nested cause and its stack is redacted", () => {
    const cause = Object.assign(new Error(`inner ${CANARY}`), { code: CANARY });
    const error = new Error(`outer ${CANARY}`, { cause: new Error("between", { cause }) });
    const text = written({ format, secrets: [CANARY] }, (log) => {
      log
        .child({ bound: CANARY })
        .error(`failed with ${CANARY}`, { error, [CANARY]: 1, headers: { authorization: `Bearer ${CANARY}` } });
    });
    expectClean(text, { marks: 8 });
    expect(text).toContain("between");
  });

  test.each(["", "u:", "us:", "use:"])("in base64 behind %p is redacted but for its edges", (before) => {
    const secret = "correct-horse-battery";
    const basic = Buffer.from(`${before}${secret}:after`).toString("base64");
    const text = written({ format, secrets: [secret] }, (log) => log.info(`Basic ${basic}`));
    expect(text).toContain("[redacted]");
    const shown = text.match(/Basic (\S*?)\[redacted\]/)?.[1] ?? "";
    expect(Buffer.from(shown, "base64").toString()).not.toContain("corr");
  });

  test("split by control characters does not come together again", () => {
    const text = written({ format, secrets: ["sk-canary-42"] }, (log) => log.info("sk-can\u0000ary-42 sk-\u009bcanary-42"));
    expect(text).not.toContain("sk-canary-42");
  });

  test("with surrounding blanks is known without them too", () => {
    expect(written({ format, secrets: [" sk-canary-42\n"] }, (log) => log.info("is sk-canary-42."))).toContain("is [redacted].");
  });

  test("of digits only leaves a readable line", () => {
    const text = written({ format, secrets: ["987654321"] }, (log) => log.info("n", { number: 987654321 }));
    expect(text).not.toContain("987654321");
    expect(text).toContain("[redacted]");
    if (format === "json") expect(records(text)).toHaveLength(1);
  });

  test("that is hardly a secret is left alone", () => {
    expect(written({ format, secrets: ["abc", "", "task"] }, (log) => log.info("abc task"))).toContain("abc task");
  });
});

describe("control characters", () => {
  const nasty = "a\u001b[2Jb\u009b31mc\u0007d\re\u202ef\u2028g\u007fh\ni";
  const dangerous = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;
  const fields = {
    field: nasty,
    [nasty]: { [nasty]: [nasty] },
    error: new Error(nasty, { cause: new Error(nasty) }),
    other: new Error(nasty),
  };

  test("never reach a terminal in lines for people, and start no line of their own", () => {
    const text = written({ format: "pretty" }, (log) => log.child({ bound: nasty }).error(nasty, fields));
    expect(text).not.toMatch(dangerous);
    expect(text).toContain("a\\x1b[2Jb\\x9b31mc");
    expect(text.match(/^\[/gm)).toHaveLength(1);
  });

  test("are escaped in JSON, where a reader gets them back", () => {
    const text = written({}, (log) => log.error(nasty, fields));
    expect(text).not.toMatch(dangerous);
    expect(records(text)).toMatchObject([{ msg: nasty, field: nasty }]);
  });
});

test("a reader that goes away does not stop the work", async () => {
  const script = `
    import { createLog } from ${JSON.stringify(join(import.meta.dir, "pino.ts"))};
    const log = createLog({ level: "info", format: "json", stream: 2, secrets: [] });
    // More than a pipe holds, so that the writer meets the end of its reader.
    for (let line = 0; line < 2000; line++) log.info("line ".repeat(200));
    console.log("worked on");
  `;
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "out");
  const pipeline = `{ "$0" --no-env-file -e "$1" 2>&1 >"$2"; echo "exit $?" >>"$2"; } | true`;
  const child = Bun.spawn(["sh", "-c", pipeline, process.execPath, script, out], { stdout: "ignore", stderr: "ignore" });
  await child.exited;
  expect(readFileSync(out, "utf8")).toBe("worked on\nexit 0\n");
});

test.skipIf(!existsSync("/dev/full"))("a full disk does not stop the work", () => {
  const stream = openSync("/dev/full", "w");
  cleanups.push(() => closeSync(stream));
  const log = createLog({ level: "info", format: "json", stream, secrets: [] });
  for (let line = 0; line < 2000; line++) log.error("line ".repeat(200));
});
