/** Names of tool servers, and globs over names of tools. */

/** What a server may be called: its name is part of the name that a model sees. */
export const SERVER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;

/** Whether a name fits a glob: `*` stands for any text, also for none; everything else for itself. */
export function matchesGlob(name: string, glob: string): boolean {
  const pieces = glob.split("*");
  const [first = "", ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return name === glob;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

export const isGlob = (pattern: string): boolean => pattern.includes("*");
