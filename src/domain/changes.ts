/** What changed between two versions of a text, as people and models read it. */

const CONTEXT_LINES = 1;

/** A unified difference by lines, without file names; empty when nothing changed. Cut at `maxChars` with a line that says so. */
export async function changesBetween(before: string, after: string, maxChars: number): Promise<string> {
  if (before === after) return "";
  const { structuredPatch } = await import("diff");
  const { hunks } = structuredPatch("", "", before, after, "", "", { context: CONTEXT_LINES });
  const text = hunks
    .map((hunk) => [`@@ line ${hunk.newStart} @@`, ...hunk.lines.filter((line) => !line.startsWith("\\"))].join("\n"))
    .join("\n");
  if (text.length <= maxChars) return text;
  return `${text.slice(0, text.lastIndexOf("\n", maxChars))}\n(cut here: ${hunks.length} passages changed, more than is shown)`;
}
