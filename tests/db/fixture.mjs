// Rows of two patients and two dentists, far from the seed's dates, for tests of who may see and change what.
import { id, people } from './support.mjs';

const { patient: p1, patient2: p2, dentist: d1, dentist2: d2 } = people;

export const rows = {
  rating: `chatcmpl-${id('fa2001')}`,
  newPatient: id('fa0001'), deletedPatient: id('fa0002'),
  activeService: id('fa0101'), inactiveService: id('fa0102'), deletedService: id('fa0103'),
  ownAppointment: id('fa0201'), otherAppointment: id('fa0202'), deletedAppointment: id('fa0203'), heldSlot: id('fa0204'),
  ownHistory: id('fa0301'), otherHistory: id('fa0302'), deletedHistory: id('fa0303'),
  ownTreatment: id('fa0401'), otherTreatment: id('fa0402'), mistakenTreatment: id('fa0403'),
  ownInvoice: id('fa0501'), otherInvoice: id('fa0502'), draftInvoice: id('fa0503'), guaranteedInvoice: id('fa0504'),
  guaranteedDraft: id('fa0505'),
  ownPayment: id('fa0601'), otherPayment: id('fa0602'),
  ownPlan: id('fa0701'), otherPlan: id('fa0702'), subscribedPlan: id('fa0703'), deletedPlan: id('fa0704'),
  lot: id('fa0801'), deletedLot: id('fa0802'),
  ownLine: id('fa0901'), otherLine: id('fa0902'),
  ownWait: id('fa0a01'), otherWait: id('fa0a02'),
  reading: id('fa0a01'),
};

const statements = [
  // Whatever the day, the clinic is open some months ahead.
  [`update clinic_settings set closures = '[]'`, []],
  [`insert into "user" (id, role_id, first_name, last_name, deleted_at) values ($1, 1, 'New', 'Person', null), ($2, 1, 'Gone', 'Person', now())`,
    [rows.newPatient, rows.deletedPatient]],
  [`insert into service (id, code, name, category, fee, active, deleted_at) values
      ($1, 'FX-ON', 'On', 'diagnostic', 50, true, null), ($2, 'FX-OFF', 'Off', 'diagnostic', 50, false, null), ($3, 'FX-GONE', 'Gone', 'diagnostic', 50, true, now())`,
    [rows.activeService, rows.inactiveService, rows.deletedService]],
  [`insert into appointment (id, patient_id, dentist_id, starts_at, ends_at, status, deleted_at) values
      ($1, $5, $7, '2031-03-04 09:00Z', '2031-03-04 09:30Z', 'scheduled', null), ($2, $6, $8, '2031-03-04 09:00Z', '2031-03-04 09:30Z', 'scheduled', null),
      ($3, $5, $7, '2031-03-04 10:00Z', '2031-03-04 10:30Z', 'scheduled', now()), ($4, null, $7, '2031-03-04 11:00Z', '2031-03-04 11:30Z', 'held', null)`,
    [rows.ownAppointment, rows.otherAppointment, rows.deletedAppointment, rows.heldSlot, p1, p2, d1, d2]],
  [`insert into appointment_has_service (appointment_id, service_id) select a, $4 from unnest(array[$1, $2, $3]::uuid[]) a`,
    [rows.ownAppointment, rows.otherAppointment, rows.deletedAppointment, rows.activeService]],
  [`insert into patient_medical_history (id, patient_id, kind, title, deleted_at) values
      ($1, $4, 'condition', 'Fixture one', null), ($2, $5, 'condition', 'Fixture two', null), ($3, $4, 'condition', 'Fixture three', now())`,
    [rows.ownHistory, rows.otherHistory, rows.deletedHistory, p1, p2]],
  [`insert into treatment_records (id, patient_id, dentist_id, service_id, fee, status) values
      ($1, $5, $7, $4, 50, 'planned'), ($2, $6, $8, $4, 50, 'planned'), ($3, $5, $7, $4, 50, 'entered_in_error')`,
    [rows.ownTreatment, rows.otherTreatment, rows.mistakenTreatment, rows.activeService, p1, p2, d1, d2]],
  [`insert into invoices (id, patient_id, guarantor_id, subtotal) values ($1, $6, null, 100), ($2, $7, null, 100), ($3, $6, null, 100), ($4, $7, $6, 100), ($5, $7, $6, 100)`,
    [rows.ownInvoice, rows.otherInvoice, rows.draftInvoice, rows.guaranteedInvoice, rows.guaranteedDraft, p1, p2]],
  [`update invoices set status = 'issued' where id = any ($1)`, [[rows.ownInvoice, rows.otherInvoice, rows.guaranteedInvoice]]],
  [`insert into invoice_line (id, invoice_id, line_no, service_id, description, quantity, unit_fee, amount, tax, allowed, deductible, percent, insurance_share, patient_share)
      values ($1, $3, 1, $5, 'On', 1, 100, 100, 0, 100, 0, 0, 0, 100), ($2, $4, 1, $5, 'On', 1, 100, 100, 0, 100, 0, 0, 0, 100)`,
    [rows.ownLine, rows.otherLine, rows.ownInvoice, rows.otherInvoice, rows.activeService]],
  [`insert into payment (id, invoice_id, patient_id, method, status, amount) values ($1, $3, $5, 'cash', 'pending', 10), ($2, $4, $6, 'cash', 'pending', 10)`,
    [rows.ownPayment, rows.otherPayment, rows.ownInvoice, rows.otherInvoice, p1, p2]],
  [`insert into insurance_detail (id, patient_id, subscriber_id, ordinal, carrier_name, member_id, effective_on, deleted_at) values
      ($1, $5, null, 3, 'Fixture', 'FX1', '2031-01-01', null), ($2, $6, null, 3, 'Fixture', 'FX2', '2031-01-01', null),
      ($3, $6, $5, 2, 'Fixture', 'FX3', '2031-01-01', null), ($4, $5, null, 3, 'Fixture', 'FX4', '2031-01-01', now())`,
    [rows.ownPlan, rows.otherPlan, rows.subscribedPlan, rows.deletedPlan, p1, p2]],
  [`insert into inventory (id, sku, name, category, deleted_at) values ($1, 'FX-LOT', 'Lot', 'fixture', null), ($2, 'FX-GONE', 'Lot', 'fixture', now())`,
    [rows.lot, rows.deletedLot]],
  [`insert into waitlist (id, patient_id, service_ids, first_day, last_day) values ($1, $3, array[$5]::uuid[], '2031-01-01', '2031-01-02'), ($2, $4, array[$5]::uuid[], '2031-01-01', '2031-01-02')`,
    [rows.ownWait, rows.otherWait, p1, p2, rows.activeService]],
  [`insert into knowledge_document (slug, title, body, audience, valid_until, content_hash) values
      ('fx-public', 'Fixture', 'x', 'public', null, repeat('0', 64)), ('fx-patients', 'Fixture', 'x', 'patients', null, repeat('0', 64)),
      ('fx-staff', 'Fixture', 'x', 'staff', null, repeat('0', 64)), ('fx-expired', 'Fixture', 'x', 'public', now(), repeat('0', 64))`, []],
  [`insert into knowledge_chunk (id, document_slug, ordinal, content) select slug || '#0', slug, 0, 'Fixture' from knowledge_document where slug like 'fx-%'`, []],
  [`insert into access_log (id, at, actor, actor_role, method, route, query, recorded_by) values ($1, now(), $2, 'dentist', 'GET', '/rest/v1/treatment_records', '', 'caller')`,
    [rows.reading, d1]],
  [`insert into chat_feedback (completion_id, user_id, rating) values ($1, $2, 'up')`, [rows.rating, p1]],
];

export async function fixture(db) {
  await db.asOwner();
  for (const [sql, params] of statements) await db.rows(sql, params);
}
