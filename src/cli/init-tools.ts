/** The end of `init`: which of the tools that the catalogue knows the team shall use; they are written into tools.yaml. */

import type { Catalogue } from "../domain/tool-catalogue.ts";
import type { Asker } from "./init-dialogue.ts";

/** What a person is likely to have, by role: asked for in this order. */
const FIRST = ["analytics", "search", "browser", "email", "cms"];
const DONE = "";

/**
 * Asks for one tool after the other until the person has enough; those that are there already are not asked for. Returns names
 * of the catalogue; null when the person wants to stop. Writes nothing.
 */
export async function askForTools(
  asker: Pick<Asker, "choose">,
  catalogue: Catalogue,
  there: readonly string[],
): Promise<readonly string[] | null> {
  const chosen: string[] = [];
  for (;;) {
    const open = Object.entries(catalogue)
      .filter(([name, { server }]) => server !== null && !there.includes(name) && !chosen.includes(name))
      .map(([name, { title, role, headless }]) => ({ name, title, role, headless }))
      .toSorted(
        (a, b) => rank(a.role) - rank(b.role) || (a.role === b.role ? (a.name < b.name ? -1 : 1) : a.role < b.role ? -1 : 1),
      );
    if (open.length === 0) return chosen;
    const picked = await asker.choose(
      chosen.length === 0
        ? "Which tools may the team use? It reads with them, and asks you before it changes anything."
        : "Another one?",
      [
        { value: DONE, label: chosen.length === 0 ? "None for now" : `That is all: ${chosen.join(", ")}` },
        ...open.map(({ name, title, role, headless }) => ({
          value: name,
          label: `${title} (${role.replaceAll("_", " ")}${headless === "no" ? ", needs a login in the browser" : ""})`,
        })),
      ],
    );
    if (picked === null) return null;
    if (picked === DONE) return chosen;
    chosen.push(picked);
  }
}

function rank(role: string): number {
  const at = FIRST.indexOf(role);
  return at === -1 ? FIRST.length : at;
}
