/** Who imports whom, as a drawing that stands in docs/architecture.md: `bun src/test/drawing.ts` draws it anew. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isTest, roomOf, sources, SRC, type File } from "./sources.ts";

export const PAGE = join(SRC, "../docs/architecture.md");
const [BEGIN, END] = ["<!-- drawing -->", "<!-- end -->"];
/** What nearly every room uses: lines to it would hide the others. */
const GROUND = new Set(["domain", "log"]);

/** The rooms and their imports as a Mermaid flowchart; what follows from other lines, and the ground, is left out. */
export function drawing(files: readonly File[]): string {
  const lines = new Map<string, Set<string>>();
  for (const file of files) {
    if (isTest(file.path) || file.path.includes("fixture")) continue;
    const from = roomOf(file.path);
    const to = lines.get(from) ?? new Set<string>();
    for (const target of file.imports) {
      const room = roomOf(target);
      if (!target.startsWith("..") && room !== from && !GROUND.has(room)) to.add(room);
    }
    lines.set(from, to);
  }
  const reaches = (from: string, to: string): boolean =>
    [...(lines.get(from) ?? [])].some((next) => next === to || reaches(next, to));
  const drawn = [...lines].flatMap(([from, to]) =>
    [...to]
      .filter((room) => ![...to].some((other) => other !== room && reaches(other, room)))
      .map((room) => `  ${from} --> ${room}`),
  );
  return ["```mermaid", "flowchart TD", ...drawn.toSorted(), "```"].join("\n");
}

/** The page with the drawing in its place. */
export function withDrawing(page: string, drawn: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`docs/architecture.md has no place for the drawing: ${BEGIN} … ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${drawn}\n\n${page.slice(to)}`;
}

if (import.meta.main) await writeFile(PAGE, withDrawing(await readFile(PAGE, "utf8"), drawing(await sources())));
