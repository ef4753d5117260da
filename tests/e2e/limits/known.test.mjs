// Credentials that the isolate knows by number: more of them than are kept, each for its own user and no other, at once.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startWorkerd } from '../../../scripts/stack/workerd.mjs';
import { settings } from '../faults/worker.mjs';
import { token } from '../hostile/tokens.mjs';
import { env, id, send } from '../lib/stack.mjs';

const PATIENTS = ['a0001', 'a0002', 'a0003', 'a0004'].map(id);
// More than the 512 forms of calls that are kept; with both keys more than the 1,024 credentials.
const TOKENS = 700;

const folder = mkdtempSync(join(tmpdir(), 'chairside-known-'));
let worker;
before(async () => {
  worker = await startWorkerd({ folder, vars: settings(), build: env.CHAIRSIDE_BUILD_DIR });
});
after(async () => {
  await worker?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ROWS = `/rest/v1/user?select=id&id=in.(${PATIENTS})`;

/** Which of the patients a bearer sees, or the refusal's code. */
async function seen(bearer, headers = {}) {
  const { status, json } = await send('GET', ROWS, { url: worker.url, headers: { authorization: `Bearer ${bearer}`, ...headers } });
  return status === 200 ? json.map((row) => row.id) : json.code;
}

async function inParallel(jobs, work) {
  const waiting = [...jobs.entries()];
  const hand = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: 12 }, hand));
}

test('each_of_many_tokens_speaks_for_its_own_user', async () => {
  const tokens = Array.from({ length: TOKENS }, (_, n) => ({ bearer: token({ sub: PATIENTS[n % 4], session_id: `s${n}` }), who: PATIENTS[n % 4] }));
  const keys = [env.ANON_KEY, env.PUBLISHABLE_KEY];
  // Each is new, then known; in the second turn many are known from the first, and with the other key they are new again.
  for (const used of [[0, 0], [0, 1, 1]]) {
    await inParallel(tokens, async ({ bearer, who }, n) => {
      for (const key of used) assert.deepEqual(await seen(bearer, { apikey: keys[(n + key) % 2] }), [who]);
    });
  }
});

test('what_is_known_is_the_whole_text', async () => {
  const good = token({ sub: PATIENTS[0] });
  for (let times = 0; times < 2; times += 1) assert.deepEqual(await seen(good), [PATIENTS[0]]);
  assert.equal(await seen(good, { apikey: `${env.ANON_KEY}x` }), 'api-key-unknown');
  for (const other of [`${good}x`, good.slice(0, -1), good.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))]) assert.match(await seen(other), /^token-(malformed|signature)$/);
  assert.equal(await seen('', { authorization: good }), 'token-malformed');
  assert.deepEqual(await seen(good, { authorization: `bearer ${good}` }), [PATIENTS[0]]);
  assert.deepEqual(await seen(good), [PATIENTS[0]]);
});

test('a_token_that_has_ended_is_no_longer_known', async () => {
  const now = Math.floor(Date.now() / 1000);
  const short = token({ sub: PATIENTS[1], exp: now + 4 });
  for (let times = 0; times < 2; times += 1) assert.deepEqual(await seen(short), [PATIENTS[1]]);
  await new Promise((resolve) => setTimeout(resolve, (now + 4) * 1000 - Date.now() + 50));
  for (let times = 0; times < 2; times += 1) assert.equal(await seen(short), 'token-expired');
});
