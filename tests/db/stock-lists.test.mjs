// What to order and what expires; and that carrying a lot to another place does not change what it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id, rolledBack } from './support.mjs';

const today = `(now() at time zone 'America/New_York')::date`;
async function lot(db, n, { sku = 'FX-S', lotNo = `L${n}`, expires = 'null', on = 0, level = 0, target = null, onOrder = 0, status = 'active', location = 'main' } = {}) {
  await db.rows(`insert into inventory (id, sku, name, category, lot_no, expires_on, reorder_level, reorder_target, on_order, status, location, discard_reason, supplier)
    values ($1, $2, 'Article', 'x', $3, ${expires}, $4, $5, $6, $7, $8, 'x', 'Atlas')`, [id(`fc${n}`), sku, lotNo, level, target, onOrder, status, location]);
  if (on) await db.rows(`insert into app.inventory_movement (inventory_id, delta, reason) values ($1, $2, 'receive')`, [id(`fc${n}`), on]);
  return id(`fc${n}`);
}
const reorder = async (db) => (await db.rows(`select sku, usable::float, order_quantity::float as n from reorder_list() where sku like 'FX-%'`)).map((r) => Object.values(r));

test('an article is ordered when what can be used and what comes is at its level, up to the target', () => rolledBack(async (db) => {
  await db.rows(`update inventory set reorder_level = 0, reorder_target = null`);
  await lot(db, 1, { sku: 'FX-LOW', on: 3, level: 10, target: 40, expires: `${today} + 9` });
  await lot(db, 2, { sku: 'FX-LOW', on: 7, level: 10, target: 40, location: 'room 1' });
  await lot(db, 3, { sku: 'FX-LOW', on: 50, level: 10, target: 40, expires: `${today} - 1` });
  await lot(db, 4, { sku: 'FX-LOW', on: 50, level: 10, target: 40, status: 'quarantined' });
  await lot(db, 5, { sku: 'FX-ABOVE', on: 11, level: 10, target: 40 });
  await lot(db, 6, { sku: 'FX-COMING', on: 5, level: 10, target: 40, onOrder: 6 });
  await lot(db, 7, { sku: 'FX-PART', on: 5, level: 10, target: 40, onOrder: 5 });
  await lot(db, 8, { sku: 'FX-PLAIN', on: 2, level: 6 });
  await lot(db, 9, { sku: 'FX-UNMANAGED', on: 0 });
  const gone = await lot(db, 10, { sku: 'FX-GONE', on: 0, level: 5 });
  await db.rows('delete from inventory where id = $1', [gone]);
  for (const who of ['dentist', 'receptionist', 'admin']) {
    await db.as(who);
    assert.deepEqual(await reorder(db), [['FX-LOW', 10, 30], ['FX-PART', 5, 30], ['FX-PLAIN', 2, 4]], who);
  }
  assert.equal((await db.one(`select supplier from reorder_list() where sku = 'FX-LOW'`)).supplier, 'Atlas');
}));

test('the lots that are there and expire soon, or have expired, the first first', () => rolledBack(async (db) => {
  await lot(db, 1, { on: 1, expires: `${today} + 30` });
  await lot(db, 2, { on: 1, expires: `${today} + 31` });
  await lot(db, 3, { on: 1, expires: today });
  await lot(db, 4, { on: 1, expires: `${today} - 1` });
  await lot(db, 5, { on: 0, expires: `${today} + 5` });
  await lot(db, 6, { on: 1 });
  await lot(db, 7, { on: 1, expires: `${today} + 5`, status: 'discarded' });
  await lot(db, 8, { on: 1, expires: `${today} + 6`, status: 'quarantined' });
  await db.as('dentist');
  const list = async (days) => (await db.rows(`select lot_no, days_left, expired from expiry_list($1) where sku = 'FX-S'`, [days])).map((r) => Object.values(r));
  const all = [['L4', -1, true], ['L3', 0, false], ['L8', 6, false], ['L1', 30, false], ['L2', 31, false]];
  assert.deepEqual(await list(31), all);
  assert.deepEqual(await list(30), all.slice(0, 4));
  assert.deepEqual(await list(0), all.slice(0, 2));
  assert.equal((await db.rows(`select 1 from expiry_list() where sku = 'FX-S'`)).length, 4, 'thirty days by default');
  for (const days of [-1, 3651, null]) assert.equal((await db.attempt('select * from expiry_list($1)', [days])).error, 'PT422', String(days));
}));

test('patients and guests see neither list', () => rolledBack(async (db) => {
  for (const who of ['patient', 'anon']) {
    await db.as(who);
    for (const list of ['reorder_list()', 'expiry_list()']) assert.equal((await db.attempt(`select * from ${list}`)).error, '42501', `${who} ${list}`);
  }
}));

const move = (db, args) => db.attempt(`select * from move_stock(${Object.keys(args).map((k, i) => `${k} => $${i + 1}`).join(', ')})`, Object.values(args));

test('quarantined stock stays quarantined when it is carried to another place, and is not used there', () => rolledBack(async (db) => {
  const bad = await lot(db, 1, { on: 5, status: 'quarantined' });
  await lot(db, 2, { on: 0, lotNo: 'L1', location: 'room 2' });
  await db.as('receptionist');
  const there = await move(db, { reason: 'transfer', quantity: 2, inventory_id: bad, to_location: 'room 1' });
  assert.deepEqual(there.rows.map((r) => [r.location, r.status]).sort(), [['main', 'quarantined'], ['room 1', 'quarantined']], there.message);
  assert.equal((await move(db, { reason: 'use', quantity: 1, sku: 'FX-S', location: 'room 1' })).error, 'PT409');
  assert.equal((await move(db, { reason: 'transfer', quantity: 1, inventory_id: bad, to_location: 'room 2' })).error, 'PT409', 'the same lot is active there');
}));

test('what is used is taken by expiry in its place alone, and leads to the treatment', () => rolledBack(async (db) => {
  await lot(db, 1, { on: 2, expires: `${today} + 9` });
  await lot(db, 2, { on: 2, expires: `${today} + 5` });
  await lot(db, 3, { on: 9, expires: `${today} + 1`, location: 'room 1' });
  const { id: treatment } = await db.one('select id from treatment_records limit 1');
  await db.as('dentist');
  const used = await move(db, { reason: 'use', quantity: 3, sku: 'FX-S', treatment_id: treatment });
  assert.deepEqual(used.rows.map((r) => [r.lot_no, Number(r.on_hand)]).sort(), [['L1', 1], ['L2', 0]], used.message);
  assert.equal((await move(db, { reason: 'use', quantity: 1, sku: 'FX-S', treatment_id: id('dead') })).error, '23503');
  await db.asOwner();
  assert.deepEqual((await db.rows(`select delta::float as n from app.inventory_movement where treatment_id = $1 and inventory_id = any ($2) order by id`, [treatment, [id('fc1'), id('fc2')]])).map((r) => r.n), [-2, -1]);
}));
