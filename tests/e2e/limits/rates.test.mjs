// Rate limits through the real binding: who counts against what, and what a refusal says.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../faults/worker.mjs';
import { control, send } from '../lib/stack.mjs';
import { token } from '../hostile/tokens.mjs';

const LIMITS = { RATE_LIMIT_ANON: 6, RATE_LIMIT_USER: 4, RATE_LIMIT_AUTH: 3 };
const PERIOD = 60;
const READ = '/rest/v1/role?select=id&limit=1';

let worker;
before(async () => {
  const rateLimits = Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, { limit, period: PERIOD }]));
  worker = await start({ RATE_LIMITS: `anon=6/${PERIOD} user=4/${PERIOD} auth=3/${PERIOD}` }, { rateLimits });
});
after(() => worker?.stop());

// The binding counts by whole periods: a test that saw the change of one would count two.
beforeEach(async () => {
  const left = PERIOD * 1000 - (Date.now() % (PERIOD * 1000));
  if (left < 5000) await sleep(left + 50);
});

// The address is Cloudflare's to say; without Cloudflare in front a test may.
let last = 0;
function address() {
  last += 1;
  return `203.0.113.${last}`;
}

const ask = (path, options = {}, from = undefined) =>
  send(options.method ?? 'GET', path, { ...options, url: worker.url, headers: { ...options.headers, ...(from ? { 'cf-connecting-ip': from } : {}) } });

/** Asks until it is refused, at most twice as often as allowed; gives how many were admitted and the refusal. */
async function exhaust(limit, once) {
  for (let admitted = 0; admitted <= 2 * limit; admitted += 1) {
    const reply = await once();
    if (reply.status === 429) return { admitted, reply };
  }
  return assert.fail('never refused');
}

function isRefusal({ status, json, headers }, policy) {
  assert.deepEqual([status, json.code, json.status], [429, 'rate-limited', 429]);
  assert.equal(headers.get('content-type'), 'application/problem+json');
  assert.equal(headers.get('ratelimit-policy'), policy);
  const wait = Number(headers.get('retry-after'));
  assert.ok(wait > 0 && wait <= PERIOD, `Retry-After: ${wait}`);
}

test('a_user_has_a_budget_wherever_they_are', async () => {
  const { admitted, reply } = await exhaust(4, () => ask(READ, { role: 'patient' }, address()));
  assert.equal(admitted, 4);
  isRefusal(reply, `"user";q=4;w=${PERIOD}`);
  await control('DELETE', '/requests');
  assert.equal((await ask(READ, { role: 'patient' })).status, 429);
  assert.equal((await control('GET', '/requests')).total, 0, 'a refused request went upstream');
  const other = await ask(READ, { role: 'patient2' });
  assert.deepEqual([other.status, other.headers.get('ratelimit-policy')], [200, `"user";q=4;w=${PERIOD}`]);
});

test('anonymous_callers_are_counted_by_address', async () => {
  const [mine, another] = [address(), address()];
  const { admitted, reply } = await exhaust(6, () => ask('/rest/v1/dentist?select=id&limit=1', {}, mine));
  assert.equal(admitted, 6);
  isRefusal(reply, `"anon";q=6;w=${PERIOD}`);
  assert.equal((await ask('/rest/v1/dentist?select=id&limit=1', {}, another)).status, 200);
});

test('bad_tokens_count_against_their_address', async () => {
  const from = address();
  const guess = () => ask(READ, { headers: { authorization: `Bearer ${token({}, { secret: 'guess' })}` } }, from);
  assert.equal((await guess()).status, 401);
  const { reply } = await exhaust(6, guess);
  isRefusal(reply, `"anon";q=6;w=${PERIOD}`);
});

test('refusals_for_their_form_are_counted_too', async () => {
  const from = address();
  const { admitted } = await exhaust(6, () => ask('/rest/v1/service?fee=eq.x', {}, from));
  assert.equal(admitted, 6);
});

test('sign_in_has_a_budget_of_its_own', async () => {
  const from = address();
  const signIn = () => ask('/auth/v1/token?grant_type=password', { method: 'POST', body: { email: 'nobody@clinic.test', password: 'wrong' } }, from);
  const { admitted, reply } = await exhaust(3, signIn);
  assert.equal(admitted, 3);
  isRefusal(reply, `"auth";q=3;w=${PERIOD}`);
  assert.equal((await ask('/rest/v1/dentist?select=id&limit=1', {}, from)).status, 200);
});

test('health_is_never_refused', async () => {
  const from = address();
  for (let times = 0; times < 10; times += 1) assert.equal((await ask('/health', {}, from)).status, 200);
});
