// Every cell of "Who may what", from the allowed and from the refused side, for four roles and anon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from './fixture.mjs';
import { matrix, openTime, readOnlyRelations } from './matrix.mjs';
import { clinicRoles, elevenTables, people, pool, rolledBack } from './support.mjs';

const refusals = ['42501', 'PT403'];
const softDeleted = new Set(['user', 'patient_medical_history', 'service', 'appointment', 'insurance_detail', 'inventory']);
const where = (spec, target, caller) => spec.targets[target] ?? `id = '${people[caller] ?? people.patient}'`;
const setFor = (spec, caller) => spec.set[caller] ?? spec.set.other ?? spec.set;

async function mayRead(db, table, condition) {
  const got = await db.attempt(`select * from "${table}" where ${condition}`);
  assert.ok(!got.error || refusals.includes(got.error), `${got.error} ${got.message}`);
  return got.count > 0;
}

async function mayWrite(db, sql) {
  const got = await db.attempt(sql, [], { undo: true });
  assert.ok(!got.error || refusals.includes(got.error), `${got.error} ${got.message}: ${sql}`);
  return got.count > 0;
}

// A soft delete counts no rows, so the row itself is asked what happened to it.
async function mayDelete(db, table, spec, condition, caller) {
  await db.rows('savepoint whole');
  const got = await db.attempt(`delete from "${table}" where ${condition}`);
  await db.asOwner();
  const left = await db.rows(`select * from "${table}" where ${condition}`);
  await db.rows('rollback to savepoint whole');
  await db.as(caller);
  if (got.error === spec.deleteReaches && got.error) return true;
  assert.ok(!got.error || refusals.includes(got.error) || got.error === '55000', `${got.error} ${got.message}`);
  return softDeleted.has(table) ? left[0].deleted_at !== null : left.length === 0;
}

// An insert is tried without RETURNING: what may be created need not be readable. `do nothing` counts as reached.
async function mayInsert(db, insert) {
  const got = await db.attempt(insert.sql, [], { undo: true });
  assert.ok(!got.error || refusals.includes(got.error) || got.error === '55000', `${got.error} ${got.message}: ${insert.sql}`);
  return !got.error;
}

const relations = { ...matrix, ...readOnlyRelations };

test('the matrix names every relation that the API exposes, and each role and operation of it', async () => {
  const exposed = await pool.query(`select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p', 'm') order by 1`);
  assert.deepEqual(Object.keys(relations).sort(), exposed.rows.map((r) => r.relname).sort());
  assert.deepEqual(Object.keys(matrix).sort(), [...elevenTables].sort());
  for (const [table, spec] of Object.entries(relations)) {
    assert.deepEqual(Object.keys(spec.cells).sort(), [...clinicRoles].sort(), table);
    for (const [role, cell] of Object.entries(spec.cells)) assert.deepEqual(Object.keys(cell).sort(), ['C', 'D', 'R', 'U'], `${table} ${role}`);
  }
});

for (const [table, spec] of Object.entries(relations)) {
  for (const caller of clinicRoles) {
    test(`${table}: what ${caller} may and may not`, () => rolledBack(async (db) => {
      await fixture(db);
      await db.as(caller);
      const cell = spec.cells[caller];
      // Nobody who is not signed in has a row of their own, and staff keep their rows: `self` only where it exists.
      const targets = Object.keys(spec.targets).filter((t) => t !== 'self' || caller !== 'anon');
      const got = { R: [], C: [], U: [], D: [] };
      for (const target of targets) {
        const condition = where(spec, target, caller);
        if (await mayRead(db, table, condition)) got.R.push(target);
        if (await mayWrite(db, `update "${table}" set ${setFor(spec, caller)} where ${condition}`)) got.U.push(target);
        // What is deleted already stays as it is.
        if (!(target === 'deleted' && softDeleted.has(table)) && await mayDelete(db, table, spec, condition, caller)) got.D.push(target);
      }
      for (const [name, insert] of Object.entries(spec.inserts)) if (await mayInsert(db, insert)) got.C.push(name);
      for (const operation of ['R', 'C', 'U', 'D']) {
        assert.deepEqual(got[operation].sort(), [...cell[operation]].sort(), `${table} ${caller} ${operation}`);
      }
    }));
  }
}

for (const [what, change] of [
  ['deactivated', `status = 'inactive'`], ['archived', `status = 'archived'`], ['deleted', 'deleted_at = now()'],
]) {
  test(`a person who was ${what} has no rights at once, whatever the token says`, () => rolledBack(async (db) => {
    await fixture(db);
    for (const who of ['patient', 'dentist', 'receptionist', 'admin']) {
      await db.asOwner();
      await db.rows(`update "user" set ${change} where id = $1`, [people[who]]);
      await db.as(who);
      assert.equal((await db.one('select app.caller_role() as role')).role, null);
      for (const table of elevenTables.filter((t) => t !== 'service')) {
        assert.deepEqual(await db.rows(`select * from "${table}"`), [], `${who} ${table}`);
      }
      const got = await db.attempt(`update "user" set preferred_name = 'x'`);
      assert.equal(got.count, 0);
      const called = await db.attempt('select cancel_appointment($1)', [people.patient]);
      assert.equal(called.error, '42501');
    }
  }));
}

test('columns that only the database writes are refused to everybody', () => rolledBack(async (db) => {
  await fixture(db);
  const closed = {
    inventory: ['on_hand = 5', 'last_counted_at = now()', 'deleted_at = now()'],
    invoices: [`status = 'paid'`, 'paid = 1', 'insurance_paid = 1', 'write_off = 1', 'issued_at = now()', `invoice_no = 'X'`, `void_reason = 'x'`, 'voided_at = now()'],
    payment: [`status = 'succeeded'`, 'amount = 1', `receipt_no = 'X'`],
    appointment: ['arrived_at = now()', 'seated_at = now()', 'dismissed_at = now()', 'cancelled_at = now()', 'cancelled_by = null', 'late_cancel = true',
      'hold_expires_at = now()', 'rescheduled_from = null', 'deleted_at = now()'],
    appointment_has_service: ['patient_id = null', `dentist_id = '${people.dentist}'`, 'appointment_deleted_at = now()'],
    treatment_records: ['signed_by = null', 'invoice_id = null'],
    patient_medical_history: ['recorded_by = null', 'reviewed_by = null', 'deleted_at = now()'],
    insurance_detail: ['verified_at = now()', 'verified_by = null', 'deleted_at = now()'],
    user: ['deleted_at = now()', 'created_by = null'],
    service: ['deleted_at = now()'],
    role: [],
  };
  assert.deepEqual(Object.keys(closed).sort(), [...elevenTables].sort());
  for (const who of ['patient', 'dentist', 'receptionist', 'admin']) {
    await db.as(who);
    for (const [table, changes] of Object.entries(closed)) {
      for (const change of [...changes, 'version = 7', 'created_at = now()', 'updated_at = now()', 'updated_by = null']) {
        assert.equal((await db.attempt(`update "${table}" set ${change}`)).error, '42501', `${who} ${table} ${change}`);
      }
    }
  }
}));

test('a patient changes nothing of an appointment but its state', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('patient');
  for (const change of [`starts_at = '2031-03-04 12:00Z', ends_at = '2031-03-04 12:30Z'`, `dentist_id = '${people.dentist2}'`, `notes = 'x'`,
    `room = 'x'`, `patient_id = '${people.patient2}'`, `reason = 'x'`]) {
    const got = await db.attempt(`update appointment set ${change} where status = 'scheduled'`);
    assert.ok(refusals.includes(got.error), `${change}: ${got.error}`);
  }
  assert.equal((await db.attempt(`update appointment set status = 'arrived' where status = 'confirmed'`)).error, 'PT403');
}));

test('a patient cannot confirm what the clinic has not scheduled', () => rolledBack(async (db) => {
  await fixture(db);
  await db.as('patient');
  const made = await db.one(`insert into appointment (patient_id, dentist_id, starts_at, ends_at) values ($1, $2, ${openTime}, ${openTime} + interval '30 minutes') returning id`, [people.patient, people.dentist]);
  assert.equal((await db.attempt(`update appointment set status = 'confirmed' where id = $1`, [made.id])).error, 'PT403');
  assert.equal((await db.attempt(`update appointment set status = 'cancelled', cancel_reason = 'x' where id = $1`, [made.id])).count, 1);
}));

test('nobody decides their own role, status or guarantor, except an admin', () => rolledBack(async (db) => {
  for (const [who, change, error] of [
    ['patient', 'role_id = 4', 'PT403'], ['dentist', 'role_id = 4', 'PT403'], ['patient', `status = 'archived'`, 'PT403'],
    ['patient', `guarantor_id = '${people.patient2}'`, 'PT403'], ['dentist', `license_no = 'X'`, 'PT403'], ['patient', `phone = '+12125559999'`, undefined],
  ]) {
    await db.as(who);
    const got = await db.attempt(`update "user" set ${change} where id = $1`, [people[who]]);
    assert.equal(got.error, error, `${who} ${change}`);
    assert.equal(got.count, error ? 0 : 1);
  }
  await db.as('receptionist');
  assert.equal((await db.attempt('update "user" set role_id = 2 where id = $1', [people.patient])).error, 'PT403');
  await db.as('admin');
  assert.equal((await db.attempt('update "user" set role_id = 3 where id = $1', [people.patient])).count, 1);
}));
