// What holds for every object: comments, privileges, row level security, search paths, indexes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elevenTables, pool } from './support.mjs';

const list = async (sql, params) => (await pool.query(sql, params)).rows.map((r) => Object.values(r).join(' '));
const nothing = async (sql, params) => assert.deepEqual(await list(sql, params), []);

test('every constraint of public tables and domains has a message and a name of its own', async () => {
  await nothing(`select conrelid::regclass, contypid::regtype, conname from pg_constraint c
    where connamespace = 'public'::regnamespace and contype <> 't' and obj_description(c.oid, 'pg_constraint') is null`);
  // A name that PostgreSQL makes up for a check ends in _check, for a unique key of several columns in _key1 and the like.
  await nothing(`select conname from pg_constraint where connamespace in ('public'::regnamespace, 'app'::regnamespace)
    and (conname ~ '_check\\d*$' or conname ~ '_(key|fkey|pkey|excl)\\d+$' or conname ~ '_excl$')`);
});

test('every unique index that is no constraint has a message', () => nothing(`
  select i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indexrelid
   where c.relnamespace = 'public'::regnamespace and i.indisunique and obj_description(c.oid, 'pg_class') is null
     and not exists (select from pg_constraint k where k.conindid = c.oid)`));

test('every relation, column, type and function of the API is explained', async () => {
  await nothing(`select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') and obj_description(oid, 'pg_class') is null`);
  await nothing(`select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) is null`);
  await nothing(`select typname from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e' and obj_description(oid, 'pg_type') is null`);
  await nothing(`select p.proname from pg_proc p where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') is null`);
});

test('row level security is on for every table, forced for none', async () => {
  await nothing(`select oid::regclass from pg_class where relnamespace in ('public'::regnamespace, 'app'::regnamespace) and relkind = 'r' and not relrowsecurity`);
  await nothing(`select oid::regclass from pg_class where relnamespace in ('public'::regnamespace, 'app'::regnamespace) and relforcerowsecurity`);
});

test('policies are for one command and for named roles', () => nothing(`
  select polrelid::regclass, polname from pg_policy
   where polcmd = '*' or 0 = any (polroles) or not polroles::regrole[] <@ array['anon', 'authenticated']::regrole[]`));

test('policies ask for the caller once per statement', () => nothing(`
  select tablename, policyname from pg_policies where schemaname = 'public'
   and regexp_replace(coalesce(qual, '') || coalesce(with_check, ''), 'SELECT (auth\\.uid|app\\.caller_role)\\(\\)', '', 'g') ~ '(auth\\.uid|caller_role)\\('`));

test('the client roles have these privileges on tables and no others', async () => {
  const got = await list(`
    select r.rolname || ' ' || c.relname || ' ' || string_agg(x.privilege_type, ',' order by x.privilege_type)
      from pg_class c cross join lateral aclexplode(c.relacl) x join pg_roles r on r.oid = x.grantee
     where c.relnamespace = 'public'::regnamespace and r.rolname in ('anon', 'authenticated') and c.relkind <> 'S'
     group by r.rolname, c.relname order by 1`);
  const deletable = ['user', 'role', 'service', 'appointment', 'appointment_has_service', 'insurance_detail', 'inventory'];
  const expected = [
    ...['clinic_settings', 'dentist', 'knowledge_chunk', 'knowledge_document', 'provider_hours', 'service'].map((t) => `anon ${t} SELECT`),
    ...[...elevenTables, 'clinic_settings', 'dentist', 'provider_hours', 'invoice_line', 'waitlist', 'knowledge_chunk', 'knowledge_document', 'access_log', 'chat_feedback']
      .map((t) => `authenticated ${t} ${deletable.includes(t) ? 'DELETE,SELECT' : 'SELECT'}`),
  ];
  assert.deepEqual(got.sort(), expected.sort());
  await nothing(`select c.relname from pg_class c cross join lateral aclexplode(c.relacl) x where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and x.grantee = 0`);
  await nothing(`select c.relname from pg_class c cross join lateral aclexplode(c.relacl) x join pg_roles r on r.oid = x.grantee
    where c.relnamespace = 'app'::regnamespace and r.rolname in ('anon', 'authenticated', 'service_role')`);
});

test('anon writes no column; the service role only reads change_log', async () => {
  await nothing(`select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid cross join lateral aclexplode(a.attacl) x
    join pg_roles r on r.oid = x.grantee where r.rolname = 'anon' and c.relnamespace = 'public'::regnamespace`);
  assert.deepEqual(await list(`select x.privilege_type from pg_class c cross join lateral aclexplode(c.relacl) x join pg_roles r on r.oid = x.grantee
    where c.oid = 'public.change_log'::regclass and r.rolname <> 'postgres'`), ['SELECT']);
});

// Those that keep the vector store's indexes; admins may call them.
const indexFunctions = ['activate_knowledge_index', 'active_knowledge_index', 'build_knowledge_index', 'knowledge_document_state', 'knowledge_indexes', 'mark_knowledge_index', 'missing_knowledge_pieces'];

test('clients may call these functions and no others', async () => {
  const callable = (role, schema) => list(`select proname from pg_proc where pronamespace = $2::regnamespace
    and has_function_privilege($1, oid, 'execute') order by 1`, [role, schema]);
  const forAll = ['active_knowledge_index', 'available_slots', 'hold_appointment', 'idempotency_replay', 'rate_answer', 'search_knowledge', 'slot_alternatives'];
  const forPeople = [...indexFunctions.filter((name) => name !== 'active_knowledge_index'), 'acknowledge_alerts', 'audit_verify', 'book_appointment', 'cancel_appointment', 'check_in', 'complete_visit', 'delete_knowledge_document', 'due_reminders', 'expiry_list', 'issue_draft_invoice', 'issue_invoice', 'join_waitlist', 'leave_waitlist', 'log_access', 'move_stock',
    'patients_by_lot', 'put_knowledge_document', 'record_payment', 'refund_payment', 'reorder_list', 'reschedule_appointment', 'seat', 'set_clinic_settings', 'set_provider_hours',
    'settle_payment', 'statement_of_account', 'visit_alerts', 'void_invoice'];
  assert.deepEqual(await callable('anon', 'public'), forAll);
  assert.deepEqual(await callable('authenticated', 'public'), [...forAll, ...forPeople].sort());
  for (const role of ['anon', 'authenticated']) {
    assert.deepEqual(await callable(role, 'app'), ['caller_role', 'is_client', 'knowledge_audiences', 'max_affected', 'pre_request', 'request_header']);
  }
  assert.deepEqual(await list(`select proname from pg_proc where pronamespace = 'public'::regnamespace and obj_description(oid, 'pg_proc') like 'internal:%' order by 1`),
    [...indexFunctions, 'advance_waitlist', 'audit_verify', 'claim_knowledge_index', 'claim_reminders', 'custom_access_token_hook', 'delete_knowledge_document', 'drop_knowledge_index', 'finish_reminders', 'idempotency_replay', 'log_access', 'put_knowledge_document', 'rate_answer', 'slot_alternatives'].sort());
});

test('these functions are for the service role alone', async () => {
  assert.deepEqual(await list(`select proname from pg_proc where pronamespace = 'public'::regnamespace and has_function_privilege('service_role', oid, 'execute')
    and not has_function_privilege('authenticated', oid, 'execute') order by 1`), ['advance_waitlist', 'claim_knowledge_index', 'claim_reminders', 'drop_knowledge_index', 'finish_reminders']);
});

test('the hook is for Supabase Auth alone', async () => {
  assert.deepEqual(await list(`select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role', 'supabase_auth_admin')
    and has_function_privilege(r.rolname, 'public.custom_access_token_hook(jsonb)', 'execute')`), ['supabase_auth_admin']);
});

test('every function pins its search path, and none raises 40001', async () => {
  await nothing(`select p.oid::regprocedure from pg_proc p where pronamespace in ('public'::regnamespace, 'app'::regnamespace)
    and not exists (select from unnest(proconfig) c where c in ('search_path=', 'search_path=""'))`);
  await nothing(`select p.oid::regprocedure from pg_proc p where pronamespace in ('public'::regnamespace, 'app'::regnamespace)
    and (prosrc ~* '40001' or prosrc ~* 'serialization_failure')`);
});

test('every foreign key, and every column that a policy reads, has an index', () => nothing(`
  select c.conrelid::regclass, c.conname from pg_constraint c
   where c.connamespace in ('public'::regnamespace, 'app'::regnamespace) and c.contype = 'f'
     and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])`));

test('every text column has a length limit', () => nothing(`
  select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
   where c.relname = any ($1) and c.relnamespace = 'public'::regnamespace and a.attnum > 0 and a.atttypid = 'text'::regtype
     and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any (k.conkey)
       and pg_get_constraintdef(k.oid) ~ '(ANY \\(|char_length|~ ''\\^|= ROW|\\(\\(id = |IN \\()')`, [elevenTables]));

test('change_log is published to Realtime', async () => {
  assert.deepEqual(await list(`select tablename from pg_publication_tables where pubname = 'supabase_realtime'`), ['change_log']);
});

test('PostgREST is told of the pre-request function', async () => {
  const settings = await list(`select unnest(setconfig) from pg_db_role_setting s join pg_roles r on r.oid = s.setrole where r.rolname = 'authenticator'`);
  assert.ok(settings.includes('pgrst.db_pre_request=app.pre_request'));
});
