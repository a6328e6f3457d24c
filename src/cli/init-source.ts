/** The text for `init --from`: read from a file that may be anything, or refused in one line. */

import { createReadStream } from "node:fs";
import { UsageError } from "./errors.ts";

export const SOURCE_MAX_CHARS = 200_000;
/** No character takes more bytes in UTF-8. */
const MAX_BYTES = SOURCE_MAX_CHARS * 4;

/** A file's text (a pipe's too), trimmed, with plain line ends. Reads no more than can be used. Throws UsageError. */
export async function readSource(path: string): Promise<string> {
  const bytes = await readUpTo(path, MAX_BYTES + 1);
  if (bytes.length > MAX_BYTES) throw tooLong(path, null);
  const text = decode(bytes);
  if (text === null) throw new UsageError(`${path} is not a text in UTF-8`, "save it as plain text or Markdown first");
  const clean = text
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0001-\u0008\u000b-\u001f\u007f-\u009f]/g, " ")
    .trim();
  if (clean === "")
    throw new UsageError(`${path} is empty`, "name a text that speaks about your product: a README, a page, notes");
  if (clean.length > SOURCE_MAX_CHARS) throw tooLong(path, clean.length);
  return clean;
}

function tooLong(path: string, chars: number | null): UsageError {
  const limit = SOURCE_MAX_CHARS.toLocaleString("en");
  const length =
    chars === null
      ? `is longer than ${limit} characters`
      : `is ${chars.toLocaleString("en")} characters long, the limit is ${limit}`;
  return new UsageError(`${path} ${length}`, "take the parts that speak about your product and its customers");
}

async function readUpTo(path: string, max: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    // Bounded: the path may name a device or a pipe that never ends.
    for await (const piece of createReadStream(path, { end: max - 1 })) pieces.push(piece as Buffer);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    const why =
      code === "ENOENT" || code === "ENOTDIR"
        ? "there is no such file"
        : code === "EISDIR"
          ? "it is a folder"
          : code === "EACCES"
            ? "permission denied"
            : String(code || error);
    throw new UsageError(`cannot read ${path}: ${why}`, "name a text file: bun run start init --from README.md");
  }
  return Buffer.concat(pieces);
}

/** Null for what is no text: bytes that are not UTF-8, or a zero among them. */
function decode(bytes: Buffer): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
