-- The clinic's own facts: everybody reads them, an admin writes them through functions (booking_settings.sql).

-- [{"weekday": 1-7 (Monday is 1), "opens": "08:00", "closes": "17:30"}, …] on the five-minute grid.
create function app.valid_opening_hours(hours jsonb) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_typeof(hours) = 'array' and jsonb_array_length(hours) <= 28 and not exists (
    select from jsonb_array_elements(hours) h
     where (jsonb_typeof(h) = 'object' and (h ->> 'weekday') ~ '^[1-7]$'
            and (h ->> 'opens') ~ '^([01][0-9]|2[0-3]):[0-5][05]$'
            and (h ->> 'closes') ~ '^(([01][0-9]|2[0-3]):[0-5][05]|24:00)$'
            and (h ->> 'closes') > (h ->> 'opens')) is not true);
exception when others then
  return false;
end $$;

-- [{"from": "2026-12-24", "to": "2026-12-26", "reason": "…", "dentist_id": null or uuid}, …], both days included.
create function app.valid_closures(closures jsonb) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return jsonb_typeof(closures) = 'array' and jsonb_array_length(closures) <= 400 and not exists (
    select from jsonb_array_elements(closures) c
     where (jsonb_typeof(c) = 'object' and (c ->> 'from') ~ '^\d{4}-\d\d-\d\d$' and (c ->> 'to') ~ '^\d{4}-\d\d-\d\d$'
            and make_date(left(c ->> 'from', 4)::int, substr(c ->> 'from', 6, 2)::int, substr(c ->> 'from', 9, 2)::int)
             <= make_date(left(c ->> 'to', 4)::int, substr(c ->> 'to', 6, 2)::int, substr(c ->> 'to', 9, 2)::int)
            and char_length(coalesce(c ->> 'reason', '')) <= 200
            and (c ->> 'dentist_id' is null or (c ->> 'dentist_id')::uuid is not null)) is not true);
exception when others then
  return false;
end $$;

create table public.clinic_settings (
  id smallint constraint clinic_settings_pkey primary key default 1,
  name public.required_text not null,
  phone public.phone_number,
  time_zone public.time_zone_name not null default 'UTC',
  currency public.currency_code not null default 'USD',
  opening_hours jsonb not null default '[]',
  closures jsonb not null default '[]',
  grid_minutes smallint not null default 5,
  slot_step_minutes smallint not null default 15,
  hold_minutes smallint not null default 10,
  max_anonymous_holds smallint not null default 50,
  max_open_requests smallint not null default 5,
  booking_lead_minutes int not null default 60,
  booking_horizon_days smallint not null default 180,
  cancellation_window_hours smallint not null default 24,
  reminder_lead_hours smallint not null default 24,
  waitlist_offer_minutes smallint not null default 30,
  payment_term_days smallint not null default 30,
  emergency_text public.note_text not null,
  emergency_number text not null default '112',
  urgent_text public.note_text not null default
    'A dentist should see this today. If we are closed, call the dentist on duty. A tooth that was knocked out: hold it by its crown, keep it in milk, come within the hour.',
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  constraint clinic_settings_one_row check (id = 1),
  constraint clinic_settings_emergency_number_form check (emergency_number ~ '^[0-9]{2,6}$'),
  constraint clinic_settings_opening_hours_form check (app.valid_opening_hours(opening_hours)),
  constraint clinic_settings_closures_form check (app.valid_closures(closures)),
  constraint clinic_settings_grid_known check (grid_minutes in (5, 10, 15, 20, 30, 60)),
  constraint clinic_settings_slot_step_on_grid check (slot_step_minutes between 5 and 240 and slot_step_minutes % grid_minutes = 0),
  constraint clinic_settings_hold_minutes_range check (hold_minutes between 1 and 60),
  constraint clinic_settings_max_anonymous_holds_range check (max_anonymous_holds between 0 and 1000),
  constraint clinic_settings_max_open_requests_range check (max_open_requests between 1 and 50),
  constraint clinic_settings_booking_lead_range check (booking_lead_minutes between 0 and 20160),
  constraint clinic_settings_booking_horizon_range check (booking_horizon_days between 1 and 730),
  constraint clinic_settings_cancellation_window_range check (cancellation_window_hours between 0 and 168),
  constraint clinic_settings_reminder_lead_range check (reminder_lead_hours between 0 and 336),
  constraint clinic_settings_waitlist_offer_range check (waitlist_offer_minutes between 5 and 1440),
  constraint clinic_settings_payment_term_range check (payment_term_days between 0 and 365)
);
comment on table public.clinic_settings is 'The clinic''s settings, one row; public to read, written through set_clinic_settings.';
comment on column public.clinic_settings.id is 'Always 1.';
comment on column public.clinic_settings.name is 'The clinic''s name.';
comment on column public.clinic_settings.phone is 'The clinic''s telephone number.';
comment on column public.clinic_settings.time_zone is 'The zone opening hours and slots are reckoned in.';
comment on column public.clinic_settings.currency is 'The currency of fees and invoices.';
comment on column public.clinic_settings.opening_hours is 'Array of {weekday 1-7 (Monday is 1), opens, closes}, local times HH:MM.';
comment on column public.clinic_settings.closures is 'Array of {from, to, reason, dentist_id}: days, both included, on which the clinic or one dentist is away.';
comment on column public.clinic_settings.grid_minutes is 'Appointments start and end on multiples of this.';
comment on column public.clinic_settings.slot_step_minutes is 'Distance between the starts of offered slots.';
comment on column public.clinic_settings.hold_minutes is 'How long a held slot stays held.';
comment on column public.clinic_settings.max_anonymous_holds is 'How many slots people who are not signed in may hold at a time, all together.';
comment on column public.clinic_settings.max_open_requests is 'How many holds, requests and waitlist entries each a patient may have open at a time.';
comment on column public.clinic_settings.booking_lead_minutes is 'Patients book at least this long ahead.';
comment on column public.clinic_settings.booking_horizon_days is 'Patients book at most this far ahead.';
comment on column public.clinic_settings.cancellation_window_hours is 'A cancellation closer to the start than this is late.';
comment on column public.clinic_settings.reminder_lead_hours is 'Patients are reminded this long before an appointment; 0 for no reminders.';
comment on column public.clinic_settings.waitlist_offer_minutes is 'How long a freed slot is kept for whom the waitlist offers it to.';
comment on column public.clinic_settings.payment_term_days is 'Invoices are due this many days after issue.';
comment on column public.clinic_settings.emergency_text is 'What to do in an emergency.';
comment on column public.clinic_settings.emergency_number is 'The number of the emergency services.';
comment on column public.clinic_settings.urgent_text is 'What to do about what a dentist must see the same day.';
comment on constraint clinic_settings_pkey on public.clinic_settings is 'The clinic has its settings already.';
comment on constraint clinic_settings_one_row on public.clinic_settings is 'There is one row of settings, with id 1.';
comment on constraint clinic_settings_emergency_number_form on public.clinic_settings is 'The emergency number has 2 to 6 digits.';
comment on constraint clinic_settings_opening_hours_form on public.clinic_settings is 'Opening hours are an array of {weekday 1-7, opens, closes} in steps of five minutes, opens before closes.';
comment on constraint clinic_settings_closures_form on public.clinic_settings is 'Closures are an array of {from, to, reason, dentist_id} with dates YYYY-MM-DD, from not after to.';
comment on constraint clinic_settings_grid_known on public.clinic_settings is 'The grid is 5, 10, 15, 20, 30 or 60 minutes.';
comment on constraint clinic_settings_slot_step_on_grid on public.clinic_settings is 'Slots are offered every 5 to 240 minutes, a multiple of the grid.';
comment on constraint clinic_settings_hold_minutes_range on public.clinic_settings is 'A hold lasts 1 to 60 minutes.';
comment on constraint clinic_settings_max_anonymous_holds_range on public.clinic_settings is 'Between 0 and 1,000 anonymous holds.';
comment on constraint clinic_settings_max_open_requests_range on public.clinic_settings is 'Between 1 and 50 open requests.';
comment on constraint clinic_settings_booking_lead_range on public.clinic_settings is 'The booking lead is 0 minutes to 14 days.';
comment on constraint clinic_settings_booking_horizon_range on public.clinic_settings is 'The booking horizon is 1 to 730 days.';
comment on constraint clinic_settings_cancellation_window_range on public.clinic_settings is 'The cancellation window is 0 to 168 hours.';
comment on constraint clinic_settings_reminder_lead_range on public.clinic_settings is 'Reminders go out 0 to 336 hours before.';
comment on constraint clinic_settings_waitlist_offer_range on public.clinic_settings is 'An offer of the waitlist lasts 5 minutes to a day.';
comment on constraint clinic_settings_payment_term_range on public.clinic_settings is 'The payment term is 0 to 365 days.';

insert into public.clinic_settings (name, emergency_text) values (
  'Dental clinic',
  'If you have trouble breathing or swallowing, heavy bleeding that does not stop, or a swelling that spreads to the eye or neck, call the emergency number now.');

create trigger touch before update on public.clinic_settings for each row execute function app.touch('id');
create trigger never_delete before delete on public.clinic_settings for each row execute function app.never_delete('Change the settings instead.');

create table public.provider_hours (
  id uuid constraint provider_hours_pkey primary key default gen_random_uuid(),
  dentist_id uuid not null constraint provider_hours_dentist_id_fkey references public."user" (id),
  weekday smallint not null,
  starts time not null,
  ends time not null,
  valid_from date not null default '2000-01-01',
  valid_to date,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  constraint provider_hours_weekday_range check (weekday between 1 and 7),
  constraint provider_hours_order check (ends > starts),
  constraint provider_hours_grid check (extract(epoch from starts) % 300 = 0 and extract(epoch from ends) % 300 = 0),
  constraint provider_hours_valid_order check (valid_to >= valid_from),
  constraint provider_hours_valid_finite check (isfinite(valid_from) and (valid_to is null or isfinite(valid_to)))
);
comment on table public.provider_hours is 'When each dentist works, in the clinic''s zone; public to read, written through set_provider_hours.';
comment on column public.provider_hours.id is 'Identifies the working time.';
comment on column public.provider_hours.dentist_id is 'The dentist.';
comment on column public.provider_hours.weekday is '1 to 7; Monday is 1.';
comment on column public.provider_hours.starts is 'Local time work starts.';
comment on column public.provider_hours.ends is 'Local time work ends.';
comment on column public.provider_hours.valid_from is 'First day these hours hold.';
comment on column public.provider_hours.valid_to is 'Last day these hours hold; null for no end.';
comment on constraint provider_hours_pkey on public.provider_hours is 'There is such a working time already.';
comment on constraint provider_hours_dentist_id_fkey on public.provider_hours is 'dentist_id names nobody the clinic knows.';
comment on constraint provider_hours_weekday_range on public.provider_hours is 'A weekday is 1 (Monday) to 7 (Sunday).';
comment on constraint provider_hours_order on public.provider_hours is 'Work ends after it starts.';
comment on constraint provider_hours_grid on public.provider_hours is 'Working times are in steps of five minutes.';
comment on constraint provider_hours_valid_order on public.provider_hours is 'valid_to is not before valid_from.';
comment on constraint provider_hours_valid_finite on public.provider_hours is 'valid_from and valid_to are days; hours without an end have no valid_to.';
create index provider_hours_dentist_id_idx on public.provider_hours (dentist_id, weekday);

create trigger check_people before insert or update on public.provider_hours
  for each row execute function app.check_people('dentist_id', 'dentist');
create trigger touch before update on public.provider_hours for each row execute function app.touch('id');

alter table public.clinic_settings enable row level security;
alter table public.provider_hours enable row level security;
revoke all on public.clinic_settings, public.provider_hours from anon, authenticated;
grant select on public.clinic_settings, public.provider_hours to anon, authenticated;
create policy clinic_settings_select on public.clinic_settings for select to anon, authenticated using (true);
create policy provider_hours_select on public.provider_hours for select to anon, authenticated using (true);
