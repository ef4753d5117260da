// The invariants that Postgres itself holds: what breaks one is refused by that very constraint, and what stays just
// within it is taken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { id, people, pool, rolledBack } from './support.mjs';

const { patient, patient2, dentist, dentist2, receptionist } = people;

const insert = (table, values) => {
  const columns = Object.keys(values);
  return [`insert into "${table}" (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`, Object.values(values)];
};

// What each table takes; a case replaces some of it.
const good = {
  user: { role_id: 1, first_name: 'A', last_name: 'B' },
  role: { id: 4, code: 'admin', name: 'Admin' },
  service: { code: 'X-1', name: 'X', category: 'diagnostic', fee: 1 },
  appointment: { patient_id: patient, dentist_id: dentist, starts_at: '2031-07-01 09:00Z', ends_at: '2031-07-01 09:30Z', status: 'scheduled' },
  appointment_has_service: { appointment_id: rows.ownAppointment, line_no: 9, service_id: rows.activeService },
  patient_medical_history: { patient_id: patient, kind: 'condition', title: 'X' },
  insurance_detail: { patient_id: patient, ordinal: 2, carrier_name: 'X', member_id: 'M1', effective_on: '2040-01-01' },
  invoices: { patient_id: patient, subtotal: 100 },
  treatment_records: { patient_id: patient, dentist_id: dentist, service_id: rows.activeService, fee: 1 },
  payment: { invoice_id: rows.ownInvoice, patient_id: patient, method: 'cash', amount: 1 },
  inventory: { sku: 'X-1', name: 'X', category: 'x' },
  provider_hours: { dentist_id: dentist, weekday: 7, starts: '08:00', ends: '09:00' },
  invoice_line: { invoice_id: rows.draftInvoice, line_no: 1, service_id: rows.activeService, description: 'X', quantity: 1, unit_fee: 1, amount: 1, tax: 0, allowed: 1,
    deductible: 0, percent: 0, insurance_share: 0, patient_share: 1 },
  access_log: { id: id('abc'), at: '2031-07-01 09:00Z', actor: dentist, actor_role: 'dentist', method: 'GET', route: '', query: '', recorded_by: 'caller' },
  waitlist: { patient_id: patient, service_ids: [rows.activeService], first_day: '2031-01-01', last_day: '2031-01-02' },
  knowledge_document: { slug: 'x', title: 'X', body: 'X', content_hash: '0'.repeat(64) },
  knowledge_chunk: { id: 'fx#0', document_slug: 'fx', ordinal: 0, content: 'X' },
  chat_feedback: { completion_id: `chatcmpl-${id('abc')}`, rating: 'up' },
};

// The document that pieces belong to.
const document = insert('knowledge_document', { slug: 'fx', title: 'X', body: 'X', content_hash: '1'.repeat(64) });
const piece = (change) => ({ before: [document], insert: ['knowledge_chunk', change] });

const settings = (change) => ({ update: `update clinic_settings set ${change}` });
const long = 'x'.repeat(10001);

// constraint → [table, what breaks it]; settings are changed, not inserted.
const broken = {
  role_pkey: ['role', {}],
  role_code_of_id: ['role', { id: 4, code: 'owner' }],
  role_permissions_form: ['role', { permissions: '[]' }],
  user_role_id_fkey: ['user', { role_id: 9 }],
  user_guarantor_id_fkey: ['user', { guarantor_id: id('dead') }],
  user_primary_dentist_id_fkey: ['user', { primary_dentist_id: id('dead') }],
  user_status_known: ['user', { status: 'gone' }],
  user_sex_known: ['user', { sex: 'x' }],
  user_date_of_birth_range: ['user', { date_of_birth: '1899-12-31' }],
  user_address_form: ['user', { address: '[]' }],
  user_npi_form: ['user', { npi: '123' }],
  user_contact_method_known: ['user', { contact_method: 'fax' }],
  user_not_own_guarantor: ['user', { id: id('abc'), guarantor_id: id('abc') }],
  user_pkey: ['user', { id: patient }],
  user_email_live: ['user', { email: 'Patient1@Clinic.test' }],
  person_name_length: ['user', { first_name: '   ' }],
  email_address_form: ['user', { email: 'nobody' }],
  phone_number_form: ['user', { phone: '555' }],
  language_code_form: ['user', { language: 'english' }],
  time_zone_name_form: ['user', { timezone: 'New York!' }],
  short_text_length: ['user', { specialty: 'x'.repeat(201) }],
  required_text_length: ['service', { name: ' ' }],
  note_text_length: ['appointment', { notes: long }],
  currency_code_form: ['service', { currency: 'usd' }],
  amount_not_negative: ['service', { fee: -0.01 }],
  stock_quantity_not_negative: ['inventory', { reorder_level: -1 }],
  percentage_range: ['insurance_detail', { pct_basic: 101 }],
  tooth_code_form: ['treatment_records', { tooth: '33' }],
  surface_codes_form: ['treatment_records', { tooth: '3', surfaces: 'Z' }],
  service_pkey: ['service', { id: rows.activeService }],
  service_code_live: ['service', { code: 'FX-ON' }],
  service_code_form: ['service', { code: 'x' }],
  service_category_known: ['service', { category: 'other' }],
  service_duration_range: ['service', { duration_min: 7 }],
  service_buffer_before_range: ['service', { buffer_before_min: 121 }],
  service_buffer_after_range: ['service', { buffer_after_min: -1 }],
  service_tax_rate_range: ['service', { tax_rate: 1.1 }],
  clinic_settings_pkey: ['clinic_settings', { id: 1, name: 'X', emergency_text: 'X' }],
  clinic_settings_one_row: ['clinic_settings', { id: 2, name: 'X', emergency_text: 'X' }],
  clinic_settings_emergency_number_form: settings(`emergency_number = 'call 911'`),
  clinic_settings_opening_hours_form: settings(`opening_hours = '[{"weekday": 8, "opens": "08:00", "closes": "09:00"}]'`),
  clinic_settings_closures_form: settings(`closures = '[{"from": "2026-02-30", "to": "2026-03-01"}]'`),
  clinic_settings_grid_known: settings('grid_minutes = 7, slot_step_minutes = 14'),
  clinic_settings_slot_step_on_grid: settings('grid_minutes = 10, slot_step_minutes = 15'),
  clinic_settings_hold_minutes_range: settings('hold_minutes = 0'),
  clinic_settings_max_anonymous_holds_range: settings('max_anonymous_holds = -1'),
  clinic_settings_max_open_requests_range: settings('max_open_requests = 0'),
  clinic_settings_booking_lead_range: settings('booking_lead_minutes = -1'),
  clinic_settings_booking_horizon_range: settings('booking_horizon_days = 0'),
  clinic_settings_cancellation_window_range: settings('cancellation_window_hours = 169'),
  clinic_settings_reminder_lead_range: settings('reminder_lead_hours = 337'),
  clinic_settings_waitlist_offer_range: settings('waitlist_offer_minutes = 4'),
  clinic_settings_payment_term_range: settings('payment_term_days = 366'),
  provider_hours_pkey: ['provider_hours', { id: id('91110') }],
  provider_hours_dentist_id_fkey: ['provider_hours', { dentist_id: id('dead') }],
  provider_hours_weekday_range: ['provider_hours', { weekday: 8 }],
  provider_hours_order: ['provider_hours', { ends: '08:00' }],
  provider_hours_grid: ['provider_hours', { starts: '08:01' }],
  provider_hours_valid_finite: ['provider_hours', { valid_from: '-infinity' }],
  provider_hours_valid_order: ['provider_hours', { valid_from: '2030-01-02', valid_to: '2030-01-01' }],
  appointment_pkey: ['appointment', { id: rows.ownAppointment }],
  appointment_patient_id_fkey: ['appointment', { patient_id: id('dead') }],
  appointment_dentist_id_fkey: ['appointment', { dentist_id: id('dead') }],
  appointment_assistant_id_fkey: ['appointment', { assistant_id: id('dead') }],
  appointment_cancelled_by_fkey: ['appointment', { status: 'cancelled', cancelled_by: id('dead') }],
  appointment_rescheduled_from_fkey: ['appointment', { rescheduled_from: id('dead') }],
  appointment_rescheduled_from_key: { before: [insert('appointment', { ...good.appointment, starts_at: '2031-07-02 09:00Z', ends_at: '2031-07-02 09:30Z', rescheduled_from: rows.ownAppointment })],
    insert: ['appointment', { rescheduled_from: rows.ownAppointment }] },
  appointment_room_length: ['appointment', { room: '' }],
  appointment_priority_known: ['appointment', { priority: 'high' }],
  appointment_source_known: ['appointment', { source: 'fax' }],
  appointment_duration_range: ['appointment', { ends_at: '2031-07-01 18:05Z' }],
  appointment_grid: ['appointment', { starts_at: '2031-07-01 09:00:01Z', ends_at: '2031-07-01 09:30:01Z' }],
  appointment_patient_not_dentist: { trigger: 'check_people', insert: ['appointment', { patient_id: dentist }] },
  appointment_patient_unless_held: ['appointment', { patient_id: null }],
  appointment_hold_expires: { update: `alter table appointment disable trigger guard; update appointment set hold_expires_at = now() where id = '${rows.ownAppointment}'` },
  appointment_cancelled_stamp: { update: `alter table appointment disable trigger guard; update appointment set status = 'cancelled' where id = '${rows.ownAppointment}'` },
  appointment_seated_after_arrival: ['appointment', { arrived_at: '2031-07-01 09:00Z', seated_at: '2031-07-01 08:00Z' }],
  appointment_dismissed_after_seating: ['appointment', { seated_at: '2031-07-01 09:00Z', dismissed_at: '2031-07-01 08:00Z' }],
  appointment_dentist_free: ['appointment', { patient_id: patient2, starts_at: '2031-03-04 09:25Z', ends_at: '2031-03-04 09:55Z' }],
  appointment_patient_free: ['appointment', { dentist_id: id('d3'), starts_at: '2031-03-04 09:25Z', ends_at: '2031-03-04 09:55Z' }],
  appointment_room_free: { before: [insert('appointment', { ...good.appointment, room: 'R' })], insert: ['appointment', { patient_id: patient2, dentist_id: dentist2, room: 'R' }] },
  appointment_has_service_pkey: ['appointment_has_service', { line_no: 1 }],
  appointment_has_service_appointment_id_fkey: ['appointment_has_service', { appointment_id: id('dead') }],
  appointment_has_service_service_id_fkey: ['appointment_has_service', { service_id: id('dead') }],
  appointment_has_service_line_no_range: ['appointment_has_service', { line_no: 51 }],
  appointment_has_service_quantity_range: ['appointment_has_service', { quantity: 0 }],
  appointment_has_service_duration_range: { update: `update appointment_has_service set duration_min = 545 where appointment_id = '${rows.ownAppointment}'` },
  appointment_has_service_surfaces_need_tooth: ['appointment_has_service', { surfaces: 'MO' }],
  patient_medical_history_pkey: ['patient_medical_history', { id: rows.ownHistory }],
  patient_medical_history_patient_id_fkey: ['patient_medical_history', { patient_id: id('dead') }],
  patient_medical_history_recorded_by_fkey: ['patient_medical_history', { recorded_by: id('dead') }],
  patient_medical_history_reviewed_by_fkey: ['patient_medical_history', { reviewed_at: '2026-01-01', reviewed_by: id('dead') }],
  patient_medical_history_code_system_known: ['patient_medical_history', { code: '1', code_system: 'X' }],
  patient_medical_history_severity_known: ['patient_medical_history', { kind: 'allergy', severity: 'bad' }],
  patient_medical_history_status_known: ['patient_medical_history', { status: 'x' }],
  patient_medical_history_period: ['patient_medical_history', { status: 'resolved', onset_on: '2020-01-02', ended_on: '2020-01-01' }],
  patient_medical_history_active_not_ended: ['patient_medical_history', { ended_on: '2020-01-01' }],
  patient_medical_history_code_with_system: ['patient_medical_history', { code: '1' }],
  patient_medical_history_reaction_of_allergy: ['patient_medical_history', { reaction: 'Rash' }],
  patient_medical_history_dosage_of_medication: ['patient_medical_history', { dosage: '5 mg' }],
  patient_medical_history_review_whole: { update: `alter table patient_medical_history disable trigger guard; update patient_medical_history set reviewed_by = '${dentist}' where id = '${rows.ownHistory}'` },
  patient_medical_history_one_active: ['patient_medical_history', { title: 'FIXTURE ONE' }],
  insurance_detail_pkey: ['insurance_detail', { id: rows.ownPlan }],
  insurance_detail_patient_id_fkey: ['insurance_detail', { patient_id: id('dead') }],
  insurance_detail_subscriber_id_fkey: ['insurance_detail', { subscriber_id: id('dead') }],
  insurance_detail_verified_by_fkey: ['insurance_detail', { verification: 'verified', verified_by: id('dead') }],
  insurance_detail_relationship_known: ['insurance_detail', { relationship: 'cousin' }],
  insurance_detail_ordinal_range: ['insurance_detail', { ordinal: 4 }],
  insurance_detail_plan_type_known: ['insurance_detail', { plan_type: 'x' }],
  insurance_detail_member_id_form: ['insurance_detail', { member_id: 'M-1' }],
  insurance_detail_renewal_month_range: ['insurance_detail', { renewal_month: 13 }],
  insurance_detail_verification_known: ['insurance_detail', { verification: 'x' }],
  insurance_detail_period: ['insurance_detail', { terminated_on: '2039-12-31' }],
  insurance_detail_used_within_max: ['insurance_detail', { annual_max: 100, annual_used: 100.01 }],
  insurance_detail_met_within_deductible: ['insurance_detail', { deductible: 50, deductible_met: 50.01 }],
  insurance_detail_verified_stamp: { update: `alter table insurance_detail disable trigger guard; update insurance_detail set verification = 'verified' where id = '${rows.ownPlan}'` },
  insurance_detail_one_per_ordinal: ['insurance_detail', { ordinal: 3, effective_on: '2035-01-01' }],
  invoices_pkey: ['invoices', { id: rows.ownInvoice }],
  invoices_patient_id_fkey: ['invoices', { patient_id: id('dead') }],
  invoices_guarantor_id_fkey: ['invoices', { guarantor_id: id('dead') }],
  invoices_appointment_id_fkey: ['invoices', { appointment_id: id('dead') }],
  invoices_insurance_id_fkey: ['invoices', { insurance_id: id('dead') }],
  invoices_invoice_no_key: { before: [insert('invoices', { ...good.invoices, invoice_no: 'T-1' })], insert: ['invoices', { invoice_no: 'T-1' }] },
  invoices_invoice_no_form: ['invoices', { invoice_no: 'no!' }],
  invoices_discount_within_subtotal: ['invoices', { discount: 150, tax: 100 }],
  invoices_estimate_within_total: ['invoices', { insurance_estimate: 100.01 }],
  invoices_balance_not_negative: ['invoices', { status: 'paid', invoice_no: 'T-1', issued_at: '2026-01-01', paid: 100.01 }],
  invoices_issued_whole: ['invoices', { status: 'issued' }],
  invoices_void_reason: ['invoices', { status: 'void' }],
  invoices_status_matches_money: ['invoices', { paid: 1 }],
  invoices_one_per_appointment: { before: [insert('invoices', { ...good.invoices, appointment_id: rows.ownAppointment })], insert: ['invoices', { appointment_id: rows.ownAppointment }] },
  treatment_records_pkey: ['treatment_records', { id: rows.ownTreatment }],
  treatment_records_patient_id_fkey: ['treatment_records', { patient_id: id('dead') }],
  treatment_records_dentist_id_fkey: ['treatment_records', { dentist_id: id('dead') }],
  treatment_records_appointment_id_fkey: ['treatment_records', { appointment_id: id('dead') }],
  treatment_records_service_id_fkey: ['treatment_records', { service_id: id('dead') }],
  treatment_records_invoice_id_fkey: ['treatment_records', { invoice_id: id('dead') }],
  treatment_records_signed_by_fkey: ['treatment_records', { signed_at: '2026-01-01', signed_by: id('dead') }],
  treatment_records_amends_id_fkey: ['treatment_records', { amends_id: id('dead') }],
  treatment_records_priority_range: ['treatment_records', { priority: 0 }],
  treatment_records_area_code_known: ['treatment_records', { area_code: 'X' }],
  treatment_records_tooth_range_form: ['treatment_records', { tooth_range: '1,33' }],
  treatment_records_diagnosis_code_form: ['treatment_records', { diagnosis_code: 'caries' }],
  treatment_records_prosthesis_known: ['treatment_records', { prosthesis: 'x' }],
  treatment_records_quantity_range: ['treatment_records', { quantity: 0 }],
  treatment_records_completed_performed: ['treatment_records', { status: 'completed' }],
  treatment_records_signature_whole: ['treatment_records', { signed_at: '2026-01-01' }],
  treatment_records_surfaces_need_tooth: ['treatment_records', { surfaces: 'MO' }],
  treatment_records_replacement_prior: ['treatment_records', { prosthesis: 'replacement' }],
  treatment_records_not_own_amendment: { update: `update treatment_records set amends_id = id where id = '${rows.ownTreatment}'` },
  invoice_line_pkey: ['invoice_line', { id: rows.ownLine }],
  invoice_line_invoice_id_fkey: ['invoice_line', { invoice_id: id('dead') }],
  invoice_line_treatment_id_fkey: ['invoice_line', { treatment_id: id('dead') }],
  invoice_line_service_id_fkey: ['invoice_line', { service_id: id('dead') }],
  invoice_line_line_no_key: ['invoice_line', { invoice_id: rows.ownInvoice }],
  invoice_line_quantity_range: ['invoice_line', { quantity: 0 }],
  invoice_line_shares_whole: ['invoice_line', { patient_share: 2 }],
  payment_pkey: ['payment', { id: rows.ownPayment }],
  payment_invoice_id_fkey: ['payment', { invoice_id: id('dead') }],
  payment_patient_id_fkey: ['payment', { invoice_id: id('dead'), patient_id: id('dead') }, 'payment_invoice_id_fkey'],
  payment_refund_of_fkey: ['payment', { kind: 'refund', refund_of: id('dead') }],
  payment_received_by_fkey: ['payment', { received_by: id('dead') }],
  payment_receipt_no_key: { before: [insert('payment', { ...good.payment, receipt_no: 'T-1' })], insert: ['payment', { receipt_no: 'T-1' }] },
  payment_receipt_no_form: ['payment', { receipt_no: 'no!' }],
  payment_external_id_key: { before: [insert('payment', { ...good.payment, provider: 'p', external_id: '1' })], insert: ['payment', { provider: 'p', external_id: '1' }] },
  payment_method_known: ['payment', { method: 'barter' }],
  payment_amount_positive: ['payment', { amount: 0 }],
  payment_refund_refers: ['payment', { kind: 'refund' }],
  payment_succeeded_paid: { update: `alter table payment disable trigger guard; update payment set status = 'succeeded' where id = '${rows.ownPayment}'` },
  payment_provider_with_id: ['payment', { provider: 'p' }],
  inventory_pkey: ['inventory', { id: rows.lot }],
  inventory_lot_key: ['inventory', { sku: 'FX-LOT' }],
  inventory_sku_form: ['inventory', { sku: 'x' }],
  inventory_unit_cost_not_negative: ['inventory', { unit_cost: -1 }],
  inventory_status_known: ['inventory', { status: 'x' }],
  inventory_target_above_level: ['inventory', { reorder_level: 2, reorder_target: 1 }],
  inventory_discard_reason: ['inventory', { status: 'discarded' }],
  access_log_pkey: ['access_log', { id: rows.reading }],
  access_log_actor_fkey: ['access_log', { actor: id('dead') }],
  access_log_recorded_by_known: ['access_log', { recorded_by: 'nobody' }],
  access_log_row_count_range: ['access_log', { row_count: -1 }],
  waitlist_pkey: ['waitlist', { id: rows.ownWait }],
  waitlist_patient_id_fkey: ['waitlist', { patient_id: id('dead') }],
  waitlist_dentist_id_fkey: ['waitlist', { dentist_id: id('dead') }],
  waitlist_appointment_id_fkey: ['waitlist', { status: 'booked', appointment_id: id('dead') }],
  waitlist_appointment_id_key: { before: [insert('waitlist', { ...good.waitlist, status: 'booked', appointment_id: rows.ownAppointment })],
    insert: ['waitlist', { status: 'booked', appointment_id: rows.ownAppointment }] },
  waitlist_services_count: ['waitlist', { service_ids: [] }],
  waitlist_days_order: ['waitlist', { last_day: '2030-12-31' }],
  waitlist_times_order: ['waitlist', { earliest: '10:00', latest: '10:00' }],
  waitlist_status_known: ['waitlist', { status: 'x' }],
  waitlist_offer_whole: ['waitlist', { status: 'offered' }],
  knowledge_document_pkey: { before: [document], insert: ['knowledge_document', { slug: 'fx' }] },
  knowledge_document_slug_form: ['knowledge_document', { slug: 'Not a slug' }],
  knowledge_document_body_length: ['knowledge_document', { body: ' ' }],
  knowledge_document_category_form: ['knowledge_document', { category: 'Not one' }],
  knowledge_document_audience_known: ['knowledge_document', { audience: 'x' }],
  knowledge_document_validity_order: ['knowledge_document', { valid_from: '2031-01-02', valid_until: '2031-01-01' }],
  knowledge_document_hash_form: ['knowledge_document', { content_hash: 'x' }],
  chat_feedback_pkey: { before: [insert('chat_feedback', good.chat_feedback)], insert: ['chat_feedback', {}] },
  chat_feedback_completion_form: ['chat_feedback', { completion_id: 'chatcmpl-1' }],
  chat_feedback_rating_known: ['chat_feedback', { rating: 'fine' }],
  chat_feedback_comment_length: ['chat_feedback', { comment: '' }],
  knowledge_chunk_pkey: { before: [document, insert('knowledge_chunk', good.knowledge_chunk)], insert: ['knowledge_chunk', {}] },
  knowledge_chunk_document_fkey: ['knowledge_chunk', { document_slug: 'gone' }],
  knowledge_chunk_id_form: piece({ id: 'not an id' }),
  knowledge_chunk_ordinal_range: piece({ ordinal: 10000 }),
  knowledge_chunk_heading_length: piece({ heading: 'x'.repeat(1001) }),
  knowledge_chunk_content_length: piece({ content: ' ' }),
  knowledge_chunk_terms_range: piece({ terms: -1 }),
};

// Names of the log's own, which clients never write: change-log.test.mjs.
const elsewhere = ['change_log_pkey', 'change_log_prev_hash_key', 'change_log_op_known', 'role_code_key'];

test('there is a case for every constraint and unique index', async () => {
  const { rows: all } = await pool.query(`
    select conname as name from pg_constraint where connamespace = 'public'::regnamespace and contype <> 't'
    union select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'public'::regnamespace and i.indisunique`);
  assert.deepEqual(all.map((r) => r.name).sort(), [...Object.keys(broken), ...elsewhere].sort());
});

test('what the cases start from is taken', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(...document);
  for (const [table, values] of Object.entries(good)) {
    if (table === 'role') continue;
    assert.equal((await db.attempt(...insert(table, values), { undo: true })).error, undefined, table);
  }
}));

// The edge gives a new row the ETag "1" without reading it.
test('a new row has version 1, and a client may give it no other', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(...document);
  const versioned = await db.rows("select table_name as name from information_schema.columns where table_schema = 'public' and column_name = 'version'");
  const tables = versioned.map(({ name }) => name).filter((name) => good[name] && name !== 'role');
  assert.ok(tables.length > 10);
  for (const table of tables) {
    const [sql, values] = insert(table, good[table]);
    await db.rows('savepoint row');
    const [{ version }] = await db.rows(`${sql} returning version`, values);
    assert.equal(version, 1, table);
    await db.rows('rollback to row');
  }
  const granted = await db.rows("select table_name from information_schema.column_privileges where table_schema = 'public' and column_name = 'version' and privilege_type in ('INSERT', 'UPDATE') and grantee in ('anon', 'authenticated', 'PUBLIC')");
  assert.deepEqual(granted, []);
}));

for (const [constraint, spec] of Object.entries(broken)) {
  test(`${constraint} holds`, () => rolledBack(async (db) => {
    await fixture(db);
    const parts = Array.isArray(spec) ? { insert: spec } : spec;
    for (const statement of parts.before ?? []) await db.rows(...statement);
    await db.settle();
    if (parts.trigger) await db.rows(`alter table ${parts.insert[0]} disable trigger ${parts.trigger}`);
    let got;
    if (parts.update) {
      const steps = parts.update.split('; ');
      for (const step of steps.slice(0, -1)) {
        await db.settle();
        await db.rows(step);
      }
      got = await db.attempt(steps.at(-1));
    } else {
      const [table, change, instead] = parts.insert;
      got = await db.attempt(...insert(table, { ...good[table], ...change }));
      assert.equal(got.constraint, instead ?? constraint, got.message);
      return;
    }
    assert.equal(got.constraint, constraint, got.message);
  }));
}

const expectError = async (db, error, sql, params) => {
  const got = await db.attempt(sql, params);
  assert.equal(got.error, error, `${got.message ?? 'was taken'}: ${sql}`);
};

test('a dentist is a dentist, a patient a patient, an assistant one of the staff', () => rolledBack(async (db) => {
  await fixture(db);
  for (const [table, column, wrong] of [
    ['appointment', 'patient_id', dentist2], ['appointment', 'dentist_id', receptionist], ['appointment', 'dentist_id', patient2], ['appointment', 'assistant_id', patient2],
    ['patient_medical_history', 'patient_id', dentist], ['insurance_detail', 'patient_id', dentist], ['invoices', 'patient_id', receptionist],
    ['treatment_records', 'patient_id', dentist2], ['treatment_records', 'dentist_id', patient], ['user', 'primary_dentist_id', patient], ['provider_hours', 'dentist_id', patient],
    ['appointment', 'patient_id', rows.deletedPatient],
  ]) {
    await expectError(db, 'PT422', ...insert(table, { ...good[table], [column]: wrong }));
  }
  assert.equal((await db.attempt(...insert('appointment', { ...good.appointment, assistant_id: receptionist }))).error, undefined);
}));

test('appointments may follow each other without a gap, and be as short and long as allowed', () => rolledBack(async (db) => {
  await fixture(db);
  for (const [starts, ends] of [['2031-03-04 09:30Z', '2031-03-04 09:35Z'], ['2031-03-05 08:00Z', '2031-03-05 17:00Z']]) {
    assert.equal((await db.attempt(...insert('appointment', { ...good.appointment, starts_at: starts, ends_at: ends }))).error, undefined);
  }
}));

test('the clinic\'s own grid is kept in its time zone', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(`update clinic_settings set grid_minutes = 20, slot_step_minutes = 20`);
  await expectError(db, 'PT422', ...insert('appointment', { ...good.appointment, starts_at: '2031-07-01 09:10Z', ends_at: '2031-07-01 09:30Z' }));
  await expectError(db, 'PT422', ...insert('appointment', { ...good.appointment, starts_at: '2031-07-01 09:00Z', ends_at: '2031-07-01 09:30Z' }));
  assert.equal((await db.attempt(...insert('appointment', { ...good.appointment, starts_at: '2031-07-01 09:20Z', ends_at: '2031-07-01 09:40Z' }))).error, undefined);
}));

test('every live status keeps its slot, and no other', () => rolledBack(async (db) => {
  await fixture(db);
  const live = ['held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed'];
  for (const status of [...live, 'cancelled', 'no_show', 'rescheduled']) {
    await db.rows('savepoint s');
    await db.rows(...insert('appointment', { ...good.appointment, status }));
    const got = await db.attempt(...insert('appointment', { ...good.appointment, patient_id: patient2 }));
    assert.equal(got.constraint, live.includes(status) ? 'appointment_dentist_free' : undefined, status);
    await db.rows('rollback to savepoint s');
  }
}));

test('teeth are 1-32, A-T, 51-82, AS-TS and nothing else', () => rolledBack(async (db) => {
  const letters = [...'ABCDEFGHIJKLMNOPQRST'];
  const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  const teeth = new Set([...range(1, 32), ...range(51, 82), ...letters, ...letters.map((l) => `${l}S`)]);
  const tried = [...range(0, 100), ...[...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].flatMap((l) => [l, `${l}S`, `${l}T`, l.toLowerCase()]), '', '01', '1S', ' 1'];
  for (const tooth of tried) {
    const got = await db.attempt('select $1::tooth_code', [tooth]);
    assert.equal(got.error, teeth.has(tooth) ? undefined : '23514', tooth);
  }
}));

test('the service\'s treatment area decides which location is required', () => rolledBack(async (db) => {
  await fixture(db);
  const fits = {
    none: [{}, { tooth: '3' }], mouth: [{}], tooth: [{ tooth: '3' }], surface: [{ tooth: '3', surfaces: 'MO' }], quadrant: [{ area_code: 'UR' }],
    sextant: [{ area_code: '6' }], arch: [{ area_code: 'U' }], tooth_range: [{ tooth_range: '1,2,3' }],
  };
  const lacks = {
    none: [], mouth: [], tooth: [{}], surface: [{}, { tooth: '3' }], quadrant: [{}, { area_code: 'U' }, { area_code: '1' }],
    sextant: [{}, { area_code: 'UR' }], arch: [{}, { area_code: 'UR' }], tooth_range: [{}, { tooth: '3' }],
  };
  const { rows: areas } = await pool.query('select unnest(enum_range(null::public.treatment_area))::text as a');
  assert.deepEqual(Object.keys(fits).sort(), areas.map((r) => r.a).sort());
  for (const area of Object.keys(fits)) {
    await db.rows('update service set treatment_area = $2 where id = $1', [rows.activeService, area]);
    for (const location of fits[area]) assert.equal((await db.attempt(...insert('treatment_records', { ...good.treatment_records, ...location }))).error, undefined, area);
    for (const location of lacks[area]) await expectError(db, 'PT422', ...insert('treatment_records', { ...good.treatment_records, ...location }));
  }
}));

test('a signed record is frozen, signed by its dentist at the present time, and amended by a new one', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('dentist');
  const signed = await db.one(`update treatment_records set signed_at = '2000-01-01' where id = $1 returning signed_by, locked, signed_at > now() - interval '1 minute' as now`, [rows.ownTreatment]);
  assert.deepEqual(signed, { signed_by: dentist, locked: true, now: true });
  for (const change of [`notes = 'x'`, 'fee = 2', `tooth = '3'`, 'signed_at = null', `dentist_id = '${dentist2}'`]) {
    await expectError(db, 'PT409', `update treatment_records set ${change} where id = $1`, [rows.ownTreatment]);
  }
  assert.equal((await db.attempt(...insert('treatment_records', { ...good.treatment_records, amends_id: rows.ownTreatment }))).error, undefined);
  await expectError(db, 'PT422', ...insert('treatment_records', { ...good.treatment_records, patient_id: patient2, amends_id: rows.ownTreatment }));
}));

test('clinical and financial rows are never deleted, not even by the database\'s owner', () => rolledBack(async (db) => {
  await fixture(db);
  for (const table of ['treatment_records', 'invoices', 'payment']) await expectError(db, 'PT409', `delete from ${table}`);
  for (const [table, row] of [['user', rows.newPatient], ['patient_medical_history', rows.ownHistory], ['appointment', rows.ownAppointment], ['service', rows.activeService],
    ['insurance_detail', rows.ownPlan], ['inventory', rows.lot]]) {
    await db.rows(`delete from "${table}" where id = $1`, [row]);
    assert.equal((await db.one(`select deleted_at is not null as gone from "${table}" where id = $1`, [row])).gone, true, table);
  }
  assert.equal((await db.one(`select appointment_deleted_at is not null as gone from appointment_has_service where appointment_id = $1`, [rows.ownAppointment])).gone, true);
}));

test('an issued invoice is immutable but for its notes', () => rolledBack(async (db) => {
  await fixture(db);
  for (const change of ['subtotal = 1', 'discount = 1', 'tax = 1', `currency = 'EUR'`, `patient_id = '${patient2}'`, `invoice_no = 'T-9'`, `issued_at = '2000-01-01'`, `due_on = '2000-01-01'`, 'guarantor_id = null, insurance_estimate = 3']) {
    await expectError(db, 'PT409', `update invoices set ${change} where id = $1`, [rows.ownInvoice]);
  }
  assert.equal((await db.attempt(`update invoices set notes = 'x' where id = $1`, [rows.ownInvoice])).count, 1);
  await db.as('receptionist');
  assert.equal((await db.attempt('update invoices set subtotal = 90 where id = $1', [rows.draftInvoice])).count, 1);
}));

test('stock never falls below zero', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(`insert into app.inventory_movement (inventory_id, delta, reason) values ($1, 5, 'receive')`, [rows.lot]);
  await expectError(db, '23514', `insert into app.inventory_movement (inventory_id, delta, reason) values ($1, -5.001, 'use')`, [rows.lot]);
  assert.equal((await db.one('select on_hand from inventory where id = $1', [rows.lot])).on_hand, '5.000');
}));

test('every update bumps the version, keeps the key and tells who made it', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('admin');
  const first = await db.one(`update service set lay_name = 'x' where id = $1 returning version, updated_by`, [rows.activeService]);
  const second = await db.one(`update service set lay_name = 'x' where id = $1 returning version, updated_by`, [rows.activeService]);
  assert.deepEqual([first, second], [{ version: 2, updated_by: people.admin }, { version: 3, updated_by: people.admin }]);
  await expectError(db, 'PT422', `update service set id = gen_random_uuid() where id = $1`, [rows.activeService]);
}));
