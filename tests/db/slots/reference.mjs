// Free slots found the slow way: every five minutes of the range are looked at, and of each the local time. Knows
// nothing of how the database does it.

import { day, minuteOfDay, minutes, STEP, weekday } from './zone.mjs';

const MINUTE = 60_000;

/** `dentist|start` of each free slot, sorted. */
export function freeSlots(world, zone, { services, dentist, from, to }) {
  const need = required(world, services);
  const found = new Set();
  for (const who of world.dentists.filter((one) => !dentist || one === dentist)) {
    for (let start = Math.ceil(from / STEP) * STEP; start < to; start += STEP) {
      if (starts(world, zone, who, start, need) && !taken(world, who, start, need)) found.add(`${new Date(start).toISOString()} ${who}`);
    }
  }
  return [...found].sort();
}

/** Minutes in the chair, up to the grid, and what is kept free around them. */
export function required({ settings, services }, wanted) {
  const chosen = wanted.map((id) => services.find((service) => service.id === id));
  const sum = chosen.reduce((total, { duration }) => total + duration, 0);
  return {
    minutes: Math.ceil(sum / settings.grid) * settings.grid,
    before: Math.max(...chosen.map((service) => service.before)),
    after: Math.max(...chosen.map((service) => service.after)),
  };
}

// Of a local time that comes twice only the later one is offered.
function starts(world, zone, who, start, need) {
  if (comesAgain(zone, start)) return false;
  const local = zone.local(start);
  return shifts(world, who, local).some(({ opens, closes }) => {
    const sinceOpening = minuteOfDay(local) - opens;
    return sinceOpening >= 0 && sinceOpening % world.settings.step === 0 && isWorkedThrough(zone, start, need.minutes, day(local), opens, closes);
  });
}

function comesAgain(zone, instant) {
  for (let later = instant + STEP; later <= instant + 120 * MINUTE; later += STEP) {
    if (zone.local(later) === zone.local(instant)) return true;
  }
  return false;
}

// Of a closing time that comes twice the later one counts.
function isWorkedThrough(zone, start, length, onDay, opens, closes) {
  for (let at = start; at < start + length * MINUTE; at += STEP) {
    const local = zone.local(at);
    if (day(local) !== onDay || minuteOfDay(local) < opens || (minuteOfDay(local) >= closes && !comesAgain(zone, at))) return false;
  }
  return true;
}

/** When somebody works on a local day: open and at work, neither closed nor away. */
function shifts({ settings, hours }, who, local) {
  const [today, number] = [day(local), weekday(local)];
  const away = settings.closures.some((one) => one.from <= today && today <= one.to && (!one.dentist_id || one.dentist_id === who));
  if (away) return [];
  const open = settings.opening.filter((one) => one.weekday === number);
  const atWork = hours.filter((one) => one.dentist === who && one.weekday === number && one.from <= today && (!one.to || today <= one.to));
  return merged(open.flatMap((door) => atWork.map((shift) => ({
    opens: Math.max(minutes(door.opens), minutes(shift.starts)),
    closes: Math.min(minutes(door.closes), minutes(shift.ends)),
  }))));
}

// What overlaps or adjoins is one working time.
function merged(spans) {
  const whole = [];
  for (const span of spans.filter(({ opens, closes }) => opens < closes).sort((a, b) => a.opens - b.opens)) {
    const last = whole.at(-1);
    if (last && span.opens <= last.closes) last.closes = Math.max(last.closes, span.closes);
    else whole.push({ ...span });
  }
  return whole;
}

// Neither lies in the other's buffer; two buffers may share their minutes.
function taken({ appointments }, who, start, need) {
  const end = start + need.minutes * MINUTE;
  return appointments.some((one) => {
    if (one.dentist !== who || !one.live) return false;
    const inBuffer = one.start < end + need.after * MINUTE && one.end > start - need.before * MINUTE;
    return inBuffer || (one.start - one.before * MINUTE < end && one.end + one.after * MINUTE > start);
  });
}
