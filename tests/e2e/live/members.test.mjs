// Broadcast and presence among official clients that are signed in, of either serializer.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { closeAll, official, sleep, until } from './support.mjs';

afterEach(closeAll);

/** A member of a topic; `got` are the broadcasts, `presences` what presence says. */
async function member(role, topic, { config, vsn, track } = {}) {
  const { client } = await official(role, { realtime: vsn ? { vsn } : {} });
  const channel = client.channel(topic, { config });
  const one = { channel, got: [], presences: [] };
  channel.on('broadcast', { event: '*' }, ({ event, payload }) => one.got.push([event, payload]));
  for (const event of ['sync', 'join', 'leave']) {
    channel.on('presence', { event }, ({ key, newPresences, leftPresences }) => one.presences.push([event, key, (newPresences ?? leftPresences)?.map(({ name }) => name)]));
  }
  const state = await new Promise((resolve) => channel.subscribe(resolve));
  assert.equal(state, 'SUBSCRIBED');
  if (track) assert.equal(await channel.track(track), 'ok');
  one.names = () => Object.fromEntries(Object.entries(channel.presenceState()).map(([key, metas]) => [key, metas.map(({ name }) => name)]));
  return one;
}

const say = ({ channel }, event, payload) => channel.send({ type: 'broadcast', event, payload });

for (const vsn of ['1.0.0', '2.0.0']) {
  describe(`broadcast, ${vsn}`, () => {
    test('reaches the other members of the topic and nobody else, in order', async () => {
      const config = { broadcast: { ack: true, self: false } };
      const [one, two, three, elsewhere] = await Promise.all([
        member('patient', 'chat', { config, vsn }),
        member('dentist', 'chat', { vsn: '2.0.0' }),
        member('receptionist', 'chat', { vsn: '1.0.0' }),
        member('receptionist', 'other', { vsn }),
      ]);
      const payloads = [{ text: 'grüße "\\ 𝄞', n: 1.5 }, { list: [1, null, {}] }, {}];
      for (const payload of payloads) assert.equal(await say(one, 'note', payload), 'ok');
      await until(() => two.got.length === 3 && three.got.length === 3, 'the broadcasts');
      for (const { got } of [two, three]) assert.deepEqual(got, payloads.map((payload) => ['note', payload]));
      await say(two, 'answer', { yes: true });
      await until(() => one.got.length > 0, 'the answer');
      assert.deepEqual(one.got, [['answer', { yes: true }]]);
      assert.deepEqual(elsewhere.got, []);
    });

    test('comes back to its sender where that was asked for', async () => {
      const one = await member('patient', 'echo', { config: { broadcast: { self: true, ack: false } }, vsn });
      assert.equal(await say(one, 'note', { text: 'me' }), 'ok');
      await until(() => one.got.length > 0, 'the own broadcast');
      assert.deepEqual(one.got, [['note', { text: 'me' }]]);
    });
  });

  test(`presence, ${vsn}: who is there, who comes and who goes`, async () => {
    const config = (key) => ({ presence: { key } });
    const one = await member('patient', 'lobby', { config: config('one'), vsn, track: { name: 'Ann' } });
    await until(() => one.names().one, 'the own presence');
    const two = await member('dentist', 'lobby', { config: config('two'), vsn: '2.0.0', track: { name: 'Bob' } });
    await until(() => one.names().two && two.names().one && two.names().two, 'both to be seen by both');
    assert.deepEqual([one.names(), two.names()], [{ one: ['Ann'], two: ['Bob'] }, { one: ['Ann'], two: ['Bob'] }]);
    assert.deepEqual(one.presences.filter(([event]) => event === 'join'), [['join', 'one', ['Ann']], ['join', 'two', ['Bob']]]);
    await two.channel.track({ name: 'Rob' });
    await until(() => one.names().two?.[0] === 'Rob', 'the change');
    await two.channel.untrack();
    await until(() => !one.names().two, 'it to be gone');
    await two.channel.track({ name: 'Bob' });
    await until(() => one.names().two, 'it to be back');
    // Whose connection breaks is gone as well.
    one.presences.length = 0;
    two.channel.socket.socketAdapter.socket.conn.terminate();
    await until(() => one.presences.some(([event]) => event === 'leave'), 'the leave');
    assert.deepEqual(one.presences.find(([event]) => event === 'leave'), ['leave', 'two', ['Bob']]);
  });
}

test('who is not signed in may neither speak nor listen', async () => {
  const { client } = await official('anon');
  const states = [];
  client.channel('chat').subscribe((state, error) => states.push([state, error?.message]));
  await until(() => states.length > 0, 'the refusal');
  assert.equal(states[0][0], 'CHANNEL_ERROR');
  assert.match(states[0][1], /signed in/);
});

test('a hundred messages a second and no more', async () => {
  const one = await member('patient', 'flood', { config: { broadcast: { ack: false } } });
  const [two, states] = [await member('dentist', 'flood'), []];
  one.channel.on('system', {}, (message) => states.push(message));
  for (let at = 0; at < 250; at++) say(one, 'flood', { at });
  await until(() => states.length > 0, 'the end of it');
  assert.deepEqual([states[0].status, states[0].message], ['error', 'Too many messages per second']);
  await until(() => two.got.length >= 100, 'the first hundred');
  await sleep(100);
  assert.ok(two.got.length <= 200, `${two.got.length} arrived`);
});
