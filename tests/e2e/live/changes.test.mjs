// supabase-js, unchanged, sees the changes that its role may see: of every kind, through every filter, on several
// bindings, channels and topics.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { APPOINTMENTS, appointment, closeAll, insert, listen, official, people, ready, SERVICES, update, until } from './support.mjs';

const ROLES = ['anon', 'patient', 'dentist', 'receptionist'];

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

const service = (columns = {}) => ({ id: crypto.randomUUID(), code: `L${crypto.randomUUID().slice(0, 8).toUpperCase()}`, name: 'A service', category: 'diagnostic', fee: '10.50', active: true, ...columns });
const brief = ({ eventType, new: now, old }) => [eventType, now.id && 'new', old.id && 'old'].filter(Boolean).join(' ');
const idOf = ({ new: now, old }) => now.id ?? old.id;

// A change that was committed just before a join may come after it: only the rows of the test at hand count.
const mine = new Set();
beforeEach(() => mine.clear());
const make = (table, row) => {
  mine.add(row.id);
  return insert(database, table, row);
};
const change = (table, key, columns) => update(database, table, key, columns);

/** Everything there is has been delivered to all of these: a last change that they see has come. */
async function settled(...all) {
  const last = await insert(database, 'service', service());
  await until(() => all.every(({ changes }) => changes.some(({ new: now }) => now.id === last.id)), 'the last change');
  for (const one of all) one.changes = one.changes.filter((change) => mine.has(idOf(change)));
}

// What each of the roles sees when these happen to one row. A dentist and a receptionist see the same.
const LIVES = [
  {
    name: 'an appointment of the patient is made, moved and deleted',
    table: 'appointment',
    row: appointment,
    steps: [{ notes: 'first' }, { status: 'confirmed' }, { deleted_at: new Date() }, { notes: 'in the bin' }],
    sees: { anon: [], patient: ['INSERT new', 'UPDATE new old', 'UPDATE new old', 'DELETE old'], staff: ['INSERT new', 'UPDATE new old', 'UPDATE new old', 'DELETE old'] },
  },
  {
    name: 'an appointment goes to another patient and comes back',
    table: 'appointment',
    row: appointment,
    steps: [{ patient_id: people.patient2 }, { notes: 'of the other one' }, { patient_id: people.patient }],
    sees: { anon: [], patient: ['INSERT new', 'DELETE old', 'UPDATE new old'], staff: ['INSERT new', 'UPDATE new old', 'UPDATE new old', 'UPDATE new old'] },
  },
  {
    name: 'a service is offered, withdrawn and offered again',
    table: 'service',
    row: service,
    steps: [{ fee: '11' }, { active: false }, { fee: '12' }, { active: true }],
    sees: { anon: ['INSERT new', 'UPDATE new old', 'DELETE old', 'UPDATE new old'], patient: ['INSERT new', 'UPDATE new old', 'DELETE old', 'UPDATE new old'], staff: ['INSERT new', ...Array(4).fill('UPDATE new old')] },
  },
];

for (const { name, table, row, steps, sees } of LIVES) {
  test(`${name}: each role sees its part`, async () => {
    const entries = [{ event: '*', schema: 'public', table }, ...(table === 'service' ? [] : [SERVICES])];
    const all = await Promise.all(ROLES.map((role) => ready(official(role), `lives-${role}`, entries)));
    const made = await make(table, row());
    for (const columns of steps) await change(table, made.id, columns);
    await settled(...all);
    for (const [at, role] of ROLES.entries()) {
      assert.deepEqual(all[at].changes.map(brief), sees[role] ?? sees.staff, role);
      for (const change of all[at].changes) {
        assert.equal(change.new.id ?? change.old.id, made.id);
        // What leaves is told by its key and nothing else.
        if (change.eventType === 'DELETE') assert.deepEqual([change.old, change.new], [{ id: made.id }, {}]);
      }
    }
  });
}

test('what comes back from another audience shows nothing of before', async () => {
  const heard = await ready(official('patient'), 'appeared');
  const made = await make('appointment', appointment({ patient_id: people.patient2, notes: 'not yours' }));
  await change('appointment', made.id, { patient_id: people.patient });
  await until(() => heard.changes.some((change) => idOf(change) === made.id), 'the change');
  const [{ eventType, new: now, old }] = heard.changes.filter((change) => idOf(change) === made.id);
  assert.deepEqual([eventType, now.patient_id, old], ['UPDATE', people.patient, { id: made.id }]);
});

test('a row that is deleted for good is a DELETE with its key', async () => {
  const [heard, stranger] = await Promise.all([ready(official('dentist'), 'gone', [{ event: '*', schema: 'public', table: 'inventory' }, SERVICES]), ready(official('patient'), 'gone', [{ event: '*', schema: 'public', table: 'inventory' }, SERVICES])]);
  const item = { id: crypto.randomUUID(), sku: `S-${crypto.randomUUID().slice(0, 6).toUpperCase()}`, name: 'Gloves', category: 'test' };
  await make('inventory', item);
  await database.rows('delete from public.inventory where id = $1', [item.id]);
  await settled(heard, stranger);
  assert.deepEqual(heard.changes.map(brief), ['INSERT new', 'DELETE old']);
  assert.deepEqual(heard.changes[1].old, { id: item.id });
  assert.deepEqual(stranger.changes, []);
});

// The fees of the rows below that each filter lets through, of 5, 10, 20 and 40.
const FILTERS = [
  ['fee=eq.10', [10]],
  ['fee=neq.10', [5, 20, 40]],
  ['fee=lt.10', [5]],
  ['fee=lte.10', [5, 10]],
  ['fee=gt.10', [20, 40]],
  ['fee=gte.10', [10, 20, 40]],
  ['fee=in.(5,40.00,7)', [5, 40]],
  ['name=eq."Ten, \\"x\\""', [10]],
  ['name=in.("Ten, \\"x\\"",Five)', [5, 10]],
  ['category=eq.preventive,fee=gt.5', [40]],
];

test('filters let through what they say', async () => {
  const client = await official('anon');
  const all = await Promise.all(FILTERS.map(([filter], at) => ready(client, `filter-${at}`, [{ ...SERVICES, filter }])));
  const rest = await ready(client, 'filter-none', [SERVICES]);
  for (const [fee, name, category] of [[5, 'Five', 'diagnostic'], [10, 'Ten, "x"', 'diagnostic'], [20, 'Twenty', 'diagnostic'], [40, 'Forty', 'preventive']]) {
    await make('service', service({ fee, name, category }));
  }
  await settled(rest);
  assert.equal(rest.changes.length, 4);
  for (const [at, [filter, fees]] of FILTERS.entries()) {
    const got = all[at].changes.filter((change) => mine.has(idOf(change))).map(({ new: now }) => Number(now.fee));
    assert.deepEqual(got, fees, filter);
  }
});

test('a row that leaves a filter is a DELETE there, and comes back as an UPDATE', async () => {
  const client = await official('receptionist');
  const made = appointment({ room: 'A' });
  const heard = await ready(client, 'leaves', [{ ...APPOINTMENTS, filter: 'room=eq.A' }, { ...APPOINTMENTS, filter: `id=eq.${made.id}` }, SERVICES]);
  await make('appointment', made);
  await change('appointment', made.id, { room: 'B' });
  await change('appointment', made.id, { room: 'A' });
  await settled(heard);
  const of = (filter) => heard.changes.filter(({ entry }) => entry.filter?.startsWith(filter)).map(brief);
  assert.deepEqual(of('id='), ['INSERT new', 'UPDATE new old', 'UPDATE new old']);
  assert.deepEqual(of('room='), ['INSERT new', 'DELETE old', 'UPDATE new old']);
});

describe('bindings', () => {
  test('several on one channel each get their part, also when they want the same', async () => {
    const entries = [
      { ...APPOINTMENTS, event: 'INSERT' },
      { ...APPOINTMENTS, event: 'UPDATE' },
      { ...APPOINTMENTS, event: 'DELETE' },
      { ...APPOINTMENTS, filter: `patient_id=eq.${people.patient}` },
      { ...APPOINTMENTS, filter: `patient_id=eq.${people.patient2}` },
      SERVICES,
    ];
    const heard = await ready(official('receptionist'), 'several', entries);
    const made = await make('appointment', appointment());
    await change('appointment', made.id, { notes: 'x' });
    await change('appointment', made.id, { deleted_at: new Date() });
    await settled(heard);
    const of = (entry) => heard.changes.filter((change) => change.entry === entry).map(({ eventType }) => eventType);
    assert.deepEqual(entries.map(of), [['INSERT'], ['UPDATE'], ['DELETE'], ['INSERT', 'UPDATE', 'DELETE'], [], []]);
  });

  test('a whole schema is all its tables that the role may see', async () => {
    const [patient, anon] = await Promise.all(['patient', 'anon'].map((role) => ready(official(role), 'schema', [{ event: '*', schema: 'public' }])));
    await make('appointment', appointment());
    await make('appointment', appointment({ patient_id: people.patient2 }));
    mine.add(people.patient);
    await change('"user"', people.patient, { preferred_name: 'Pat' });
    await settled(patient, anon);
    assert.deepEqual(patient.changes.map(({ table, eventType }) => `${table} ${eventType}`), ['appointment INSERT', 'user UPDATE']);
    assert.deepEqual(anon.changes, []);
  });

  test('two topics share a socket and stay apart', async () => {
    const client = await official('receptionist');
    const [one, two] = [await ready(client, 'topic-one', [APPOINTMENTS, SERVICES]), await ready(client, 'topic-two', [{ ...APPOINTMENTS, event: 'UPDATE' }, SERVICES])];
    assert.equal(client.client.realtime.getChannels().length, 2);
    const made = await make('appointment', appointment());
    await change('appointment', made.id, { notes: 'x' });
    await settled(one, two);
    assert.deepEqual([one.changes.map(brief), two.changes.map(brief)], [['INSERT new', 'UPDATE new old'], ['UPDATE new old']]);
    // One leaves; the other does not mind.
    assert.equal(await one.channel.unsubscribe(), 'ok');
    await change('appointment', made.id, { notes: 'y' });
    await settled(two);
    assert.deepEqual([one.changes.length, two.changes.length, one.states.at(-1)], [2, 2, 'CLOSED']);
  });

  test('wrong ones are told and keep the channel', async () => {
    const client = await official('receptionist');
    const WRONG = [
      [{ ...APPOINTMENTS, filter: 'zzz=eq.1' }, /invalid column for filter zzz/],
      [{ ...APPOINTMENTS, filter: `id=in.(${Array(101).fill(people.patient).join()})` }, /too many values for `in` filter\. Maximum 100/],
      [{ ...APPOINTMENTS, filter: 'notes=is_about.x' }, /Error parsing `filter` params/],
      [{ event: '*', schema: 'public', table: 'change_log' }, /Unable to subscribe to changes with given parameters/],
      [{ event: '*', schema: 'auth', table: 'users' }, /Unable to subscribe/],
    ];
    const right = await ready(client, 'right', [APPOINTMENTS, SERVICES]);
    for (const [at, [entry, message]] of WRONG.entries()) {
      const heard = listen(client, `wrong-${at}`, [entry]).subscribe();
      const told = await until(() => heard.systems.find(({ status }) => status === 'error'), 'an error');
      assert.equal(told.extension, 'postgres_changes');
      assert.match(told.message, message);
      assert.deepEqual(heard.states, ['SUBSCRIBED']);
    }
    await make('appointment', appointment());
    await settled(right);
    assert.deepEqual(right.changes.map(brief), ['INSERT new']);
  });
});

test('values arrive as the table has them: numbers, times, arrays, JSON, text of all kinds', async () => {
  const heard = await ready(official('receptionist'), 'values', [APPOINTMENTS, { event: '*', schema: 'public', table: 'user' }, SERVICES]);
  const made = await make('appointment', appointment({ notes: 'ü"\\\n\u2028 𝄞' }));
  mine.add(people.patient2);
  await change('"user"', people.patient2, { address: { city: 'Zürich', n: [1, 2.5] } });
  await settled(heard);
  const [booked, person] = heard.changes.map(({ new: now }) => now);
  const [row] = await database.rows('select to_jsonb(a) as row from public.appointment a where id = $1', [made.id]);
  assert.deepEqual(Object.keys(booked).sort(), Object.keys(row.row).sort());
  assert.equal(booked.notes, 'ü"\\\n\u2028 𝄞');
  assert.equal(new Date(booked.starts_at).getTime(), made.starts_at.getTime());
  assert.deepEqual(person.address, { city: 'Zürich', n: [1, 2.5] });
});
