/** Whether a playbook keeps to its entry in skills.yaml: the sections of its deliverable and the criteria of its rubric. */

import { nearest, type Problem } from "../domain/problem.ts";
import { type Part, partOf, subheadings } from "./playbook-text.ts";

type Playbook = { readonly file: string; readonly body: string; readonly bodyLine: number };
type Entry = { readonly sections: readonly string[]; readonly rubric: string; readonly criteria: readonly string[] };

const DELIVERABLE = "Deliverable";
const QUALITY = "Quality criteria";

export function checkPlaybook({ file, body, bodyLine }: Playbook, { sections, rubric, criteria }: Entry): Problem[] {
  const whole: Part = { text: body, line: bodyLine };
  const warning = (line: number | undefined, message: string, hint: string): Problem => ({
    severity: "warning",
    file,
    line,
    message,
    hint,
  });
  return [
    ...(sections.length > 0 ? sectionProblems(partOf(whole, DELIVERABLE), sections, warning) : []),
    ...qualityProblems(partOf(whole, QUALITY), rubric, criteria, warning),
  ];
}

type Warning = (line: number | undefined, message: string, hint: string) => Problem;

function sectionProblems(part: Part | null, sections: readonly string[], warning: Warning): Problem[] {
  if (part === null) {
    return [
      warning(undefined, `has no "## ${DELIVERABLE}"`, "say there, under ### names, what each section in skills.yaml holds"),
    ];
  }
  const written = subheadings(part);
  const names = written.map(({ name }) => name);
  const missing = sections.filter((section) => !names.includes(section));
  const unknown = written.filter(({ name }) => !sections.includes(name));
  const problems = unknown.map(({ name, line }) => {
    const meant = nearest(name, missing);
    const hint = meant === null ? "add it there, or drop it here" : `did you mean "${meant}"?`;
    return warning(line, `"### ${name}" is none of its sections in skills.yaml`, hint);
  });
  // A mistyped name is told once, at the heading.
  for (const section of missing.filter((name) => !unknown.some((heading) => nearest(heading.name, missing) === name))) {
    problems.push(
      warning(
        part.line - 1,
        `"## ${DELIVERABLE}" has no "### ${section}"`,
        "skills.yaml requires it: write it, or drop it there",
      ),
    );
  }
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  for (const name of new Set(twice)) {
    problems.push(warning(part.line - 1, `"### ${name}" stands twice`, "one heading a section"));
  }
  if (problems.length === 0 && names.join("\n") !== sections.join("\n")) {
    problems.push(
      warning(part.line - 1, "its ### names stand in another order than in skills.yaml", `there: ${sections.join(", ")}`),
    );
  }
  return problems;
}

function qualityProblems(part: Part | null, rubric: string, criteria: readonly string[], warning: Warning): Problem[] {
  if (part === null) {
    return [warning(undefined, `has no "## ${QUALITY}"`, "say there what good is for this skill: reviewers read it")];
  }
  const missing = criteria.filter((id) => !part.text.includes(`\`${id}\``));
  if (missing.length === 0) return [];
  const list = missing.map((id) => `\`${id}\``).join(", ");
  return [warning(part.line - 1, `"## ${QUALITY}" says nothing of ${list}`, `the rubric ${rubric} scores it by that`)];
}
