// The Realtime stand-in frame by frame: both serializers, refusals, limits.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { SignJWT } from 'jose';
import { closeAll, raw, refusal, settings, sleep, stats, until, withNotes } from './realtime-support.mjs';
import { control, env } from './support.mjs';

const db = withNotes(beforeEach);
afterEach(closeAll);

const ENTRY = { event: '*', schema: 'public', table: 'rt_note' };
const join = (topic, config = {}, ref = '1') => [ref, ref, topic, 'phx_join', { config }];
const changesOf = (...entries) => ({ postgres_changes: entries });

function sign(claims, secret = env.JWT_SECRET) {
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));
}
const now = () => Math.floor(Date.now() / 1000);

test('a_join_of_vsn_2_is_answered_then_confirmed_then_served', async () => {
  const socket = await raw();
  socket.send(join('realtime:room1', changesOf(ENTRY, { ...ENTRY, event: 'insert', filter: 'room=eq.a' }, ENTRY)));
  const reply = await socket.next();
  const ids = reply[4].response.postgres_changes.map(({ id }) => id);
  assert.deepEqual(reply, ['1', '1', 'realtime:room1', 'phx_reply', {
    response: { postgres_changes: [{ ...ENTRY, id: ids[0] }, { ...ENTRY, event: 'insert', filter: 'room=eq.a', id: ids[1] }, { ...ENTRY, id: ids[0] }] }, status: 'ok',
  }]);
  assert.ok(ids.every(Number.isInteger) && ids[0] !== ids[1]);
  assert.deepEqual(await socket.next(), ['1', null, 'realtime:room1', 'system', {
    channel: 'room1', extension: 'postgres_changes', message: 'Subscribed to PostgreSQL', status: 'ok',
  }]);
  await db.query("insert into public.rt_note (id, room) values (1, 'b')");
  const [joinRef, ref, topic, event, { data, ids: matched }] = await socket.next();
  assert.deepEqual([joinRef, ref, topic, event, [...new Set(matched)]], [null, null, 'realtime:room1', 'postgres_changes', [ids[0]]]);
  assert.deepEqual(Object.keys(data), ['columns', 'commit_timestamp', 'errors', 'record', 'schema', 'table', 'type']);
  assert.deepEqual(data.columns.map(({ name, type }) => `${name} ${type}`), ['id int8', 'room text', 'owner uuid', 'price numeric', 'tags _text', 'doc jsonb', 'at timestamptz', 'body text']);
});

test('a_join_of_vsn_1_has_no_join_ref_in_the_frames_and_its_close_carries_it_in_ref', async () => {
  const socket = await raw({ vsn: null });
  const topic = 'realtime:old';
  const joinFrame = (ref) => ({ topic, event: 'phx_join', payload: { config: changesOf(ENTRY) }, ref, join_ref: ref });
  socket.send(joinFrame('1'));
  const reply = await socket.next();
  assert.deepEqual({ ...reply, payload: reply.payload.status }, { topic, event: 'phx_reply', ref: '1', payload: 'ok' });
  const system = await socket.next();
  assert.deepEqual([system.event, system.ref, system.payload.status], ['system', null, 'ok']);
  await db.query('insert into public.rt_note (id) values (1)');
  const change = await socket.next();
  assert.deepEqual([change.event, change.ref, change.topic, change.payload.data.record.id], ['postgres_changes', null, topic, 1]);
  socket.send(joinFrame('7'));
  assert.deepEqual([(await socket.next()).event, await socket.next(), (await socket.next()).payload.status], ['phx_reply', { topic, event: 'phx_close', ref: '1', payload: {} }, 'ok']);
});

test('a_rejoin_is_answered_before_the_old_channel_is_closed', async () => {
  const socket = await raw();
  socket.send(join('realtime:again', changesOf(ENTRY)));
  await socket.next();
  await socket.next();
  socket.send(join('realtime:again', changesOf(ENTRY), '5'));
  const frames = [await socket.next(), await socket.next(), await socket.next()];
  assert.deepEqual(frames.map(([joinRef, ref, , event]) => [joinRef, ref, event]), [['5', '5', 'phx_reply'], ['1', '1', 'phx_close'], ['5', null, 'system']]);
  assert.equal((await stats()).channels, 1);
});

test('numbers_of_any_size_arrive_as_they_are', async () => {
  const socket = await raw();
  const texts = [];
  socket.ws.on('message', (data) => texts.push(data.toString()));
  socket.send(join('realtime:big', changesOf(ENTRY)));
  await until(() => texts.length === 2);
  await db.query('insert into public.rt_note (id, price) values (9223372036854775807, 12345678901234567890.123400)');
  await until(() => texts.length === 3);
  assert.match(texts[2], /"id": 9223372036854775807\b/);
  assert.match(texts[2], /"price": 12345678901234567890\.123400\b/);
});

test('an_unchanged_toast_value_is_absent', async () => {
  const socket = await raw();
  await db.query("insert into public.rt_note (id, body) select 1, string_agg(md5(n::text), '') from generate_series(1, 500) n");
  socket.send(join('realtime:toast', changesOf(ENTRY)));
  await socket.next();
  await socket.next();
  await db.query("update public.rt_note set room = 'x'");
  let [, , , , { data }] = await socket.next();
  // The insert may still be on its way when the slot was there before.
  if (data.type === 'INSERT') [, , , , { data }] = await socket.next();
  assert.equal(data.type, 'UPDATE');
  assert.deepEqual([data.record.room, 'body' in data.record, 'owner' in data.record], ['x', false, true]);
});

test('heartbeats_leaves_and_pushes_to_nowhere_are_answered', async () => {
  const socket = await raw();
  socket.send('not json');
  socket.send([null, '7', 'phoenix', 'heartbeat', {}]);
  assert.deepEqual(await socket.next(), [null, '7', 'phoenix', 'phx_reply', { response: {}, status: 'ok' }]);
  socket.send(['1', '8', 'realtime:nowhere', 'broadcast', {}]);
  assert.deepEqual(await socket.next(), [null, '8', 'realtime:nowhere', 'phx_reply', { response: { reason: 'unmatched topic' }, status: 'error' }]);
  socket.send(join('elsewhere:room', {}, '9'));
  assert.deepEqual((await socket.next())[4], { response: { reason: 'unmatched topic' }, status: 'error' });
  socket.send(join('realtime:room', {}, '10'));
  assert.deepEqual(await socket.next(), ['10', '10', 'realtime:room', 'phx_reply', { response: { postgres_changes: [] }, status: 'ok' }]);
  socket.send(['10', '11', 'realtime:room', 'phx_leave', {}]);
  assert.deepEqual(await socket.next(), ['10', '11', 'realtime:room', 'phx_reply', { response: {}, status: 'ok' }]);
  assert.deepEqual(await socket.next(), ['10', '10', 'realtime:room', 'phx_close', {}]);
});

test('a_refused_join_says_why_and_keeps_its_socket_waiting', async () => {
  await settings({ join_error_ms: 300 });
  const socket = await raw();
  const began = performance.now();
  socket.send(join('realtime:', {}, '1'));
  socket.send([null, '2', 'phoenix', 'heartbeat', {}]);
  assert.deepEqual((await socket.next())[4], { response: { reason: 'TopicNameRequired: You must provide a topic name' }, status: 'error' });
  assert.equal((await socket.next())[1], '2');
  assert.ok(performance.now() - began >= 290);
  await settings();
  socket.send(join('realtime:secret', { private: true }, '3'));
  assert.equal((await socket.next())[4].response.reason, 'Unauthorized: You do not have permissions to read from this Channel topic: secret');
});

test('presence_state_comes_on_join_and_a_diff_for_every_change', async () => {
  const socket = await raw();
  socket.send(join('realtime:people', { presence: { enabled: true, key: 'ann' } }));
  await socket.next();
  assert.deepEqual(await socket.next(), ['1', null, 'realtime:people', 'presence_state', {}]);
  socket.send(['1', '2', 'realtime:people', 'presence', { type: 'presence', event: 'track', payload: { at: 'desk' } }]);
  assert.equal((await socket.next())[4].status, 'ok');
  const [, , , event, { joins, leaves }] = await socket.next();
  assert.deepEqual([event, joins.ann.metas[0].at, typeof joins.ann.metas[0].phx_ref, leaves], ['presence_diff', 'desk', 'string', {}]);
});

test('a_binary_broadcast_reaches_both_serializers', async () => {
  const [sender, modern, old] = [await raw(), await raw(), await raw({ vsn: '1.0.0' })];
  sender.send(join('realtime:talk', { broadcast: { ack: true } }));
  modern.send(join('realtime:talk'));
  old.send({ topic: 'realtime:talk', event: 'phx_join', payload: { config: {} }, ref: '1' });
  for (const socket of [sender, modern, old]) await socket.next();
  const parts = ['1', '2', 'realtime:talk', 'greet', ''].map((text) => Buffer.from(text));
  const body = Buffer.from('{"text":"Grüße"}');
  sender.send(Buffer.concat([Buffer.from([3, ...parts.map(({ length }) => length), 1]), ...parts, body]));
  assert.deepEqual(await sender.next(), ['1', '2', 'realtime:talk', 'phx_reply', { response: {}, status: 'ok' }]);
  const topic = Buffer.from('realtime:talk');
  assert.deepEqual(await modern.next(), Buffer.concat([Buffer.from([4, topic.length, 5, 0, 1]), topic, Buffer.from('greet'), body]));
  assert.deepEqual(await old.next(), { topic: 'realtime:talk', event: 'broadcast', ref: null, payload: { type: 'broadcast', event: 'greet', payload: { text: 'Grüße' } } });
});

test('connections_are_refused_over_http', async () => {
  const anon = { role: 'anon', exp: now() + 60 };
  assert.deepEqual(await refusal({ key: null }), { status: 401, message: 'API key is missing' });
  assert.deepEqual(await refusal({ key: 'rubbish' }), { status: 401, message: 'The token provided is not a valid JWT' });
  assert.deepEqual(await refusal({ key: await sign({ ...anon, exp: now() - 60 }) }), { status: 401, message: 'Token has expired' });
  assert.deepEqual(await refusal({ key: await sign(anon, 'x'.repeat(40)) }), { status: 401, message: 'Failed to validate JWT signature' });
  assert.equal((await refusal({ vsn: '3.0.0' })).status, 403);
  assert.equal((await refusal({ path: '/realtime/v1/elsewhere' })).status, 404);
  await settings({ max_connections: 1 });
  await raw({ key: env.PUBLISHABLE_KEY });
  assert.deepEqual(await refusal(), { status: 429, message: 'Too many connected users' });
});

test('limits_are_told_by_name', async () => {
  await settings({ max_channels: 2, messages_per_second: 3 });
  const socket = await raw();
  for (const n of [1, 2, 3]) socket.send(join(`realtime:${n}`, {}, String(n)));
  const replies = [await socket.next(), await socket.next(), await socket.next()];
  assert.deepEqual(replies.map(([, , , , payload]) => payload.status), ['ok', 'ok', 'error']);
  assert.equal(replies[2][4].response.reason, 'ChannelRateLimitReached: Too many channels');
  // More than two seconds' worth, so that one second is over the limit whenever it begins.
  for (let n = 0; n < 7; n++) socket.send(['1', null, 'realtime:1', 'broadcast', { type: 'broadcast', event: 'e', payload: {} }]);
  const [, , , event, system] = await socket.next();
  assert.deepEqual([event, system.extension, system.message], ['system', 'system', 'Too many messages per second']);
  assert.equal((await socket.next())[3], 'phx_close');
});

test('too_many_joins_end_the_socket', async () => {
  await settings({ joins_per_second: 2 });
  const socket = await raw();
  for (let n = 1; n <= 5; n++) socket.send(join(`realtime:${n}`, {}, String(n)));
  await socket.closed;
  const refused = socket.frames.find(([, , , , payload]) => payload.status === 'error');
  assert.equal(refused[4].response.reason, 'ClientJoinRateLimitReached: Too many joins per second');
});

test('a_silent_client_is_closed_with_1000', async () => {
  await settings({ client_timeout_ms: 300 });
  const [silent, alive] = [await raw(), await raw()];
  const beat = setInterval(() => alive.send([null, '1', 'phoenix', 'heartbeat', {}]), 100);
  assert.equal(await silent.closed, 1000);
  await sleep(200);
  clearInterval(beat);
  assert.equal(alive.ws.readyState, 1);
});

test('a_join_may_wait_for_its_subscription', async () => {
  const socket = await raw();
  const config = { ...changesOf(ENTRY), postgres_changes_options: { wait: true } };
  socket.send(join('realtime:waits', config));
  assert.deepEqual([(await socket.next())[3], (await socket.next())[3]], ['phx_reply', 'system']);
  socket.send(join('realtime:waits not', { ...config, ...changesOf({ ...ENTRY, table: 'rt_quiet' }) }, '2'));
  assert.match((await socket.next())[4].response.reason, /^RealtimeDisabledForConfiguration: Unable to subscribe/);
});

test('a_cold_subscription_takes_its_time_and_an_idle_poller_leaves_no_slot', async () => {
  const slots = async () => (await db.query("select count(*)::int as count from pg_replication_slots where slot_name like 'chairside_realtime%'")).rows[0].count;
  await settings({ linger_ms: 1, cold_ms: 400 });
  await closeAll();
  const short = await raw();
  short.send(join('realtime:short', changesOf(ENTRY)));
  await until(() => short.frames.length === 2);
  short.ws.close();
  await until(async () => (await slots()) === 0, 'the slot to go');
  const socket = await raw();
  socket.send(join('realtime:cold', changesOf(ENTRY)));
  await socket.next();
  const began = performance.now();
  assert.equal((await socket.next())[3], 'system');
  assert.ok(performance.now() - began >= 390);
  assert.equal(await slots(), 1);
});

test('an_upgrade_is_counted_and_down_ends_sockets_too', async () => {
  await control('DELETE', '/requests');
  const socket = await raw();
  assert.equal((await control('GET', '/requests')).paths['GET /realtime/v1/websocket'], 1);
  await control('POST', '/mode', { mode: 'down' });
  assert.equal(await socket.closed, 1006);
  await control('POST', '/mode', { mode: 'ok' });
  assert.ok(await raw());
});
