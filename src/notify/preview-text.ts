/** A preview where nothing renders its Markdown: the same words without the marks, so that an address reads as it is. */

/**
 * Indented lines hold what an agent wrote, to the letter: they stay. Of all others the escapes go, and the stars of the label
 * that they begin with; names keep their backticks.
 */
export function previewText(markdown: string): string {
  return markdown.split("\n").map(plainLine).join("\n");
}

function plainLine(line: string): string {
  if (line.startsWith("    ")) return line;
  return line.replace(/^\*\*([^*\\]+)\*\*:?/, "$1:").replace(/\\([\\`*_[\]<>|#])/g, "$1");
}
