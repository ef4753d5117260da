// Where a time of the day is on the board, and which time is at a place.

import { minutesOf, weekdayOf } from '../../lib/clock.js';

const DEFAULT_HOURS = [8 * 60, 18 * 60];
const minutes = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));

/** First and last whole hour to be shown, in minutes: the clinic's hours, and whatever was booked beyond them. */
export function hoursOf(day, settings, rows, zone) {
  const open = settings.opening_hours.filter(({ weekday }) => weekday === weekdayOf(day));
  const starts = [...open.map(({ opens }) => minutes(opens)), ...rows.map((row) => minutesOf(row.starts_at, zone))];
  const ends = [...open.map(({ closes }) => minutes(closes)), ...rows.map((row) => minutesOf(row.starts_at, zone) + lengthOf(row))];
  const [first, last] = starts.length > 0 ? [Math.min(...starts), Math.max(...ends)] : DEFAULT_HOURS;
  return [Math.floor(first / 60) * 60, Math.min(Math.ceil(last / 60) * 60, 24 * 60)];
}

export const lengthOf = ({ starts_at, ends_at }) => (new Date(ends_at) - new Date(starts_at)) / 60_000;

/** Which column and which start a pointer means. `columns`: `[{id, left, right, top, bottom}]` on the screen. */
export function placeAt({ x, y }, grip, columns, [first, last], step, length) {
  const column = columns.find(({ left, right }) => x >= left && x < right) ?? nearest(columns, x);
  const share = (y - grip - column.top) / (column.bottom - column.top);
  return { dentistId: column.id, start: snapped(first + share * (last - first), [first, last], step, length) };
}

const nearest = (columns, x) => [...columns].sort((a, b) => Math.abs((a.left + a.right) / 2 - x) - Math.abs((b.left + b.right) / 2 - x))[0];

export function snapped(start, [first, last], step, length) {
  const on = Math.round(start / step) * step;
  return Math.max(first, Math.min(on, Math.floor((last - length) / step) * step));
}
