/** Checks of models.yaml: the tiers' models exist, and each has prices whose dates can be right. */

import { type Problem, suggest } from "../domain/problem.ts";
import { type ModelsFile, type Price, TIERS } from "../domain/registry.ts";
import { problemsOf } from "./cross-checks.ts";
import type { YamlFile } from "./yaml-file.ts";

export function checkModels(file: YamlFile<ModelsFile>): Problem[] {
  const content = file.partial;
  if (content === null) return [];
  const { error, warning } = problemsOf(file);
  const problems: Problem[] = [];
  if (!isDate(content.as_of)) problems.push(error(["as_of"], `as_of: there is no day ${content.as_of}`));
  const known = file.names("models");
  const tiersOf = (model: string) => TIERS.filter((tier) => content.tiers[tier] === model);
  for (const tier of TIERS) {
    const model = content.tiers[tier];
    if (!known.includes(model))
      problems.push(error(["tiers", tier], `tier ${tier}: unknown model "${model}"`, suggest(model, known)));
  }
  for (const [name, model] of Object.entries(content.models)) {
    const path = ["models", name];
    if (model.max_output > model.context)
      problems.push(error([...path, "max_output"], `model ${name}: max_output is larger than context`));
    problems.push(...datesProblems(model.prices, (i, message) => error([...path, "prices", i], `model ${name}: ${message}`)));
    if (!model.prices.some((price) => price.from <= content.as_of)) {
      const make = tiersOf(name).length > 0 ? error : warning;
      problems.push(
        make(
          [...path, "prices"],
          `model ${name} has no price that holds on ${content.as_of}`,
          "a model without a price is never called",
        ),
      );
    }
  }
  return problems;
}

function datesProblems(prices: readonly Price[], problem: (index: number, message: string) => Problem): Problem[] {
  return prices.flatMap((price, i) => {
    if (!isDate(price.from)) return [problem(i, `there is no day ${price.from}`)];
    const before = prices[i - 1];
    return before !== undefined && before.from >= price.from
      ? [problem(i, "prices stand in the order of their dates, one a day")]
      : [];
  });
}

function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(text);
}
