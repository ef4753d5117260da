-- The visit: the patient arrives, is seated, is treated. Completing it turns the booked services into treatment records.

create function app.advance_appointment(appointment_id uuid, caller text, next_status public.appointment_status) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  visit public.appointment := app.own_appointment(appointment_id, caller);
begin
  if not app.appointment_may_become(visit.status, next_status) then
    raise exception 'An appointment that is % cannot become %.', visit.status, next_status using errcode = 'PT409', detail = 'status';
  end if;
  update public.appointment a set status = next_status where a.id = visit.id returning * into visit;
  return visit;
end $$;

create function public.check_in(appointment_id uuid) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('dentist', 'receptionist', 'admin');
  visit public.appointment;
begin
  perform app.begin_booking();
  visit := app.advance_appointment(check_in.appointment_id, caller, 'arrived');
  perform app.end_booking(to_jsonb(visit));
  return visit;
end $$;
comment on function public.check_in(uuid) is 'The patient has arrived.';

create function public.seat(appointment_id uuid, room text default null) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('dentist', 'receptionist', 'admin');
  visit public.appointment;
begin
  perform app.begin_booking();
  visit := app.advance_appointment(seat.appointment_id, caller, 'in_chair');
  if seat.room is not null then
    update public.appointment a set room = seat.room where a.id = visit.id returning * into visit;
  end if;
  perform app.end_booking(to_jsonb(visit));
  return visit;
end $$;
comment on function public.seat(uuid, text) is 'The patient is in the chair, of the room if one is named.';

-- One record per line. Where a service needs more of a location than the line says, `details` gives it by line_no.
create function app.record_treatment(visit public.appointment, details jsonb) returns void
language sql volatile security definer set search_path = '' as $$
  insert into public.treatment_records (patient_id, dentist_id, appointment_id, service_id, status, tooth, surfaces, area_code, tooth_range,
    diagnosis_code, performed_at, quantity, fee, notes)
  select visit.patient_id, visit.dentist_id, visit.id, l.service_id, 'completed', coalesce(d.tooth, l.tooth), coalesce(d.surfaces, l.surfaces),
    d.area_code, d.tooth_range, d.diagnosis_code, visit.dismissed_at, l.quantity, l.unit_fee, d.notes
    from public.appointment_has_service l
    left join jsonb_to_recordset(details) d (line_no smallint, tooth text, surfaces text, area_code text, tooth_range text,
      diagnosis_code text, notes text) on d.line_no = l.line_no
   where l.appointment_id = visit.id
   order by l.line_no
$$;

create function public.complete_visit(appointment_id uuid, details jsonb default '[]', acknowledged_alerts uuid[] default null) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('dentist');
  visit public.appointment;
begin
  if jsonb_typeof(details) is distinct from 'array' or jsonb_array_length(details) > 50 then
    raise exception 'Details are an array of {line_no, tooth, surfaces, area_code, tooth_range, diagnosis_code, notes}.'
      using errcode = 'PT422', detail = 'details';
  end if;
  -- Two for one line would make two records of it, and bill it twice.
  if exists (select from jsonb_to_recordset(details) d (line_no smallint) group by d.line_no having count(*) > 1) then
    raise exception 'Details name a line once.' using errcode = 'PT422', detail = 'details';
  end if;
  perform app.begin_booking();
  perform app.acknowledge(app.own_appointment(complete_visit.appointment_id, caller), acknowledged_alerts, 'acknowledged_alerts');
  visit := app.advance_appointment(complete_visit.appointment_id, caller, 'completed');
  perform app.record_treatment(visit, details);
  perform app.end_booking(to_jsonb(visit));
  return visit;
end $$;
comment on function public.complete_visit(uuid, jsonb, uuid[]) is
  'For the appointment''s dentist: the visit is over. Fails with 409 and the list while an active alert of the patient is not acknowledged (acknowledge_alerts, or acknowledged_alerts here). Makes a completed treatment record of each booked service; details adds what the booking did not say, an array of {line_no, tooth, surfaces, area_code, tooth_range, diagnosis_code, notes}.';

revoke execute on function public.check_in(uuid), public.seat(uuid, text), public.complete_visit(uuid, jsonb, uuid[]) from public, anon, authenticated;
grant execute on function public.check_in(uuid), public.seat(uuid, text), public.complete_visit(uuid, jsonb, uuid[]) to authenticated;
