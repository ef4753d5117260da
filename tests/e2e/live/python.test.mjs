// supabase-py's realtime client, unchanged: changes, filters, tokens, broadcast with supabase-js, presence, leaving.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installed, python } from '../../../scripts/stack/models/packages.mjs';
import { Database } from '../lib/database.mjs';
import { env, tokens } from '../lib/stack.mjs';
import { appointment, closeAll, insert, official, people, sleep, until, update } from './support.mjs';

let database;
let client;
before(async () => {
  database = await Database.open();
  await database.keep();
  client = await start();
});
after(async () => {
  client.child.stdin.end();
  await closeAll();
  await database.restore();
  await database.close();
});

async function start() {
  const script = fileURLToPath(new URL('python_client.py', import.meta.url));
  const url = `${env.CHAIRSIDE_URL.replace('http', 'ws')}/realtime/v1`;
  const child = spawn(python, [script, url, env.ANON_KEY], { env: { ...process.env, PYTHONPATH: await installed('realtime') } });
  const heard = [];
  let [rest, errors] = ['', ''];
  child.stderr.on('data', (chunk) => (errors += chunk));
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    heard.push(...lines.map((line) => JSON.parse(line)));
  });
  const next = (what, wanted = () => true) => {
    const found = () => heard.findIndex((one) => one.what === what && wanted(one)) + 1;
    return until(found, () => `${what}; heard ${JSON.stringify(heard).slice(0, 500)} ${errors}`, 10_000).then((at) => heard.splice(at - 1, 1)[0]);
  };
  return { child, heard, next, order: (one) => child.stdin.write(`${JSON.stringify(one)}\n`) };
}

const ENTRY = { event: '*', schema: 'public', table: 'appointment' };

async function join(topic, role, entries = [ENTRY], broadcast = {}) {
  client.order({ do: 'join', topic, token: tokens[role], entries, broadcast });
  assert.equal((await client.next('state', (one) => one.topic === topic)).state, 'SUBSCRIBED');
  if (entries.length > 0) await client.next('system', (one) => one.topic === topic && one.message === 'Subscribed to PostgreSQL');
}

const change = (topic, type, id) => client.next('change', (one) => one.topic === topic && one.type === type && (one.record ?? one.old_record).id === id);

test('INSERT, UPDATE and DELETE, through filters and with several topics on the socket', async () => {
  await join('mine', 'patient');
  await join('theirs', 'patient', [{ ...ENTRY, filter: 'room=eq.B' }]);
  const { id } = await insert(database, 'appointment', appointment({ room: 'A' }));
  await insert(database, 'appointment', appointment({ patient_id: people.patient2 }));
  await update(database, 'appointment', id, { room: 'B' });
  await update(database, 'appointment', id, { deleted_at: new Date() });
  assert.equal((await change('mine', 'INSERT', id)).record.room, 'A');
  assert.equal((await change('mine', 'UPDATE', id)).record.room, 'B');
  assert.deepEqual((await change('mine', 'DELETE', id)).old_record, { id });
  await change('theirs', 'UPDATE', id);
  await change('theirs', 'DELETE', id);
  assert.deepEqual(client.heard.filter(({ what }) => what === 'change'), []);
});

test('another token is another audience', async () => {
  client.order({ do: 'auth', token: tokens.patient2 });
  await client.next('system', ({ topic, message }) => topic === 'mine' && message === 'Subscribed to PostgreSQL');
  const [mine, other] = [await insert(database, 'appointment', appointment()), await insert(database, 'appointment', appointment({ patient_id: people.patient2 }))];
  await change('mine', 'INSERT', other.id);
  assert.ok(!client.heard.some(({ what, record }) => what === 'change' && record?.id === mine.id));
});

test('broadcast to and from supabase-js, and presence', async () => {
  await join('talk', 'patient', [], { self: false });
  const { client: js } = await official('dentist');
  const channel = js.channel('talk', { config: { broadcast: { ack: true }, presence: { key: 'js' } } });
  const got = [];
  channel.on('broadcast', { event: '*' }, ({ event, payload }) => got.push([event, payload]));
  channel.on('presence', { event: 'sync' }, () => {});
  assert.equal(await new Promise((resolve) => channel.subscribe(resolve)), 'SUBSCRIBED');
  await channel.send({ type: 'broadcast', event: 'hello', payload: { ü: [1] } });
  assert.deepEqual((await client.next('broadcast')).payload, { ü: [1] });
  client.order({ do: 'say', topic: 'talk', event: 'answer', payload: { n: 2 } });
  await until(() => got.length > 0, 'the answer');
  assert.deepEqual(got, [['answer', { n: 2 }]]);
  client.order({ do: 'track', topic: 'talk', payload: { name: 'Py' } });
  await until(() => channel.presenceState().talk, 'its presence');
  await channel.track({ name: 'Js' });
  await client.next('presence', ({ keys }) => keys.includes('js') && keys.includes('talk'));
});

test('leaving, and nothing that the client did not understand', async () => {
  client.order({ do: 'leave', topic: 'mine' });
  assert.equal((await client.next('state', ({ topic, state }) => topic === 'mine' && state === 'CLOSED')).error, '');
  await sleep(100);
  assert.deepEqual(client.heard.filter(({ what }) => what === 'complaint'), []);
});
