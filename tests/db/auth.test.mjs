// Supabase Auth's points of contact: the row that a sign-up makes, and the role in its tokens.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { id, people, rolledBack } from './support.mjs';

const account = id('ac01');
const signUp = async (db, { email = 'new@clinic.test', meta = {} } = {}) => {
  await db.rows(`insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data) values ($1, $2, $3, $3)`, [account, email, meta]);
  return db.one('select * from "user" where id = $1', [account]);
};

test('a sign-up is a patient, whatever its metadata claims', () => rolledBack(async (db) => {
  const made = await signUp(db, { meta: { role: 'admin', role_id: 4, clinic_role: 'admin', status: 'archived', guarantor_id: people.patient, first_name: ' Ada ', last_name: 'x'.repeat(300) } });
  assert.deepEqual([made.role_id, made.status, made.guarantor_id, made.email], [1, 'active', null, 'new@clinic.test']);
  assert.deepEqual([made.first_name, made.last_name.length], ['Ada', 100]);
}));

test('a sign-up without names, or with odd ones, still works', async () => {
  for (const meta of [{}, { first_name: '  ', last_name: null }, { first_name: { a: 1 } }]) {
    await rolledBack(async (db) => assert.equal((await signUp(db, { meta })).last_name, 'Patient'));
  }
});

test('a sign-up with somebody\'s address neither fails nor takes it', () => rolledBack(async (db) => {
  await db.rows('delete from auth.users where id = $1', [people.patient]);
  const made = await signUp(db, { email: 'Patient1@clinic.test' });
  assert.equal(made.email, null);
  assert.equal((await db.one('select email from "user" where id = $1', [people.patient])).email, 'patient1@clinic.test');
}));

test('a sign-up without a usable address works', async () => {
  for (const email of [null, 'not an address', `${'x'.repeat(250)}@y.zz`]) {
    await rolledBack(async (db) => assert.equal((await signUp(db, { email })).email, null));
  }
});

test('an account for a person the clinic knows leaves the row as it is', () => rolledBack(async (db) => {
  await db.rows(`insert into "user" (id, role_id, first_name, last_name) values ($1, 2, 'Known', 'Dentist')`, [account]);
  const kept = await signUp(db);
  assert.deepEqual([kept.role_id, kept.first_name], [2, 'Known']);
}));

test('sign-up and hook work as the role that Supabase Auth has, which sees no table of the clinic', async () => {
  const url = new URL(process.env.DATABASE_URL);
  url.username = 'supabase_auth_admin';
  const auth = new pg.Client({ connectionString: url.href });
  await auth.connect();
  try {
    await auth.query('begin');
    await auth.query(`insert into auth.users (id, email) values ($1, 'new@clinic.test')`, [account]);
    await auth.query('set constraints all immediate');
    const { rows } = await auth.query('select public.custom_access_token_hook($1) as event', [JSON.stringify({ user_id: account, claims: {} })]);
    assert.equal(rows[0].event.claims.app_metadata.clinic_role, 'patient');
    await assert.rejects(auth.query('select * from public."user"'), { code: '42501' });
  } finally {
    await auth.query('rollback');
    await auth.end();
  }
});

const hook = (db, user, claims = {}) => db.one('select custom_access_token_hook($1) as event', [JSON.stringify({ user_id: user, claims })]).then((r) => r.event);

test('the hook puts the role into app_metadata and keeps the other claims', () => rolledBack(async (db) => {
  for (const [who, role] of Object.entries({ patient: 'patient', dentist: 'dentist', receptionist: 'receptionist', admin: 'admin' })) {
    const event = await hook(db, people[who], { sub: people[who], aud: 'authenticated', app_metadata: { provider: 'email' } });
    assert.deepEqual(event, { user_id: people[who], claims: { sub: people[who], aud: 'authenticated', app_metadata: { provider: 'email', clinic_role: role } } });
  }
  assert.deepEqual((await hook(db, people.patient)).claims, { app_metadata: { clinic_role: 'patient' } });
}));

test('the hook takes away a role that was claimed, or that is no longer held', () => rolledBack(async (db) => {
  const claimed = { app_metadata: { clinic_role: 'admin' } };
  assert.deepEqual((await hook(db, people.patient, claimed)).claims.app_metadata, { clinic_role: 'patient' });
  await db.rows(`update "user" set status = 'inactive' where id = $1`, [people.admin]);
  for (const user of [people.admin, id('dead')]) assert.deepEqual((await hook(db, user, claimed)).claims.app_metadata, {});
}));

test('everybody of the seed has an account with the demo password', () => rolledBack(async (db) => {
  const got = await db.one(`select count(*)::int as people, count(a.id)::int as accounts, count(*) filter (where a.encrypted_password = extensions.crypt('chairside-demo', a.encrypted_password))::int as right
    from "user" u left join auth.users a on a.id = u.id and a.email = u.email where u.id::text like '00000000-0000-4000-8000-0000000%'`);
  assert.deepEqual(got, { people: 46, accounts: 46, right: 46 });
}));
