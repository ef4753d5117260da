// Ratings of answers: one each, changed only by whoever gave it, read by admins alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id, people, rolledBack } from './support.mjs';

const answer = `chatcmpl-${id('abc')}`;
const rate = (db, rating, comment = null) => db.attempt('select rate_answer($1, $2, $3)', [answer, rating, comment]);

test('a patient rates an answer and may change their mind; nobody else may', () => rolledBack(async (db) => {
  await db.as('patient');
  assert.equal((await rate(db, 'up')).error, undefined);
  assert.equal((await rate(db, 'down', 'It was wrong.')).error, undefined);
  await db.as('dentist');
  assert.equal((await rate(db, 'up')).error, 'PT409');
  await db.as('anon');
  assert.equal((await rate(db, 'up')).error, 'PT409');
  await db.as('admin');
  const [row] = await db.rows('select user_id, rating, comment from chat_feedback where completion_id = $1', [answer]);
  assert.deepEqual(row, { user_id: people.patient, rating: 'down', comment: 'It was wrong.' });
}));

test('people who are not signed in rate too; only admins read', () => rolledBack(async (db) => {
  await db.as('anon');
  assert.equal((await rate(db, 'down')).error, undefined);
  assert.equal((await db.attempt('select * from chat_feedback')).error, '42501');
  for (const role of ['patient', 'dentist', 'receptionist']) {
    await db.as(role);
    assert.deepEqual(await db.rows('select * from chat_feedback'), [], role);
    assert.equal((await db.attempt(`insert into chat_feedback (completion_id, rating) values ($1, 'up')`, [`chatcmpl-${id('def')}`])).error, '42501', role);
  }
  await db.as('admin');
  const [row] = await db.rows('select user_id, rating from chat_feedback where completion_id = $1', [answer]);
  assert.deepEqual(row, { user_id: null, rating: 'down' });
}));
