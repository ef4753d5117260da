// ETag and If-Match: a single row's version guards it against writes by those who have read an older one.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { supabase } from '../lib/clients.mjs';
import { Database } from '../lib/database.mjs';
import { id, send, tokens } from '../lib/stack.mjs';
import * as given from './given.mjs';

const OBJECT = { accept: 'application/vnd.pgrst.object+json' };
const BACK = { prefer: 'return=representation' };
const SERVICE = `/rest/v1/service?id=eq.${given.SERVICE}`;
const LINE = `/rest/v1/appointment_has_service?appointment_id=eq.${given.APPOINTMENT}&line_no=eq.1`;

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
beforeEach(() => database.restore());
after(async () => {
  await database.restore();
  await database.close();
});

const read = (path, headers = OBJECT, role = 'admin') => send('GET', path, { role, headers });
const patch = (path, etag, { headers = {}, role = 'admin', body = { fee: 99 } } = {}) =>
  send('PATCH', path, { role, body, headers: { 'if-match': etag, ...headers } });
const remove = (path, etag, headers = {}) => send('DELETE', path, { role: 'admin', headers: { 'if-match': etag, ...headers } });
const etagOf = async (path) => (await read(path)).headers.get('etag');

function refused(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.code, code);
}

test('one row has its version as ETag', async () => {
  const { json, headers } = await read(SERVICE);
  assert.equal(headers.get('etag'), `"${json.version}"`);
  assert.equal((await read(`${SERVICE}&select=code,version`)).headers.get('etag'), `"${json.version}"`);
});

test('rows without their version, and lists of rows, have none', async () => {
  assert.equal((await read(`${SERVICE}&select=code`)).headers.get('etag'), null);
  assert.equal((await read(`${SERVICE}&select=code,version:fee`)).headers.get('etag'), null);
  assert.equal((await read(SERVICE, {})).headers.get('etag'), null);
});

test('a row that was written has its new ETag', async () => {
  const before = await etagOf(SERVICE);
  const { status, headers, json } = await patch(SERVICE, before, { headers: { ...OBJECT, ...BACK } });
  assert.equal(status, 200);
  assert.equal(json.fee, 99);
  assert.notEqual(headers.get('etag'), before);
  assert.equal(headers.get('etag'), await etagOf(SERVICE));
});

test('a row that was inserted has its ETag', async () => {
  const body = { code: 'NEW-1', name: 'New one', category: 'diagnostic', fee: 1 };
  const { status, headers } = await send('POST', '/rest/v1/service', { role: 'admin', body, headers: { ...OBJECT, ...BACK } });
  assert.deepEqual([status, headers.get('etag')], [201, '"1"']);
});

test('a right If-Match changes the row, whatever answer is asked for', async () => {
  const minimal = await patch(SERVICE, await etagOf(SERVICE));
  assert.deepEqual([minimal.status, minimal.text], [204, '']);
  const list = await patch(SERVICE, await etagOf(SERVICE), { headers: BACK });
  assert.deepEqual([list.status, list.json.length], [200, 1]);
});

test('the answer is PostgREST’s, without the count that the edge needed', async () => {
  const { headers } = await patch(SERVICE, await etagOf(SERVICE), { headers: BACK });
  assert.equal(headers.get('content-range'), '0-0/*');
  assert.equal(headers.get('preference-applied'), 'return=representation');
  const counted = await patch(SERVICE, await etagOf(SERVICE), { headers: { prefer: 'count=exact' } });
  assert.equal(counted.headers.get('content-range'), '0-0/1');
  assert.equal(counted.headers.get('preference-applied'), 'count=exact');
});

test('an older If-Match is 412 and changes nothing', async () => {
  const old = await etagOf(SERVICE);
  await patch(SERVICE, old);
  const again = await patch(SERVICE, old, { body: { fee: 1 } });
  refused(again, 412, 'precondition-failed');
  refused(await patch(SERVICE, old, { body: { fee: 1 }, headers: { ...OBJECT, ...BACK } }), 412, 'precondition-failed');
  assert.equal((await read(SERVICE)).json.fee, 99);
});

test('a row that is not there is 404', async () => {
  const path = `/rest/v1/service?id=eq.${id('ee0001')}`;
  refused(await patch(path, '"1"'), 404, 'not-found');
  refused(await patch(path, '"1"', { headers: { ...OBJECT, ...BACK } }), 404, 'not-found');
  refused(await remove(path, '"1"'), 404, 'not-found');
  refused(await remove(path, '"1"', { ...OBJECT, ...BACK }), 404, 'not-found');
});

test('a row that one may see but not change is 412, one that one may not see 404', async () => {
  refused(await patch(SERVICE, await etagOf(SERVICE), { role: 'receptionist' }), 412, 'precondition-failed');
  const other = `/rest/v1/user?id=eq.${id('a0002')}`;
  refused(await patch(other, await etagOf(other), { role: 'patient', body: { preferred_name: 'X' } }), 404, 'not-found');
});

test('If-Match is for one row by its whole key', async () => {
  for (const path of ['/rest/v1/service?code=eq.CHECKUP', `/rest/v1/service?id=in.(${given.SERVICE})`, `/rest/v1/service?id=gt.${given.SERVICE}`]) {
    refused(await patch(path, '"1"'), 400, 'invalid-header');
  }
  await database.rows(given.appointment('scheduled') + given.line);
  refused(await patch(`/rest/v1/appointment_has_service?appointment_id=eq.${given.APPOINTMENT}`, '"1"', { body: { quantity: 2 } }), 400, 'invalid-header');
  assert.equal((await patch(LINE, await etagOf(LINE), { body: { quantity: 2 } })).status, 204);
});

test('If-Match takes one strong ETag', async () => {
  for (const wrong of ['1', '*', 'W/"1"', '"x"', '"1", "2"', '""']) {
    const answer = await patch(SERVICE, wrong);
    refused(answer, 400, 'invalid-header');
    assert.equal(answer.json.errors[0].pointer, 'header:if-match');
  }
});

test('a further filter still holds beside If-Match', async () => {
  const path = `${SERVICE}&active=is.false`;
  const answer = await patch(path, await etagOf(SERVICE));
  assert.ok([404, 412].includes(answer.status), `${answer.status}`);
  assert.equal((await read(SERVICE)).json.fee, 85);
});

test('DELETE by If-Match: of a row that goes', async () => {
  await database.rows(given.appointment('scheduled') + given.line);
  const etag = await etagOf(LINE);
  refused(await remove(LINE, '"99"'), 412, 'precondition-failed');
  assert.equal((await remove(LINE, etag)).status, 204);
  refused(await remove(LINE, etag), 404, 'not-found');
});

test('DELETE by If-Match: of a row that is only marked', async () => {
  const etag = await etagOf(SERVICE);
  refused(await remove(SERVICE, '"99"'), 412, 'precondition-failed');
  const gone = await remove(SERVICE, etag, { ...OBJECT, ...BACK });
  assert.deepEqual([gone.status, gone.json.id], [200, given.SERVICE]);
  const found = await send('GET', SERVICE, { role: 'receptionist' });
  assert.deepEqual(found.json, []);
});

test('two who read the same version: one writes, the other is told', async () => {
  const etag = await etagOf(SERVICE);
  const answers = await Promise.all([1, 2, 3, 4].map((fee) => patch(SERVICE, etag, { body: { fee } })));
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [204, 412, 412, 412]);
});

test('supabase-js can send it', async () => {
  const client = supabase({ token: tokens.admin });
  const { data } = await client.from('service').select().eq('id', given.SERVICE).single();
  const change = (version) => client.from('service').update({ fee: 99 }).eq('id', given.SERVICE).setHeader('if-match', `"${version}"`);
  const { error, status } = await change(data.version + 1).select().single();
  assert.deepEqual([status, error.code], [412, 'precondition-failed']);
  const changed = await change(data.version).select().single();
  assert.deepEqual([changed.error, changed.data.version], [null, data.version + 1]);
});

test('PUT and POST take no If-Match', async () => {
  const body = { id: given.SERVICE, code: 'CHECKUP', name: 'Routine examination', category: 'diagnostic', fee: 1 };
  for (const [method, path] of [['PUT', SERVICE], ['POST', '/rest/v1/service']]) {
    const answer = await send(method, path, { role: 'admin', body, headers: { 'if-match': '"1"' } });
    refused(answer, 400, 'invalid-header');
  }
});
