// The keys have the shapes of a real project's, and the gateway treats them as Supabase does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { client, control, decode, env, newEmail, PASSWORD } from './support.mjs';

const rest = (headers, query = 'select=id&limit=1') => fetch(`${env.SUPABASE_URL}/rest/v1/service?${query}`, { headers });

test('legacy_keys_are_jwts_of_iss_supabase_without_aud_and_sub', () => {
  for (const [key, role] of [[env.ANON_KEY, 'anon'], [env.SERVICE_ROLE_KEY, 'service_role']]) {
    assert.deepEqual(decode(key, true), { alg: 'HS256', typ: 'JWT' });
    const claims = decode(key);
    assert.deepEqual(Object.keys(claims).sort(), ['exp', 'iat', 'iss', 'ref', 'role']);
    assert.equal(claims.iss, 'supabase');
    assert.equal(claims.role, role);
  }
});

test('new_keys_are_no_jwts', () => {
  assert.match(env.PUBLISHABLE_KEY, /^sb_publishable_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}$/);
  assert.match(env.SECRET_KEY, /^sb_secret_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}$/);
});

test('the_anon_key_and_the_publishable_key_read_the_catalogue', async () => {
  for (const key of [env.ANON_KEY, env.PUBLISHABLE_KEY]) {
    const { data, error } = await client({ key }).from('service').select('id').limit(3);
    assert.equal(error, null);
    assert.equal(data.length, 3);
  }
});

test('a_key_alone_is_enough_in_header_or_query', async () => {
  assert.equal((await rest({ apikey: env.PUBLISHABLE_KEY })).status, 200);
  assert.equal((await rest({}, `select=id&apikey=${env.ANON_KEY}&limit=1`)).status, 200);
});

test('the_service_and_secret_keys_pass_row_level_security', async () => {
  for (const key of [env.SERVICE_ROLE_KEY, env.SECRET_KEY]) {
    const { count, error } = await client({ key }).from('user').select('*', { count: 'exact', head: true });
    assert.equal(error, null);
    assert.ok(count > 40);
  }
});

test('a_missing_or_wrong_key_is_refused_as_supabase_words_it', async () => {
  const missing = await rest({ authorization: `Bearer ${env.TOKEN_ADMIN}` });
  assert.equal(missing.status, 401);
  assert.deepEqual(await missing.json(), {
    message: 'No API key found in request',
    hint: 'No `apikey` request header or url param was found.',
  });
  const wrong = await rest({ apikey: 'sb_publishable_nothing' });
  assert.equal(wrong.status, 401);
  assert.equal((await wrong.json()).message, 'Invalid API key');
});

test('ready_made_tokens_are_of_their_roles_and_last_a_day', async () => {
  const roles = { PATIENT: 'patient', PATIENT_2: 'patient', DENTIST: 'dentist', RECEPTIONIST: 'receptionist', ADMIN: 'admin' };
  for (const [name, role] of Object.entries(roles)) {
    const token = env[`TOKEN_${name}`];
    const claims = decode(token);
    assert.equal(claims.app_metadata.clinic_role, role);
    assert.equal(claims.exp - claims.iat, 24 * 3600);
    const { data, error } = await client().auth.getUser(token);
    assert.equal(error, null);
    assert.equal(data.user.id, claims.sub);
    assert.equal((await rest({ apikey: env.ANON_KEY, authorization: `Bearer ${token}` })).status, 200);
  }
});

test('hs256_has_no_public_key_and_es256_lists_its_own', async () => {
  const jwksUrl = new URL(`${env.SUPABASE_URL}/auth/v1/.well-known/jwks.json`);
  assert.deepEqual(await (await fetch(jwksUrl)).json(), { keys: [] });
  await control('POST', '/jwt-alg', { alg: 'ES256' });
  try {
    const { data } = await client().auth.signUp({ email: newEmail(), password: PASSWORD });
    const token = data.session.access_token;
    assert.equal(decode(token, true).alg, 'ES256');
    const { payload } = await jwtVerify(token, createRemoteJWKSet(jwksUrl), { audience: 'authenticated' });
    assert.equal(payload.sub, data.user.id);
    const [jwk] = (await (await fetch(jwksUrl)).json()).keys;
    assert.equal(jwk.kid, decode(token, true).kid);
    assert.ok(!('d' in jwk), 'the private part must not be shown');
    // PostgREST takes it, and Auth itself, beside the tokens of the shared secret.
    assert.equal((await rest({ apikey: env.ANON_KEY, authorization: `Bearer ${token}` })).status, 200);
    assert.equal((await client().auth.getUser(token)).error, null);
    assert.equal((await client().auth.getUser(env.TOKEN_ADMIN)).error, null);
  } finally {
    await control('POST', '/jwt-alg', { alg: 'HS256' });
  }
});
