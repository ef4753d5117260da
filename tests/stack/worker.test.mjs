// Further Workers for tests: quick to start, to be killed at any time, never left behind.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startWorker, workerVars } from '../../scripts/stack/worker.mjs';
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
