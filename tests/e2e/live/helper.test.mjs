// The client helper: what it drops and what it remembers, frame by frame; and with a real server, what it tells.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createLive } from '../../../public/live.js';
import { Database } from '../lib/database.mjs';
import { control } from '../lib/stack.mjs';
import { APPOINTMENTS, appointment, closeAll, insert, official, ready, until } from './support.mjs';

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
afterEach(closeAll);
after(async () => {
  await database.restore();
  await database.close();
});

/** A helper with one channel and nothing behind it: `say(event, payload)` is a frame from the server. */
function alone(options = {}) {
  const [live, passed, told] = [createLive(), [], []];
  const supabase = { channel: (name, { config }) => ({ name, config }) };
  const on = { onState: (state, since) => told.push([state, since?.getTime()]), onResync: () => told.push('resync') };
  const channel = live.channel(supabase, 'c', { ...on, ...options });
  const say = (event, payload) => live.realtime.decode(JSON.stringify([null, null, 'realtime:c', event, payload]), (message) => passed.push(message));
  const change = (offset, type = 'UPDATE', epoch = 'e') => say('postgres_changes', { ids: [1], epoch, offset, data: { type } });
  const mark = (offset, epoch = 'e') => say('system', { extension: 'postgres_changes', status: 'ok', message: 'watermark', epoch, offset });
  const joined = () => say('system', { extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL' });
  const offsets = () => passed.filter(({ event }) => event === 'postgres_changes').map(({ payload }) => `${payload.offset}${payload.data.type[0]}`);
  return { live, channel, told, passed, say, change, mark, joined, offsets, resume: () => JSON.parse(JSON.stringify(channel.config)).broadcast.resume };
}

test('nothing comes twice, not even half of a change, and the cursor never claims what did not come', () => {
  const one = alone();
  assert.deepEqual([one.live.cursor('c'), one.resume()], [null, undefined]);
  one.joined();
  one.mark(4);
  assert.deepEqual(one.resume(), { epoch: 'e', offset: 4 });
  for (const [offset, type] of [[3], [4], [7, 'UPDATE'], [7, 'UPDATE'], [7, 'DELETE'], [7, 'DELETE'], [6], [9, 'INSERT']]) one.change(offset, type);
  assert.deepEqual(one.offsets(), ['7U', '7D', '9I']);
  // Of 9 there may be more: it is asked for again, and what was seen of it dropped.
  assert.deepEqual([one.resume(), one.live.cursor('c')], [{ epoch: 'e', offset: 8 }, { epoch: 'e', offset: 8, seen: ['INSERT'] }]);
  one.change(9, 'INSERT');
  one.mark(9);
  one.mark(8);
  one.change(9, 'DELETE');
  assert.deepEqual([one.offsets().length, one.resume().offset], [3, 9]);
  assert.deepEqual(one.told, []);
});

test('a cursor that was stored goes on where it was, seen halves included', () => {
  const one = alone({ cursor: { epoch: 'e', offset: 8, seen: ['UPDATE'] }, config: { broadcast: { self: true } } });
  assert.deepEqual(one.resume(), { epoch: 'e', offset: 8 });
  assert.equal(one.channel.config.broadcast.self, true);
  for (const [offset, type] of [[9, 'UPDATE'], [9, 'DELETE'], [10, 'UPDATE']]) one.change(offset, type);
  assert.deepEqual(one.offsets(), ['9D', '10U']);
});

test('what is lost is told once: by the server, by another log, or by a cut before the first watermark', () => {
  const [told, other, cut] = [alone({ cursor: { epoch: 'e', offset: 8 } }), alone({ cursor: { epoch: 'e', offset: 8 } }), alone()];
  told.say('system', { extension: 'chairside', status: 'resync', epoch: 'f', offset: 2 });
  told.mark(3, 'f');
  told.change(4, 'UPDATE', 'f');
  other.change(1, 'UPDATE', 'f');
  cut.joined();
  cut.joined();
  for (const { told: heard } of [told, other, cut]) assert.deepEqual(heard, ['resync']);
  assert.deepEqual([told.resume(), other.resume()], [{ epoch: 'f', offset: 3 }, { epoch: 'f', offset: 0 }]);
});

test('states, and frames that are none of its business', () => {
  const one = alone();
  one.say('system', { extension: 'chairside', status: 'live', message: 'live' });
  one.say('system', { extension: 'chairside', status: 'stale', message: 'stale', since: 1_000 });
  assert.deepEqual(one.told, [['live', undefined], ['stale', 1000]]);
  const messages = [];
  const decode = (data) => one.live.realtime.decode(data, (message) => messages.push(message));
  decode('{"topic":"realtime:c","event":"phx_reply","payload":{"status":"ok"},"ref":"1"}');
  decode('["1","2","phoenix","phx_reply",{"status":"ok"}]');
  const bytes = (encoding, payload) => new Uint8Array([4, 10, 2, 7, encoding, ...new TextEncoder().encode('realtime:cé{"a":1}'), ...payload]).buffer;
  decode(bytes(1, new TextEncoder().encode('{"x":"ü"}')));
  decode(bytes(0, [1, 2, 255]));
  decode(new Uint8Array([9, 9]).buffer);
  const broadcast = { join_ref: null, ref: null, topic: 'realtime:c', event: 'broadcast' };
  assert.deepEqual(messages, [
    { topic: 'realtime:c', event: 'phx_reply', payload: { status: 'ok' }, ref: '1' },
    { join_ref: '1', ref: '2', topic: 'phoenix', event: 'phx_reply', payload: { status: 'ok' } },
    { ...broadcast, payload: { type: 'broadcast', event: 'é', payload: { x: 'ü' }, meta: { a: 1 } } },
    { ...broadcast, payload: { type: 'broadcast', event: 'é', payload: new Uint8Array([1, 2, 255]).buffer, meta: { a: 1 } } },
  ]);
});

test('a real server: a log of another time is a resync, and it goes on from there', async () => {
  const heard = await ready(official('receptionist', { helper: true }), 'elsewhen', [APPOINTMENTS], { cursor: { epoch: 'of another time', offset: 3 } });
  await until(() => heard.mark() >= 0, 'the watermark');
  const { id } = await insert(database, 'appointment', appointment());
  await until(() => heard.changes.some((change) => change.new.id === id), 'the change');
  assert.equal(heard.resyncs, 1);
});

test('a real server: left and joined again under the same name, nothing is missed; with null it begins anew', async () => {
  const client = await official('receptionist', { helper: true });
  const first = await ready(client, 'again');
  const one = await insert(database, 'appointment', appointment());
  await until(() => first.changes.some((change) => change.new.id === one.id), 'the change');
  await client.client.removeChannel(first.channel);
  const two = await insert(database, 'appointment', appointment());
  // Somebody else has seen it: it is not new any more.
  const other = await ready(official('receptionist'), 'other');
  const three = await insert(database, 'appointment', appointment());
  await until(() => other.changes.some((change) => change.new.id === three.id), 'the last change');
  const back = await ready(client, 'again');
  await until(() => back.changes.length >= 2, 'what was missed');
  assert.deepEqual(back.changes.map((change) => change.new.id), [two.id, three.id]);
  await client.client.removeChannel(back.channel);
  const anew = await ready(client, 'again', [APPOINTMENTS], { cursor: null });
  await until(() => anew.mark() >= 0, 'the watermark');
  assert.deepEqual([anew.changes, first.resyncs + back.resyncs + anew.resyncs], [[], 0]);
});

test('a real server: how it stands is told', async () => {
  const heard = await ready(official('receptionist', { helper: true }), 'standing');
  const last = () => heard.standings.at(-1)?.state;
  await until(() => last() === 'live', 'live');
  await control('POST', '/realtime', { mode: 'restart', ms: 800 });
  await until(() => last() === 'catching-up', 'catching-up');
  await until(() => last() === 'live', 'live again', 10_000);
});
