// Each status machine over all pairs of states: the allowed changes are the domain's list, everything else, computed as
// its complement, must be refused with PT409.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { people, pool, rolledBack } from './support.mjs';

const { patient, dentist } = people;
const states = async (type) => (await pool.query(`select unnest(enum_range(null::public.${type}))::text as s`)).rows.map((r) => r.s);

// Tries every pair. `begin` makes a row in a state, `change` moves it; a state may stay as it is.
async function walk(type, allowed, begin, change, { same = () => undefined } = {}) {
  const all = await states(type);
  assert.deepEqual(Object.keys(allowed).sort(), [...all].sort(), 'the list names every state');
  let refused = 0;
  await rolledBack(async (db) => {
    await fixture(db);
    for (const from of all) {
      for (const to of all) {
        await db.rows('savepoint pair');
        await db.asOwner();
        const row = await begin(db, from);
        const got = await change(db, row, to, from);
        const expected = from === to ? same(from) : allowed[from].includes(to) ? undefined : 'PT409';
        assert.equal(got.error, expected, `${from} → ${to}: ${got.message ?? 'was let through'}`);
        if (got.error) refused += 1;
        else assert.equal(got.count, 1, `${from} → ${to}`);
        await db.rows('rollback to savepoint pair');
      }
    }
  });
  assert.ok(refused > 0);
}

const appointmentMachine = {
  held: ['requested', 'scheduled', 'cancelled'],
  requested: ['scheduled', 'confirmed', 'cancelled', 'rescheduled'],
  scheduled: ['confirmed', 'arrived', 'cancelled', 'no_show', 'rescheduled'],
  confirmed: ['arrived', 'cancelled', 'no_show', 'rescheduled'],
  arrived: ['in_chair', 'cancelled', 'no_show'],
  in_chair: ['completed'],
  completed: [], cancelled: [], no_show: [], rescheduled: [],
};

test('appointment: every change that is not listed is refused, for staff', () => walk('appointment_status', appointmentMachine,
  (db, from) => db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
    values ($1, $2, '2031-06-02 09:00Z', '2031-06-02 09:30Z', $3) returning id`, [patient, dentist, from]),
  async (db, row, to) => {
    await db.as('receptionist');
    return db.attempt('update appointment set status = $2 where id = $1', [row.id, to]);
  }));

test('appointment: a patient only confirms what is scheduled, or cancels', () => {
  const theirs = Object.fromEntries(Object.keys(appointmentMachine).map((from) => [from, []]));
  for (const from of ['held', 'requested', 'scheduled', 'confirmed']) theirs[from] = ['cancelled'];
  theirs.scheduled.push('confirmed');
  return rolledBack(async (db) => {
    await fixture(db);
    for (const from of Object.keys(theirs)) {
      for (const to of Object.keys(theirs)) {
        if (from === to) continue;
        await db.rows('savepoint pair');
        await db.asOwner();
        const row = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
          values ($1, $2, '2031-06-02 09:00Z', '2031-06-02 09:30Z', $3) returning id`, [patient, dentist, from]);
        await db.as('patient');
        const got = await db.attempt('update appointment set status = $2 where id = $1', [row.id, to]);
        // Out of the patient's reach is no row; within it the guard refuses.
        assert.equal(got.count, theirs[from].includes(to) ? 1 : 0, `${from} → ${to} ${got.error}`);
        await db.rows('rollback to savepoint pair');
      }
    }
  });
});

test('appointment: a client begins one only as held, requested, scheduled, confirmed or arrived', () => rolledBack(async (db) => {
  await db.as('admin');
  for (const status of Object.keys(appointmentMachine)) {
    const got = await db.attempt(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
      values ($1, $2, '2031-06-02 09:00Z', '2031-06-02 09:30Z', $3)`, [patient, dentist, status], { undo: true });
    assert.equal(got.error, ['held', 'requested', 'scheduled', 'confirmed', 'arrived'].includes(status) ? undefined : 'PT422', status);
  }
}));

test('appointment: what is over cannot be moved', () => rolledBack(async (db) => {
  await fixture(db);
  for (const status of ['completed', 'cancelled', 'no_show', 'rescheduled']) {
    await db.asOwner();
    const row = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
      values ($1, $2, '2031-06-02 09:00Z', '2031-06-02 09:30Z', $3) returning id`, [patient, dentist, status]);
    await db.as('admin');
    for (const change of [`starts_at = '2031-06-02 08:00Z'`, `ends_at = '2031-06-02 10:00Z'`, `dentist_id = '${people.dentist2}'`, `patient_id = '${people.patient2}'`]) {
      assert.equal((await db.attempt(`update appointment set ${change} where id = $1`, [row.id])).error, 'PT409', `${status} ${change}`);
    }
    await db.rows('delete from appointment where id = $1', [row.id]);
  }
}));

const treatmentStates = ['planned', 'accepted', 'in_progress', 'completed', 'existing_current', 'existing_other', 'referred', 'condition', 'declined', 'entered_in_error'];
const treatment = (signed) => (db, from) => db.one(`insert into treatment_records (patient_id, dentist_id, service_id, fee, status, performed_at, signed_at, signed_by)
  values ($1, $2, $3, 10, $4, now(), $5, $6) returning id`, [patient, dentist, rows.activeService, from, signed ? new Date() : null, signed ? dentist : null]);
const moveTreatment = async (db, row, to) => {
  await db.as('dentist');
  return db.attempt('update treatment_records set status = $2 where id = $1', [row.id, to]);
};

test('treatment: an unsigned record changes freely, except away from entered_in_error', () => walk('treatment_status',
  Object.fromEntries(treatmentStates.map((from) => [from, from === 'entered_in_error' ? [] : treatmentStates])), treatment(false), moveTreatment));

test('treatment: a signed record becomes entered_in_error and nothing else', () => walk('treatment_status',
  Object.fromEntries(treatmentStates.map((from) => [from, from === 'entered_in_error' ? [] : ['entered_in_error']])), treatment(true), moveTreatment));

// The amounts that belong to a state, out of 100.
const money = {
  draft: [0, 0], issued: [0, 0], void: [0, 0], partially_paid: [40, 0], paid: [100, 0], written_off: [40, 60],
};

test('invoice: every change that is not listed is refused, even by the database itself', () => walk('invoice_status', {
  draft: ['issued', 'void'],
  issued: ['partially_paid', 'paid', 'written_off', 'void'],
  partially_paid: ['issued', 'paid', 'written_off'],
  paid: ['issued', 'partially_paid'],
  written_off: ['partially_paid'],
  void: [],
},
(db, from) => db.one(`insert into invoices (patient_id, subtotal, status, invoice_no, issued_at, paid, write_off, void_reason)
  values ($1, 100, $2, 'T-1', now(), $3, $4, 'x') returning id`, [patient, from, ...money[from]]),
(db, row, to) => db.attempt('update invoices set status = $2, paid = $3, write_off = $4 where id = $1', [row.id, to, ...money[to]])));

test('invoice: the status cannot differ from what the amounts say', () => rolledBack(async (db) => {
  await fixture(db);
  for (const [status, paid, writeOff] of [['paid', 40, 0], ['paid', 0, 0], ['partially_paid', 100, 0], ['partially_paid', 0, 0], ['issued', 10, 0],
    ['written_off', 100, 0], ['paid', 40, 60], ['void', 10, 0], ['draft', 10, 0]]) {
    const got = await db.attempt(`insert into invoices (patient_id, subtotal, status, invoice_no, issued_at, paid, write_off, void_reason)
      values ($1, 100, $2, 'T-1', now(), $3, $4, 'x')`, [patient, status, paid, writeOff]);
    assert.equal(got.constraint, 'invoices_status_matches_money', `${status} ${paid} ${writeOff}`);
  }
}));

test('payment: every change that is not listed is refused, even by the database itself', () => walk('payment_status', {
  pending: ['authorized', 'succeeded', 'failed', 'voided'],
  authorized: ['succeeded', 'failed', 'voided'],
  succeeded: [], failed: [], voided: [],
},
(db, from) => db.one(`insert into payment (invoice_id, patient_id, method, status, amount) values ($1, $2, 'cash', $3, 10) returning id`,
  [rows.ownInvoice, patient, from]),
(db, row, to) => db.attempt('update payment set status = $2 where id = $1', [row.id, to]),
{ same: (state) => (['succeeded', 'failed', 'voided'].includes(state) ? 'PT409' : undefined) }));

test('payment: a client begins one only as pending, authorized or succeeded', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('receptionist');
  for (const status of ['pending', 'authorized', 'succeeded', 'failed', 'voided']) {
    const got = await db.attempt(`insert into payment (invoice_id, patient_id, method, status, amount) values ($1, $2, 'cash', $3, 10)`,
      [rows.ownInvoice, patient, status], { undo: true });
    assert.equal(got.error, ['failed', 'voided'].includes(status) ? 'PT422' : undefined, status);
  }
}));
