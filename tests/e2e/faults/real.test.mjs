// PostgREST and PostgreSQL stopped for real, and started again: 503 meanwhile, service by itself afterwards.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../lib/stack.mjs';
import { Backend } from './backend.mjs';

const READ = '/rest/v1/appointment?select=id&limit=1';
const SOON_MS = 40_000;

let backend;
before(async () => {
  backend = await Backend.start();
});
after(() => backend?.end());

const ask = (method, path, { body, token = backend.tokens.TOKEN_ADMIN } = {}) =>
  send(method, path, { url: backend.worker.url, body, headers: { apikey: backend.keys.anonKey, authorization: `Bearer ${token}` } });

async function eventually(path, status) {
  const deadline = Date.now() + SOON_MS;
  for (;;) {
    const reply = await ask('GET', path);
    if (reply.status === status) return reply;
    assert.ok(Date.now() < deadline, `${path} is still ${reply.status}: ${reply.text}`);
    await sleep(250);
  }
}

/** Everything that touches the database is a 503 that says when to come back; what does not, is served. */
async function isAway() {
  const service = { code: 'D9999', name: 'Away', category: 'diagnostic', fee: 1 };
  const replies = {
    read: await ask('GET', READ),
    write: await ask('POST', '/rest/v1/service', { body: service }),
    change: await ask('PATCH', '/rest/v1/service?code=eq.D9999', { body: { fee: 2 } }),
    call: await ask('POST', '/rest/v1/rpc/cancel_appointment', { body: { appointment_id: '00000000-0000-4000-8000-000000000001' } }),
  };
  for (const [name, { status, headers, json, text }] of Object.entries(replies)) {
    assert.equal(status, 503, `${name}: ${text}`);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.ok(Number(headers.get('retry-after')) > 0, name);
    assert.ok(!/resolution|connect|refused|127\.0\.0\.1|postgres|server closed/i.test(json.detail + (json.details ?? '') + (json.hint ?? '')), json.detail);
  }
  assert.equal((await ask('GET', '/health')).status, 200);
  const ready = await ask('GET', '/ready');
  assert.deepEqual([ready.status, ready.json.upstreams.rest], [503, 'down']);
  assert.equal((await ask('GET', '/rest/v1/service?fee=eq.x')).status, 400);
}

test('postgrest_stopped_and_started_again', async () => {
  await eventually(READ, 200);
  await backend.stop('postgrest');
  await isAway();
  await backend.restart('postgrest');
  await eventually(READ, 200);
  await eventually('/ready', 200);
});

for (const [how, signal] of [['stopped', 'SIGINT'], ['killed', 'SIGKILL']]) {
  test(`postgres_${how}_and_started_again`, async () => {
    await eventually(READ, 200);
    await backend.stop('postgres', signal);
    await isAway();
    await backend.restart('postgres');
    await eventually(READ, 200);
    await eventually('/ready', 200);
  });
}
