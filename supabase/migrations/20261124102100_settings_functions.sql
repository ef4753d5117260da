-- How an admin writes the clinic's settings and the dentists' working hours.

create function public.set_clinic_settings(settings jsonb) returns public.clinic_settings
language plpgsql security definer set search_path = '' as $$
declare
  fixed constant text[] := array['id', 'version', 'created_at', 'updated_at', 'updated_by'];
  unknown_member text;
  before public.clinic_settings;
  after public.clinic_settings;
begin
  perform app.require_role('admin');
  select * into before from public.clinic_settings for no key update;
  if jsonb_typeof(settings) is distinct from 'object' then
    raise exception 'Settings are a JSON object.' using errcode = 'PT422', detail = 'settings';
  end if;
  select k into unknown_member from jsonb_object_keys(settings) k where not to_jsonb(before) ? k or k = any (fixed) limit 1;
  if found then
    raise exception 'There is no such setting.' using errcode = 'PT422', detail = 'settings';
  end if;
  after := jsonb_populate_record(before, settings);
  if not exists (select from pg_catalog.pg_timezone_names z where z.name = after.time_zone) then
    raise exception 'There is no such time zone.' using errcode = 'PT422', detail = 'settings.time_zone';
  end if;
  update public.clinic_settings c
     set (name, phone, time_zone, currency, opening_hours, closures, grid_minutes, slot_step_minutes, hold_minutes, max_anonymous_holds,
          max_open_requests, booking_lead_minutes, booking_horizon_days, cancellation_window_hours, reminder_lead_hours,
          waitlist_offer_minutes, payment_term_days, emergency_text, emergency_number, urgent_text)
       = (after.name, after.phone, after.time_zone, after.currency, after.opening_hours, after.closures, after.grid_minutes,
          after.slot_step_minutes, after.hold_minutes, after.max_anonymous_holds, after.max_open_requests, after.booking_lead_minutes,
          after.booking_horizon_days, after.cancellation_window_hours, after.reminder_lead_hours, after.waitlist_offer_minutes,
          after.payment_term_days, after.emergency_text, after.emergency_number, after.urgent_text)
   where c.id = 1 returning * into after;
  perform app.idempotency_record_result(to_jsonb(after));
  return after;
end $$;
comment on function public.set_clinic_settings(jsonb) is 'For admins: changes the settings named in the object and leaves the others.';

create function public.set_provider_hours(dentist_id uuid, hours jsonb) returns setof public.provider_hours
language plpgsql security definer set search_path = '' as $$
begin
  perform app.require_role('admin');
  if jsonb_typeof(hours) is distinct from 'array' or jsonb_array_length(hours) > 100 then
    raise exception 'Hours are an array of at most 100 {weekday, starts, ends, valid_from, valid_to}.' using errcode = 'PT422', detail = 'hours';
  end if;
  delete from public.provider_hours p where p.dentist_id = set_provider_hours.dentist_id;
  insert into public.provider_hours (dentist_id, weekday, starts, ends, valid_from, valid_to)
  select set_provider_hours.dentist_id, h.weekday, h.starts, h.ends, coalesce(h.valid_from, '2000-01-01'), h.valid_to
    from jsonb_to_recordset(hours) h (weekday smallint, starts time, ends time, valid_from date, valid_to date);
  perform app.idempotency_record_result((select coalesce(jsonb_agg(to_jsonb(p)), '[]') from public.provider_hours p
    where p.dentist_id = set_provider_hours.dentist_id));
  return query select * from public.provider_hours p where p.dentist_id = set_provider_hours.dentist_id order by p.weekday, p.starts;
end $$;
comment on function public.set_provider_hours(uuid, jsonb) is
  'For admins: replaces a dentist''s working hours by an array of {weekday, starts, ends, valid_from, valid_to}.';

revoke execute on function public.set_clinic_settings(jsonb), public.set_provider_hours(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.set_clinic_settings(jsonb), public.set_provider_hours(uuid, jsonb) to authenticated;
