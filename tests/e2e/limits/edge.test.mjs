// What the edge itself answers: CORS, request ids, taken slots, the most rows that a write may touch, methods, liveness.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { during, id, send } from '../lib/stack.mjs';

const ALLOWED = 'http://localhost:3000';
const SERVICE = '/rest/v1/service';

let db;
before(async () => {
  db = await Database.open();
  await db.keep();
});
after(async () => {
  await db.restore();
  await db.close();
});

const preflight = (origin, path = SERVICE) =>
  send('OPTIONS', path, { headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,x-custom' } });

test('a_preflight_from_an_allowed_origin_is_answered', async () => {
  for (const path of [SERVICE, '/rest/v1/rpc/book_appointment', '/auth/v1/token', '/nowhere']) {
    const { status, headers, text } = await preflight(ALLOWED, path);
    assert.deepEqual([status, text, headers.get('access-control-allow-origin')], [204, '', ALLOWED]);
    for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']) assert.ok(headers.get('access-control-allow-methods').includes(method));
    for (const name of ['authorization', 'apikey', 'prefer', 'idempotency-key', 'if-match', 'x-client-info']) assert.ok(headers.get('access-control-allow-headers').includes(name));
    assert.ok(Number(headers.get('access-control-max-age')) > 0);
  }
});

test('other_origins_are_refused', async () => {
  for (const origin of ['http://evil.test', 'http://localhost:3001', 'https://localhost:3000', `${ALLOWED}.evil.test`, `${ALLOWED}/`, 'null', 'http://LOCALHOST:3000']) {
    const { status, headers, json } = await preflight(origin);
    assert.deepEqual([status, json.code], [403, 'origin-refused'], origin);
    assert.ok(!headers.has('access-control-allow-origin'));
    const read = await send('GET', `${SERVICE}?select=id&limit=1`, { headers: { origin } });
    assert.ok(!read.headers.has('access-control-allow-origin'), origin);
  }
});

test('an_allowed_page_reads_answers_and_errors', async () => {
  const requests = [
    ['GET', `${SERVICE}?select=id&limit=1`, 200],
    ['GET', `${SERVICE}?nope=eq.1`, 400],
    ['GET', '/nowhere', 404],
    ['PUT', '/rest/v1/dentist', 405],
  ];
  for (const [method, path, status] of requests) {
    const reply = await send(method, path, { headers: { origin: ALLOWED } });
    assert.equal(reply.status, status);
    assert.equal(reply.headers.get('access-control-allow-origin'), ALLOWED);
    for (const name of ['content-range', 'etag', 'retry-after', 'x-request-id', 'idempotency-replayed']) assert.ok(reply.headers.get('access-control-expose-headers').includes(name));
    assert.match(reply.headers.get('vary'), /origin/i);
  }
  const away = await during({ mode: 'down' }, () => send('GET', '/rest/v1/appointment', { role: 'admin', headers: { origin: ALLOWED } }));
  assert.deepEqual([away.status, away.headers.get('access-control-allow-origin')], [503, ALLOWED]);
  const without = await send('GET', `${SERVICE}?nope=eq.1`);
  assert.match(without.headers.get('vary'), /origin/i);
});

test('plain_options_says_which_methods_there_are', async () => {
  const { status, headers } = await send('OPTIONS', SERVICE);
  assert.equal(status, 204);
  assert.match(headers.get('allow'), /GET.*POST.*DELETE/);
});

test('a_request_id_reaches_the_audit_log', async () => {
  const mine = randomUUID();
  const cases = [
    [mine, mine],
    [mine.toUpperCase(), mine],
    ['not-a-uuid', undefined],
    [undefined, undefined],
  ];
  for (const [sent, expected] of cases) {
    const body = { code: `R${randomUUID().slice(0, 8).toUpperCase()}`, name: 'Request id', category: 'diagnostic', fee: 1 };
    const made = await send('POST', SERVICE, { role: 'admin', body, headers: { prefer: 'return=representation', ...(sent ? { 'x-request-id': sent } : {}) } });
    const used = made.headers.get('x-request-id');
    assert.match(used, /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    if (expected) assert.equal(used, expected);
    else assert.notEqual(used, sent);
    const logged = await db.rows(`select request_id::text, actor::text from public.change_log where table_name = 'service' and key ->> 'id' = $1`, [made.json[0].id]);
    assert.deepEqual(logged, [{ request_id: used, actor: id('f1') }]);
  }
});

test('a_taken_slot_comes_with_others_that_are_free', async () => {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
  const query = new URLSearchParams({ service_ids: `{${id('5001')}}`, dentist_id: id('d1'), from: day(30), to: day(58) });
  const [slot] = (await send('GET', `/rest/v1/rpc/available_slots?${query}`)).json;
  const book = (patient, { dentist_id, starts_at }) =>
    send('POST', '/rest/v1/rpc/book_appointment', { role: 'receptionist', body: { dentist_id, starts_at, service_ids: [id('5001')], patient_id: id(patient) } });
  assert.equal((await book('a0003', slot)).status, 200);
  const insert = { patient_id: id('a0004'), dentist_id: slot.dentist_id, starts_at: slot.starts_at, ends_at: slot.ends_at };
  const refused = [await book('a0004', slot), await send('POST', '/rest/v1/appointment', { role: 'receptionist', body: insert })];
  for (const { status, json, text } of refused) {
    assert.deepEqual([status, json.code, json.type.split('/').at(-1)], [409, '23P01', 'slot-taken'], text);
    assert.ok(json.alternatives.length >= 1 && json.alternatives.length <= 5);
    for (const { dentist_id, starts_at, ends_at, time_zone } of json.alternatives) {
      assert.ok(dentist_id && time_zone && Date.parse(ends_at) > Date.parse(starts_at) && Date.parse(starts_at) > Date.now());
      const overlaps = await db.rows(
        `select 1 from public.appointment where dentist_id = $1 and deleted_at is null and status not in ('cancelled', 'no_show', 'rescheduled')
            and tstzrange(starts_at, ends_at, '[)') && tstzrange($2, $3, '[)')`,
        [dentist_id, starts_at, ends_at],
      );
      assert.equal(overlaps.length, 0, 'an alternative is taken');
    }
  }
  const taken = await book('a0004', refused[0].json.alternatives[0]);
  assert.equal(taken.status, 200, taken.text);
});

test('max_affected_counts_under_strict_handling', async () => {
  const made = Array.from({ length: 3 }, () => ({ code: `M${randomUUID().slice(0, 8).toUpperCase()}`, name: 'Max affected', category: 'diagnostic', fee: 1 }));
  assert.equal((await send('POST', SERVICE, { role: 'admin', body: made })).status, 201);
  const path = `${SERVICE}?code=in.(${made.map(({ code }) => code)})`;
  const fees = async () => (await db.rows(`select fee::int, deleted_at from public.service where name = 'Max affected'`)).map(({ fee, deleted_at }) => (deleted_at ? 'gone' : fee));
  const write = (method, prefer, fee) => send(method, path, { role: 'admin', headers: { prefer }, ...(fee ? { body: { fee } } : {}) });
  for (const [method, fee] of [['PATCH', 2], ['DELETE', undefined]]) {
    for (const most of [0, 1, 2]) {
      const refused = await write(method, `handling=strict, max-affected=${most}`, fee);
      assert.equal(refused.status, 400, `${method} ${most}: ${refused.text}`);
      assert.match(refused.json.detail, /max-affected/);
      assert.deepEqual(await fees(), [1, 1, 1], 'something was changed all the same');
    }
  }
  const changed = await write('PATCH', 'handling=strict, max-affected=3', 2);
  assert.deepEqual([changed.status, changed.headers.get('preference-applied')], [204, 'handling=strict, max-affected=3'], changed.text);
  assert.deepEqual(await fees(), [2, 2, 2]);
  assert.equal((await write('PATCH', 'max-affected=1', 3)).status, 204, 'lenient handling passes it over');
  assert.equal((await write('DELETE', 'handling=strict, max-affected=3')).status, 204);
  assert.deepEqual(await fees(), ['gone', 'gone', 'gone']);
});

test('head_has_what_get_has_but_the_body', async () => {
  for (const path of ['/.well-known/chairside', '/health', '/ready', '/rest/v1/appointment?select=id&limit=3', '/rest/v1/appointment?nope=eq.1', '/nowhere']) {
    const options = { role: 'admin', headers: { prefer: 'count=exact' } };
    const [get, head] = [await send('GET', path, options), await send('HEAD', path, options)];
    assert.deepEqual([head.status, head.text], [get.status, ''], path);
    for (const name of ['content-type', 'content-range', 'cache-control', 'preference-applied']) assert.equal(head.headers.get(name), get.headers.get(name), `${path} ${name}`);
  }
});
