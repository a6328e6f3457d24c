/** `init`: the dialogue by script, the source file in all its forms, and the command as it is typed. */

import { describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CONTEXT_SECTIONS } from "../domain/product-context.ts";
import { command, tempDir } from "../test/cli.ts";
import { CONTEXT_PATH } from "../work/accept.ts";
import { askForContext, BACK, QUESTIONS, type Asker } from "./init-dialogue.ts";
import { readSource, SOURCE_MAX_CHARS } from "./init-source.ts";

const SOURCE = "# Fennick\n\n## Pains\nNo-shows cost clinics hours a week.\n\n## Proof points\n412 paying clinics.\n";

/** Gives the texts and choices in turn; null is Ctrl-C. */
function script(texts: (string | null)[], choices: (string | null)[]) {
  const titles: string[] = [];
  const initials: string[] = [];
  const shown: string[] = [];
  const asker: Asker = {
    async text({ title, initial }) {
      titles.push(title);
      initials.push(initial);
      if (texts.length === 0) throw new Error(`not expected: ${title}`);
      return texts.shift() ?? null;
    },
    choose: async () => choices.shift() ?? null,
    show: (_title, text) => shown.push(text),
  };
  return { asker, titles, initials, shown };
}
const ten = (answer: string) => QUESTIONS.map(() => answer);

describe("the dialogue", () => {
  test("ten questions reach all twelve sections", async () => {
    const { asker } = script(ten("Said."), ["save"]);
    const end = await askForContext(asker);
    const names = end.kind === "save" ? [...end.sections.keys()].map(String).sort() : [];
    expect(names).toEqual(CONTEXT_SECTIONS.map(([name]): string => name).sort());
    expect(QUESTIONS).toHaveLength(10);
  });

  test("left for later: the section is not in the result, and the document shows it as not known", async () => {
    const { asker, shown } = script(["Tea.", ...ten("").slice(1)], ["save"]);
    const end = await askForContext(asker);
    expect(end.kind === "save" && [...end.sections]).toEqual([["Overview", "Tea."]]);
    expect(shown[0]).toContain("## Pains\n\nNot known yet.");
  });

  test("one can go back, and finds the earlier answer to edit", async () => {
    const { asker, titles, initials } = script(["Tee.", BACK, "Tea.", ...ten("").slice(1)], ["save"]);
    const end = await askForContext(asker);
    expect(end.kind === "save" && end.sections.get("Overview")).toBe("Tea.");
    expect(titles[2]).toBe(titles[0] ?? "");
    expect(initials[2]).toBe("Tee.");
  });

  test("back at the first question asks it again", async () => {
    const { asker, titles } = script([BACK, null], []);
    expect((await askForContext(asker)).kind).toBe("stopped");
    expect(titles).toEqual([titles[0] ?? "", titles[0] ?? ""]);
  });

  test("an answer can be changed after the document was shown", async () => {
    const { asker, shown } = script([...ten("Said."), "New."], ["change", "2", "save"]);
    const end = await askForContext(asker);
    expect(end.kind === "save" && end.sections.get("Pains")).toBe("New.");
    expect(shown).toHaveLength(2);
  });

  test("Ctrl-C at a question, at the end, at the list: stopped; no answers: empty; no: declined", async () => {
    expect((await askForContext(script(["Tea.", null], []).asker)).kind).toBe("stopped");
    expect((await askForContext(script(ten("Said."), [null]).asker)).kind).toBe("stopped");
    expect((await askForContext(script(ten("Said."), ["change", null]).asker)).kind).toBe("stopped");
    expect((await askForContext(script(ten(" "), []).asker)).kind).toBe("empty");
    expect((await askForContext(script(ten("Said."), ["no"]).asker)).kind).toBe("declined");
  });
});

describe("the source file", () => {
  const read = async (content: string | Uint8Array) => {
    await using dir = await tempDir();
    const path = join(dir.path, "source.txt");
    await writeFile(path, content);
    return await readSource(path).catch((error: Error) => error.message.replace(path, "FILE"));
  };

  test("is read without its byte order mark, with plain line ends, without control characters", async () => {
    expect(await read("\uFEFF one\r\ntwo\rthree\u001b[31m \n")).toBe("one\ntwo\nthree [31m");
  });

  test("up to the limit, in characters and not in bytes", async () => {
    expect(await read("é".repeat(SOURCE_MAX_CHARS))).toHaveLength(SOURCE_MAX_CHARS);
    expect(await read("é".repeat(SOURCE_MAX_CHARS + 1))).toBe("FILE is 200,001 characters long, the limit is 200,000");
  });

  test.each([
    ["empty", " \n\t", "FILE is empty"],
    ["a zero in it", "text\0text", "FILE is not a text in UTF-8"],
    ["Latin-1", new Uint8Array([0x63, 0x61, 0x66, 0xe9]), "FILE is not a text in UTF-8"],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x41, 0x00]), "FILE is not a text in UTF-8"],
  ])("%s is refused in one line", async (_name, content, message) => {
    expect(await read(content)).toBe(message);
  });

  test("no file, a folder, and a device without end are refused in one line", async () => {
    await using dir = await tempDir();
    const message = (path: string) => readSource(path).catch((error: Error) => error.message);
    expect(await message(join(dir.path, "none.md"))).toContain("there is no such file");
    expect(await message(dir.path)).toContain("it is a folder");
    expect(await message("/dev/zero")).toContain("is longer than 200,000 characters");
  });
});

describe("the command", () => {
  test("--from makes the document, says what is empty, and refuses to do it twice", async () => {
    await using dir = await tempDir();
    const from = join(dir.path, "README.md");
    const workspace = join(dir.path, "w");
    await writeFile(from, SOURCE);
    const args = ["init", "--rehearse", "--from", from, "--workspace", workspace];
    const first = await command([...args, "--json"]);
    expect({ ...first, stderr: "" }).toMatchObject({ code: 0 });
    const result = JSON.parse(first.stdout) as {
      path: string;
      version: number;
      filled: string[];
      empty: string[];
      rehearsal: boolean;
    };
    expect(result).toMatchObject({ path: join(workspace, CONTEXT_PATH), version: 1, replaced: null, rehearsal: true });
    expect(result.filled).toEqual(["Pains", "Proof points"]);
    expect(result.empty).toHaveLength(10);
    const text = await readFile(result.path, "utf8");
    expect(text.split("\n---\n\n")[1]).toStartWith("> Rehearsal");

    const edited = `${text}\nWritten by hand.\n`;
    await writeFile(result.path, edited);
    const again = await command(args);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("--force");
    expect(await readFile(result.path, "utf8")).toBe(edited);

    // The rehearsal writes the first text again: the newest version all the same, whatever the file's time says.
    const forced = await command([...args, "--force", "--json"]);
    expect(JSON.parse(forced.stdout)).toMatchObject({ version: 3, replaced: 2, costUsd: 0 });
    const { Database } = await import("bun:sqlite");
    using store = new Database(join(workspace, ".marketeam/marketeam.db"), { readonly: true });
    expect(store.query("select body from contexts where version = 2").get()).toMatchObject({
      body: expect.stringContaining("Written by hand."),
    });
    expect(store.query("select distinct goal_id, rehearsal from calls").all()).toEqual([
      { goal_id: expect.stringMatching(/^init-[0-9a-f]{12}-rehearsal$/), rehearsal: 1 },
    ]);
  }, 30_000);

  test("without a key and without --rehearse: one clear line, and nothing is made", async () => {
    await using dir = await tempDir();
    const from = join(dir.path, "README.md");
    await writeFile(from, SOURCE);
    const result = await command(["init", "--from", from, "--workspace", join(dir.path, "w")], { cwd: dir.path });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain("ANTHROPIC_API_KEY is not set");
    expect(await Bun.file(join(dir.path, "w")).exists()).toBe(false);
  });

  test("without a terminal it names --from", async () => {
    await using dir = await tempDir();
    const result = await command(["init", "--workspace", join(dir.path, "w")]);
    expect([result.code, result.stdout]).toEqual([2, ""]);
    expect(result.stderr).toContain("init --from");
  });

  test("a text that holds our own key does not go out", async () => {
    await using dir = await tempDir();
    const from = join(dir.path, "notes.txt");
    await writeFile(from, "our key is sk-ant-test-123456789");
    const result = await command(["init", "--from", from, "--workspace", join(dir.path, "w")], {
      env: { ANTHROPIC_API_KEY: "sk-ant-test-123456789" },
    });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("holds a secret");
    expect(result.stderr).not.toContain("sk-ant-test");
  });

  test("a key too short to be a secret is no reason to refuse a text that has it as a word", async () => {
    await using dir = await tempDir();
    const path = join(dir.path, "about.md");
    await writeFile(path, `${SOURCE}\nWorks in any clinic.\n`);
    const { code, stderr } = await command(["init", "--from", path, "--rehearse", "--workspace", join(dir.path, "there")], {
      env: { ANTHROPIC_API_KEY: "any" },
    });
    expect(stderr).not.toContain("holds a secret");
    expect(code).toBe(0);
  });
});
