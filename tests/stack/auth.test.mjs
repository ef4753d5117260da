// The Auth stand-in, judged by the official client.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseUrl, query } from '../../scripts/stack/postgres.mjs';
import { client, decode, env, newEmail, PASSWORD } from './support.mjs';

async function signUp(options) {
  const supabase = client();
  const email = newEmail();
  const { data, error } = await supabase.auth.signUp({ email, password: PASSWORD, options });
  assert.equal(error, null);
  return { supabase, email, data };
}

function refused(error, status, code) {
  assert.equal(error?.status, status, error?.message);
  assert.equal(error.code, code);
}

test('sign_up_gives_a_session_and_a_user_of_supabases_shape', async () => {
  const { email, data } = await signUp({ data: { first_name: 'Ada', clinic_role: 'admin' } });
  assert.equal(data.session.token_type, 'bearer');
  assert.equal(data.session.expires_in, 3600);
  assert.ok(Math.abs(data.session.expires_at - Date.now() / 1000 - 3600) < 10);
  const { user } = data;
  assert.equal(user.email, email);
  assert.equal(user.aud, 'authenticated');
  assert.equal(user.role, 'authenticated');
  assert.deepEqual(user.app_metadata, { provider: 'email', providers: ['email'] });
  assert.equal(user.user_metadata.first_name, 'Ada');
  assert.equal(user.user_metadata.email_verified, true);
  assert.equal(user.identities[0].provider, 'email');
  assert.equal(user.identities[0].identity_data.sub, user.id);
  assert.equal(user.is_anonymous, false);
});

test('access_token_has_supabases_claims_and_the_hooks_role', async () => {
  const { email, data } = await signUp({ data: { clinic_role: 'admin' } });
  const claims = decode(data.session.access_token);
  assert.equal(claims.iss, `${env.SUPABASE_URL}/auth/v1`);
  assert.equal(claims.sub, data.user.id);
  assert.equal(claims.aud, 'authenticated');
  assert.equal(claims.exp - claims.iat, 3600);
  assert.equal(claims.email, email);
  assert.equal(claims.phone, '');
  assert.equal(claims.role, 'authenticated');
  assert.equal(claims.aal, 'aal1');
  assert.equal(claims.amr[0].method, 'password');
  assert.match(claims.session_id, /^[0-9a-f-]{36}$/);
  assert.equal(claims.is_anonymous, false);
  // Whoever signs up is a patient, whatever they say of themselves.
  assert.equal(claims.app_metadata.clinic_role, 'patient');
});

test('password_sign_in_works_and_email_is_case_insensitive', async () => {
  const { email, data } = await signUp();
  const { data: again, error } = await client().auth.signInWithPassword({ email: email.toUpperCase(), password: PASSWORD });
  assert.equal(error, null);
  assert.equal(again.user.id, data.user.id);
  assert.notEqual(decode(again.session.access_token).session_id, decode(data.session.access_token).session_id);
});

test('wrong_password_and_unknown_address_are_refused_alike', async () => {
  const { email } = await signUp();
  for (const credentials of [{ email, password: 'not the one' }, { email: newEmail(), password: PASSWORD }]) {
    const { data, error } = await client().auth.signInWithPassword(credentials);
    refused(error, 400, 'invalid_credentials');
    assert.equal(error.message, 'Invalid login credentials');
    assert.equal(data.session, null);
  }
});

test('sign_up_refuses_a_taken_address_a_weak_password_and_a_malformed_address', async () => {
  const { email } = await signUp();
  refused((await client().auth.signUp({ email, password: PASSWORD })).error, 422, 'user_already_exists');
  const weak = (await client().auth.signUp({ email: newEmail(), password: 'abc' })).error;
  refused(weak, 422, 'weak_password');
  assert.deepEqual(weak.reasons, ['length']);
  refused((await client().auth.signUp({ email: 'nobody', password: PASSWORD })).error, 400, 'validation_failed');
  refused((await client().auth.signInAnonymously()).error, 422, 'anonymous_provider_disabled');
});

test('refresh_rotates_the_refresh_token_within_one_session', async () => {
  const { supabase, data } = await signUp();
  const { data: next, error } = await supabase.auth.refreshSession();
  assert.equal(error, null);
  assert.notEqual(next.session.refresh_token, data.session.refresh_token);
  assert.equal(decode(next.session.access_token).session_id, decode(data.session.access_token).session_id);
});

test('the_parent_of_the_active_token_gets_the_active_one_again', async () => {
  const { data } = await signUp();
  const refresh_token = data.session.refresh_token;
  const first = await client().auth.refreshSession({ refresh_token });
  const lostAnswer = await client().auth.refreshSession({ refresh_token });
  assert.equal(lostAnswer.error, null);
  assert.equal(lostAnswer.data.session.refresh_token, first.data.session.refresh_token);
});

test('reuse_of_an_old_refresh_token_ends_the_session', async () => {
  const { data } = await signUp();
  const stolen = data.session.refresh_token;
  const second = await client().auth.refreshSession({ refresh_token: stolen });
  const third = await client().auth.refreshSession({ refresh_token: second.data.session.refresh_token });
  await age(decode(data.session.access_token).session_id);
  refused((await client().auth.refreshSession({ refresh_token: stolen })).error, 400, 'refresh_token_already_used');
  const { error } = await client().auth.refreshSession({ refresh_token: third.data.session.refresh_token });
  refused(error, 400, 'refresh_token_already_used');
});

// Lets the ten seconds pass in which a revoked token may still be used.
async function age(sessionId) {
  const url = databaseUrl(new URL(env.DATABASE_URL).port, 'supabase_auth_admin');
  await query(url, "update auth.refresh_tokens set updated_at = now() - interval '1 minute' where session_id = $1", [sessionId]);
}

test('an_unknown_refresh_token_is_not_found', async () => {
  const { error } = await client().auth.refreshSession({ refresh_token: 'nothing-like-it' });
  refused(error, 400, 'refresh_token_not_found');
});

test('two_refreshes_at_once_leave_one_active_token', async () => {
  const { data } = await signUp();
  const refresh_token = data.session.refresh_token;
  const both = await Promise.all([1, 2].map(() => client().auth.refreshSession({ refresh_token })));
  const [one, two] = both.map(({ data: { session }, error }) => {
    assert.equal(error, null);
    return session.refresh_token;
  });
  assert.equal(one, two);
});

test('get_user_knows_the_caller_and_refuses_others', async () => {
  const { supabase, data } = await signUp();
  const { data: mine, error } = await supabase.auth.getUser();
  assert.equal(error, null);
  assert.equal(mine.user.id, data.user.id);
  const [head, body] = data.session.access_token.split('.');
  refused((await client().auth.getUser(`${head}.${body}.AAAA`)).error, 403, 'bad_jwt');
  refused((await client().auth.getUser(env.ANON_KEY)).error, 403, 'bad_jwt');
});

test('sign_out_ends_the_session_and_its_refresh_token', async () => {
  const { supabase, data } = await signUp();
  const { access_token, refresh_token } = data.session;
  assert.equal((await supabase.auth.signOut()).error, null);
  const reply = await fetch(`${env.SUPABASE_URL}/auth/v1/user`, {
    headers: { apikey: env.ANON_KEY, authorization: `Bearer ${access_token}` },
  });
  assert.equal(reply.status, 403);
  assert.equal((await reply.json()).error_code, 'session_not_found');
  refused((await client().auth.refreshSession({ refresh_token })).error, 400, 'refresh_token_not_found');
});

test('sign_out_of_others_keeps_this_session', async () => {
  const { supabase, email } = await signUp();
  const other = client();
  await other.auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal((await supabase.auth.signOut({ scope: 'others' })).error, null);
  assert.equal((await supabase.auth.getUser()).error, null);
  assert.notEqual((await other.auth.refreshSession()).error, null);
});

test('update_user_changes_metadata_email_and_password', async () => {
  const { supabase, data } = await signUp({ data: { first_name: 'Ada', nickname: 'A' } });
  const email = newEmail();
  const changed = await supabase.auth.updateUser({ email, data: { nickname: null, last_name: 'Byron' } });
  assert.equal(changed.error, null);
  assert.equal(changed.data.user.email, email);
  assert.equal(changed.data.user.user_metadata.first_name, 'Ada');
  assert.equal(changed.data.user.user_metadata.last_name, 'Byron');
  assert.ok(!('nickname' in changed.data.user.user_metadata));
  refused((await supabase.auth.updateUser({ password: PASSWORD })).error, 422, 'same_password');
  assert.equal((await supabase.auth.updateUser({ password: 'another-one' })).error, null);
  refused((await client().auth.signInWithPassword({ email, password: PASSWORD })).error, 400, 'invalid_credentials');
  const again = await client().auth.signInWithPassword({ email, password: 'another-one' });
  assert.equal(again.data.user.id, data.user.id);
});

test('what_the_stand_in_lacks_says_so_and_malformed_bodies_are_refused', async () => {
  const { error } = await client().auth.resetPasswordForEmail(newEmail());
  refused(error, 404, 'not_implemented');
  for (const body of ['{', '[]', 'null']) {
    const reply = await fetch(`${env.SUPABASE_URL}/auth/v1/signup`, { method: 'POST', body, headers: { apikey: env.ANON_KEY } });
    assert.equal(reply.status, 400);
    assert.equal((await reply.json()).error_code, 'bad_json');
  }
});

test('errors_come_in_the_form_the_client_asked_for', async () => {
  const send = (headers) =>
    fetch(`${env.SUPABASE_URL}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers: { apikey: env.ANON_KEY, ...headers },
      body: JSON.stringify({ email: newEmail(), password: 'wrong' }),
    });
  const old = await (await send({})).json();
  assert.deepEqual(old, { code: 400, error_code: 'invalid_credentials', msg: 'Invalid login credentials' });
  const reply = await send({ 'x-supabase-api-version': '2024-01-01' });
  assert.equal(reply.headers.get('x-supabase-api-version'), '2024-01-01');
  assert.deepEqual(await reply.json(), { code: 'invalid_credentials', message: 'Invalid login credentials' });
});
