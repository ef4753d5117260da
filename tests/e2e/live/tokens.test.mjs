// Whom a subscription speaks for, and when that ends: another token, a role that was taken away, a token's own end.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { id, send, tokens } from '../lib/stack.mjs';
import { APPOINTMENTS, appointment, closeAll, insert, join, official, people, percentile, raw, ready, SERVICES, token, until } from './support.mjs';

const COUNT = 34;
const patients = Array.from({ length: COUNT }, (_, at) => id(`a${String(at + 3).padStart(4, '0')}`));

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

const service = () => ({ id: crypto.randomUUID(), code: `K${crypto.randomUUID().slice(0, 8).toUpperCase()}`, name: 'A service', category: 'diagnostic', fee: 1 });

/** One appointment of each patient, then something that everybody sees: whose have come? */
async function whose(heard) {
  const mine = await insert(database, 'appointment', appointment());
  const theirs = await insert(database, 'appointment', appointment({ patient_id: people.patient2 }));
  const last = await insert(database, 'service', service());
  await until(() => heard.changes.some((change) => change.new.id === last.id), 'the last change');
  return [mine, theirs].map((row) => heard.changes.some((change) => change.new.id === row.id));
}

describe('a refreshed token', () => {
  // [from, to, what is seen after: of the first patient, of the second]
  const CASES = [
    ['patient', tokens.patient, [true, false]],
    ['patient', tokens.patient2, [false, true]],
    ['patient', tokens.receptionist, [true, true]],
    ['receptionist', tokens.patient, [true, false]],
    ['receptionist', null, [false, false]],
    ['anon', tokens.dentist, [true, true]],
  ];
  for (const [from, to, sees] of CASES) {
    test(`${from}, then ${Object.entries(tokens).find(([, value]) => value === to)?.[0] ?? 'anon'}`, async () => {
      const client = await official(from);
      const heard = await ready(client, 'refreshed', [APPOINTMENTS, SERVICES]);
      // The very same token would not be sent.
      const other = to === tokens[from] ? token(people[from]) : to;
      await client.signIn(other);
      await until(() => heard.oks() === 2, 'a second confirmation');
      assert.deepEqual(await whose(heard), sees);
      assert.deepEqual(heard.states, ['SUBSCRIBED']);
    });
  }

  test('one that is no good ends the channel with the reason', async () => {
    const client = await official('patient');
    const heard = await ready(client, 'spoilt');
    await client.signIn(`${tokens.patient.slice(0, -5)}AAAAA`);
    await until(() => heard.states.at(-1) === 'CLOSED', 'the end');
    const told = heard.systems.find(({ status }) => status === 'error');
    assert.deepEqual([told.extension, told.message], ['system', 'JwtSignatureError: Failed to validate JWT signature']);
  });
});

/** Joins a topic for each of these tokens, 17 on a socket; `ends(at)` is when the server closed the one of index `at`. */
async function subscribed(given) {
  const ends = new Map();
  const reasons = new Map();
  const sockets = await Promise.all(Array.from({ length: Math.ceil(given.length / 17) }, () => raw()));
  await Promise.all(given.map(async (one, at) => {
    const socket = sockets[Math.floor(at / 17)];
    socket.send(join(`realtime:t${at}`, { ref: `${at}`, token: one, entries: [APPOINTMENTS, SERVICES] }));
    await socket.next(([, , topic, , payload]) => topic === `realtime:t${at}` && payload.message === 'watermark', 10_000);
  }));
  for (const { ws } of sockets) {
    ws.on('message', (data) => {
      const [, , topic, event, payload] = JSON.parse(data);
      const at = Number(topic.slice('realtime:t'.length));
      if (event === 'phx_close') ends.set(at, Date.now());
      if (event === 'system' && payload.status === 'error') reasons.set(at, [payload.extension, payload.message]);
    });
  }
  return { ends, reasons };
}

function tell(t, what, delays) {
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(delays, share));
  t.diagnostic(`${what}: ${delays.length} subscriptions, p50 ${p50} ms, p99 ${p99} ms`);
  return p99;
}

test('a role, a status or a person that goes ends the subscriptions within a second', async (t) => {
  const delays = [];
  const message = 'You no longer have permission to receive these changes: your role or status has changed';
  for (const [method, body] of [['PATCH', { status: 'inactive' }], ['PATCH', { role_id: 2 }], ['DELETE']]) {
    const { ends, reasons } = await subscribed(patients.map((patient) => token(patient)));
    for (const [at, patient] of patients.entries()) {
      // Counted from before the commit, so with all of the way there.
      const sent = Date.now();
      const reply = await send(method, `/rest/v1/user?id=eq.${patient}`, { role: 'admin', body });
      assert.equal(reply.status, 204, reply.text);
      await until(() => ends.has(at), `the end of ${at}`);
      delays.push(ends.get(at) - sent);
      assert.equal(ends.size, at + 1);
      assert.deepEqual(reasons.get(at), ['system', message]);
    }
    await database.rows(`update public."user" set status = 'active', role_id = 1, deleted_at = null where id = any ($1)`, [patients]);
  }
  assert.equal(delays.length, 3 * COUNT);
  assert.ok(tell(t, 'from the request to the end', delays) <= 1000);
});

test('a change of the role that did not go through Chairside ends them too', async () => {
  const heard = await ready(official('patient2'), 'direct');
  const sent = Date.now();
  await database.rows(`update public."user" set status = 'inactive' where id = $1`, [people.patient2]);
  await until(() => heard.states.at(-1) === 'CLOSED', 'the end');
  // Realtime polls twice a second.
  assert.ok(Date.now() - sent <= 1600);
  // Who is not active any more does not get in again, whatever the token says.
  const { client } = await official('patient2');
  const states = [];
  client.channel('again').on('postgres_changes', APPOINTMENTS, () => {}).subscribe((state, error) => states.push([state, error?.message]));
  await until(() => states.length > 0, 'the refusal');
  assert.deepEqual(states[0], ['CHANNEL_ERROR', 'Unauthorized: You do not have permissions to read from this Channel topic']);
  await database.rows(`update public."user" set status = 'active' where id = $1`, [people.patient2]);
});

test('a change of the person that leaves the role alone does not', async () => {
  const heard = await ready(official('patient'), 'moved', [APPOINTMENTS, SERVICES, { event: 'UPDATE', schema: 'public', table: 'user' }]);
  await database.rows(`update public."user" set preferred_name = 'Pat' where id = $1`, [people.patient]);
  await until(() => heard.changes.some(({ table }) => table === 'user'), 'the own row');
  assert.deepEqual(await whose(heard), [true, false]);
  assert.deepEqual(heard.states, ['SUBSCRIBED']);
});

test('a token that ends takes its subscriptions with it, within a second', async (t) => {
  const given = Array.from({ length: 100 }, (_, at) => token(patients[at % COUNT], 4));
  const over = JSON.parse(Buffer.from(given[0].split('.')[1], 'base64url')).exp * 1000;
  const { ends, reasons } = await subscribed(given);
  await until(() => ends.size === 100, () => `all to end, ${ends.size} have`, 10_000);
  const delays = [...ends.values()].map((at) => at - over);
  assert.ok(Math.min(...delays) >= 0);
  assert.ok(tell(t, "from the token's end", delays) <= 1000);
  assert.deepEqual(new Set([...reasons.values()].map(String)), new Set(['system,Token has expired 0 seconds ago']));
});

test('who brings a new token in time stays', async () => {
  const client = await official('patient', { token: token(people.patient, 2) });
  const heard = await ready(client, 'in-time', [APPOINTMENTS, SERVICES]);
  await client.signIn(token(people.patient, 600));
  await until(() => heard.oks() === 2, 'the confirmation');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.deepEqual(await whose(heard), [true, false]);
});
