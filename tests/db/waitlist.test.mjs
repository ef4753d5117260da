// The waitlist: who is offered a freed slot, in which order, once; accepted, declined, expired, left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id, people, pool, rolledBack } from './support.mjs';

const { patient, patient2, dentist, dentist2 } = people;
const patient3 = id('a0003');
const checkup = id('5001'); // 30 minutes
const filling = id('5010'); // 40 minutes, 5 minutes kept free after
const byPhone = id('5013');

const freeSlots = (db, { who = dentist, services = [checkup] } = {}) => db.rows(
  `select * from available_slots($1, date_trunc('day', now()) + interval '60 days', date_trunc('day', now()) + interval '65 days', $2)`, [services, who]);
const join = async (db, who, args = {}) => {
  await db.as(who);
  const named = { service_ids: [checkup], ...args };
  return db.attempt(`select (w).* from join_waitlist(${Object.keys(named).map((k, i) => `${k} => $${i + 1}`).join(', ')}) w`, Object.values(named));
};
// In one transaction now() stands still, so the line's order is given.
let since = 0;
async function waits(db, who, args) {
  const { rows: [entry], message } = await join(db, who, args);
  assert.ok(entry, message);
  await db.asOwner();
  since += 1;
  await db.rows(`update waitlist set joined_at = now() + make_interval(secs => $2) where id = $1`, [entry.id, since]);
  return entry.id;
}
// Somebody's appointment that is cancelled, and what happens at the commit.
async function booked(db, slot, { minutes = 30, status = 'scheduled', who = id('a0009') } = {}) {
  await db.asOwner();
  return (await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $3::timestamptz + make_interval(mins => $4), $5) returning id`,
    [who, slot.dentist_id, slot.starts_at, minutes, status])).id;
}
async function act(db, who, sql, params) {
  await db.as(who);
  const got = await db.attempt(sql, params);
  assert.equal(got.error, undefined, got.message);
  await db.settle();
  await db.asOwner();
  return got.rows[0];
}
const cancel = (db, which, who = 'receptionist') => act(db, who, 'select cancel_appointment($1)', [which]);
const entry = (db, which) => db.one('select status, appointment_id from waitlist where id = $1', [which]);
const offers = (db) => db.rows(`select id, patient_id, starts_at, ends_at, priority, hold_expires_at, created_by from appointment where status = 'held' and priority = 'asap'`);
const offeredTo = async (db) => (await offers(db)).map((o) => o.patient_id);

test('a freed slot is held for who has waited longest, as nobody\'s doing, with the services booked', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db);
  const [first, second] = [await waits(db, 'patient', { service_ids: [filling] }), await waits(db, 'patient2')];
  await cancel(db, await booked(db, slot, { minutes: 40 }), id('a0009'));
  const [offer] = await offers(db);
  assert.deepEqual([offer.patient_id, +offer.starts_at, offer.ends_at - offer.starts_at, offer.created_by], [patient, +slot.starts_at, 40 * 60_000, null]);
  assert.deepEqual(await entry(db, first), { status: 'offered', appointment_id: offer.id });
  assert.equal((await entry(db, second)).status, 'waiting');
  assert.equal((await db.one('select service_id from appointment_has_service where appointment_id = $1', [offer.id])).service_id, filling);
  assert.equal((await db.one(`select hold_expires_at = now() + interval '30 minutes' as ok from appointment where id = $1`, [offer.id])).ok, true);
  const log = await db.one(`select subjects, record ->> 'status' as status from change_log where key ->> 'id' = $1 and op = 'INSERT' and table_name = 'appointment'`, [offer.id]);
  assert.ok(log.status === 'held' && log.subjects.includes(patient), 'the patient\'s room is told');
  await db.as('patient2');
  assert.deepEqual(await db.rows(`select 1 from appointment where id = $1`, [offer.id]), []);
}));

test('accepted by the patient it is scheduled; by the desk for that patient alone', () => rolledBack(async (db) => {
  const slots = await freeSlots(db);
  await db.rows('update clinic_settings set max_open_requests = 1');
  const mine = await waits(db, 'patient');
  await cancel(db, await booked(db, slots[0]));
  const [offer] = await offers(db);
  const accept = (forPatient = null) => db.attempt('select (b).* from book_appointment(hold_id => $1, patient_id => $2) b', [offer.id, forPatient]);
  for (const [who, forPatient, error] of [['patient2', null, 'PT404'], ['dentist', patient, 'PT404'], ['receptionist', patient2, 'PT422'], ['anon', null, '42501']]) {
    await db.as(who);
    assert.equal((await accept(forPatient)).error, error, who);
  }
  await db.rows('savepoint open');
  for (const [who, forPatient] of [['receptionist', patient], ['patient', null]]) {
    await db.rows('rollback to savepoint open');
    await db.as(who);
    const { rows: [booking], message } = await accept(forPatient);
    assert.deepEqual([booking?.id, booking?.status, booking?.patient_id], [offer.id, 'scheduled', patient], message);
    await db.settle();
    await db.asOwner();
    assert.deepEqual(await entry(db, mine), { status: 'booked', appointment_id: offer.id });
  }
  await cancel(db, offer.id);
  assert.deepEqual(await offers(db), [], 'who was booked waits no more');
  assert.equal((await entry(db, mine)).status, 'booked');
}));

test('declined, or left, it goes to the next in line, and never back', () => rolledBack(async (db) => {
  const slots = await freeSlots(db);
  const line = [await waits(db, 'patient'), await waits(db, 'patient2'), await waits(db, patient3)];
  await cancel(db, await booked(db, slots[0]));
  assert.deepEqual(await offeredTo(db), [patient]);
  await act(db, 'patient', `update appointment set status = 'cancelled' where id = $1`, [(await offers(db))[0].id]);
  assert.deepEqual(await offeredTo(db), [patient2]);
  await act(db, 'patient2', 'select leave_waitlist($1)', [line[1]]);
  assert.deepEqual(await offeredTo(db), [patient3]);
  await cancel(db, (await offers(db))[0].id, patient3);
  assert.deepEqual(await offeredTo(db), [], 'nobody is asked twice about the same slot');
  assert.deepEqual([await entry(db, line[0]), await entry(db, line[1])], [{ status: 'waiting', appointment_id: null }, { status: 'left', appointment_id: null }]);
  assert.deepEqual((await db.rows('select outcome from app.waitlist_offer')).map((o) => o.outcome), ['declined', 'declined', 'declined']);
  await cancel(db, await booked(db, slots[4]));
  assert.deepEqual(await offeredTo(db), [patient], 'about another the first is first again');
}));

test('an offer runs out: it cannot be taken, the slot goes on when the clock is looked at', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db);
  const line = [await waits(db, 'patient'), await waits(db, 'patient2')];
  await cancel(db, await booked(db, slot));
  const [offer] = await offers(db);
  await act(db, 'service_role', 'select advance_waitlist() as n');
  assert.deepEqual(await offeredTo(db), [patient], 'not before its time');
  await db.rows(`update appointment set hold_expires_at = now() - interval '1 second' where id = $1`, [offer.id]);
  await db.as('patient');
  assert.equal((await db.attempt('select book_appointment(hold_id => $1)', [offer.id])).error, 'PT409');
  assert.equal((await act(db, 'service_role', 'select advance_waitlist() as n')).n, 1);
  assert.deepEqual(await offeredTo(db), [patient2]);
  assert.deepEqual([(await entry(db, line[0])).status, (await entry(db, line[1])).status], ['waiting', 'offered']);
  assert.equal((await db.one('select outcome from app.waitlist_offer where appointment_id = $1', [offer.id])).outcome, 'expired');
  for (const who of ['anon', 'patient', 'receptionist', 'admin']) {
    await db.as(who);
    assert.equal((await db.attempt('select advance_waitlist()')).error, '42501', who);
  }
}));

test('somebody books past an offer that ran out, and nobody is offered what is taken', () => rolledBack(async (db) => {
  const [slot] = await freeSlots(db);
  const mine = await waits(db, 'patient');
  await waits(db, 'patient2');
  await cancel(db, await booked(db, slot));
  await db.rows(`update appointment set hold_expires_at = now() - interval '1 second' where status = 'held' and priority = 'asap'`);
  await act(db, 'receptionist', 'select book_appointment(dentist_id => $1, starts_at => $2, service_ids => $3, patient_id => $4)', [dentist, slot.starts_at, [checkup], patient3]);
  assert.deepEqual(await offers(db), []);
  assert.equal((await entry(db, mine)).status, 'waiting');
}));

test('a slot is offered to whom it suits: dentist, days, times, length, and being free oneself', async () => {
  const cases = [
    ['nothing said', {}, true], ['that dentist', { dentist_id: dentist }, true], ['another dentist', { dentist_id: dentist2 }, false],
    ['that day', (d) => ({ first_day: d.day, last_day: d.day }), true], ['the day before', (d) => ({ last_day: d.before }), false], ['later', (d) => ({ first_day: d.after }), false],
    ['from that time', (d) => ({ earliest: d.from, latest: d.to }), true], ['over too early', (d) => ({ latest: d.from }), false], ['from later on', (d) => ({ earliest: d.to }), false],
    ['longer than what is free', { service_ids: [filling, filling] }, false], ['as long as is free', { service_ids: [filling] }, true],
  ];
  for (const [name, wish, fits] of cases) {
    await rolledBack(async (db) => {
      const slot = (await freeSlots(db, { services: [filling, filling] }))[2];
      const local = await db.one(`select to_char(l, 'YYYY-MM-DD') as day, to_char(l - interval '1 day', 'YYYY-MM-DD') as before, to_char(l + interval '1 day', 'YYYY-MM-DD') as after,
        to_char(l, 'HH24:MI') as from, to_char(l + interval '30 minutes', 'HH24:MI') as to from (select $1::timestamptz at time zone 'America/New_York' as l) x`, [slot.starts_at]);
      const freed = await booked(db, slot);
      await booked(db, { ...slot, starts_at: new Date(+slot.starts_at + 45 * 60_000) }, { who: id('a0010') });
      await waits(db, 'patient', typeof wish === 'function' ? wish(local) : wish);
      await cancel(db, freed);
      assert.deepEqual(await offeredTo(db), fits ? [patient] : [], name);
    });
  }
  await rolledBack(async (db) => {
    const [slot] = await freeSlots(db);
    await waits(db, 'patient');
    await waits(db, 'patient2');
    const freed = await booked(db, slot);
    await db.rows(`insert into "user" (id, role_id, first_name, last_name) values ($1, 2, 'Fresh', 'Dentist')`, [id('fd01')]);
    await booked(db, { ...slot, dentist_id: id('fd01') }, { who: patient });
    await cancel(db, freed);
    assert.deepEqual(await offeredTo(db), [patient2], 'who has something else at that time is passed over');
  });
});

test('what frees a slot: cancelling, moving, deleting; not a guest\'s hold, nor what is too soon', async () => {
  const ways = [
    ['cancelled', (db, a) => cancel(db, a), 1],
    ['rescheduled', (db, a, slots) => act(db, 'receptionist', 'select reschedule_appointment(appointment_id => $1, starts_at => $2)', [a, slots[8].starts_at]), 1],
    ['rescheduled by a quarter of an hour', (db, a, slots) => act(db, 'receptionist', 'select reschedule_appointment(appointment_id => $1, starts_at => $2)', [a, slots[1].starts_at]), 0],
    ['moved on the board', (db, a, slots) => act(db, 'receptionist', `update appointment set starts_at = $2, ends_at = $3 where id = $1`, [a, slots[8].starts_at, slots[8].ends_at]), 1],
    ['given to another dentist', (db, a) => act(db, 'receptionist', `update appointment set dentist_id = $2 where id = $1`, [a, dentist2]), 1],
    ['missed', (db, a) => act(db, 'receptionist', `update appointment set status = 'no_show' where id = $1`, [a]), 1],
    ['deleted', (db, a) => act(db, 'admin', 'delete from appointment where id = $1', [a]), 1],
    ['confirmed', (db, a) => act(db, 'receptionist', `update appointment set status = 'confirmed' where id = $1`, [a]), 0],
  ];
  for (const [name, free, count] of ways) {
    await rolledBack(async (db) => {
      const slots = await freeSlots(db);
      await waits(db, 'patient');
      await free(db, await booked(db, slots[0]), slots);
      assert.equal((await offers(db)).length, count, name);
    });
  }
  await rolledBack(async (db) => {
    const [slot] = await freeSlots(db);
    await waits(db, 'patient');
    await db.as('patient2');
    const { h } = await db.one('select hold_appointment($1, $2, $3) as h', [dentist, slot.starts_at, [checkup]]);
    await cancel(db, h.appointment_id, 'patient2');
    assert.deepEqual(await offers(db), []);
    await db.rows(`update clinic_settings set booking_lead_minutes = 20160`);
    await db.rows(`update waitlist set last_day = current_date + 300`);
    const [soon] = await db.rows(`select * from available_slots($1, now() + interval '10 days', now() + interval '14 days', $2)`, [[checkup], dentist]);
    await cancel(db, await booked(db, soon));
    assert.deepEqual(await offers(db), []);
  });
});

test('who may join, for what, and how often', () => rolledBack(async (db) => {
  for (const [who, args, error] of [
    ['anon', {}, '42501'], ['patient', { patient_id: patient2 }, '42501'], ['receptionist', {}, 'PT422'], ['patient', { service_ids: [byPhone] }, 'PT422'],
    ['patient', { service_ids: [] }, 'PT422'], ['patient', { service_ids: [id('dead')] }, 'PT422'], ['patient', { last_day: '2020-01-01' }, 'PT422'],
    ['patient', { last_day: '2099-01-01' }, 'PT422'], ['patient', { dentist_id: patient2 }, 'PT422'], ['patient', { dentist_id: id('dead') }, '23503'],
    ['patient', { earliest: '12:00', latest: '12:00' }, '23514'], ['receptionist', { patient_id: dentist }, 'PT422'],
  ]) {
    assert.equal((await join(db, who, args)).error, error, `${who} ${JSON.stringify(args)}`);
  }
  const { rows: [own] } = await join(db, 'patient', { first_day: '2020-01-01' });
  assert.deepEqual([own.status, own.patient_id, own.dentist_id, own.earliest, own.latest, own.created_by], ['waiting', patient, null, '00:00:00', '24:00:00', patient]);
  assert.ok(own.first_day > new Date(2025, 1, 1), 'the past is over');
  for (let i = 1; i < 5; i += 1) assert.equal((await join(db, 'patient')).error, undefined);
  assert.equal((await join(db, 'patient')).error, 'PT409');
  const leave = (which) => db.attempt('select (w).status from leave_waitlist($1) w', [which]);
  await db.as('patient2');
  assert.equal((await leave(own.id)).error, 'PT404');
  await db.as('patient');
  assert.equal((await leave(own.id)).rows[0].status, 'left');
  assert.equal((await leave(own.id)).error, 'PT409');
  assert.equal((await join(db, 'patient')).error, undefined, 'there is room again');
  assert.equal((await join(db, 'receptionist', { patient_id: patient, service_ids: [byPhone] })).rows[0]?.patient_id, patient, 'the desk may add more');
}));

test('two slots that are freed at once: one offer to the one who waits', async () => {
  const clients = [await pool.connect(), await pool.connect()];
  const [one, two] = clients;
  const { rows: slots } = await pool.query(`select * from available_slots($1, date_trunc('day', now()) + interval '80 days', now() + interval '90 days') where extract(minute from starts_at) = 0`, [[checkup]]);
  const { rows: [{ id: who }] } = await pool.query(`insert into "user" (role_id, first_name, last_name) values (1, 'Waits', 'Alone') returning id`);
  const visits = [];
  for (const [i, slot] of [slots[0], slots[6]].entries()) {
    const { rows } = await pool.query(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, $4, 'scheduled') returning id`, [id(`a001${i}`), slot.dentist_id, slot.starts_at, slot.ends_at]);
    visits.push(rows[0].id);
  }
  await pool.query(`insert into waitlist (patient_id, service_ids, first_day, last_day) values ($1, $2, current_date, current_date + 100)`, [who, [checkup]]);
  try {
    await one.query(`begin; update appointment set status = 'cancelled' where id = '${visits[0]}'`);
    const second = two.query(`update appointment set status = 'cancelled' where id = '${visits[1]}'`);
    await one.query('commit');
    await second;
    const { rows: made } = await pool.query(`select status, priority from appointment where patient_id = $1`, [who]);
    assert.deepEqual(made, [{ status: 'held', priority: 'asap' }]);
  } finally {
    await pool.query('delete from app.waitlist_offer; delete from waitlist');
    await pool.query(`update appointment set status = 'cancelled' where patient_id = $1 and status = 'held'`, [who]);
    await pool.query('delete from appointment where patient_id = $1 or id = any ($2)', [who, visits]);
    await pool.query('delete from "user" where id = $1', [who]);
    for (const client of clients) client.release();
  }
});
