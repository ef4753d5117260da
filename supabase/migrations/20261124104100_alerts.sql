-- Alerts: what everybody who treats a patient must see first. Booking tells of them; a visit is not treated before its
-- dentist has acknowledged each, as it reads now. Kept is who did, when, and what was read. Reception cannot read medical
-- history, so it learns how many there are and no more.

-- Allergies and alerts always, anything else where it is marked. What a patient has added and nobody reviewed counts too.
create function app.active_alerts(of_patient uuid) returns setof public.patient_medical_history
language sql stable security definer set search_path = '' as $$
  select h.* from public.patient_medical_history h
   where h.patient_id = of_patient and h.status = 'active' and h.deleted_at is null
     and (h.kind in ('allergy', 'alert') or h.is_alert or h.premedication)
   order by h.kind, h.title, h.id
$$;

create function app.alert_text(h public.patient_medical_history) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('id', h.id, 'kind', h.kind, 'title', h.title, 'reaction', h.reaction, 'severity', h.severity,
    'premedication', h.premedication, 'reviewed', h.reviewed_at is not null)
$$;

-- What a booking is answered with.
create function app.booking_of(booked public.appointment, caller text) returns public.booking
language sql stable security definer set search_path = '' as $$
  select row (booked.*, count(h.id)::int, case when caller <> 'receptionist' then coalesce(jsonb_agg(app.alert_text(h)) filter (where h.id is not null), '[]') end)::public.booking
    from (select) one left join app.active_alerts(booked.patient_id) h on true
$$;

create table app.alert_acknowledgement (
  id bigint generated always as identity constraint alert_acknowledgement_pkey primary key,
  appointment_id uuid not null constraint alert_acknowledgement_appointment_id_fkey references public.appointment (id),
  alert_id uuid not null constraint alert_acknowledgement_alert_id_fkey references public.patient_medical_history (id),
  alert_version int not null,
  alert jsonb not null,
  by_user uuid not null constraint alert_acknowledgement_by_user_fkey references public."user" (id),
  at timestamptz not null default now(),
  constraint alert_acknowledgement_once unique (appointment_id, alert_id, alert_version, by_user)
);
comment on table app.alert_acknowledgement is 'Who acknowledged which alert for which visit, when, and how the alert read then. Append only.';
create index alert_acknowledgement_alert_id_idx on app.alert_acknowledgement (alert_id);
create index alert_acknowledgement_by_user_idx on app.alert_acknowledgement (by_user);
alter table app.alert_acknowledgement enable row level security;

create function app.alert_acknowledgement_guard() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'Acknowledgements are append only.' using errcode = 'PT409';
end $$;
create trigger append_only before update or delete on app.alert_acknowledgement
  for each row execute function app.alert_acknowledgement_guard();

-- An alert that was changed since, or acknowledged by another dentist, is to be read again.
create function app.check_alerts_acknowledged(for_visit uuid, of_patient uuid, by_dentist uuid) returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  unread int;
begin
  select count(*) into unread from app.active_alerts(of_patient) h
   where not exists (select from app.alert_acknowledgement k
           where k.appointment_id = for_visit and k.alert_id = h.id and k.alert_version = h.version and k.by_user = by_dentist);
  if unread > 0 then
    -- Which ones is told by visit_alerts: an error's words end up in logs.
    raise exception 'The patient has alerts that the dentist has not acknowledged for this visit: %.', unread
      using errcode = 'PT409', detail = 'acknowledged_alerts', hint = 'Read them with visit_alerts, then acknowledge_alerts.';
  end if;
end $$;

create function app.acknowledge(visit public.appointment, alert_ids uuid[], argument text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from unnest(alert_ids) wanted (id) where wanted.id is null
              or not exists (select from app.active_alerts(visit.patient_id) h where h.id = wanted.id)) then
    raise exception 'This is no active alert of the patient.' using errcode = 'PT422', detail = argument;
  end if;
  insert into app.alert_acknowledgement (appointment_id, alert_id, alert_version, alert, by_user)
  select visit.id, h.id, h.version, app.alert_text(h), auth.uid()
    from app.active_alerts(visit.patient_id) h where h.id = any (alert_ids)
  on conflict on constraint alert_acknowledgement_once do nothing;
end $$;

create function public.visit_alerts(appointment_id uuid)
returns table (alert_id uuid, kind public.medical_history_kind, title text, reaction text, severity text, premedication boolean, reviewed boolean,
  acknowledged_by uuid, acknowledged_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'dentist', 'admin');
  visit public.appointment;
begin
  select * into visit from public.appointment a
   where a.id = visit_alerts.appointment_id and a.deleted_at is null and (caller <> 'patient' or a.patient_id = auth.uid());
  if not found then
    raise exception 'There is no such appointment.' using errcode = 'PT404', detail = 'appointment_id';
  end if;
  return query
    select h.id, h.kind, h.title::text, h.reaction::text, h.severity, h.premedication, h.reviewed_at is not null, k.by_user, k.at
      from app.active_alerts(visit.patient_id) h
      left join app.alert_acknowledgement k
        on k.appointment_id = visit.id and k.alert_id = h.id and k.alert_version = h.version and k.by_user = visit.dentist_id;
end $$;
comment on function public.visit_alerts(uuid) is
  'The active alerts of an appointment''s patient, and when its dentist acknowledged each as it reads now. For dentists, admins and the patient. Its use is logged.';

create function public.acknowledge_alerts(appointment_id uuid, alert_ids uuid[]) returns int
language plpgsql security definer set search_path = '' as $$
declare
  visit public.appointment;
  acknowledged int := cardinality(alert_ids);
begin
  perform app.require_role('dentist');
  perform app.begin_booking();
  visit := app.own_appointment(acknowledge_alerts.appointment_id, 'dentist');
  if visit.status not in ('requested', 'scheduled', 'confirmed', 'arrived', 'in_chair') then
    raise exception 'Alerts are acknowledged before the treatment.' using errcode = 'PT409', detail = 'status';
  end if;
  if coalesce(acknowledged, 0) not between 1 and 100 then
    raise exception 'Name 1 to 100 alerts.' using errcode = 'PT422', detail = 'alert_ids';
  end if;
  perform app.acknowledge(visit, alert_ids, 'alert_ids');
  perform app.end_booking(to_jsonb(acknowledged));
  return acknowledged;
end $$;
comment on function public.acknowledge_alerts(uuid, uuid[]) is
  'For the appointment''s dentist: has read these alerts of the patient, as they are now. Kept with who, when and what was read; answers how many.';

revoke execute on function public.visit_alerts(uuid), public.acknowledge_alerts(uuid, uuid[]) from public, anon, authenticated;
grant execute on function public.visit_alerts(uuid), public.acknowledge_alerts(uuid, uuid[]) to authenticated;
