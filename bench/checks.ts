/** What the checks that need no model take for a long text, beside the plainest reading of the same lines. */

import { claimsOf } from "../src/director/claims/claims.ts";
import { findContradictions } from "../src/director/consistency/find.ts";
import { structureFindings } from "../src/director/review/structure.ts";
import { sample, type Figure } from "./figure.ts";

const RUNS = 11;
const SECTION = `## Section

${"A sentence with [a link](https://example.com) and **weight**. ".repeat(10)}

- [ ] item [^1]

The Team plan costs $29 a month, and 40 % of teams answer within an hour.

\`\`\`js
const a = b[name];
\`\`\`

`;
const MEGABYTE = SECTION.repeat(Math.ceil(1_000_000 / SECTION.length));
/** As long as the longest texts of a goal are. */
const PAGE = SECTION.repeat(Math.ceil(30_000 / SECTION.length));

export async function checks(): Promise<Figure[]> {
  const structure = (body: string) =>
    structureFindings({ body, requiredSections: ["Section", "Offer"], secrets: ["sk-something-long"] });
  const pages = ["context", "page", "mail"].map((name, rank) => ({ name, rank, body: PAGE }));
  return [
    {
      ...figure("structure", "the structural check of a megabyte of Markdown", MEGABYTE, () => structure(MEGABYTE)),
      bar: { of: "value", atMost: 100, from: "promise" },
    },
    figure("claims", "the claims of a page of 30,000 characters", PAGE, () => claimsOf(PAGE, [])),
    figure("contradictions", "contradictions between three such pages", PAGE.repeat(3), () => findContradictions(pages)),
  ];
}

function figure(key: string, what: string, text: string, check: () => unknown): Figure {
  const [ours, base]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    ours.push(timed(check));
    base.push(timed(() => words(text)));
  }
  return {
    key,
    what,
    unit: "ms",
    value: sample(ours),
    base: { what: "its lines and their words, counted", value: sample(base) },
  };
}

function words(text: string): number {
  let count = 0;
  for (const line of text.split("\n")) count += line.match(/\w+/g)?.length ?? 0;
  return count;
}

function timed(job: () => unknown): number {
  const began = performance.now();
  job();
  return performance.now() - began;
}
