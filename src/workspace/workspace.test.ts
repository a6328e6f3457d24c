/** The workspace: every write is whole or not there, no name leads out, and every refusal is one typed error. */

import { afterAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { tempDir } from "../test/cli.ts";
import { createWorkspace, WorkspaceError } from "./workspace.ts";

const outer = await tempDir();
afterAll(() => outer[Symbol.asyncDispose]());
let count = 0;

async function fresh(reached: (point: string) => void = () => {}) {
  const root = join(outer.path, `case-${count++}`, "workspace");
  await mkdir(root, { recursive: true });
  return { root, workspace: createWorkspace({ root, reached }) };
}
const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WorkspaceError);
  const { code, message, hint } = error as WorkspaceError;
  expect([message.split("\n").length, hint.length > 10]).toEqual([1, true]);
  return code;
};
const filesUnder = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

describe("writing", () => {
  test("makes folders, the whole text is there, and nothing else", async () => {
    const { root, workspace } = await fresh();
    await workspace.write("a/b/c.md", "Text ä\n");
    expect(await workspace.read("a/b/c.md")).toBe("Text ä\n");
    await workspace.write("a/b/c.md", "");
    expect(await workspace.read("a/b/c.md")).toBe("");
    expect(await filesUnder(root)).toEqual(["a", "a/b", "a/b/c.md"]);
  });

  test("a workspace that is not there yet is made", async () => {
    const root = join(outer.path, `case-${count++}`, "new/workspace");
    await createWorkspace({ root, reached: () => {} }).write("a.md", "x");
    expect(await readFile(join(root, "a.md"), "utf8")).toBe("x");
  });

  test("a failure between file and rename leaves the old text and no temporary file", async () => {
    let fail = false;
    const { root, workspace } = await fresh((point) => {
      if (fail && point === "file:before-rename") throw new Error("stopped here");
    });
    await workspace.write("a.md", "old");
    fail = true;
    expect(workspace.write("a.md", "new")).rejects.toThrow("stopped here");
    await workspace.write("a.md", "new").catch(() => {});
    expect(await workspace.read("a.md")).toBe("old");
    expect(await filesUnder(root)).toEqual(["a.md"]);
  });

  test("a folder in the file's place is a typed error, and leaves no temporary file", async () => {
    const { root, workspace } = await fresh();
    await mkdir(join(root, "a.md"));
    expect(await failure(workspace.write("a.md", "x"))).toBe("io");
    await workspace.write("b", "x");
    expect(await failure(workspace.write("b/c.md", "x"))).toBe("io");
    expect(await failure(workspace.write(`${"n".repeat(300)}.md`, "x"))).toBe("io");
    expect(await filesUnder(root)).toEqual(["a.md", "b"]);
  });

  test("writers at once: what lies there is whole, and one of theirs", async () => {
    const { root, workspace } = await fresh();
    const other = createWorkspace({ root, reached: () => {} });
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(20_000));
    let running = true;
    const reader = (async () => {
      while (running) {
        const seen = await workspace.read("sub/a.md");
        if (seen !== null) expect(texts).toContain(seen);
      }
    })();
    await Promise.all(texts.map((text, i) => (i % 2 === 0 ? workspace : other).write("sub/a.md", text)));
    running = false;
    await reader;
    expect(texts).toContain((await workspace.read("sub/a.md")) ?? "");
    expect(await filesUnder(root)).toEqual(["sub", "sub/a.md"]);
  });
});

describe("names", () => {
  const bad = ["../x", "a/../../x", "/etc/passwd", "..", "a\0b", "\0", "../workspace-2/x"];
  for (const name of bad)
    test(`${JSON.stringify(name)} is refused for reading, writing and resolving`, async () => {
      const { root, workspace } = await fresh();
      expect(await failure(workspace.write(name, "x"))).toBe("outside");
      expect(await failure(workspace.read(name))).toBe("outside");
      expect(() => workspace.resolve(name)).toThrow(WorkspaceError);
      expect(await filesUnder(join(root, ".."))).toEqual(["workspace"]);
    });

  test("the folder itself is no file to write", async () => {
    const { root, workspace } = await fresh();
    for (const name of ["", ".", "a/.."]) expect(await failure(workspace.write(name, "x"))).toBe("outside");
    expect(await filesUnder(join(root, ".."))).toEqual(["workspace"]);
  });

  test("fuzz: a name resolves below the folder or not at all", () => {
    const workspace = createWorkspace({ root: "/srv/workspace", reached: () => {} });
    const piece = fc.oneof(fc.constantFrom("..", ".", "/", "a", "workspace", "\0", "~", "\\"), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), fc.constantFrom("/", ""), (pieces, joint) => {
        try {
          expect(`${workspace.resolve(pieces.join(joint))}/`).toStartWith("/srv/workspace/");
        } catch (error) {
          expect(error).toBeInstanceOf(WorkspaceError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("links", () => {
  test("a linked folder leads no write out, not even an empty folder", async () => {
    const { root, workspace } = await fresh();
    const target = join(root, "..", "target");
    await mkdir(target);
    await symlink(target, join(root, "out"));
    for (const name of ["out/x.md", "out/deep/er/x.md"]) expect(await failure(workspace.write(name, "x"))).toBe("outside");
    expect(await readdir(target)).toEqual([]);
  });

  test("a linked file is replaced, its target stays", async () => {
    const { root, workspace } = await fresh();
    const target = join(root, "..", "target.md");
    await writeFile(target, "theirs");
    await symlink(target, join(root, "a.md"));
    await workspace.write("a.md", "ours");
    expect([await readFile(target, "utf8"), await workspace.read("a.md")]).toEqual(["theirs", "ours"]);
  });

  test("a workspace that is itself a link, and links inside it, work", async () => {
    const { root } = await fresh();
    const link = join(root, "..", "link");
    await symlink(root, link);
    const workspace = createWorkspace({ root: link, reached: () => {} });
    await workspace.write("real/a.md", "x");
    await symlink(join(root, "real"), join(root, "alias"));
    await workspace.write("alias/b.md", "y");
    expect(await readFile(join(root, "real/b.md"), "utf8")).toBe("y");
  });

  test("a dead link in the way is an error, not a folder elsewhere", async () => {
    const { root, workspace } = await fresh();
    await symlink(join(root, "..", "nowhere"), join(root, "dead"));
    await failure(workspace.write("dead/a.md", "x"));
    expect(await readdir(join(root, ".."))).toEqual(["workspace"]);
  });
});

describe("reading", () => {
  test("what is not there is null", async () => {
    const { workspace } = await fresh();
    await workspace.write("a.md", "x");
    expect([await workspace.read("b.md"), await workspace.read("a.md/b"), await workspace.read("x/y/z")]).toEqual([
      null,
      null,
      null,
    ]);
  });

  test("a folder read as a file is a typed error", async () => {
    const { root, workspace } = await fresh();
    await mkdir(join(root, "a"));
    expect(await failure(workspace.read("a"))).toBe("io");
  });
});

test("a folder that may not be written is one clear error, as a user without rights", async () => {
  const { root, workspace } = await fresh();
  await workspace.write("locked/a.md", "old");
  await chmod(join(root, "locked"), 0o555);
  const script = `
    import { createWorkspace } from ${JSON.stringify(join(import.meta.dir, "workspace.ts"))};
    const workspace = createWorkspace({ root: ${JSON.stringify(root)}, reached: () => {} });
    const error = await workspace.write("locked/a.md", "new").then(() => null, (thrown) => thrown);
    console.log(JSON.stringify({ code: error?.code, message: error?.message }));`;
  const root0 = process.getuid?.() === 0;
  if (root0) {
    // Root ignores modes: an ordinary user does the writing.
    if (Bun.which("setpriv") === null) return console.error("SKIP read-only folder: root, and no setpriv");
    for (let folder = root; folder.startsWith(outer.path); folder = join(folder, "..")) await chmod(folder, 0o755);
  }
  const file = join(root, "..", "child.ts");
  await writeFile(file, script);
  const child = Bun.spawn(
    [...(root0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []), process.execPath, file],
    { stdout: "pipe", stderr: "pipe", env: { PATH: process.env.PATH ?? "", HOME: "/tmp" } },
  );
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  expect([out, err]).toEqual([expect.stringContaining('"code":"read_only"'), ""]);
  expect(out).toContain("cannot write locked/a.md in the workspace: permission denied");
  expect(await workspace.read("locked/a.md")).toBe("old");
  expect((await stat(join(root, "locked"))).mode & 0o777).toBe(0o555);
  expect(await readdir(join(root, "locked"))).toEqual(["a.md"]);
});
