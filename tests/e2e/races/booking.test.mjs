// 64 clients, 2,000 attempts, 50 slots, a Worker killed twice: exactly one appointment in each slot.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { id } from '../lib/stack.mjs';
import { pick, Race } from './driver.mjs';

const CLIENTS = 64;
const ATTEMPTS = 2_000;
const SLOTS = 50;
const CHECKUP = id('5001');

let db;
let race;
before(async () => {
  db = await Database.open();
  await db.keep();
  race = await Race.open();
});
after(async () => {
  await race?.close();
  await db.restore();
  await db.close();
});

test('each_slot_is_booked_once_and_each_key_has_one_result', async () => {
  const people = await db.rows(`insert into public."user" (role_id, first_name, last_name) select 1, 'Racer', 'Number ' || n from generate_series(1, $1) n returning id`, [CLIENTS]);
  const clients = people.map((person) => race.client(person.id));
  const { data: free, error } = await clients[0].rpc('available_slots', { service_ids: [CHECKUP], from: later(40), to: later(60) });
  assert.equal(error, null);
  // Half an hour long and half an hour apart: a slot is in nobody's way but in its own.
  const slots = free.filter(({ starts_at }) => new Date(starts_at).getUTCMinutes() % 30 === 0).slice(0, SLOTS);
  assert.equal(slots.length, SLOTS);

  let left = ATTEMPTS;
  const killing = race.killAfter(ATTEMPTS / 4, ATTEMPTS / 2);
  const asked = new Map();
  await Promise.all(clients.map(async (client) => {
    while (left-- > 0) {
      const [slot, key] = [pick(slots), randomUUID()];
      asked.set(key, slot);
      await race.call(client, key, 'book_appointment', { dentist_id: slot.dentist_id, starts_at: slot.starts_at, service_ids: [CHECKUP] });
    }
  }));
  await killing;
  race.say('booking');

  assert.ok(race.checkFaults() > 0, 'the Worker was killed and nobody noticed');
  const results = race.results(({ id: made }) => made);
  assert.equal(results.size, ATTEMPTS);
  for (const { status, error: refusal } of results.values()) assert.ok(status === 200 || (status === 409 && refusal.code === '23P01'), `${status} ${JSON.stringify(refusal)}`);

  const booked = await db.rows(
    `select a.id, a.dentist_id, a.starts_at from public.appointment a where a.patient_id = any ($1) and a.status in ('requested', 'scheduled')`, [people.map((person) => person.id)]);
  const told = [...results].filter(([, { status }]) => status === 200);
  assert.deepEqual(told.map(([, { data }]) => data.id).sort(), booked.map((row) => row.id).sort(), 'what clients were told is what there is');
  const place = (row) => `${row.dentist_id} ${new Date(row.starts_at).toISOString()}`;
  assert.deepEqual(booked.map(place).sort(), slots.map(place).sort(), 'one appointment in each slot');
  for (const [key, { data }] of told) assert.equal(place(data), place(asked.get(key)));
});

const later = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
