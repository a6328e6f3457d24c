/** A cron expression in a few words, where it is simple enough for that. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `every day at 06:00`, `Mondays at 00:00`; null for what is clearer as it stands. */
export function cronWords(cron: string): string | null {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.trim().split(/\s+/);
  const always = day === "*" && month === "*" && weekday === "*";
  if (!/^\d+$/.test(hour)) return always ? elapsedWords(minute, hour) : null;
  if (!/^\d+$/.test(minute)) return null;
  const at = `at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (always) return `every day ${at}`;
  if (day === "*" && month === "*") {
    const days = weekdayWords(weekday);
    return days === null ? null : `${days} ${at}`;
  }
  if (weekday !== "*") return null;
  if (day === "L" && month === "*") return `the last day of a month ${at}`;
  if (!/^\d+(?:,\d+){0,2}$/.test(day)) return null;
  const days = day.split(",").map(Number);
  if (month === "*") return `the ${and(days.map(ordinal))} of a month ${at}`;
  const name = /^\d+$/.test(month) ? MONTHS[Number(month) - 1] : undefined;
  return name === undefined ? null : `${and(days.map(String))} ${name} ${at}`;
}

function elapsedWords(minute: string, hour: string): string | null {
  const step = /^\*\/(\d+)$/;
  if (hour === "*") {
    if (minute === "*") return "every minute";
    const every = step.exec(minute)?.[1];
    // "every 7 minutes" would not be true: it begins anew with each hour.
    if (every !== undefined) return 60 % Number(every) === 0 ? `every ${every} minutes` : null;
    return /^\d+$/.test(minute) ? `every hour at :${minute.padStart(2, "0")}` : null;
  }
  const every = step.exec(hour)?.[1];
  if (every === undefined || 24 % Number(every) !== 0 || !/^\d+$/.test(minute)) return null;
  return `every ${every} hours at :${minute.padStart(2, "0")}`;
}

function weekdayWords(field: string): string | null {
  const range = /^(\w+)-(\w+)$/.exec(field);
  if (range) {
    const [from, to] = [dayName(range[1] ?? ""), dayName(range[2] ?? "")];
    return from && to ? `${from.slice(0, 3)} to ${to.slice(0, 3)}` : null;
  }
  const days = field.split(",").map(dayName);
  if (days.some((name) => name === null) || days.length > 3) return null;
  return days.length === 1 ? `${days[0]}s` : and(days.map((name) => name?.slice(0, 3) ?? ""));
}

function dayName(text: string): string | null {
  if (/^[0-7]$/.test(text)) return DAYS[Number(text) % 7] ?? null;
  return DAYS.find((name) => name.slice(0, 3).toLowerCase() === text.toLowerCase()) ?? null;
}

function ordinal(day: number): string {
  const teen = day >= 11 && day <= 13;
  return `${day}${teen ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th")}`;
}

function and(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
