/** Test fixture: ways to write a text so that people do not see it, and a reader who sees through all of them. */

export const base64 = (text: string) => Buffer.from(text).toString("base64");
export const hex = (text: string) => Buffer.from(text).toString("hex");
export const percent = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
export const entities = (text: string) => [...text].map((letter) => `&#${letter.codePointAt(0)};`).join("");
export const reversed = (text: string) => [...text].reverse().join("");
export const spaced = (text: string) => [...text].join(" ");
export const zeroWidth = (text: string) => [...text].join("\u200b");
/** Unicode tags: letters that no font draws. */
export const tagLetters = (text: string) => shifted(text, 0x20, 0x7e, 0xe0000);
export const fullWidth = (text: string) => shifted(text, 0x21, 0x7e, 0xfee0);

const LATIN = "aceopxyABCEHKMOPTX";
const CYRILLIC = "асеорхуАВСЕНКМОРТХ";
export const homoglyphs = (text: string) => swapped(text, LATIN, CYRILLIC);

export function rot13(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const first = letter <= "Z" ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - first + 13) % 26) + first);
  });
}

/** A text in every way that it can be read: as it is, and with each disguise taken off. */
export function readings(text: string, depth = 2): string[] {
  const views = [
    text,
    text.replace(/[\u200b-\u200f\u202a-\u202e\u2060\ufeff]/g, ""),
    shifted(text, 0xe0020, 0xe007e, -0xe0000),
    text.normalize("NFKC"),
    swapped(text, CYRILLIC, LATIN),
    reversed(text),
    rot13(text),
    text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))),
    text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString()),
    text.replace(/(?<=\S) (?=\S(?: |$))/gm, ""),
    text.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
  ];
  const inner = [...text.matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g)].flatMap(([run]) => [
    Buffer.from(run, "base64").toString(),
    ...(/^(?:[0-9a-f]{2})+$/i.test(run) ? [Buffer.from(run, "hex").toString()] : []),
  ]);
  return [...new Set([...views, ...(depth > 1 && inner.length > 0 ? readings(inner.join("\n"), depth - 1) : inner)])];
}

function shifted(text: string, first: number, last: number, by: number): string {
  return [...text]
    .map((letter) => {
      const code = letter.codePointAt(0) ?? 0;
      return code >= first && code <= last ? String.fromCodePoint(code + by) : letter;
    })
    .join("");
}

function swapped(text: string, from: string, to: string): string {
  const letters = [...to];
  return [...text]
    .map((letter) => {
      const at = [...from].indexOf(letter);
      return at === -1 ? letter : (letters[at] ?? letter);
    })
    .join("");
}
