/** Flags that several commands share, and the numbers that a flag may take. */

import { InvalidArgumentError, Option, type Command } from "commander";

/** Reads a number above 0. */
export function positive(name: string) {
  return (text: string) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value <= 0)
      throw new InvalidArgumentError(`${name} must be a number above 0.`);
    return value;
  };
}

/** Reads a whole number from `min` to `max`. */
export function whole(name: string, min: number, max: number) {
  return (text: string) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) < min || Number(text) > max)
      throw new InvalidArgumentError(`${name} must be a whole number from ${min} to ${max}.`);
    return Number(text);
  };
}

export const workspace = () => new Option("--workspace <dir>", "folder of the documents and the database (WORKSPACE_DIR)");
export const json = () => new Option("--json", "one JSON object on stdout");
export const rehearse = () => new Option("--rehearse", "work with the local rehearsal instead of a model: no key, no cost");
export const seed = () =>
  new Option("--seed <n>", "seed of the rehearsal: the same seed, the same run")
    .argParser(whole("--seed", 0, 999_999_999))
    .default(1)
    .hideHelp();
const latency = () =>
  new Option("--latency <ms>", "delay of the rehearsal's answers")
    .argParser(whole("--latency", 0, 60_000))
    .default(0)
    .hideHelp();
/** The flags of every command that works on a goal. */
export const running = (command: Command) =>
  command
    .addOption(
      new Option("--concurrency <n>", "agents at work at the same time (MAX_PARALLEL_AGENTS)").argParser(
        whole("--concurrency", 1, 99),
      ),
    )
    .addOption(new Option("--events", "one JSON event a line on stdout, as it happens"))
    .addOption(json())
    .addOption(workspace())
    .addOption(rehearse())
    .addOption(seed())
    .addOption(latency());
