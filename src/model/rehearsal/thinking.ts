/** Thinking blocks: written before a tool is used, signed, and known again when they come back. */

import { sha256 } from "./json.ts";

export function signed(thinking: string): { readonly type: "thinking"; readonly thinking: string; readonly signature: string } {
  return { type: "thinking", thinking, signature: signatureOf(thinking) };
}

export function signatureOf(thinking: string): string {
  return sha256(`signed ${thinking}`);
}
