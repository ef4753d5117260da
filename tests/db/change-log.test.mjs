// The outbox and audit trail: complete, in commit order, chained, and closed to clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { elevenTables, id, people, pool, rolledBack } from './support.mjs';

const { patient, patient2, dentist, dentist2 } = people;
const newest = async (db, where = 'true') => (await db.rows(`select * from change_log where ${where} order by seq desc limit 1`))[0];
const verdict = (db) => db.one('select broken_seq::int, reason from app.verify_change_log()');
const sound = { broken_seq: null, reason: null };

// As nobody could who has not the owner's rights over the database.
async function tamper(db, sql, params) {
  await db.settle();
  await db.rows('alter table change_log disable trigger all');
  await db.rows(sql, params);
}

test('every one of the eleven tables logs inserts, updates and deletes, at commit', async () => {
  const { rows: triggers } = await pool.query(`
    select tgrelid::regclass::text as name, tgdeferrable, tginitdeferred, tgtype & 4 > 0 as insert, tgtype & 8 > 0 as delete, tgtype & 16 > 0 as update
      from pg_trigger where tgname = 'log_change' and tgenabled = 'O'`);
  assert.deepEqual(triggers.map((t) => t.name.replaceAll('"', '')).sort(), [...elevenTables].sort());
  for (const { name: _, ...kind } of triggers) assert.deepEqual(kind, { tgdeferrable: true, tginitdeferred: true, insert: true, delete: true, update: true });
});

test('an entry says what changed, whose row it is, who did it and in which request', () => rolledBack(async (db) => {
  await fixture(db);
  await db.settle();
  await db.as('receptionist', { headers: { 'x-request-id': 'req-7' } });
  await db.rows(`update appointment set patient_id = $2, starts_at = '2031-03-04 15:00Z', ends_at = '2031-03-04 15:30Z' where id = $1`, [rows.ownAppointment, patient2]);
  assert.equal((await db.attempt('select * from change_log')).error, '42501');
  await db.settle();
  await db.asOwner();
  const entry = await newest(db, `table_name = 'appointment'`);
  assert.equal(entry.op, 'UPDATE');
  assert.deepEqual(entry.key, { id: rows.ownAppointment });
  assert.equal(entry.old_record.patient_id, patient);
  assert.equal(entry.record.patient_id, patient2);
  assert.equal(entry.record.version, 2);
  assert.deepEqual(entry.subjects, [patient, patient2, dentist].sort());
  assert.deepEqual([entry.actor, entry.actor_role, entry.request_id], [people.receptionist, 'receptionist', 'req-7']);
  const line = await newest(db, `table_name = 'appointment_has_service'`);
  assert.deepEqual(line.key, { appointment_id: rows.ownAppointment, line_no: 1 });
  assert.deepEqual(line.subjects, [patient, patient2, dentist].sort());
}));

test('subjects are the people a row belongs to, in every table', () => rolledBack(async (db) => {
  await fixture(db);
  await db.settle();
  const subjects = async (table, key) => (await db.one(
    `select subjects from change_log where table_name = $1 and key @> $2 and op = 'INSERT'`, [table, JSON.stringify(key)])).subjects;
  for (const [table, key, expected] of [
    ['user', { id: rows.newPatient }, [rows.newPatient]], ['service', { id: rows.activeService }, []], ['inventory', { id: rows.lot }, []],
    ['patient_medical_history', { id: rows.otherHistory }, [patient2]], ['appointment', { id: rows.otherAppointment }, [patient2, dentist2]],
    ['appointment', { id: rows.heldSlot }, [dentist]], ['appointment_has_service', { appointment_id: rows.otherAppointment }, [patient2, dentist2]],
    ['treatment_records', { id: rows.otherTreatment }, [patient2, dentist2]], ['invoices', { id: rows.guaranteedInvoice }, [patient, patient2]],
    ['payment', { id: rows.otherPayment }, [patient2]], ['insurance_detail', { id: rows.subscribedPlan }, [patient, patient2]],
  ]) {
    assert.deepEqual(await subjects(table, key), [...expected].sort(), table);
  }
}));

test('every change of a transaction is logged, none is merged or left out', () => rolledBack(async (db) => {
  await fixture(db);
  await db.settle();
  const before = (await newest(db)).seq;
  await db.rows(`update service set lay_name = 'a' where id = $1`, [rows.activeService]);
  await db.rows(`update service set lay_name = 'b' where id = $1`, [rows.activeService]);
  await db.rows(`delete from appointment_has_service where appointment_id = $1`, [rows.otherAppointment]);
  await db.rows(`delete from service where id = $1`, [rows.activeService]);
  await db.settle();
  const entries = await db.rows(`select op, record ->> 'lay_name' as lay, record ->> 'deleted_at' is not null as gone, old_record is not null as old from change_log where seq > $1 order by seq`, [before]);
  assert.deepEqual(entries, [
    { op: 'UPDATE', lay: 'a', gone: false, old: true }, { op: 'UPDATE', lay: 'b', gone: false, old: true },
    { op: 'DELETE', lay: null, gone: false, old: true }, { op: 'UPDATE', lay: 'b', gone: true, old: true },
  ]);
}));

test('what is logged does not depend on the session\'s settings', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(`set local timezone = 'Asia/Kolkata'`);
  await db.rows(`set local datestyle = 'German'`);
  await db.rows(`set local bytea_output = 'escape'`);
  await db.rows(`update appointment set room = 'R9' where id = $1`, [rows.ownAppointment]);
  await db.settle();
  const entry = await newest(db, `table_name = 'appointment'`);
  assert.equal(entry.record.starts_at, '2031-03-04T09:00:00+00:00');
  assert.deepEqual(await verdict(db), sound);
  await db.rows(`set local timezone = 'America/Lima'`);
  assert.deepEqual(await verdict(db), sound);
}));

// The texts that are hashed, pinned: a change of either breaks every chain there is.
test('hashed_format_unchanged', () => rolledBack(async (db) => {
  const { text, payload } = await db.one(`
    select app.change_log_text(jsonb_populate_record(null::change_log, '{"seq": 7, "table_name": "user", "op": "UPDATE", "key": {"id": "x"},
        "subjects": ["00000000-0000-4000-8000-0000000a0001"], "actor": "00000000-0000-4000-8000-0000000000f1", "actor_role": "admin",
        "request_id": "r", "at": "2026-11-24T10:00:00.000001+01:00", "record_hash": "\\\\x01", "prev_hash": "\\\\x02"}')) as text,
      encode(app.change_log_payload_hash('{"b": 1, "aa": [true, null, "é"]}', null), 'hex') as payload`);
  assert.equal(text, '["chairside-1", 7, "user", "UPDATE", {"id": "x"}, ["00000000-0000-4000-8000-0000000a0001"], '
    + '"00000000-0000-4000-8000-0000000000f1", "admin", "r", "2026-11-24T09:00:00.000001Z", "01", "02"]');
  const { createHash } = await import('node:crypto');
  assert.equal(payload, createHash('sha256').update('[{"b": 1, "aa": [true, null, "é"]}, null]').digest('hex'));
}));

test('the chain of the seeded database verifies, from the first entry to the last', () => rolledBack(async (db) => {
  const got = await db.one('select entries::int, head_seq, head_hash, broken_seq, reason from app.verify_change_log()');
  assert.ok(got.entries > 1000);
  const head = await newest(db);
  assert.deepEqual([got.head_seq, got.head_hash, got.broken_seq], [head.seq, head.hash.toString('hex'), null]);
}));

for (const [what, change, reason] of [
  ['record', `record = jsonb_set(record, '{fee}', '1')`, 'payload'],
  ['old record', `old_record = '{"x": 1}'`, 'payload'],
  ['actor', `actor = '${patient}'`, 'header'],
  ['time', `at = at + interval '1 second'`, 'header'],
  ['subjects', `subjects = '{}'`, 'header'],
  ['key', `key = '{"id": 1}'`, 'header'],
  ['record and its hash', `record = '{}', record_hash = app.change_log_payload_hash('{}', old_record)`, 'header'],
  ['hashed text', `hashed = hashed || ' '`, 'hash'],
  ['hash', `hash = sha256('x')`, 'hash'],
]) {
  test(`an altered ${what} is found and named`, () => rolledBack(async (db) => {
    const { seq } = await db.one(`select seq::int from change_log where table_name = 'treatment_records' and op = 'UPDATE' order by seq offset 5 limit 1`);
    await tamper(db, `update change_log set ${change} where seq = $1`, [seq]);
    assert.deepEqual(await verdict(db), { broken_seq: seq, reason });
  }));
}

test('an entry forged throughout is found at the next one', () => rolledBack(async (db) => {
  const { seq } = await db.one(`select seq::int from change_log order by seq offset 20 limit 1`);
  await tamper(db, `update change_log set actor = null, actor_role = 'x' where seq = $1`, [seq]);
  await db.rows('update change_log l set hashed = app.change_log_text(l) where seq = $1', [seq]);
  await db.rows(`update change_log set hash = sha256(convert_to(hashed, 'UTF8')) where seq = $1`, [seq]);
  const next = await db.one('select min(seq)::int as seq from change_log where seq > $1', [seq]);
  assert.deepEqual(await verdict(db), { broken_seq: next.seq, reason: 'link' });
}));

test('a removed entry is found at the next one; a cut-off end by the head kept elsewhere', () => rolledBack(async (db) => {
  const { head_hash: head } = await db.one('select head_hash from app.verify_change_log()');
  await tamper(db, 'delete from change_log where seq = (select max(seq) from change_log)');
  const cut = await db.one('select broken_seq, head_hash from app.verify_change_log()');
  assert.equal(cut.broken_seq, null);
  assert.notEqual(cut.head_hash, head);
  const { seq } = await db.one(`select seq::int from change_log order by seq offset 20 limit 1`);
  await db.rows('delete from change_log where seq = $1', [seq]);
  const next = await db.one('select min(seq)::int as seq from change_log where seq > $1', [seq]);
  assert.deepEqual(await verdict(db), { broken_seq: next.seq, reason: 'link' });
}));

test('payloads can be emptied for one person or before a time, and the chain still verifies', () => rolledBack(async (db) => {
  const { emptied } = await db.one('select app.empty_change_log(subject => $1)::int as emptied', [patient]);
  assert.ok(emptied > 10);
  const left = await db.one(`select count(*)::int as n from change_log where $1 = any (subjects) and (record is not null or old_record is not null)`, [patient]);
  assert.equal(left.n, 0);
  const others = await db.one(`select count(*)::int as n from change_log where record is not null`);
  assert.ok(others.n > 100);
  const got = await db.one('select emptied::int, broken_seq from app.verify_change_log()');
  assert.deepEqual(got, { emptied, broken_seq: null });
  await db.one(`select app.empty_change_log(before => now() + interval '1 hour')`);
  assert.deepEqual(await verdict(db), sound);
  assert.equal((await db.attempt('select app.empty_change_log()')).error, 'PT422');
}));

test('the log is append only, but for its payloads', () => rolledBack(async (db) => {
  for (const sql of ['delete from change_log', `update change_log set actor_role = 'x'`, `update change_log set record = '{}'`,
    `update change_log set record = null, old_record = null, actor = '${patient}'`, 'truncate change_log']) {
    assert.equal((await db.attempt(sql)).error, 'PT409', sql);
  }
}));

test('the chain cannot fork and takes no unknown operation', () => rolledBack(async (db) => {
  const copy = `insert into change_log select`;
  const columns = (op, seq, prev) => `${seq}, table_name, ${op}, key, record, old_record, subjects, actor, actor_role, request_id, at, hashed, record_hash, ${prev}, hash from change_log where seq = (select max(seq) from change_log)`;
  assert.equal((await db.attempt(`${copy} ${columns('op', '-1', 'prev_hash')}`)).constraint, 'change_log_prev_hash_key');
  assert.equal((await db.attempt(`${copy} ${columns('op', 'seq', `'x'`)}`)).constraint, 'change_log_pkey');
  assert.equal((await db.attempt(`${copy} ${columns(`'TRUNCATE'`, '-1', `'x'`)}`)).constraint, 'change_log_op_known');
}));

test('the service role reads the log and cannot write it', () => rolledBack(async (db) => {
  await db.as('service_role');
  assert.equal((await db.rows('select seq from change_log limit 1')).length, 1);
  for (const sql of ['delete from change_log', `update change_log set record = null, old_record = null`, 'select app.empty_change_log(before => now())', 'select * from app.verify_change_log()']) {
    assert.equal((await db.attempt(sql)).error, '42501', sql);
  }
}));

test('seq is in the order of commits, and what rolls back leaves no entry', async () => {
  const service = id('5001');
  const [first, second] = [await pool.connect(), await pool.connect()];
  try {
    const start = (await first.query('select max(seq) as seq from change_log')).rows[0].seq;
    await first.query('begin');
    await first.query(`update service set lay_name = 'first to write' where id = $1`, [service]);
    await second.query('begin');
    await second.query(`update service set lay_name = 'rolled back' where id = $1`, [id('5003')]);
    await second.query('rollback');
    await second.query(`update service set lay_name = 'first to commit' where id = $1`, [id('5002')]);
    await first.query('commit');
    const { rows: entries } = await first.query(`select record ->> 'lay_name' as lay from change_log where seq > $1 and record ->> 'lay_name' like 'first%' order by seq`, [start]);
    assert.deepEqual(entries.map((e) => e.lay), ['first to commit', 'first to write']);
    const { rows: lost } = await first.query(`select 1 from change_log where seq > $1 and record ->> 'lay_name' = 'rolled back'`, [start]);
    assert.equal(lost.length, 0);
  } finally {
    await first.query(`update service set lay_name = case id when $1 then 'Check-up' else 'First visit' end where id in ($1, $2)`, [service, id('5002')]);
    first.release();
    second.release();
  }
});
