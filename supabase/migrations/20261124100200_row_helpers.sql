-- Trigger functions that every table shares. Trigger order is alphabetical: check_people, guard, soft_delete, stamp, touch.

-- A request made by a client, as opposed to a migration, the seed, or the service key.
create function app.is_client() returns boolean
language sql stable set search_path = '' as $$
  select nullif(current_setting('request.jwt.claims', true), '') is not null and auth.role() is distinct from 'service_role'
$$;
grant execute on function app.is_client() to anon, authenticated, service_role;

create function app.request_header(name text) returns text
language sql stable set search_path = '' as $$
  select nullif(current_setting('request.headers', true), '')::jsonb ->> name
$$;
grant execute on function app.request_header(text) to anon, authenticated, service_role;

-- Version, times and author of each update. `version` is the ETag, so even an update that changes nothing counts.
-- The key's columns are named in the trigger's argument: an upsert sets them, but may not change them.
create function app.touch() returns trigger
language plpgsql set search_path = '' as $$
declare
  new_image jsonb := to_jsonb(new);
  old_image jsonb := to_jsonb(old);
  key_column text;
begin
  foreach key_column in array string_to_array(tg_argv[0], ',') loop
    if new_image -> key_column is distinct from old_image -> key_column then
      raise exception 'The key of a row cannot be changed.' using errcode = 'PT422', detail = key_column;
    end if;
  end loop;
  new.version := old.version + 1;
  new.created_at := old.created_at;
  new.updated_at := now();
  new.updated_by := coalesce(auth.uid(), new.updated_by);
  return new;
end $$;

-- Who made the row, for the tables that have `created_by`.
create function app.stamp_creator() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    new.created_by := old.created_by;
  else
    new.created_by := coalesce(auth.uid(), new.created_by);
  end if;
  return new;
end $$;

-- DELETE marks the row and removes nothing, so PostgREST answers 204 (or [] when a representation was asked for) and
-- counts no rows. What was marked is therefore told in a response header, from which the edge can tell "deleted"
-- from "there was none". (One object wanted, `Accept: application/vnd.pgrst.object+json`, makes PostgREST refuse the empty
-- answer with 406 and roll back: such a DELETE deletes nothing.)
-- Security definer: after the mark the caller's own policies may hide the row.
create function app.soft_delete() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  marked int := coalesce(nullif(current_setting('app.soft_deleted', true), ''), '0')::int;
begin
  if old.deleted_at is not null then
    return null;
  end if;
  execute format('update %I.%I set deleted_at = now() where id = $1', tg_table_schema, tg_table_name) using old.id;
  perform set_config('app.soft_deleted', (marked + 1)::text, true);
  perform set_config('response.headers', jsonb_build_array(jsonb_build_object('Chairside-Deleted', (marked + 1)::text))::text, true);
  return null;
end $$;

create function app.never_delete() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'Rows of % are never deleted.', tg_table_name using errcode = 'PT409', hint = tg_argv[0];
end $$;

-- A dentist is a dentist, a patient a patient. Arguments: column, role wanted, column, role wanted, …
-- `staff` stands for any role but patient. A person who does not exist at all is left to the foreign key.
create function app.check_people() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  new_image jsonb := to_jsonb(new);
  old_image jsonb := case when tg_op = 'UPDATE' then to_jsonb(old) else '{}' end;
  person record;
begin
  for i in 0 .. tg_nargs - 1 by 2 loop
    continue when new_image ->> tg_argv[i] is null or new_image -> tg_argv[i] = old_image -> tg_argv[i];
    select r.code, u.deleted_at into person
      from public."user" u join public.role r on r.id = u.role_id where u.id = (new_image ->> tg_argv[i])::uuid;
    continue when not found;
    if person.deleted_at is not null
       or (tg_argv[i + 1] = 'staff' and person.code = 'patient')
       or (tg_argv[i + 1] <> 'staff' and person.code <> tg_argv[i + 1]) then
      raise exception '% does not name a % of the clinic.', tg_argv[i], tg_argv[i + 1]
        using errcode = 'PT422', detail = tg_argv[i];
    end if;
  end loop;
  return new;
end $$;
