/** A file with addresses, as people and mail vendors export them: one a line, or a CSV with one in each row. */

import { normalAddress, normalDomain } from "./email.ts";

export type AddressList = {
  /** In the form of `normalAddress`, or `@domain`; each once. */
  readonly addresses: readonly string[];
  /** Lines (from 1) that hold something, but no address. */
  readonly unreadable: readonly number[];
};

/** An address, or `@domain` for everybody there; null for anything else. */
export function addressEntry(text: string): string | null {
  const typed = text.trim();
  if (!typed.startsWith("@")) return normalAddress(typed);
  const domain = normalDomain(typed.slice(1));
  return domain === null ? null : `@${domain}`;
}

/** The first address of each line. Empty lines, lines that begin with #, and a first line without an @ (the headings) say nothing. */
export function readAddressList(text: string): AddressList {
  const addresses = new Set<string>();
  const unreadable: number[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  let first = true;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const entry = cellsOf(line)
      .map(addressEntry)
      .find((found) => found !== null);
    if (entry !== undefined) addresses.add(entry);
    else if (!first || line.includes("@")) unreadable.push(index + 1);
    first = false;
  }
  return { addresses: [...addresses], unreadable };
}

/** Cells of a row, also of one with `Name <address>` in it. Quoted separators cut a name in two, never an address. */
function cellsOf(line: string): string[] {
  return line.split(/[,;\t<>]/).map((cell) =>
    cell
      .trim()
      .replace(/^"+|"+$/g, "")
      .trim(),
  );
}
