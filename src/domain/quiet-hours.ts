/** Hours of the day in a time zone in which nobody is to be disturbed. DST-safe. */

/** `from` and `to` as HH:MM in `zone` (IANA); `to` before `from` means the next morning. */
export type QuietHours = { readonly from: string; readonly to: string; readonly zone: string };

/** The end (UTC ms) of the quiet hours that `at` lies in, or null when it lies in none. */
export function quietUntil(quiet: QuietHours | null, at: number): number | null {
  if (quiet === null) return null;
  const today = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(quiet.zone).toPlainDate();
  for (const day of [today.subtract({ days: 1 }), today]) {
    const start = instant(day, quiet.from, quiet.zone, "compatible");
    // An hour that comes twice is quiet twice: the end is the second one.
    const end = instant(quiet.to > quiet.from ? day : day.add({ days: 1 }), quiet.to, quiet.zone, "later");
    if (start <= at && at < end) return end;
  }
  return null;
}

export function knownZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

/** The instant of a time on the wall. An hour that does not exist is as much later as the clock was put forward. */
function instant(day: Temporal.PlainDate, time: string, zone: string, disambiguation: "compatible" | "later"): number {
  return day.toPlainDateTime(Temporal.PlainTime.from(time)).toZonedDateTime(zone, { disambiguation }).epochMilliseconds;
}
