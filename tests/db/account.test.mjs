// The statement of account, against the invoices it is made from; and the lines that explain their estimate.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, rows } from './fixture.mjs';
import { id, people, pool, rolledBack } from './support.mjs';

const { patient, patient2 } = people;
const statement = (db, args = {}) => db.attempt(`select statement_of_account(${Object.keys(args).map((k, i) => `"${k}" => $${i + 1}`).join(', ')}) as s`, Object.values(args));

// An account of one's own: nobody's seed is in it.
async function account(db) {
  await fixture(db);
  const who = rows.newPatient;
  const invoice = async (at, total, more = {}) => {
    const { id: made } = await db.one(`insert into invoices (patient_id, subtotal, currency) values ($1, $2, $3) returning id`, [who, total, more.currency ?? 'USD']);
    if (!more.draft) await db.rows(`update invoices set status = 'issued', issued_at = $2 where id = $1`, [made, at]);
    return made;
  };
  const pay = async (at, of, amount, kind = 'payment', more = {}) => (await db.one(
    `insert into payment (invoice_id, patient_id, kind, method, status, amount, currency, paid_at, refund_of) values ($1, $2, $3, 'cash', $4, $5, $6, $7, $8) returning id`,
    [of, who, kind, more.status ?? 'succeeded', amount, more.currency ?? 'USD', at, more.refundOf ?? null])).id;
  return { who, invoice, pay };
}

test('opening, each entry with its balance, closing', () => rolledBack(async (db) => {
  const { who, invoice, pay } = await account(db);
  const first = await invoice('2030-01-10 15:00Z', 100);
  await pay('2030-01-10 16:00Z', first, 30);
  const second = await invoice('2030-02-01 15:00Z', 200.5);
  const paid = await pay('2030-02-03 15:00Z', second, 50);
  await pay('2030-02-04 15:00Z', second, 100.5, 'insurance');
  await pay('2030-02-05 15:00Z', second, 20, 'refund', { refundOf: paid });
  await pay('2030-02-06 15:00Z', first, 70, 'write_off');
  await pay('2030-02-06 15:00Z', second, 5, 'adjustment');
  await pay('2030-02-07 15:00Z', second, 10, 'payment', { status: 'pending' });
  await invoice('2030-02-07 15:00Z', 900, { draft: true });
  await db.as('receptionist');
  const { rows: [{ s }], message } = await statement(db, { patient_id: who, from: '2030-02-01', to: '2030-02-28' });
  assert.ok(s, message);
  assert.deepEqual([s.patient_id, s.from, s.to, s.currency, s.time_zone], [who, '2030-02-01', '2030-02-28', 'USD', 'America/New_York']);
  assert.deepEqual(s.entries.map((e) => [e.day, e.kind, e.charge, e.credit, e.balance]), [
    ['2030-02-01', 'invoice', 200.5, 0, 270.5], ['2030-02-03', 'payment', 0, 50, 220.5], ['2030-02-04', 'insurance', 0, 100.5, 120],
    ['2030-02-05', 'refund', 20, 0, 140], ['2030-02-06', 'write_off', 0, 70, 70], ['2030-02-06', 'adjustment', 0, 5, 65],
  ]);
  assert.deepEqual([s.opening_balance, s.charges, s.credits, s.closing_balance, s.other_currencies], [70, 220.5, 225.5, 65, []]);
  assert.ok(s.entries.every((e) => /^(INV|REC)-\d{8}$/.test(e.document) && e.invoice_id && (e.payment_id === null) === (e.kind === 'invoice')));
  const { rows: [{ s: january }] } = await statement(db, { patient_id: who, to: '2030-01-31' });
  assert.deepEqual([january.opening_balance, january.entries.length, january.closing_balance, january.from], [0, 2, 70, null]);
}));

test('what was voided is taken back when it was voided, also after its notes are changed', () => rolledBack(async (db) => {
  const { who, invoice } = await account(db);
  const made = await invoice('2030-01-10 15:00Z', 100);
  await db.rows(`update invoices set status = 'void', void_reason = 'x' where id = $1`, [made]);
  const { voided } = await db.one(`select voided_at = now() as voided from invoices where id = $1`, [made]);
  assert.equal(voided, true);
  await db.rows(`update invoices set notes = 'y' where id = $1`, [made]);
  await db.as('admin');
  const { rows: [{ s }] } = await statement(db, { patient_id: who, to: '2030-12-31' });
  assert.deepEqual(s.entries.map((e) => [e.kind, e.charge, e.credit]), [['void', 0, 100], ['invoice', 100, 0]], 'in the order of their times');
  assert.equal(s.closing_balance, 0);
}));

test('a day is the clinic\'s, and each currency has a statement', () => rolledBack(async (db) => {
  const { who, invoice } = await account(db);
  await invoice('2030-01-11 03:00Z', 100); // the evening of the 10th in New York
  await invoice('2030-01-10 15:00Z', 7, { currency: 'EUR' });
  await db.as('receptionist');
  const one = async (args) => (await statement(db, { patient_id: who, ...args })).rows[0].s;
  assert.equal((await one({ from: '2030-01-10', to: '2030-01-10' })).closing_balance, 100);
  assert.equal((await one({ from: '2030-01-11', to: '2030-01-11' })).opening_balance, 100);
  assert.deepEqual((await one({ to: '2030-01-31' })).other_currencies, ['EUR']);
  const euro = await one({ to: '2030-01-31', currency: 'EUR' });
  assert.deepEqual([euro.closing_balance, euro.other_currencies], [7, ['USD']]);
}));

test('for every patient of the seed the closing balance is what the invoices say is owed', async () => {
  const { rows: differing } = await pool.query(`
    select u.id from "user" u
      join lateral (select coalesce(sum(e.amount), 0) as balance from app.account_entries(u.id) e) a on true
      join lateral (select coalesce(sum(i.balance) filter (where i.status not in ('draft', 'void')), 0) as owed from invoices i where i.patient_id = u.id) o on true
     where u.role_id = 1 and a.balance <> o.owed`);
  assert.deepEqual(differing, []);
});

test('patients see their own account, reception and admins any, nobody else', () => rolledBack(async (db) => {
  await fixture(db);
  for (const [who, args, error] of [
    ['patient', {}, undefined], ['patient', { patient_id: patient }, undefined], ['patient', { patient_id: patient2 }, '42501'], ['receptionist', { patient_id: patient }, undefined],
    ['admin', { patient_id: patient2 }, undefined], ['receptionist', {}, 'PT422'], ['receptionist', { patient_id: people.dentist }, 'PT404'], ['admin', { patient_id: id('dead') }, 'PT404'],
    ['dentist', { patient_id: patient }, '42501'], ['anon', { patient_id: patient }, '42501'], ['patient', { from: '2030-01-02', to: '2030-01-01' }, 'PT422'],
  ]) {
    await db.as(who);
    assert.equal((await statement(db, args)).error, error, `${who} ${JSON.stringify(args)}`);
  }
  await db.as('patient');
  assert.equal((await statement(db)).rows[0].s.patient_id, patient);
}));

test('a line explains its estimate in words, whatever decided it', async () => {
  const visit = rows.ownAppointment;
  for (const [plan, category, fee, tax, expected] of [
    [null, 'preventive', 100, 0, 'No insurance plan is known for this day: the patient pays 100.00.'],
    [{}, 'restorative', 200, 0, 'Carrier allows 200.00, less 40.00 of the deductible, and pays 80 per cent: 128.00. The patient pays 72.00.'],
    [{}, 'preventive', 100, 0.1, 'Carrier allows 100.00, and pays 100 per cent: 100.00. The patient pays 10.00, 10.00 of it tax.'],
    [{ annual_max: 100 }, 'preventive', 150, 0, 'Carrier allows 150.00, and pays 100 per cent, but only 90.00 of the annual maximum is left: 90.00. The patient pays 60.00.'],
    [{ pct_basic: null }, 'restorative', 200, 0, 'Carrier pays nothing for this kind of service: the patient pays 200.00.'],
    [{ waiting_until: '2099-01-01' }, 'restorative', 200, 0, 'Carrier pays nothing for this kind of service until 2099-01-01: the patient pays 200.00.'],
  ]) {
    await rolledBack(async (db) => {
      await fixture(db);
      await db.rows('delete from insurance_detail where patient_id = $1', [patient]);
      const values = { annual_max: 5000, annual_used: 10, deductible: 50, deductible_met: 10, pct_preventive: 100, pct_basic: 80, waiting_until: null, ...plan };
      if (plan) {
        await db.rows(`insert into insurance_detail (patient_id, carrier_name, member_id, effective_on, ${Object.keys(values).join(', ')}) values ($1, 'Carrier', 'X1', '2030-01-01', ${Object.keys(values).map((_, i) => `$${i + 2}`).join(', ')})`,
          [patient, ...Object.values(values)]);
      }
      for (const status of ['arrived', 'in_chair', 'completed']) await db.rows('update appointment set status = $2 where id = $1', [visit, status]);
      await db.rows(`insert into service (id, code, name, category, fee, tax_rate) values ($1, 'FB-1', 'X', $2, $3, $4)`, [id('fb01'), category, fee, tax]);
      await db.rows(`insert into treatment_records (patient_id, dentist_id, appointment_id, service_id, status, performed_at, fee) values ($1, $2, $3, $4, 'completed', now(), $5)`,
        [patient, people.dentist, visit, id('fb01'), fee]);
      await db.as('receptionist');
      const { made } = await db.one('select (i).id as made from issue_invoice($1) i', [visit]);
      await db.as('patient');
      assert.equal((await db.one('select explanation from invoice_line where invoice_id = $1', [made])).explanation, expected);
    });
  }
});
