-- Idempotency-Key, kept where the commit is. Before each request PostgREST calls app.pre_request, which takes the key in
-- the same transaction: a second request with the key waits for the first, then fails on idempotency_pkey and is
-- answered by the edge from what the first has recorded. A failed request rolls its key back with everything else.
-- People who are not signed in share one caller, 'anon': their keys have to be unguessable, such as a UUID.

create table app.idempotency (
  caller text not null,
  method text not null,
  path text not null,
  key text not null,
  body_sha256 text not null,
  keys jsonb not null default '[]',
  result jsonb,
  created_at timestamptz not null default now(),
  constraint idempotency_pkey primary key (caller, method, path, key)
);
comment on table app.idempotency is 'One row per Idempotency-Key of the last 24 hours: the body''s hash, and what the request made.';
comment on constraint idempotency_pkey on app.idempotency is 'This idempotency key was used already.';
create index idempotency_created_at_idx on app.idempotency (created_at);
alter table app.idempotency enable row level security;

create function app.idempotency_caller() returns text
language sql stable set search_path = '' as $$
  select coalesce(auth.uid()::text, 'anon')
$$;

create function app.take_idempotency_key(key text, body_sha256 text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  of_caller text := app.idempotency_caller();
  of_method text := current_setting('request.method', true);
  of_path text := current_setting('request.path', true);
begin
  if key !~ '^[\x21-\x7e]{1,255}$' or body_sha256 !~ '^[0-9a-f]{64}$' then
    raise exception 'Idempotency-Key has 1 to 255 visible ASCII characters.' using errcode = 'PT400';
  end if;
  delete from app.idempotency i
   where i.caller = of_caller and i.method = of_method and i.path = of_path and i.key = take_idempotency_key.key
     and i.created_at < now() - interval '24 hours';
  insert into app.idempotency (caller, method, path, key, body_sha256) values (of_caller, of_method, of_path, key, body_sha256);
  -- Every new key clears away a few that have had their time.
  delete from app.idempotency i where i.ctid = any (array(
    select o.ctid from app.idempotency o where o.created_at < now() - interval '25 hours' limit 20 for update skip locked));
  perform set_config('app.idempotency_key', key, true);
end $$;

create function app.pre_request() returns void
language plpgsql security definer set search_path = '' as $$
declare
  headers jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
begin
  perform set_config('app.idempotency_key', '', true);
  if headers ->> 'prefer' ~* '(^|[,;\s])timezone\s*=' then
    raise exception 'Prefer: timezone is not supported; times are in UTC.' using errcode = 'PT400';
  end if;
  -- Without the body's hash the request did not come through the edge. Read-only: a function that writes nothing.
  if headers ? 'idempotency-key' and headers ? 'x-chairside-body-sha256'
     and current_setting('request.method', true) = 'POST' and current_setting('transaction_read_only') = 'off' then
    perform app.take_idempotency_key(headers ->> 'idempotency-key', headers ->> 'x-chairside-body-sha256');
  end if;
end $$;
grant execute on function app.pre_request() to anon, authenticated, service_role;
alter role authenticator set pgrst.db_pre_request = 'app.pre_request';

-- A function's result, for a request under a key.
create function app.idempotency_record_result(result jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  of_key text := nullif(current_setting('app.idempotency_key', true), '');
begin
  if of_key is not null then
    update app.idempotency i set result = idempotency_record_result.result
     where i.caller = app.idempotency_caller() and i.method = current_setting('request.method', true)
       and i.path = current_setting('request.path', true) and i.key = of_key;
  end if;
end $$;

-- The keys of the rows that the request's own statement made; what triggers write on the side is not its result.
create function app.record_idempotency_keys() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  of_key text := nullif(current_setting('app.idempotency_key', true), '');
  made jsonb;
begin
  if of_key is null or pg_trigger_depth() > 1 or current_setting('request.path', true) <> '/' || tg_table_name then
    return null;
  end if;
  select jsonb_agg((select jsonb_object_agg(k, to_jsonb(r) -> k) from unnest(string_to_array(tg_argv[0], ',')) k))
    into made from changed_rows r;
  update app.idempotency i set keys = i.keys || coalesce(made, '[]')
   where i.caller = app.idempotency_caller() and i.method = current_setting('request.method', true)
     and i.path = current_setting('request.path', true) and i.key = of_key;
  return null;
end $$;

do $$
declare
  recorded record;
begin
  for recorded in select * from (values
    ('user', 'id'), ('role', 'id'), ('patient_medical_history', 'id'), ('service', 'id'), ('appointment', 'id'),
    ('appointment_has_service', 'appointment_id,line_no'), ('treatment_records', 'id'), ('invoices', 'id'),
    ('payment', 'id'), ('insurance_detail', 'id'), ('inventory', 'id')
  ) t (name, key_columns) loop
    execute format('create trigger idempotency_insert after insert on public.%I referencing new table as changed_rows
      for each statement execute function app.record_idempotency_keys(%L)', recorded.name, recorded.key_columns);
    execute format('create trigger idempotency_update after update on public.%I referencing new table as changed_rows
      for each statement execute function app.record_idempotency_keys(%L)', recorded.name, recorded.key_columns);
  end loop;
end $$;

-- What a key made is told only to who sends the same body again: people who are not signed in share one caller, and a hold's
-- token is among the results.
create function public.idempotency_replay(method text, path text, key text, body_sha256 text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select case when i.body_sha256 = idempotency_replay.body_sha256
      then jsonb_build_object('matches', true, 'keys', i.keys, 'result', i.result)
      else jsonb_build_object('matches', false) end
    from app.idempotency i
   where i.caller = app.idempotency_caller() and i.method = idempotency_replay.method and i.path = idempotency_replay.path
     and i.key = idempotency_replay.key and i.created_at >= now() - interval '24 hours'
$$;
comment on function public.idempotency_replay(text, text, text, text) is
  'internal: what the caller''s request under this key has made, for the edge to answer the same request again; only matches: false when the body was another.';
revoke execute on function public.idempotency_replay(text, text, text, text) from public, anon, authenticated;
grant execute on function public.idempotency_replay(text, text, text, text) to anon, authenticated;
