// A zone's local time by the runtime's own table, which is not PostgreSQL's.

const MINUTE = 60_000;
export const STEP = 5 * MINUTE;
const DAY = 24 * 60 * MINUTE;

export class Zone {
  #offsets = new Map();

  constructor(name) {
    this.name = name;
    this.format = new Intl.DateTimeFormat('en-GB', {
      timeZone: name, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
    });
  }

  /** The local time at an instant, as if it were one of UTC: in milliseconds. */
  local(instant) {
    const quarter = Math.floor(instant / (15 * MINUTE)) * 15 * MINUTE;
    if (!this.#offsets.has(quarter)) {
      const { year, month, day, hour, minute } = Object.fromEntries(this.format.formatToParts(quarter).map(({ type, value }) => [type, Number(value)]));
      this.#offsets.set(quarter, Date.UTC(year, month - 1, day, hour, minute) - quarter);
    }
    return instant + this.#offsets.get(quarter);
  }

  /** The two local days of a year on which the clocks change, as YYYY-MM-DD. */
  changes(year) {
    const days = [];
    for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += DAY) {
      const [before, after] = [this.local(at) - at, this.local(at + DAY) - at - DAY];
      if (before !== after) days.push(this.#changeWithin(at));
    }
    return days;
  }

  #changeWithin(from) {
    for (let at = from; ; at += STEP) {
      if (this.local(at) - at !== this.local(at + STEP) - at - STEP) return day(this.local(at + STEP));
    }
  }
}

/** The day of a local time. */
export const day = (local) => new Date(local).toISOString().slice(0, 10);

/** Monday is 1. */
export const weekday = (local) => ((new Date(local).getUTCDay() + 6) % 7) + 1;

/** Minutes since midnight of a local time. */
export const minuteOfDay = (local) => Math.round((local % DAY) / MINUTE);

/** '08:30' in minutes; '24:00' is the day's end. */
export const minutes = (time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

export const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
