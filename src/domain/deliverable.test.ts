/** An agent's reply as deliverable and handoff note: the note never stays in the text, and the text loses nothing but the note. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hashOf, readHandoff } from "./deliverable.ts";

const NOTE = "<handoff>\nmissing:\n- the price list\nassumed:\n- prices are monthly; if not, the table changes\n</handoff>";
const FENCED = "# How we hand over\n\n```\n<handoff>\nmissing:\n- an example\n</handoff>\n```\n\nThat is the form.";

describe("the note", () => {
  test("is read and cut off", () => {
    expect(readHandoff(`# Page\n\nText.\n\n${NOTE}\n`)).toEqual({
      body: "# Page\n\nText.",
      missing: ["the price list"],
      warnings: ["prices are monthly; if not, the table changes"],
      answers: [],
    });
  });

  test("at a revision, its answers to the findings", () => {
    const note =
      "<handoff>\nanswers:\n- F1: done\n- F2: declined, because the price is right\nmissing:\n- none\nassumed:\n- none\n</handoff>";
    expect(readHandoff(`Text.\n\n${note}`).answers).toEqual(["F1: done", "F2: declined, because the price is right"]);
  });

  test("no note, no harm; none is nothing", () => {
    expect(readHandoff("Text.")).toEqual({ body: "Text.", missing: [], warnings: [], answers: [] });
    for (const none of ["missing: none\nassumed: None.", "missing:\n- none\nassumed:\n- none.", ""])
      expect(readHandoff(`Text.\n<handoff>\n${none}\n</handoff>`)).toEqual({
        body: "Text.",
        missing: [],
        warnings: [],
        answers: [],
      });
  });

  test("other spellings of it are read: one line, headings in bold, inputs, stars, behind the last sentence", () => {
    for (const note of [
      "<handoff>missing: the price list</handoff>",
      "<handoff>\n**Missing inputs:**\n* the price list\n</handoff>",
      "<handoff>\n## Missing:\n- the price list\n</handoff>",
      "  <handoff>\r\nMISSING:\r\n- the price list\r\n</handoff>",
    ])
      expect(readHandoff(`Text.\n${note}`)).toMatchObject({ body: "Text.", missing: ["the price list"] });
    expect(readHandoff("Text. <handoff>missing: the price list</handoff>")).toMatchObject({
      body: "Text.",
      missing: ["the price list"],
    });
  });

  test("cut off, in a fence of its own, behind a fence left open, or before a last remark: it does not stay in the text", () => {
    expect(readHandoff("Text.\n<handoff>\nmissing:\n- the pri")).toMatchObject({ body: "Text.", missing: ["the pri"] });
    expect(readHandoff(`Text.\n\`\`\`\n${NOTE}\n\`\`\`\n`)).toMatchObject({ body: "Text.", missing: ["the price list"] });
    expect(readHandoff(`Text.\n\`\`\`js\nlet x;\n\n${NOTE}`)).toMatchObject({
      body: "Text.\n```js\nlet x;",
      missing: ["the price list"],
    });
    expect(readHandoff(`Text.\n\n${NOTE}\n\nBye.`).body).toBe("Text.\n\n\n\nBye.");
  });

  test("a document that only mentions the tag keeps its text, with and without a note of its own", () => {
    const inline =
      "End with a `<handoff>` block. The tag <handoff> opens it.\n\nMore text.\n\n<handoff> is how the tag is written.";
    for (const text of [FENCED, inline, "~~~md\n<handoff>\n~~~\n\nText after it."]) {
      expect(readHandoff(text).body).toBe(text);
      expect(readHandoff(`${text}\n\n${NOTE}`)).toMatchObject({ body: text, missing: ["the price list"] });
    }
  });

  test("property: text and note come apart again, whatever the text", () => {
    const line = fc.oneof(
      fc.stringMatching(/^[A-Za-z .,[\]()#*-]{0,60}$/),
      fc.constantFrom(
        "```\n<handoff>\nmissing:\n- x\n</handoff>\n```",
        "the `<handoff>` tag",
        "`code`",
        "</handoff>",
        "- an item",
        "missing: it",
      ),
    );
    const items = fc.array(fc.stringMatching(/^NOTE[a-z]{4,20}$/), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), items, items, (lines, missing, assumed) => {
        const text = lines.join("\n").trim();
        const note = [
          "<handoff>",
          "missing:",
          ...missing.map((item) => `- ${item}`),
          "assumed:",
          ...assumed.map((item) => `- ${item}`),
          "</handoff>",
        ].join("\n");
        const read = readHandoff(`${text}\n\n${note}`);
        expect(read.body).toBe(text);
        expect(read.missing).toEqual(missing);
        expect(read.warnings).toEqual(assumed);
      }),
      { numRuns: 300 },
    );
  });

  test("fuzz: never throws, and invents no text", () => {
    const piece = fc.oneof(
      fc.constantFrom("<handoff>", "</handoff>", "\n", "```", "~~~", "missing:", "- ", "none", " ", "[NEEDS: x]", "`"),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const reply = pieces.join("");
        const { body } = readHandoff(reply);
        expect(body.length).toBeLessThanOrEqual(reply.length);
        expect(body).toBe(body.trim());
        let at = 0;
        for (const character of body) at = reply.indexOf(character, at) + 1 || Number.NaN;
        expect(at).not.toBeNaN();
      }),
      { numRuns: 1_000 },
    );
  });

  test("a megabyte of tags takes no time", () => {
    for (const text of ["<handoff>", "<handoff>\n", "</handoff>", "<handoff>x</handoff>", "\n```\n<handoff>", " "]) {
      const long = text.repeat(Math.ceil(1_000_000 / text.length));
      const started = performance.now();
      readHandoff(`${long}.`);
      expect([text, performance.now() - started < 5_000]).toEqual([text, true]);
    }
  }, 60_000);
});

describe("markers in the text", () => {
  test("what the text needs is missing, said once; what it could not verify is a warning", () => {
    const read = readHandoff(`Price: [NEEDS: the price list] and [NEEDS: a date]. [UNVERIFIED: 40 % faster]\n${NOTE}`);
    expect(read.missing).toEqual(["the price list", "a date"]);
    expect(read.warnings).toEqual(["prices are monthly; if not, the table changes", "unverified: 40 % faster"]);
    expect(read.body).toContain("[NEEDS: the price list]");
  });
});

test("the hash is SHA-256 of the UTF-8 bytes", () => {
  expect(hashOf("é")).toBe(new Bun.CryptoHasher("sha256").update(Buffer.from([0xc3, 0xa9])).digest("hex"));
});

test("a placeholder without words is no missing input", () => {
  expect(readHandoff("# Page\n\n[NEEDS: ] and [UNVERIFIED:  ] here")).toMatchObject({ missing: [], warnings: [] });
});
