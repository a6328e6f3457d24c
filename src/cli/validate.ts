/** `marketeam validate`: every problem of the team's files in one run, without a database, a workspace or a model. */

import { EXIT } from "../domain/exit.ts";
import { formatProblem, oneVisibleLine, type Problem } from "../domain/problem.ts";
import { loadRegistry, type LoadedRegistry } from "../skills/registry.ts";
import { skillSizes } from "../skills/skill-size.ts";
import { print, printJson, type Styles } from "./output.ts";
import { configFor, stylesFor } from "./session.ts";
import { sizesLine, sizesTable } from "./validate-sizes.ts";

/** How many there are to work with; null where an error leaves nothing to count. */
export type TeamCounts = Record<"skills" | "pipelines" | "schedules" | "events", number | null> & {
  readonly errors: number;
  readonly warnings: number;
};

export async function validate(options: { readonly json?: boolean; readonly sizes?: boolean }): Promise<number> {
  const config = configFor({});
  const loaded = await loadRegistry({ root: config.root, lints: true });
  const sizes = loaded.registry === null ? [] : skillSizes(loaded.registry);
  const counts = countTeam(loaded);
  const problems = inOrder(loaded.problems);
  if (options.json) {
    const list = problems.map(({ severity, file, line, message, hint }) => ({
      severity,
      file,
      line: line ?? null,
      message,
      hint: hint ?? null,
    }));
    printJson({ ok: counts.errors === 0, problems: list, counts, sizes });
  } else {
    const style = stylesFor(config);
    const size = options.sizes && sizes.length > 0 ? sizesTable(sizes, style) : sizesLine(sizes);
    print(
      [...(size === null ? [] : [options.sizes ? size : style.dim(size), ""]), problemsText(problems, counts, style)].join("\n"),
    );
  }
  return counts.errors > 0 ? EXIT.config : EXIT.done;
}

export function countTeam({ registry, problems }: Pick<LoadedRegistry, "registry" | "problems">): TeamCounts {
  const of = (severity: Problem["severity"]) => problems.filter((problem) => problem.severity === severity).length;
  return {
    skills: registry?.skills.size ?? null,
    pipelines: registry?.pipelines.size ?? null,
    schedules: registry ? Object.keys(registry.schedules).length : null,
    events: registry ? Object.keys(registry.events).length : null,
    errors: of("error"),
    warnings: of("warning"),
  };
}

/** The counts as a sentence: what there is to work with, and what is wrong. */
export function countsText(counts: TeamCounts): string {
  const team = (["skills", "pipelines", "schedules", "events"] as const).map(
    (name) => `${counts[name] ?? 0} ${plural(name, counts[name])}`,
  );
  const wrong = `${counts.errors} ${plural("errors", counts.errors)}, ${counts.warnings} ${plural("warnings", counts.warnings)}`;
  return counts.skills === null ? `nothing to work with: ${wrong}` : `${team.join(", ")}: ${wrong}`;
}

function plural(word: string, count: number | null): string {
  return count === 1 ? word.slice(0, -1) : word;
}

/** Errors first, then by file and line. */
function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => {
    if (a.severity !== b.severity) return a.severity === "error" ? -1 : 1;
    return a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1;
  });
}

function problemsText(problems: readonly Problem[], counts: TeamCounts, { red, yellow, green, dim }: Styles): string {
  const out = problems.flatMap(({ severity, file, line, message, hint }) => {
    const mark = severity === "error" ? red("error  ") : yellow("warning");
    const said = formatProblem({ severity, file, line, message });
    return [`${mark}  ${said}`, ...(hint ? [dim(`         ${oneVisibleLine(hint)}`)] : [])];
  });
  const mark = counts.errors > 0 ? red("✖") : counts.warnings > 0 ? yellow("!") : green("✔");
  return [...out, ...(out.length > 0 ? [""] : []), `${mark} ${countsText(counts)}`].join("\n");
}
