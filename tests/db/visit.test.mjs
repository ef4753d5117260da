// From check-in to refund, and stock: each function from the allowed and the refused side.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { id, people, rolledBack } from './support.mjs';

const { patient, dentist } = people;
const visit = rows.ownAppointment;
const call = (db, sql, ...params) => db.attempt(`select (f).* from ${sql} f`, params);

test('a visit goes from arrival to treatment records, by those who may', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(`insert into appointment_has_service (appointment_id, line_no, service_id, tooth, surfaces) values ($1, 2, $2, '14', 'MO')`, [visit, id('5011')]);
  for (const who of ['patient', 'anon']) {
    await db.as(who);
    for (const step of ['check_in', 'seat', 'complete_visit']) assert.equal((await call(db, `${step}($1)`, visit)).error, '42501', `${who} ${step}`);
  }
  await db.as('dentist2');
  assert.equal((await call(db, 'check_in($1)', visit)).error, 'PT404');
  await db.as('receptionist');
  assert.equal((await call(db, 'seat($1)', visit)).error, 'PT409');
  assert.ok((await call(db, 'check_in($1)', visit)).rows[0].arrived_at);
  const seated = (await call(db, 'seat($1, $2)', visit, 'R1')).rows[0];
  assert.deepEqual([seated.status, seated.room, seated.seated_at !== null], ['in_chair', 'R1', true]);
  assert.equal((await call(db, 'complete_visit($1)', visit)).error, '42501');
  await db.as('dentist');
  const twice = JSON.stringify([{ line_no: 2, surfaces: 'MO' }, { line_no: 2, surfaces: 'MOD' }]);
  assert.equal((await call(db, 'complete_visit($1, $2)', visit, twice)).error, 'PT422', 'a line is billed once');
  const over = await call(db, 'complete_visit($1, $2)', visit, JSON.stringify([{ line_no: 2, surfaces: 'MOD', notes: 'deep' }]));
  assert.deepEqual([over.rows[0]?.status, over.rows[0]?.dismissed_at !== null], ['completed', true], over.message);
  const done = await db.rows('select status, tooth, surfaces, notes, fee, dentist_id, created_by from treatment_records where appointment_id = $1 order by fee', [visit]);
  assert.deepEqual(done, [
    { status: 'completed', tooth: null, surfaces: null, notes: null, fee: '50.00', dentist_id: dentist, created_by: dentist },
    { status: 'completed', tooth: '14', surfaces: 'MOD', notes: 'deep', fee: '235.00', dentist_id: dentist, created_by: dentist },
  ]);
  assert.equal((await call(db, 'complete_visit($1)', visit)).error, 'PT409');
  assert.equal((await call(db, `complete_visit($1, '{}')`, visit)).error, 'PT422');
}));

test('a visit whose treatment lacks its location is not completed, and nothing of it remains', () => rolledBack(async (db) => {
  await fixture(db);
  await db.rows(`insert into appointment_has_service (appointment_id, line_no, service_id) values ($1, 2, $2)`, [visit, id('5011')]);
  await db.rows(`update appointment set status = 'arrived' where id = $1`, [visit]);
  await db.rows(`update appointment set status = 'in_chair' where id = $1`, [visit]);
  await db.as('dentist');
  assert.equal((await call(db, 'complete_visit($1)', visit)).error, 'PT422');
  assert.equal((await db.one('select status from appointment where id = $1', [visit])).status, 'in_chair');
}));

// A completed visit of three treatments: 100 preventive, 200 basic, 1000 major.
async function treated(db, plan) {
  await fixture(db);
  await db.rows('delete from insurance_detail where patient_id = $1', [patient]);
  if (plan) {
    await db.rows(`insert into insurance_detail (patient_id, carrier_name, member_id, effective_on, annual_max, annual_used, deductible, deductible_met, pct_preventive, pct_basic, pct_major, waiting_until)
      values ($1, 'X', 'X1', '2030-01-01', $2, $3, $4, $5, 100, 80, 50, $6)`, [patient, plan.max, plan.used ?? 0, plan.deductible ?? 0, plan.met ?? 0, plan.waiting ?? null]);
  }
  for (const status of ['arrived', 'in_chair', 'completed']) await db.rows('update appointment set status = $2 where id = $1', [visit, status]);
  for (const [n, category, fee] of [[1, 'preventive', 100], [2, 'restorative', 200], [3, 'implant', 1000]]) {
    await db.rows(`insert into service (id, code, name, category, fee, tax_rate) values ($1, $2, 'X', $3, $4, $5)`, [id(`fb0${n}`), `FB-${n}`, category, fee, n === 3 ? 0.1 : 0]);
    await db.rows(`insert into treatment_records (patient_id, dentist_id, appointment_id, service_id, status, performed_at, fee, created_at) values ($1, $2, $3, $4, 'completed', now(), $5, now() + make_interval(secs => $6))`,
      [patient, dentist, visit, id(`fb0${n}`), fee, n]);
  }
  await db.as('receptionist');
}
const shares = async (db, invoice) => (await db.rows(`select allowed::float, deductible::float, percent, insurance_share::float, patient_share::float from invoice_line where invoice_id = $1 order by line_no`, [invoice])).map(Object.values);

test('an invoice is made from completed treatment, with fee, deductible, percent, maximum and the patient\'s share', () => rolledBack(async (db) => {
  await treated(db, { max: 600, used: 100, deductible: 50, met: 10 });
  const { rows: [invoice], message } = await call(db, 'issue_invoice($1)', visit);
  assert.ok(invoice, message);
  // 100 at 100 %; (200 - 40) at 80 % = 128; 1000 at 50 % = 500, of which 500 - 228 is left of the maximum.
  assert.deepEqual(await shares(db, invoice.id), [[100, 0, 100, 100, 0], [200, 40, 80, 128, 72], [1000, 0, 50, 272, 828]]);
  assert.deepEqual([invoice.status, invoice.subtotal, invoice.tax, invoice.total, invoice.insurance_estimate, invoice.balance], ['issued', '1300.00', '100.00', '1400.00', '500.00', '1400.00']);
  assert.match(invoice.invoice_no, /^INV-\d{8}$/);
  assert.ok(invoice.due_on && invoice.issued_at);
  assert.equal((await call(db, 'issue_invoice($1)', visit)).error, '23505');
  await db.as('patient');
  assert.equal((await shares(db, invoice.id)).length, 3);
}));

test('without insurance, or while it waits, the patient pays; without a maximum it is not capped', async () => {
  for (const [plan, expected] of [
    [null, [0, 0, 0]], [{ max: 5000, waiting: '2099-01-01' }, [100, 0, 0]], [{ max: null }, [100, 160, 500]], [{ max: 0 }, [0, 0, 0]],
  ]) {
    await rolledBack(async (db) => {
      await treated(db, plan);
      const { rows: [invoice], message } = await call(db, 'issue_invoice($1)', visit);
      assert.ok(invoice, message);
      assert.deepEqual((await shares(db, invoice.id)).map((l) => l[3]), expected);
    });
  }
});

test('only reception issues and voids; only what is completed, unpaid and there', () => rolledBack(async (db) => {
  await treated(db);
  for (const who of ['patient', 'dentist']) {
    await db.as(who);
    assert.equal((await call(db, 'issue_invoice($1)', visit)).error, '42501');
    assert.equal((await call(db, `void_invoice($1, 'x')`, rows.ownInvoice)).error, '42501');
    assert.equal((await call(db, 'issue_draft_invoice($1)', rows.draftInvoice)).error, '42501');
  }
  await db.as('receptionist');
  assert.equal((await call(db, 'issue_invoice($1)', rows.otherAppointment)).error, 'PT409');
  assert.equal((await call(db, 'issue_invoice($1)', id('dead'))).error, 'PT404');
  const { rows: [first] } = await call(db, 'issue_invoice($1)', visit);
  assert.equal((await call(db, 'void_invoice($1, null)', first.id)).constraint, 'invoices_void_reason');
  assert.equal((await call(db, `void_invoice($1, 'wrong')`, first.id)).rows[0].status, 'void');
  assert.equal((await call(db, `void_invoice($1, 'again')`, first.id)).error, 'PT409');
  assert.equal((await call(db, 'issue_invoice($1)', visit)).rows[0].status, 'issued', 'what was voided is billed anew');
  assert.equal((await call(db, 'issue_draft_invoice($1)', rows.draftInvoice)).rows[0].status, 'issued');
  assert.equal((await call(db, 'issue_draft_invoice($1)', rows.draftInvoice)).error, 'PT409');
}));

const invoiceNow = (db) => db.one('select status, paid::float, insurance_paid::float, write_off::float, balance::float from invoices where id = $1', [rows.ownInvoice]);
const pay = (db, amount, kind = 'payment', status = 'succeeded') => call(db, 'record_payment($1, $2, $3, kind => $4, status => $5)', rows.ownInvoice, amount, 'cash', kind, status);

test('payments move the invoice, never beyond its balance', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('receptionist');
  assert.equal((await pay(db, 100.01)).error, 'PT409');
  const first = (await pay(db, 30)).rows[0];
  assert.deepEqual([first.status, first.received_by, first.paid_at !== null], ['succeeded', people.receptionist, true]);
  assert.match(first.receipt_no, /^REC-\d{8}$/);
  assert.deepEqual(await invoiceNow(db), { status: 'partially_paid', paid: 30, insurance_paid: 0, write_off: 0, balance: 70 });
  await pay(db, 50, 'insurance');
  assert.deepEqual(await invoiceNow(db), { status: 'partially_paid', paid: 30, insurance_paid: 50, write_off: 0, balance: 20 });
  assert.equal((await pay(db, 20.01)).error, 'PT409');
  assert.equal((await call(db, `void_invoice($1, 'x')`, rows.ownInvoice)).error, 'PT409');
  await pay(db, 20, 'write_off');
  assert.deepEqual(await invoiceNow(db), { status: 'written_off', paid: 30, insurance_paid: 50, write_off: 20, balance: 0 });
  assert.equal((await pay(db, 0.01)).error, 'PT409');
}));

test('refunds refer to their payment and together are no more than it', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('receptionist');
  const paid = (await pay(db, 100)).rows[0];
  assert.equal((await invoiceNow(db)).status, 'paid');
  const refund = (amount) => call(db, 'refund_payment($1, $2)', paid.id, amount);
  assert.equal((await refund(100.01)).error, 'PT409');
  assert.equal((await refund(40)).rows[0].refund_of, paid.id);
  assert.deepEqual(await invoiceNow(db), { status: 'partially_paid', paid: 60, insurance_paid: 0, write_off: 0, balance: 40 });
  assert.equal((await refund(60.01)).error, 'PT409');
  const rest = (await refund(null)).rows[0];
  assert.equal(rest.amount, '60.00');
  assert.deepEqual(await invoiceNow(db), { status: 'issued', paid: 0, insurance_paid: 0, write_off: 0, balance: 100 });
  assert.equal((await call(db, 'refund_payment($1, 1)', rest.id)).error, 'PT409');
  assert.equal((await call(db, 'refund_payment($1, 1)', rows.ownPayment)).error, 'PT409', 'a pending payment has nothing to give back');
  assert.equal((await call(db, 'refund_payment($1, 1)', id('dead'))).error, 'PT404');
  const elsewhere = await db.attempt(`insert into payment (invoice_id, patient_id, kind, method, status, amount, refund_of) values ($1, $2, 'refund', 'cash', 'succeeded', 1, $3)`,
    [rows.otherInvoice, people.patient2, paid.id]);
  assert.equal(elsewhere.error, 'PT422');
}));

test('a payment that waits counts when it succeeds', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('receptionist');
  const waiting = (await pay(db, 80, 'payment', 'pending')).rows[0];
  assert.equal((await invoiceNow(db)).balance, 100);
  await pay(db, 50);
  const settle = (status) => call(db, 'settle_payment($1, $2)', waiting.id, status);
  assert.equal((await settle('succeeded')).error, 'PT409', 'by now it exceeds the balance');
  assert.equal((await settle('authorized')).rows[0].status, 'authorized');
  assert.equal((await settle('pending')).error, 'PT409');
  assert.equal((await settle('voided')).rows[0].status, 'voided');
  assert.equal((await invoiceNow(db)).balance, 50);
}));

test('payments fit their invoice, are only taken by reception, and not on drafts', () => rolledBack(async (db) => {
  await fixture(db);
  for (const who of ['patient', 'dentist']) {
    await db.as(who);
    assert.equal((await pay(db, 1)).error, '42501');
    assert.equal((await call(db, 'refund_payment($1)', rows.ownPayment)).error, '42501');
    assert.equal((await call(db, `settle_payment($1, 'succeeded')`, rows.ownPayment)).error, '42501');
  }
  await db.as('receptionist');
  assert.equal((await pay(db, 1, 'refund')).error, 'PT422');
  assert.equal((await call(db, `record_payment($1, 1, 'cash')`, rows.draftInvoice)).error, 'PT409');
  for (const [column, value] of [['patient_id', people.patient2], ['currency', 'EUR']]) {
    const values = { patient_id: patient, currency: 'USD', [column]: value };
    assert.equal((await db.attempt(`insert into payment (invoice_id, patient_id, currency, method, amount) values ($1, $2, $3, 'cash', 1)`, [rows.ownInvoice, values.patient_id, values.currency])).error, 'PT422');
  }
}));

test('an insert that a conflict skips does not move the invoice', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('receptionist');
  const again = await db.attempt(`insert into payment (id, invoice_id, patient_id, method, status, amount) values ($1, $2, $3, 'cash', 'succeeded', 10) on conflict (id) do nothing`,
    [rows.ownPayment, rows.ownInvoice, patient]);
  assert.deepEqual([again.error, again.count], [undefined, 0]);
  assert.equal((await invoiceNow(db)).balance, 100);
}));

const today = `(now() at time zone 'America/New_York')::date`;
async function stocked(db) {
  await fixture(db);
  for (const [n, lot, expires, quantity] of [[1, 'L-LATE', `${today} + 90`, 5], [2, 'L-SOON', `${today} + 10`, 3], [3, 'L-GONE', `${today} - 1`, 50], [4, 'L-NONE', 'null', 4]]) {
    await db.rows(`insert into inventory (id, sku, name, category, lot_no, expires_on) values ($1, 'FX-S', 'S', 'x', $2, ${expires})`, [id(`fc0${n}`), lot]);
    await db.rows(`insert into app.inventory_movement (inventory_id, delta, reason) values ($1, $2, 'receive')`, [id(`fc0${n}`), quantity]);
  }
}
const stock = async (db) => Object.fromEntries((await db.rows(`select lot_no, on_hand::float from inventory where sku = 'FX-S' and location = 'main'`)).map((r) => [r.lot_no, r.on_hand]));
const move = (db, args) => db.attempt(`select * from move_stock(${Object.keys(args).map((k, i) => `${k} => $${i + 1}`).join(', ')})`, Object.values(args));

test('stock is used earliest expiry first, across lots, never what has expired', () => rolledBack(async (db) => {
  await stocked(db);
  await db.as('dentist');
  const used = await move(db, { reason: 'use', quantity: 6, sku: 'FX-S', treatment_id: rows.ownTreatment });
  assert.deepEqual(used.rows.map((r) => r.lot_no).sort(), ['L-LATE', 'L-SOON'], used.message);
  assert.deepEqual(await stock(db), { 'L-SOON': 0, 'L-LATE': 2, 'L-GONE': 50, 'L-NONE': 4 });
  assert.equal((await move(db, { reason: 'use', quantity: 7, sku: 'FX-S' })).error, 'PT409');
  assert.equal((await move(db, { reason: 'use', quantity: 6, sku: 'FX-S' })).error, undefined);
  assert.equal((await move(db, { reason: 'use', quantity: 1, inventory_id: id('fc03') })).error, 'PT409');
}));

test('stock is moved for a known reason, by a sound quantity, by those who may', () => rolledBack(async (db) => {
  await stocked(db);
  const lot = id('fc01');
  for (const who of ['patient', 'anon']) {
    await db.as(who);
    assert.equal((await move(db, { reason: 'use', quantity: 1, inventory_id: lot })).error, '42501');
  }
  await db.as('dentist');
  for (const reason of ['receive', 'count', 'discard', 'transfer', 'return']) assert.equal((await move(db, { reason, quantity: 1, inventory_id: lot })).error, '42501', reason);
  await db.as('receptionist');
  for (const wrong of [{ reason: 'steal', quantity: 1 }, { reason: 'use', quantity: 0 }, { reason: 'use', quantity: -1 }, { reason: 'use', quantity: 0.0001 }, { reason: 'use', quantity: 'NaN' },
    { reason: 'receive', quantity: 1, inventory_id: null, sku: 'FX-S' }, { reason: 'use', quantity: 1, inventory_id: null }, { reason: 'discard', quantity: 1, treatment_id: rows.ownTreatment },
    { reason: 'transfer', quantity: 1 }, { reason: 'transfer', quantity: 1, to_location: 'main' }]) {
    assert.equal((await move(db, { inventory_id: lot, ...wrong })).error, 'PT422', JSON.stringify(wrong));
  }
  assert.equal((await move(db, { reason: 'use', quantity: 1, inventory_id: id('dead') })).error, 'PT404');
  assert.equal((await move(db, { reason: 'discard', quantity: 6, inventory_id: lot })).error, 'PT409');
  for (const [reason, quantity, expected] of [['receive', 2.5, 7.5], ['return', 1, 6.5], ['discard', 1.5, 5], ['count', 4, 4], ['count', 4, 4], ['count', 0, 0]]) {
    assert.equal((await move(db, { reason, quantity, inventory_id: lot })).error, undefined, reason);
    assert.equal((await stock(db))['L-LATE'], expected, reason);
  }
  assert.ok((await db.one('select last_counted_at from inventory where id = $1', [lot])).last_counted_at);
}));

test('a transfer takes a lot to another place, with its expiry', () => rolledBack(async (db) => {
  await stocked(db);
  await db.as('receptionist');
  for (const expected of [[4, 1], [3, 2]]) {
    const moved = await move(db, { reason: 'transfer', quantity: 1, inventory_id: id('fc01'), to_location: 'room 1' });
    assert.equal(moved.rows.length, 2, moved.message);
    const there = await db.rows(`select on_hand::float as n, expires_on - ${today} as days from inventory where sku = 'FX-S' and lot_no = 'L-LATE' order by location`);
    assert.deepEqual(there, [{ n: expected[0], days: 90 }, { n: expected[1], days: 90 }]);
  }
  assert.equal((await move(db, { reason: 'transfer', quantity: 9, inventory_id: id('fc01'), to_location: 'room 1' })).error, 'PT409');
}));

test('a recall finds the patients of a lot, for dentists and admins', () => rolledBack(async (db) => {
  await stocked(db);
  await db.as('dentist');
  await move(db, { reason: 'use', quantity: 1, inventory_id: id('fc02'), treatment_id: rows.ownTreatment });
  await move(db, { reason: 'use', quantity: 1, inventory_id: id('fc01'), treatment_id: rows.otherTreatment });
  for (const who of ['dentist', 'admin']) {
    await db.as(who);
    const found = await db.rows(`select * from patients_by_lot('L-SOON')`);
    assert.deepEqual(found.map((f) => [f.patient_id, f.treatment_id, f.article, Number(f.quantity)]), [[patient, rows.ownTreatment, 'FX-S', 1]]);
    assert.equal((await db.rows(`select * from patients_by_lot('L-SOON', 'OTHER')`)).length, 0);
  }
  for (const who of ['patient', 'receptionist', 'anon']) {
    await db.as(who);
    assert.equal((await db.attempt(`select * from patients_by_lot('L-SOON')`)).error, '42501', who);
  }
}));
