/** Hours of the day in a time zone: when nobody is to be disturbed, and when something daily is due. DST-safe. */

/** `from` and `to` as HH:MM in `zone` (IANA); `to` before `from` means the next morning. */
export type QuietHours = { readonly from: string; readonly to: string; readonly zone: string };

/** The end (UTC ms) of the quiet hours that `at` lies in, or null when it lies in none. */
export function quietUntil(quiet: QuietHours | null, at: number): number | null {
  if (quiet === null) return null;
  const today = dateIn(quiet.zone, at);
  for (const day of [today.subtract({ days: 1 }), today]) {
    const start = instant(day, quiet.from, quiet.zone, "earlier");
    // An hour that comes twice is quiet twice: the end is the second one.
    const end = instant(quiet.to > quiet.from ? day : day.add({ days: 1 }), quiet.to, quiet.zone, "later");
    if (start <= at && at < end) return end;
  }
  return null;
}

/** The day (YYYY-MM-DD in the zone) that `at` belongs to, and when HH:MM of it and of the next day are, in UTC ms. */
export function dayAt(time: string, zone: string, at: number): { day: string; due: number; next: number } {
  const day = dateIn(zone, at);
  const due = instant(day, time, zone, "earlier");
  return { day: day.toString(), due, next: instant(day.add({ days: 1 }), time, zone, "earlier") };
}

export function knownZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

function dateIn(zone: string, at: number): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate();
}

/** An hour that does not exist is as much later as the clock was put forward. */
function instant(day: Temporal.PlainDate, time: string, zone: string, twice: "earlier" | "later"): number {
  const wall = day.toPlainDateTime(Temporal.PlainTime.from(time));
  const at = (disambiguation: "compatible" | "later") => wall.toZonedDateTime(zone, { disambiguation }).epochMilliseconds;
  return at(twice === "earlier" ? "compatible" : "later");
}
