// A deadlock in the real database: the request is its victim, is tried once more by the edge, and goes through.

import assert from 'node:assert/strict';
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

const waiting = async () => (await db.rows(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%service%' and pid <> pg_backend_pid()`)).length;

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
