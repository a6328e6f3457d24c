/** Cuts a stream of bytes into lines, and holds no more of one line than it is allowed to. */

const NEWLINE = 10;

/**
 * Calls `onLine` for each whole line. Resolves with `ended` at the end of the stream, with `too long` as soon as a line is
 * longer than `most` bytes: nothing is read after that.
 */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  most: number,
  onLine: (line: string) => void,
): Promise<"ended" | "too long"> {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      if (size + piece.length > most) return "too long";
      onLine(decoder.decode(parts.length === 0 ? piece : Buffer.concat([...parts, piece])));
      parts = [];
      size = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    size += rest.length;
    if (size > most) return "too long";
    if (rest.length > 0) parts.push(rest);
  }
  return "ended";
}
