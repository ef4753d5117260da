// Phoenix's frames, bare: both serializers, every refusal of a join, and frames that no client should send. Whatever
// one socket does, another one never notices.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { control, env, tokens } from '../lib/stack.mjs';
import { APPOINTMENTS, appointment, closeAll, insert, join, people, raw, SERVICES, sleep, token, update } from './support.mjs';

const TOPIC = 'realtime:room1';
const HEARTBEAT = [null, '7', 'phoenix', 'heartbeat', {}];
const is = (event) => ([, , , name]) => name === event;
const isMark = ([, , , , payload]) => payload.message === 'watermark';

let database;
let bystander;
before(async () => {
  database = await Database.open();
  await database.keep();
  await control('POST', '/realtime', { mode: 'settings', idle_poll_ms: 40 });
  bystander = await raw();
  bystander.send(join('realtime:bystander', { token: tokens.receptionist }));
  await bystander.next(isMark);
});
after(async () => {
  await closeAll();
  await control('POST', '/realtime', { mode: 'settings' });
  await database.restore();
  await database.close();
});

/** Somebody who has nothing to do with it still gets what happens. */
async function othersAreUnharmed() {
  bystander.send(HEARTBEAT);
  const { id } = await insert(database, 'appointment', appointment());
  await bystander.next(([, , , , { data }]) => data?.record?.id === id);
}

/** A socket with the topic joined, all frames of the join read. */
async function joined(options = {}) {
  const socket = await raw(options);
  socket.send(join(TOPIC, { token: tokens.receptionist, ...options }));
  await socket.next(isMark);
  socket.frames.length = 0;
  return socket;
}

test('2.0.0: a join, a change, a heartbeat and a leave, word for word', async () => {
  const socket = await raw();
  const entries = [{ event: 'INSERT', schema: 'public', table: 'appointment', extra: [1.0, 'kept'] }, SERVICES];
  socket.send(join(TOPIC, { ref: '5', token: tokens.dentist, entries }));
  const [joinRef, ref, topic, event, { response, status }] = await socket.next();
  assert.deepEqual([joinRef, ref, topic, event, status], ['5', '5', TOPIC, 'phx_reply', 'ok']);
  assert.deepEqual(response.postgres_changes.map(({ id, ...entry }) => [typeof id, entry]), entries.map((entry) => ['number', entry]));
  assert.deepEqual(await socket.next(), ['5', null, TOPIC, 'system', { channel: 'room1', extension: 'postgres_changes', message: 'Subscribed to PostgreSQL', status: 'ok' }]);
  await socket.next(isMark);
  const { id } = await insert(database, 'appointment', appointment());
  const [, , , , payload] = await socket.next(([, , , , { data }]) => data?.record.id === id);
  assert.deepEqual(payload.ids, [response.postgres_changes[0].id]);
  assert.deepEqual(Object.keys(payload.data).sort(), ['columns', 'commit_timestamp', 'errors', 'record', 'schema', 'table', 'type']);
  assert.match(payload.data.commit_timestamp, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
  assert.deepEqual([typeof payload.epoch, typeof payload.offset], ['string', 'number']);
  socket.send(HEARTBEAT);
  assert.deepEqual(await socket.next(([, ref]) => ref === '7'), [null, '7', 'phoenix', 'phx_reply', { response: {}, status: 'ok' }]);
  socket.send(['5', '8', TOPIC, 'phx_leave', {}]);
  assert.deepEqual(await socket.next(is('phx_reply')), ['5', '8', TOPIC, 'phx_reply', { response: {}, status: 'ok' }]);
  assert.deepEqual(await socket.next(is('phx_close')), ['5', '5', TOPIC, 'phx_close', {}]);
  // Left is left.
  await othersAreUnharmed();
  assert.deepEqual(socket.frames.filter(is('postgres_changes')), []);
});

for (const vsn of ['1.0.0', null]) {
  test(`1.0.0 (${vsn ? 'asked for' : 'by default'}): the same as objects`, async () => {
    const socket = await raw({ vsn });
    const [, , , , payload] = join(TOPIC, { token: tokens.receptionist });
    socket.send({ topic: TOPIC, event: 'phx_join', payload, ref: '1', join_ref: '1' });
    const reply = await socket.next();
    assert.deepEqual([reply.topic, reply.event, reply.ref, reply.payload.status], [TOPIC, 'phx_reply', '1', 'ok']);
    assert.equal((await socket.next()).payload.message, 'Subscribed to PostgreSQL');
    await socket.next(({ payload }) => payload.message === 'watermark');
    const { id } = await insert(database, 'appointment', appointment());
    const change = await socket.next(({ event, payload }) => event === 'postgres_changes' && payload.data.record.id === id);
    assert.deepEqual([change.topic, change.payload.data.type, change.payload.ids], [TOPIC, 'INSERT', [reply.payload.response.postgres_changes[0].id]]);
    socket.send({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '2' });
    assert.deepEqual(await socket.next(({ ref }) => ref === '2'), { ref: '2', topic: 'phoenix', event: 'phx_reply', payload: { response: {}, status: 'ok' } });
    socket.send({ topic: TOPIC, event: 'phx_leave', payload: {}, ref: '3', join_ref: '1' });
    assert.equal((await socket.next(({ event }) => event === 'phx_close')).topic, TOPIC);
  });
}

test('a topic that is joined again: the new reply, the end of the old join, and everything goes on', async () => {
  const socket = await joined();
  socket.send(join(TOPIC, { ref: '2', token: tokens.receptionist }));
  const frames = [];
  while (frames.at(-1)?.[0] !== '2' || frames.at(-1)[3] !== 'system') frames.push(await socket.next());
  // How the feed stands may be told at any moment, also to the old join.
  const [reply, closed, ok, ...more] = frames.filter(([join, , , event]) => event !== 'system' || join === '2');
  assert.deepEqual(more, []);
  assert.deepEqual([reply[0], reply[3], closed.slice(0, 4), ok[0], ok[4].message], ['2', 'phx_reply', ['1', '1', TOPIC, 'phx_close'], '2', 'Subscribed to PostgreSQL']);
  const { id } = await insert(database, 'appointment', appointment());
  await socket.next(([, , , , { data }]) => data?.record?.id === id);
});

test('resume by hand: everything since, in order, then live; an unknown epoch is a resync', async () => {
  const socket = await joined();
  const first = await insert(database, 'appointment', appointment());
  const [, , , , { epoch, offset }] = await socket.next(([, , , , { data }]) => data?.record?.id === first.id);
  socket.ws.terminate();
  for (const notes of ['a', 'b', 'c']) await update(database, 'appointment', first.id, { notes });
  const back = await raw();
  back.send(join(TOPIC, { token: tokens.receptionist, broadcast: { resume: { epoch, offset } } }));
  const notes = [];
  while (notes.at(-1) !== 'c') notes.push((await back.next(is('postgres_changes')))[4].data.record.notes);
  assert.deepEqual(notes, ['a', 'b', 'c']);
  await update(database, 'appointment', first.id, { notes: 'd' });
  assert.equal((await back.next(is('postgres_changes')))[4].data.record.notes, 'd');

  const lost = await raw();
  lost.send(join(TOPIC, { token: tokens.receptionist, broadcast: { resume: { epoch: 'another', offset: 3 } } }));
  const [, , , , told] = await lost.next(([, , , , { status }]) => status === 'resync');
  assert.deepEqual([told.extension, told.epoch], ['chairside', epoch]);
  await update(database, 'appointment', first.id, { notes: 'e' });
  assert.equal((await lost.next(is('postgres_changes')))[4].data.record.notes, 'e');
});

describe('a join is refused', () => {
  const many = Array(101).fill(APPOINTMENTS);
  const good = tokens.receptionist;
  const REFUSED = [
    ['a topic without the prefix', join('room1', { token: good }), /^unmatched topic$/],
    ['a topic without a name', join('realtime:', { token: good }), /^TopicNameRequired/],
    ['a topic that is too long', join(`realtime:${'x'.repeat(300)}`, { token: good }), /^TopicNameTooLong/],
    ['a token that is none', join(TOPIC, { token: 'nonsense' }), /^MalformedJWT/],
    ['a token with a wrong signature', join(TOPIC, { token: `${good.slice(0, -6)}AAAAAA` }), /^JwtSignatureError/],
    ['a token that has ended', join(TOPIC, { token: token(people.patient, -10) }), /^InvalidJWTToken: Token has expired/],
    ['a token of nobody', join(TOPIC, { token: token('00000000-0000-4000-8000-00000000dead') }), /^Unauthorized/],
    ['the service key', join(TOPIC, { token: env.SERVICE_ROLE_KEY }), /^Unauthorized: The service key/],
    ['101 bindings', join(TOPIC, { token: good, entries: many }), /^TooManyBindings/],
    ['bindings that are no list', join(TOPIC, { token: good, entries: { event: '*' } }), /postgres_changes must be an array of objects/],
    ['a binding that is no object', join(TOPIC, { token: good, entries: ['x'] }), /postgres_changes must be an array of objects/],
    ['a config that is no object', ['1', '1', TOPIC, 'phx_join', { config: 7 }], /config must be an object/],
    ['a payload that is no object', ['1', '1', TOPIC, 'phx_join', 'hello'], /payload must be an object/],
    ['a cursor that is none', join(TOPIC, { token: good, broadcast: { resume: { epoch: 'x', offset: -1 } } }), /resume\.offset must be a whole number/],
    ['a private channel without a user', join(TOPIC, { private: true }), /^Unauthorized/],
    ['broadcast without a user', join(TOPIC, { entries: [] }), /^Unauthorized: .*signed in/],
  ];
  for (const [name, frame, reason] of REFUSED) {
    test(name, async () => {
      const socket = await raw();
      socket.send(frame);
      const [, ref, topic, event, { status, response }] = await socket.next();
      assert.deepEqual([ref, topic, event, status], ['1', frame[2], 'phx_reply', 'error']);
      assert.match(response.reason, reason);
      // The socket is as good as before.
      socket.send(join(TOPIC, { ref: '2', token: good }));
      await socket.next(isMark);
    });
  }

  test('more than 20 in a second, and more than 100 topics', async () => {
    const socket = await raw();
    const reasons = [];
    for (let at = 0; at < 101; at++) {
      socket.send(join(`realtime:t${at}`, { ref: `${at}`, token: good }));
      const [, , , , { response }] = await socket.next(([, ref, , event]) => event === 'phx_reply' && ref === `${at}`);
      if (response.reason) reasons.push(response.reason);
      if (response.reason?.startsWith('ClientJoin')) at -= 1;
      if (response.reason?.startsWith('ClientJoin')) await sleep(100);
    }
    assert.equal(reasons.at(-1), 'ChannelRateLimitReached: Too many channels');
    assert.ok(reasons.slice(0, -1).every((reason) => reason === 'ClientJoinRateLimitReached: Too many joins per second'));
    assert.ok(reasons.length > 1);
    await othersAreUnharmed();
  });
});

describe('a socket is refused', () => {
  const REFUSED = [
    ['without a key', '', 401],
    ['with a wrong key', 'apikey=nonsense', 401],
    ['with the service key', `apikey=${env.SERVICE_ROLE_KEY}`, 401],
    ['with a version that there is not', `apikey=${env.ANON_KEY}&vsn=3.0.0`, 403],
    ['from a page elsewhere', `apikey=${env.ANON_KEY}`, 403, { origin: 'https://evil.test' }],
  ];
  for (const [name, query, status, headers] of REFUSED) {
    test(name, async () => {
      const { default: WebSocket } = await import('ws');
      const ws = new WebSocket(`${env.CHAIRSIDE_URL.replace('http', 'ws')}/realtime/v1/websocket?${query}`, { headers });
      const got = await new Promise((resolve) => {
        ws.on('unexpected-response', (_, response) => resolve(response.statusCode));
        ws.on('open', () => resolve(101));
        ws.on('error', () => {});
      });
      ws.terminate();
      assert.equal(got, status);
    });
  }
});

describe('a frame that no client sends', () => {
  const ANSWERED = [
    ['an unknown event', ['1', '2', TOPIC, 'phx_dance', {}], 'unknown event'],
    ['a topic that was not joined', ['1', '2', 'realtime:elsewhere', 'broadcast', { type: 'broadcast', event: 'e', payload: {} }], 'unmatched topic'],
    ['an earlier join of the topic', ['0', '2', TOPIC, 'broadcast', { type: 'broadcast', event: 'e', payload: {} }], 'unmatched topic'],
    ['an access token that is none', ['1', '2', TOPIC, 'access_token', { access_token: 7 }], 'access_token must be a string'],
    ['a presence that is none', ['1', '2', TOPIC, 'presence', { event: 'dance' }], 'event must be track or untrack'],
    ['a broadcast without an event', ['1', '2', TOPIC, 'broadcast', {}], 'event is missing'],
  ];
  for (const [name, frame, reason] of ANSWERED) {
    test(`${name}: an error, and the channel stays`, async () => {
      const socket = await joined();
      socket.send(frame);
      assert.deepEqual((await socket.next(([, ref]) => ref === '2'))[4], { response: { reason }, status: 'error' });
      const { id } = await insert(database, 'appointment', appointment());
      await socket.next(([, , , , { data }]) => data?.record?.id === id);
    });
  }

  const big = (bytes) => JSON.stringify(['1', '2', TOPIC, 'broadcast', { type: 'broadcast', event: 'e', payload: 'x'.repeat(bytes) }]);
  const CLOSED = [
    ['no JSON', '{', 1007],
    ['nothing', '', 1007],
    ['a list that is too short', '["1"]', 1007],
    ['an object where lists are spoken', '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}', 1007],
    ['a topic that is no text', '["1","2",3,"phx_join",{}]', 1007],
    ['an empty binary frame', Buffer.alloc(0), 1007],
    ['a broken binary frame', Buffer.from([3, 255, 255, 255, 255, 255, 1]), 1007],
    ['more than 64 KiB', big(65_536), 1009],
    ['more than 64 KiB of bytes', Buffer.alloc(65_537, 3), 1009],
    ['more than any frame may have', big(2 << 20), 1009],
  ];
  beforeEach(() => (bystander.frames.length = 0));
  for (const [name, frame, code] of CLOSED) {
    test(`${name}: the socket is closed with ${code}`, async () => {
      const socket = await joined();
      socket.send(frame);
      assert.equal((await socket.closed).code, code);
      await othersAreUnharmed();
    });
  }

  const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const HARMLESS = [
    ['just under 64 KiB', big(65_000)],
    ['JSON that is nested deeply', `["1","2","${TOPIC}","broadcast",{"type":"broadcast","event":"e","payload":${nested(30_000)}}]`],
    ['a presence that is nested deeply', `["1","2","${TOPIC}","presence",{"type":"presence","event":"track","payload":{"x":${nested(2000)}}}]`],
  ];
  for (const [name, frame] of HARMLESS) {
    test(`${name}: no harm`, async () => {
      const socket = await joined({ broadcast: { ack: true, self: true } });
      socket.send(frame);
      assert.equal((await socket.next(([, ref]) => ref === '2'))[4].status, 'ok');
      await othersAreUnharmed();
    });
  }
});
