// A deadlock in the real database: the request is its victim, is tried once more by the edge, and goes through.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../lib/database.mjs';
import { control, send } from '../lib/stack.mjs';

let db;
let other;
before(async () => {
  [db, other] = [await Database.open(), await Database.open()];
  await db.keep();
});
after(async () => {
  await db.restore();
  await Promise.all([db.close(), other.close()]);
});

const waiting = async (what = 'service') => (await db.rows(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike $1 and pid <> pg_backend_pid()`, [`%${what}%`])).length;

async function until(condition) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await condition()) return;
    await sleep(10);
  }
  assert.fail('nothing came of it');
}

test('the_victim_of_a_deadlock_is_tried_again_and_wins', async () => {
  const [first, last] = (await db.rows('select id, name from public.service order by ctid limit 2')).map(({ id }) => id);
  await control('DELETE', '/requests');
  // The request takes the first row and waits for the last one, which this transaction holds and, more patient than the
  // request, then asks for the first.
  // Should the second try be quicker than this transaction's waking up, the two are at odds again: then it gives way.
  await other.rows(`begin; set local deadlock_timeout = '60s'; set local lock_timeout = '1500ms'`);
  await other.rows('update public.service set lay_name = lay_name where id = $1', [last]);
  const asked = send('PATCH', `/rest/v1/service?id=in.(${first},${last})`, { role: 'admin', body: { lay_name: 'Deadlock' } });
  await until(async () => (await waiting()) === 1);
  const both = other.rows('update public.service set lay_name = lay_name where id = $1', [first]);
  await both.then(() => other.rows('commit'), () => other.rows('rollback'));
  const reply = await asked;
  assert.equal(reply.status, 204, reply.text);
  const { paths } = await control('GET', '/requests');
  assert.equal(paths['PATCH /rest/v1/service'], 2);
  const [{ changed }] = await db.rows(`select count(*)::int as changed from public.service where lay_name = 'Deadlock'`);
  assert.equal(changed, 2);
});

test('a_function_that_is_the_victim_is_called_again_and_happens_once', async () => {
  // The call takes the lock of bookings, then waits for the appointment, which this transaction holds before it asks for
  // that lock.
  const [{ id }] = await db.rows(`select id from public.appointment where status = 'scheduled' and starts_at > now() + interval '2 days' order by starts_at limit 1`);
  await control('DELETE', '/requests');
  await other.rows(`begin; set local deadlock_timeout = '60s'; set local lock_timeout = '1500ms'`);
  await other.rows('select 1 from public.appointment where id = $1 for update', [id]);
  const key = randomUUID();
  const call = () => send('POST', '/rest/v1/rpc/cancel_appointment', { role: 'receptionist', body: { appointment_id: id }, headers: { 'idempotency-key': key } });
  const asked = call();
  await until(async () => (await waiting('cancel_appointment')) === 1);
  const both = other.rows('select app.lock_bookings()');
  await both.then(() => other.rows('commit'), () => other.rows('rollback'));
  const reply = await asked;
  assert.deepEqual([reply.status, reply.json.status], [200, 'cancelled'], reply.text);
  const { paths } = await control('GET', '/requests');
  assert.equal(paths['POST /rest/v1/rpc/cancel_appointment'], 2);
  const again = await call();
  assert.deepEqual([again.headers.get('idempotency-replayed'), again.json.version], ['true', reply.json.version]);
});
