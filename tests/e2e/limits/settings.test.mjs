// Settings that are missing or malformed: 503 on every route, all of them named at once; and keys from a JWKS.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings, start } from '../faults/worker.mjs';
import { token } from '../hostile/tokens.mjs';
import { env, send } from '../lib/stack.mjs';

const ROUTES = [
  ['GET', '/'], ['GET', '/health'], ['GET', '/ready'], ['GET', '/nowhere'], ['OPTIONS', '/rest/v1/service'], ['GET', '/rest/v1/service'],
  ['POST', '/rest/v1/service'], ['DELETE', '/rest/v1/service?id=eq.1'], ['POST', '/rest/v1/rpc/book_appointment'], ['POST', '/auth/v1/token?grant_type=password'],
];

// [what is wrong, changed settings, the names to be told]
const CASES = [
  // startWorker itself says RATE_LIMITS when nobody does.
  ['everything is missing', { ...Object.fromEntries(Object.keys(settings()).map((name) => [name, undefined])), RATE_LIMITS: ' ' }, ['SUPABASE_URL', 'SUPABASE_ANON_KEY', 'SUPABASE_JWT_SECRET', 'CLINIC_ID', 'RATE_LIMITS']],
  ['the secret is missing', { SUPABASE_JWT_SECRET: undefined }, ['SUPABASE_JWT_SECRET']],
  ['the secret is blank', { SUPABASE_JWT_SECRET: ' ' }, ['SUPABASE_JWT_SECRET']],
  [
    'several are malformed',
    { SUPABASE_URL: 'ftp://Hildegard', UPSTREAM_TIMEOUT_MS: 'soon', ALLOWED_ORIGINS: '*', RATE_LIMITS: 'many', SUPABASE_JWT_SECRET: 'short' },
    ['SUPABASE_URL', 'SUPABASE_JWT_SECRET', 'ALLOWED_ORIGINS', 'UPSTREAM_TIMEOUT_MS', 'RATE_LIMITS'],
  ],
];

for (const [what, changes, names] of CASES) {
  test(what, async () => {
    const worker = await start(changes);
    try {
      for (const [method, path] of ROUTES) {
        const reply = await send(method, path, { url: worker.url, role: 'admin', body: method === 'POST' ? {} : undefined });
        assert.deepEqual([reply.status, reply.json?.code], [503, 'misconfigured'], `${method} ${path}: ${reply.text}`);
        assert.ok(Number(reply.headers.get('retry-after')) > 0);
        assert.equal(reply.json.detail, `Missing or malformed settings: ${names.join(', ')}`);
      }
      // What the Worker says reaches the file after its answer.
      const log = await logWith(worker.logFile, names);
      for (const name of names) assert.ok(log.includes(name), `${name} is not in the log`);
      assert.ok(!log.includes('Hildegard') && !log.includes(env.JWT_SECRET), 'a value is in the log');
    } finally {
      await worker.stop();
    }
  });
}

async function logWith(file, names, patience = 5000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const log = readFileSync(file, 'utf8');
    if (names.every((name) => log.includes(name)) || Date.now() > deadline) return log;
    await sleep(20);
  }
}

test('a_key_set_tells_unknown_keys_from_unfit_ones', async () => {
  const worker = await start({ SUPABASE_JWT_SECRET: undefined, SUPABASE_JWKS_URL: `${env.SUPABASE_URL}/auth/v1/.well-known/jwks.json` });
  const ask = (bearer) => send('GET', '/rest/v1/role?select=id', { url: worker.url, headers: { authorization: `Bearer ${bearer}` } });
  try {
    for (const [bearer, code] of [
      [token({}, { alg: 'ES256', header: { kid: 'nobody-s' } }), 'token-unknown-key'],
      [token({}, { alg: 'RS256' }), 'token-unknown-key'],
      [token(), 'token-algorithm'],
    ]) {
      const reply = await ask(bearer);
      assert.deepEqual([reply.status, reply.json.code], [401, code]);
      assert.match(reply.headers.get('www-authenticate'), /^Bearer realm="chairside", error="invalid_token"/);
    }
  } finally {
    await worker.stop();
  }
});
