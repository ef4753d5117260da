// The faults of the Realtime stand-in, each as its clients notice it, or fail to.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import pg from 'pg';
import { closeAll, listen, misbehave, official, raw, ready, refusal, settings, sleep, stats, until, withNotes } from './realtime-support.mjs';
import { env } from './support.mjs';

const db = withNotes(beforeEach);
afterEach(closeAll);

const service = () => official({ key: env.SERVICE_ROLE_KEY });
const insert = (id) => db.query('insert into public.rt_note (id) values ($1)', [id]);
const heartbeat = [null, '99', 'phoenix', 'heartbeat', {}];

/** A raw socket with one joined, confirmed topic; `changes()` are the ids it got. */
async function joined(topic = 'realtime:t') {
  const socket = await raw();
  const join = (ref) => socket.send([ref, ref, topic, 'phx_join', { config: { postgres_changes: [{ event: 'INSERT', schema: 'public', table: 'rt_note' }] } }]);
  join('1');
  await until(() => socket.frames.some(([, , , event]) => event === 'system'));
  socket.frames.length = 0;
  const changes = () => socket.frames.filter(([, , , event]) => event === 'postgres_changes').map(([, , , , { data }]) => data.record.id);
  const systems = () => socket.frames.filter(([, , , event]) => event === 'system').map(([, , , , { status }]) => status);
  return { ...socket, join, changes, systems };
}

const alive = async (socket) => {
  socket.send(heartbeat);
  await until(() => socket.frames.some(([, ref]) => ref === '99'), 'the heartbeat to be answered');
};

test('dropped_sockets_end_without_a_close_and_the_official_client_comes_back', async () => {
  const [socket, heard] = [await joined(), await ready(service(), 'back')];
  await misbehave('drop');
  assert.equal(await socket.closed, 1006);
  await until(() => heard.oks() === 2, 'the client to be back', 8000);
  await insert(1);
  await heard.until(1);
  assert.deepEqual(heard.states.slice(0, 2), ['SUBSCRIBED', 'CHANNEL_ERROR']);
});

test('paused_changes_arrive_later_in_order', async () => {
  const socket = await joined();
  await misbehave('pause');
  await insert(1);
  await insert(2);
  await until(async () => (await stats()).held === 2);
  assert.deepEqual(socket.changes(), []);
  await misbehave('ok');
  await until(() => socket.changes().length === 2);
  assert.deepEqual(socket.changes(), [1, 2]);
  await misbehave('pause', { ms: 150 });
  await insert(3);
  await until(() => socket.changes().length === 3);
});

test('lost_changes_leave_no_trace_but_the_count', async () => {
  const socket = await joined();
  const { lost } = await stats();
  await misbehave('lose', { count: 2 });
  for (const id of [1, 2, 3]) await insert(id);
  await until(() => socket.changes().length > 0);
  assert.deepEqual(socket.changes(), [3]);
  await misbehave('lose', { ms: 250 });
  await insert(4);
  await until(async () => (await stats()).modes.length === 0);
  await insert(5);
  await until(() => socket.changes().length > 1);
  assert.deepEqual(socket.changes(), [3, 5]);
  assert.equal((await stats()).lost, lost + 3);
  await alive(socket);
  assert.deepEqual(socket.systems(), []);
});

test('over_quota_changes_are_dropped_in_silence', async () => {
  await settings({ changes_per_second: 5 });
  const socket = await joined();
  const { lost } = await stats();
  await db.query('insert into public.rt_note (id) select generate_series(1, 40)');
  await until(async () => (await stats()).lost > lost);
  await sleep(100);
  const got = socket.changes();
  assert.ok(got.length >= 5 && got.length <= 10, `${got.length} arrived`);
  assert.equal(got.length + (await stats()).lost - lost, 40);
});

test('a_zombie_answers_heartbeats_and_wakes_at_a_new_join', async () => {
  const socket = await joined();
  await misbehave('zombie');
  await insert(1);
  await alive(socket);
  await sleep(150);
  assert.deepEqual([socket.changes(), socket.systems(), socket.ws.readyState], [[], [], 1]);
  socket.join('2');
  await until(() => socket.systems().length > 0);
  await insert(2);
  await until(() => socket.changes().length > 0);
  assert.deepEqual(socket.changes(), [2]);
});

test('a_zombie_wakes_at_another_token_too', async () => {
  const from = await official({ token: env.TOKEN_PATIENT });
  const heard = await ready(from, 'asleep');
  await misbehave('zombie');
  await from.realtime.setAuth(env.TOKEN_RECEPTIONIST);
  await until(() => heard.oks() === 2);
  await insert(1);
  await heard.until(1);
});

test('a_second_system_ok_comes_unasked_and_may_hide_a_gap', async () => {
  const socket = await joined();
  await misbehave('resubscribe');
  await until(() => socket.systems().length === 1);
  await insert(1);
  await until(() => socket.changes().length === 1);
  await misbehave('resubscribe', { gap_ms: 300 });
  await insert(2);
  await until(() => socket.systems().length === 2);
  await insert(3);
  await until(() => socket.changes().length > 1);
  assert.deepEqual([socket.changes(), socket.systems()], [[1, 3], ['ok', 'ok']]);
});

test('the_next_join_is_late_or_refused_or_never_answered', async () => {
  const socket = await raw();
  const join = (ref) => socket.send([ref, ref, `realtime:${ref}`, 'phx_join', { config: {} }]);
  await misbehave('join', { ms: 300 });
  const began = performance.now();
  join('1');
  assert.equal((await socket.next())[4].status, 'ok');
  assert.ok(performance.now() - began >= 290);
  await misbehave('join', { error: 'Unknown Error on Channel', count: 2 });
  for (const [ref, status] of [['2', 'error'], ['3', 'error'], ['4', 'ok']]) {
    join(ref);
    const [, , , , payload] = await socket.next();
    assert.equal(payload.status, status);
    if (status === 'error') assert.deepEqual(payload.response, { reason: 'Unknown Error on Channel' });
  }
  await misbehave('join', { never: true });
  join('5');
  await alive(socket);
  assert.deepEqual(socket.frames.map(([, ref]) => ref), ['99']);
});

test('the_official_client_takes_a_refused_join_for_an_error_and_tries_again', async () => {
  await misbehave('join', { error: 'Realtime was unable to connect to the project database' });
  const heard = listen(await service(), 'again');
  await until(() => heard.oks() === 1, 'the second try', 8000);
  assert.deepEqual(heard.states, ['CHANNEL_ERROR', 'SUBSCRIBED']);
  assert.equal(heard.errors[0].message, 'Realtime was unable to connect to the project database');
});

test('a_channel_that_dies_says_phx_error_and_its_socket_lives', async () => {
  const socket = await joined();
  await misbehave('crash');
  assert.deepEqual(await socket.next(), ['1', '1', 'realtime:t', 'phx_error', {}]);
  await alive(socket);
});

test('a_restart_closes_with_1012_and_is_away_for_a_time', async () => {
  const socket = await joined();
  await misbehave('restart', { ms: 300 });
  assert.equal(await socket.closed, 1012);
  assert.equal((await refusal()).status, 503);
  await insert(1);
  await until(async () => (await refusal()) === null, 'it to be back');
  const again = await joined();
  await insert(2);
  await until(() => again.changes().length > 0);
  assert.deepEqual(again.changes(), [2]);
});

test('a_poller_that_loses_its_connection_loses_changes_and_says_nothing', async () => {
  const socket = await joined();
  const { rows } = await db.query("select active_pid as pid from pg_replication_slots where slot_name like 'chairside_realtime%'");
  assert.equal(rows.length, 1);
  // Only the superuser may; the row is written before there can be another slot.
  const admin = new pg.Client({ connectionString: env.DATABASE_URL.replace('//postgres@', '//supabase_admin@') });
  await admin.connect();
  await admin.query(`select pg_terminate_backend(${rows[0].pid}); insert into public.rt_note (id) values (1)`);
  await admin.end();
  await until(async () => {
    const { rows: slots } = await db.query("select active_pid as pid from pg_replication_slots where slot_name like 'chairside_realtime%'");
    return slots.length === 1 && slots[0].pid !== rows[0].pid;
  }, 'another slot');
  await insert(2);
  await until(() => socket.changes().length > 0);
  assert.deepEqual([socket.changes(), socket.systems()], [[2], []]);
  await alive(socket);
});

test('an_unknown_mode_or_setting_is_refused', async () => {
  assert.match((await misbehave('vanish')).error, /^mode must be one of ok, /);
  assert.match((await misbehave('lose')).error, /count or a time/);
  assert.match((await settings({ warm: 1 })).error, /^no setting warm/);
  assert.match((await settings({ warm_ms: '1' })).error, /^warm_ms must be like/);
});
