// Idempotency-Key: taken before the request, kept with what the request made, answered to its caller alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { id, people, pool, rolledBack } from './support.mjs';

const hash = 'ab'.repeat(32);
const { patient } = people;
let serial = 0;
const newKey = () => `key-${process.pid}-${serial++}`;

// A request as PostgREST runs it: the caller, then the pre-request function.
async function request(db, who, path, key, { method = 'POST', headers = {}, sha = hash } = {}) {
  await db.as(who, { method, path, headers: { ...(key && { 'idempotency-key': key }), ...(sha && { 'x-chairside-body-sha256': sha }), ...headers } });
  return db.attempt('select app.pre_request()');
}
const replay = async (db, who, path, key, { method = 'POST', sha = hash } = {}) => {
  await db.as(who);
  return (await db.one('select idempotency_replay($1, $2, $3, $4) as r', [method, path, key, sha])).r;
};
const allergy = (title) => [`insert into patient_medical_history (patient_id, kind, title) values ($1, 'allergy', $2) returning id`, [patient, title]];

test('a key is taken once per caller, method and path', () => rolledBack(async (db) => {
  await fixture(db);
  const key = newKey();
  assert.equal((await request(db, 'patient', '/appointment', key)).error, undefined);
  const again = await request(db, 'patient', '/appointment', key);
  assert.deepEqual([again.error, again.constraint], ['23505', 'idempotency_pkey']);
  assert.equal((await request(db, 'patient2', '/appointment', key)).error, undefined);
  assert.equal((await request(db, 'anon', '/appointment', key)).error, undefined);
  assert.equal((await request(db, 'patient', '/payment', key)).error, undefined);
  assert.equal((await request(db, 'patient', '/appointment', newKey())).error, undefined);
}));

test('the rows of the request\'s own table are recorded, in one insert or an upsert', () => rolledBack(async (db) => {
  await fixture(db);
  const key = newKey();
  await request(db, 'admin', '/service', key);
  const made = await db.rows(`insert into service (id, code, name, category, fee) values (gen_random_uuid(), 'ID-1', 'x', 'diagnostic', 1), ($1, 'FX-ON', 'x', 'diagnostic', 1)
    on conflict (id) do update set name = excluded.name returning id`, [rows.activeService]);
  const got = await replay(db, 'admin', '/service', key);
  assert.deepEqual([got.matches, got.result], [true, null]);
  assert.deepEqual(got.keys.map((k) => k.id).sort(), made.map((r) => r.id).sort());
}));

test('keys of several columns are recorded whole', () => rolledBack(async (db) => {
  await fixture(db);
  const key = newKey();
  await request(db, 'receptionist', '/appointment_has_service', key);
  await db.rows(`insert into appointment_has_service (appointment_id, line_no, service_id) values ($1, 2, $2)`, [rows.ownAppointment, rows.activeService]);
  assert.deepEqual((await replay(db, 'receptionist', '/appointment_has_service', key)).keys, [{ appointment_id: rows.ownAppointment, line_no: 2 }]);
}));

test('what triggers write on the side is not the request\'s result', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(`update appointment set hold_expires_at = now() - interval '1 minute' where id = $1`, [rows.heldSlot]);
  const key = newKey();
  await request(db, 'receptionist', '/appointment', key);
  const made = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, '2031-03-04 11:00Z', '2031-03-04 11:30Z', 'scheduled') returning id`,
    [patient, people.dentist]);
  assert.deepEqual((await replay(db, 'receptionist', '/appointment', key)).keys, [{ id: made.id }]);
  const paid = newKey();
  await request(db, 'receptionist', '/payment', paid);
  const payment = await db.one(`insert into payment (invoice_id, patient_id, method, status, amount) values ($1, $2, 'cash', 'succeeded', 1) returning id`, [rows.ownInvoice, patient]);
  assert.deepEqual((await replay(db, 'receptionist', '/payment', paid)).keys, [{ id: payment.id }]);
}));

test('a function\'s result is recorded', () => rolledBack(async (db) => {
  await fixture(db);
  const key = newKey();
  await request(db, 'receptionist', '/rpc/cancel_appointment', key);
  const cancelled = await db.one(`select (cancel_appointment($1)).id`, [rows.ownAppointment]);
  const got = await replay(db, 'receptionist', '/rpc/cancel_appointment', key);
  assert.equal(got.result.id, cancelled.id);
  assert.equal(got.result.status, 'cancelled');
  assert.deepEqual(got.keys, []);
}));

test('only the caller reads back what a key made', () => rolledBack(async (db) => {
  await fixture(db);
  const key = newKey();
  await request(db, 'patient', '/patient_medical_history', key);
  await db.rows(...allergy('Idempotent'));
  for (const who of ['patient2', 'admin', 'anon']) assert.equal(await replay(db, who, '/patient_medical_history', key), null, who);
  assert.equal(await replay(db, 'patient', '/appointment', key), null);
  assert.equal(await replay(db, 'patient', '/patient_medical_history', key, { method: 'PATCH' }), null);
  assert.equal((await replay(db, 'patient', '/patient_medical_history', key)).keys.length, 1);
}));

test('guests share one caller: a key tells what it made only to the same body', () => rolledBack(async (db) => {
  const key = newKey();
  await request(db, 'anon', '/rpc/hold_appointment', key);
  const slot = await db.one('select * from available_slots($1, now() + interval \'40 days\', now() + interval \'47 days\') limit 1', [[id('5001')]]);
  const { h: held } = await db.one('select hold_appointment($1, $2, $3) as h', [slot.dentist_id, slot.starts_at, [id('5001')]]);
  assert.deepEqual(await replay(db, 'anon', '/rpc/hold_appointment', key, { sha: 'cd'.repeat(32) }), { matches: false });
  assert.equal((await replay(db, 'anon', '/rpc/hold_appointment', key)).result.hold_token, held.hold_token);
}));

test('a request without key, without the edge\'s hash, that is no POST, or that only reads takes none', () => rolledBack(async (db) => {
  const key = newKey();
  await request(db, 'patient', '/appointment', null);
  await request(db, 'patient', '/appointment', key, { sha: null });
  await request(db, 'patient', '/appointment', key, { method: 'PATCH' });
  await db.asOwner();
  const count = () => db.one(`select count(*)::int as n from app.idempotency where key like $1`, [`key-${process.pid}-%`]);
  assert.equal((await count()).n, 0);
  await request(db, 'patient', '/appointment', key);
  await db.asOwner();
  assert.equal((await count()).n, 1);
}));

test('a read-only transaction takes no key', async () => {
  const client = await pool.connect();
  try {
    await client.query('begin read only');
    await client.query(`select set_config('request.method', 'POST', true), set_config('request.path', '/rpc/available_slots', true),
      set_config('request.headers', $1, true), set_config('request.jwt.claims', '{"role": "anon"}', true)`, [JSON.stringify({ 'idempotency-key': 'x', 'x-chairside-body-sha256': hash })]);
    await client.query('set local role anon');
    await client.query('select app.pre_request()');
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('a later request without a key does not write into an earlier one\'s entry', () => rolledBack(async (db) => {
  await fixture(db);
  const key = newKey();
  await request(db, 'patient', '/patient_medical_history', key);
  await request(db, 'patient', '/patient_medical_history', null);
  await db.rows(...allergy('No key'));
  assert.deepEqual((await replay(db, 'patient', '/patient_medical_history', key)).keys, []);
}));

test('a key is free again after 24 hours, and old ones are cleared away', () => rolledBack(async (db) => {
  const [key, forgotten] = [newKey(), newKey()];
  await request(db, 'patient', '/appointment', key);
  await request(db, 'patient2', '/appointment', forgotten);
  await db.asOwner();
  await db.rows(`update app.idempotency set created_at = now() - interval '26 hours' where key = any ($1)`, [[key, forgotten]]);
  assert.equal(await replay(db, 'patient', '/appointment', key), null);
  assert.equal((await request(db, 'patient', '/appointment', key, { sha: 'cd'.repeat(32) })).error, undefined);
  assert.equal((await replay(db, 'patient', '/appointment', key, { sha: 'cd'.repeat(32) })).matches, true);
  await db.asOwner();
  assert.deepEqual(await db.rows('select 1 from app.idempotency where key = $1', [forgotten]), []);
}));

test('malformed keys and hashes are refused', () => rolledBack(async (db) => {
  for (const key of ['', ' ', 'a b', 'ü', 'x'.repeat(256)]) assert.equal((await request(db, 'patient', '/appointment', key || ' ')).error, 'PT400', key);
  assert.equal((await request(db, 'patient', '/appointment', 'x'.repeat(255))).error, undefined);
  for (const sha of ['x', hash.toUpperCase(), `${hash}0`]) assert.equal((await request(db, 'patient', '/appointment', newKey(), { sha })).error, 'PT400', sha);
}));

test('Prefer: timezone is refused, other preferences pass', () => rolledBack(async (db) => {
  for (const prefer of ['timezone=Asia/Tokyo', 'return=minimal, timezone=UTC', 'return=minimal,Timezone = UTC']) {
    assert.equal((await request(db, 'patient', '/service', null, { method: 'GET', headers: { prefer } })).error, 'PT400', prefer);
  }
  for (const prefer of ['return=representation', 'count=exact, handling=strict']) {
    assert.equal((await request(db, 'patient', '/service', null, { method: 'GET', headers: { prefer } })).error, undefined, prefer);
  }
}));

test('of two requests at once with one key the second waits, then fails; if the first fails it goes ahead', async () => {
  const [one, two] = [await pool.connect(), await pool.connect()];
  const begin = async (client, key) => {
    await client.query('begin');
    await client.query(`select set_config('request.jwt.claims', $1, true), set_config('request.method', 'POST', true), set_config('request.path', '/appointment', true),
      set_config('request.headers', $2, true)`, [JSON.stringify({ role: 'authenticated', sub: patient }), JSON.stringify({ 'idempotency-key': key, 'x-chairside-body-sha256': hash })]);
    await client.query('set local role authenticated');
    return client.query('select app.pre_request()').then(() => 'taken', (error) => error.constraint);
  };
  const waiting = async (promise) => Promise.race([promise, new Promise((done) => { setTimeout(() => done('waits'), 200); })]);
  try {
    for (const [end, outcome] of [['commit', 'idempotency_pkey'], ['rollback', 'taken']]) {
      const key = newKey();
      assert.equal(await begin(one, key), 'taken');
      const second = begin(two, key);
      assert.equal(await waiting(second), 'waits');
      await one.query(end);
      assert.equal(await second, outcome);
      await two.query('rollback');
    }
  } finally {
    await pool.query(`delete from app.idempotency where key like $1`, [`key-${process.pid}-%`]);
    one.release();
    two.release();
  }
});
