// Keys of a JWKS in the runtime's own WebCrypto: each kind that may be in one verifies its own tokens and no others.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { start } from '../faults/worker.mjs';
import { env, id, send } from '../lib/stack.mjs';

// What each key is, by its id; `twisted` is the public key with its coordinates exchanged, which is no point of the curve.
const KINDS = { ec: ['ES256'], twisted: ['ES256'], rsa: ['RS256', { modulusLength: 2048 }], 'rsa-large': ['RS256', { modulusLength: 4096 }] };
const pairs = {};
let server;
let worker;

before(async () => {
  const keys = [];
  for (const [kid, [alg, options]] of Object.entries(KINDS)) {
    pairs[kid] = await generateKeyPair(alg, options);
    const jwk = await exportJWK(pairs[kid].publicKey);
    keys.push({ ...jwk, ...(kid === 'twisted' ? { x: jwk.y, y: jwk.x } : {}), kid, alg, use: 'sig' });
  }
  server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  worker = await start({ SUPABASE_JWKS_URL: `http://127.0.0.1:${server.address().port}/jwks.json` });
});
after(async () => {
  await worker?.stop();
  server?.close();
});

function sign(kid, { by = kid, header = {}, ...changes } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: `${env.SUPABASE_URL}/auth/v1`, aud: 'authenticated', sub: id('f1'), role: 'authenticated', iat: now, exp: now + 600,
    app_metadata: { clinic_role: 'admin' }, ...changes,
  };
  return new SignJWT(claims).setProtectedHeader({ alg: KINDS[by][0], kid, typ: 'JWT', ...header }).sign(pairs[by].privateKey);
}

// PostgREST knows none of these keys: what is asked for is refused by the Worker itself once it knows who asks.
async function outcome(bearer) {
  const { status, json } = await send('GET', '/rest/v1/role?nothing=eq.1', { url: worker.url, headers: { authorization: `Bearer ${bearer}` } });
  return [status, json.code];
}

const SIGNED = [400, 'invalid-query'];
const FORGED = [401, 'token-signature'];

/** The same token with another byte at `at` of its signature, counted from the end where it is negative. */
function changed(token, at) {
  const [head, payload, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return `${head}.${payload}.${bytes.toString('base64url')}`;
}

for (const kid of ['ec', 'rsa', 'rsa-large']) {
  test(`${kid}: its own tokens are verified, and none that was changed`, async () => {
    const token = await sign(kid);
    assert.deepEqual(await outcome(token), SIGNED);
    for (const at of [0, 1, 40, -1]) assert.deepEqual(await outcome(changed(token, at)), FORGED, `${at}`);
    const [head, , signature] = token.split('.');
    const [, others] = (await sign(kid, { sub: id('d1') })).split('.');
    assert.deepEqual(await outcome(`${head}.${others}.${signature}`), FORGED);
    assert.deepEqual(await outcome(token), SIGNED, 'and afterwards they still are');
  });

  test(`${kid}: signatures of other lengths are wrong`, async () => {
    const [head, payload, signature] = (await sign(kid)).split('.');
    const bytes = Buffer.from(signature, 'base64url');
    for (const other of [Buffer.alloc(0), bytes.subarray(1), Buffer.concat([Buffer.from([0]), bytes]), Buffer.alloc(bytes.length), Buffer.alloc(bytes.length, 255)]) {
      assert.deepEqual(await outcome(`${head}.${payload}.${other.toString('base64url')}`), FORGED, `${other.length} bytes`);
    }
  });

  test(`${kid}: claims count, once the signature is right`, async () => {
    const expired = await sign(kid, { exp: 1 });
    assert.deepEqual(await outcome(expired), [401, 'token-expired']);
    assert.deepEqual(await outcome(changed(expired, 0)), FORGED);
  });
}

test('one key does not answer for another', async () => {
  assert.deepEqual(await outcome(await sign('rsa', { by: 'rsa-large' })), FORGED);
  assert.deepEqual(await outcome(await sign('ec', { by: 'twisted' })), FORGED);
  assert.deepEqual(await outcome(await sign('rsa', { by: 'ec' })), [401, 'token-algorithm']);
  assert.deepEqual(await outcome(await sign('ec', { by: 'rsa' })), [401, 'token-algorithm']);
});

test('a point off the curve verifies nothing, however often it is tried', async () => {
  for (let times = 0; times < 3; times++) assert.deepEqual(await outcome(await sign('twisted')), FORGED);
});
