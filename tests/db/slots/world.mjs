// A random clinic: opening hours, who works when, closures, services, appointments and holds; and how it gets into the
// database.

import { id } from '../support.mjs';
import { clock, day } from './zone.mjs';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const dentists = [id('d1'), id('d2')];
const IN_THE_WAY = ['requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed'];
const OUT_OF_THE_WAY = ['cancelled', 'no_show', 'rescheduled'];

// Opens and closes on the five-minute grid; now and then around the whole day, where the clocks change.
function span(random, shortest) {
  if (random.chance(0.15)) return [0, 1440];
  const opens = random.chance(0.3) ? random.int(0, 40) * 5 : random.int(60, 160) * 5;
  return [opens, Math.min(1440, opens + shortest + random.int(0, 120) * 5)];
}

/** Around a local day; every part of it plain data. */
export function randomWorld(random, onDay) {
  const middle = Date.parse(`${onDay}T00:00Z`);
  const grid = random.pick([5, 5, 10, 15]);
  const settings = {
    grid,
    step: grid * random.pick([1, 2, 3, 6]),
    opening: [1, 2, 3, 4, 5, 6, 7].flatMap((weekday) => random.times(random.pick([0, 1, 1, 1, 1, 2]), () => {
      const [opens, closes] = span(random, 60);
      return { weekday, opens: clock(opens), closes: clock(closes) };
    })),
    closures: random.times(random.int(0, 2), () => {
      const from = middle + random.int(-3, 3) * DAY;
      return { from: day(from), to: day(from + random.int(0, 1) * DAY), dentist_id: random.chance(0.5) ? random.pick(dentists) : null };
    }),
  };
  const hours = dentists.flatMap((dentist) => [1, 2, 3, 4, 5, 6, 7].flatMap((weekday) => random.times(random.pick([0, 1, 1, 1, 2]), () => {
    const [starts, ends] = span(random, 30);
    const valid = random.chance(0.8) ? { from: '2000-01-01', to: null } : { from: day(middle - random.int(0, 3) * DAY), to: day(middle + random.int(0, 3) * DAY) };
    return { dentist, weekday, starts: clock(starts), ends: clock(ends), ...valid };
  })));
  const services = random.times(4, (n) => ({
    id: id(`fa51${n}`),
    duration: random.int(1, random.chance(0.2) ? 40 : 12) * 5,
    before: random.chance(0.4) ? random.int(0, 24) * 5 : 0,
    after: random.chance(0.4) ? random.int(0, 24) * 5 : 0,
  }));
  return { settings, hours, services, dentists, appointments: randomAppointments(random, services, middle, grid) };
}

function randomAppointments(random, services, middle, grid) {
  return random.times(random.int(0, 14), (n) => {
    const start = middle + random.int((-36 * 60) / grid, (60 * 60) / grid) * grid * MINUTE;
    const lines = random.chance(0.5) ? random.times(random.int(1, 2), () => random.pick(services)).filter((one, i, all) => all.indexOf(one) === i) : [];
    const held = random.chance(0.2);
    const expired = held && random.chance(0.5);
    const status = held ? 'held' : random.pick(random.chance(0.8) ? IN_THE_WAY : OUT_OF_THE_WAY);
    return {
      id: id(`fa52${String(n).padStart(2, '0')}`),
      dentist: random.pick(dentists),
      start,
      end: start + random.int(1, Math.floor(180 / grid)) * grid * MINUTE,
      status,
      expired,
      live: !expired && !OUT_OF_THE_WAY.includes(status),
      lines: lines.map((one) => one.id),
      before: Math.max(0, ...lines.map((one) => one.before)),
      after: Math.max(0, ...lines.map((one) => one.after)),
    };
  });
}

/** A range to ask for: some minutes to some days long, around the day. */
export function randomQuestion(random, { services, settings }, onDay) {
  const from = Date.parse(`${onDay}T00:00Z`) + random.int(-30 * 12, 18 * 12) * 5 * MINUTE + random.pick([0, 0, 90_000]);
  const wanted = random.times(random.int(1, 2), () => random.pick(services).id);
  const sum = wanted.reduce((total, one) => total + services.find((service) => service.id === one).duration, 0);
  return {
    services: Math.ceil(sum / settings.grid) * settings.grid > 540 ? wanted.slice(0, 1) : wanted,
    dentist: random.chance(0.3) ? random.pick(dentists) : null,
    from,
    to: from + random.int(1, 60 * 12) * 5 * MINUTE,
  };
}

/**
 * Puts it into the database, past the triggers: an appointment of the year 2031 is not completed by clients. What the
 * exclusion constraints refuse is not there. Returns the world as it is in the database.
 */
export async function build(db, world, zone) {
  const { settings, hours, services, appointments } = world;
  await db.rows(
    `update clinic_settings set time_zone = $1, opening_hours = $2, closures = $3, grid_minutes = $4, slot_step_minutes = $5`,
    [zone.name, JSON.stringify(settings.opening), JSON.stringify(settings.closures), settings.grid, settings.step]);
  await db.rows('delete from provider_hours where dentist_id = any ($1)', [[...dentists, id('d3')]]);
  await db.rows(
    `insert into provider_hours (dentist_id, weekday, starts, ends, valid_from, valid_to)
     select dentist, weekday, starts, ends, "from", "to" from jsonb_to_recordset($1) h (dentist uuid, weekday int, starts time, ends time, "from" date, "to" date)`,
    [JSON.stringify(hours)]);
  await db.rows(
    `insert into service (id, code, name, category, fee, duration_min, buffer_before_min, buffer_after_min, online_bookable)
     select id, 'SLOT-' || right(id::text, 1), 'Random', 'diagnostic', 1, duration, before, after, true
       from jsonb_to_recordset($1) s (id uuid, duration int, before int, after int)`,
    [JSON.stringify(services)]);
  const there = [];
  for (const [number, one] of appointments.entries()) if (await insert(db, one, number)) there.push(one);
  return { ...world, appointments: there };
}

// Each has a patient of its own: patients are not what is in the way here.
async function insert(db, one, number) {
  const { error } = await db.attempt(
    `insert into appointment (id, patient_id, dentist_id, starts_at, ends_at, status, hold_expires_at, cancelled_at) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [one.id, id(`a00${String(number + 1).padStart(2, '0')}`), one.dentist, new Date(one.start), new Date(one.end), one.status,
      one.status === 'held' ? new Date(Date.now() + (one.expired ? -1 : 1) * 60 * MINUTE) : null, one.status === 'cancelled' ? new Date() : null]);
  if (error && error !== '23P01') throw new Error(`an appointment was refused: ${error} ${JSON.stringify(one)}`);
  if (error) return false;
  await db.rows(
    `insert into appointment_has_service (appointment_id, line_no, service_id, unit_fee, duration_min, patient_id, dentist_id)
     select a.id, n, line, 1, 5, a.patient_id, a.dentist_id from appointment a, unnest($2::uuid[]) with ordinality l (line, n) where a.id = $1`,
    [one.id, one.lines]);
  return true;
}
