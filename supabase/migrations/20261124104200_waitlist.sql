-- The waitlist. Whoever waits says for which services, with whom and when; a slot that is freed is offered to one of them
-- at a time. An offer is a held appointment of that patient, with priority `asap`: the patient's room and the desk's see it
-- as they see any appointment. Booking the hold accepts it, cancelling the hold declines it, and the next in line is asked;
-- so it is when its time runs out (advance_waitlist).
--
-- The order is fair: of those whom the slot fits, who has waited longest. Who declines or misses an offer keeps the place
-- in the line, but is not offered the same slot again. Everything here is written under the lock of bookings, so that no
-- slot is offered twice and nobody has two offers.

create table public.waitlist (
  id uuid constraint waitlist_pkey primary key default gen_random_uuid(),
  patient_id uuid not null constraint waitlist_patient_id_fkey references public."user" (id),
  service_ids uuid[] not null,
  dentist_id uuid constraint waitlist_dentist_id_fkey references public."user" (id),
  first_day date not null,
  last_day date not null,
  earliest time not null default '00:00',
  latest time not null default '24:00',
  status text not null default 'waiting',
  appointment_id uuid constraint waitlist_appointment_id_fkey references public.appointment (id),
  joined_at timestamptz not null default now(),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  constraint waitlist_appointment_id_key unique (appointment_id),
  constraint waitlist_services_count check (cardinality(service_ids) between 1 and 50),
  constraint waitlist_days_order check (last_day >= first_day and isfinite(first_day) and isfinite(last_day)),
  constraint waitlist_times_order check (latest > earliest),
  constraint waitlist_status_known check (status in ('waiting', 'offered', 'booked', 'left')),
  constraint waitlist_offer_whole check ((status in ('offered', 'booked')) = (appointment_id is not null))
);
comment on table public.waitlist is 'Who waits for an earlier time, and what became of it. Read only; written by join_waitlist, leave_waitlist and what happens to appointments.';
comment on column public.waitlist.id is 'Identifies the entry.';
comment on column public.waitlist.patient_id is 'Who waits.';
comment on column public.waitlist.service_ids is 'For what.';
comment on column public.waitlist.dentist_id is 'With which dentist; null for any.';
comment on column public.waitlist.first_day is 'First day that suits, in the clinic''s zone.';
comment on column public.waitlist.last_day is 'Last day that suits.';
comment on column public.waitlist.earliest is 'Not before this time of day.';
comment on column public.waitlist.latest is 'To be over by this time of day.';
comment on column public.waitlist.status is 'waiting, offered (appointment_id is the held slot), booked (appointment_id is the appointment) or left.';
comment on column public.waitlist.appointment_id is 'The slot that is offered, or was booked.';
comment on column public.waitlist.joined_at is 'Since when; the line''s order.';
comment on constraint waitlist_pkey on public.waitlist is 'There is an entry with this id already.';
comment on constraint waitlist_patient_id_fkey on public.waitlist is 'patient_id names nobody the clinic knows.';
comment on constraint waitlist_dentist_id_fkey on public.waitlist is 'dentist_id names nobody the clinic knows.';
comment on constraint waitlist_appointment_id_fkey on public.waitlist is 'appointment_id names no appointment.';
comment on constraint waitlist_appointment_id_key on public.waitlist is 'A slot is offered to one entry.';
comment on constraint waitlist_services_count on public.waitlist is 'An entry is for 1 to 50 services.';
comment on constraint waitlist_days_order on public.waitlist is 'The last day is not before the first.';
comment on constraint waitlist_times_order on public.waitlist is 'latest is after earliest.';
comment on constraint waitlist_status_known on public.waitlist is 'Status is waiting, offered, booked or left.';
comment on constraint waitlist_offer_whole on public.waitlist is 'What is offered or booked names its appointment, and nothing else does.';
create index waitlist_patient_id_idx on public.waitlist (patient_id);
create index waitlist_dentist_id_idx on public.waitlist (dentist_id) where dentist_id is not null;
create index waitlist_line_idx on public.waitlist (joined_at, id) where status = 'waiting';

create trigger check_people before insert or update on public.waitlist
  for each row execute function app.check_people('patient_id', 'patient', 'dentist_id', 'dentist');
create trigger stamp before insert or update on public.waitlist for each row execute function app.stamp_creator();
create trigger touch before update on public.waitlist for each row execute function app.touch('id');

alter table public.waitlist enable row level security;
revoke all on public.waitlist from anon, authenticated;
grant select on public.waitlist to authenticated;
create policy waitlist_select_patient on public.waitlist for select to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient');
create policy waitlist_select_staff on public.waitlist for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist', 'admin'));

create table app.waitlist_offer (
  appointment_id uuid constraint waitlist_offer_pkey primary key
    constraint waitlist_offer_appointment_id_fkey references public.appointment (id),
  waitlist_id uuid not null constraint waitlist_offer_waitlist_id_fkey references public.waitlist (id),
  outcome text not null default 'open',
  constraint waitlist_offer_outcome_known check (outcome in ('open', 'accepted', 'declined', 'expired'))
);
comment on table app.waitlist_offer is 'Every slot that was offered, to which entry, and what came of it.';
create index waitlist_offer_waitlist_id_idx on app.waitlist_offer (waitlist_id);
alter table app.waitlist_offer enable row level security;

create function app.is_open_offer(hold_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from app.waitlist_offer o where o.appointment_id = hold_id and o.outcome = 'open')
$$;

-- Holds the time for one entry, if it fits.
create function app.offer_to(entry public.waitlist, of_dentist uuid, starts timestamptz, settings public.clinic_settings) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  need record;
  ends timestamptz;
  offered uuid;
begin
  need := app.required_time(entry.service_ids);
  ends := starts + make_interval(mins => need.minutes);
  if (ends at time zone settings.time_zone) > (starts at time zone settings.time_zone)::date + entry.latest
     or not app.dentist_works(of_dentist, starts, ends)
     or not app.dentist_is_free(of_dentist, starts, ends, need.minutes_before, need.minutes_after) then
    return false;
  end if;
  insert into public.appointment (patient_id, dentist_id, starts_at, ends_at, status, priority, hold_expires_at)
  values (entry.patient_id, of_dentist, starts, ends, 'held', 'asap',
    least(starts, now() + make_interval(mins => settings.waitlist_offer_minutes::int))) returning id into offered;
  perform app.add_lines(offered, entry.service_ids);
  -- Nobody knows a token of it: the patient takes it by being its patient.
  insert into app.appointment_hold (appointment_id, token_hash) values (offered, extensions.gen_random_bytes(32));
  insert into app.waitlist_offer (appointment_id, waitlist_id) values (offered, entry.id);
  update public.waitlist w set status = 'offered', appointment_id = offered where w.id = entry.id;
  return true;
exception when exclusion_violation or sqlstate 'PT422' then
  -- The patient has something else at that time, or a service is not offered any more: the next in line is asked.
  return false;
end $$;

-- Who has waited longest of those whom the time suits, each asked once about one slot.
create function app.offer_slot(of_dentist uuid, starts timestamptz) returns void
language plpgsql security definer set search_path = '' as $$
declare
  settings public.clinic_settings;
  local_start timestamp;
  entry public.waitlist;
begin
  select * into settings from public.clinic_settings;
  local_start := starts at time zone settings.time_zone;
  for entry in
    select w.* from public.waitlist w join public."user" u on u.id = w.patient_id
     where w.status = 'waiting' and u.status = 'active' and u.deleted_at is null
       and (w.dentist_id is null or w.dentist_id = of_dentist)
       and local_start::date between w.first_day and w.last_day and local_start::time >= w.earliest
       and not exists (select from app.waitlist_offer o join public.appointment a on a.id = o.appointment_id
             where o.waitlist_id = w.id and a.dentist_id = of_dentist and a.starts_at = starts)
     order by w.joined_at, w.id
  loop
    exit when app.offer_to(entry, of_dentist, starts, settings);
  end loop;
end $$;

-- What became of an offer, when this appointment is one.
create function app.settle_offer(hold public.appointment, expired boolean) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  became text := case when hold.status = 'cancelled' or hold.deleted_at is not null
    then case when expired then 'expired' else 'declined' end else 'accepted' end;
begin
  update app.waitlist_offer o set outcome = became where o.appointment_id = hold.id and o.outcome = 'open';
  if not found then
    return false;
  end if;
  update public.waitlist w
     set status = case when became = 'accepted' then 'booked' else 'waiting' end,
         appointment_id = case when became = 'accepted' then w.appointment_id end
   where w.appointment_id = hold.id and w.status = 'offered';
  return true;
end $$;

-- At commit, when what freed the slot has done all it was going to do: a move may have taken part of it again. The offer is
-- the clinic's own doing, and must not tell its patient who has cancelled: so it is made as nobody.
create function app.free_slot() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  claims text := current_setting('request.jwt.claims', true);
  was_offer boolean := false;
begin
  if not exists (select from public.waitlist w where w.status in ('waiting', 'offered')) then
    return null;
  end if;
  perform set_config('request.jwt.claims', '', true);
  perform set_config('app.in_booking', 'on', true);
  if old.status = 'held' and (new.status <> 'held' or new.deleted_at is not null) then
    was_offer := app.settle_offer(new, old.hold_expires_at <= now());
  end if;
  if (was_offer or old.status in ('requested', 'scheduled', 'confirmed', 'arrived'))
     and old.starts_at >= now() + make_interval(mins => (select s.booking_lead_minutes from public.clinic_settings s)) then
    perform app.offer_slot(old.dentist_id, old.starts_at);
  end if;
  perform set_config('app.in_booking', '', true);
  perform set_config('request.jwt.claims', coalesce(claims, ''), true);
  return null;
end $$;
create constraint trigger free_slot after update on public.appointment deferrable initially deferred for each row
  when ((old.status, old.dentist_id, old.starts_at, old.deleted_at) is distinct from (new.status, new.dentist_id, new.starts_at, new.deleted_at))
  execute function app.free_slot();

create function public.join_waitlist(service_ids uuid[], dentist_id uuid default null, first_day date default null, last_day date default null,
  earliest time default null, latest time default null, patient_id uuid default null) returns public.waitlist
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'dentist', 'receptionist', 'admin');
  for_patient uuid := coalesce(patient_id, case when app.caller_role() = 'patient' then auth.uid() end);
  settings public.clinic_settings;
  today date;
  entry public.waitlist;
begin
  if for_patient is null then
    raise exception 'Name the patient.' using errcode = 'PT422', detail = 'patient_id';
  end if;
  if caller = 'patient' and for_patient <> auth.uid() then
    raise exception 'Patients wait for themselves.' using errcode = '42501';
  end if;
  perform app.begin_booking();
  select * into settings from public.clinic_settings;
  today := (now() at time zone settings.time_zone)::date;
  if not (app.required_time(service_ids)).online and caller = 'patient' then
    raise exception 'One of these services is booked by telephone.' using errcode = 'PT422', detail = 'service_ids';
  end if;
  if last_day < today or last_day > today + 730 then
    raise exception 'The last day is today or later, within two years.' using errcode = 'PT422', detail = 'last_day';
  end if;
  if caller = 'patient' and (select count(*) from public.waitlist w
       where w.patient_id = for_patient and w.status in ('waiting', 'offered') and w.last_day >= today) >= settings.max_open_requests then
    raise exception 'You wait for as much as can be waited for online.' using errcode = 'PT409', hint = 'Leave the waitlist for something else first.';
  end if;
  insert into public.waitlist (patient_id, service_ids, dentist_id, first_day, last_day, earliest, latest)
  values (for_patient, join_waitlist.service_ids, join_waitlist.dentist_id, greatest(coalesce(join_waitlist.first_day, today), today),
    coalesce(join_waitlist.last_day, today + settings.booking_horizon_days::int), coalesce(join_waitlist.earliest, '00:00'),
    coalesce(join_waitlist.latest, '24:00')) returning * into entry;
  perform app.end_booking(to_jsonb(entry));
  return entry;
end $$;
comment on function public.join_waitlist(uuid[], uuid, date, date, time, time, uuid) is
  'Waits for a slot that is freed: for services, with one dentist or any, from first_day to last_day, between earliest and latest in the clinic''s zone. An offer arrives as a held appointment with priority asap: book_appointment(hold_id) accepts it, cancel_appointment declines it, and who has waited next longest is asked.';

create function public.leave_waitlist(waitlist_id uuid) returns public.waitlist
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'dentist', 'receptionist', 'admin');
  entry public.waitlist;
  offered uuid;
begin
  perform app.begin_booking();
  select * into entry from public.waitlist w
   where w.id = leave_waitlist.waitlist_id and (caller <> 'patient' or w.patient_id = auth.uid());
  if not found then
    raise exception 'There is no such entry.' using errcode = 'PT404', detail = 'waitlist_id';
  end if;
  if entry.status not in ('waiting', 'offered') then
    raise exception 'An entry that is % cannot be left.', entry.status using errcode = 'PT409', detail = 'status';
  end if;
  offered := entry.appointment_id;
  update public.waitlist w set status = 'left', appointment_id = null where w.id = entry.id returning * into entry;
  update public.appointment a set status = 'cancelled', cancel_reason = 'Left the waitlist.' where a.id = offered and a.status = 'held';
  perform app.end_booking(to_jsonb(entry));
  return entry;
end $$;
comment on function public.leave_waitlist(uuid) is 'Waits no longer; what was offered goes to the next in line.';

create function public.advance_waitlist() returns int
language plpgsql security definer set search_path = '' as $$
declare
  expired int;
begin
  perform app.begin_booking();
  update public.appointment a set status = 'cancelled', cancel_reason = 'The offer expired.'
   where a.status = 'held' and a.hold_expires_at <= now() and app.is_open_offer(a.id);
  get diagnostics expired = row_count;
  perform app.end_booking(null);
  return expired;
end $$;
comment on function public.advance_waitlist() is
  'internal: for the service role, ends the waitlist''s offers whose time is up, so that the next in line are asked; answers how many.';

revoke execute on function public.join_waitlist(uuid[], uuid, date, date, time, time, uuid), public.leave_waitlist(uuid), public.advance_waitlist()
  from public, anon, authenticated;
grant execute on function public.join_waitlist(uuid[], uuid, date, date, time, time, uuid), public.leave_waitlist(uuid) to authenticated;
grant execute on function public.advance_waitlist() to service_role;
