/** What a tool answered, as text for a prompt: cut to the cap, the whole of it in a file when it was cut. */

import type { ToolAnswer } from "../server.ts";

type Block = Readonly<Record<string, unknown>>;
/** Keeps a text outside the prompt; returns where, or null when it could not. */
export type Spill = (text: string, of: { readonly server: string; readonly tool: string }) => Promise<string | null>;

/** The text of a `tools/call` answer, result or protocol error. Takes any shape: what is not understood is said, never thrown. */
export function readAnswer(answer: { readonly result?: unknown; readonly error?: unknown }): {
  readonly text: string;
  readonly isError: boolean;
} {
  if (answer.error !== undefined) {
    const { message = "no message", code } = record(answer.error);
    return {
      text: `The server refused the call: ${wordOf(message)}${code === undefined ? "" : ` (${wordOf(code)})`}`,
      isError: true,
    };
  }
  const result = record(answer.result);
  if (result["resultType"] === "input_required")
    return {
      text: "The tool asked a person for more input in the middle of the call. That is declined: give all of it in the arguments.",
      isError: true,
    };
  const content = Array.isArray(result["content"]) ? result["content"] : [];
  const parts = content.map((block) => blockText(record(block))).filter((text) => text !== "");
  const structured = result["structuredContent"];
  if (structured !== undefined && !content.some((block) => record(block)["type"] === "text"))
    parts.push(JSON.stringify(structured));
  return {
    text: parts.length === 0 ? "(The tool answered without any content.)" : parts.join("\n\n"),
    isError: result["isError"] === true,
  };
}

function blockText(block: Block): string {
  const { type, text, data, mimeType, uri, name } = block;
  if (type === "text") return typeof text === "string" ? text : "";
  if (type === "image" || type === "audio") return `[${type} not shown: ${wordOf(mimeType ?? "unknown type")}, ${sizeOf(data)}]`;
  if (type === "resource_link") return `[link: ${wordOf(name ?? "")} ${wordOf(uri ?? "")}]`;
  if (type === "resource") {
    const resource = record(block["resource"]);
    const title = `${wordOf(resource["uri"] ?? "")} (${wordOf(resource["mimeType"] ?? "unknown type")})`;
    if (typeof resource["text"] === "string") return `[resource ${title}]\n${resource["text"]}`;
    return `[resource not shown: ${title}, ${sizeOf(resource["blob"])}]`;
  }
  return `[content of the kind ${JSON.stringify(type ?? null)}, not shown]`;
}

/** Of base64, in the unit that people read. */
function sizeOf(base64: unknown): string {
  if (typeof base64 !== "string") return "no data";
  const bytes = Math.floor((base64.length * 3) / 4);
  return bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024)} KB`;
}

function record(value: unknown): Block {
  return typeof value === "object" && value !== null ? (value as Block) : {};
}

/** Cuts at a whole character. What is cut away is said in the text, with the file that has all of it. */
export async function answered(
  whole: { readonly text: string; readonly isError: boolean },
  cap: number,
  spill: () => Promise<string | null>,
): Promise<ToolAnswer> {
  const bytes = Buffer.byteLength(whole.text);
  if (bytes <= cap) return { kind: "answered", ...whole, bytes, spilled: null };
  const spilled = await spill();
  const head = new TextDecoder().decode(Buffer.from(whole.text).subarray(0, cap)).replace(/\ufffd+$/, "");
  const note = `[Cut here: the first ${Math.round(cap / 1024)} KB of ${Math.round(bytes / 1024)} KB are shown.]`;
  return { kind: "answered", text: `${head}\n\n${note}`, isError: whole.isError, bytes, spilled };
}

/** What should be a word, from somebody else's program: an object may refuse to become one. */
function wordOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "");
}
