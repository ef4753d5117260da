// What patients cannot do by going round the functions, how much they may ask for, and what a taken slot is answered with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id, people, rolledBack } from './support.mjs';

const { patient, patient2, dentist, dentist2 } = people;
const checkup = id('5001'); // 30 minutes
const filling = id('5010'); // 40 minutes, 5 minutes kept free after

const freeSlots = (db, { services = [checkup], who = dentist, days = 60 } = {}) => db.rows(
  `select * from available_slots($1, date_trunc('day', now()) + make_interval(days => $2), date_trunc('day', now()) + make_interval(days => $2 + 5), $3)`, [services, days, who]);
const at = (slot, minutes) => new Date(slot.starts_at.getTime() + minutes * 60_000);
const insert = (db, starts, { minutes = 30, status = 'requested', who = patient, dentistId = dentist } = {}) => db.attempt(
  `insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, $5) returning id`,
  [who, dentistId, starts, new Date(starts.getTime() + minutes * 60_000), status]);
const book = (db, slot, more = {}) => db.attempt('select book_appointment(dentist_id => $1, starts_at => $2, service_ids => $3, patient_id => $4) as b',
  [slot.dentist_id, slot.starts_at, more.services ?? [checkup], more.forPatient ?? null]);
const hold = (db, slot) => db.attempt('select hold_appointment($1, $2, $3) as h', [slot.dentist_id, slot.starts_at, [checkup]]);
const limit = (db, n) => db.rows('update clinic_settings set max_open_requests = $1', [n]);
// Slots that do not overlap each other.
const apart = (slots) => slots.filter((s, i) => i === 0 || (s.starts_at.getTime() - slots[0].starts_at.getTime()) % (60 * 60_000) === 0);

test('a row that a patient inserts keeps the rules of booking: hours, lead, horizon, length', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db);
  await db.as('patient');
  const outcome = async (...args) => {
    await db.rows('savepoint one');
    const { error } = await insert(db, ...args);
    await db.rows('rollback to savepoint one');
    return error;
  };
  assert.equal(await outcome(slot.starts_at), undefined);
  assert.equal(await outcome(slot.starts_at, { status: 'held' }), undefined);
  assert.equal(await outcome(at(slot, -9 * 60)), 'PT422', 'at night');
  assert.equal(await outcome(at(slot, 364 * 24 * 60)), 'PT422', 'beyond the horizon');
  for (const minutes of [35, 180, 540]) assert.equal(await outcome(slot.starts_at, { minutes }), 'PT422', `${minutes} minutes`);
  await db.asOwner();
  await db.rows('update clinic_settings set booking_lead_minutes = 20160');
  const [soon] = await freeSlots(db, { days: 10 });
  await db.as('patient');
  assert.equal(await outcome(soon.starts_at), 'PT422', 'too soon');
  await db.asOwner();
  await db.rows('update service set online_bookable = false where duration_min = 30');
  await db.as('patient');
  assert.equal(await outcome(slot.starts_at), 'PT422', 'no such service online');
  await db.as('receptionist');
  assert.equal(await outcome(at(slot, -9 * 60), { minutes: 540, status: 'scheduled' }), undefined, 'staff book as they see fit');
}));

test('a row that a patient inserts stays out of other appointments\' buffers', () => rolledBack(async (db) => {
  const slot = (await freeSlots(db, { services: [filling] }))[0];
  await db.as('receptionist');
  assert.equal((await book(db, slot, { services: [filling], forPatient: patient2 })).error, undefined);
  await db.as('patient');
  assert.equal((await insert(db, at(slot, 40))).constraint, 'appointment_dentist_free');
  assert.equal((await insert(db, at(slot, 45))).error, undefined);
}));

test('a patient has only so many open requests, by whichever way they are made', () => rolledBack(async (db) => {
  const slots = apart(await freeSlots(db));
  await db.rows(`update appointment set status = 'cancelled' where patient_id = $1 and status = 'requested'`, [patient]);
  await limit(db, 3);
  await db.as('anon');
  const guest = (await hold(db, slots[4])).rows[0].h;
  await db.as('patient');
  assert.equal((await book(db, slots[0])).error, undefined);
  assert.equal((await hold(db, slots[1])).error, undefined);
  assert.equal((await insert(db, slots[2].starts_at)).error, undefined);
  for (const more of [() => book(db, slots[3]), () => hold(db, slots[3]), () => insert(db, slots[3].starts_at)]) assert.equal((await more()).error, 'PT409');
  const take = () => db.attempt('select book_appointment(hold_id => $1, hold_token => $2) as b', [guest.appointment_id, guest.hold_token]);
  assert.equal((await take()).error, 'PT409', 'a guest\'s hold is one more');
  await db.as('receptionist');
  assert.equal((await book(db, slots[3], { forPatient: patient })).error, undefined, 'the desk books on');
  await db.as('patient2');
  assert.equal((await insert(db, slots[5].starts_at, { who: patient2 })).error, undefined, 'others are not concerned');
  await db.asOwner();
  await db.rows(`update appointment set hold_expires_at = now() - interval '1 second' where patient_id = $1 and status = 'held'`, [patient]);
  await db.as('patient');
  assert.equal((await take()).error, undefined, 'a hold that ran out does not count');
}));

test('many rows in one insert are counted like many inserts', () => rolledBack(async (db) => {
  const slots = apart(await freeSlots(db)).slice(0, 4);
  await db.rows(`update appointment set status = 'cancelled' where patient_id = $1 and status = 'requested'`, [patient]);
  await limit(db, 3);
  await db.as('patient');
  const bulk = (n) => db.attempt(`insert into appointment (patient_id, dentist_id, starts_at, ends_at) select $1, $2, s, s + interval '30 minutes' from unnest($3::timestamptz[]) s`,
    [patient, dentist, slots.slice(0, n).map((s) => s.starts_at)]);
  assert.equal((await bulk(4)).error, 'PT409');
  assert.equal((await bulk(3)).count, 3);
}));

test('moving an appointment at short notice is as late as cancelling it', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db);
  const [{ id: fresh }, { id: newcomer }] = await db.rows(`insert into "user" (role_id, first_name, last_name) values (2, 'Fresh', 'Dentist'), (1, 'New', 'Patient') returning id`);
  for (const [notice, late] of [['20 hours', true], ['28 hours', false]]) {
    await db.asOwner();
    const old = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
      select $1, $2, t, t + interval '30 minutes', 'scheduled' from date_bin('5 minutes', now() + $3::interval, 'epoch') t returning id`, [newcomer, fresh, notice]);
    for (const who of [newcomer, 'receptionist']) {
      await db.rows('savepoint before');
      await db.as(who);
      const { rows: [moved], message } = await db.attempt('select (r).* from reschedule_appointment(appointment_id => $1, starts_at => $2, dentist_id => $3) r', [old.id, slot.starts_at, dentist]);
      assert.deepEqual([moved?.rescheduled_from, moved?.late_cancel], [old.id, false], message);
      assert.deepEqual(await db.one('select status, late_cancel from appointment where id = $1', [old.id]), { status: 'rescheduled', late_cancel: late }, `${who} ${notice}`);
      await db.rows('rollback to savepoint before');
    }
  }
}));

const alternatives = (db, wish) => db.rows(`select * from slot_alternatives(${Object.keys(wish).map((k, i) => `${k} => $${i + 1}`).join(', ')})`, Object.values(wish));

test('up to five alternatives, the same dentist first, none of them taken', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db);
  await db.rows(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, 'scheduled')`, [patient, dentist, at(slot, 0), at(slot, 30)]);
  await db.as('anon');
  const wish = { starts_at: slot.starts_at, dentist_id: dentist };
  const offers = await alternatives(db, { ...wish, ends_at: slot.ends_at });
  assert.equal(offers.length, 5);
  const free = new Set((await freeSlots(db, { days: 58 })).concat(await freeSlots(db)).map((s) => +s.starts_at));
  for (const offer of offers) {
    assert.equal(offer.dentist_id, dentist);
    assert.ok(free.has(+offer.starts_at));
    assert.ok(offer.ends_at <= at(slot, 0) || offer.starts_at >= at(slot, 30));
  }
  assert.deepEqual(await alternatives(db, { ...wish, service_ids: [checkup] }), offers);
  for (const unclear of [{}, wish, { ends_at: slot.ends_at }, { ...wish, ends_at: at(slot, -30) }, { ...wish, ends_at: at(slot, 600) }]) {
    assert.deepEqual(await alternatives(db, unclear), [], JSON.stringify(unclear));
  }
}));

test('alternatives keep the buffers of the services that are wanted or moved', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db, { services: [filling] });
  const made = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, 'scheduled') returning id`,
    [patient, dentist, at(slot, 0), at(slot, 40)]);
  await db.rows('insert into appointment_has_service (appointment_id, service_id) values ($1, $2)', [made.id, filling]);
  // Another visit 45 minutes after every alternative that leaves no room for the filling's five minutes.
  const taken = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, 'scheduled') returning starts_at`,
    [patient2, dentist, at(slot, 100), at(slot, 130)]);
  await db.as('receptionist');
  const wish = { starts_at: at(slot, 60), dentist_id: dentist };
  const clear = (offers) => offers.every((o) => o.dentist_id !== dentist || o.ends_at.getTime() + 5 * 60_000 <= +taken.starts_at || o.starts_at >= at(slot, 130));
  const [byServices, byAppointment, byEnd] = [await alternatives(db, { ...wish, service_ids: [filling] }),
    await alternatives(db, { ...wish, appointment_id: made.id }), await alternatives(db, { ...wish, ends_at: at(slot, 100) })];
  assert.ok(byServices.length === 5 && clear(byServices));
  assert.ok(byAppointment.length === 5 && clear(byAppointment));
  assert.ok(!clear(byEnd), 'without services there is no buffer to keep');
  for (const offer of byAppointment) assert.equal(offer.ends_at - offer.starts_at, 40 * 60_000);
  await db.as('patient2');
  assert.deepEqual(await alternatives(db, { ...wish, appointment_id: made.id }), [], 'of another\'s appointment nothing is told');
}));

test('alternatives for a patient are ones that the patient can book', () => rolledBack(async (db) => {
  await db.rows(`update clinic_settings set booking_lead_minutes = 20160, closures = '[]'`);
  const [slot] = await freeSlots(db, { days: 10 });
  const [busy] = await freeSlots(db, { who: dentist2 });
  await db.rows(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, 'scheduled')`, [patient, dentist2, busy.starts_at, at(busy, 120)]);
  const clash = (offers) => offers.filter((o) => o.starts_at < at(busy, 120) && o.ends_at > busy.starts_at);
  for (const [who, wish] of [['patient', {}], ['receptionist', { patient_id: patient }]]) {
    await db.as(who);
    const offers = await alternatives(db, { starts_at: busy.starts_at, dentist_id: dentist, service_ids: [checkup], ...wish });
    assert.ok(offers.length > 0);
    assert.deepEqual(clash(offers), [], who);
  }
  await db.as('patient');
  for (const offer of await alternatives(db, { starts_at: slot.starts_at, service_ids: [checkup] })) assert.ok(offer.starts_at - Date.now() > 13.9 * 86_400_000);
}));

test('working hours are days and times, not for ever', () => rolledBack(async (db) => {
  await db.as('admin');
  const hours = (more) => db.attempt('select * from set_provider_hours($1, $2)', [dentist, JSON.stringify([{ weekday: 1, starts: '09:00', ends: '10:00', ...more }])]);
  for (const endless of [{ valid_from: '-infinity' }, { valid_to: 'infinity' }, { valid_from: 'infinity', valid_to: 'infinity' }]) {
    assert.equal((await hours(endless)).constraint, 'provider_hours_valid_finite', JSON.stringify(endless));
  }
  assert.equal((await hours({ valid_to: null })).count, 1);
}));
