-- Who is asking. The role is read from the row, not from the token: a person who was deactivated or demoted loses
-- every right with the next statement. Policies call these as `(select app.caller_role())`, once per statement.

create function app.role_of(person uuid) returns text
language sql stable security definer set search_path = '' as $$
  select r.code
    from public."user" u join public.role r on r.id = u.role_id
   where u.id = person and u.deleted_at is null and u.status = 'active'
$$;
comment on function app.role_of(uuid) is 'The role of a live, active person; null for everybody else.';

create function app.caller_role() returns text
language sql stable security definer set search_path = '' as $$
  select app.role_of(auth.uid())
$$;
comment on function app.caller_role() is 'The caller''s role in the clinic; null for anon and for people who were deactivated or deleted.';
grant execute on function app.caller_role() to anon, authenticated, service_role;

-- For functions that only some roles may call.
create function app.require_role(variadic allowed text[]) returns text
language plpgsql stable security definer set search_path = '' as $$
declare
  caller text := app.caller_role();
begin
  if caller is null or not caller = any (allowed) then
    raise exception 'Only % may do this.', array_to_string(allowed, ', ') using errcode = '42501';
  end if;
  return caller;
end $$;

-- Nobody but an admin decides what a person is; a patient or dentist keeps the own contact details.
create function app.user_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.caller_role();
  administered constant text[] := array['role_id', 'status', 'guarantor_id', 'primary_dentist_id', 'license_no', 'npi', 'specialty'];
  administered_column text;
begin
  new.email := lower(btrim(new.email));
  if tg_op = 'INSERT' or not app.is_client() or caller = 'admin' then
    return new;
  end if;
  if new.role_id <> old.role_id then
    raise exception 'Only an admin changes roles.' using errcode = 'PT403', detail = 'role_id';
  end if;
  if new.id = auth.uid() then
    foreach administered_column in array administered loop
      if to_jsonb(new) -> administered_column is distinct from to_jsonb(old) -> administered_column then
        raise exception 'The clinic keeps this field; ask reception to change it.'
          using errcode = 'PT403', detail = administered_column;
      end if;
    end loop;
  end if;
  return new;
end $$;

create trigger check_people before insert or update on public."user"
  for each row execute function app.check_people('primary_dentist_id', 'dentist');
create trigger guard before insert or update on public."user" for each row execute function app.user_guard();
create trigger soft_delete before delete on public."user" for each row execute function app.soft_delete();
create trigger stamp before insert or update on public."user" for each row execute function app.stamp_creator();
create trigger touch before update on public."user" for each row execute function app.touch('id');
create trigger touch before update on public.role for each row execute function app.touch('id');

-- role: everybody signed in reads it, an admin keeps it.
alter table public.role enable row level security;
revoke all on public.role from anon, authenticated;
grant select, delete on public.role to authenticated;
grant insert (id, code, name, description, permissions), update (id, code, name, description, permissions) on public.role to authenticated;

create policy role_select on public.role for select to authenticated using ((select app.caller_role()) is not null);
create policy role_insert_admin on public.role for insert to authenticated with check ((select app.caller_role()) = 'admin');
create policy role_update_admin on public.role for update to authenticated
  using ((select app.caller_role()) = 'admin') with check ((select app.caller_role()) = 'admin');
create policy role_delete_admin on public.role for delete to authenticated using ((select app.caller_role()) = 'admin');

-- user
alter table public."user" enable row level security;
revoke all on public."user" from anon, authenticated;
grant select, delete on public."user" to authenticated;
grant insert (id, role_id, status, first_name, last_name, preferred_name, email, phone, date_of_birth, sex, address, language,
    timezone, guarantor_id, primary_dentist_id, license_no, npi, specialty, contact_method,
    consent_privacy_at, consent_treatment_at, consent_sms_at, consent_ai_at),
  update (id, role_id, status, first_name, last_name, preferred_name, email, phone, date_of_birth, sex, address, language,
    timezone, guarantor_id, primary_dentist_id, license_no, npi, specialty, contact_method,
    consent_privacy_at, consent_treatment_at, consent_sms_at, consent_ai_at)
  on public."user" to authenticated;

create policy user_select_self on public."user" for select to authenticated
  using (id = (select auth.uid()) and (select app.caller_role()) = 'patient');
create policy user_select_staff on public."user" for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist') and deleted_at is null);
create policy user_select_admin on public."user" for select to authenticated using ((select app.caller_role()) = 'admin');
create policy user_insert_receptionist on public."user" for insert to authenticated
  with check ((select app.caller_role()) = 'receptionist' and role_id = 1);
create policy user_insert_admin on public."user" for insert to authenticated with check ((select app.caller_role()) = 'admin');
create policy user_update_self on public."user" for update to authenticated
  using (id = (select auth.uid()) and (select app.caller_role()) in ('patient', 'dentist'))
  with check (id = (select auth.uid()));
create policy user_update_receptionist on public."user" for update to authenticated
  using ((select app.caller_role()) = 'receptionist' and role_id = 1 and deleted_at is null)
  with check ((select app.caller_role()) = 'receptionist' and role_id = 1);
create policy user_update_admin on public."user" for update to authenticated
  using ((select app.caller_role()) = 'admin') with check ((select app.caller_role()) = 'admin');
create policy user_delete_admin on public."user" for delete to authenticated using ((select app.caller_role()) = 'admin');

-- What everybody may know about a dentist. The view reads as its owner, past the policies above; it can be read only.
create view public.dentist with (security_barrier = true) as
  select u.id, u.first_name, u.last_name, u.preferred_name, u.specialty
    from public."user" u
   where u.role_id = 2 and u.status = 'active' and u.deleted_at is null;
comment on view public.dentist is 'The clinic''s dentists: names and specialty, for everybody.';
comment on column public.dentist.id is 'The dentist''s id.';
comment on column public.dentist.first_name is 'Given name.';
comment on column public.dentist.last_name is 'Family name.';
comment on column public.dentist.preferred_name is 'What the dentist likes to be called.';
comment on column public.dentist.specialty is 'Specialty.';
revoke all on public.dentist from anon, authenticated;
grant select on public.dentist to anon, authenticated;
