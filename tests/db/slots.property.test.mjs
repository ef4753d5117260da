// available_slots against a brute-force search, over random clinics in zones whose clocks change by an hour or half of
// one, at night, north and south. CHAIRSIDE_SEED repeats a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random, seedOf } from './slots/random.mjs';
import { freeSlots } from './slots/reference.mjs';
import { build, randomQuestion, randomWorld } from './slots/world.mjs';
import { Zone } from './slots/zone.mjs';
import { pool, rolledBack } from './support.mjs';

const WORLDS = 60;
const QUESTIONS = 4;
const YEAR = 2031;
const seed = seedOf();
console.log(`slots: seed ${seed}`);

async function asked(db, { services, dentist, from, to }) {
  const rows = await db.rows('select * from available_slots($1, $2, $3, $4)', [services, new Date(from), new Date(to), dentist]);
  return rows.map((row) => `${row.starts_at.toISOString()} ${row.dentist_id}`);
}

const difference = (found, expected) => ({
  missing: expected.filter((slot) => !found.includes(slot)),
  offered: found.filter((slot) => !expected.includes(slot)),
  twice: found.filter((slot, at) => found.indexOf(slot) !== at),
});

for (const [number, name] of ['Europe/London', 'America/New_York', 'Australia/Lord_Howe'].entries()) {
  test(`free slots are exactly those that a brute-force search finds, in ${name}`, () => rolledBack(async (db) => {
    const zone = new Zone(name);
    const changes = zone.changes(YEAR);
    assert.equal(changes.length, 2);
    // Triggers would refuse what only time can bring about; this transaction is rolled back.
    await db.rows('alter table appointment disable trigger user');
    await db.rows('alter table appointment_has_service disable trigger user');
    let slots = 0;
    for (let n = 0; n < WORLDS; n++) {
      const random = new Random(seed + number * 100_000 + n);
      const onDay = random.chance(0.75) ? random.pick(changes) : `${YEAR}-0${random.int(1, 9)}-1${random.int(0, 9)}`;
      await db.rows('savepoint world');
      const world = await build(db, randomWorld(random, onDay), zone);
      for (let q = 0; q < QUESTIONS; q++) {
        const question = randomQuestion(random, world, onDay);
        const [found, expected] = [await asked(db, question), freeSlots(world, zone, question)];
        slots += expected.length;
        assert.deepEqual(difference(found, expected), { missing: [], offered: [], twice: [] },
          `seed ${seed}, world ${n}, ${onDay}: ${JSON.stringify(question)}\n${JSON.stringify(world)}`);
        assert.deepEqual(found, expected, 'by time, then by dentist');
      }
      await db.rows('rollback to savepoint world');
    }
    console.log(`slots: ${WORLDS * QUESTIONS} questions, ${slots} free slots, in ${name}`);
    assert.ok(slots > WORLDS, 'the random clinics are never open');
  }));
}

test('the zones\' clocks change in PostgreSQL as they do here', async () => {
  for (const name of ['Europe/London', 'America/New_York', 'Australia/Lord_Howe']) {
    const zone = new Zone(name);
    const { rows } = await pool.query(
      `select at, (at at time zone $1)::text as local from generate_series(timestamptz '${YEAR}-01-01Z', timestamptz '${YEAR}-12-31Z', interval '6 hours') at`, [name]);
    for (const { at, local } of rows) assert.equal(new Date(zone.local(+at)).toISOString().slice(0, 19), local.replace(' ', 'T'));
  }
});
