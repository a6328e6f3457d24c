/** Horizontal bars as an SVG file: no dependency, the same bytes for the same figures, to be read on light and dark pages. */

export type Series = { readonly name: string; readonly color: string };
export type BarRow = {
  readonly label: string;
  /** One a series, with the text behind the bar; null where there is none. */
  readonly bars: readonly ({ readonly value: number; readonly text: string } | null)[];
};
export type BarChart = {
  readonly title: string;
  readonly series: readonly Series[];
  readonly rows: readonly BarRow[];
  /** Each line of the scale is ten times the one before. */
  readonly log?: boolean;
};

const [WIDTH, BAR, GAP, LABELS, TEXTS, TOP] = [820, 14, 12, 290, 90, 56] as const;

/** Text is cut to what the column of labels can hold. */
export function barsSvg({ title, series, rows, log = false }: BarChart): string {
  const values = rows.flatMap((row) => row.bars.flatMap((bar) => (bar ? [bar.value] : [])));
  const scale = log ? logScale(values) : linearScale(values);
  const room = WIDTH - LABELS - TEXTS;
  const parts: string[] = [];
  let y = TOP;
  for (const row of rows) {
    const bars = row.bars.filter((bar) => bar !== null);
    const middle = y + (bars.length * BAR) / 2 + 4;
    parts.push(`<text x="${LABELS - 8}" y="${middle}" text-anchor="end">${escape(row.label.slice(0, 48))}</text>`);
    for (const [i, bar] of row.bars.entries()) {
      if (!bar) continue;
      const width = Math.max(1, Math.round(scale(bar.value) * room));
      parts.push(`<rect x="${LABELS}" y="${y}" width="${width}" height="${BAR - 2}" fill="${series[i]?.color ?? ""}"/>`);
      parts.push(`<text x="${LABELS + width + 5}" y="${y + BAR - 4}">${escape(bar.text)}</text>`);
      y += BAR;
    }
    y += GAP;
  }
  let x = LABELS;
  const legend = series.flatMap(({ name, color }) => {
    const at = x;
    x += 24 + name.length * 7;
    return [
      `<rect x="${at}" y="34" width="10" height="10" fill="${color}"/>`,
      `<text x="${at + 14}" y="43">${escape(name)}</text>`,
    ];
  });
  const height = y + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    "<style>text{font:12px system-ui,sans-serif;fill:#57606a}@media(prefers-color-scheme:dark){text{fill:#9da7b3}}</style>",
    `<text x="8" y="18" style="font-weight:600;font-size:14px">${escape(title)}</text>`,
    ...legend,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function linearScale(values: readonly number[]): (value: number) => number {
  const most = Math.max(...values, 0);
  return (value) => (most === 0 ? 0 : value / most);
}

/** From the power of ten below the least. */
function logScale(values: readonly number[]): (value: number) => number {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const least = Math.floor(Math.min(...logs) - 0.05);
  const most = Math.max(...logs);
  return (value) => (value <= 0 || most <= least ? 0 : (Math.log10(value) - least) / (most - least));
}

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
