// The gateway's own ways: it passes on faithfully, counts, and misbehaves when told to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client, control, during, env, getServices } from './support.mjs';

test('replies_are_postgrests_own_with_their_headers', async () => {
  const query = 'service?select=id,code&order=code&limit=2';
  const headers = { authorization: `Bearer ${env.ANON_KEY}`, prefer: 'count=exact' };
  const direct = await fetch(`${env.POSTGREST_URL}/${query}`, { headers });
  const through = await fetch(`${env.SUPABASE_URL}/rest/v1/${query}`, { headers: { ...headers, apikey: env.ANON_KEY } });
  assert.equal(through.status, direct.status);
  assert.equal(through.headers.get('content-range'), direct.headers.get('content-range'));
  assert.equal(await through.text(), await direct.text());
});

test('a_large_body_goes_up_and_comes_down_in_full', async () => {
  const wrong = Array.from({ length: 500 }, (_, n) => ({ no_such_column: 'x'.repeat(1000), n }));
  const { error } = await client({ key: env.SERVICE_ROLE_KEY }).from('service').insert(wrong);
  assert.equal(error.code, 'PGRST204');
  const { data } = await client({ key: env.SERVICE_ROLE_KEY }).from('user').select('*');
  assert.ok(data.length > 40);
});

test('requests_are_counted_by_path', async () => {
  await control('DELETE', '/requests');
  await getServices();
  await getServices();
  await fetch(`${env.SUPABASE_URL}/auth/v1/health`, { headers: { apikey: env.ANON_KEY } });
  const counts = await control('GET', '/requests');
  assert.equal(counts.total, 3);
  assert.equal(counts.rest, 2);
  assert.equal(counts.auth, 1);
  assert.equal(counts.paths['GET /rest/v1/service'], 2);
});

test('unknown_paths_have_no_route', async () => {
  assert.equal((await fetch(`${env.SUPABASE_URL}/storage/v1/bucket`)).status, 404);
});

test('down_refuses_connections_until_it_is_ok_again', async () => {
  await during({ mode: 'down' }, () =>
    assert.rejects(getServices(), (error) => error.cause.code === 'ECONNREFUSED'),
  );
  assert.equal((await getServices()).status, 200);
});

test('a_limited_mode_is_for_so_many_matching_requests', async () => {
  await during({ mode: 'down', path: '/rest/v1/service', method: 'GET', count: 1 }, async () => {
    assert.equal((await fetch(`${env.SUPABASE_URL}/auth/v1/health`, { headers: { apikey: env.ANON_KEY } })).status, 200);
    await assert.rejects(getServices());
    assert.equal((await getServices()).status, 200);
  });
});

test('slow_answers_late', async () => {
  const began = performance.now();
  await during({ mode: 'slow', ms: 400 }, getServices);
  assert.ok(performance.now() - began >= 400);
});

test('garbage_is_of_the_kind_asked_for', async () => {
  const html = await during({ mode: 'garbage', kind: 'html' }, getServices);
  assert.equal(html.status, 200);
  assert.match(await html.text(), /^<!doctype html>/);
  const badGateway = await during({ mode: 'garbage', kind: 'html-502' }, getServices);
  assert.equal(badGateway.status, 502);
  const invalid = await during({ mode: 'garbage', kind: 'invalid-json' }, getServices);
  await assert.rejects(invalid.json());
  const truncated = await during({ mode: 'garbage', kind: 'truncated' }, getServices);
  await assert.rejects(truncated.text());
});

test('a_scripted_reply_is_given_once', async () => {
  const body = { code: '40P01', message: 'deadlock detected', details: null, hint: null };
  await during({ mode: 'reply', status: 500, body, count: 1 }, async () => {
    const first = await getServices();
    assert.equal(first.status, 500);
    assert.deepEqual(await first.json(), body);
    assert.equal((await getServices()).status, 200);
  });
});

test('a_lost_reply_is_lost_after_the_commit', async () => {
  const { data: before } = await client({ key: env.SERVICE_ROLE_KEY }).from('service').select('id,version').limit(1).single();
  const patch = () =>
    fetch(`${env.SUPABASE_URL}/rest/v1/service?id=eq.${before.id}`, {
      method: 'PATCH',
      headers: { apikey: env.SERVICE_ROLE_KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ duration_min: 45 }),
    });
  await during({ mode: 'lose-reply', method: 'PATCH', count: 1 }, () => assert.rejects(patch()));
  const { data: after } = await client({ key: env.SERVICE_ROLE_KEY }).from('service').select('version').eq('id', before.id).single();
  assert.equal(after.version, before.version + 1);
});
