// Inserts, upserts, updates and deletes, and those that the database refuses. `given` is SQL that runs before each
// side; a case that changes anything says `writes`, which starts both sides from the same state.

import { id } from '../lib/stack.mjs';
import * as given from './given.mjs';

const admin = { writes: true, roles: ['admin'] };
const staff = { writes: true, roles: ['receptionist', 'admin'] };
const all = { writes: true };
const as = (roles, more = {}) => ({ writes: true, roles: roles.split(' '), ...more });

const NEW = id('ee0001');
const NEWER = id('ee0002');
const service = (more = {}) => ({ id: NEW, code: 'NEW-1', name: 'New one', category: 'diagnostic', fee: 12.5, ...more });
const lot = (more = {}) => ({ id: NEW, sku: 'NEW-1', name: 'Lot, "quoted"', category: 'test', ...more });
const patient = (more = {}) => ({ id: NEW, first_name: 'Ünä', last_name: '漢字 O’Neil', email: 'new@clinic.test', ...more });
const visit = (more = {}) => ({
  id: NEW, patient_id: id('a0001'), dentist_id: id('d1'), starts_at: '2031-03-04T15:00:00Z', ends_at: '2031-03-04T15:30:00Z', ...more,
});
const plan = (more = {}) => ({
  id: NEW, patient_id: id('a0001'), ordinal: 3, carrier_name: 'Carrier', member_id: 'M1', effective_on: '2031-01-01', ...more,
});
const treatment = (more = {}) => ({ id: NEW, patient_id: id('a0001'), dentist_id: id('d1'), service_id: given.SERVICE, fee: 85, ...more });
const prefer = (query, value) => query.setHeader('prefer', value);

const inserts = [
  ['insert', (db) => db.from('service').insert(service()), all],
  ['insert and select', (db) => db.from('inventory').insert(lot()).select(), all],
  ['insert and select columns', (db) => db.from('service').insert(service()).select('id,code,price:fee::text'), admin],
  ['insert and select single', (db) => db.from('user').insert(patient()).select().single(), staff],
  ['insert and select embedded', (db) => db.from('appointment').insert(visit()).select('id,patient:user!patient_id(last_name),dentist!dentist_id(last_name)'), staff],
  ['insert and csv', (db) => db.from('service').insert(service()).select('id,code,fee').csv(), admin],
  ['insert without an id', (db) => db.from('service').insert(service({ id: undefined })).select(), admin],
  ['insert of several', (db) => db.from('service').insert([service(), service({ id: NEWER, code: 'NEW-2' })]).select('id,code'), admin],
  ['insert of several with a count', (db) => db.from('service').insert([service(), service({ id: NEWER, code: 'NEW-2' })], { count: 'exact' }), admin],
  ['insert of several, uneven', (db) => db.from('service').insert([service(), service({ id: NEWER, code: 'NEW-2', lay_name: 'Newer' })]).select('id,lay_name'), admin],
  ['insert of several, missing as default', (db) => db.from('service').insert([service(), service({ id: NEWER, code: 'NEW-2', duration_min: 45 })], { defaultToNull: false }).select('id,duration_min'), admin],
  ['insert of none', (db) => db.from('service').insert([]).select(), admin],
  ['insert of text that is syntax', (db) => db.from('service').insert(service({ name: `a,"b".(c)\\d'e--\u{1F9B7}` })).select('name'), admin],
  ['insert of json', (db) => db.from('user').insert(patient({ address: { city: 'Ö', nested: { a: [1, null, true] } } })).select('address'), staff],
  ['insert with headers only', (db) => prefer(db.from('service').insert(service()), 'return=headers-only'), admin],
  ['insert with every preference', (db) => prefer(db.from('service').insert(service()).select('id'), 'handling=strict, missing=default, count=exact, return=representation'), admin],
  ['insert with a media type of one object and no representation', (db) => prefer(db.from('service').insert(service()).select('id').single(), 'return=minimal'), admin],
  ['insert of several with headers only', (db) => prefer(db.from('service').insert([service(), service({ id: NEWER, code: 'NEW-2' })]), 'return=headers-only'), admin],
  ['insert of a composite key with headers only', (db) => prefer(db.from('appointment_has_service').insert({ appointment_id: given.APPOINTMENT, line_no: 2, service_id: given.SERVICE }), 'return=headers-only'), as('receptionist', { given: given.appointment('scheduled') })],
  ['insert of a line', (db) => db.from('appointment_has_service').insert({ appointment_id: given.APPOINTMENT, service_id: given.SERVICE }).select('*,service(code)'), { writes: true, given: given.appointment('scheduled') }],
  ['insert of a patient', (db) => db.from('user').insert(patient()).select('id,role_id,email'), all],
  ['insert of an appointment, requested', (db) => db.from('appointment').insert(visit()).select(), as('anon patient dentist receptionist')],
  ['insert of an appointment, scheduled', (db) => db.from('appointment').insert(visit({ status: 'scheduled', room: 'Room 9' })).select('id,status'), as('patient dentist receptionist')],
  ['insert of an appointment with another dentist', (db) => db.from('appointment').insert(visit({ dentist_id: id('d2') })).select('id'), as('dentist admin')],
  ['insert of an appointment for another', (db) => db.from('appointment').insert(visit({ patient_id: id('a0002') })).select('id'), as('patient')],
  ['insert of medical history', (db) => db.from('patient_medical_history').insert({ id: NEW, patient_id: id('a0001'), kind: 'allergy', title: 'Nuts', severity: 'mild' }).select(), all],
  ['insert of a treatment', (db) => db.from('treatment_records').insert(treatment({ tooth: '14', surfaces: 'MO' })).select(), all],
  ['insert of an invoice', (db) => db.from('invoices').insert({ id: NEW, patient_id: id('a0002'), subtotal: 10, discount: 1.5 }).select(), staff],
  ['insert of a payment', (db) => db.from('payment').insert({ id: NEW, invoice_id: given.DRAFT, patient_id: id('a0001'), method: 'cash', amount: 20 }).select(), { writes: true, given: given.invoice }],
  ['insert of a plan', (db) => db.from('insurance_detail').insert(plan()).select(), all],
];

const refusedInserts = [
  ['insert of a code that is taken', (db) => db.from('service').insert(service({ code: 'CHECKUP' })), admin],
  ['insert of an id that is taken', (db) => db.from('service').insert(service({ id: given.SERVICE })).select(), admin],
  ['insert of an address that is taken', (db) => db.from('user').insert(patient({ email: 'patient1@clinic.test' })), staff],
  ['insert for nobody', (db) => db.from('insurance_detail').insert(plan({ patient_id: NEW })), staff],
  ['insert of an appointment for nobody', (db) => db.from('appointment').insert(visit({ patient_id: NEWER })), staff],
  ['insert of a line of nothing', (db) => db.from('appointment_has_service').insert({ appointment_id: NEW, service_id: given.SERVICE }), staff],
  ['insert against a check of two columns', (db) => db.from('insurance_detail').insert(plan({ annual_max: 10, annual_used: 20 })), staff],
  ['insert against another check', (db) => db.from('appointment').insert(visit({ ends_at: '2031-03-04T14:00:00Z' })), staff],
  ['insert of an overlap for the dentist', (db) => db.from('appointment').insert(visit({ patient_id: id('a0002') })), as('receptionist dentist', { given: given.appointment('scheduled') })],
  ['insert of an overlap for the patient', (db) => db.from('appointment').insert(visit({ dentist_id: id('d2') })), as('receptionist', { given: given.appointment('scheduled') })],
  ['insert of an overlapping plan', (db) => db.from('insurance_detail').insert([plan(), plan({ id: NEWER, member_id: 'M2' })]), staff],
  ['insert off the grid', (db) => db.from('appointment').insert(visit({ starts_at: '2031-03-04T15:03:00Z' })), staff],
  ['insert of a status that nothing begins with', (db) => db.from('appointment').insert(visit({ status: 'completed' })), staff],
  ['insert of a dentist who is none', (db) => db.from('appointment').insert(visit({ dentist_id: id('a0003') })), staff],
  ['insert of a payment above the balance', (db) => db.from('payment').insert({ id: NEW, invoice_id: given.DRAFT, patient_id: id('a0001'), method: 'cash', amount: 2000 }), as('receptionist', { given: given.invoice })],
  ['insert of a payment on a draft', (db) => db.from('payment').insert({ id: NEW, invoice_id: given.DRAFT, patient_id: id('a0001'), method: 'cash', amount: 20 }), staff],
  ['insert of a treatment without its location', (db) => db.from('treatment_records').insert(treatment({ service_id: id('5009'), status: 'completed', performed_at: '2020-01-01T10:00:00Z' })), as('dentist')],
  ['insert of a fifth role', (db) => db.from('role').insert({ id: 5, code: 'guest', name: 'Guest' }), admin],
  ['one bad row of several', (db) => db.from('service').insert([service(), service({ id: NEWER, code: 'CHECKUP' })]), admin],
  ['insert of a column that is not there', (db) => db.from('service').insert(service({ nothing: 1 })), { refused: '/nothing' }],
  ['insert of a generated column', (db) => db.from('invoices').insert({ patient_id: id('a0001'), total: 1 }), { refused: '/total' }],
  ['insert of a number that is none', (db) => db.from('service').insert(service({ fee: 'dear' })), { refused: '/fee' }],
  ['insert of a label that is none', (db) => db.from('appointment').insert(visit({ status: 'lost' })), { refused: '/status' }],
  ['insert without what is required', (db) => db.from('service').insert(service({ name: undefined })), { refused: '/name' }],
  ['insert of null where none may be', (db) => db.from('service').insert(service({ name: null })), { refused: '/name' }],
  ['insert of a text that is too long', (db) => db.from('service').insert(service({ name: 'x'.repeat(201) })), { refused: '/name' }],
  ['insert of a code of the wrong form', (db) => db.from('service').insert(service({ code: 'lower' })), { refused: '/code' }],
  ['insert of a uuid that is none', (db) => db.from('appointment').insert(visit({ patient_id: 'me' })), { refused: '/patient_id' }],
  ['insert of a date that is none', (db) => db.from('insurance_detail').insert(plan({ effective_on: '2031-02-30' })), { refused: '/effective_on' }],
  ['insert into a view', (db) => db.from('dentist').insert({ first_name: 'x' }), { refused: null }],
  ['insert of a text', (db) => db.from('service').insert('text'), { stricter: '', ...admin }],
];

const upserts = [
  ['upsert of a new row', (db) => db.from('service').upsert(service()).select(), admin],
  ['upsert of a row that is there', (db) => db.from('service').upsert(service({ id: given.SERVICE, code: 'CHECKUP', fee: 99 })).select('id,name,fee,version'), admin],
  ['upsert of both', (db) => db.from('service').upsert([service({ id: given.SERVICE, code: 'CHECKUP' }), service()], { count: 'exact' }).select('id,name'), admin],
  ['upsert without a representation', (db) => db.from('service').upsert(service()), admin],
  ['upsert on another key', (db) => db.from('inventory').upsert(lot({ id: undefined, sku: 'GLV-S', lot_no: 'L4711', location: 'main' }), { onConflict: 'sku,lot_no,location' }).select('id,name,sku'), staff],
  ['upsert that ignores', (db) => db.from('service').upsert([service({ id: given.SERVICE, code: 'CHECKUP' }), service()], { ignoreDuplicates: true }).select('id,name'), admin],
  ['upsert that ignores, on a composite key', (db) => db.from('appointment_has_service').upsert({ appointment_id: given.APPOINTMENT, line_no: 1, service_id: given.SERVICE }, { onConflict: 'appointment_id,line_no', ignoreDuplicates: true }).select(), as('receptionist', { given: given.appointment('scheduled') + given.line })],
  ['upsert, missing as default', (db) => db.from('service').upsert([service(), service({ id: NEWER, code: 'NEW-2', duration_min: 45 })], { defaultToNull: false }).select('id,duration_min'), admin],
  ['upsert that meets another key', (db) => db.from('service').upsert(service({ code: 'CHECKUP' })), admin],
  ['upsert that may insert but not update', (db) => db.from('user').upsert(patient({ id: id('d2'), email: 'dentist2@clinic.test' })).select('id'), as('receptionist')],
  ['upsert of what one may not', (db) => db.from('service').upsert(service()), as('anon patient receptionist')],
  ['upsert on what is no key', (db) => db.from('service').upsert(service(), { onConflict: 'name' }), { refused: '?on_conflict', roles: ['admin'] }],
];

const updates = [
  ['update', (db) => db.from('service').update({ fee: 99 }).eq('id', given.SERVICE), all],
  ['update and select', (db) => db.from('service').update({ fee: 99 }).eq('id', given.SERVICE).select(), all],
  ['update with a count', (db) => db.from('service').update({ fee: 99 }, { count: 'exact' }).eq('category', 'diagnostic'), admin],
  ['update of several, selected', (db) => db.from('service').update({ buffer_after_min: 10 }).in('code', ['CHECKUP', 'FLUOR']).select('code,buffer_after_min'), { unordered: true, ...admin }],
  ['update by or', (db) => db.from('service').update({ buffer_after_min: 10 }).or('code.eq.CHECKUP,code.eq.FLUOR').select('code'), { unordered: true, ...admin }],
  ['update of none', (db) => db.from('service').update({ fee: 1 }).eq('code', 'NONE'), admin],
  ['update of none, selected', (db) => db.from('service').update({ fee: 1 }).eq('code', 'NONE').select(), admin],
  ['update of none, single', (db) => db.from('service').update({ fee: 1 }).eq('code', 'NONE').select().single(), admin],
  ['update of one, single', (db) => db.from('service').update({ fee: 1 }).eq('code', 'CHECKUP').select('id,fee').single(), admin],
  ['update of several, single', (db) => db.from('service').update({ fee: 1 }).eq('category', 'diagnostic').select('id,fee').single(), admin],
  ['update and select embedded', (db) => db.from('appointment').update({ notes: 'x' }).eq('id', given.APPOINTMENT).select('id,notes,patient:user!patient_id(last_name)'), as('dentist receptionist admin', { given: given.appointment('scheduled') })],
  ['update with headers only', (db) => prefer(db.from('service').update({ fee: 99 }).eq('id', given.SERVICE), 'return=headers-only, count=exact'), admin],
  ['update and csv', (db) => db.from('service').update({ fee: 99 }).eq('id', given.SERVICE).select('id,fee').csv(), admin],
  ['update and stripNulls', (db) => db.from('user').update({ preferred_name: null }).eq('id', id('a0001')).select('id,preferred_name,sex').stripNulls(), staff],
  ['update by a json arrow', (db) => db.from('user').update({ preferred_name: 'X' }).eq('address->>postal_code', '10037').select('id'), { unordered: true, ...staff }],
  ['update by what is embedded', (db) => db.from('appointment').update({ notes: 'x' }).eq('id', given.APPOINTMENT).select('id,appointment_has_service(line_no)').eq('appointment_has_service.line_no', 7), as('receptionist', { given: given.appointment('scheduled') + given.line })],
  ['update of nothing', (db) => db.from('service').update({}).eq('id', given.SERVICE).select('id'), admin],
  ['update to null', (db) => db.from('service').update({ lay_name: null }).eq('id', given.SERVICE).select('lay_name'), admin],
  ['update of oneself', (db) => db.from('user').update({ preferred_name: 'Me' }).eq('id', id('a0001')).select('id,preferred_name'), all],
  ['update of one’s own role', (db) => db.from('user').update({ role_id: 4 }).eq('id', id('a0001')).select('id'), all],
  ['update of another', (db) => db.from('user').update({ preferred_name: 'You' }).eq('id', id('a0002')).select('id'), as('patient dentist')],
  ['update that confirms', (db) => db.from('appointment').update({ status: 'confirmed' }).eq('id', given.APPOINTMENT).select(), { writes: true, given: given.appointment('scheduled') }],
  ['update that cancels', (db) => db.from('appointment').update({ status: 'cancelled', cancel_reason: 'Ill.' }).eq('id', given.APPOINTMENT).select(), { writes: true, given: given.appointment('confirmed') }],
  ['update that the status forbids', (db) => db.from('appointment').update({ status: 'scheduled' }).eq('id', given.APPOINTMENT), { writes: true, given: given.appointment('completed') }],
  ['update that a patient may not', (db) => db.from('appointment').update({ reason: 'Other' }).eq('id', given.APPOINTMENT), as('patient', { given: given.appointment('scheduled') })],
  ['update onto a taken slot', (db) => db.from('appointment').update({ starts_at: '2031-03-04T16:00:00Z', ends_at: '2031-03-04T16:30:00Z' }).eq('id', given.APPOINTMENT), as('receptionist', { given: given.appointment('scheduled') + given.appointment('scheduled', { row: given.OTHER, at: '2031-03-04 16:00Z', patient: 'a0002' }) })],
  ['update of a key', (db) => db.from('service').update({ id: NEW }).eq('id', given.SERVICE), admin],
  ['update of an issued invoice', (db) => db.from('invoices').update({ discount: 5 }).eq('id', given.DRAFT), as('receptionist', { given: given.invoice })],
  ['update of a draft invoice', (db) => db.from('invoices').update({ discount: 5 }).eq('id', given.DRAFT).select('id,total,balance'), staff],
  ['update that a check forbids', (db) => db.from('invoices').update({ discount: 500 }).eq('id', given.DRAFT), staff],
  ['update to a code that is taken', (db) => db.from('service').update({ code: 'FLUOR' }).eq('id', given.SERVICE), admin],
  ['update to a key that leads nowhere', (db) => db.from('user').update({ guarantor_id: NEW }).eq('id', id('a0002')), staff],
  ['update of a treatment of one’s own', (db) => db.from('treatment_records').update({ status: 'accepted' }).eq('id', given.TREATMENT).select('id,status'), { writes: true, given: given.treatment }],
  ['update of a read-only column', (db) => db.from('inventory').update({ on_hand: 5 }).eq('id', given.LOT), { refused: '/on_hand' }],
  ['update of a column that is not there', (db) => db.from('service').update({ nothing: 5 }).eq('id', given.SERVICE), { refused: '/nothing', roles: ['admin'] }],
  ['update of everything', (db) => db.from('service').update({ fee: 1 }), { stricter: null, ...admin }],
  ['update in order', (db) => db.from('service').update({ fee: 1 }).eq('id', given.SERVICE).select('id').order('id'), { stricter: '?order', ...admin }],
  ['update with a number of rows at most', (db) => db.from('service').update({ fee: 1 }).eq('id', given.SERVICE).maxAffected(1), { affects: 204, ...admin }],
  ['update with too many rows', (db) => db.from('service').update({ fee: 1 }).eq('category', 'diagnostic').select('id').maxAffected(1), { affects: 400, ...admin }],
  ['rollback', (db) => db.from('service').update({ fee: 1 }).eq('id', given.SERVICE).rollback(), { stricter: 'header:prefer', ...admin }],
];

const LINE = { writes: true, given: given.appointment('scheduled') + given.line };
const deletes = [
  ['delete', (db) => db.from('appointment_has_service').delete().eq('appointment_id', given.APPOINTMENT), LINE],
  ['delete and select', (db) => db.from('appointment_has_service').delete().eq('appointment_id', given.APPOINTMENT).select(), LINE],
  ['delete with a count', (db) => db.from('appointment_has_service').delete({ count: 'exact' }).eq('appointment_id', given.APPOINTMENT), LINE],
  ['delete of none', (db) => db.from('appointment_has_service').delete({ count: 'exact' }).eq('appointment_id', NEW).select(), admin],
  ['delete and select single', (db) => db.from('appointment_has_service').delete().eq('appointment_id', given.APPOINTMENT).select('line_no,service(code)').single(), { ...LINE, roles: ['admin'] }],
  ['delete of what is referred to', (db) => db.from('role').delete().eq('id', 1), all],
  ['delete that marks', (db) => db.from('service').delete().eq('id', given.SERVICE), all],
  ['delete that marks, and select', (db) => db.from('service').delete().eq('id', given.SERVICE).select(), { marks: 1, ...admin }],
  ['delete that may not mark, and select', (db) => db.from('service').delete().eq('id', given.SERVICE).select(), as('anon patient dentist receptionist')],
  ['delete that may not mark, and single', (db) => db.from('service').delete().eq('id', given.SERVICE).select().single(), as('patient receptionist')],
  ['delete that may not mark, and maybeSingle', (db) => db.from('service').delete().eq('id', given.SERVICE).select().maybeSingle(), as('receptionist')],
  ['delete that marks, with a count', (db) => db.from('service').delete({ count: 'exact' }).in('code', ['CHECKUP', 'FLUOR']), { marks: 2, ...admin }],
  ['delete that marks, and single', (db) => db.from('inventory').delete().eq('id', given.LOT).select('id,sku').single(), { marks: 1, ...admin }],
  ['delete that marks none', (db) => db.from('service').delete({ count: 'exact' }).eq('code', 'NONE').select(), admin],
  ['delete of an appointment', (db) => db.from('appointment').delete().eq('id', given.APPOINTMENT).select('id,dentist!dentist_id(last_name)'), { ...LINE, marks: 1, roles: ['admin'] }],
  ['delete of everything', (db) => db.from('appointment_has_service').delete(), { stricter: null, ...admin }],
  ['delete of what is never deleted', (db) => db.from('invoices').delete().eq('id', given.DRAFT), { refused: null }],
];

export const writes = [...inserts, ...refusedInserts, ...upserts, ...updates, ...deletes];
