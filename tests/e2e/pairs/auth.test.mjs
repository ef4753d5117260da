// supabase-js signs up, in and out through the Worker, and its session is good for the data of each role: with the
// anon key, with a publishable one, and where tokens are signed with a key of the project's JWKS (ES256).

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startWorker, workerVars } from '../../../scripts/stack/worker.mjs';
import { supabase } from '../lib/clients.mjs';
import { Database } from '../lib/database.mjs';
import { control, env, id, PASSWORD, send } from '../lib/stack.mjs';

const PEOPLE = {
  patient: { email: 'patient1@clinic.test', id: id('a0001'), users: 1 },
  dentist: { email: 'dentist1@clinic.test', id: id('d1') },
  receptionist: { email: 'reception1@clinic.test', id: id('c1') },
  admin: { email: 'admin@clinic.test', id: id('f1') },
};

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
after(async () => {
  await database.restore();
  await database.close();
});

async function signedIn(email, options) {
  const client = supabase(options);
  const { data, error } = await client.auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal(error, null, error?.message);
  return { client, session: data.session };
}

async function signedUp(options) {
  const client = supabase(options);
  const email = `pairs-${randomUUID()}@clinic.test`;
  const { data, error } = await client.auth.signUp({ email, password: PASSWORD });
  assert.equal(error, null, error?.message);
  return { client, email, user: data.user, session: data.session };
}

/** A patient reads the own row and nobody else's; everybody else reads all. */
async function readsAs(client, role) {
  const person = PEOPLE[role];
  const { data, error, count } = await client.from('user').select('id', { count: 'exact' });
  assert.equal(error, null, error?.message);
  assert.ok(data.some((row) => row.id === person.id));
  if (person.users) assert.equal(count, person.users);
  else assert.ok(count > 40);
}

describe('an account', () => {
  test('is made by signUp, as a patient with a row of their own', async () => {
    const { client, email, user } = await signedUp();
    const { data, error } = await client.from('user').select('id,role_id,email').single();
    assert.equal(error, null, error?.message);
    assert.deepEqual(data, { id: user.id, role_id: 1, email });
  });

  test('is told by getUser', async () => {
    const { client, email, user } = await signedUp();
    const { data, error } = await client.auth.getUser();
    assert.equal(error, null);
    assert.equal(data.user.id, user.id);
    assert.equal(data.user.email, email);
  });

  test('is changed by updateUser', async () => {
    const { client, email } = await signedUp();
    const { data, error } = await client.auth.updateUser({ password: 'another-secret', data: { theme: 'dark' } });
    assert.equal(error, null, error?.message);
    assert.equal(data.user.user_metadata.theme, 'dark');
    const again = await supabase().auth.signInWithPassword({ email, password: 'another-secret' });
    assert.equal(again.error, null);
  });

  test('keeps its session by refreshSession', async () => {
    const { client, session } = await signedUp();
    const { data, error } = await client.auth.refreshSession();
    assert.equal(error, null);
    assert.notEqual(data.session.refresh_token, session.refresh_token);
    const read = await client.from('user').select('id').single();
    assert.equal(read.data.id, session.user.id);
  });

  test('ends its session by signOut, and is anonymous again', async () => {
    const { client, session } = await signedUp();
    assert.equal((await client.auth.signOut()).error, null);
    const refreshed = await supabase().auth.refreshSession({ refresh_token: session.refresh_token });
    assert.equal(refreshed.error.status, 400);
    const { error, status } = await client.from('user').select('id');
    assert.deepEqual([status, error.code], [401, '42501']);
  });

  test('is refused for a wrong password as Auth itself refuses it', async () => {
    const attempt = { email: PEOPLE.dentist.email, password: 'wrong' };
    const ours = await supabase().auth.signInWithPassword(attempt);
    const theirs = await supabase({ url: env.SUPABASE_URL }).auth.signInWithPassword(attempt);
    const told = ({ error }) => [error.name, error.status, error.code, error.message];
    assert.deepEqual(told(ours), told(theirs));
    assert.equal(ours.error.code, 'invalid_credentials');
  });

  test('is refused for an address that is taken, and for a weak password', async () => {
    for (const attempt of [{ email: PEOPLE.dentist.email, password: PASSWORD }, { email: 'new@clinic.test', password: 'x' }]) {
      const ours = await supabase().auth.signUp(attempt);
      const theirs = await supabase({ url: env.SUPABASE_URL }).auth.signUp(attempt);
      assert.deepEqual([ours.error?.status, ours.error?.code], [theirs.error?.status, theirs.error?.code]);
      assert.notEqual(ours.error, null);
    }
  });

  test('is not administered through the Worker', async () => {
    const { data, error } = await supabase({ key: env.SERVICE_ROLE_KEY }).auth.admin.listUsers();
    assert.equal(data?.users?.length ?? 0, 0);
    assert.ok(error.status === 403 || error.status === 404, `${error.status}`);
  });
});

for (const [name, key] of [['the anon key', env.ANON_KEY], ['a publishable key', env.PUBLISHABLE_KEY]]) {
  describe(`with ${name}`, () => {
    test('nobody in particular reads what is public and nothing else', async () => {
      const client = supabase({ key });
      const services = await client.from('service').select('id', { count: 'exact' });
      assert.equal(services.count, 29);
      const people = await client.from('user').select('id');
      assert.deepEqual([people.status, people.error.code], [401, '42501']);
    });

    for (const role of Object.keys(PEOPLE)) {
      test(`a ${role}’s session reads as a ${role}`, async () => {
        const { client } = await signedIn(PEOPLE[role].email, { key });
        await readsAs(client, role);
      });
    }

    test('a patient books with the session', async () => {
      const { client } = await signedIn(PEOPLE.patient.email, { key });
      const from = new Date(Date.now() + 60 * 86_400_000).toISOString();
      const { data: [slot] } = await client.rpc('available_slots', { service_ids: [id('5001')], dentist_id: id('d1'), from });
      const row = { patient_id: id('a0001'), dentist_id: id('d1'), starts_at: slot.starts_at, ends_at: slot.ends_at };
      const { data, error } = await client.from('appointment').insert(row).select('status,created_by').single();
      assert.equal(error, null, error?.message);
      assert.deepEqual(data, { status: 'requested', created_by: id('a0001') });
      await database.restore();
    });
  });
}

test('a key that is none of the project’s is refused', async () => {
  for (const key of ['sb_publishable_unknown', env.SECRET_KEY, env.SERVICE_ROLE_KEY]) {
    const { status } = await send('GET', '/rest/v1/service?limit=1', { role: null, headers: { apikey: key, authorization: `Bearer ${key}` } });
    assert.ok(status === 401 || status === 403, `${status}`);
  }
});

describe('with keys of a JWKS (ES256)', () => {
  const keys = { anonKey: env.ANON_KEY, publishableKey: env.PUBLISHABLE_KEY, jwtSecret: env.JWT_SECRET };
  let worker;

  before(async () => {
    worker = await startWorker({ vars: { ...workerVars({ gatewayUrl: env.SUPABASE_URL, keys, alg: 'ES256' }), CLINIC_ID: 'pairs', RATE_LIMITS: 'anon=100000/60 user=100000/60 auth=100000/60' } });
    await control('POST', '/jwt-alg', { alg: 'ES256' });
  });
  after(async () => {
    await control('POST', '/jwt-alg', { alg: 'HS256' });
    await worker?.stop();
  });

  const algorithm = (session) => JSON.parse(Buffer.from(session.access_token.split('.')[0], 'base64url')).alg;

  for (const role of Object.keys(PEOPLE)) {
    test(`a ${role}’s session reads as a ${role}`, async () => {
      const { client, session } = await signedIn(PEOPLE[role].email, { url: worker.url, key: env.PUBLISHABLE_KEY });
      assert.equal(algorithm(session), 'ES256');
      const { data, error } = await client.auth.getClaims();
      assert.equal(error, null, error?.message);
      assert.equal(data.claims.sub, PEOPLE[role].id);
      await readsAs(client, role);
    });
  }

  test('a Worker that knows no JWKS refuses such a session', async () => {
    const { session } = await signedIn(PEOPLE.dentist.email, { url: worker.url });
    const { error, status } = await supabase({ token: session.access_token }).from('service').select('id');
    assert.equal(status, 401);
    assert.match(error.code, /^token-/);
  });
});
