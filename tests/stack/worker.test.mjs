// Further Workers for tests: quick to start, to be killed at any time, never left behind; and what the two Workers are to each other.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startWorker, workerVars } from '../../scripts/stack/worker.mjs';
import { startWorkerd } from '../../scripts/stack/workerd.mjs';
import { env } from './support.mjs';

const keys = { anonKey: env.ANON_KEY, serviceRoleKey: env.SERVICE_ROLE_KEY, publishableKey: env.PUBLISHABLE_KEY, jwtSecret: env.JWT_SECRET };
const vars = { ...workerVars({ gatewayUrl: env.SUPABASE_URL, keys }), CLINIC_ID: 'stack' };

const answers = (worker) => fetch(`${worker.url}/health`).then((reply) => reply.status);

test('its_settings_are_those_given_and_no_others', async () => {
  const complete = await startWorker({ vars });
  assert.equal(await answers(complete), 200);
  await complete.stop();
  const { SUPABASE_URL: _left, ...rest } = vars;
  const incomplete = await startWorker({ vars: rest });
  const reply = await fetch(`${incomplete.url}/health`);
  assert.equal(reply.status, 503);
  assert.match(await reply.text(), /SUPABASE_URL/);
  await incomplete.stop();
});

test('its_rate_limits_are_those_given_and_are_told', async () => {
  const worker = await startWorker({ vars, rateLimits: { RATE_LIMIT_ANON: { limit: 2, period: 60 } } });
  const get = () => fetch(`${worker.url}/rest/v1/service?select=id&limit=1`, { headers: { apikey: env.ANON_KEY } });
  const replies = [await get(), await get(), await get()];
  await worker.stop();
  assert.deepEqual(replies.map(({ status }) => status), [200, 200, 429]);
  assert.match(replies[0].headers.get('ratelimit-policy'), /q=2;w=60/);
});

test('a_worker_starts_without_a_build_and_stops', async (t) => {
  const began = performance.now();
  const worker = await startWorker({ vars });
  t.diagnostic(`started in ${Math.round(performance.now() - began)} ms`);
  assert.equal(typeof (await answers(worker)), 'number');
  assert.ok(!readFileSync(worker.logFile, 'utf8').includes('custom build'));
  await worker.stop();
  await assert.rejects(answers(worker));
});

test('a_killed_worker_can_be_started_again_on_its_port', async () => {
  const first = await startWorker({ vars });
  await first.kill();
  await assert.rejects(answers(first));
  const second = await startWorker({ vars, port: first.port });
  assert.equal(second.url, first.url);
  assert.equal(typeof (await answers(second)), 'number');
  await second.stop();
});

test('its_log_is_where_it_was_asked_for', async () => {
  const logFile = `${env.CHAIRSIDE_STATE_DIR}/logs/asked-for.log`;
  const worker = await startWorker({ vars, logFile });
  await worker.stop();
  assert.ok(existsSync(logFile));
  assert.match(readFileSync(logFile, 'utf8'), /Ready on/);
});

const getJson = async (url) => {
  const reply = await fetch(url, { headers: { apikey: env.ANON_KEY } });
  return [reply.status, await reply.json()];
};

test('the_chatbot_is_reached_through_the_clinic_and_serves_nothing_else', async () => {
  const worker = await startWorker({ vars, chatbot: true });
  const [status, models] = await getJson(`${worker.url}/v1/models`);
  assert.deepEqual([status, models.object], [200, 'list']);
  const [, ready] = await getJson(`${worker.url}/ready`);
  assert.deepEqual(ready.upstreams, { rest: 'up', auth: 'up', chatbot: 'up' });
  for (const path of ['/rest/v1/service?limit=1', '/rest/v1/rpc/free_slots', '/auth/v1/settings', '/v1/audit/verify', '/']) {
    const [refused, problem] = await getJson(`${worker.chatbot.url}${path}`);
    assert.deepEqual([path, refused, problem.code], [path, 404, 'not-found']);
  }
  await worker.stop();
  await assert.rejects(fetch(worker.chatbot.url));
});

test('without_a_chatbot_its_paths_say_so_and_the_rest_is_served', async () => {
  const worker = await startWorkerd({ folder: join(env.CHAIRSIDE_STATE_DIR, 'extra', 'alone'), vars });
  const [status, { error }] = await getJson(`${worker.url}/v1/models`);
  assert.deepEqual([status, error.code, error.type], [503, 'unavailable', 'server_error']);
  const [isReady, ready] = await getJson(`${worker.url}/ready`);
  assert.deepEqual([isReady, ready.upstreams], [200, { rest: 'up', auth: 'up', chatbot: 'down' }]);
  await worker.stop();
});
