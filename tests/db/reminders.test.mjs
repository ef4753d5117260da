// Reminders: what is due, claimed once, marked when delivered, tried again when not; for the service role alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id, pool, rolledBack } from './support.mjs';

// Nobody of the seed, whose days are full.
const [dentist, patient, silent] = [id('fd01'), id('fd02'), id('fd03')];
const [yesterday, soon, later] = ['-20 hours', '20 hours', '30 hours'];

// A clinic without other appointments near, and one appointment of a dentist who is nobody else's.
async function clinic(db) {
  await db.rows(`update appointment set reminder_sent_at = now() where status in ('scheduled', 'confirmed')`);
  await db.rows(`insert into "user" (id, role_id, first_name, last_name, contact_method) values ($1, 2, 'Fresh', 'Dentist', 'email'), ($2, 1, 'Fresh', 'Patient', 'email'), ($3, 1, 'Silent', 'Patient', 'none')`,
    [dentist, patient, silent]);
}
let minute = 0;
async function appointment(db, { when = soon, status = 'scheduled', who = patient } = {}) {
  minute += 5;
  return (await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
    select $1, $2, t, t + interval '5 minutes', $4 from date_bin('5 minutes', now() + $3::interval + make_interval(mins => $5), 'epoch') t returning id`,
  [who, dentist, when, status, minute])).id;
}
const claim = async (db, batch = 50) => {
  await db.as('service_role');
  const rows = await db.rows('select * from claim_reminders($1)', [batch]);
  await db.asOwner();
  return rows;
};
const finish = async (db, claimId, delivered) => {
  await db.as('service_role');
  const { r } = await db.one('select finish_reminders($1, $2) as r', [claimId, delivered]);
  await db.asOwner();
  return r;
};
const ids = (rows) => rows.map((r) => r.appointment_id);

test('due is what is scheduled or confirmed, ahead, within the lead, not reminded, of somebody who wants to be reached', () => rolledBack(async (db) => {
  await clinic(db);
  const wanted = [await appointment(db), await appointment(db, { status: 'confirmed' })];
  for (const status of ['requested', 'cancelled', 'no_show', 'rescheduled', 'arrived', 'completed', 'held']) await appointment(db, { status });
  await appointment(db, { when: later });
  await appointment(db, { when: yesterday });
  const reminded = await appointment(db);
  await db.rows('update appointment set reminder_sent_at = now() where id = $1', [reminded]);
  const deleted = await appointment(db);
  await db.rows('delete from appointment where id = $1', [deleted]);
  await appointment(db, { who: silent });
  for (const who of ['dentist', 'receptionist', 'admin']) {
    await db.as(who);
    assert.deepEqual((await db.rows('select id from due_reminders()')).map((r) => r.id), wanted, who);
  }
  await db.asOwner();
  assert.deepEqual(ids(await claim(db)), wanted);
  await db.rows('update clinic_settings set reminder_lead_hours = 0');
  await db.as('admin');
  assert.deepEqual(await db.rows('select * from due_reminders()'), []);
}));

test('a claim names who is to be reminded of what, and is taken once', () => rolledBack(async (db) => {
  await clinic(db);
  const [one, two] = [await appointment(db), await appointment(db)];
  const [first] = await claim(db, 1);
  assert.deepEqual([first.appointment_id, first.patient_id, first.dentist_id, first.time_zone], [one, patient, dentist, 'America/New_York']);
  assert.ok(first.starts_at > new Date() && first.claim_id);
  assert.deepEqual(ids(await claim(db)), [two]);
  assert.deepEqual(await claim(db), []);
}));

test('what was delivered is marked and never claimed again; the rest comes back after a while', () => rolledBack(async (db) => {
  await clinic(db);
  const [sent, failed] = [await appointment(db), await appointment(db)];
  const [{ claim_id: first }] = await claim(db);
  assert.deepEqual(await finish(db, first, [sent]), { marked: 1, postponed: 1 });
  assert.deepEqual(await finish(db, first, [sent, failed]), { marked: 0, postponed: 0 }, 'a claim is finished once');
  assert.deepEqual((await db.rows('select id from appointment where reminder_sent_at = now() and id = any ($1)', [[sent, failed]])).map((r) => r.id), [sent]);
  assert.deepEqual(await claim(db), [], 'not at once');
  const waits = () => db.one(`select extract(epoch from lease_until - now())::int / 60 as minutes from app.reminder_claim where appointment_id = $1`, [failed]);
  assert.equal((await waits()).minutes, 2);
  for (const minutes of [4, 8, 16, 32, 60, 60]) {
    await db.rows(`update app.reminder_claim set lease_until = now() - interval '1 second'`);
    const [again] = await claim(db);
    assert.equal(again.appointment_id, failed);
    await finish(db, again.claim_id, []);
    assert.equal((await waits()).minutes, minutes);
  }
}));

test('who dies holding a claim gives it back when the lease ends, and cannot finish it any more', () => rolledBack(async (db) => {
  await clinic(db);
  const one = await appointment(db);
  const [{ claim_id: dead }] = await claim(db);
  await db.rows(`update app.reminder_claim set lease_until = now() - interval '1 second'`);
  const [{ claim_id: alive }] = await claim(db);
  assert.notEqual(alive, dead);
  assert.deepEqual(await finish(db, dead, [one]), { marked: 0, postponed: 0 });
  assert.deepEqual(await finish(db, alive, [one]), { marked: 1, postponed: 0 });
}));

test('what is cancelled is not reminded of; what is moved is reminded of anew', () => rolledBack(async (db) => {
  await clinic(db);
  const [moved, cancelled] = [await appointment(db), await appointment(db)];
  await db.rows(`update appointment set status = 'cancelled' where id = $1`, [cancelled]);
  const [{ claim_id: first }] = await claim(db);
  await db.as('receptionist');
  await db.rows(`update appointment set starts_at = starts_at + interval '2 hours', ends_at = ends_at + interval '2 hours' where id = $1`, [moved]);
  assert.deepEqual(await finish(db, first, [moved]), { marked: 0, postponed: 0 }, 'the reminder told another time');
  const again = await claim(db);
  assert.deepEqual(ids(again), [moved]);
  await finish(db, again[0].claim_id, [moved]);
  const sent = () => db.one('select reminder_sent_at is not null as sent from appointment where id = $1', [moved]);
  assert.equal((await sent()).sent, true);
  await db.rows(`update appointment set starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour' where id = $1`, [moved]);
  assert.equal((await sent()).sent, false);
}));

test('marking is a change that rooms see', () => rolledBack(async (db) => {
  await clinic(db);
  const one = await appointment(db);
  await db.settle();
  const [{ claim_id: first }] = await claim(db);
  await finish(db, first, [one]);
  await db.as('service_role');
  await db.settle();
  await db.asOwner();
  const entry = await db.one(`select op, record ->> 'reminder_sent_at' is not null as sent, actor_role from change_log where key ->> 'id' = $1 order by seq desc limit 1`, [one]);
  assert.deepEqual(entry, { op: 'UPDATE', sent: true, actor_role: 'service_role' });
}));

test('clients neither claim nor finish, patients do not see what is due, and a batch has its limits', () => rolledBack(async (db) => {
  for (const who of ['anon', 'patient', 'dentist', 'receptionist', 'admin']) {
    await db.as(who);
    assert.equal((await db.attempt('select * from claim_reminders(1)')).error, '42501', who);
    assert.equal((await db.attempt('select finish_reminders($1, $2)', [id('1'), []])).error, '42501', who);
  }
  for (const who of ['anon', 'patient']) {
    await db.as(who);
    assert.equal((await db.attempt('select * from due_reminders()')).error, '42501', who);
  }
  await db.as('service_role');
  for (const batch of [0, -1, 1001, null]) assert.equal((await db.attempt('select * from claim_reminders($1)', [batch])).error, 'PT422');
}));

test('two claimants at once share what is due', async () => {
  const [one, two] = [await pool.connect(), await pool.connect()];
  try {
    for (const client of [one, two]) await client.query('begin');
    const first = await one.query('select * from claim_reminders(3)');
    const second = two.query('select * from claim_reminders(1000)');
    const early = await Promise.race([second, new Promise((done) => { setTimeout(() => done('waits'), 200); })]);
    assert.equal(early, 'waits');
    await one.query('commit');
    const rest = ids((await second).rows);
    assert.deepEqual(ids(first.rows).filter((a) => rest.includes(a)), []);
  } finally {
    await two.query('rollback');
    await pool.query('delete from app.reminder_claim');
    for (const client of [one, two]) client.release();
  }
});
