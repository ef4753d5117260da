// Reads what the edge needs to know from PostgreSQL's catalogue: relations, columns, keys, constraints, functions.

const RELATIONS = `
  select c.oid::int as oid, c.relname as name, c.relkind = 'v' as is_view,
         coalesce(obj_description(c.oid, 'pg_class'), '') as comment,
         has_table_privilege('authenticated', c.oid, 'DELETE') as deletable
    from pg_class c
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p')
     and (has_any_column_privilege('authenticated', c.oid, 'SELECT') or has_any_column_privilege('anon', c.oid, 'SELECT'))
   order by c.relname`;

const COLUMNS = `
  select a.attrelid::int as relation, a.attnum as position, a.attname as name, a.atttypid::int as type, a.atttypmod as typmod,
         not a.attnotnull as nullable, (a.atthasdef or a.attidentity <> '') as has_default,
         a.attgenerated = '' and has_column_privilege('authenticated', a.attrelid, a.attnum, 'INSERT') as insertable,
         a.attgenerated = '' and has_column_privilege('authenticated', a.attrelid, a.attnum, 'UPDATE') as updatable,
         coalesce(col_description(a.attrelid, a.attnum), '') as comment
    from pg_attribute a
   where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
   order by a.attrelid, a.attnum`;

// The columns of composite types that are no relation: what some functions return.
const FIELDS = `
  select t.oid::int as composite, a.attname as name, a.atttypid::int as type, a.atttypmod as typmod
    from pg_type t join pg_class c on c.oid = t.typrelid join pg_attribute a on a.attrelid = c.oid
   where t.typtype = 'c' and c.relkind = 'c' and a.attnum > 0 and not a.attisdropped
   order by t.oid, a.attnum`;

const TYPES = `
  select t.oid::int as oid, t.typname as name, t.typtype as kind, t.typbasetype::int as base, t.typtypmod as typmod,
         t.typelem::int as element, t.typcategory as category, t.typnotnull as not_null, t.typrelid::int as relation,
         array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels
    from pg_type t`;

const CHECKS = `
  select c.conname as name, c.conrelid::int as relation, c.contypid::int as domain, c.contype as kind,
         pg_get_constraintdef(c.oid) as definition, coalesce(obj_description(c.oid, 'pg_constraint'), '') as message,
         c.confrelid::int as target,
         array(select a.attname::text from unnest(c.conkey) with ordinality k(n, i)
                 join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n order by k.i) as columns,
         array(select a.attname::text from unnest(c.confkey) with ordinality k(n, i)
                 join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.n order by k.i) as target_columns
    from pg_constraint c
   where c.connamespace = 'public'::regnamespace and c.contype in ('c', 'p', 'u', 'f', 'x')
   order by c.conname`;

// Unique indexes that are no constraint: their violations carry the index's name.
const INDEXES = `
  select i.indexrelid::regclass::text as name, i.indrelid::int as relation,
         coalesce(obj_description(i.indexrelid, 'pg_class'), '') as message, i.indpred is not null as is_partial,
         i.indexprs is not null as has_expressions,
         array(select a.attname::text from unnest(i.indkey) with ordinality k(n, o)
                 join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.n order by k.o) as columns
    from pg_index i join pg_class c on c.oid = i.indrelid
   where i.indisunique and c.relnamespace = 'public'::regnamespace
     and not exists (select from pg_constraint x where x.conindid = i.indexrelid and x.contype in ('p', 'u', 'x'))
   order by 1`;

// Which base columns a view shows under the same name.
const VIEW_COLUMNS = `
  select v.view_name as view, v.table_name as "table", v.column_name as "column"
    from information_schema.view_column_usage v
   where v.view_schema = 'public' and v.table_schema = 'public'`;

const FUNCTIONS = `
  select p.proname as name, coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
         p.provolatile in ('s', 'i') as read_only, p.proretset as returns_set, p.prorettype::int as returns,
         has_function_privilege('anon', p.oid, 'EXECUTE') as anon, p.pronargdefaults as defaults,
         coalesce(p.proallargtypes, p.proargtypes::oid[])::int[] as types,
         coalesce(p.proargnames, '{}') as names, coalesce(p.proargmodes::text[], '{}') as modes
    from pg_proc p
   where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
     and (has_function_privilege('authenticated', p.oid, 'EXECUTE') or has_function_privilege('anon', p.oid, 'EXECUTE'))
   order by p.proname`;

export async function readCatalogue(client) {
  const rows = async (text, values) => (await client.query(text, values)).rows;
  const relations = await rows(RELATIONS);
  return {
    relations,
    columns: await rows(COLUMNS, [relations.map((relation) => relation.oid)]),
    fields: await rows(FIELDS),
    types: new Map((await rows(TYPES)).map((type) => [type.oid, type])),
    constraints: await rows(CHECKS),
    indexes: await rows(INDEXES),
    viewColumns: await rows(VIEW_COLUMNS),
    functions: await rows(FUNCTIONS),
  };
}
