/**
 * The fast way to read YAML: for texts that keep to a plain subset, in which no key can be given twice unseen, Bun's own
 * parser (which silently keeps the last of two equal keys) says the same as the slow one that knows positions.
 */

const KEY = /^(?:([A-Za-z_][\w &./-]*)|"([^"\\]*)"|'([^']*)'):(?: +(.*))?$/;
/** YAML allows no more in front of the colon: 1,024 characters. */
const MAX_KEY = 1_000;
const BLOCK = /^[>|][-+]?$/;
/** A plain scalar: none of YAML's signs at its beginning, no ": " and no " #" in it. */
const SCALAR = /^(?![-?:,[\]{}#&*!|>'"%@`\s])(?!.*(?::\s|:$|\s#)).+$/;
const NUMBER = /^-?\d+(?:\.\d+)?$/;
const QUOTED = /^(?:"[^"\\]*"|'[^']*')$/;

/** The data of a plain text; undefined when the text is anything else, also when it is faulty: then ask the slow parser. */
export function parsePlainYaml(text: string): unknown {
  if (!isPlain(text)) return undefined;
  try {
    return Bun.YAML.parse(text);
  } catch {
    return undefined;
  }
}

type Level = { readonly indent: number; readonly kind: "map" | "list"; readonly keys: Set<string> };

/** Whether every line is one of: blank, comment, `key:`, `key: value`, `- value`, `- key: value`, or inside of a `>`/`|` block. */
export function isPlain(text: string): boolean {
  // Tabs, carriage returns and characters outside of printable text are the slow parser's affair.
  if (/[^\n\x20-\x7e\u00a1-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(text)) return false;
  const levels: Level[] = [];
  /** What stands deeper than this belongs to a `>` or `|` block. */
  let block = -1;
  /** True when what comes next may open a level: at the beginning, behind a `key:` without a value, behind a `- `. */
  let opens = true;

  /** Enters the map or list at a column; false when no honest text has one there. */
  const enter = (indent: number, kind: Level["kind"]): boolean => {
    while ((levels.at(-1)?.indent ?? -1) > indent) {
      levels.pop();
      opens = false;
    }
    const top = levels.at(-1);
    if (top?.indent === indent) return top.kind === kind;
    if (!opens) return false;
    levels.push({ indent, kind, keys: new Set() });
    return true;
  };

  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    let indent = line.length - line.trimStart().length;
    if (block >= 0 && indent > block) continue;
    block = -1;
    let rest = line.slice(indent);
    if (rest.startsWith("#")) continue;
    const item = rest.startsWith("- ");
    if (item) {
      if (!enter(indent, "list")) return false;
      rest = rest.slice(2);
      indent += 2;
      opens = true;
      // A new item begins anew.
      if (rest.startsWith(" ") || rest.startsWith("- ")) return false;
    }
    const match = KEY.exec(rest);
    if (!match) {
      if (!item || !isValue(withoutComment(rest))) return false;
      opens = false;
      continue;
    }
    if (!enter(indent, "map") || rest.length - (match[4]?.length ?? 0) > MAX_KEY) return false;
    const keys = levels.at(-1)?.keys;
    const key = match[1] ?? match[2] ?? match[3] ?? "";
    if (!keys || keys.has(key)) return false;
    keys.add(key);
    const said = withoutComment(match[4] ?? "");
    if (BLOCK.test(said)) block = indent;
    else if (said !== "" && !isValue(said)) return false;
    opens = said === "";
  }
  return levels.length > 0;
}

function withoutComment(value: string): string {
  return /^["'[{]/.test(value)
    ? value.replace(/(?<=["'\]}])\s+#.*$/, "").trimEnd()
    : value.replace(/(?:^|\s+)#.*$/, "").trimEnd();
}

function isValue(value: string): boolean {
  return NUMBER.test(value) || SCALAR.test(value) || QUOTED.test(value) || isFlowList(value) || isFlowMap(value);
}

/** `[a, b, "c"]` on one line, without anything nested. */
function isFlowList(value: string): boolean {
  if (!/^\[[^[\]{}]*\]$/.test(value)) return false;
  const inner = value.slice(1, -1).trim();
  return inner === "" || inner.split(",").every((item) => isFlowItem(item.trim()));
}

/** `{ a: b, c: [d] }` on one line, with lists at most inside, and no key twice. */
function isFlowMap(value: string): boolean {
  if (!/^\{[^{}]*\}$/.test(value)) return false;
  const inner = value.slice(1, -1).trim();
  if (inner === "") return true;
  const keys = new Set<string>();
  for (const pair of inner.split(/,(?![^[]*\])/)) {
    const match = /^([A-Za-z_][\w-]*): +(.+)$/.exec(pair.trim());
    if (!match?.[1] || !match[2] || keys.has(match[1])) return false;
    keys.add(match[1]);
    if (!isFlowItem(match[2].trim()) && !isFlowList(match[2].trim())) return false;
  }
  return true;
}

function isFlowItem(item: string): boolean {
  return NUMBER.test(item) || (SCALAR.test(item) && !/[,[\]{}]/.test(item)) || (QUOTED.test(item) && !/[,[\]{}]/.test(item));
}
