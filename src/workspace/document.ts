/** Markdown with frontmatter: what the program writes for people, and how it reads it back. */

type Value = string | number | boolean | null;

/** A document: frontmatter (one `key: value` a line), an empty line, the body, a newline at the end. */
export function formatDocument(fields: Record<string, Value>, body: string): string {
  const head = Object.entries(fields).map(
    ([key, value]) => `${key}: ${typeof value === "string" ? quoted(value) : String(value)}`,
  );
  return `---\n${head.join("\n")}\n---\n\n${body.trim()}\n`;
}

// JSON's string is a YAML double-quoted string; plain words stay plain, for people.
function quoted(value: string): string {
  return /^[A-Za-z](?:[\w ./-]*[\w./-])?$/.test(value) && !/^(?:true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
}

/** The body of a document without its frontmatter. A text without frontmatter is all body. */
export function bodyOf(text: string): string {
  const clean = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const end = /\n---[ \t]*(?=\n|$)/g;
  end.lastIndex = 3;
  const found = clean.startsWith("---\n") ? end.exec(clean) : null;
  // A text may begin with a rule: only lines that can be fields make what follows a frontmatter.
  const head = found ? clean.slice(4, found.index + 1).trim() : "";
  return (found && (head === "" || /^(?:[\w-]+:|#)/.test(head)) ? clean.slice(end.lastIndex) : clean).trim();
}
