// The table "Who may what" of the domain, cell by cell: which of a table's named targets each role may read (R),
// create (C), change (U) and delete (D). What is not listed must be refused; a cell that is missing fails the test.
import { rows } from './fixture.mjs';
import { id, people } from './support.mjs';

const byId = (target) => `id = '${target}'`;
const person = (role) => ({ sql: `insert into "user" (role_id, first_name, last_name) values (${role}, 'A', 'B')` });
const none = { R: [], C: [], U: [], D: [] };
const { patient: p1, patient2: p2, dentist: d1, dentist2: d2 } = people;

// A Wednesday morning that patients can ask for: within the horizon and everybody's hours, beyond the seed's appointments.
export const openTime = `date_trunc('week', now()) + interval '107 days 15 hours'`;
const booked = (patient, dentist, { status = 'requested', columns = '', values = '', starts = openTime } = {}) => ({
  sql: `insert into appointment (patient_id, dentist_id, starts_at, ends_at, status${columns})
        values (${patient && `'${patient}'`}, '${dentist}', ${starts}, ${starts} + interval '30 minutes', '${status}'${values})`,
});
const line = (appointment) => ({
  sql: `insert into appointment_has_service (appointment_id, line_no, service_id) values ('${appointment}', 2, '${rows.activeService}')`,
});
const history = (patient, reviewed = 'null') => ({
  sql: `insert into patient_medical_history (patient_id, kind, title, reviewed_at) values ('${patient}', 'condition', 'Matrix', ${reviewed})`,
});
const treatment = (dentist) => ({
  sql: `insert into treatment_records (patient_id, dentist_id, service_id, fee) values ('${p2}', '${dentist}', '${rows.activeService}', 10)`,
});

export const matrix = {
  user: {
    // self differs by caller, see `self` in the test
    targets: { self: null, patient: byId(rows.newPatient), staff: byId(id('d3')), deleted: byId(rows.deletedPatient) },
    inserts: { patient: person(1), staff: person(2) },
    set: `preferred_name = 'Matrix'`,
    cells: {
      patient: { R: ['self'], C: [], U: ['self'], D: [] },
      dentist: { R: ['self', 'patient', 'staff'], C: [], U: ['self'], D: [] },
      receptionist: { R: ['self', 'patient', 'staff'], C: ['patient'], U: ['patient'], D: [] },
      admin: { R: ['self', 'patient', 'staff', 'deleted'], C: ['patient', 'staff'], U: ['self', 'patient', 'staff', 'deleted'], D: ['self', 'patient', 'staff'] },
      anon: none,
    },
  },
  role: {
    targets: { any: 'id = 4' },
    inserts: { any: { sql: `insert into role (id, code, name) values (4, 'admin', 'Administrator') on conflict do nothing` } },
    set: `description = 'Matrix'`,
    // The row is in use, so an admin's DELETE reaches the foreign key: that is the allowed outcome.
    deleteReaches: '23503',
    cells: {
      patient: { R: ['any'], C: [], U: [], D: [] },
      dentist: { R: ['any'], C: [], U: [], D: [] },
      receptionist: { R: ['any'], C: [], U: [], D: [] },
      admin: { R: ['any'], C: ['any'], U: ['any'], D: ['any'] },
      anon: none,
    },
  },
  patient_medical_history: {
    targets: { own: byId(rows.ownHistory), other: byId(rows.otherHistory), deleted: byId(rows.deletedHistory) },
    inserts: { own: history(p1), other: history(p2), reviewed: history(p1, 'now()') },
    set: `notes = 'Matrix'`,
    cells: {
      patient: { R: ['own'], C: ['own'], U: [], D: [] },
      dentist: { R: ['own', 'other'], C: ['own', 'other', 'reviewed'], U: ['own', 'other'], D: [] },
      receptionist: none,
      admin: { R: ['own', 'other', 'deleted'], C: [], U: [], D: [] },
      anon: none,
    },
  },
  service: {
    targets: { active: byId(rows.activeService), inactive: byId(rows.inactiveService), deleted: byId(rows.deletedService) },
    inserts: { any: { sql: `insert into service (code, name, category, fee) values ('FX-NEW', 'New', 'diagnostic', 1)` } },
    set: `lay_name = 'Matrix'`,
    cells: {
      patient: { R: ['active'], C: [], U: [], D: [] },
      dentist: { R: ['active', 'inactive'], C: [], U: [], D: [] },
      receptionist: { R: ['active', 'inactive'], C: [], U: [], D: [] },
      admin: { R: ['active', 'inactive', 'deleted'], C: ['any'], U: ['active', 'inactive', 'deleted'], D: ['active', 'inactive'] },
      anon: { R: ['active'], C: [], U: [], D: [] },
    },
  },
  appointment: {
    targets: {
      own: byId(rows.ownAppointment), other: byId(rows.otherAppointment), deleted: byId(rows.deletedAppointment), held: byId(rows.heldSlot),
    },
    inserts: {
      own: booked(p1, d1), otherPatient: booked(p2, d1), otherDentist: booked(p1, d2),
      ownWithNotes: booked(p1, d2, { columns: ', notes', values: `, 'Staff only'` }),
      past: booked(p1, d1, { starts: `timestamptz '2021-05-06 14:00Z'` }),
      scheduled: booked(p1, d1, { status: 'scheduled' }), held: booked(p1, d1, { status: 'held' }), nobody: booked(null, d1, { status: 'held' }),
    },
    // A patient may only confirm or cancel; the staff's probe changes a field.
    set: { patient: `status = 'confirmed'`, other: `reason = 'Matrix'` },
    cells: {
      patient: { R: ['own'], C: ['own', 'otherDentist', 'held'], U: ['own'], D: [] },
      dentist: { R: ['own', 'other', 'held'], C: ['own', 'otherPatient', 'past', 'scheduled', 'held'], U: ['own', 'held'], D: [] },
      receptionist: {
        R: ['own', 'other', 'held'],
        C: ['own', 'otherPatient', 'otherDentist', 'ownWithNotes', 'past', 'scheduled', 'held'],
        U: ['own', 'other', 'held'],
        D: [],
      },
      admin: {
        R: ['own', 'other', 'held', 'deleted'],
        C: ['own', 'otherPatient', 'otherDentist', 'ownWithNotes', 'past', 'scheduled', 'held'],
        U: ['own', 'other', 'held', 'deleted'],
        D: ['own', 'other', 'held'],
      },
      anon: none,
    },
  },
  appointment_has_service: {
    targets: {
      own: `appointment_id = '${rows.ownAppointment}'`, other: `appointment_id = '${rows.otherAppointment}'`, deleted: `appointment_id = '${rows.deletedAppointment}'`,
    },
    inserts: { own: line(rows.ownAppointment), other: line(rows.otherAppointment) },
    set: 'quantity = 2',
    cells: {
      patient: { R: ['own'], C: [], U: [], D: [] },
      dentist: { R: ['own', 'other'], C: ['own', 'other'], U: ['own', 'other'], D: [] },
      receptionist: { R: ['own', 'other'], C: ['own', 'other'], U: ['own', 'other'], D: [] },
      admin: { R: ['own', 'other', 'deleted'], C: ['own', 'other'], U: ['own', 'other', 'deleted'], D: ['own', 'other', 'deleted'] },
      anon: none,
    },
  },
  treatment_records: {
    targets: { own: byId(rows.ownTreatment), other: byId(rows.otherTreatment), mistaken: byId(rows.mistakenTreatment) },
    inserts: { own: treatment(d1), other: treatment(d2) },
    set: `notes = 'Matrix'`,
    cells: {
      patient: { R: ['own'], C: [], U: [], D: [] },
      dentist: { R: ['own', 'other', 'mistaken'], C: ['own'], U: ['own', 'mistaken'], D: [] },
      receptionist: none,
      admin: { R: ['own', 'other', 'mistaken'], C: [], U: [], D: [] },
      anon: none,
    },
  },
  invoices: {
    targets: {
      own: byId(rows.ownInvoice), other: byId(rows.otherInvoice), draft: byId(rows.draftInvoice),
      guaranteed: byId(rows.guaranteedInvoice), guaranteedDraft: byId(rows.guaranteedDraft),
    },
    inserts: { any: { sql: `insert into invoices (patient_id, subtotal) values ('${p1}', 10)` } },
    set: `notes = 'Matrix'`,
    cells: {
      patient: { R: ['own', 'guaranteed'], C: [], U: [], D: [] },
      dentist: { R: ['own', 'other', 'draft', 'guaranteed', 'guaranteedDraft'], C: [], U: [], D: [] },
      receptionist: {
        R: ['own', 'other', 'draft', 'guaranteed', 'guaranteedDraft'], C: ['any'], U: ['own', 'other', 'draft', 'guaranteed', 'guaranteedDraft'], D: [],
      },
      admin: {
        R: ['own', 'other', 'draft', 'guaranteed', 'guaranteedDraft'], C: ['any'], U: ['own', 'other', 'draft', 'guaranteed', 'guaranteedDraft'], D: [],
      },
      anon: none,
    },
  },
  payment: {
    targets: { own: byId(rows.ownPayment), other: byId(rows.otherPayment) },
    inserts: { any: { sql: `insert into payment (invoice_id, patient_id, method, amount) values ('${rows.ownInvoice}', '${p1}', 'cash', 5)` } },
    set: `notes = 'Matrix'`,
    cells: {
      patient: { R: ['own'], C: [], U: [], D: [] },
      dentist: none,
      receptionist: { R: ['own', 'other'], C: ['any'], U: [], D: [] },
      admin: { R: ['own', 'other'], C: ['any'], U: [], D: [] },
      anon: none,
    },
  },
  insurance_detail: {
    targets: { own: byId(rows.ownPlan), other: byId(rows.otherPlan), subscribed: byId(rows.subscribedPlan), deleted: byId(rows.deletedPlan) },
    inserts: { any: { sql: `insert into insurance_detail (patient_id, ordinal, carrier_name, member_id, effective_on) values ('${p1}', 2, 'Matrix', 'M1', '2032-01-01')` } },
    set: `plan_name = 'Matrix'`,
    cells: {
      patient: { R: ['own', 'subscribed'], C: [], U: [], D: [] },
      dentist: { R: ['own', 'other', 'subscribed'], C: [], U: [], D: [] },
      receptionist: { R: ['own', 'other', 'subscribed'], C: ['any'], U: ['own', 'other', 'subscribed'], D: [] },
      admin: { R: ['own', 'other', 'subscribed', 'deleted'], C: ['any'], U: ['own', 'other', 'subscribed', 'deleted'], D: ['own', 'other', 'subscribed'] },
      anon: none,
    },
  },
  inventory: {
    targets: { any: byId(rows.lot), deleted: byId(rows.deletedLot) },
    inserts: { any: { sql: `insert into inventory (sku, name, category) values ('FX-NEW', 'New', 'fixture')` } },
    set: `barcode = 'Matrix'`,
    cells: {
      patient: none,
      dentist: { R: ['any'], C: [], U: [], D: [] },
      receptionist: { R: ['any'], C: ['any'], U: ['any'], D: [] },
      admin: { R: ['any', 'deleted'], C: ['any'], U: ['any', 'deleted'], D: ['any'] },
      anon: none,
    },
  },
};

const readOnly = (targets, set, insert, readers) => ({
  targets, set, inserts: { any: { sql: insert } },
  cells: Object.fromEntries(['patient', 'dentist', 'receptionist', 'admin', 'anon'].map((role) => [role, { ...none, R: readers[role] ?? [] }])),
});
const everybody = (target) => ({ patient: [target], dentist: [target], receptionist: [target], admin: [target], anon: [target] });

const knowledge = (column) => Object.fromEntries(['public', 'patients', 'staff', 'expired'].map((name) => [name, `${column} = 'fx-${name}'`]));
const knowledgeReaders = { anon: ['public'], patient: ['public', 'patients'], dentist: ['public', 'patients', 'staff'],
  receptionist: ['public', 'patients', 'staff'], admin: ['public', 'patients', 'staff', 'expired'] };

export const readOnlyRelations = {
  dentist: readOnly({ any: byId(d1) }, `specialty = 'x'`, `insert into dentist (id, first_name, last_name) values (gen_random_uuid(), 'x', 'y')`, everybody('any')),
  clinic_settings: readOnly({ any: 'id = 1' }, `name = 'x'`, `insert into clinic_settings (name, emergency_text) values ('x', 'x')`, everybody('any')),
  provider_hours: readOnly({ any: byId('00000000-0000-4000-8000-000000091110') }, `weekday = 7`,
    `insert into provider_hours (dentist_id, weekday, starts, ends) values ('${d1}', 7, '08:00', '09:00')`, everybody('any')),
  invoice_line: readOnly({ own: byId(rows.ownLine), other: byId(rows.otherLine) }, `description = 'x'`,
    `insert into invoice_line (invoice_id, line_no, service_id, description, quantity, unit_fee, amount, tax, allowed, deductible, percent, insurance_share, patient_share)
     values ('${rows.ownInvoice}', 2, '${rows.activeService}', 'x', 1, 1, 1, 0, 1, 0, 0, 0, 1)`,
    { patient: ['own'], dentist: ['own', 'other'], receptionist: ['own', 'other'], admin: ['own', 'other'] }),
  waitlist: readOnly({ own: byId(rows.ownWait), other: byId(rows.otherWait) }, `status = 'left'`,
    `insert into waitlist (patient_id, service_ids, first_day, last_day) values ('${p1}', array['${rows.activeService}']::uuid[], '2031-01-01', '2031-01-01')`,
    { patient: ['own'], dentist: ['own', 'other'], receptionist: ['own', 'other'], admin: ['own', 'other'] }),
  knowledge_document: readOnly(knowledge('slug'), `title = 'x'`, `insert into knowledge_document (slug, title, body, content_hash) values ('x', 'x', 'x', repeat('0', 64))`,
    knowledgeReaders),
  knowledge_chunk: readOnly(knowledge('document_slug'), `content = 'x'`, `insert into knowledge_chunk (id, document_slug, ordinal, content) values ('x', 'fx-public', 9, 'x')`,
    knowledgeReaders),
  access_log: readOnly({ any: byId(rows.reading) }, `query = 'x'`, `insert into access_log (id, at, actor, actor_role, method, route, query, recorded_by)
     values (gen_random_uuid(), now(), '${d1}', 'dentist', 'GET', '', '', 'caller')`, { admin: ['any'] }),
  chat_feedback: readOnly({ any: `completion_id = '${rows.rating}'` }, `rating = 'down'`,
    `insert into chat_feedback (completion_id, rating) values ('chatcmpl-${rows.reading}', 'up')`, { admin: ['any'] }),
  change_log: readOnly({ any: 'seq > 0' }, 'actor_role = null', `insert into change_log (seq, table_name, op, key, subjects, at, hashed, record_hash, prev_hash, hash)
     values (-1, 'x', 'INSERT', '{}', '{}', now(), '', '', '', '')`, {}),
};
