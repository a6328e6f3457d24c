/** The last lines that a child wrote to stderr, in little memory whatever it writes. */

const LINES = 20;
const LONGEST = 500;

export type StderrTail = {
  add(chunk: Uint8Array): void;
  lines(): readonly string[];
  /** The last line that says something. */
  last(): string | null;
};

/** `redact` takes secrets out of each line before it is cut, so that no half of one stays. */
export function createStderrTail(redact: (text: string) => string): StderrTail {
  const decoder = new TextDecoder();
  const kept: string[] = [];
  let rest = "";
  const keep = (line: string) => {
    const plain = redact(line)
      .replace(/\u001b\[[0-9;]*[A-Za-z]/g, "")
      .trimEnd();
    if (plain === "") return;
    kept.push(plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain);
    if (kept.length > LINES) kept.shift();
  };
  return {
    add(chunk) {
      // Of a flood only its end can be among the last lines; the cut line at its head is dropped.
      const most = LINES * LONGEST * 4;
      const flood = chunk.length > most;
      const lines = ((flood ? "" : rest) + decoder.decode(flood ? chunk.subarray(-most) : chunk, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(-LONGEST * 8);
      for (const line of flood ? lines.slice(1) : lines.slice(-LINES - 1)) keep(line);
    },
    lines: () => (rest === "" ? [...kept] : [...kept, redact(rest).slice(0, LONGEST)].slice(-LINES)),
    last() {
      return this.lines().at(-1) ?? null;
    },
  };
}
