-- The appointment's status machine, its stamps, the release of expired holds, and the order of locks.

create function app.appointment_may_become(before public.appointment_status, after public.appointment_status) returns boolean
language sql immutable set search_path = '' as $$
  select after::text = any (case before::text
    when 'held' then array['requested', 'scheduled', 'cancelled']
    when 'requested' then array['scheduled', 'confirmed', 'cancelled', 'rescheduled']
    when 'scheduled' then array['confirmed', 'arrived', 'cancelled', 'no_show', 'rescheduled']
    when 'confirmed' then array['arrived', 'cancelled', 'no_show', 'rescheduled']
    when 'arrived' then array['in_chair', 'cancelled', 'no_show']
    when 'in_chair' then array['completed']
    else array[]::text[] end)
$$;

-- Two inserts into an exclusion constraint can wait for each other, and that is a deadlock. So whoever writes
-- appointments takes this lock before any row: one writer at a time, from the statement to the commit. The order is
-- always: this lock, rows, the lock of change_log.
create function app.lock_bookings() returns void
language sql volatile set search_path = '' as $$
  select pg_catalog.pg_advisory_xact_lock(7002)
$$;

create function app.lock_bookings_trigger() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(7002);
  return null;
end $$;

-- A hold whose time is up still occupies its slot: an exclusion predicate cannot ask for the time. Whoever needs the
-- slot clears it. An appointment that ends before it starts needs none, and has its own check to fail on: as a range it
-- would fail here, or not, as the planner pleases.
create function app.release_expired_holds(wanted public.appointment) returns void
language sql volatile security definer set search_path = '' as $$
  update public.appointment a
     set status = 'cancelled', cancel_reason = 'The hold expired.'
   where a.status = 'held' and a.hold_expires_at <= now() and a.deleted_at is null and a.id <> wanted.id
     and tstzrange(a.starts_at, a.ends_at, '[)') && tstzrange(wanted.starts_at, greatest(wanted.starts_at, wanted.ends_at), '[)')
     and (a.dentist_id = wanted.dentist_id or a.patient_id = wanted.patient_id or a.room = wanted.room)
$$;

create function app.check_appointment_grid(starts timestamptz, ends timestamptz) returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  settings public.clinic_settings;
begin
  select * into settings from public.clinic_settings;
  if (extract(epoch from (starts at time zone settings.time_zone)) / 60)::bigint % settings.grid_minutes <> 0
     or (extract(epoch from ends - starts) / 60)::bigint % settings.grid_minutes <> 0 then
    raise exception 'Appointments start and end on the clinic''s grid of % minutes.', settings.grid_minutes
      using errcode = 'PT422', detail = 'starts_at';
  end if;
end $$;

-- What the status brings with it. The seed and migrations may give the times themselves.
create function app.stamp_appointment_status(a public.appointment, before public.appointment_status) returns public.appointment
language plpgsql stable security definer set search_path = '' as $$
declare
  short_notice interval := make_interval(hours => (select s.cancellation_window_hours::int from public.clinic_settings s));
begin
  if a.status is distinct from before then
    case a.status
      when 'arrived' then a.arrived_at := coalesce(a.arrived_at, now());
      when 'in_chair' then a.seated_at := coalesce(a.seated_at, now());
      when 'completed' then a.dismissed_at := coalesce(a.dismissed_at, now());
      when 'cancelled' then
        a.cancelled_at := coalesce(a.cancelled_at, now());
        -- A hold that ran out was cancelled by nobody.
        a.cancelled_by := case when a.hold_expires_at <= now() then null else coalesce(auth.uid(), a.cancelled_by) end;
        a.late_cancel := before is distinct from 'held' and a.starts_at - a.cancelled_at < short_notice;
      -- Or who is late would move the appointment and cancel the new one.
      when 'rescheduled' then a.late_cancel := before is not null and a.starts_at - now() < short_notice;
      else null;
    end case;
  end if;
  if a.status = 'held' then
    a.hold_expires_at := coalesce(a.hold_expires_at, now() + make_interval(mins => (select s.hold_minutes::int from public.clinic_settings s)));
  else
    a.hold_expires_at := null;
  end if;
  return a;
end $$;

-- A patient confirms what the clinic has scheduled, or cancels; nothing else about the row changes.
create function app.check_patient_change(before public.appointment, after public.appointment) returns void
language plpgsql stable set search_path = '' as $$
declare
  theirs constant text[] := array['status', 'cancel_reason'];
begin
  if to_jsonb(after) - theirs <> to_jsonb(before) - theirs then
    raise exception 'A patient may only confirm or cancel an appointment.' using errcode = 'PT403';
  end if;
  if after.status <> before.status and not (after.status = 'cancelled' or (after.status = 'confirmed' and before.status = 'scheduled')) then
    raise exception 'A patient may only confirm or cancel an appointment.' using errcode = 'PT403', detail = 'status',
      hint = 'A requested appointment is confirmed by the clinic.';
  end if;
end $$;

create function app.appointment_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before public.appointment_status;
begin
  if tg_op = 'INSERT' then
    if app.is_client() and new.status not in ('held', 'requested', 'scheduled', 'confirmed', 'arrived') then
      raise exception 'An appointment does not begin as %.', new.status using errcode = 'PT422', detail = 'status';
    end if;
  else
    before := old.status;
    if new.status <> before and not app.appointment_may_become(before, new.status) then
      raise exception 'An appointment that is % cannot become %.', before, new.status using errcode = 'PT409', detail = 'status';
    end if;
    if app.is_client() and app.caller_role() = 'patient' and current_setting('app.in_booking', true) is distinct from 'on' then
      perform app.check_patient_change(old, new);
    end if;
    if before in ('completed', 'cancelled', 'no_show', 'rescheduled') and (new.starts_at, new.ends_at, new.dentist_id, new.patient_id, new.room)
        is distinct from (old.starts_at, old.ends_at, old.dentist_id, old.patient_id, old.room) then
      raise exception 'An appointment that is % cannot be moved.', before using errcode = 'PT409', detail = 'starts_at';
    end if;
    -- Also where the status is changed without complete_visit.
    if new.status = 'completed' and before <> 'completed' and app.is_client() then
      perform app.check_alerts_acknowledged(new.id, new.patient_id, new.dentist_id);
    end if;
    -- What was moved is another time to be reminded of.
    if new.starts_at <> old.starts_at then
      new.reminder_sent_at := null;
    end if;
  end if;
  if tg_op = 'INSERT' or (new.starts_at, new.ends_at, new.dentist_id, new.room) is distinct from (old.starts_at, old.ends_at, old.dentist_id, old.room) then
    perform app.check_appointment_grid(new.starts_at, new.ends_at);
    perform app.release_expired_holds(new);
  elsif new.patient_id is distinct from old.patient_id then
    -- Of the patient who takes a hold over, one that ran out may lie in the way.
    perform app.release_expired_holds(new);
  end if;
  return app.stamp_appointment_status(new, before);
end $$;

-- A line takes fee and duration from the service as it is now, and copies whose appointment it belongs to, so that
-- policies and live rooms need not look at another row.
create function app.appointment_line_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select a.patient_id, a.dentist_id, a.deleted_at into new.patient_id, new.dentist_id, new.appointment_deleted_at
    from public.appointment a where a.id = new.appointment_id;
  if not found then
    -- The copied columns would fail first, so the foreign key's error is raised here, in PostgreSQL's own words.
    raise foreign_key_violation using
      message = 'insert or update on table "appointment_has_service" violates foreign key constraint "appointment_has_service_appointment_id_fkey"',
      constraint = 'appointment_has_service_appointment_id_fkey', table = 'appointment_has_service', schema = 'public';
  end if;
  if (tg_op = 'INSERT' and (new.unit_fee is null or app.is_client())) or (tg_op = 'UPDATE' and new.service_id <> old.service_id) then
    select coalesce(case when current_setting('app.in_booking', true) = 'on' then new.unit_fee end, s.fee),
           coalesce(case when current_setting('app.in_booking', true) = 'on' then new.duration_min end, s.duration_min)
      into new.unit_fee, new.duration_min
      from public.service s where s.id = new.service_id;
    if not found then
      raise foreign_key_violation using
        message = 'insert or update on table "appointment_has_service" violates foreign key constraint "appointment_has_service_service_id_fkey"',
        constraint = 'appointment_has_service_service_id_fkey', table = 'appointment_has_service', schema = 'public';
    end if;
  end if;
  return new;
end $$;

create function app.copy_appointment_to_lines() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.appointment_has_service l set patient_id = new.patient_id
   where l.appointment_id = new.id;
  return null;
end $$;

create trigger lock_bookings before insert or update or delete on public.appointment
  for each statement execute function app.lock_bookings_trigger();
create trigger check_people before insert or update on public.appointment
  for each row execute function app.check_people('dentist_id', 'dentist', 'patient_id', 'patient', 'assistant_id', 'staff');
create trigger guard before insert or update on public.appointment for each row execute function app.appointment_guard();
create trigger soft_delete before delete on public.appointment for each row execute function app.soft_delete();
create trigger stamp before insert or update on public.appointment for each row execute function app.stamp_creator();
create trigger touch before update on public.appointment for each row execute function app.touch('id');
create trigger copy_to_lines after update on public.appointment for each row
  when ((old.patient_id, old.dentist_id, old.deleted_at) is distinct from (new.patient_id, new.dentist_id, new.deleted_at))
  execute function app.copy_appointment_to_lines();

create trigger guard before insert or update on public.appointment_has_service for each row execute function app.appointment_line_guard();
create trigger touch before update on public.appointment_has_service
  for each row execute function app.touch('appointment_id,line_no');
