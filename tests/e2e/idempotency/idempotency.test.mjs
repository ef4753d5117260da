// Idempotency-Key: however often and in whatever trouble a request is repeated under one key, it happens once and gives
// the first result.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../faults/worker.mjs';
import { Database } from '../lib/database.mjs';
import { during, id, send } from '../lib/stack.mjs';

const ROUNDS = 20;
const SERVICE = '/rest/v1/service';
const REPRESENTATION = { prefer: 'return=representation' };
const OBJECT = { accept: 'application/vnd.pgrst.object+json' };

let db;
before(async () => {
  db = await Database.open();
  await db.keep();
});
after(async () => {
  await db.restore();
  await db.close();
});

let key;
beforeEach(() => {
  key = randomUUID();
});

const code = () => `T${randomUUID().slice(0, 8).toUpperCase()}`;
const service = (more = {}) => ({ code: code(), name: 'Idempotent', category: 'diagnostic', fee: 10, ...more });

/** A POST under the test's key. */
function post(path, body, { role = 'admin', headers = REPRESENTATION, url, under = key } = {}) {
  return send('POST', path, { role, body, url, headers: { 'idempotency-key': under, ...headers } });
}

const isReplay = (reply) => reply.headers.get('idempotency-replayed') === 'true';
const count = async (where, values) => Number((await db.rows(`select count(*) from public.service where ${where}`, values))[0].count);
const named = (body) => count('code = $1', [body.code]);

function same(first, again) {
  assert.equal(first.status, 201, first.text);
  assert.ok(!isReplay(first) && isReplay(again));
  assert.equal(again.status, first.status, again.text);
  assert.deepEqual(again.json, first.json);
}

test('a_retry_gives_the_first_result_and_no_second_row', async () => {
  const body = service();
  const first = await post(SERVICE, body);
  same(first, await post(SERVICE, body));
  same(first, await post(SERVICE, body));
  assert.equal(await named(body), 1);
});

test('the_answer_has_the_shape_that_the_retry_asks_for', async () => {
  const body = service();
  const [first] = (await post(SERVICE, body)).json;
  const minimal = await post(SERVICE, body, { headers: {} });
  assert.deepEqual([minimal.status, minimal.text, isReplay(minimal)], [201, '', true]);
  const headers = await post(SERVICE, body, { headers: { prefer: 'return=headers-only' } });
  assert.equal(headers.headers.get('location'), `/service?id=eq.${first.id}`);
  const object = await post(`${SERVICE}?select=id,version`, body, { headers: { ...REPRESENTATION, ...OBJECT } });
  assert.deepEqual(object.json, { id: first.id, version: 1 });
  assert.equal(object.headers.get('etag'), '"1"');
});

test('return_headers_only_names_the_same_place', async () => {
  const body = service();
  const [first, again] = [await post(SERVICE, body, { headers: { prefer: 'return=headers-only' } }), await post(SERVICE, body, { headers: { prefer: 'return=headers-only' } })];
  assert.ok(first.headers.get('location'));
  assert.equal(again.headers.get('location'), first.headers.get('location'));
  assert.deepEqual([first.status, isReplay(first), again.status, isReplay(again)], [201, false, 201, true]);
});

test(`requests_at_once_make_one_row (${ROUNDS} rounds of 2 to 4)`, async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const under = randomUUID();
    const body = service();
    const replies = await Promise.all(Array.from({ length: 2 + (round % 3) }, () => post(SERVICE, body, { under })));
    for (const { status, text } of replies) assert.equal(status, 201, text);
    assert.equal(replies.filter((reply) => !isReplay(reply)).length, 1);
    for (const { json } of replies) assert.deepEqual(json, replies[0].json);
    assert.equal(await named(body), 1);
  }
});

test('a_lost_reply_is_made_good_by_a_retry', async () => {
  const body = service();
  const lost = await during({ mode: 'lose-reply', path: SERVICE, method: 'POST', count: 1 }, () => post(SERVICE, body));
  assert.deepEqual([lost.status, lost.json.code, lost.headers.get('retry-after')], [503, 'unavailable', '5']);
  assert.equal(await named(body), 1);
  const again = await post(SERVICE, body);
  assert.deepEqual([again.status, isReplay(again), again.json[0].code], [201, true, body.code]);
  assert.equal(await named(body), 1);
});

test('a_worker_killed_between_commit_and_reply_is_made_good_by_a_retry', async () => {
  const body = service();
  const doomed = await start();
  await during({ mode: 'lose-reply', ms: 20_000, path: SERVICE, method: 'POST', count: 1 }, async () => {
    const broken = assert.rejects(post(SERVICE, body, { url: doomed.url }));
    while ((await named(body)) === 0) await sleep(20);
    await doomed.kill();
    await broken;
  });
  const next = await start({}, { port: doomed.port });
  try {
    const again = await post(SERVICE, body, { url: next.url });
    assert.deepEqual([again.status, isReplay(again), again.json[0].code], [201, true, body.code]);
    assert.equal(await named(body), 1);
  } finally {
    await next.stop();
  }
});

test('another_request_under_the_key_is_refused', async () => {
  const body = service();
  await post(SERVICE, body);
  const others = [
    [SERVICE, { ...body, fee: 11 }],
    [SERVICE, [body]],
    [`${SERVICE}?columns=code,name,category,fee`, body],
    [SERVICE, body, { prefer: 'missing=default' }],
    [SERVICE, body, { prefer: 'resolution=merge-duplicates' }],
  ];
  for (const [path, other, headers] of others) {
    const reply = await post(path, other, { headers });
    assert.deepEqual([reply.status, reply.json.code], [422, 'idempotency-key-reused'], `${path} ${reply.text}`);
    assert.equal(reply.json.errors[0].pointer, 'header:idempotency-key');
  }
  assert.equal(await named(body), 1);
});

test('callers_have_their_keys_to_themselves', async () => {
  const item = () => ({ sku: code(), name: 'Idempotent', category: 'consumables' });
  const [mine, theirs] = [item(), item()];
  const first = await post('/rest/v1/inventory', mine, { role: 'admin' });
  const other = await post('/rest/v1/inventory', theirs, { role: 'receptionist' });
  assert.deepEqual([first.status, other.status, isReplay(other)], [201, 201, false], other.text);
  assert.notEqual(other.json[0].id, first.json[0].id);
});

test('paths_have_their_keys_to_themselves', async () => {
  assert.equal((await post(SERVICE, service())).status, 201);
  const other = await post('/rest/v1/inventory', { sku: code(), name: 'Idempotent', category: 'consumables' });
  assert.deepEqual([other.status, isReplay(other)], [201, false], other.text);
});

test('a_key_is_free_again_after_24_hours', async () => {
  const [first, second] = [service(), service()];
  await post(SERVICE, first);
  const age = (hours) => db.rows(`update app.idempotency set created_at = now() - make_interval(hours => $2) where key = $1`, [key, hours]);
  await age(23);
  assert.equal((await post(SERVICE, second)).status, 422);
  await age(25);
  const later = await post(SERVICE, second);
  assert.deepEqual([later.status, isReplay(later)], [201, false], later.text);
});

test('250_rows_are_replayed_in_full', async () => {
  const rows = Array.from({ length: 250 }, () => service({ name: 'Idempotent bulk' }));
  const first = await post(`${SERVICE}?select=id,code`, rows);
  const again = await post(`${SERVICE}?select=id,code`, rows);
  const sorted = ({ json }) => json.map(({ id: of, code: with_ }) => `${of} ${with_}`).sort();
  assert.deepEqual([first.status, again.status, isReplay(again), first.json.length], [201, 201, true, 250]);
  assert.deepEqual(sorted(again), sorted(first));
  assert.equal(await count(`name = 'Idempotent bulk'`), 250);
});

for (const resolution of ['merge-duplicates', 'ignore-duplicates']) {
  test(`an_upsert_happens_once (${resolution})`, async () => {
    const headers = { prefer: `return=representation,resolution=${resolution}` };
    const body = service({ id: randomUUID() });
    const path = `${SERVICE}?on_conflict=id`;
    const first = await post(path, body, { headers });
    same(first, await post(path, body, { headers }));
    const [{ version }] = await db.rows('select version from public.service where code = $1', [body.code]);
    assert.equal(version, 1, 'the retry has written again');
  });
}

test('an_upsert_onto_a_row_that_exists_is_replayed_too', async () => {
  const headers = { prefer: 'return=representation,resolution=merge-duplicates' };
  const body = service({ id: randomUUID() });
  await post(SERVICE, body, { under: randomUUID() });
  const change = { ...body, fee: 99 };
  const first = await post(SERVICE, change, { headers });
  const again = await post(SERVICE, change, { headers });
  assert.deepEqual([first.status, isReplay(again)], [200, true]);
  assert.deepEqual(again.json, first.json);
  assert.equal(again.json[0].version, 2);
});

test('what_fails_leaves_the_key_free', async () => {
  const taken = service();
  await post(SERVICE, taken, { under: randomUUID() });
  const clash = await post(SERVICE, { ...service(), code: taken.code });
  assert.deepEqual([clash.status, clash.json.code], [409, '23505']);
  const malformed = await post(SERVICE, { ...service(), fee: 'much' });
  assert.equal(malformed.status, 422);
  const body = service();
  const at_last = await post(SERVICE, body);
  same(at_last, await post(SERVICE, body));
});

test('a_key_means_nothing_on_get', async () => {
  const path = `${SERVICE}?select=id&limit=1`;
  const read = await send('GET', path, { headers: { 'idempotency-key': key } });
  assert.deepEqual([read.status, isReplay(read)], [200, false]);
  const malformed = await send('GET', path, { headers: { 'idempotency-key': 'a b' } });
  assert.equal(malformed.status, 200);
  assert.ok(!isReplay(await post(SERVICE, service())));
});

test('a_malformed_key_is_refused', async () => {
  for (const under of ['', 'a b', 'x'.repeat(256)]) {
    const reply = await post(SERVICE, service(), { under });
    assert.deepEqual([reply.status, reply.json.errors[0].pointer], [400, 'header:idempotency-key']);
  }
});

// Functions.

const CHECKUP = id('5001');

/** Free times of the first dentist, far from what other tests book. */
async function slots() {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
  const query = new URLSearchParams({ service_ids: `{${CHECKUP}}`, dentist_id: id('d1'), from: day(30), to: day(58) });
  const reply = await send('GET', `/rest/v1/rpc/available_slots?${query}`);
  assert.equal(reply.status, 200, reply.text);
  assert.ok(reply.json.length >= 2 * ROUNDS, 'too few free slots');
  return reply.json;
}

const booking = ({ dentist_id, starts_at }) => ({ dentist_id, starts_at, service_ids: [CHECKUP], patient_id: id('a0001') });
const book = (body, options) => post('/rest/v1/rpc/book_appointment', body, { role: 'receptionist', headers: {}, ...options });
const booked = async (slot) => (await db.rows('select id from public.appointment where dentist_id = $1 and starts_at = $2', [slot.dentist_id, slot.starts_at])).length;

test('a_booking_is_made_once', async () => {
  const [slot] = await slots();
  const first = await book(booking(slot));
  const again = await book(booking(slot));
  assert.deepEqual([first.status, again.status, isReplay(first), isReplay(again)], [200, 200, false, true], first.text);
  assert.equal(again.json.id, first.json.id);
  const object = await book(booking(slot), { headers: OBJECT });
  assert.deepEqual([object.status, object.json.id, isReplay(object)], [200, first.json.id, true]);
  assert.equal(await booked(slot), 1);
});

test('a_replayed_call_has_the_form_of_the_first', async () => {
  const [slot] = await slots();
  const first = await book(booking(slot), { headers: OBJECT });
  const again = await book(booking(slot), { headers: OBJECT });
  assert.deepEqual(again.json, first.json);
  assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
});

test('bookings_at_once_are_one (10 rounds of 2 to 4)', async () => {
  const free = await slots();
  for (let round = 0; round < 10; round += 1) {
    const under = randomUUID();
    const slot = free[round * 2];
    const replies = await Promise.all(Array.from({ length: 2 + (round % 3) }, () => book(booking(slot), { under })));
    for (const { status, text, json } of replies) {
      assert.equal(status, 200, text);
      assert.equal(json.id, replies[0].json.id);
    }
    assert.equal(replies.filter((reply) => !isReplay(reply)).length, 1);
    assert.equal(await booked(slot), 1);
  }
});

test('a_booking_whose_reply_is_lost_is_made_good', async () => {
  const [slot] = await slots();
  const lost = await during({ mode: 'lose-reply', path: '/rest/v1/rpc/book_appointment', count: 1 }, () => book(booking(slot)));
  assert.equal(lost.status, 503);
  const again = await book(booking(slot));
  assert.deepEqual([again.status, isReplay(again)], [200, true], again.text);
  assert.equal(await booked(slot), 1);
});

test('a_refused_booking_leaves_the_key_free_and_another_one_under_it_is_refused', async () => {
  const all = await slots();
  const [taken, free] = [all[0], all.at(-1)];
  await book(booking(taken), { under: randomUUID() });
  assert.equal((await book(booking(taken))).status, 409);
  assert.equal((await book(booking(free))).status, 200);
  const other = await book({ ...booking(free), reason: 'another' });
  assert.deepEqual([other.status, other.json.code], [422, 'idempotency-key-reused']);
});

test('a_guest_s_hold_is_made_once', async () => {
  const [slot] = await slots();
  const body = { dentist_id: slot.dentist_id, starts_at: slot.starts_at, service_ids: [CHECKUP] };
  const hold = () => post('/rest/v1/rpc/hold_appointment', body, { role: 'anon', headers: {} });
  const first = await hold();
  const again = await hold();
  assert.equal(first.status, 200, first.text);
  assert.ok(isReplay(again));
  assert.deepEqual(again.json, first.json);
});

test('a_call_under_a_key_is_answered_as_json', async () => {
  const [slot] = await slots();
  const reply = await book(booking(slot), { headers: { accept: 'text/csv' } });
  assert.deepEqual([reply.status, reply.json.code], [406, 'not-acceptable']);
  assert.equal(await booked(slot), 0);
});

test('part_of_a_result_cannot_be_asked_for_under_a_key', async () => {
  const [slot] = await slots();
  const reply = await send('POST', '/rest/v1/rpc/book_appointment?select=id', { role: 'receptionist', body: booking(slot), headers: { 'idempotency-key': key } });
  assert.deepEqual([reply.status, reply.json.code], [400, 'invalid-query']);
  assert.equal(await booked(slot), 0);
});

