// Who read medical records: told under the reader's own token or, with the service key, in the reader's name.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { people, pool, rolledBack } from './support.mjs';

const entry = (change = {}) => ({
  id: randomUUID(), at_ms: Date.now() - 60_000, actor: people.admin, method: 'GET', route: '/rest/v1/treatment_records',
  query: 'select=id&patient_id=eq.?', row_count: 3, request_id: 'r1', ...change,
});
const log = async (db, ...entries) => (await db.one('select log_access($1) as n', [JSON.stringify(entries)])).n;
const kept = (db, { id }) => db.one('select * from access_log where id = $1', [id]);

test('a reading is kept in the name of whose token it is told under, whatever it says', () => rolledBack(async (db) => {
  const told = entry();
  await db.as('dentist');
  assert.equal(await log(db, told), 1);
  await db.as('admin');
  const { at, recorded_at, ...row } = await kept(db, told);
  assert.deepEqual(row, { id: told.id, actor: people.dentist, actor_role: 'dentist', method: 'GET', route: told.route, query: told.query, row_count: 3, request_id: 'r1', recorded_by: 'caller' });
  assert.equal(+at, told.at_ms);
  assert.ok(recorded_at > at);
}));

test('told twice, kept once, and never changed', () => rolledBack(async (db) => {
  const told = entry();
  await db.as('receptionist');
  assert.equal(await log(db, told, entry(), told), 2);
  await db.as('dentist');
  assert.equal(await log(db, { ...told, row_count: 9 }), 0);
  await db.as('admin');
  assert.deepEqual([(await kept(db, told)).actor, (await kept(db, told)).row_count], [people.receptionist, 3]);
}));

test('the service key names the reader; nobody else can', () => rolledBack(async (db) => {
  const told = entry({ actor: people.dentist2 });
  await db.as('service_role');
  assert.equal(await log(db, told), 1);
  await db.as('admin');
  assert.deepEqual([(await kept(db, told)).actor, (await kept(db, told)).recorded_by], [people.dentist2, 'service']);
}));

test('patients read their own records, which is not logged; who was deactivated meanwhile still is', () => rolledBack(async (db) => {
  await db.as('patient');
  assert.equal(await log(db, entry({ actor: people.dentist })), 0);
  await db.as('service_role');
  assert.equal(await log(db, entry({ actor: people.patient }), entry({ actor: randomUUID() })), 0);
  await db.asOwner();
  await db.rows(`update "user" set status = 'inactive' where id = $1`, [people.dentist]);
  await db.as('dentist');
  assert.equal(await log(db, entry()), 1);
  await db.as('anon');
  assert.equal((await db.attempt('select log_access($1)', ['[]'])).error, '42501');
}));

test('a time ahead or long past is not believed, and what is too long is cut', () => rolledBack(async (db) => {
  const [ahead, past] = [entry({ at_ms: Date.UTC(2099, 0, 1), query: 'x'.repeat(9000) }), entry({ at_ms: Date.UTC(2000, 0, 1), row_count: -4 })];
  await db.as('dentist');
  assert.equal(await log(db, ahead, past), 2);
  for (const bad of [{}, null, Array(501).fill(entry())]) assert.equal((await db.attempt('select log_access($1)', [JSON.stringify(bad)])).error, 'PT422');
  await db.as('admin');
  const [one, other] = [await kept(db, ahead), await kept(db, past)];
  assert.ok(one.at <= new Date() && one.query.length === 8000 && other.at > new Date('2020-01-01') && other.row_count === 0);
}));

test('a count that is not known is none, and not 0', () => rolledBack(async (db) => {
  const [unknown, none, nothing] = [entry({ row_count: null }), entry({ row_count: 0 }), entry({ row_count: undefined })];
  await db.as('dentist');
  assert.equal(await log(db, unknown, none, nothing), 3);
  await db.as('admin');
  assert.deepEqual([(await kept(db, unknown)).row_count, (await kept(db, none)).row_count, (await kept(db, nothing)).row_count], [null, 0, null]);
}));

test('admins read the log; nobody writes, changes or empties it', () => rolledBack(async (db) => {
  const told = entry();
  await db.as('dentist');
  await log(db, told);
  for (const who of ['dentist', 'receptionist', 'patient']) {
    await db.as(who);
    assert.deepEqual(await db.rows('select id from access_log'), [], who);
  }
  for (const who of ['dentist', 'receptionist', 'patient', 'admin', 'anon', 'service_role']) {
    await db.as(who);
    for (const sql of [`insert into access_log (id, at, actor, actor_role, method, route, query, recorded_by) values (gen_random_uuid(), now(), '${people.admin}', 'admin', '', '', '', 'caller')`,
      `update access_log set query = ''`, 'delete from access_log', 'truncate access_log']) {
      assert.equal((await db.attempt(sql)).error, '42501', `${who}: ${sql}`);
    }
  }
  await db.asOwner();
  for (const sql of [`update access_log set query = ''`, 'delete from access_log', 'truncate access_log']) assert.equal((await db.attempt(sql)).error, 'PT409', sql);
  await db.as('admin');
  assert.equal((await kept(db, told)).query, told.query);
}));

// Their results are not shown by a table's name: the edge goes by the sentence in the comment.
const TELL_NOTHING = {
  complete_visit: 'answers with the appointment',
  acknowledge_alerts: 'answers with a number',
  void_invoice: 'answers with the invoice',
};

test('every function for clients that looks at medical records says that its use is logged', async () => {
  const { rows } = await pool.query(`
    select p.proname as name, coalesce(d.description, '') as comment from pg_proc p left join pg_description d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass
     where p.pronamespace = 'public'::regnamespace and has_function_privilege('authenticated', p.oid, 'execute')
       and p.prosrc ~ 'patient_medical_history|treatment_records|active_alerts|booking_of|alert_text'`);
  assert.ok(rows.some(({ name }) => name === 'patients_by_lot'));
  const silent = rows.filter(({ name, comment }) => !comment.startsWith('internal:') && !comment.endsWith('Its use is logged.') && !TELL_NOTHING[name]);
  assert.deepEqual(silent.map(({ name }) => name), []);
});
