// The same request again (src/shell/plans.js): what it is answered, asks and logs is what the first one was, and what every other way
// of the program gives, which a client's own id of the request takes.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../lib/database.mjs';
import { control, during, id, send } from '../lib/stack.mjs';
import { start } from './worker.mjs';

const PATIENCE_MS = 1000;
let db;
let worker;
before(async () => {
  db = await Database.open();
  await db.keep();
  worker = await start({ UPSTREAM_TIMEOUT_MS: String(PATIENCE_MS) });
});
after(async () => {
  await worker?.stop();
  await db.restore();
  await db.close();
});

const ask = ([method, path, options = {}], { anew = false } = {}) =>
  send(method, path, { role: 'admin', ...options, url: worker.url, headers: { ...options.headers, ...(anew ? { 'x-request-id': randomUUID() } : {}) } });

/** The line in the log of a request with this answer. */
async function line({ headers }) {
  const requestId = headers.get('x-request-id');
  for (let tries = 0; tries < 50; tries += 1) {
    const found = readFileSync(worker.logFile, 'utf8').split('\n').find((text) => text.includes(requestId));
    if (found !== undefined) return JSON.parse(found.slice(found.indexOf('{'), found.lastIndexOf('}') + 1));
    await sleep(50);
  }
  return assert.fail('it is not in the log');
}

/** What came of a request, without what is its own: the upstream was asked `calls`. */
async function outcome(asked, how) {
  await control('DELETE', '/requests');
  const reply = await ask(asked, how);
  const { paths } = await control('GET', '/requests');
  const { request_id: requestId, ms, upstream_ms: upstreamMs, ...said } = await line(reply);
  assert.ok(Number.isSafeInteger(ms) && Number.isSafeInteger(upstreamMs) && ms >= upstreamMs);
  const headers = Object.fromEntries([...reply.headers].filter(([name]) => !['x-request-id', 'date'].includes(name)));
  assert.equal(reply.headers.get('x-request-id'), requestId);
  const calls = Object.entries(paths).filter(([path]) => path.includes(' /rest/v1/') && !/change_log|log_access/.test(path));
  return { requestId, status: reply.status, headers, body: reply.text.replaceAll(requestId, 'ID'), said, calls };
}

const OBJECT = { accept: 'application/vnd.pgrst.object+json' };
const READS = [
  ['GET', '/rest/v1/appointment?select=id,status&order=starts_at,id&limit=3'],
  ['GET', '/rest/v1/appointment?select=id,dentist!appointment_dentist_id_fkey(first_name)&limit=3&order=id', { role: 'receptionist' }],
  ['GET', '/rest/v1/appointment?select=id&limit=3&order=id', { role: 'patient' }],
  ['GET', '/rest/v1/appointment?select=id&limit=3&order=id', { headers: { prefer: 'count=exact' } }],
  ['GET', '/rest/v1/appointment?select=id&order=id', { headers: { range: '1-2' } }],
  ['GET', '/rest/v1/service?select=id,code&order=id&limit=2', { headers: { accept: 'text/csv', origin: 'http://127.0.0.1:5173' } }],
  ['GET', `/rest/v1/service?id=eq.${id('5001')}`, { headers: OBJECT }],
  ['GET', '/rest/v1/treatment_records?select=id&limit=2&order=id', { role: 'dentist' }],
  ['HEAD', '/rest/v1/appointment?select=id&limit=3&order=id'],
  ['GET', '/rest/v1/appointment?select=nothing'],
  ['GET', '/rest/v1/nobody'],
  ['GET', `/rest/v1/service?id=eq.${id('dead')}`, { headers: OBJECT }],
];

test('a_read_that_comes_again_is_answered_asked_and_logged_as_the_first', async () => {
  for (const asked of READS) {
    const found = [];
    for (const how of [{}, {}, {}, { anew: true }, {}]) found.push(await outcome(asked, how));
    const ids = found.map(({ requestId, ...rest }) => {
      assert.deepEqual(rest, Object.fromEntries(Object.entries(found[0]).filter(([name]) => name !== 'requestId')), asked.join(' '));
      return requestId;
    });
    assert.equal(new Set(ids).size, ids.length, 'each has an id of its own');
  }
});

let codes = 0;
const service = (changes = {}) => {
  codes += 1;
  return { code: `AGAIN-${codes}`, name: 'Again', category: 'diagnostic', fee: 1, ...changes };
};
const insert = (body, headers = {}, path = '/rest/v1/service?select=code,name') => ['POST', path, { body, headers }];
const SHOWN = { prefer: 'return=representation' };
const written = async (code) => (await db.rows('select count(*)::int as count from public.service where code = $1', [code]))[0].count;

test('an_insert_that_comes_again_writes_each_of_its_bodies_once', async () => {
  for (const headers of [{}, SHOWN, { ...SHOWN, ...OBJECT }, { prefer: 'return=representation,missing=default' }]) {
    const said = [];
    for (const how of [{}, {}, {}, { anew: true }]) {
      const row = service();
      const { requestId, body, ...rest } = await outcome(insert(row, headers), how);
      assert.equal(await written(row.code), 1, row.code);
      if (headers.prefer) assert.deepEqual([JSON.parse(body)].flat(), [{ code: row.code, name: row.name }]);
      else assert.equal(body, '');
      const [audited] = await db.rows(`select request_id::text from public.change_log where table_name = 'service' and key ->> 'id' = (select id::text from public.service where code = $1)`, [row.code]);
      assert.equal(audited?.request_id, requestId);
      const { 'content-length': _length, ...others } = rest.headers;
      said.push({ ...rest, headers: others });
    }
    for (const each of said) assert.deepEqual(each, said[0]);
  }
});

test('a_wrong_body_is_refused_between_right_ones_and_goes_nowhere', async () => {
  const right = () => insert(service(), SHOWN);
  const wrong = [service({ fee: -1 }), service({ category: 'x' }), service({ nobody: 1 }), '{"a":', '[', '"x"', '[{"code":"a"},{"name":"b"}]', '{"code":"a","code":"b"}', ' '].map((body) => insert(body, SHOWN));
  for (let times = 0; times < 3; times += 1) assert.equal((await ask(right())).status, 201);
  for (const asked of wrong) {
    const [anew, again] = [await outcome(asked, { anew: true }), await outcome(asked)];
    assert.ok([400, 422].includes(again.status), again.body);
    assert.deepEqual(again.calls, []);
      assert.deepEqual([again.status, again.body, again.said], [anew.status, anew.body, anew.said]);
    assert.equal((await ask(right())).status, 201);
  }
  const large = await ask(insert(`[${'{"code":"a"},'.repeat(100_000)}{"code":"a"}]`, SHOWN));
  assert.equal(large.status, 413, large.text);
});

test('what_goes_wrong_with_an_insert_that_came_before_is_told_and_done_once', async () => {
  const path = '/rest/v1/service';
  const right = () => insert(service(), SHOWN);
  for (let times = 0; times < 3; times += 1) assert.equal((await ask(right())).status, 201);
  const kept = service();
  assert.equal((await ask(insert(kept, SHOWN))).status, 201);
  const failure = (code, count) => ({ mode: 'reply', status: 500, body: { code, message: 'm', details: null, hint: null }, headers: {}, path, method: 'POST', count });
  // [how the gateway behaves, what is asked, status, code, calls]
  const cases = [
    [{ mode: 'ok' }, insert(service({ code: kept.code }), SHOWN), 409, '23505', 1],
    [{ mode: 'down', path: '/rest/v1' }, right(), 503, 'unavailable', undefined],
    [failure('40P01', 9), right(), 409, '40P01', 2],
    [failure('XX000', 9), right(), 502, 'bad-upstream', 1],
    [{ mode: 'slow', ms: 3 * PATIENCE_MS }, right(), 504, 'upstream-timeout', undefined],
  ];
  for (const [mode, asked, status, code, calls] of cases) {
    const found = await during(mode, () => outcome(asked));
    assert.deepEqual([found.status, JSON.parse(found.body).code], [status, code], found.body);
    assert.equal(found.said.code, code);
    if (calls !== undefined) assert.deepEqual(found.calls, [[`POST ${path}`, calls]], code);
    assert.equal((await ask(right())).status, 201, code);
  }
  const again = service();
  const won = await during(failure('40001', 1), () => outcome(insert(again, SHOWN)));
  assert.deepEqual([won.status, won.calls, await written(again.code)], [201, [[`POST ${path}`, 2]], 1]);
});
