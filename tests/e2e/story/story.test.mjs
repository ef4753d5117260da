// A patient's visit from the first look at the calendar to the last cent, through supabase-js: who does what, and that
// patient and front desk see each step as it happens.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { supabase } from '../lib/clients.mjs';
import { Database } from '../lib/database.mjs';
import { id, PASSWORD } from '../lib/stack.mjs';
import { closeAll, official, until } from '../live/support.mjs';

const PATIENT = id('a0003');
const [CHECKUP, FILLING] = [id('5001'), id('5010')];

let db;
before(async () => {
  db = await Database.open();
  await db.keep();
});
after(async () => {
  await closeAll();
  await db.restore();
  await db.close();
});

/** Somebody who has signed in with a password and listens to what concerns the visit. */
async function signedIn(email, tables) {
  const { data, error } = await supabase().auth.signInWithPassword({ email, password: PASSWORD });
  assert.equal(error, null);
  const { client } = await official(email, { token: data.session.access_token });
  const heard = [];
  const channel = client.channel(`story-${randomUUID()}`);
  for (const table of tables) channel.on('postgres_changes', { event: '*', schema: 'public', table }, (change) => heard.push(change));
  let subscribed = false;
  channel.on('system', {}, ({ status }) => (subscribed ||= status === 'ok')).subscribe();
  await until(() => subscribed, `${email} to be subscribed`);
  const sees = (table, row, what) => until(() => heard.find((change) => change.table === table && Object.entries(row).every(([column, value]) => change.new[column] === value)), `${email} to see ${what}`);
  return { client, sees };
}

async function done(request) {
  const { data, error, status } = await request;
  assert.equal(error, null, `${status} ${JSON.stringify(error)}`);
  return data;
}

const once = (request) => done(request.setHeader('Idempotency-Key', randomUUID()));

test('a_visit_from_the_first_look_to_the_last_cent', async () => {
  const began = new Date();
  const tables = ['appointment', 'invoices', 'payment'];
  const [patient, desk] = await Promise.all([signedIn('patient3@clinic.test', tables), signedIn('reception1@clinic.test', tables)]);
  const both = (table, row, what) => Promise.all([patient.sees(table, row, what), desk.sees(table, row, what)]);

  // The patient looks, holds a slot while reading the small print, and books it.
  const services = [CHECKUP, FILLING];
  const days = (count) => new Date(Date.now() + count * 86_400_000).toISOString();
  const [slot] = await done(supabase().rpc('available_slots', { service_ids: services, from: days(20), to: days(40) }));
  const hold = await once(patient.client.rpc('hold_appointment', { dentist_id: slot.dentist_id, starts_at: slot.starts_at, service_ids: services }));
  await both('appointment', { id: hold.appointment_id, status: 'held' }, 'the hold');
  const taken = await patient.client.rpc('available_slots', { service_ids: services, from: slot.starts_at, to: slot.ends_at, dentist_id: slot.dentist_id });
  assert.ok(!taken.data.some(({ starts_at }) => starts_at === slot.starts_at), 'a held slot is still offered');
  const booked = await once(patient.client.rpc('book_appointment', { hold_id: hold.appointment_id, hold_token: hold.hold_token, reason: 'A tooth hurts' }));
  assert.deepEqual([booked.id, booked.status, booked.patient_id], [hold.appointment_id, 'requested', PATIENT]);
  await both('appointment', { id: booked.id, status: 'requested' }, 'the request');

  // The clinic accepts, the patient confirms and comes.
  await done(desk.client.from('appointment').update({ status: 'scheduled' }).eq('id', booked.id));
  await both('appointment', { id: booked.id, status: 'scheduled' }, 'that it is scheduled');
  await done(patient.client.from('appointment').update({ status: 'confirmed' }).eq('id', booked.id));
  await both('appointment', { id: booked.id, status: 'confirmed' }, 'that it is confirmed');
  await once(desk.client.rpc('check_in', { appointment_id: booked.id }));
  await both('appointment', { id: booked.id, status: 'arrived' }, 'the arrival');
  await once(desk.client.rpc('seat', { appointment_id: booked.id, room: 'Story' }));
  await both('appointment', { id: booked.id, status: 'in_chair', room: 'Story' }, 'that the patient is seated');

  // The dentist reads the alerts, acknowledges them and treats.
  const dentist = await signedIn(`dentist${slot.dentist_id.at(-1)}@clinic.test`, ['appointment']);
  const treatment = { appointment_id: booked.id, details: [{ line_no: 2, tooth: '14', surfaces: 'O', notes: 'Composite' }] };
  const early = await dentist.client.rpc('complete_visit', treatment);
  assert.equal(early.status, 409, 'treated without a look at the alerts');
  assert.deepEqual(early.error.alerts.map(({ title }) => title), ['Latex']);
  const alerts = await done(dentist.client.rpc('visit_alerts', { appointment_id: booked.id }));
  await once(dentist.client.rpc('acknowledge_alerts', { appointment_id: booked.id, alert_ids: alerts.map(({ alert_id }) => alert_id) }));
  await once(dentist.client.rpc('complete_visit', treatment));
  await both('appointment', { id: booked.id, status: 'completed' }, 'that the visit is over');
  const records = await done(patient.client.from('treatment_records').select('service_id, tooth, status, fee').eq('appointment_id', booked.id).order('fee'));
  assert.deepEqual(records, [{ service_id: CHECKUP, tooth: null, status: 'completed', fee: 85 }, { service_id: FILLING, tooth: '14', status: 'completed', fee: 185 }]);

  // The bill: the check-up is covered whole, of the filling 80 % after a deductible of 50.
  const invoice = await once(desk.client.rpc('issue_invoice', { appointment_id: booked.id }));
  assert.deepEqual([invoice.status, invoice.total, invoice.insurance_estimate, invoice.balance], ['issued', 270, 193, 270]);
  await both('invoices', { id: invoice.id, status: 'issued' }, 'the invoice');
  const lines = await done(patient.client.from('invoice_line').select('insurance_share, patient_share, deductible, percent').eq('invoice_id', invoice.id).order('line_no'));
  assert.deepEqual(lines.map((line) => [line.insurance_share, line.patient_share]).sort(), [[108, 77], [85, 0]].sort());

  // The patient pays the own share by card, the insurer the rest.
  const card = await once(desk.client.rpc('record_payment', { invoice_id: invoice.id, amount: 77, method: 'card' }));
  await both('payment', { id: card.id, status: 'succeeded', method: 'card' }, 'the card payment');
  await both('invoices', { id: invoice.id, status: 'partially_paid', balance: 193 }, 'what is left');
  const insurer = await once(desk.client.rpc('record_payment', { invoice_id: invoice.id, amount: 193, method: 'insurance', kind: 'insurance' }));
  await both('payment', { id: insurer.id, kind: 'insurance' }, 'the insurer\'s payment');
  await both('invoices', { id: invoice.id, status: 'paid', balance: 0, paid: 77, insurance_paid: 193 }, 'that all is paid');
  const more = await desk.client.rpc('record_payment', { invoice_id: invoice.id, amount: 1, method: 'cash' });
  assert.ok(more.status === 409 || more.status === 422, `a paid invoice took more: ${more.status}`);

  // What the dentist has read is in the log that admins keep; what the patient has read of the own record is not. Readings of
  // tests before whose requests were cut off may get there minutes later.
  const readings = await until(async () => {
    const rows = await db.rows(`select actor, route, row_count from public.access_log where route like '%visit_alerts' and at >= $1 order by at`, [began]);
    return rows.length >= 2 && rows;
  }, 'the readings to be logged', 15_000);
  assert.deepEqual([...new Set(readings.map(({ actor }) => actor))], [slot.dentist_id]);
});
