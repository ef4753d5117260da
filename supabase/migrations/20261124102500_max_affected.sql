-- `Prefer: handling=strict, max-affected=N`. PostgREST knows it from version 13 on, and not for every function; the edge
-- therefore keeps it to itself and sends the number in a header. Here rows are counted as they change, and the
-- transaction fails at the first one too many, so that nothing of it remains. A hint for the caller's own request: going
-- round the edge one only loses the guard.

create function app.max_affected() returns int
language sql stable set search_path = '' as $$
  select case when header ~ '^[0-9]{1,9}$' then header::int end
    from app.request_header('x-chairside-max-affected') as header
$$;
grant execute on function app.max_affected() to anon, authenticated, service_role;

-- The request's own table alone: what its triggers write elsewhere was not asked for.
create function app.count_affected() returns trigger
language plpgsql set search_path = '' as $$
declare
  allowed int;
  counted int;
begin
  if current_setting('request.path', true) <> '/' || tg_table_name
     or current_setting('request.method', true) not in ('PATCH', 'DELETE') then
    return null;
  end if;
  allowed := app.max_affected();
  if allowed is null then
    return null;
  end if;
  counted := coalesce(nullif(current_setting('app.affected', true), '')::int, 0) + 1;
  perform set_config('app.affected', counted::text, true);
  if counted > allowed then
    -- As PostgREST says it where it knows the preference.
    raise sqlstate 'PGRST' using
      message = json_build_object('code', 'PGRST124', 'message', 'Query result exceeds max-affected preference constraint',
        'details', format('The query affects more than %s rows', allowed), 'hint', null)::text,
      detail = json_build_object('status', 400, 'headers', json_build_object())::text;
  end if;
  return null;
end $$;

do $$
declare
  counted text;
begin
  foreach counted in array array['user', 'role', 'patient_medical_history', 'service', 'appointment', 'appointment_has_service',
    'treatment_records', 'invoices', 'payment', 'insurance_detail', 'inventory'] loop
    execute format('create trigger max_affected after update or delete on public.%I
      for each row execute function app.count_affected()', counted);
  end loop;
end $$;
