// What the database tests share: one transaction per test, always rolled back, in which a caller is put on
// as PostgREST does it (role, claims, headers). DATABASE_URL connects as `postgres` to a seeded database.
import { after } from 'node:test';
import pg from 'pg';

const url = process.env.DATABASE_URL;
if (!url) throw new Error('DATABASE_URL is not set');

export const pool = new pg.Pool({ connectionString: url, max: 40 });
pool.on('error', () => {});

// The pool is closed last, after what a test file itself still has to tidy up.
const tidying = [];
export const tidyUp = (work) => tidying.push(work);
after(async () => {
  for (const work of tidying) await work();
  await pool.end();
});

export const id = (tail) => `00000000-0000-4000-8000-${tail.padStart(12, '0')}`;
export const people = {
  admin: id('f1'),
  receptionist: id('c1'),
  dentist: id('d1'),
  dentist2: id('d2'),
  patient: id('a0001'),
  patient2: id('a0002'),
};
export const clinicRoles = ['patient', 'dentist', 'receptionist', 'admin', 'anon'];
export const elevenTables = [
  'user', 'role', 'patient_medical_history', 'service', 'appointment', 'appointment_has_service',
  'treatment_records', 'invoices', 'payment', 'insurance_detail', 'inventory',
];

class Db {
  constructor(client) {
    this.client = client;
  }

  // A name of `people`, 'anon', 'service_role', or a user's id.
  async as(who, { method = 'GET', path = '/', headers = {} } = {}) {
    const service = who === 'service_role';
    const role = who === 'anon' ? 'anon' : service ? 'service_role' : 'authenticated';
    const claims = who === 'anon' || service ? { role } : { role, sub: people[who] ?? who };
    await this.client.query('reset role');
    await this.client.query(
      `select set_config('request.jwt.claims', $1, true), set_config('request.method', $2, true),
              set_config('request.path', $3, true), set_config('request.headers', $4, true)`,
      [JSON.stringify(claims), method, path, JSON.stringify(headers)],
    );
    await this.client.query(`set local role ${role}`);
  }

  // The database's owner, outside any request.
  async asOwner() {
    await this.client.query('reset role');
    await this.client.query(`select set_config('request.jwt.claims', '', true), set_config('request.headers', '', true)`);
  }

  async rows(sql, params) {
    return (await this.client.query(sql, params)).rows;
  }

  async one(sql, params) {
    const rows = await this.rows(sql, params);
    if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}: ${sql}`);
    return rows[0];
  }

  // Runs a statement that may fail without losing the transaction. `undo` takes it back also when it worked.
  async attempt(sql, params, { undo = false } = {}) {
    await this.client.query('savepoint attempt');
    try {
      const result = await this.client.query(sql, params);
      if (undo) await this.client.query('rollback to savepoint attempt');
      return { count: result.rowCount, rows: result.rows };
    } catch (error) {
      await this.client.query('rollback to savepoint attempt');
      return { count: 0, rows: [], error: error.code, constraint: error.constraint, message: error.message, detail: error.detail };
    }
  }

  // Deferred triggers fire now instead of at a commit that never comes.
  async settle() {
    await this.client.query('set constraints all immediate');
    await this.client.query('set constraints all deferred');
  }
}

export async function rolledBack(work) {
  const client = await pool.connect();
  try {
    await client.query('begin');
    return await work(new Db(client));
  } finally {
    await client.query('rollback');
    client.release();
  }
}
