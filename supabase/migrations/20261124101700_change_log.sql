-- The outbox of live rooms and the audit trail, in one table that no client role can read.
-- A deferred trigger writes it at commit, when every row lock is held already, under one lock that is kept until the
-- transaction has ended: seq is in commit order, its gaps are final, and nobody deadlocks on it.

create sequence app.change_log_seq;

create table public.change_log (
  seq bigint constraint change_log_pkey primary key,
  table_name text not null,
  op text not null,
  key jsonb not null,
  record jsonb,
  old_record jsonb,
  subjects uuid[] not null,
  actor uuid,
  actor_role text,
  request_id text,
  at timestamptz not null,
  hashed text not null,
  record_hash bytea not null,
  prev_hash bytea not null,
  hash bytea not null,
  constraint change_log_prev_hash_key unique (prev_hash),
  constraint change_log_op_known check (op in ('INSERT', 'UPDATE', 'DELETE'))
);
comment on table public.change_log is 'internal: one row per changed row of the eleven tables, in commit order, hash-chained. For the service role alone.';
comment on column public.change_log.seq is 'Commit order; gaps are final.';
comment on column public.change_log.table_name is 'The changed table.';
comment on column public.change_log.op is 'INSERT, UPDATE or DELETE. A soft delete is an UPDATE that sets deleted_at.';
comment on column public.change_log.key is 'The changed row''s key.';
comment on column public.change_log.record is 'The row after the change, times in UTC; null once emptied.';
comment on column public.change_log.old_record is 'The row before the change; null for an INSERT and once emptied.';
comment on column public.change_log.subjects is 'The people the row belongs to, before and after.';
comment on column public.change_log.actor is 'Who made the change; null for the database itself.';
comment on column public.change_log.actor_role is 'The actor''s role in the clinic, else the database role.';
comment on column public.change_log.request_id is 'X-Request-Id of the request.';
comment on column public.change_log.at is 'When the entry was written.';
comment on column public.change_log.hashed is 'The text that hash is taken of; its format is that of app.change_log_text.';
comment on column public.change_log.record_hash is 'SHA-256 of the text of [record, old_record].';
comment on column public.change_log.prev_hash is 'hash of the entry before.';
comment on column public.change_log.hash is 'SHA-256 of hashed.';
comment on constraint change_log_pkey on public.change_log is 'There is an entry with this seq already.';
comment on constraint change_log_prev_hash_key on public.change_log is 'The chain does not fork.';
comment on constraint change_log_op_known on public.change_log is 'Op is INSERT, UPDATE or DELETE.';
create index change_log_subjects_idx on public.change_log using gin (subjects);
create index change_log_at_idx on public.change_log (at);

alter table public.change_log enable row level security;
revoke all on public.change_log from anon, authenticated, service_role;
grant select on public.change_log to service_role;
alter publication supabase_realtime add table public.change_log;

-- Pinned: what is hashed must read the same in ten years. Payloads enter by their hash only, so that they can go.
create function app.change_log_text(l public.change_log) returns text
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_array('chairside-1', l.seq, l.table_name, l.op, l.key, to_jsonb(l.subjects), l.actor, l.actor_role, l.request_id,
    to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(l.record_hash, 'hex'), encode(l.prev_hash, 'hex'))::text
$$;

create function app.change_log_payload_hash(record jsonb, old_record jsonb) returns bytea
language sql immutable set search_path = '' as $$
  select sha256(convert_to(jsonb_build_array(record, old_record)::text, 'UTF8'))
$$;

-- Arguments: the key's columns, and the columns that name people, each separated by commas.
-- The settings that the text of a row depends on are fixed here, whatever the session has.
create function app.log_change() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres' set bytea_output = 'hex' set extra_float_digits = 1 as $$
declare
  entry public.change_log;
begin
  perform pg_catalog.pg_advisory_xact_lock(7001);
  entry.seq := nextval('app.change_log_seq');
  entry.table_name := tg_table_name;
  entry.op := tg_op;
  if tg_op <> 'DELETE' then entry.record := to_jsonb(new); end if;
  if tg_op <> 'INSERT' then entry.old_record := to_jsonb(old); end if;
  select jsonb_object_agg(k, coalesce(entry.record, entry.old_record) -> k) into entry.key
    from unnest(string_to_array(tg_argv[0], ',')) k;
  select coalesce(array_agg(distinct person order by person), '{}') into entry.subjects
    from unnest(string_to_array(tg_argv[1], ',')) c,
      lateral (values ((entry.record ->> c)::uuid), ((entry.old_record ->> c)::uuid)) people (person)
   where person is not null;
  entry.actor := auth.uid();
  entry.actor_role := coalesce(app.caller_role(), nullif(auth.role(), ''), session_user);
  entry.request_id := left(app.request_header('x-request-id'), 200);
  entry.at := clock_timestamp();
  entry.record_hash := app.change_log_payload_hash(entry.record, entry.old_record);
  select l.hash into entry.prev_hash from public.change_log l order by l.seq desc limit 1;
  entry.prev_hash := coalesce(entry.prev_hash, decode(repeat('00', 32), 'hex'));
  entry.hashed := app.change_log_text(entry);
  entry.hash := sha256(convert_to(entry.hashed, 'UTF8'));
  insert into public.change_log select entry.*;
  return null;
end $$;

-- An entry may lose its payload and nothing else; no entry goes.
create function app.change_log_guard() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and new.record is null and new.old_record is null then
    old.record := null;
    old.old_record := null;
    if new is not distinct from old then
      return new;
    end if;
  end if;
  raise exception 'change_log is append only.' using errcode = 'PT409', hint = 'A payload is emptied by app.empty_change_log.';
end $$;
create trigger append_only before update or delete on public.change_log for each row execute function app.change_log_guard();
create trigger append_only_truncate before truncate on public.change_log for each statement execute function app.change_log_guard();

create function app.empty_change_log(subject uuid default null, before timestamptz default null) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  emptied bigint;
begin
  if subject is null and before is null then
    raise exception 'Name a subject or a time.' using errcode = 'PT422';
  end if;
  update public.change_log l set record = null, old_record = null
   where (subject is null or subject = any (l.subjects)) and (before is null or l.at < before)
     and (l.record is not null or l.old_record is not null);
  get diagnostics emptied = row_count;
  return emptied;
end $$;
comment on function app.empty_change_log(uuid, timestamptz) is
  'Empties payloads, of one person (erasure) or before a time (retention), or both. The chain still verifies.';

-- What is wrong with an entry, given the hash of the one before it; null for nothing.
create function app.change_log_fault(l public.change_log, hash_before bytea) returns text
language sql stable set search_path = '' as $$
  select case
    when l.prev_hash <> hash_before then 'link'
    when l.hash <> sha256(convert_to(l.hashed, 'UTF8')) then 'hash'
    when l.hashed <> app.change_log_text(l) then 'header'
    when (l.record is not null or l.old_record is not null)
      and l.record_hash <> app.change_log_payload_hash(l.record, l.old_record) then 'payload'
  end
$$;

create function app.verify_change_log(
  out entries bigint, out emptied bigint, out head_seq bigint, out head_hash text, out broken_seq bigint, out reason text)
language sql stable security definer set search_path = '' as $$
  with walked as (
    select l, lag(l.hash, 1, decode(repeat('00', 32), 'hex')) over (order by l.seq) as hash_before from public.change_log l
  ), broken as (
    select (l).seq, app.change_log_fault(l, hash_before) as fault from walked
     where app.change_log_fault(l, hash_before) is not null order by (l).seq limit 1
  ), head as (
    select seq, hash from public.change_log order by seq desc limit 1
  )
  select (select count(*) from public.change_log), (select count(*) from public.change_log where record is null and old_record is null),
    (select seq from head), (select encode(hash, 'hex') from head), (select seq from broken), (select fault from broken)
$$;
comment on function app.verify_change_log() is
  'Walks the chain. broken_seq names the first entry that does not fit: link (an entry before it is missing or was replaced), hash, header or payload (it was altered). Keep head_seq and head_hash elsewhere to notice a cut-off end.';

do $$
declare
  logged record;
begin
  for logged in select * from (values
    ('user', 'id', 'id'), ('role', 'id', ''), ('patient_medical_history', 'id', 'patient_id'), ('service', 'id', ''),
    ('appointment', 'id', 'patient_id,dentist_id'), ('appointment_has_service', 'appointment_id,line_no', 'patient_id,dentist_id'),
    ('treatment_records', 'id', 'patient_id,dentist_id'), ('invoices', 'id', 'patient_id,guarantor_id'),
    ('payment', 'id', 'patient_id'), ('insurance_detail', 'id', 'patient_id,subscriber_id'), ('inventory', 'id', '')
  ) t (name, key_columns, people_columns) loop
    execute format('create constraint trigger log_change after insert or update or delete on public.%I
      deferrable initially deferred for each row execute function app.log_change(%L, %L)',
      logged.name, logged.key_columns, logged.people_columns);
  end loop;
end $$;
