/** The source as text, for the rules that are held against it. */

import { Glob } from "bun";
import { dirname, join, relative, resolve } from "node:path";

export const SRC = resolve(import.meta.dir, "..");

export type File = { readonly path: string; readonly text: string; readonly imports: readonly string[] };

/** Every source file, in order, with what it imports; comments do not count. */
export async function sources(): Promise<File[]> {
  const files: File[] = [];
  for await (const path of new Glob("**/*.ts").scan({ cwd: SRC })) {
    const text = await Bun.file(join(SRC, path)).text();
    const code = withoutComments(text);
    const imports = [...code.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)].map((match) =>
      relative(SRC, resolve(join(SRC, dirname(path)), match[1] ?? "")),
    );
    files.push({ path, text: code, imports });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`\\])\/\/[^\n]*/g, "$1");
}

export const isTest = (path: string) => path.endsWith(".test.ts") || path.startsWith("test/") || path.endsWith("/contract.ts");
/** The folder below src, or the file, that a path belongs to. */
export const roomOf = (path: string) => (path.includes("/") ? (path.split("/")[0] ?? "") : path.replace(/\.ts$/, ""));
