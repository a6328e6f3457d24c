/** Reads a text file that people edit: a regular file of UTF-8 text, at most 1 MB. */

import { stat } from "node:fs/promises";

const MAX_FILE_BYTES = 1_000_000;

/** Why a file gives no text. `missing` is apart, because some files need not exist. */
export type TextFault = {
  readonly missing: boolean;
  readonly message: string;
  readonly line?: number;
  readonly hint?: string;
};

/** The file's text without byte order mark and with `\n` line ends, or the fault. Never throws for what a disk may hold. */
export async function readTextFile(path: string): Promise<{ text: string } | { fault: TextFault }> {
  let bytes: Uint8Array;
  try {
    const entry = await stat(path);
    // A pipe or device would keep the reader waiting for ever.
    if (!entry.isFile()) return fault("is not a file", "put a text file there");
    if (entry.size > MAX_FILE_BYTES) {
      return fault(`is ${entry.size.toLocaleString("en")} bytes long, the limit is ${MAX_FILE_BYTES.toLocaleString("en")}`);
    }
    bytes = await Bun.file(path).bytes();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return { fault: { missing: true, message: "is missing" } };
    return fault(`cannot be read (${typeof code === "string" ? code : String(error)})`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fault("is not UTF-8 text", "save it as UTF-8");
  }
  const nul = text.indexOf("\0");
  if (nul !== -1) {
    const line = text.slice(0, nul).split("\n").length;
    return { fault: { missing: false, message: "contains a NUL byte", line, hint: "is this a text file?" } };
  }
  return { text: text.replace(/\r\n?/g, "\n") };
}

function fault(message: string, hint?: string): { fault: TextFault } {
  return { fault: { missing: false, message, ...(hint === undefined ? {} : { hint }) } };
}
