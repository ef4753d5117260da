// The database behind the running stack: its state is kept at the start of a test file and put back as often as
// wanted, sequences included, so that two sides of a pair start from the same rows and nothing but the change log's
// entries is left behind.

import pg from 'pg';
import { env } from './stack.mjs';

// Putting rows back past triggers and foreign keys is the superuser's.
const SUPERUSER = 'supabase_admin';
const SCHEMAS = ['public', 'app', 'auth'];
// Whoever follows the outbox has seen its entries already: they stay, and their numbers never come twice. Were they taken
// back, the Feed would rightly say that Postgres went back in time, up to two seconds later and so to the rooms of the
// next file: all of them would have to join again in the middle of a test.
const ONWARD = ['public.change_log', 'app.change_log_seq'];

export class Database {
  static async open() {
    const url = new URL(env.DATABASE_URL);
    url.username = SUPERUSER;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    return new Database(client);
  }

  constructor(client) {
    this.client = client;
  }

  async rows(sql, parameters) {
    return (await this.client.query(sql, parameters)).rows;
  }

  /** Keeps every row and every sequence but the change log's, in temporary tables of this connection. */
  async keep() {
    this.tables = await this.rows(
      `select format('%I.%I', n.nspname, c.relname) as name, 'kept_' || c.oid as kept,
              (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
              (select array_agg(quote_ident(a.attname)) from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
                where i.indrelid = c.oid and i.indisprimary) as key
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname = any ($1) and format('%I.%I', n.nspname, c.relname) <> all ($2)`,
      [SCHEMAS, ONWARD],
    );
    for (const table of this.tables) {
      await this.client.query(`create temp table ${table.kept} as select ${table.columns} from ${table.name}`);
      table.count = (await this.rows(`select count(*) from ${table.kept}`))[0].count;
    }
    this.sequences = await this.rows(`select format('%I.%I', schemaname, sequencename) as name from pg_sequences
      where schemaname = any ($1) and format('%I.%I', schemaname, sequencename) <> all ($2)`, [SCHEMAS, ONWARD]);
    for (const one of this.sequences) Object.assign(one, (await this.rows(`select last_value, is_called from ${one.name}`))[0]);
    await this.#mark();
  }

  /** Puts everything back that has changed since `keep`. */
  async restore() {
    const changed = await this.rows(
      this.tables
        .map(({ name, count }) => `select '${name}' as name from ${name} having count(*) <> ${count} or bool_or(${this.#isNew})`)
        .join(' union all '),
    );
    const names = changed.map(({ name }) => name);
    const rows = this.tables.filter(({ name }) => names.includes(name)).map((table) => restoring(table, this.#isNew));
    const counters = this.sequences.map(({ name, last_value, is_called }) => `select setval('${name}', ${last_value}, ${is_called});`);
    await this.client.query(`begin; set local session_replication_role = replica; ${rows.join('')} ${counters.join('')} commit;`);
    if (rows.length > 0) await this.#mark();
  }

  // Rows written by a transaction from here on are new ones.
  async #mark() {
    const [{ next }] = await this.rows('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
    this.#isNew = `xmin::text::bigint >= ${next}`;
  }

  #isNew = '';

  close() {
    return this.client.end();
  }
}

// What is new goes; then every kept row that is not there comes back.
function restoring({ name, kept, columns, key }, isNew) {
  const same = key.map((column) => `t.${column} = k.${column}`).join(' and ');
  return `delete from ${name} where ${isNew};
    insert into ${name} (${columns}) overriding system value
      select ${columns} from ${kept} k where not exists (select from ${name} t where ${same});`;
}
