/** The clock of a time zone: which instant a time on its wall is, also where the clock jumps. */

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Days whose offset is kept; a look needs a handful, a forecast of a year some hundreds. */
const MAX_DAYS = 2000;

export type Zone = {
  /** Wall clock minus UTC, in ms, at an instant (UTC ms). */
  offsetAt(at: number): number;
  /**
   * The instant of a time on the wall (written as if it were UTC ms). A time that comes twice is its first; one that the
   * clock jumps over is the instant right behind the jump.
   */
  instantOf(wall: number): number;
  /** The first instant with another offset than `from` has, given that `to` has another one. */
  changeBetween(from: number, to: number): number;
};

/** The clock of an IANA zone. Throws a RangeError for a name that is none. */
export function zoneOf(name: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  const ask = (at: number) => offsetIn(format.format(at));
  const days = new Map<number, number | null>();

  /** The one offset of a UTC day, or null when the clock changes in it. */
  function ofDay(day: number): number | null {
    const known = days.get(day);
    if (known !== undefined) return known;
    const [begin, end] = [ask(day * DAY), ask((day + 1) * DAY)];
    if (days.size >= MAX_DAYS) days.clear();
    const offset = begin === end ? begin : null;
    days.set(day, offset);
    return offset;
  }

  const offsetAt = (at: number) => ofDay(Math.floor(at / DAY)) ?? ask(at);

  function changeBetween(from: number, to: number): number {
    const before = offsetAt(from);
    let [low, high] = [from, to];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }

  return {
    offsetAt,
    changeBetween,
    instantOf(wall) {
      // No offset is as long as a day: these two instants lie on either side of the one that is looked for.
      const [before, after] = [offsetAt(wall - DAY), offsetAt(wall + DAY)];
      const first = wall - Math.max(before, after);
      if (before === after || offsetAt(first) === Math.max(before, after)) return first;
      const last = wall - Math.min(before, after);
      return offsetAt(last) === Math.min(before, after) ? last : changeBetween(first, last);
    },
  };
}

/** `11/22/2026, GMT+10:30` in ms. */
function offsetIn(text: string): number {
  const found = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!found) throw new Error(`no offset in "${text}"`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = found;
  const size = (Number(hours) * 60 + Number(minutes)) * MINUTE + Number(seconds) * 1000;
  return sign === "-" ? -size : size;
}
