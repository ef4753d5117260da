// Days and times in the clinic's time zone, wherever the browser is. A day is 'YYYY-MM-DD', an instant is a Date or
// what PostgREST writes of one, minutes are those on the clinic's wall since midnight.

const locale = navigator.languages.find((one) => one.startsWith('en')) ?? 'en-US';
const made = new Map();

function formatter(timeZone, options) {
  const key = `${timeZone} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new Intl.DateTimeFormat(locale, { timeZone, ...options }));
  return made.get(key);
}

const PARTS = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };

function partsOf(instant, zone) {
  const parts = formatter(zone, PARTS).formatToParts(new Date(instant));
  return Object.fromEntries(parts.map(({ type, value }) => [type, value]));
}

export function dayOf(instant, zone) {
  const { year, month, day } = partsOf(instant, zone);
  return `${year}-${month}-${day}`;
}

export function minutesOf(instant, zone) {
  const { hour, minute } = partsOf(instant, zone);
  return Number(hour) * 60 + Number(minute);
}

/** The instant at which the clinic's wall shows this; of a time that the change to summer time skips, the one after it. */
export function instantAt(day, minutes, zone) {
  const wanted = Date.parse(`${day}T00:00:00Z`) + minutes * 60_000;
  const offset = (at) => {
    const { year, month, day: date, hour, minute } = partsOf(at, zone);
    return Date.UTC(year, month - 1, date, hour, minute) - Math.floor(at / 60_000) * 60_000;
  };
  const first = wanted - offset(wanted);
  return new Date(wanted - offset(first));
}

export function addDays(day, count) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}

/** Monday is 1. */
export const weekdayOf = (day) => new Date(`${day}T00:00:00Z`).getUTCDay() || 7;

export const time = (instant, zone) => formatter(zone, { hour: 'numeric', minute: '2-digit' }).format(new Date(instant));

export const clockTime = (minutes) => time(Date.UTC(2000, 0, 1, 0, minutes), 'UTC');

export const longDay = (day) => formatter('UTC', { weekday: 'long', day: 'numeric', month: 'long' }).format(new Date(`${day}T00:00:00Z`));

export const shortDay = (day) => formatter('UTC', { weekday: 'short', day: 'numeric', month: 'short' }).format(new Date(`${day}T00:00:00Z`));

export const dateOf = (day) => formatter('UTC', { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(`${day.slice(0, 10)}T00:00:00Z`));

export const when = (instant, zone) => `${shortDay(dayOf(instant, zone))}, ${time(instant, zone)}`;

/** 'EST' and the like, for who is elsewhere. */
export const zoneName = (zone, instant = Date.now()) => formatter(zone, { timeZoneName: 'short' }).formatToParts(new Date(instant)).find(({ type }) => type === 'timeZoneName').value;

export const money = (amount, currency) => new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount);
