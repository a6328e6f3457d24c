/** The log port on pino: JSON lines or lines for people, written before the call returns, without secrets. */

import type { Logger } from "pino";
import { plainFields } from "./fields.ts";
import type { Log, LogFields } from "./log.ts";
import { createRedactor } from "./redact.ts";

export type LogOptions = {
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  readonly format: "json" | "pretty";
  /** The file descriptor to write to: 2 is stderr. */
  readonly stream: number;
  /** Texts that must never be written; those under 6 characters are ignored. */
  readonly secrets: readonly string[];
  /** Whether people's lines have colours; never on their own. */
  readonly color?: boolean;
};

/** Keys that belong to the line itself: a field of the same name is written with `_` behind it. */
const OWN_KEYS: ReadonlySet<string> = new Set(["level", "time", "pid", "hostname", "msg"]);

/** A Log that has written each line when the call returns, so that none is lost with the process. It never throws. */
export function createLog(options: LogOptions): Log {
  // Most commands log nothing at all: the packages are loaded with the first line. (By `require`: a line is written at once.)
  let opened: Writer | undefined;
  return toLog({ level: options.level, open: () => (opened ??= openLogger(options)) }, {});
}

type Writer = Logger<never, boolean>;

function openLogger({ level, format, stream, secrets, color = false }: LogOptions): Writer {
  const { destination, pino, stdTimeFunctions } = require("pino") as typeof import("pino");
  const redact = createRedactor(secrets);
  // A full disk must not take the work with it, nor fill the memory with what could not be written. (A reader that went
  // away is pino's own affair.)
  const file = destination({ dest: stream, sync: true, maxLength: 1 << 20 });
  file.on("error", () => {});
  const pretty = format === "pretty" ? prettyLines(color) : null;

  const write = (json: string) => {
    const redacted = redact(json);
    const line = redacted === json ? json : validJson(redacted);
    // Once more on what is really written: how pino-pretty treats backslashes and stacks is its own affair.
    file.write(pretty === null ? escapeControls(line) : redact(pretty(visible(JSON.parse(line)))));
  };
  return pino({ level, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, { write });
}

function prettyLines(colorize: boolean): (record: unknown) => string {
  const { prettyFactory } = require("pino-pretty") as typeof import("pino-pretty");
  return prettyFactory({ colorize, singleLine: true, translateTime: "SYS:HH:MM:ss", ignore: "pid,hostname" });
}

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

type Source = { readonly level: LogOptions["level"]; readonly open: () => Writer };

function toLog(source: Source, bound: Record<string, unknown>): Log {
  const least = source.level === "silent" ? LEVELS.length : LEVELS.indexOf(source.level);
  const at = (level: Level) => (message: string, fields?: LogFields) => {
    if (LEVELS.indexOf(level) >= least) source.open()[level]({ ...bound, ...ownFields(fields) }, message);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => toLog(source, { ...bound, ...ownFields(fields) }),
  };
}

function ownFields(fields: LogFields | undefined): Record<string, unknown> {
  if (!fields) return {};
  return Object.fromEntries(
    Object.entries(plainFields(fields)).map(([key, value]) => [OWN_KEYS.has(key) ? `${key}_` : key, value]),
  );
}

/** A secret made of digits can stand outside of quotes: the line then becomes a message, and stays JSON. */
function validJson(line: string): string {
  try {
    JSON.parse(line);
    return line;
  } catch {
    return `${JSON.stringify({ level: "error", msg: line.trim() })}\n`;
  }
}

// What moves a cursor, colours, starts a line or turns the direction of writing, but for the tab.
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON itself escapes the first 32 control characters only. The line's own end stays. */
function escapeControls(line: string): string {
  return `${line.trimEnd().replace(CONTROLS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

/** The record with control characters made visible, keys included; a stack keeps its lines, which are then indented. */
function visible(value: unknown, key = ""): unknown {
  if (typeof value === "string") return key === "stack" ? value.split("\n").map(show).join("\n") : show(value);
  if (Array.isArray(value)) return value.map((inner) => visible(inner));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [show(name), visible(inner, name)]));
}

function show(text: string): string {
  return text.replace(CONTROLS, (char) => (char === "\n" ? "\\n" : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`));
}
