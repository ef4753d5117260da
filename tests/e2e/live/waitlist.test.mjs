// The waitlist through the whole stack: a slot that the desk frees reaches who waits, live; declined, it reaches the next;
// accepted, the desk sees it. And a treatment that waits for alerts says which.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { id } from '../lib/stack.mjs';
import { closeAll, official, people, ready, token, until } from './support.mjs';

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
afterEach(async () => {
  await closeAll();
  await database.restore();
});
after(() => database.close());

const must = ({ data, error }) => {
  assert.equal(error, null, JSON.stringify(error));
  return data;
};
const service_ids = [id('5001')];
const isOffer = ({ eventType, new: now }) => eventType === 'INSERT' && now.status === 'held' && now.priority === 'asap';
const offered = (heard) => until(() => heard.changes.find(isOffer)?.new, 'an offer');

test('a freed slot is offered live, declined to the next, accepted in the sight of the desk', async () => {
  const [desk, first, second] = [await official('receptionist'), await official('patient'), await official('patient', { token: token(people.patient2) })];
  const [atDesk, atFirst, atSecond] = [await ready(desk, 'desk'), await ready(first, 'first'), await ready(second, 'second')];
  const from = new Date(Date.now() + 50 * 86_400_000).toISOString();
  const [slot] = must(await desk.client.rpc('available_slots', { service_ids, dentist_id: people.dentist, from }));
  const { id: visit, alert_count: alerts } = must(await desk.client.rpc('book_appointment', { service_ids, patient_id: id('a0009'), dentist_id: slot.dentist_id, starts_at: slot.starts_at }));
  assert.equal(alerts, 0);
  const entries = [must(await first.client.rpc('join_waitlist', { service_ids })), must(await second.client.rpc('join_waitlist', { service_ids, dentist_id: people.dentist }))];
  must(await desk.client.rpc('cancel_appointment', { appointment_id: visit }));

  const offer = await offered(atFirst);
  assert.deepEqual([offer.patient_id, new Date(offer.starts_at).getTime(), offer.created_by], [people.patient, new Date(slot.starts_at).getTime(), null]);
  assert.equal(atSecond.changes.some(isOffer), false);
  must(await first.client.rpc('cancel_appointment', { appointment_id: offer.id }));

  const next = await offered(atSecond);
  const accepted = must(await second.client.rpc('book_appointment', { hold_id: next.id }));
  assert.deepEqual([accepted.id, accepted.status, accepted.patient_id], [next.id, 'scheduled', people.patient2]);
  await until(() => atDesk.changes.find(({ new: now }) => now.id === next.id && now.status === 'scheduled'), 'the desk to see it');
  const mine = must(await second.client.from('waitlist').select('id,status,appointment_id'));
  assert.deepEqual(mine, [{ id: entries[1].id, status: 'booked', appointment_id: next.id }]);
});

test('one key joins once, also when it is sent again', async () => {
  const { client } = await official('patient');
  const key = crypto.randomUUID();
  const join = () => client.rpc('join_waitlist', { service_ids }).setHeader('idempotency-key', key);
  const [one, again] = [must(await join()), must(await join())];
  assert.deepEqual(again, one);
  assert.equal(must(await client.from('waitlist').select('id')).length, 1);
});

test('a visit is not completed before its dentist has read the alerts, and the refusal names them', async () => {
  const { client } = await official('dentist');
  const [visit, latex] = [crypto.randomUUID(), crypto.randomUUID()];
  await database.rows(`insert into appointment (id, patient_id, dentist_id, starts_at, ends_at, status) values ($1, $2, $3, '2020-03-04 15:00Z', '2020-03-04 15:30Z', 'in_chair')`, [visit, people.patient, people.dentist]);
  await database.rows(`insert into appointment_has_service (appointment_id, service_id) values ($1, $2)`, [visit, service_ids[0]]);
  await database.rows(`insert into patient_medical_history (id, patient_id, kind, title, severity) values ($1, $2, 'allergy', 'Latex', 'severe')`, [latex, people.patient]);
  const { error, status } = await client.rpc('complete_visit', { appointment_id: visit });
  assert.deepEqual([status, error.code, error.alerts.map((a) => [a.alert_id, a.title])], [409, 'PT409', [[latex, 'Latex']]]);
  assert.equal(must(await client.rpc('acknowledge_alerts', { appointment_id: visit, alert_ids: [latex] })), 1);
  assert.equal(must(await client.rpc('complete_visit', { appointment_id: visit })).status, 'completed');
  const [read] = must(await client.rpc('visit_alerts', { appointment_id: visit }));
  assert.deepEqual([read.alert_id, read.acknowledged_by], [latex, people.dentist]);
});
