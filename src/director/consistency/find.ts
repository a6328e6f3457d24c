/** WIP */
import type { Found, Text } from "./text.ts";
export function findContradictions(_texts: readonly Text[]): Found[] {
  return [];
}
