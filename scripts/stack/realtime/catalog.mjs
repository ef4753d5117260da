// What the database says about published tables, read anew for every batch: grants, policies and
// columns may change at any time.

const DESCRIBE = `
  select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relrowsecurity as rls,
    format('%I.%I', n.nspname, c.relname) as sql,
    (select json_agg(json_build_object('name', a.attname, 'type', t.typname, 'sql', format_type(a.atttypid, null),
        'key', a.attnum = any (coalesce(k.conkey, '{}')),
        'readers', array(select r from unnest($2::text[]) r where has_column_privilege(r, c.oid, a.attnum, 'SELECT'))) order by a.attnum)
       from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
  where c.oid = any ($1::oid[])`;

/**
 * `Map(oid → {schema, name, rls, sql, columns: [{name, type, sql, key, readers}]})`; `readers` are
 * those of `roles` that may select the column, `sql` is how a statement names the thing.
 */
export async function describe(db, oids, roles) {
  const { rows } = await db.query(DESCRIBE, [oids, roles]);
  return new Map(rows.map(({ oid, columns, ...table }) => [Number(oid), { ...table, columns: columns ?? [] }]));
}

/** The published tables that an entry means; `*` is any. */
export async function published(db, schema, table) {
  const { rows } = await db.query(
    `select format('%I.%I', schemaname, tablename)::regclass::oid::int8 as oid from pg_publication_tables
      where pubname = 'supabase_realtime' and ($1 = '*' or schemaname = $1) and ($2 = '*' or tablename = $2)`,
    [schema, table],
  );
  return rows.map(({ oid }) => Number(oid));
}

export const readable = (table, role) => table.columns.filter(({ readers }) => readers.includes(role));
export const keyOf = (table) => table.columns.filter(({ key }) => key);
