/** Secrets that are learned while the program runs: whoever redacts knows them from then on, and the list does not grow for ever. */

import { expect, test } from "bun:test";
import { createRedactor } from "./redact.ts";
import { createSecrets } from "./secrets.ts";

test("what is learned is redacted from then on, by whoever holds the list", () => {
  const { list, learn } = createSecrets(["known-from-the-start"]);
  const redact = createRedactor(list);
  expect(redact("known-from-the-start, token-one")).toBe("[redacted], token-one");
  learn(["token-one", "token-two"]);
  expect(redact(`token-one token-two ${Buffer.from("token-one").toString("base64")}`)).toBe("[redacted] [redacted] [redacted]");
  learn(["token-one"]);
  expect(list).toEqual(["known-from-the-start", "token-one", "token-two"]);
});

test("where one secret begins another, nothing of the longer one stays behind", () => {
  const redact = createRedactor(["abcdef", "abcdef-and-more", "more-abcdef"]);
  expect(redact("abcdef-and-more more-abcdef abcdef")).toBe("[redacted] [redacted] [redacted]");
});

test("the oldest learned ones go, those from the start never, and what is learned again is known again", () => {
  const { list, learn } = createSecrets(["known-from-the-start"]);
  const redact = createRedactor(list);
  for (let day = 0; day < 1000; day++) {
    learn([`access-${day}`, `refresh-${day}`]);
    expect(redact(`access-${day} refresh-${day} known-from-the-start`)).toBe("[redacted] [redacted] [redacted]");
  }
  expect(list.length).toBeLessThan(100);
  expect(redact("refresh-0")).toBe("refresh-0");
  learn(["refresh-0"]);
  expect(redact("refresh-0")).toBe("[redacted]");
});
