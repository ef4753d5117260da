// An upstream that is away, slow or out of its mind, played by the gateway: what the client is told, and that the next
// request is served.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { control, during, send } from '../lib/stack.mjs';
import { start } from './worker.mjs';

const READ = '/rest/v1/appointment?select=id&limit=1';
const SECRET = 'Hildegard-internal-cause';
const PATIENCE_MS = 500;

let db;
let hasty;
before(async () => {
  db = await Database.open();
  await db.keep();
  hasty = await start({ UPSTREAM_TIMEOUT_MS: String(PATIENCE_MS) });
});
after(async () => {
  await hasty?.stop();
  await db.restore();
  await db.close();
});

// As admin: what anybody may read, the edge may have kept.
const ADMIN = { role: 'admin' };
const REQUESTS = [
  ['GET', READ, ADMIN],
  ['GET', '/rest/v1/service?id=eq.00000000-0000-4000-8000-000000005001', { role: 'admin', headers: { accept: 'application/vnd.pgrst.object+json' } }],
  ['PATCH', '/rest/v1/service?id=eq.00000000-0000-4000-8000-00000000dead', { role: 'admin', body: { fee: 1 } }],
  ['DELETE', '/rest/v1/service?id=eq.00000000-0000-4000-8000-00000000dead', { role: 'admin', headers: { prefer: 'return=representation' } }],
  ['POST', '/rest/v1/rpc/cancel_appointment', { role: 'admin', body: { appointment_id: null } }],
];

const pg = (code, message = SECRET) => ({ code, message, details: SECRET, hint: null });
const reply = (status, body, headers = {}) => ({ mode: 'reply', status, body, headers });
const html = { 'content-type': 'text/html' };

// [what, how the gateway behaves, status, code, whether to come back]
const FAULTS = [
  ['nobody listens', { mode: 'down' }, 503, 'unavailable', true],
  ['the connection is closed', { mode: 'down', path: '/rest/v1' }, 503, 'unavailable', true],
  ['a page with 200', { mode: 'garbage', kind: 'html' }, 502, 'bad-upstream'],
  ['a page with 502', { mode: 'garbage', kind: 'html-502' }, 502, 'bad-upstream'],
  ['a page with 503', reply(503, SECRET, html), 503, 'unavailable', true],
  ['an error cut off', reply(500, `{"message":"${SECRET}`), 502, 'bad-upstream'],
  ['an error of 100 KB', reply(400, pg('22P02', SECRET.repeat(5000))), 502, 'bad-upstream'],
  ['an error that is a list', reply(400, '[1]'), 502, 'bad-upstream'],
  ['nothing with 200', reply(200, '', { 'content-type': '' }), 502, 'bad-upstream'],
  ['plain text with 200', reply(200, SECRET, { 'content-type': 'text/plain' }), 502, 'bad-upstream'],
  ['a redirect', reply(302, '', { location: `http://${SECRET}.test/` }), 502, 'bad-upstream'],
  ['a redirect that keeps the method', reply(308, '', { location: `http://${SECRET}.test/` }), 502, 'bad-upstream'],
  ['not modified', reply(304, ''), 502, 'bad-upstream'],
  ['too many connections', reply(503, pg('53300')), 503, '53300', true],
  ['shutting down', reply(503, pg('57P01')), 503, '57P01', true],
  ['a connection lost', reply(503, pg('08006')), 503, '08006', true],
  ['a statement cancelled', reply(500, pg('57014')), 503, '57014', true],
  ['no connection', reply(503, pg('PGRST000')), 503, 'PGRST000', true],
  ['no schema yet', reply(503, pg('PGRST002')), 503, 'PGRST002', true],
  ['no connection of the pool', reply(504, pg('PGRST003')), 503, 'PGRST003', true],
  ['PostgREST misconfigured', reply(500, pg('PGRST300')), 502, 'bad-upstream'],
  ['an internal error', reply(500, pg('XX000')), 502, 'bad-upstream'],
  ['an exception without a code', reply(400, pg('P0001')), 502, 'bad-upstream'],
  ['a code nobody knows', reply(400, pg('99999')), 502, 'bad-upstream'],
  ['a deadlock, again and again', reply(500, pg('40P01')), 409, '40P01'],
];

for (const [what, mode, status, code, returns = false] of FAULTS) {
  test(what, async () => {
    for (const [method, path, options] of REQUESTS) {
      const found = await during(mode, () => send(method, path, options));
      assert.deepEqual([found.status, found.json?.code], [status, code], `${method} ${path}: ${found.text}`);
      assert.equal(found.headers.get('content-type'), 'application/problem+json');
      assert.equal(found.headers.has('retry-after'), returns);
      assert.ok(!found.text.includes(SECRET), 'the cause came out');
    }
    const head = await during(mode, () => send('HEAD', READ, ADMIN));
    assert.equal(head.text, '');
    assert.equal(head.status < 400, mode.status === 200 && !mode.headers['content-type'], `HEAD: ${head.status}`);
    assert.equal((await send('GET', READ, ADMIN)).status, 200, 'not served again');
  });
}

test('an_upstream_that_is_too_slow_is_504_in_time', async () => {
  for (const [method, path, options] of REQUESTS) {
    const began = performance.now();
    const found = await during({ mode: 'slow', ms: 4000 }, () => send(method, path, { ...options, url: hasty.url }));
    assert.deepEqual([found.status, found.json?.code], [504, 'upstream-timeout'], found.text);
    assert.ok(performance.now() - began < PATIENCE_MS + 1500, 'not in time');
    assert.equal((await send('GET', READ, { ...ADMIN, url: hasty.url })).status, 200);
  }
});

test('an_error_whose_body_never_ends_is_504_in_time', async () => {
  const began = performance.now();
  const found = await during({ mode: 'garbage', kind: 'stalled' }, () => send('GET', READ, { ...ADMIN, url: hasty.url }));
  assert.deepEqual([found.status, found.json?.code], [504, 'upstream-timeout'], found.text);
  assert.ok(performance.now() - began < PATIENCE_MS + 1500, 'not in time');
  assert.equal((await send('GET', READ, ADMIN)).status, 200);
});

test('a_good_reply_that_breaks_off_breaks_off_for_the_client', async () => {
  // Uncompressed: wrangler dev ends a compressed answer well, whatever became of it.
  const plain = { ...ADMIN, headers: { 'accept-encoding': 'identity' } };
  await during({ mode: 'garbage', kind: 'truncated' }, () => assert.rejects(send('GET', READ, plain)));
  const single = await during({ mode: 'garbage', kind: 'truncated' }, () => send(...REQUESTS[1]));
  assert.deepEqual([single.status, single.json?.code], [503, 'unavailable'], single.text);
  assert.equal((await send('GET', READ, ADMIN)).status, 200);
});

for (const [what, code] of [['a_deadlock', '40P01'], ['a_serialization_failure', '40001']]) {
  test(`${what}_is_tried_once_more`, async () => {
    await control('DELETE', '/requests');
    const failure = { ...reply(500, pg(code)), path: '/rest/v1/service', method: 'PATCH', count: 1 };
    const won = await during(failure, () => send(...REQUESTS[2]));
    assert.equal(won.status, 204, won.text);
    const { paths } = await control('GET', '/requests');
    assert.equal(paths['PATCH /rest/v1/service'], 2);
  });

  test(`${what}_of_a_function_is_tried_once_more`, async () => {
    await control('DELETE', '/requests');
    const failure = { ...reply(500, pg(code)), path: '/rest/v1/rpc/cancel_appointment', count: 1 };
    const found = await during(failure, () => send('POST', '/rest/v1/rpc/cancel_appointment', { role: 'admin', body: { appointment_id: '00000000-0000-4000-8000-00000000dead' } }));
    assert.equal(found.status, 404, found.text);
    const { paths } = await control('GET', '/requests');
    assert.equal(paths['POST /rest/v1/rpc/cancel_appointment'], 2);
    await during({ ...failure, count: 2 }, async () => {
      const lost = await send('POST', '/rest/v1/rpc/cancel_appointment', { role: 'admin', body: { appointment_id: '00000000-0000-4000-8000-00000000dead' } });
      assert.deepEqual([lost.status, lost.json.code], [409, code]);
    });
  });
}

test('sign_in_says_that_it_is_away', async () => {
  const signIn = () => send('POST', '/auth/v1/token?grant_type=password', { body: { email: 'patient1@clinic.test', password: 'chairside-demo' } });
  const away = await during({ mode: 'down' }, signIn);
  assert.deepEqual([away.status, away.json.code, away.headers.get('retry-after')], [503, 'unavailable', '5']);
  assert.equal((await signIn()).status, 200);
});

test('ready_tells_and_health_does_not_care', async () => {
  const ask = () => Promise.all([send('GET', '/ready'), send('GET', '/health')]);
  const [ready, health] = await during({ mode: 'down' }, ask);
  const { rest, auth } = ready.json.upstreams;
  assert.deepEqual([ready.status, ready.json.status, rest, auth], [503, 'not-ready', 'down', 'down']);
  assert.equal(health.status, 200);
  const [again] = await ask();
  assert.deepEqual([again.status, again.json.status], [200, 'ready']);
});
