// The Realtime stand-in as the official client sees it.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { SignJWT } from 'jose';
import { closeAll, listen, official, PATIENT, PATIENT_2, ready, settings, sleep, until, withNotes } from './realtime-support.mjs';
import { env } from './support.mjs';

const db = withNotes(beforeEach);
afterEach(closeAll);

const service = () => official({ key: env.SERVICE_ROLE_KEY });
const insert = (id, rest = {}) => db.query('insert into public.rt_note (id, room, owner) values ($1, $2, $3)', [id, rest.room ?? null, rest.owner ?? null]);

function token(claims) {
  const secret = new TextEncoder().encode(env.JWT_SECRET);
  return new SignJWT({ role: 'authenticated', sub: PATIENT, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(secret);
}
const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;

test('insert_update_and_delete_arrive_with_their_rows', async () => {
  const heard = await ready(service(), 'all');
  await db.query(`insert into public.rt_note values (1, 'a', null, 12.50, '{x,"y z"}', '{"k": [1]}', '2026-01-02 03:04:05.678+00', 'text')`);
  await heard.until(1);
  await db.query("update public.rt_note set room = 'b' where id = 1");
  await heard.until(2);
  await db.query('delete from public.rt_note where id = 1');
  await heard.until(3);
  const [inserted, updated, deleted] = heard.changes;
  assert.equal(inserted.eventType, 'INSERT');
  assert.deepEqual(inserted.new, {
    id: 1, room: 'a', owner: null, price: 12.5, tags: ['x', 'y z'], doc: { k: [1] }, at: '2026-01-02T03:04:05.678+00:00', body: 'text',
  });
  assert.deepEqual([inserted.schema, inserted.table, inserted.errors], ['public', 'rt_note', null]);
  assert.match(inserted.commit_timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.now() - Date.parse(inserted.commit_timestamp)) < 10_000);
  assert.equal(updated.eventType, 'UPDATE');
  assert.equal(updated.new.room, 'b');
  assert.deepEqual(updated.old, { id: 1 });
  assert.equal(deleted.eventType, 'DELETE');
  assert.deepEqual([deleted.new, deleted.old], [{}, { id: 1 }]);
});

test('an_event_is_for_those_who_asked_for_it', async () => {
  const heard = await ready(service(), 'deletes', [{ event: 'DELETE', schema: 'public', table: 'rt_note' }]);
  const schema = await ready(service(), 'schema', [{ event: 'INSERT', schema: 'public' }]);
  await insert(1);
  await schema.until(1);
  await db.query('delete from public.rt_note');
  await heard.until(1);
  assert.deepEqual(heard.changes.map(({ eventType }) => eventType), ['DELETE']);
  assert.deepEqual(schema.changes.map(({ eventType }) => eventType), ['INSERT']);
});

test('filters_let_through_what_they_name', async () => {
  const wanted = {
    'id=eq.3': [3], 'id=neq.3': [1, 2, 4], 'id=lt.2': [1], 'id=lte.2': [1, 2], 'id=gt.3': [4], 'id=gte.3': [3, 4], 'id=in.(1,4)': [1, 4],
    'room=eq.a,id=gt.1': [2], 'room=like.b%': [3, 4], 'room=not.eq.a': [3, 4], 'room=is.null': [], 'room=eq."a"': [1, 2], 'price=isdistinct.5': [1, 2, 3, 4],
  };
  const from = await service();
  const heard = await Promise.all(Object.keys(wanted).map((filter) => ready(from, `f ${filter}`, [{ event: 'INSERT', schema: 'public', table: 'rt_note', filter }])));
  const all = await ready(from, 'all');
  for (const [id, room] of [[1, 'a'], [2, 'a'], [3, 'b'], [4, 'bb']]) await insert(id, { room });
  await until(() => all.changes.length === 4);
  await sleep(100);
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((filter, n) => [filter, heard[n].ids()])), wanted);
});

test('a_row_that_leaves_a_filter_is_not_heard_of_and_a_delete_is_filtered_by_its_key_alone', async () => {
  const from = await service();
  const room = await ready(from, 'room', [{ event: '*', schema: 'public', table: 'rt_note', filter: 'room=eq.a' }]);
  const key = await ready(from, 'key', [{ event: '*', schema: 'public', table: 'rt_note', filter: 'id=eq.2' }]);
  await insert(1, { room: 'a' });
  await insert(2, { room: 'b' });
  await Promise.all([room.until(1), key.until(1)]);
  await db.query("update public.rt_note set room = 'gone' where id = 1");
  await db.query('delete from public.rt_note where id = 1');
  await db.query('delete from public.rt_note where id = 2');
  await Promise.all([room.until(3), key.until(2)]);
  assert.deepEqual(room.changes.map((change) => `${change.eventType} ${change.new.id ?? change.old.id}`), ['INSERT 1', 'DELETE 1', 'DELETE 2']);
  assert.deepEqual(key.changes.map((change) => `${change.eventType} ${change.new.id ?? change.old.id}`), ['INSERT 2', 'DELETE 2']);
});

test('two_channels_and_two_entries_on_one_socket_each_get_their_own', async () => {
  const from = await service();
  const both = await ready(from, 'both', [
    { event: 'INSERT', schema: 'public', table: 'rt_note' },
    { event: '*', schema: 'public', table: 'rt_note', filter: 'id=eq.1' },
  ]);
  const other = await ready(from, 'other');
  await insert(1);
  await insert(2);
  await until(() => other.changes.length === 2 && both.changes.length === 3);
  assert.deepEqual(other.ids(), [1, 2]);
  assert.deepEqual(both.ids(), [1, 1, 2]);
});

test('a_channel_that_left_hears_nothing_more', async () => {
  const from = await service();
  const [left, stays] = [await ready(from, 'left'), await ready(from, 'stays')];
  assert.equal(await from.removeChannel(left.channel), 'ok');
  await insert(1);
  await until(() => stays.changes.length === 1);
  assert.deepEqual(left.changes, []);
  assert.equal(left.states.at(-1), 'CLOSED');
});

test('row_level_security_decides_what_a_user_hears', async () => {
  const patient = await ready(official({ token: env.TOKEN_PATIENT }), 'patient');
  const other = await ready(official({ token: env.TOKEN_PATIENT_2 }), 'other');
  const reception = await ready(official({ token: env.TOKEN_RECEPTIONIST }), 'reception');
  const anon = await ready(official(), 'anon');
  await insert(1, { owner: PATIENT });
  await insert(2, { owner: PATIENT_2 });
  await until(() => reception.changes.length === 2 && patient.changes.length > 0 && other.changes.length > 0);
  assert.deepEqual([patient.ids(), other.ids(), reception.ids(), anon.ids()], [[1], [2], [1, 2], []]);
  // No policy can be asked about a row that is gone: all get its key.
  await db.query('delete from public.rt_note where id = 1');
  await until(() => [patient, other, reception, anon].every(({ changes }) => changes.at(-1)?.eventType === 'DELETE'));
  assert.deepEqual(anon.changes, [{ ...anon.changes[0], old: { id: 1 }, new: {} }]);
});

test('rows_are_judged_as_they_are_at_the_poll', async () => {
  await settings({ idle_poll_ms: 300 });
  const heard = await ready(service(), 'late');
  await insert(0);
  await until(() => heard.changes.length === 1);
  heard.changes.length = 0;
  await sleep(30);
  await insert(1);
  await db.query("update public.rt_note set room = 'x' where id = 1");
  await db.query('delete from public.rt_note where id = 1');
  await until(() => heard.changes.length > 0);
  assert.deepEqual(heard.changes.map(({ eventType }) => eventType), ['DELETE']);
});

test('a_role_without_select_gets_an_empty_event_with_the_error', async () => {
  const entry = { event: 'INSERT', schema: 'public', table: 'change_log' };
  const patient = await ready(official({ token: env.TOKEN_PATIENT }), 'log', [entry]);
  const server = await ready(service(), 'log', [entry]);
  await db.query('update public.service set duration_min = duration_min where id = (select id from public.service limit 1)');
  await until(() => patient.changes.length > 0 && server.changes.length > 0);
  const { eventType, new: row, errors, table } = patient.changes[0];
  assert.deepEqual({ eventType, row, errors, table }, { eventType: 'INSERT', row: {}, errors: ['Error 401: Unauthorized'], table: 'change_log' });
  assert.equal(server.changes[0].new.table_name, 'service');
  assert.equal(typeof server.changes[0].new.seq, 'number');
});

test('replica_identity_full_shows_the_old_row_but_not_of_a_delete_under_policies', async () => {
  await db.query('alter table public.rt_note replica identity full');
  try {
    const heard = await ready(service(), 'full');
    await insert(1, { room: 'a' });
    await heard.until(1);
    await db.query("update public.rt_note set room = 'b'");
    await heard.until(2);
    await db.query('delete from public.rt_note');
    await heard.until(3);
    assert.equal(heard.changes[1].old.room, 'a');
    assert.deepEqual(heard.changes[2].old, { id: 1 });
  } finally {
    await db.query('alter table public.rt_note replica identity default');
  }
});

test('what_is_too_large_arrives_cut', async () => {
  const heard = await ready(service(), 'large');
  await db.query("insert into public.rt_note (id, room, body) values (1, 'a', repeat('x', 1100000))");
  await until(() => heard.changes.length === 1);
  assert.deepEqual(heard.changes[0].errors, ['Error 413: Payload Too Large']);
  assert.equal(heard.changes[0].new.room, 'a');
  assert.ok(!('body' in heard.changes[0].new));
});

test('broadcasts_reach_the_others_and_oneself_when_asked_for', async () => {
  const got = { a: [], b: [] };
  const options = { a: { config: { broadcast: { self: true, ack: true } } }, b: {} };
  const channels = {};
  for (const name of ['a', 'b']) {
    channels[name] = (await official()).channel('talk', options[name]).on('broadcast', { event: '*' }, (message) => got[name].push(message));
    await new Promise((done) => channels[name].subscribe((state) => state === 'SUBSCRIBED' && done()));
  }
  assert.equal(await channels.a.send({ type: 'broadcast', event: 'hello', payload: { n: 1, text: 'Grüße' } }), 'ok');
  await channels.b.send({ type: 'broadcast', event: 'reply', payload: { n: 2 } });
  await until(() => got.a.length === 2 && got.b.length === 1);
  assert.deepEqual(got.a.map(({ event, payload }) => [event, payload]), [['hello', { n: 1, text: 'Grüße' }], ['reply', { n: 2 }]]);
  assert.deepEqual(got.b.map(({ event }) => event), ['hello']);
});

test('presence_tells_who_is_there_who_comes_and_who_goes', async () => {
  const seen = [];
  const join = async (key) => {
    const channel = (await official()).channel('room', { config: { presence: { key } } });
    channel.on('presence', { event: 'sync' }, () => {}).on('presence', { event: 'leave' }, (left) => seen.push(`${key} sees ${left.key} leave`));
    await new Promise((done) => channel.subscribe((state) => state === 'SUBSCRIBED' && done()));
    return channel;
  };
  const ann = await join('ann');
  assert.equal(await ann.track({ at: 'desk' }), 'ok');
  const bob = await join('bob');
  await until(() => bob.presenceState().ann);
  await bob.track({ at: 'door' });
  await until(() => ann.presenceState().bob);
  assert.equal(ann.presenceState().bob[0].at, 'door');
  await bob.track({ at: 'desk' });
  await until(() => ann.presenceState().bob?.[0].at === 'desk');
  assert.equal(ann.presenceState().bob.length, 1);
  await bob.unsubscribe();
  await until(() => !ann.presenceState().bob);
  assert.ok(seen.includes('ann sees bob leave'));
});

test('another_token_makes_the_subscription_anew_for_its_user', async () => {
  const from = await official({ token: env.TOKEN_PATIENT });
  const heard = await ready(from, 'mine');
  const all = await ready(service(), 'all');
  await insert(1, { owner: PATIENT_2 });
  await all.until(1);
  await from.realtime.setAuth(env.TOKEN_PATIENT_2);
  await until(() => heard.oks() === 2, 'a second system ok');
  await insert(2, { owner: PATIENT_2 });
  await until(() => heard.changes.length > 0);
  assert.deepEqual(heard.ids(), [2]);
});

test('a_token_that_expires_ends_the_channel', async () => {
  const heard = await ready(official({ token: await token({ exp: inSeconds(2) }) }), 'brief');
  assert.deepEqual(heard.states, ['SUBSCRIBED']);
  await until(() => heard.states.at(-1) === 'CLOSED');
  const { extension, status, message } = heard.systems.at(-1);
  assert.deepEqual({ extension, status, message }, { extension: 'system', status: 'error', message: 'Token has expired 0 seconds ago' });
});

test('bad_tokens_are_refused_by_name', async () => {
  const foreign = await new SignJWT({ role: 'authenticated', exp: inSeconds(60) }).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32));
  const wanted = {
    'MalformedJWT: The token provided is not a valid JWT': 'rubbish',
    'JwtSignatureError: Failed to validate JWT signature': foreign,
    'InvalidJWTToken: Token has expired 100 seconds ago': await token({ exp: inSeconds(-100) }),
    'InvalidJWTToken: Fields `role` and `exp` are required in JWT': await token({}),
  };
  for (const [reason, bad] of Object.entries(wanted)) {
    const heard = listen(await official({ token: bad }), 'bad');
    await until(() => heard.states.length > 0);
    assert.equal(heard.states[0], 'CHANNEL_ERROR');
    assert.equal(heard.errors[0].message.replace(/10[01] seconds/, '100 seconds'), reason);
  }
});

test('a_bad_token_later_on_ends_the_channel', async () => {
  const from = await official({ token: env.TOKEN_PATIENT });
  const heard = await ready(from, 'later');
  await from.realtime.setAuth(`${env.TOKEN_PATIENT.slice(0, -4)}AAAA`);
  await until(() => heard.states.at(-1) === 'CLOSED');
  assert.equal(heard.systems.at(-1).message, 'Failed to validate JWT signature');
});

test('what_cannot_be_subscribed_to_is_told_and_keeps_the_channel', async () => {
  const wanted = [
    [{ event: '*', schema: 'public', table: 'rt_quiet' }, /^Unable to subscribe to changes with given parameters\. Please check Realtime is enabled .*table: rt_quiet/],
    [{ event: '*', schema: 'public', table: 'rt_note', filter: 'zzz=eq.1' }, /invalid column for filter zzz$/],
    [{ event: '*', schema: 'public', table: 'rt_note', filter: 'id=eq.one' }, /invalid input syntax for type bigint: "one"$/],
    [{ event: '*', schema: 'public', table: 'rt_note', filter: 'id=near.1' }, /^Error parsing `filter` params: \["near", "1"\]$/],
    [{ event: '*', schema: 'public', table: 'rt_note', filter: `id=in.(${Array.from({ length: 101 }, (_, n) => n)})` }, /too many values for `in` filter\. Maximum 100$/],
    [{ event: '*' }, /^No subscription params provided/],
  ];
  for (const [entry, message] of wanted) {
    const heard = listen(await service(), 'wrong', [entry]);
    await until(() => heard.systems.length > 0);
    assert.match(heard.systems[0].message, message);
    assert.deepEqual([heard.systems[0].extension, heard.systems[0].status], ['postgres_changes', 'error']);
    assert.deepEqual(heard.states, ['SUBSCRIBED']);
  }
});

test('single_inserts_arrive_at_the_idle_poll', async () => {
  await settings({ idle_poll_ms: 500 });
  const heard = await ready(service(), 'rhythm');
  const waits = [];
  for (let id = 1; id <= 7; id++) {
    // Spread over the interval between two polls.
    await sleep((id * 170) % 500);
    const began = performance.now();
    await insert(id);
    await until(() => heard.changes.length === id);
    waits.push(performance.now() - began);
  }
  waits.sort((a, b) => a - b);
  assert.ok(waits[3] > 120 && waits[3] < 480, `median ${waits[3]} ms`);
  assert.ok(waits[6] < 800, `longest ${waits[6]} ms`);
});
