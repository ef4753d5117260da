// The public catalogue at the edge: kept while somebody follows the log, dropped by a change, never shared with others.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { env, id, send } from '../lib/stack.mjs';
import { closeAll, listen, official, SERVICES, until } from './support.mjs';

const PATH = `/rest/v1/service?select=lay_name&id=eq.${id('5001')}&order=code`;
const database = new pg.Client({ connectionString: env.DATABASE_URL });
let original;

const read = (role = 'anon', headers = {}) => send('GET', PATH, { role, headers });
const status = async () => (await read()).headers.get('cache-status');
const name = async () => (await read()).json[0].lay_name;
const rename = (text) => database.query('update public.service set lay_name = $1 where id = $2', [text, id('5001')]);

before(async () => {
  await database.connect();
  original = (await database.query('select lay_name from public.service where id = $1', [id('5001')])).rows[0].lay_name;
});
after(async () => {
  await closeAll();
  await rename(original);
  await database.end();
});

test('while nobody follows the log every read goes through', async () => {
  await until(async () => (await status()) === 'chairside; fwd=bypass', 'the last room to be left', 20_000);
  assert.equal(await status(), 'chairside; fwd=bypass');
});

test('a change drops what was kept, whoever made it', async () => {
  listen(await official('anon'), 'catalogue', [SERVICES]).subscribe();
  await until(async () => (await status()) === 'chairside; hit', 'an answer to be kept', 10_000);
  await rename('by SQL');
  await until(async () => (await name()) === 'by SQL', 'a change by SQL to be seen');
  assert.equal(await status(), 'chairside; hit');
  const changed = await send('PATCH', `/rest/v1/service?id=eq.${id('5001')}`, { role: 'admin', body: { lay_name: 'by the API' } });
  assert.equal(changed.status, 204);
  await until(async () => (await name()) === 'by the API', 'a change through Chairside to be seen');
});

test('only what is the same for everybody is kept', async () => {
  await until(async () => (await status()) === 'chairside; hit', 'an answer to be kept', 10_000);
  for (const reply of [await read('patient'), await read('anon', { prefer: 'count=exact' }), await read('anon', { range: '0-0' })]) {
    assert.equal(reply.headers.get('cache-status'), null);
    assert.equal(reply.headers.get('cache-control'), 'no-store');
  }
});
