-- Who may what with appointments and their services. Arrival, seating and cancellation stamps, hold_expires_at,
-- late_cancel and rescheduled_from are written by the database alone.

alter table public.appointment enable row level security;
revoke all on public.appointment from anon, authenticated;
grant select, delete on public.appointment to authenticated;
grant insert (id, patient_id, dentist_id, assistant_id, room, starts_at, ends_at, status, priority, source, reason, notes),
  update (id, patient_id, dentist_id, assistant_id, room, starts_at, ends_at, status, priority, source, reason, notes, cancel_reason)
  on public.appointment to authenticated;

create policy appointment_select_patient on public.appointment for select to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient' and deleted_at is null);
create policy appointment_select_staff on public.appointment for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist') and deleted_at is null);
create policy appointment_select_admin on public.appointment for select to authenticated
  using ((select app.caller_role()) = 'admin');

create policy appointment_insert_patient on public.appointment for insert to authenticated
  with check ((select app.caller_role()) = 'patient' and patient_id = (select auth.uid())
    and status in ('held', 'requested') and starts_at > now()
    and room is null and assistant_id is null and notes is null);
create policy appointment_insert_dentist on public.appointment for insert to authenticated
  with check ((select app.caller_role()) = 'dentist' and dentist_id = (select auth.uid()) and patient_id is not null);
create policy appointment_insert_reception on public.appointment for insert to authenticated
  with check ((select app.caller_role()) in ('receptionist', 'admin') and patient_id is not null);

create policy appointment_update_patient on public.appointment for update to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient' and deleted_at is null
    and status in ('held', 'requested', 'scheduled', 'confirmed'))
  with check (patient_id = (select auth.uid()));
create policy appointment_update_dentist on public.appointment for update to authenticated
  using ((select app.caller_role()) = 'dentist' and dentist_id = (select auth.uid()) and deleted_at is null)
  with check (dentist_id = (select auth.uid()));
create policy appointment_update_receptionist on public.appointment for update to authenticated
  using ((select app.caller_role()) = 'receptionist' and deleted_at is null)
  with check ((select app.caller_role()) = 'receptionist');
create policy appointment_update_admin on public.appointment for update to authenticated
  using ((select app.caller_role()) = 'admin') with check ((select app.caller_role()) = 'admin');
create policy appointment_delete_admin on public.appointment for delete to authenticated
  using ((select app.caller_role()) = 'admin');

alter table public.appointment_has_service enable row level security;
revoke all on public.appointment_has_service from anon, authenticated;
grant select, delete on public.appointment_has_service to authenticated;
-- Fee and duration are a snapshot: taken from the service on insert, corrected by staff afterwards.
grant insert (appointment_id, line_no, service_id, quantity, tooth, surfaces),
  update (appointment_id, line_no, service_id, quantity, tooth, surfaces, unit_fee, duration_min)
  on public.appointment_has_service to authenticated;

create policy appointment_has_service_select_patient on public.appointment_has_service for select to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient' and appointment_deleted_at is null);
create policy appointment_has_service_select_staff on public.appointment_has_service for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist') and appointment_deleted_at is null);
create policy appointment_has_service_select_admin on public.appointment_has_service for select to authenticated
  using ((select app.caller_role()) = 'admin');
create policy appointment_has_service_insert_staff on public.appointment_has_service for insert to authenticated
  with check ((select app.caller_role()) in ('dentist', 'receptionist', 'admin'));
create policy appointment_has_service_update_staff on public.appointment_has_service for update to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist', 'admin'))
  with check ((select app.caller_role()) in ('dentist', 'receptionist', 'admin'));
create policy appointment_has_service_delete_admin on public.appointment_has_service for delete to authenticated
  using ((select app.caller_role()) = 'admin');
