// The clinic's functions, by POST, GET and HEAD, with what the client can add to a call; and calls that fail.

import { id } from '../lib/stack.mjs';
import * as given from './given.mjs';

/** What the cases need of the database as it is today: a free slot of dentist 1, when patient 1 is free too. */
export const facts = {};

export async function learn(database) {
  const [slot] = await database.rows(
    `select s.dentist_id, s.starts_at, now() + interval '2 days' as "from", now() + interval '9 days' as "to"
       from public.available_slots(array['${given.SERVICE}']::uuid[], now() + interval '2 days', now() + interval '20 days', '${id('d1')}') s
      where not exists (select from public.appointment a where a.patient_id = '${id('a0001')}'
        and tstzrange(a.starts_at, a.ends_at) && tstzrange(s.starts_at, s.ends_at)) limit 1`,
  );
  Object.assign(facts, { slot: slot.starts_at.toISOString(), from: slot.from.toISOString(), to: slot.to.toISOString() });
}

const all = { writes: true };
const as = (roles, more = {}) => ({ writes: true, roles: roles.split(' '), ...more });
const desk = as('receptionist admin');
const slots = (db, more, options) => db.rpc('available_slots', { service_ids: [given.SERVICE], from: facts.from, to: facts.to, ...more }, options);
const hold = (db, more) => db.rpc('hold_appointment', { dentist_id: id('d1'), starts_at: facts.slot, service_ids: [given.SERVICE], ...more });
const book = (db, more) => db.rpc('book_appointment', { dentist_id: id('d1'), starts_at: facts.slot, service_ids: [given.SERVICE], patient_id: id('a0001'), ...more });
const taken = () => given.appointment('scheduled', { at: facts.slot, patient: 'a0009' });
const visit = { appointment_id: given.APPOINTMENT };

const reading = [
  ['free slots', (db) => slots(db)],
  ['free slots of one dentist', (db) => slots(db, { dentist_id: id('d2') })],
  ['free slots by default', (db) => db.rpc('available_slots', { service_ids: [given.SERVICE] })],
  ['free slots by GET', (db) => slots(db, {}, { get: true })],
  ['free slots by GET of several services', (db) => slots(db, { service_ids: [given.SERVICE, id('5006')] }, { get: true })],
  ['free slots by HEAD, counted', (db) => slots(db, {}, { head: true, count: 'exact' })],
  ['free slots, counted', (db) => slots(db, {}, { count: 'exact' }).limit(3)],
  ['free slots, counted, by GET', (db) => slots(db, {}, { get: true, count: 'exact' }).range(2, 4)],
  ['free slots, selected', (db) => slots(db).select('starts_at,who:dentist_id').limit(5)],
  ['free slots, cast', (db) => slots(db).select('starts_at::date').limit(5)],
  ['free slots, filtered', (db) => slots(db).eq('dentist_id', id('d3')).order('starts_at').limit(5)],
  ['free slots, filtered by GET', (db) => slots(db, {}, { get: true }).in('dentist_id', [id('d1'), id('d3')]).limit(5)],
  ['free slots, by or', (db) => slots(db).or(`dentist_id.eq.${id('d1')},dentist_id.eq.${id('d2')}`).limit(5)],
  ['free slots, in order', (db) => slots(db).order('dentist_id', { ascending: false }).order('starts_at').limit(5)],
  ['free slots, a page', (db) => slots(db).order('starts_at').order('dentist_id').range(3, 6)],
  ['free slots, single', (db) => slots(db).order('starts_at').order('dentist_id').limit(1).single()],
  ['free slots, single of many', (db) => slots(db).single()],
  ['free slots, maybeSingle of none', (db) => slots(db).eq('dentist_id', id('a0001')).maybeSingle()],
  ['free slots, csv', (db) => slots(db).limit(4).csv()],
  ['free slots of no service', (db) => slots(db, { service_ids: [] })],
  ['free slots of an unknown service', (db) => slots(db, { service_ids: [id('ee0001')] })],
  ['free slots for too long', (db) => slots(db, { to: '2100-01-01T00:00:00Z' })],
  ['who was treated from a lot', (db) => db.rpc('patients_by_lot', { lot_no: 'L4771' })],
  ['who was treated from a lot, by GET', (db) => db.rpc('patients_by_lot', { lot_no: 'L4771' }, { get: true }).select('last_name,article,used_at').order('used_at').order('last_name').limit(4)],
  ['who was treated from no lot', (db) => db.rpc('patients_by_lot', { lot_no: 'none', sku: 'none' })],
  ['the own statement', (db) => db.rpc('statement_of_account')],
  ['a statement', (db) => db.rpc('statement_of_account', { patient_id: id('a0002'), from: '2020-01-01' })],
  ['a statement by GET', (db) => db.rpc('statement_of_account', { patient_id: id('a0001'), to: '2030-01-01', currency: 'USD' }, { get: true })],
  ['what to order', (db) => db.rpc('reorder_list').select('sku,order_quantity').order('sku')],
  ['what expires', (db) => db.rpc('expiry_list', { days: 60 }, { get: true }).order('id')],
  ['what is due for a reminder', (db) => db.rpc('due_reminders').select('id,patient:user!patient_id(last_name)').order('id')],
  ['the waitlist', (db) => db.from('waitlist').select('id,status')],
  ['a lot whose name looks like a filter, by GET', (db) => db.rpc('patients_by_lot', { lot_no: 'eq.1' }, { get: true }), { roles: ['dentist'], refused: '?lot_no' }],
];

const writing = [
  ['hold a slot', (db) => hold(db), all],
  ['hold a slot with too many services', (db) => hold(db, { service_ids: Array(51).fill(given.SERVICE) }), as('anon patient')],
  ['hold a taken slot', (db) => hold(db), as('anon patient', { given: taken })],
  ['hold a slot that is booked by telephone', (db) => hold(db, { service_ids: [id('5021')] }), as('anon patient')],
  ['hold a slot too far ahead', (db) => hold(db, { starts_at: '2090-01-02T15:00:00Z' }), as('anon')],
  ['book a slot', (db) => book(db), all],
  ['book a slot, selected', (db) => book(db).select('status,patient_id,alert_count'), desk],
  ['book a slot, single', (db) => book(db).single(), desk],
  ['book a taken slot', (db) => book(db), as('patient receptionist', { given: taken })],
  ['book for another', (db) => book(db, { patient_id: id('a0002') }), as('patient')],
  ['book with another dentist', (db) => book(db, { dentist_id: id('d2') }), as('dentist')],
  ['book nothing', (db) => db.rpc('book_appointment', {}), as('patient receptionist')],
  ['book a hold that is not there', (db) => db.rpc('book_appointment', { hold_id: id('ee0001'), hold_token: 'x' }), as('patient')],
  ['reschedule', (db) => db.rpc('reschedule_appointment', { ...visit, starts_at: facts.slot }), { writes: true, given: given.appointment('scheduled') + given.line }],
  ['reschedule what is over', (db) => db.rpc('reschedule_appointment', { ...visit, starts_at: facts.slot }), desk],
  ['cancel', (db) => db.rpc('cancel_appointment', { ...visit, reason: 'Ill.' }), { writes: true, given: given.appointment('confirmed') }],
  ['cancel what is completed', (db) => db.rpc('cancel_appointment', visit), as('receptionist', { given: given.appointment('completed') })],
  ['cancel what is not there', (db) => db.rpc('cancel_appointment', visit), all],
  ['check in', (db) => db.rpc('check_in', visit), { writes: true, given: given.appointment('confirmed') }],
  ['seat', (db) => db.rpc('seat', { ...visit, room: 'Room 7' }), as('dentist receptionist', { given: given.appointment('arrived') })],
  ['complete', (db) => db.rpc('complete_visit', visit).select('id,status,treatment_records(status,fee)'), as('dentist receptionist', { given: given.appointment('in_chair', { at: '2020-03-04 15:00Z' }) + given.line })],
  ['join the waitlist', (db) => db.rpc('join_waitlist', { service_ids: [given.SERVICE], earliest: '09:00' }).select('status,earliest,patient:user!patient_id(last_name)'), as('anon patient receptionist')],
  ['join the waitlist for another', (db) => db.rpc('join_waitlist', { service_ids: [given.SERVICE], patient_id: id('a0002') }).select('status,service_ids'), as('patient dentist')],
  ['leave a waitlist that is not there', (db) => db.rpc('leave_waitlist', { waitlist_id: id('ee0001') }), as('patient receptionist')],
  ['the alerts of a visit', (db) => db.rpc('visit_alerts', visit), { writes: true, given: given.appointment('arrived') }],
  ['acknowledge what is no alert', (db) => db.rpc('acknowledge_alerts', { ...visit, alert_ids: [id('ee0001')] }), as('dentist receptionist', { given: given.appointment('arrived') })],
  ['issue an invoice', (db) => db.rpc('issue_invoice', visit), { writes: true, given: given.visit }],
  ['issue an invoice of an open visit', (db) => db.rpc('issue_invoice', visit), as('receptionist', { given: given.appointment('confirmed') })],
  ['issue a draft', (db) => db.rpc('issue_draft_invoice', { invoice_id: given.DRAFT }).select('status,total,invoice_no'), desk],
  ['void an invoice', (db) => db.rpc('void_invoice', { invoice_id: given.DRAFT, reason: 'Wrong.' }), as('receptionist dentist', { given: given.invoice })],
  ['void an invoice that was paid', (db) => db.rpc('void_invoice', { invoice_id: given.DRAFT, reason: 'Wrong.' }), as('receptionist', { given: given.payment('succeeded') })],
  ['void an invoice without a reason', (db) => db.rpc('void_invoice', { invoice_id: given.DRAFT, reason: ' ' }), as('receptionist', { given: given.invoice })],
  ['take a payment', (db) => db.rpc('record_payment', { invoice_id: given.DRAFT, amount: 20.5, method: 'card', provider: 'terminal', external_id: 'E-1' }), { writes: true, given: given.invoice }],
  ['take a payment above the balance', (db) => db.rpc('record_payment', { invoice_id: given.DRAFT, amount: 2000, method: 'cash' }), as('receptionist', { given: given.invoice })],
  ['take a payment by no known method', (db) => db.rpc('record_payment', { invoice_id: given.DRAFT, amount: 20, method: 'shells' }), as('receptionist', { given: given.invoice })],
  ['settle a payment', (db) => db.rpc('settle_payment', { payment_id: id('ee0401'), status: 'succeeded' }), as('receptionist', { given: given.payment('pending') })],
  ['give back a payment', (db) => db.rpc('refund_payment', { payment_id: id('ee0401'), amount: 10 }), as('receptionist patient', { given: given.payment('succeeded') })],
  ['use stock', (db) => db.rpc('move_stock', { reason: 'use', quantity: 2, sku: 'COMP-A3' }).select('id,on_hand'), all],
  ['use more stock than there is', (db) => db.rpc('move_stock', { reason: 'use', quantity: 20000, sku: 'COMP-A3' }), as('dentist receptionist')],
  ['count stock', (db) => db.rpc('move_stock', { reason: 'count', quantity: 7.5, inventory_id: given.LOT }), desk],
  ['transfer stock', (db) => db.rpc('move_stock', { reason: 'transfer', quantity: 1, inventory_id: given.LOT, to_location: 'Room 1' }), desk],
  ['change settings', (db) => db.rpc('set_clinic_settings', { settings: { grid_minutes: 15, phone: '+12125550199' } }), all],
  ['change settings to a zone that is none', (db) => db.rpc('set_clinic_settings', { settings: { time_zone: 'Mars/Olympus' } }), as('admin')],
  ['change working hours', (db) => db.rpc('set_provider_hours', { dentist_id: id('d3'), hours: [{ weekday: 2, starts: '09:00', ends: '12:00' }] }), as('admin receptionist')],
  ['change working hours to what a check forbids', (db) => db.rpc('set_provider_hours', { dentist_id: id('d3'), hours: [{ weekday: 9, starts: '09:00', ends: '12:00' }] }), as('admin')],
];

const refused = [
  ['a function that is not there', (db) => db.rpc('nothing'), { refused: null }],
  ['a function that is not for clients', (db) => db.rpc('idempotency_replay', { method: 'POST', path: '/', key: 'k', body_sha256: 'x' }), { stricter: null }],
  ['a function for the Auth service', (db) => db.rpc('custom_access_token_hook', { event: {} }), { refused: null }],
  ['a function that writes, by GET', (db) => db.rpc('cancel_appointment', visit, { get: true }), { refused: null }],
  ['an argument that is not there', (db) => slots(db, { nothing: 1 }), { refused: '/nothing' }],
  ['an argument that is not there, by GET', (db) => slots(db, { nothing: 1 }, { get: true }), { refused: '?nothing' }],
  ['an argument that is missing', (db) => db.rpc('available_slots', {}), { refused: '/service_ids' }],
  ['an argument that is missing, by GET', (db) => db.rpc('available_slots', {}, { get: true }), { refused: '?service_ids' }],
  ['an argument of the wrong type', (db) => slots(db, { from: 'soon' }), { refused: '/from' }],
  ['an argument of the wrong type, by GET', (db) => slots(db, { dentist_id: 'me' }, { get: true }), { refused: '?dentist_id' }],
  ['an order by what is not selected', (db) => slots(db).select('starts_at').order('dentist_id'), { refused: '?order' }],
  ['a filter on a column that is not there', (db) => slots(db).eq('nothing', 1), { refused: '?nothing' }],
];

export const rpc = [...reading, ...writing, ...refused];
