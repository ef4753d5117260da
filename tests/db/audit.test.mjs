// The change log walked in parts, by admins alone: what was done to it is named with the exact entry.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolledBack } from './support.mjs';

const verify = async (db, after = 0, anchor = null, batch = 100) => (await db.one('select audit_verify($1, $2, $3) as v', [after, anchor, batch])).v;

// As its client would: until the head, or until something is broken.
async function walk(db, batch = 100) {
  let [after, calls] = [0, 0];
  for (;;) {
    const answer = await verify(db, after, null, batch);
    calls += 1;
    if (answer.broken || answer.verified_to === answer.head.seq) return { ...answer, calls };
    assert.ok(answer.verified_to > after, 'it does not get on');
    after = answer.verified_to;
  }
}

async function tampered(db, sql, parameters) {
  await db.settle();
  await db.rows('alter table change_log disable trigger all');
  await db.rows(sql, parameters);
  await db.as('admin');
  return (await walk(db)).broken;
}

const some = (db, offset) => db.one('select seq::int, hash from change_log order by seq offset $1 limit 1', [offset]);

test('a log that nobody touched verifies to its head, in parts of any size', () => rolledBack(async (db) => {
  const head = await db.one(`select seq::int, encode(hash, 'hex') as hash, (select count(*)::int from change_log) as entries from change_log order by seq desc limit 1`);
  await db.as('admin');
  for (const batch of [7, 100, 20_000]) {
    const { calls, ...answer } = await walk(db, batch);
    assert.deepEqual(answer, { verified_to: head.seq, head: { seq: head.seq, hash: head.hash }, broken: null });
    assert.ok(calls >= Math.floor(head.entries / (batch + 1)), `${calls} calls`);
  }
  assert.deepEqual(await verify(db, head.seq, head.hash), { verified_to: head.seq, head: { seq: head.seq, hash: head.hash }, broken: null });
}));

for (const [why, change] of [
  ['payload', `record = jsonb_build_object('fee', 1)`], ['header', `actor_role = 'nobody'`], ['hash', `hashed = hashed || ' '`],
]) {
  test(`an entry whose ${why} was changed is named`, () => rolledBack(async (db) => {
    const { seq } = await some(db, 130);
    assert.deepEqual(await tampered(db, `update change_log set ${change} where seq = $1`, [seq]), { seq, why });
  }));
}

test('a deleted entry is named by the first that is no longer linked', () => rolledBack(async (db) => {
  const [gone, next] = [await some(db, 130), await some(db, 131)];
  assert.deepEqual(await tampered(db, 'delete from change_log where seq = $1', [gone.seq]), { seq: next.seq, why: 'link' });
}));

test('a deleted first entry is named too', () => rolledBack(async (db) => {
  const [gone, next] = [await some(db, 0), await some(db, 1)];
  assert.deepEqual(await tampered(db, 'delete from change_log where seq = $1', [gone.seq]), { seq: next.seq, why: 'link' });
}));

test('an inserted entry is named, whatever link was invented for it', () => rolledBack(async (db) => {
  const { seq } = await some(db, 130);
  await db.settle();
  await db.rows('alter table change_log disable trigger all');
  const columns = 'table_name, op, key, record, old_record, subjects, actor, actor_role, request_id, at, hashed, record_hash';
  await db.rows(`insert into change_log (seq, ${columns}, prev_hash, hash) select (select max(seq) from change_log) + 1, ${columns}, sha256('invented'), hash from change_log where seq = $1`, [seq]);
  await db.rows(`update change_log l set hashed = app.change_log_text(l) where seq = (select max(seq) from change_log)`);
  await db.rows(`update change_log set hash = sha256(convert_to(hashed, 'UTF8')) where seq = (select max(seq) from change_log)`);
  const { last } = await db.one('select max(seq)::int as last from change_log');
  await db.as('admin');
  assert.deepEqual((await walk(db)).broken, { seq: last, why: 'link' });
}));

test('entries that changed places are named at the first of them', () => rolledBack(async (db) => {
  const [one, other] = [await some(db, 130), await some(db, 140)];
  await db.settle();
  await db.rows('alter table change_log disable trigger all');
  await db.rows('update change_log set seq = -1 where seq = $1', [one.seq]);
  await db.rows('update change_log set seq = $2 where seq = $1', [other.seq, one.seq]);
  assert.deepEqual(await tampered(db, 'update change_log set seq = $1 where seq = -1', [other.seq]), { seq: one.seq, why: 'link' });
}));

test('going on from an entry judges that entry again', () => rolledBack(async (db) => {
  const { seq } = await some(db, 130);
  await tampered(db, `update change_log set actor_role = 'nobody' where seq = $1`, [seq]);
  assert.deepEqual((await verify(db, seq)).broken, { seq, why: 'header' });
}));

test('an end that was cut off is noticed by a hash kept elsewhere', () => rolledBack(async (db) => {
  const { seq, hash } = await db.one('select seq::int, hash from change_log order by seq desc limit 1');
  const kept = hash.toString('hex');
  assert.equal(await tampered(db, 'delete from change_log where seq = $1', [seq]), null);
  assert.deepEqual((await verify(db, seq, kept)).broken, { seq, why: 'anchor' });
  const { verified_to, broken } = await verify(db, seq);
  assert.ok(verified_to < seq && broken === null);
}));

test('nobody but an admin walks the log', () => rolledBack(async (db) => {
  for (const who of ['anon', 'patient', 'dentist', 'receptionist', 'service_role']) {
    await db.as(who);
    assert.equal((await db.attempt('select audit_verify()')).error, '42501', who);
  }
  await db.as('admin');
  for (const [after, batch] of [[-1, 5], [0, 0], [0, 20_001], [null, 5]]) assert.equal((await db.attempt('select audit_verify($1, null, $2)', [after, batch])).error, 'PT422');
}));
