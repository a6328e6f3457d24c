/** A child sees what it is meant to see, and nothing of it stays when we end, however we end. */

import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startChild } from "./child.ts";
import { childEnvironment } from "./environment.ts";
import { bench } from "./fixtures/harness.ts";
import { membersOf, remaining } from "./fixtures/processes.ts";
import { readLines } from "./lines.ts";
import { createStderrTail } from "./stderr-tail.ts";

describe("the environment of a child", () => {
  test("is the allow list and its own variables: no key of ours", async () => {
    const ours = {
      ...process.env,
      ANTHROPIC_API_KEY: "sk-ant-1",
      DATABASE_URL: "postgres://u:p@h/d",
      MARKETEAM_CANARY: "canary",
      LANG: "C.UTF-8",
    };
    await using b = await bench(ours);
    // A program that reads a .env where it starts finds none.
    await mkdir(b.options.cwd, { recursive: true });
    await writeFile(join(b.dir, ".env"), "FROM_FILE=canary\n");
    const answer = await b
      .bad("seeing", "normal", {}, { RESEND_API_KEY: "re_123" })
      .call("env", {}, { signal: new AbortController().signal });
    if (answer.kind !== "answered") throw new Error(answer.detail);
    const seen = JSON.parse(answer.text) as Record<string, string>;
    expect(seen).toMatchObject({ RESEND_API_KEY: "re_123", LANG: "C.UTF-8", PATH: process.env["PATH"] ?? "" });
    expect(answer.text).not.toMatch(/canary|sk-ant|postgres:/);
    const extra = Object.keys(seen).filter((name) => !(name in childEnvironment(ours, { RESEND_API_KEY: "" })));
    // What a shell and a runtime set themselves.
    expect(extra.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name))).toEqual([]);
  });

  test("an entry's own variable wins", () => {
    expect(childEnvironment({ PATH: "/bin", HOME: undefined, SECRET: "x" }, { PATH: "/opt", KEY: "y" })).toEqual({
      PATH: "/opt",
      KEY: "y",
    });
  });
});

describe("no orphans", () => {
  test("kill -9 of us ends the servers and what they started, stubborn ones too", async () => {
    const parent = Bun.spawn(["bun", join(import.meta.dir, "fixtures/parent.ts"), process.env["PATH"] ?? ""], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = parent.stdout.getReader();
    const groups = JSON.parse(new TextDecoder().decode((await reader.read()).value)) as number[];
    expect(groups).toHaveLength(2);
    for (const group of groups) expect(membersOf([group]).length).toBeGreaterThanOrEqual(2);
    parent.kill("SIGKILL");
    await parent.exited;
    expect(await remaining(() => membersOf(groups))).toEqual([]);
  });

  test("the way out: stdin, SIGTERM, SIGKILL, and the whole group each time", async () => {
    const start = (script: string) =>
      startChild({
        command: "sh",
        args: ["-c", script],
        env: { PATH: process.env["PATH"] ?? "" },
        cwd: import.meta.dir,
        closeMs: 300,
        stderr: () => {},
      });
    const cases = [
      ["echo up; cat >/dev/null; exit 4", "it ended with exit code 4"],
      ["trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done", "it ended with exit code 5"],
      ["trap '' TERM; sleep 1000 & echo up; while :; do sleep 1000; done", "it was ended by SIGKILL"],
    ] as const;
    await Promise.all(
      cases.map(async ([script, how]) => {
        const child = start(script);
        const reader = child.stdout.getReader();
        await reader.read();
        await child.end();
        expect(await child.ended).toBe(how);
        expect(await remaining(() => membersOf([child.pid]))).toEqual([]);
        expect(child.write("too late\n")).toBe(false);
      }),
    );
  });

  test("what a server leaves behind when it ends by itself goes too", async () => {
    const child = startChild({
      command: "sh",
      args: ["-c", "sleep 1000 & exit 0"],
      env: { PATH: process.env["PATH"] ?? "" },
      cwd: import.meta.dir,
      closeMs: 300,
      stderr: () => {},
    });
    expect(await child.ended).toBe("it ended with exit code 0");
    expect(await remaining(() => membersOf([child.pid]))).toEqual([]);
  });
});

describe("the tail of stderr", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  test("keeps the last lines, cut, without colours and secrets, across chunks", () => {
    const tail = createStderrTail((text) => text.replaceAll("secret", "[redacted]"));
    tail.add(bytes("first\n\n\u001b[31mred\u001b[0m\nthe sec"));
    tail.add(bytes("ret word\nhalf"));
    expect(tail.lines()).toEqual(["first", "red", "the [redacted] word", "half"]);
    for (let i = 0; i < 50; i++) tail.add(bytes(`\nline ${i}`));
    expect(tail.lines()).toHaveLength(20);
    expect(tail.last()).toBe("line 49");
    tail.add(bytes(`\n${"y".repeat(100_000)}\nend\n`));
    expect(Math.max(...tail.lines().map((line) => line.length))).toBeLessThanOrEqual(501);
    expect(tail.last()).toBe("end");
  });
});

describe("lines", () => {
  const stream = (...chunks: string[]) => new Blob(chunks).stream();
  const chunked = (...chunks: string[]) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
  test("are whole however they are cut, and bounded", async () => {
    const lines: string[] = [];
    expect(await readLines(chunked("a", "b\nc", "\n\nd\n", "rest"), 10, (line) => lines.push(line))).toBe("ended");
    expect(lines).toEqual(["ab", "c", "", "d"]);
    expect(await readLines(stream("0123456789\n"), 10, () => {})).toBe("ended");
    expect(await readLines(stream("0123456789a\n"), 10, () => {})).toBe("too long");
    expect(await readLines(chunked("01234", "56789", "a"), 10, () => {})).toBe("too long");
  });
});
