/** The workspace: a folder of documents for people. Every write is whole or not there; no name leads out of the folder. */

import { lstatSync } from "node:fs";
import { mkdir, open, readFile, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";

export class WorkspaceError extends Error {
  readonly code: "outside" | "read_only" | "full" | "io";
  readonly hint: string;
  constructor(code: WorkspaceError["code"], message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

export interface Workspace {
  readonly root: string;
  /** Writes a file whole (temporary file, fsync, rename), creating folders. `path` is relative. */
  write(path: string, text: string): Promise<void>;
  /** The text of a file, or null when there is none. */
  read(path: string): Promise<string | null>;
  /** The absolute path of a relative one; throws WorkspaceError `outside` when it leads out. */
  resolve(path: string): string;
}

/** `reached` is called between the temporary file and the rename, for crash tests. */
export function createWorkspace(options: { root: string; reached: (point: string) => void }): Workspace {
  const root = resolve(options.root);

  function inside(path: string): string {
    const full = resolve(root, path);
    if (path.includes("\0") || (full !== root && !full.startsWith(root + sep))) {
      throw outside(path);
    }
    return full;
  }

  /** A link inside the workspace must not lead a write out of it, nor the making of a folder for one. */
  async function checkParent(folder: string): Promise<void> {
    let there = folder;
    while (there !== root && !lstatSync(there, { throwIfNoEntry: false })) there = dirname(there);
    const [real, realRoot] = [await realpath(there), await realpath(root)];
    if (real !== realRoot && !real.startsWith(realRoot + sep)) {
      throw new WorkspaceError("outside", `the folder ${folder} is a link out of the workspace`, "remove the link");
    }
  }

  return {
    root,
    resolve: inside,
    async write(path, text) {
      const full = inside(path);
      const folder = dirname(full);
      const temporary = join(folder, `.${process.pid}-${Bun.randomUUIDv7().slice(-12)}.tmp`);
      try {
        if (full === root) throw outside(path);
        await mkdir(root, { recursive: true });
        await checkParent(folder);
        await mkdir(folder, { recursive: true });
        const file = await open(temporary, "wx", 0o644);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        options.reached("file:before-rename");
        await rename(temporary, full);
        options.reached("file:renamed");
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        throw asWorkspaceError(error, "write", path);
      }
    },
    async read(path) {
      try {
        return await readFile(inside(path), "utf8");
      } catch (error) {
        if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return null;
        throw asWorkspaceError(error, "read", path);
      }
    },
  };
}

function outside(path: string): WorkspaceError {
  return new WorkspaceError(
    "outside",
    `the path ${JSON.stringify(path)} leads out of the workspace`,
    "use a name without .. and without a leading slash",
  );
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function asWorkspaceError(error: unknown, doing: "read" | "write", path: string): unknown {
  if (error instanceof WorkspaceError) return error;
  if (isErrno(error, "EACCES") || isErrno(error, "EPERM") || isErrno(error, "EROFS")) {
    return new WorkspaceError(
      "read_only",
      `cannot ${doing} ${path} in the workspace: permission denied`,
      "give yourself access to it, or choose another folder with --workspace",
      { cause: error },
    );
  }
  if (isErrno(error, "ENOSPC") || isErrno(error, "EDQUOT")) {
    return new WorkspaceError(
      "full",
      `cannot write ${path}: no space left on the disk`,
      "free some space; nothing is lost, `export` writes the files again",
      { cause: error },
    );
  }
  if (error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error) {
    return new WorkspaceError(
      "io",
      `cannot ${doing} ${path} in the workspace: ${error.code}`,
      "a folder may stand where the file should be, or the name is too long; `export` writes the files again",
      { cause: error },
    );
  }
  return error;
}
