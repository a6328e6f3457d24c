/** Previews without their marks: what our own makers of previews write comes back as a person typed it. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { previewText } from "./preview-text.ts";

test("marks of ours go, escaped characters are themselves, an indented line stays to the letter", () => {
  expect(previewText("**Sends to people**: `send` of `mail`\n\nRecipients: 1 (jane\\_doe@x.co)")).toBe(
    "Sends to people: `send` of `mail`\n\nRecipients: 1 (jane_doe@x.co)",
  );
  expect(previewText("**From** Ann \\<ann\\_s@x.co\\>\n> \\*\\*now\\*\\* \\\\ \\`\\#1\\`")).toBe(
    "From: Ann <ann_s@x.co>\n> **now** \\ `#1`",
  );
  expect(previewText("text:\n\n    **kept** `kept` \\_")).toBe("text:\n\n    **kept** `kept` \\_");
});

test("whatever stood in an escaped line comes back", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const line = text.replace(/\n/g, " ").trim();
      expect(previewText(`> ${line.replace(/[\\`*_[\]<>|#]/g, "\\$&")}`)).toBe(`> ${line}`);
    }),
  );
});
