// A panic put in on purpose (a build with the feature panic-route): what is in flight with it may fail, and nothing else.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../../scripts/stack/settings.mjs';
import { Database } from '../lib/database.mjs';
import { during, id, send } from '../lib/stack.mjs';
import { start } from './worker.mjs';

const READ = '/rest/v1/appointment?select=id&limit=1';
const SLOW_MS = 1500;
const PATIENCE_MS = 3000;

let db;
let worker;
before(async () => {
  db = await Database.open();
  await db.keep();
  const build = join(root, 'target', 'panic-worker');
  const made = spawnSync(join(root, 'scripts', 'build'), ['--worker', 'clinic', '--out-dir', build, '--features', 'panic-route'], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  worker = await start({ UPSTREAM_TIMEOUT_MS: String(PATIENCE_MS) }, { build });
});
after(async () => {
  await worker?.stop();
  await db.restore();
  await db.close();
});

const ask = (path = READ) => send('GET', path, { role: 'admin', url: worker.url });
const inTime = (promise) => Promise.race([promise, sleep(10_000, undefined, { ref: false }).then(() => assert.fail('it hangs'))]);

async function panics() {
  const { status } = await inTime(ask('/__panic'));
  assert.ok(status >= 500, `the panic answers ${status}`);
}

test('a_panic_is_5xx_and_the_next_request_is_served', async () => {
  assert.equal((await inTime(ask())).status, 200);
  for (let round = 0; round < 3; round += 1) {
    await panics();
    const next = await inTime(ask());
    assert.equal(next.status, 200, next.text);
  }
});

// What JavaScript knows of credentials and headers outlives the program that told it.
test('after_a_panic_everybody_is_still_who_they_are', async () => {
  const users = { patient: id('a0001'), patient2: id('a0002'), dentist: id('d1') };
  const own = `/rest/v1/user?select=id&id=in.(${Object.values(users)})&limit=1&order=id`;
  const rows = (role) => send('GET', role.startsWith('patient') ? own : `${own}&id=eq.${users[role]}`, { role, url: worker.url });
  for (let round = 0; round < 3; round += 1) {
    const asked = Array.from({ length: 24 }, (_, n) => Object.keys(users)[n % 3]);
    const replies = await inTime(Promise.all(asked.map(rows)));
    assert.deepEqual(replies.map(({ json }) => json.map((row) => row.id)), asked.map((role) => [users[role]]));
    await panics();
  }
});

// Forms of calls are numbered as they come: after a panic those numbers are given to others.
test('after_a_panic_calls_are_what_is_asked_for', async () => {
  const bearer = { role: 'admin', url: worker.url };
  const service = (code) => ({ code, name: 'After a panic', category: 'diagnostic', fee: 1 });
  const one = '/rest/v1/service?code=eq.';
  const calls = {
    read: async () => assert.equal((await send('GET', READ, bearer)).json.length, 1),
    count: async () => assert.match((await send('GET', READ, { ...bearer, headers: { prefer: 'count=exact' } })).headers.get('content-range'), /\/\d+$/),
    object: async () => assert.ok(!Array.isArray((await send('GET', READ, { ...bearer, headers: { accept: 'application/vnd.pgrst.object+json' } })).json)),
    minimal: async (code) => assert.equal((await send('POST', '/rest/v1/service', { ...bearer, body: service(code) })).text, ''),
    shown: async (code) => assert.equal((await send('POST', '/rest/v1/service', { ...bearer, body: service(code), headers: { prefer: 'return=representation' } })).json[0].code, code),
    change: async () => assert.equal((await send('PATCH', `${one}NONE-SUCH`, { ...bearer, body: { fee: 2 }, headers: { prefer: 'return=representation' } })).text, '[]'),
  };
  const orders = [['read', 'count', 'object', 'minimal', 'shown', 'change'], ['change', 'shown', 'minimal', 'object', 'count', 'read'], ['minimal', 'read', 'change', 'count', 'shown', 'object']];
  for (const [round, order] of orders.entries()) {
    for (let twice = 0; twice < 2; twice += 1) for (const name of order) await calls[name](`PANIC-${round}${twice}${name === 'shown' ? 'S' : ''}`);
    await panics();
  }
});

test('requests_in_flight_with_it_end_and_those_after_it_are_served', async () => {
  await during({ mode: 'slow', ms: SLOW_MS }, async () => {
    const inFlight = Array.from({ length: 4 }, () => ask());
    await sleep(SLOW_MS / 3);
    await panics();
    for (const { status } of await inTime(Promise.all(inFlight))) assert.ok(status === 200 || status >= 500, `in flight: ${status}`);
  });
  const replies = await inTime(Promise.all(Array.from({ length: 8 }, () => ask())));
  assert.deepEqual(replies.map(({ status }) => status), Array(8).fill(200));
});

// What is done again without Wasm goes on without it: no other way shows from outside that it is.
test('a_request_that_came_before_survives_a_panic_and_one_that_is_new_does_not', async () => {
  for (let times = 0; times < 3; times += 1) assert.equal((await inTime(ask())).status, 200);
  const fresh = () => send('GET', READ, { role: 'admin', url: worker.url, headers: { 'x-request-id': randomUUID() } });
  await during({ mode: 'slow', ms: SLOW_MS }, async () => {
    const [again, anew] = [ask(), fresh()];
    await sleep(SLOW_MS / 3);
    await panics();
    assert.deepEqual([(await inTime(again)).status, (await inTime(anew)).status >= 500], [200, true]);
  });
});

test('an_insert_that_came_before_is_written_once_whatever_panics_meanwhile', async () => {
  const insert = (code) => send('POST', '/rest/v1/service', { role: 'admin', url: worker.url, body: { code, name: 'Again', category: 'diagnostic', fee: 1 }, headers: { prefer: 'return=representation' } });
  const count = async (code) => (await db.rows('select count(*)::int as count from public.service where code = $1', [code]))[0].count;
  let codes = 0;
  const fresh = () => {
    codes += 1;
    return `PAGAIN-${codes}`;
  };
  const taken = fresh();
  assert.equal((await insert(taken)).status, 201);
  // [how long it takes, the code, what comes of it]
  for (const [ms, code, status] of [[SLOW_MS, fresh(), 201], [SLOW_MS, taken, 409], [PATIENCE_MS + SLOW_MS, fresh(), 504]]) {
    for (let times = 0; times < 3; times += 1) assert.equal((await insert(fresh())).status, 201);
    await during({ mode: 'slow', ms }, async () => {
      const written = insert(code);
      await sleep(SLOW_MS / 3);
      await panics();
      const found = await inTime(written);
      assert.equal(found.status, status, found.text);
      // What was too late is written or not; it is not written again.
      if (status === 504) await sleep(ms - PATIENCE_MS + SLOW_MS);
    });
    assert.ok(await count(code) <= 1 && (status === 504 || (await count(code)) === 1), code);
  }
});
