-- Free time. All reckoning of days is done in the clinic's zone, all results are instants.

create type public.slot as (dentist_id uuid, starts_at timestamptz, ends_at timestamptz, time_zone text);
comment on type public.slot is 'A free time of one dentist: instants, and the zone of the clinic to show them in.';

-- The instant of a local time. One that comes twice means the later; one that the change to summer time skips means the
-- moment of the change, and not, as PostgreSQL has it, a time as long after it: nobody works past a closing time that
-- does not come.
create function app.instant_of(local_time timestamp, zone text) returns timestamptz
language sql stable set search_path = '' as $$
  select case when (local_time at time zone zone) at time zone zone = local_time then local_time at time zone zone
    else (select min(g) from generate_series((local_time at time zone zone) - interval '3 hours', local_time at time zone zone, interval '5 minutes') g
           where g at time zone zone > local_time) end
$$;

-- The dentists' working time of some local days: clinic open, dentist at work, nobody away. Local times. What overlaps
-- or adjoins within a day is one working time: no slot comes twice, and an appointment may lie across the seam.
create function app.working_time(first_day date, last_day date)
returns table (dentist_id uuid, opens timestamp, closes timestamp)
language sql stable security definer set search_path = '' as $$
  select w.dentist_id, lower(span), upper(span)
    from (
      select p.dentist_id, range_agg(tsrange(d.day + greatest((o ->> 'opens')::time, p.starts), d.day + least((o ->> 'closes')::time, p.ends))) as spans
        from public.clinic_settings s
        cross join lateral (select g::date as day from generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') g) d
        cross join lateral jsonb_array_elements(s.opening_hours) o
        join public.provider_hours p on p.weekday = extract(isodow from d.day) and d.day >= p.valid_from and (p.valid_to is null or d.day <= p.valid_to)
        join public."user" u on u.id = p.dentist_id and u.role_id = 2 and u.status = 'active' and u.deleted_at is null
       where (o ->> 'weekday')::int = extract(isodow from d.day)
         and least((o ->> 'closes')::time, p.ends) > greatest((o ->> 'opens')::time, p.starts)
         and not exists (
           select from jsonb_array_elements(s.closures) c
            where d.day between (c ->> 'from')::date and (c ->> 'to')::date
              and (c ->> 'dentist_id' is null or (c ->> 'dentist_id')::uuid = p.dentist_id))
       group by p.dentist_id, d.day) w
    cross join lateral unnest(w.spans) span
$$;

-- Live appointments around a time with the minutes their services keep free before and after. Holds that ran out
-- are no longer in the way.
create function app.occupied(of_dentist uuid, from_time timestamptz, to_time timestamptz)
returns table (id uuid, core tstzrange, padded tstzrange)
language sql stable security definer set search_path = '' as $$
  select a.id, tstzrange(a.starts_at, a.ends_at, '[)'),
         tstzrange(a.starts_at - make_interval(mins => coalesce(b.before, 0)), a.ends_at + make_interval(mins => coalesce(b.after, 0)), '[)')
    from public.appointment a
    cross join lateral (
      select max(s.buffer_before_min) as before, max(s.buffer_after_min) as after
        from public.appointment_has_service l join public.service s on s.id = l.service_id
       where l.appointment_id = a.id) b
   where a.dentist_id = of_dentist and a.deleted_at is null
     and a.starts_at > from_time - interval '11 hours' and a.starts_at < to_time + interval '2 hours'
     and a.status in ('held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed')
     and not (a.status = 'held' and a.hold_expires_at <= now())
$$;

-- Neither may an appointment lie in the other's buffer; two buffers may share the same minutes.
create function app.dentist_is_free(of_dentist uuid, starts timestamptz, ends timestamptz,
  minutes_before int default 0, minutes_after int default 0, besides uuid default null) returns boolean
language sql stable security definer set search_path = '' as $$
  select not exists (
    select from app.occupied(of_dentist, starts, ends) o
     where o.id is distinct from besides
       and (o.core && tstzrange(starts - make_interval(mins => minutes_before), ends + make_interval(mins => minutes_after), '[)')
         or o.padded && tstzrange(starts, ends, '[)')))
$$;

create function app.dentist_works(of_dentist uuid, starts timestamptz, ends timestamptz) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.clinic_settings s,
      app.working_time((starts at time zone s.time_zone)::date, (starts at time zone s.time_zone)::date) w
     where w.dentist_id = of_dentist and starts >= app.instant_of(w.opens, s.time_zone) and ends <= app.instant_of(w.closes, s.time_zone))
$$;

-- Starts lie on the slot grid from opening time. A local time that the change to summer time skips does not exist and
-- is not offered; one that comes twice is offered once. What fits is reckoned in instants: the night of the change back
-- is an hour longer than its local times say.
create function app.free_slots(of_dentist uuid, from_time timestamptz, to_time timestamptz, minutes int, minutes_before int, minutes_after int)
returns setof public.slot
language sql stable security definer set search_path = '' as $$
  with candidate as materialized (
    select w.dentist_id, local_start at time zone s.time_zone as starts_at, w.closes_at, s.time_zone
      from public.clinic_settings s
      cross join lateral (
        select t.*, app.instant_of(t.closes, s.time_zone) as closes_at
          from app.working_time((from_time at time zone s.time_zone)::date, (to_time at time zone s.time_zone)::date) t offset 0) w
      cross join lateral generate_series(w.opens, w.closes, make_interval(mins => s.slot_step_minutes::int)) local_start
     where (of_dentist is null or w.dentist_id = of_dentist)
       and (local_start at time zone s.time_zone) at time zone s.time_zone = local_start
  ), busy as materialized (
    -- The starts that are out of the question, as one multirange of each dentist: asked by bisection, not row by row.
    select d.dentist_id, range_agg(r.starts) as starts
      from (select distinct c.dentist_id from candidate c) d
      cross join lateral app.occupied(d.dentist_id, from_time, to_time + make_interval(mins => minutes)) o
      cross join lateral (values
        (tstzrange(lower(o.core) - make_interval(mins => minutes + minutes_after), upper(o.core) + make_interval(mins => minutes_before), '()')),
        (tstzrange(lower(o.padded) - make_interval(mins => minutes), upper(o.padded), '()'))) r (starts)
     group by d.dentist_id
  )
  select c.dentist_id, c.starts_at, c.starts_at + make_interval(mins => minutes), c.time_zone::text
    from candidate c left join busy b on b.dentist_id = c.dentist_id
   where c.starts_at >= from_time and c.starts_at < to_time and c.starts_at > now()
     and c.starts_at + make_interval(mins => minutes) <= c.closes_at
     and (b.starts @> c.starts_at) is not true
   order by c.starts_at, c.dentist_id
$$;

-- What a set of services needs: minutes in the chair, on the grid, and the buffers around them.
create function app.required_time(service_ids uuid[], out minutes int, out minutes_before int, out minutes_after int, out online boolean)
language plpgsql stable security definer set search_path = '' as $$
declare
  grid int;
  found_services int;
begin
  if coalesce(cardinality(service_ids), 0) not between 1 and 50 then
    raise exception 'Name 1 to 50 services.' using errcode = 'PT422', detail = 'service_ids';
  end if;
  select count(s.id), sum(s.duration_min), max(s.buffer_before_min), max(s.buffer_after_min), bool_and(s.online_bookable)
    into found_services, minutes, minutes_before, minutes_after, online
    from unnest(service_ids) wanted (id) left join public.service s on s.id = wanted.id and s.active and s.deleted_at is null;
  if found_services < cardinality(service_ids) then
    raise exception 'A service is unknown or not offered.' using errcode = 'PT422', detail = 'service_ids';
  end if;
  select c.grid_minutes into grid from public.clinic_settings c;
  minutes := ((minutes + grid - 1) / grid) * grid;
  if minutes > 540 then
    raise exception 'These services take longer than nine hours; book them apart.' using errcode = 'PT422', detail = 'service_ids';
  end if;
end $$;

create function public.available_slots(service_ids uuid[], "from" timestamptz default null, "to" timestamptz default null, dentist_id uuid default null)
returns setof public.slot
language plpgsql stable security definer set search_path = '' as $$
declare
  need record;
  from_time timestamptz := greatest(coalesce("from", now()), now());
  to_time timestamptz := coalesce("to", greatest(coalesce("from", now()), now()) + interval '7 days');
begin
  if to_time - from_time > interval '62 days' then
    raise exception 'Ask for at most 62 days at a time.' using errcode = 'PT422', detail = 'to';
  end if;
  need := app.required_time(service_ids);
  return query select * from app.free_slots(available_slots.dentist_id, from_time, to_time, need.minutes, need.minutes_before, need.minutes_after);
end $$;
comment on function public.available_slots(uuid[], timestamptz, timestamptz, uuid) is
  'Free slots long enough for all of service_ids, of one dentist or of all, between from (default now) and to (default a week later, at most 62 days).';

-- Same dentist first, then the nearest in time. What is wanted is known by its services, by the appointment that is moved,
-- or, for a row without services, by its end. An appointment tells of itself only to those who can read it.
create function public.slot_alternatives(starts_at timestamptz default null, ends_at timestamptz default null, dentist_id uuid default null,
  service_ids uuid[] default null, appointment_id uuid default null, patient_id uuid default null)
returns setof public.slot
language plpgsql stable security definer set search_path = '' as $$
declare
  caller text := app.caller_role();
  settings public.clinic_settings;
  moved public.appointment;
  minutes int;
  minutes_before int;
  minutes_after int;
  around timestamptz;
  earliest timestamptz;
  with_dentist uuid;
  for_patient uuid;
begin
  select * into settings from public.clinic_settings;
  select * into moved from public.appointment a
   where a.id = slot_alternatives.appointment_id and a.deleted_at is null and (caller <> 'patient' or a.patient_id = auth.uid()) and caller is not null;
  around := coalesce(slot_alternatives.starts_at, moved.starts_at);
  with_dentist := coalesce(slot_alternatives.dentist_id, moved.dentist_id);
  for_patient := case when caller = 'patient' then auth.uid() when caller is not null then coalesce(slot_alternatives.patient_id, moved.patient_id) end;
  if service_ids is not null then
    select n.minutes, n.minutes_before, n.minutes_after into minutes, minutes_before, minutes_after from app.required_time(service_ids) n;
  elsif moved.id is not null then
    select n.minutes, n.minutes_before, n.minutes_after into minutes, minutes_before, minutes_after from app.time_needed_by(moved.id) n;
  end if;
  if service_ids is null and slot_alternatives.ends_at is not null then
    minutes := (extract(epoch from slot_alternatives.ends_at - around) / 60)::int;
  end if;
  if around is null or minutes is null or minutes not between 5 and 540 then
    return;
  end if;
  earliest := greatest(around - interval '2 days', now() + case when caller in ('dentist', 'receptionist', 'admin') then interval '0'
    else make_interval(mins => settings.booking_lead_minutes) end);
  return query
    select f.*
      from app.free_slots(null, earliest, around + interval '14 days', minutes, coalesce(minutes_before, 0), coalesce(minutes_after, 0)) f
     where not exists (select from public.appointment a
             where a.patient_id = for_patient and a.deleted_at is null and a.id is distinct from moved.id
               and a.status in ('requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed')
               and tstzrange(a.starts_at, a.ends_at, '[)') && tstzrange(f.starts_at, f.ends_at, '[)'))
     order by f.dentist_id is distinct from with_dentist, abs(extract(epoch from f.starts_at - around)), f.starts_at, f.dentist_id
     limit 5;
end $$;
comment on function public.slot_alternatives(timestamptz, timestamptz, uuid, uuid[], uuid, uuid) is
  'internal: up to five free slots near a taken one, as long as the services or the moved appointment take and with their buffers; for the answer to a taken slot.';

revoke execute on function public.available_slots(uuid[], timestamptz, timestamptz, uuid),
  public.slot_alternatives(timestamptz, timestamptz, uuid, uuid[], uuid, uuid) from public, anon, authenticated;
grant execute on function public.available_slots(uuid[], timestamptz, timestamptz, uuid),
  public.slot_alternatives(timestamptz, timestamptz, uuid, uuid[], uuid, uuid) to anon, authenticated;
