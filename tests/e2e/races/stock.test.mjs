// Everybody takes from the same few lots, a Worker killed in between: never below zero, and what is there is the sum of
// what was moved.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { id } from '../lib/stack.mjs';
import { pick, Race } from './driver.mjs';

const CLIENTS = 64;
const ATTEMPTS = 700;
const STAFF = [id('c1'), id('c2'), id('f1')];
const SKU = 'RACE-1';

let db;
let race;
before(async () => {
  db = await Database.open();
  await db.keep();
  race = await Race.open();
});
after(async () => {
  await race?.close();
  await db.restore();
  await db.close();
});

test('stock_is_never_below_zero_and_every_move_is_there_once', async () => {
  const lots = await db.rows(`insert into public.inventory (sku, name, category, lot_no, expires_on)
    select $1, 'Raced for', 'race', 'L' || n, current_date + 30 * n from generate_series(1, 4) n returning id`, [SKU]);
  let left = ATTEMPTS;
  const killing = race.killAfter(ATTEMPTS / 3);
  const moves = new Map();
  const done = [];
  // How much each move takes from or adds to all lots together.
  const kinds = [
    [0.25, (quantity) => ({ sum: quantity, args: { reason: 'receive', quantity, inventory_id: pick(lots).id } })],
    [0.85, (quantity) => ({ sum: -quantity, args: { reason: 'use', quantity, sku: SKU } })],
    [0.95, (quantity) => ({ sum: -quantity, args: { reason: 'discard', quantity, inventory_id: pick(lots).id } })],
    [1, (quantity) => ({ sum: 0, args: { reason: 'transfer', quantity, inventory_id: pick(lots).id, to_location: 'attic' } })],
  ];
  await Promise.all(Array.from({ length: CLIENTS }, async (_, n) => {
    const client = race.client(STAFF[n % STAFF.length]);
    while (left-- > 0) {
      const luck = Math.random();
      const quantity = 1 + Math.floor(Math.random() * 4);
      const [key, move] = [randomUUID(), kinds.find(([below]) => luck < below)[1](quantity)];
      moves.set(key, move);
      const answer = await race.call(client, key, 'move_stock', move.args);
      if (answer.status === 200) done.push(key);
    }
  }));
  await killing;
  race.say('stock');

  assert.ok(race.checkFaults() > 0, 'the Worker was killed and nobody noticed');
  const results = race.results((moved) => moved.map((lot) => `${lot.id} ${lot.on_hand} ${lot.version}`).sort().join());
  assert.equal(results.size, ATTEMPTS);
  for (const { status, error } of results.values()) assert.ok(status === 200 || (status === 409 && error.code === 'PT409'), `${status} ${JSON.stringify(error)}`);
  const told = done.reduce((total, key) => total + moves.get(key).sum, 0);
  const there = await db.rows(`select i.id, i.on_hand::float8 as on_hand, coalesce((select sum(m.delta) from app.inventory_movement m where m.inventory_id = i.id), 0)::float8 as moved
    from public.inventory i where i.sku = $1`, [SKU]);
  assert.ok(there.length > lots.length, 'nothing was transferred');
  for (const { on_hand, moved } of there) assert.ok(on_hand >= 0 && on_hand === moved, JSON.stringify(there));
  assert.equal(there.reduce((total, { on_hand }) => total + on_hand, 0), told, 'what is there is what clients were told');
  const below = await db.rows(`select 1 from (select m.inventory_id, sum(m.delta) over (partition by m.inventory_id order by m.id) as level
    from app.inventory_movement m join public.inventory i on i.id = m.inventory_id where i.sku = $1) levels where level < 0`, [SKU]);
  assert.deepEqual(below, []);
});
