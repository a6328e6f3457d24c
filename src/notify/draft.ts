/** What an event leads to: notices to be told, notices that need not be told any more. */

import type { Notice } from "../store/notices.ts";
import type { NoticeKind } from "./channel.ts";

export type Draft = Omit<Notice, "id" | "key" | "kind"> & {
  readonly kind: NoticeKind;
  /** How long it waits for what would make it needless, ms; for others of its moment when not given. */
  readonly patienceMs?: number;
  /** With kind and subject it makes the key under which this is told once. */
  readonly state: string;
};

export type Told = {
  readonly drafts: readonly Draft[];
  /** What need not be told any more, unless it is on its way. */
  readonly overtakes: readonly (
    { readonly subject: string } | { readonly goalId: string; readonly kinds: readonly NoticeKind[] }
  )[];
  /** An action that stands otherwise now than where people were asked about it. */
  readonly changed?: { readonly effectId: string; readonly by: string | null };
};
