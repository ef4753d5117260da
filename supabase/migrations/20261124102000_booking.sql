-- Hold, book, reschedule, cancel. Each takes the lock of bookings first, checks the caller, and records its result for
-- Idempotency-Key. `app.in_booking` tells the guards that a function, not a client's PATCH, is writing.

create function app.begin_booking() returns void
language plpgsql set search_path = '' as $$
begin
  perform app.lock_bookings();
  perform set_config('app.in_booking', 'on', true);
end $$;

create function app.end_booking(result jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('app.in_booking', '', true);
  perform app.idempotency_record_result(result);
end $$;

-- What patients and guests may ask for: services that are bookable online, not too soon, not too late, within working
-- hours, out of the way of other appointments. Staff book as they see fit, within the table's own constraints.
create function app.check_online_booking(of_dentist uuid, starts timestamptz, need record, besides uuid default null) returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  settings public.clinic_settings;
  ends timestamptz := starts + make_interval(mins => need.minutes);
begin
  select * into settings from public.clinic_settings;
  if not need.online then
    raise exception 'One of these services is booked by telephone.' using errcode = 'PT422', detail = 'service_ids';
  end if;
  if starts < now() + make_interval(mins => settings.booking_lead_minutes) or starts > now() + make_interval(days => settings.booking_horizon_days::int) then
    raise exception 'This time is too soon or too far ahead to be booked online.' using errcode = 'PT422', detail = 'starts_at';
  end if;
  if not app.dentist_works(of_dentist, starts, ends) then
    raise exception 'The dentist does not work at this time.' using errcode = 'PT422', detail = 'starts_at',
      hint = 'Ask available_slots for free times.';
  end if;
  if not app.dentist_is_free(of_dentist, starts, ends, need.minutes_before, need.minutes_after, besides) then
    -- In PostgreSQL's own words: the message is where PostgREST's clients find the constraint.
    raise exception 'conflicting key value violates exclusion constraint "appointment_dentist_free"' using errcode = '23P01',
      schema = 'public', table = 'appointment', constraint = 'appointment_dentist_free';
  end if;
end $$;

-- How many slots a patient may have asked for that the clinic has not answered. Counted under the lock of bookings.
create function app.check_open_requests(of_patient uuid, besides uuid default null) returns void
language plpgsql stable security definer set search_path = '' as $$
begin
  if (select count(*) from public.appointment a
       where a.patient_id = of_patient and a.status in ('held', 'requested') and a.deleted_at is null and a.starts_at > now()
         and (a.hold_expires_at is null or a.hold_expires_at > now()) and a.id is distinct from besides)
     >= (select s.max_open_requests from public.clinic_settings s) then
    raise exception 'You have as many open requests as can be made online.' using errcode = 'PT409',
      hint = 'Cancel one, or wait until the clinic has answered.';
  end if;
end $$;

-- What patients put straight into the table keeps the same rules. Such a row has no services, so it may take as long as
-- any one that is booked online. Checked after the row: by then the policies have had their say.
create function app.check_plain_request() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  need record;
begin
  if not app.is_client() or app.caller_role() is distinct from 'patient' or current_setting('app.in_booking', true) = 'on' then
    return null;
  end if;
  select (extract(epoch from new.ends_at - new.starts_at) / 60)::int as minutes, 0 as minutes_before, 0 as minutes_after, true as online into need;
  if not exists (select from public.service s
       where s.online_bookable and s.active and s.deleted_at is null and (app.required_time(array[s.id])).minutes = need.minutes) then
    raise exception 'No service that is booked online takes this long.' using errcode = 'PT422', detail = 'ends_at',
      hint = 'Use book_appointment, which knows how long the services take.';
  end if;
  perform app.check_online_booking(new.dentist_id, new.starts_at, need, new.id);
  perform app.check_open_requests(new.patient_id, new.id);
  return null;
end $$;
create trigger plain_request after insert on public.appointment for each row execute function app.check_plain_request();

create function app.add_lines(to_appointment uuid, service_ids uuid[]) returns void
language sql volatile security definer set search_path = '' as $$
  insert into public.appointment_has_service (appointment_id, line_no, service_id, unit_fee, duration_min)
  select to_appointment, w.n, w.id, s.fee, s.duration_min
    from unnest(service_ids) with ordinality w (id, n) join public.service s on s.id = w.id
$$;

create function public.hold_appointment(dentist_id uuid, starts_at timestamptz, service_ids uuid[]) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.caller_role();
  need record;
  held public.appointment;
  token text := encode(extensions.gen_random_bytes(24), 'hex');
  result jsonb;
begin
  perform app.begin_booking();
  need := app.required_time(service_ids);
  if caller is null or caller = 'patient' then
    perform app.check_online_booking(hold_appointment.dentist_id, hold_appointment.starts_at, need);
    perform app.check_open_requests(auth.uid());
  end if;
  if caller is null and (select count(*) from public.appointment a
       where a.status = 'held' and a.patient_id is null and a.hold_expires_at > now()) >= (select s.max_anonymous_holds from public.clinic_settings s) then
    raise exception 'Too many slots are held at present.' using errcode = 'PT429', hint = 'Sign in, or try again in some minutes.';
  end if;
  insert into public.appointment (patient_id, dentist_id, starts_at, ends_at, status)
  values (case when caller = 'patient' then auth.uid() end, hold_appointment.dentist_id, hold_appointment.starts_at,
    hold_appointment.starts_at + make_interval(mins => need.minutes), 'held') returning * into held;
  perform app.add_lines(held.id, service_ids);
  insert into app.appointment_hold (appointment_id, token_hash) values (held.id, sha256(convert_to(token, 'UTF8')));
  result := jsonb_build_object('appointment_id', held.id, 'hold_token', token, 'dentist_id', held.dentist_id, 'starts_at', held.starts_at,
    'ends_at', held.ends_at, 'hold_expires_at', held.hold_expires_at, 'time_zone', (select s.time_zone from public.clinic_settings s));
  perform app.end_booking(result);
  return result;
end $$;
comment on function public.hold_appointment(uuid, timestamptz, uuid[]) is
  'Holds a free slot for some minutes, also for somebody who is not signed in. The hold_token in the answer is shown once; book_appointment takes it.';

-- The held slot that a token, or being its patient, gives a right to.
create function app.claim_hold(hold_id uuid, hold_token text) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  held public.appointment;
begin
  select a.* into held from public.appointment a join app.appointment_hold h on h.appointment_id = a.id
   where a.id = hold_id and a.deleted_at is null
     and (h.token_hash = sha256(convert_to(coalesce(hold_token, ''), 'UTF8')) or a.patient_id = auth.uid()
       -- Who is offered a slot may also accept by telephone.
       or (app.caller_role() in ('receptionist', 'admin') and app.is_open_offer(a.id)));
  if not found then
    raise exception 'There is no such hold.' using errcode = 'PT404', detail = 'hold_id';
  end if;
  if held.status <> 'held' or held.hold_expires_at <= now() then
    raise exception 'The hold has expired or was used.' using errcode = 'PT409', detail = 'hold_id', hint = 'Hold or book the slot again.';
  end if;
  return held;
end $$;

-- An appointment's columns, and what is to be known of its patient.
do $$
begin
  execute (select format('create type public.booking as (%s, alert_count int, alerts jsonb)',
      string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum))
    from pg_catalog.pg_attribute a where a.attrelid = 'public.appointment'::regclass and a.attnum > 0 and not a.attisdropped);
end $$;
comment on type public.booking is
  'A booked appointment with the active alerts of its patient: alerts is an array of {id, kind, title, reaction, severity, premedication, reviewed}, null for reception, which may know their number alone.';

create function public.book_appointment(
  dentist_id uuid default null, starts_at timestamptz default null, service_ids uuid[] default null,
  patient_id uuid default null, reason text default null, hold_id uuid default null, hold_token text default null) returns public.booking
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'dentist', 'receptionist', 'admin');
  for_patient uuid := coalesce(patient_id, case when app.caller_role() = 'patient' then auth.uid() end);
  booked public.appointment;
  answer public.booking;
  first_status public.appointment_status := case when caller = 'patient' then 'requested' else 'scheduled' end;
  need record;
begin
  if for_patient is null then
    raise exception 'Name the patient.' using errcode = 'PT422', detail = 'patient_id';
  end if;
  if caller = 'patient' and for_patient <> auth.uid() then
    raise exception 'Patients book for themselves.' using errcode = '42501';
  end if;
  perform app.begin_booking();
  if hold_id is not null then
    booked := app.claim_hold(hold_id, hold_token);
    if caller = 'dentist' and booked.dentist_id <> auth.uid() then
      raise exception 'Dentists book for themselves.' using errcode = '42501';
    end if;
    if app.is_open_offer(booked.id) then
      -- What the clinic has offered it need not confirm.
      first_status := 'scheduled';
      if for_patient <> booked.patient_id then
        raise exception 'The slot is offered to somebody else.' using errcode = 'PT422', detail = 'patient_id';
      end if;
    elsif caller = 'patient' then
      perform app.check_open_requests(auth.uid(), booked.id);
    end if;
    update public.appointment a
       set status = first_status, patient_id = for_patient, reason = coalesce(book_appointment.reason, a.reason)
     where a.id = booked.id returning * into booked;
  else
    if book_appointment.dentist_id is null or book_appointment.starts_at is null then
      raise exception 'Name the dentist and the start, or a hold.' using errcode = 'PT422',
        detail = case when book_appointment.dentist_id is null then 'dentist_id' else 'starts_at' end;
    end if;
    if caller = 'dentist' and book_appointment.dentist_id <> auth.uid() then
      raise exception 'Dentists book for themselves.' using errcode = '42501';
    end if;
    need := app.required_time(service_ids);
    if caller = 'patient' then
      perform app.check_online_booking(book_appointment.dentist_id, book_appointment.starts_at, need);
      perform app.check_open_requests(auth.uid());
    end if;
    insert into public.appointment (patient_id, dentist_id, starts_at, ends_at, status, source, reason)
    values (for_patient, book_appointment.dentist_id, book_appointment.starts_at,
      book_appointment.starts_at + make_interval(mins => need.minutes), first_status,
      case when caller = 'patient' then 'online' else 'phone' end, book_appointment.reason) returning * into booked;
    perform app.add_lines(booked.id, service_ids);
  end if;
  answer := app.booking_of(booked, caller);
  perform app.end_booking(to_jsonb(answer));
  return answer;
end $$;
comment on function public.book_appointment(uuid, timestamptz, uuid[], uuid, text, uuid, text) is
  'Books a slot with its services at today''s fees, or turns a held slot (hold_id and hold_token) into an appointment. A patient''s booking is requested; the staff''s, and an offer of the waitlist that is accepted, is scheduled. A taken slot fails with 23P01. Answers with the appointment and the patient''s active alerts (alerts, alert_count). Its use is logged.';

-- The appointment, if the caller may move or cancel it; otherwise it does not exist for them.
create function app.own_appointment(appointment_id uuid, caller text) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  found_row public.appointment;
begin
  select * into found_row from public.appointment a
   where a.id = own_appointment.appointment_id and a.deleted_at is null
     and case caller when 'patient' then a.patient_id = auth.uid() when 'dentist' then a.dentist_id = auth.uid() else true end
     for no key update;
  if not found then
    raise exception 'There is no such appointment.' using errcode = 'PT404', detail = 'appointment_id';
  end if;
  return found_row;
end $$;

create function app.time_needed_by(of_appointment uuid, out minutes int, out minutes_before int, out minutes_after int, out online boolean)
language sql stable security definer set search_path = '' as $$
  select (extract(epoch from a.ends_at - a.starts_at) / 60)::int, coalesce(max(s.buffer_before_min), 0), coalesce(max(s.buffer_after_min), 0), true
    from public.appointment a
    left join public.appointment_has_service l on l.appointment_id = a.id
    left join public.service s on s.id = l.service_id
   where a.id = of_appointment group by a.id
$$;

create function public.reschedule_appointment(appointment_id uuid, starts_at timestamptz, dentist_id uuid default null, reason text default null)
returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'dentist', 'receptionist', 'admin');
  old_one public.appointment;
  new_one public.appointment;
  with_dentist uuid;
begin
  perform app.begin_booking();
  old_one := app.own_appointment(reschedule_appointment.appointment_id, caller);
  if not app.appointment_may_become(old_one.status, 'rescheduled') then
    raise exception 'An appointment that is % cannot become rescheduled.', old_one.status using errcode = 'PT409', detail = 'status';
  end if;
  with_dentist := coalesce(reschedule_appointment.dentist_id, old_one.dentist_id);
  if caller = 'dentist' and with_dentist <> auth.uid() then
    raise exception 'Dentists book for themselves.' using errcode = '42501';
  end if;
  if caller = 'patient' then
    perform app.check_online_booking(with_dentist, reschedule_appointment.starts_at, app.time_needed_by(old_one.id), old_one.id);
  end if;
  update public.appointment a set status = 'rescheduled' where a.id = old_one.id;
  insert into public.appointment (patient_id, dentist_id, starts_at, ends_at, status, priority, source, reason, rescheduled_from)
  values (old_one.patient_id, with_dentist, reschedule_appointment.starts_at,
    reschedule_appointment.starts_at + (old_one.ends_at - old_one.starts_at),
    case when caller = 'patient' then 'requested' else 'scheduled' end::public.appointment_status,
    old_one.priority, old_one.source, coalesce(reschedule_appointment.reason, old_one.reason), old_one.id) returning * into new_one;
  insert into public.appointment_has_service (appointment_id, line_no, service_id, quantity, tooth, surfaces, unit_fee, duration_min)
  select new_one.id, l.line_no, l.service_id, l.quantity, l.tooth, l.surfaces, l.unit_fee, l.duration_min
    from public.appointment_has_service l where l.appointment_id = old_one.id;
  perform app.end_booking(to_jsonb(new_one));
  return new_one;
end $$;
comment on function public.reschedule_appointment(uuid, timestamptz, uuid, text) is
  'Moves an appointment: the old one becomes rescheduled (late_cancel when it was within the cancellation window), the answer is the new one, with the same services at the same fees.';

create function public.cancel_appointment(appointment_id uuid, reason text default null) returns public.appointment
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'dentist', 'receptionist', 'admin');
  cancelled public.appointment;
begin
  perform app.begin_booking();
  cancelled := app.own_appointment(cancel_appointment.appointment_id, caller);
  if caller = 'patient' and cancelled.status in ('arrived', 'in_chair') then
    raise exception 'A visit that has begun is cancelled by the clinic.' using errcode = 'PT409', detail = 'status';
  end if;
  if not app.appointment_may_become(cancelled.status, 'cancelled') then
    raise exception 'An appointment that is % cannot become cancelled.', cancelled.status using errcode = 'PT409', detail = 'status';
  end if;
  update public.appointment a set status = 'cancelled', cancel_reason = cancel_appointment.reason
   where a.id = cancelled.id returning * into cancelled;
  perform app.end_booking(to_jsonb(cancelled));
  return cancelled;
end $$;
comment on function public.cancel_appointment(uuid, text) is
  'Cancels an appointment; late_cancel tells whether it was within the clinic''s cancellation window.';

revoke execute on function public.hold_appointment(uuid, timestamptz, uuid[]),
  public.book_appointment(uuid, timestamptz, uuid[], uuid, text, uuid, text),
  public.reschedule_appointment(uuid, timestamptz, uuid, text), public.cancel_appointment(uuid, text) from public, anon, authenticated;
grant execute on function public.hold_appointment(uuid, timestamptz, uuid[]) to anon, authenticated;
grant execute on function public.book_appointment(uuid, timestamptz, uuid[], uuid, text, uuid, text),
  public.reschedule_appointment(uuid, timestamptz, uuid, text), public.cancel_appointment(uuid, text) to authenticated;
