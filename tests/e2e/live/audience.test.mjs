// What a live room shows of a change is what `select` would have shown: random writes to the eleven tables, seen by
// people of every role before and after, against what `live::audience` makes of the entries of change_log. Everything
// happens in one transaction that is rolled back; AUDIENCE_SEED replays another run.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Random } from './random.mjs';
import { people, preparation, statements, tables, Writer } from './writes.mjs';

const SEED = Number(process.env.AUDIENCE_SEED ?? 20261124);
const ATTEMPTS = 990;
const root = fileURLToPath(new URL('../../../', import.meta.url));

// `both`: some rows are shown and some are not. What is only ever shown, or never, is said as well.
const both = 'both';
const all = 'all';
const none = 'none';
const nothing = Object.fromEntries(tables.map((table) => [table, none]));
const everything = Object.fromEntries(tables.map((table) => [table, all]));
const mixed = Object.fromEntries(tables.map((table) => [table, both]));
const EXPECTED = {
  anon: { ...nothing, service: both },
  // Signed in, but deactivated or deleted.
  nobody: { ...nothing, service: both },
  patient: { ...mixed, role: all, inventory: none },
  dentist: { ...mixed, role: all, treatment_records: all, invoices: all, payment: none },
  receptionist: { ...mixed, role: all, patient_medical_history: none, treatment_records: none, invoices: all, payment: all },
  admin: everything,
};

const VIEWERS = [null, ...people.patients, ...people.dentists, people.receptionist, people.admin, ...people.inactive, people.deleted];

class Clinic {
  constructor(client) {
    this.client = client;
    /** Per viewer: `table key` → the row as that viewer selects it. */
    this.sights = new Map();
    this.roles = new Map();
  }

  async rows(sql, parameters) {
    return (await this.client.query(sql, parameters)).rows;
  }

  async owner() {
    await this.client.query("reset role; set local timezone = 'UTC'; set local \"request.jwt.claims\" = ''");
  }

  async attempt(sql, parameters) {
    await this.client.query('savepoint attempt');
    try {
      await this.client.query(sql, parameters);
      await this.client.query('set constraints all immediate');
      await this.client.query('set constraints all deferred');
      return true;
    } catch (error) {
      if (!error.code) throw error;
      await this.client.query('rollback to savepoint attempt');
      return false;
    } finally {
      await this.client.query('release savepoint attempt');
    }
  }

  /** What the viewer selects, of these rows (`[table, key]`) or of all. */
  async select(viewer, wanted) {
    const role = viewer ? 'authenticated' : 'anon';
    const claims = JSON.stringify(viewer ? { role, sub: viewer } : { role });
    const rows = [];
    const names = [...new Set(wanted ? wanted.map(([table]) => table) : tables)];
    await this.client.query(`set local "request.jwt.claims" = '${claims}'; set local role ${role}`);
    // Anon holds a grant on one table of the eleven; that the others refuse is tested below.
    for (const table of viewer ? names : names.filter((name) => name === 'service')) {
      const [column] = keyOf(table);
      const keys = wanted?.filter(([name]) => name === table).map(([, key]) => String(key[column]));
      const type = table === 'role' ? 'smallint[]' : 'uuid[]';
      rows.push(...(await this.rows(
        `select $1::text as "table", to_jsonb(t)::text as row from public."${table}" t where $2::text[] is null or t.${column} = any ($2::${type})`,
        [table, keys ?? null],
      )));
    }
    await this.owner();
    return new Map(rows.map(({ table, row }) => [name(table, JSON.parse(row)), row]));
  }

  async currentRoles() {
    const found = await this.rows('select id, app.role_of(id) as role from unnest($1::uuid[]) id', [VIEWERS.filter(Boolean)]);
    return new Map([[null, null], ...found.map(({ id, role }) => [id, role])]);
  }

  async start() {
    this.roles = await this.currentRoles();
    for (const viewer of VIEWERS) this.sights.set(viewer, await this.select(viewer));
    this.seq = (await this.rows('select coalesce(max(seq), 0) as seq from change_log'))[0].seq;
  }

  /** The entries since the last call, and for each viewer what it saw of their rows before and what it sees now. */
  async step() {
    const entries = (await this.rows('select to_jsonb(l)::text as entry from change_log l where seq > $1 order by seq', [this.seq])).map(
      ({ entry }) => ({ text: entry, ...JSON.parse(entry) }),
    );
    if (entries.length === 0) return { entries, views: [] };
    this.seq = entries.at(-1).seq;
    const before = { roles: this.roles, sights: new Map([...this.sights].map(([viewer, sight]) => [viewer, new Map(sight)])) };
    this.roles = await this.currentRoles();
    const touched = entries.map(({ table_name: table, key }) => [table, key]);
    for (const viewer of VIEWERS) {
      // A new role changes what is seen of every row.
      const isSame = before.roles.get(viewer) === this.roles.get(viewer);
      const sight = await this.select(viewer, isSame ? touched : undefined);
      if (isSame) for (const [table, key] of touched) this.sights.get(viewer).delete(name(table, key));
      this.sights.set(viewer, isSame ? new Map([...this.sights.get(viewer), ...sight]) : sight);
    }
    const views = VIEWERS.map((viewer) => ({
      viewer,
      before: { role: before.roles.get(viewer), sight: before.sights.get(viewer) },
      after: { role: this.roles.get(viewer), sight: new Map(this.sights.get(viewer)) },
    }));
    return { entries, views };
  }
}

const keyOf = (table) => (table === 'appointment_has_service' ? ['appointment_id', 'line_no'] : ['id']);
const name = (table, row) => `${table} ${keyOf(table).map((column) => row[column]).join(' ')}`;
const label = (viewer, role) => role ?? (viewer ? 'nobody' : 'anon');

/** One line per entry for the example, and what its answer is held against. */
function questions({ entries, views }, description) {
  const names = entries.map(({ table_name: table, key }) => name(table, key));
  return entries.map((entry, at) => {
    const asked = [];
    for (const { viewer, before, after } of views) {
      // A row that one write changed twice was never seen in between.
      const moments = [names.indexOf(names[at]) === at && ['before', before], names.lastIndexOf(names[at]) === at && ['after', after]];
      for (const [moment, { role, sight }] of moments.filter(Boolean)) {
        asked.push({ viewer, role, moment, row: sight.get(names[at]), table: entry.table_name, description });
      }
      // The change that takes somebody's role away reaches a room that still believes in it.
      if (names[at] === name('user', { id: viewer }) && names.lastIndexOf(names[at]) === at && before.role !== after.role) {
        asked.push({ viewer, role: before.role, moment: 'after', row: after.sight.get(names[at]), table: 'user', description, isStale: true });
      }
    }
    const viewers = asked.map(({ viewer, role }) => ({ role: role ?? 'anon', id: viewer }));
    return { line: `{"change":${entry.text},"viewers":${JSON.stringify(viewers)}}`, asked, key: entry.key };
  });
}

/** The image that the answer shows for that moment. */
function image(shown, moment, key) {
  if (shown === null) return undefined;
  if (moment === 'after') return shown.record;
  // Of a row that the viewer had not seen, an UPDATE carries the key alone; a DELETE always does.
  const isKey = shown.old_record && Object.keys(shown.old_record).length === Object.keys(key).length;
  return shown.type === 'UPDATE' && isKey ? undefined : shown.old_record;
}

function ask(all) {
  const built = spawnSync('cargo', ['build', '--quiet', '--example', 'audience'], { cwd: root, encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  const binary = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug', 'examples', 'audience');
  const input = `${all.map(({ line }) => line).join('\n')}\n`;
  const run = spawnSync(binary, { input, encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

async function collect(client) {
  const clinic = new Clinic(client);
  const writer = new Writer(new Random(SEED));
  await clinic.owner();
  for (const [sql, parameters] of preparation) assert.ok(await clinic.attempt(sql, parameters));
  await clinic.start();
  const asked = [];
  const worked = new Set();
  for (let at = 0; at < ATTEMPTS; at += 1) {
    const { sql, parameters, remember } = writer.next(tables[at % tables.length]);
    if (!(await clinic.attempt(sql, parameters))) continue;
    remember();
    const step = await clinic.step();
    if (step.entries.length > 0) worked.add(sql);
    asked.push(...questions(step, sql));
  }
  assert.deepEqual(statements.filter((sql) => !worked.has(sql)), [], 'each kind of write has to work at least once');
  return asked;
}

test('what a room shows of a change is what select shows before and after it', async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  let asked;
  try {
    await client.query('begin');
    asked = await collect(client);
  } finally {
    await client.query('rollback');
    await client.end();
  }
  const answers = ask(asked);
  assert.equal(answers.length, asked.length);

  const tally = new Tally();
  asked.forEach(({ asked: one, key }, at) => {
    one.forEach((question, n) => {
      compare(question, answers[at][n], key);
      tally.add(question);
    });
  });
  t.diagnostic(`${tally.comparisons} comparisons of ${asked.length} changes`);
  assert.ok(tally.comparisons >= 2000);
  tally.check();
});

/** The row is shown exactly when it is selected, and as it is selected. */
function compare({ viewer, role, moment, row, table, description, isStale }, shown, key) {
  const where = `seed ${SEED}, ${table} ${moment}, as ${label(viewer, role)} ${viewer}: ${description}`;
  const seen = image(shown, moment, key);
  if (isStale) return assert.equal(seen, undefined, `${where}, with a role that is gone`);
  assert.equal(seen !== undefined, row !== undefined, where);
  if (shown?.type === 'DELETE') assert.deepEqual(shown.old_record, key, where);
  else if (seen !== undefined) assert.deepEqual(seen, JSON.parse(row), where);
}

/** How often each role was shown a row of each table, and how often it was not. */
class Tally {
  comparisons = 0;
  cells = new Map();

  add({ viewer, role, table, row, isStale }) {
    if (isStale) return;
    const cell = this.#cell(label(viewer, role), table);
    cell[row === undefined ? 'denied' : 'allowed'] += 1;
    this.comparisons += 1;
  }

  check() {
    for (const [role, expected] of Object.entries(EXPECTED)) {
      for (const table of tables) {
        const { allowed, denied } = this.#cell(role, table);
        const found = `${role}, ${table}: ${allowed} allowed, ${denied} denied`;
        if (expected[table] === none) assert.equal(allowed, 0, found);
        else assert.ok(allowed > 0, found);
        if (expected[table] !== all) assert.ok(denied > 0, found);
      }
    }
  }

  #cell(role, table) {
    const name = `${role} ${table}`;
    if (!this.cells.has(name)) this.cells.set(name, { allowed: 0, denied: 0 });
    return this.cells.get(name);
  }
}

test('anon may select of the eleven tables the services alone', async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    for (const table of tables) {
      await client.query('begin; set local role anon');
      const select = client.query(`select count(*) from public."${table}"`);
      if (table === 'service') assert.equal((await select).rows.length, 1);
      else await assert.rejects(select, { code: '42501' });
      await client.query('rollback');
    }
  } finally {
    await client.end();
  }
});
