-- Supabase Auth's two points of contact: the row of a new account, and the role in its access tokens.

-- Always a patient. Names may come from what the user typed at sign-up; role, status and the like never do. A sign-up
-- must not fail, nor tell that an address is known: where somebody has it already, the new row goes without.
create function app.create_user_for_account() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  address text := lower(btrim(new.email));
begin
  if address !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' or char_length(address) > 254 then
    address := null;
  end if;
  begin
    insert into public."user" (id, role_id, status, first_name, last_name, email) values (
      new.id, 1, 'active',
      coalesce(nullif(btrim(left(new.raw_user_meta_data ->> 'first_name', 100)), ''), 'New'),
      coalesce(nullif(btrim(left(new.raw_user_meta_data ->> 'last_name', 100)), ''), 'Patient'),
      address)
    on conflict on constraint user_pkey do nothing;
  exception when unique_violation then
    insert into public."user" (id, role_id, status, first_name, last_name) values (
      new.id, 1, 'active',
      coalesce(nullif(btrim(left(new.raw_user_meta_data ->> 'first_name', 100)), ''), 'New'),
      coalesce(nullif(btrim(left(new.raw_user_meta_data ->> 'last_name', 100)), ''), 'Patient'))
    on conflict on constraint user_pkey do nothing;
  end;
  return null;
end $$;

create trigger chairside_create_user after insert on auth.users
  for each row execute function app.create_user_for_account();

-- The edge reads clinic_role for routing and rate limits; what it may do is decided by the row, in app.caller_role().
create function public.custom_access_token_hook(event jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  clinic_role text := app.role_of((event ->> 'user_id')::uuid);
  claims jsonb := coalesce(event -> 'claims', '{}');
  app_metadata jsonb := coalesce(claims -> 'app_metadata', '{}') - 'clinic_role';
begin
  if clinic_role is not null then
    app_metadata := app_metadata || jsonb_build_object('clinic_role', clinic_role);
  end if;
  return jsonb_set(event, '{claims}', claims || jsonb_build_object('app_metadata', app_metadata));
end $$;
comment on function public.custom_access_token_hook(jsonb) is
  'internal: called by Supabase Auth for each access token; puts the person''s role into app_metadata.clinic_role.';
revoke execute on function public.custom_access_token_hook(jsonb) from public, anon, authenticated, service_role;
grant usage on schema public to supabase_auth_admin;
grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin;
