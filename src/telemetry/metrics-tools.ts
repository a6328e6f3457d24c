/** Families of `/metrics` about what goes outside: reads, actions, and what vendors' units and dollars were used. */

import { usd } from "../domain/money.ts";
import type { EffectCount, ReadCount } from "../store/figures-tools.ts";
import type { ServerUse } from "../store/outside-use.ts";
import { boundedSamples, type Counted, type Family, type Sample } from "./prometheus.ts";

export type ToolFigures = {
  readonly reads: readonly ReadCount[];
  readonly effects: readonly EffectCount[];
  readonly outside: readonly ServerUse[];
};

const PERIODS = ["day", "month"] as const;

/** Names of tools come from their servers: each family is bounded. */
export function toolFamilies({ reads, effects, outside }: ToolFigures): Family[] {
  const byTool = ["server", "tool"];
  const asRead = (of: (row: ReadCount) => number): Counted[] =>
    reads.map((row) => ({
      labels: { server: row.server, tool: row.tool, outcome: row.isError ? "error" : "answered" },
      n: of(row),
    }));
  const used = (of: (use: ServerUse["today"]) => number): Counted[] =>
    outside.flatMap(({ server, today, month }) =>
      PERIODS.map((period) => ({ labels: { server, period }, n: of(period === "day" ? today : month) })),
    );
  const suffixed = (samples: Sample[], suffix: "_sum" | "_count", by: number) =>
    samples.map((sample) => ({ ...sample, suffix, value: sample.value / by }));
  return [
    {
      name: "tool_reads_total",
      type: "counter",
      help: "Reads outside for real work, by server, tool and outcome.",
      samples: boundedSamples(
        asRead((row) => row.n),
        [...byTool, "outcome"],
      ),
    },
    {
      name: "tool_read_seconds",
      type: "summary",
      help: "How long reads outside took, with waiting for their turn.",
      samples: [
        ...suffixed(
          boundedSamples(
            asRead((row) => row.ms),
            byTool,
          ),
          "_sum",
          1000,
        ),
        ...suffixed(
          boundedSamples(
            asRead((row) => row.n),
            byTool,
          ),
          "_count",
          1,
        ),
      ],
    },
    {
      name: "effects",
      type: "gauge",
      help: "Actions outside of real work, by server, class and state.",
      samples: boundedSamples(
        effects.map(({ server, class: of, state, n }) => ({ labels: { server, class: of, state }, n })),
        ["server", "class", "state"],
      ),
    },
    {
      name: "outside_units",
      type: "gauge",
      help: "Units of vendors used in the running UTC period.",
      samples: boundedSamples(
        used((use) => use.units),
        ["server", "period"],
      ),
    },
    {
      name: "outside_spent_usd",
      type: "gauge",
      help: "Money spent outside in the running UTC period, as far as prices are known.",
      samples: boundedSamples(
        used((use) => use.cost),
        ["server", "period"],
      ).map((sample) => ({ ...sample, value: usd(sample.value) })),
    },
  ];
}
