/** What the work needs to touch the world: the tools, the ledger of what is done with them, and how it is shown. */

import type { ActionPreview, Toolbox, UsableTool } from "../tools/toolbox.ts";
import type { Effects } from "./effects.ts";

export type Hands = {
  readonly toolbox: Toolbox;
  readonly effects: Effects;
  /** What will happen, where the server knows better than the arguments say; null where it does not. */
  readonly preview: (tool: UsableTool, args: Readonly<Record<string, unknown>>) => Promise<ActionPreview | null>;
  /** Takes this installation's secrets out of a text that came from outside. */
  readonly clean: (text: string) => string;
};
