-- A believable clinic, the same each time apart from its dates, which lie around today. All names are invented.
-- Everybody's password is `chairside-demo`.

-- The clinic and its hours.
update public.clinic_settings set
  name = 'Harbor Lane Dental', phone = '+12125550100', time_zone = 'America/New_York', currency = 'USD',
  opening_hours = (select jsonb_agg(jsonb_build_object('weekday', d, 'opens', '08:00', 'closes', '18:00')) from generate_series(1, 5) d),
  closures = jsonb_build_array(
    jsonb_build_object('from', (extract(year from now()) || '-12-24'), 'to', (extract(year from now()) || '-12-26'), 'reason', 'Winter holidays', 'dentist_id', null),
    jsonb_build_object('from', ((extract(year from now()) + 1) || '-01-01'), 'to', ((extract(year from now()) + 1) || '-01-01'), 'reason', 'New Year', 'dentist_id', null)),
  emergency_number = '911',
  emergency_text = 'If you have trouble breathing or swallowing, bleeding that does not stop after 20 minutes of firm pressure, or a swelling that spreads to the eye or neck, call 911 now. For a knocked-out tooth or strong pain call us at +1 212 555 0100; outside opening hours the recording names the dentist on duty.';

-- Staff.
insert into public."user" (id, role_id, first_name, last_name, email, phone, timezone, license_no, npi, specialty) values
  ('00000000-0000-4000-8000-0000000000f1', 4, 'Morgan', 'Ellery', 'admin@clinic.test', '+12125550101', 'America/New_York', null, null, null),
  ('00000000-0000-4000-8000-0000000000c1', 3, 'Rosa', 'Quill', 'reception1@clinic.test', '+12125550102', 'America/New_York', null, null, null),
  ('00000000-0000-4000-8000-0000000000c2', 3, 'Jonas', 'Wick', 'reception2@clinic.test', '+12125550103', 'America/New_York', null, null, null),
  ('00000000-0000-4000-8000-0000000000d1', 2, 'Adaeze', 'Marlow', 'dentist1@clinic.test', '+12125550104', 'America/New_York', 'NY-100001', '1000000001', 'General dentistry'),
  ('00000000-0000-4000-8000-0000000000d2', 2, 'Theo', 'Brandt', 'dentist2@clinic.test', '+12125550105', 'America/New_York', 'NY-100002', '1000000002', 'Endodontics'),
  ('00000000-0000-4000-8000-0000000000d3', 2, 'Mina', 'Okafor', 'dentist3@clinic.test', '+12125550106', 'America/New_York', 'NY-100003', '1000000003', 'Orthodontics');

insert into public.provider_hours (id, dentist_id, weekday, starts, ends)
select ('00000000-0000-4000-8000-00000009' || d || w || p || '0')::uuid, ('00000000-0000-4000-8000-0000000000d' || d)::uuid, w,
       case when p = 1 then time '08:00' else time '13:00' end + make_interval(hours => case when d = 2 then 1 else 0 end),
       case when p = 1 then time '12:00' else time '17:00' end + make_interval(hours => case when d = 2 then 1 else 0 end)
  from generate_series(1, 3) d, generate_series(1, 5) w, generate_series(1, 2) p
 where not (d = 2 and w = 5) and not (d = 3 and w = 1);

-- Patients: children (31 to 36) have a parent (1 to 6) as their guarantor.
insert into public."user" (id, role_id, first_name, last_name, email, phone, date_of_birth, sex, address, language, timezone, guarantor_id,
  primary_dentist_id, contact_method, consent_privacy_at, consent_treatment_at, consent_sms_at, created_at)
select ('00000000-0000-4000-8000-0000000a' || lpad(n::text, 4, '0'))::uuid, 1,
  (array['Ana', 'Ben', 'Clara', 'Dario', 'Edda', 'Farid', 'Greta', 'Hugo', 'Ines', 'Jamal', 'Kaya', 'Luca', 'Maren', 'Nils', 'Oona',
    'Pavel', 'Quinn', 'Rhea', 'Samir', 'Tilda', 'Umar', 'Vera', 'Wren', 'Xavi', 'Yara', 'Zeno', 'Alma', 'Bruno', 'Cleo', 'Dov',
    'Elin', 'Finn', 'Gia', 'Henk', 'Iris', 'Juno', 'Kofi', 'Lotte', 'Milo', 'Nadia'])[n],
  (array['Alder', 'Birch', 'Calloway', 'Dunmore', 'Eastlake', 'Fenwick', 'Gallant', 'Hartwell', 'Ivers', 'Jessup', 'Kestrel', 'Lindqvist',
    'Moravec', 'Northam', 'Oduya', 'Pemberly', 'Quarles', 'Rosewood', 'Santerre', 'Tamsin', 'Ulrich', 'Valmont', 'Westerby', 'Ximenes',
    'Yardley', 'Zeller', 'Ashcombe', 'Bellamy', 'Corvin', 'Drexel'])[case when n between 31 and 36 then n - 30 when n > 36 then n - 20 else n end],
  'patient' || n || '@clinic.test', '+1212555' || lpad((1000 + n)::text, 4, '0'),
  case when n between 31 and 36 then current_date - (365 * (6 + n % 9) + n) else current_date - (365 * (21 + (n * 7) % 58) + n * 3) end,
  (array['female', 'male'])[1 + n % 2],
  jsonb_build_object('line1', (10 + n * 3) || ' ' || (array['Quay', 'Mill', 'Orchard', 'Lantern'])[1 + n % 4] || ' Street', 'city', 'New Haven Point',
    'region', 'NY', 'postal_code', '1' || lpad((n * 37)::text, 4, '0'), 'country', 'US'),
  (array['en', 'en', 'en', 'es'])[1 + n % 4], 'America/New_York', null, ('00000000-0000-4000-8000-0000000000d' || (1 + n % 3))::uuid,
  (array['email', 'sms', 'call'])[1 + n % 3], now() - interval '400 days', now() - interval '400 days',
  case when n % 3 = 1 then now() - interval '400 days' end, now() - make_interval(days => 420 - n)
from generate_series(1, 40) n;

update public."user" set guarantor_id = ('00000000-0000-4000-8000-0000000a' || lpad((right(id::text, 4)::int - 30)::text, 4, '0'))::uuid
 where id between '00000000-0000-4000-8000-0000000a0031' and '00000000-0000-4000-8000-0000000a0036';

-- Accounts. A low cost keeps the seed quick; the passwords are no secret. Auth reads empty tokens, not null ones.
insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
  created_at, updated_at, confirmation_token, recovery_token, email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', u.id, 'authenticated', 'authenticated', u.email, extensions.crypt('chairside-demo', extensions.gen_salt('bf', 4)),
  now(), '{"provider": "email", "providers": ["email"]}', '{}', now(), now(), '', '', '', ''
from public."user" u;

insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select gen_random_uuid(), u.id::text, u.id, jsonb_build_object('sub', u.id::text, 'email', u.email, 'email_verified', true), 'email', now(), now(), now()
from public."user" u;

-- Services, with the clinic's own codes and names.
insert into public.service (id, code, name, lay_name, category, treatment_area, duration_min, buffer_after_min, fee, is_prosthesis, online_bookable, active)
select ('00000000-0000-4000-8000-0000000050' || lpad(n::text, 2, '0'))::uuid, code, name, lay, category, area::public.treatment_area, minutes, buffer, fee, prosthesis, online, n <> 30
from (values
  (1, 'CHECKUP', 'Routine examination', 'Check-up', 'diagnostic', 'none', 30, 0, 85, false, true),
  (2, 'NEWPAT', 'Examination of a new patient', 'First visit', 'diagnostic', 'none', 45, 0, 120, false, true),
  (3, 'EMERG', 'Examination for one problem', 'Toothache visit', 'diagnostic', 'none', 30, 0, 95, false, true),
  (4, 'XRAY-2', 'Two bitewing images', 'X-rays of the back teeth', 'diagnostic', 'none', 10, 0, 48, false, true),
  (5, 'XRAY-PAN', 'Panoramic image', 'Panoramic X-ray', 'diagnostic', 'mouth', 15, 0, 130, false, true),
  (6, 'CLEAN-A', 'Cleaning, adult', 'Cleaning', 'preventive', 'none', 45, 5, 115, false, true),
  (7, 'CLEAN-C', 'Cleaning, child', 'Cleaning for children', 'preventive', 'none', 30, 5, 80, false, true),
  (8, 'FLUOR', 'Fluoride varnish', 'Fluoride', 'preventive', 'none', 10, 0, 42, false, true),
  (9, 'SEAL', 'Fissure sealant', 'Sealant', 'preventive', 'tooth', 15, 0, 58, false, true),
  (10, 'FILL-1', 'Composite filling, one surface', 'Small filling', 'restorative', 'surface', 40, 5, 185, false, true),
  (11, 'FILL-2', 'Composite filling, two surfaces', 'Filling', 'restorative', 'surface', 50, 5, 235, false, true),
  (12, 'FILL-3', 'Composite filling, three surfaces', 'Large filling', 'restorative', 'surface', 60, 5, 290, false, false),
  (13, 'CROWN-P', 'Preparation for a crown', 'Crown, first visit', 'prosth_fixed', 'tooth', 60, 10, 640, true, false),
  (14, 'CROWN-S', 'Seating of a crown', 'Crown, second visit', 'prosth_fixed', 'tooth', 45, 5, 560, true, false),
  (15, 'ROOT-F', 'Root canal, front tooth', 'Root canal', 'endodontics', 'tooth', 60, 10, 720, false, false),
  (16, 'ROOT-M', 'Root canal, molar', 'Root canal of a molar', 'endodontics', 'tooth', 90, 15, 1080, false, false),
  (17, 'SRP-Q', 'Scaling and root planing, a quadrant', 'Deep cleaning', 'periodontics', 'quadrant', 60, 10, 245, false, false),
  (18, 'PERIO-M', 'Periodontal maintenance', 'Gum care visit', 'periodontics', 'none', 45, 5, 140, false, true),
  (19, 'EXTR', 'Removal of a tooth', 'Extraction', 'oral_surgery', 'tooth', 45, 10, 210, false, false),
  (20, 'EXTR-S', 'Surgical removal of a tooth', 'Surgical extraction', 'oral_surgery', 'tooth', 60, 15, 365, false, false),
  (21, 'IMPL', 'Placement of an implant', 'Implant', 'implant', 'tooth', 90, 15, 1950, true, false),
  (22, 'DENT-F', 'Full denture, one arch', 'Denture', 'prosth_removable', 'arch', 60, 5, 1640, true, false),
  (23, 'DENT-R', 'Repair of a denture', 'Denture repair', 'prosth_removable', 'arch', 30, 0, 190, false, true),
  (24, 'BRIDGE', 'Bridge', 'Bridge', 'prosth_fixed', 'tooth_range', 90, 10, 2250, true, false),
  (25, 'ORTHO-C', 'Orthodontic consultation', 'Braces consultation', 'orthodontics', 'none', 30, 0, 75, false, true),
  (26, 'ORTHO-V', 'Orthodontic adjustment', 'Braces check', 'orthodontics', 'none', 20, 0, 160, false, true),
  (27, 'NIGHTG', 'Night guard', 'Night guard', 'adjunctive', 'arch', 30, 0, 420, false, true),
  (28, 'WHITEN', 'Whitening', 'Whitening', 'adjunctive', 'mouth', 60, 5, 310, false, true),
  (29, 'SEDAT', 'Light sedation', 'Sedation', 'adjunctive', 'none', 15, 0, 110, false, false),
  (30, 'AMALGAM', 'Amalgam filling', 'Silver filling', 'restorative', 'surface', 40, 5, 150, false, false)
) s (n, code, name, lay, category, area, minutes, buffer, fee, prosthesis, online);

-- Medical history of two patients in three; every third entry waits for a dentist's review.
insert into public.patient_medical_history (id, patient_id, kind, title, reaction, severity, dosage, onset_on, is_alert, premedication, recorded_by, reviewed_by, reviewed_at)
select ('00000000-0000-4000-8000-00000006' || lpad(n::text, 4, '0'))::uuid, u.id, k.kind::public.medical_history_kind, k.title,
  k.reaction, k.severity, k.dosage, current_date - (300 + n * 40), k.kind = 'allergy', k.title = 'Artificial heart valve',
  u.id, case when n % 3 <> 0 then u.primary_dentist_id end, case when n % 3 <> 0 then now() - make_interval(days => n) end
from generate_series(1, 40) n
join public."user" u on u.id = ('00000000-0000-4000-8000-0000000a' || lpad(n::text, 4, '0'))::uuid
join (values (0, 'allergy', 'Penicillin', 'Rash', 'moderate', null), (1, 'condition', 'High blood pressure', null, null, null),
  (2, 'medication', 'Blood thinner', null, null, '5 mg once a day'), (3, 'allergy', 'Latex', 'Swelling', 'severe', null),
  (4, 'condition', 'Type 2 diabetes', null, null, null), (5, 'surgery', 'Artificial heart valve', null, null, null),
  (6, 'social', 'Smokes', null, null, null)) k (i, kind, title, reaction, severity, dosage) on k.i = n % 7
where n % 3 <> 2 or n < 4;

-- Insurance of seven patients in ten; children under a parent's plan.
insert into public.insurance_detail (id, patient_id, subscriber_id, relationship, carrier_name, payer_id, plan_name, plan_type, group_number, member_id,
  effective_on, annual_max, annual_used, deductible, deductible_met, pct_preventive, pct_basic, pct_major, pct_ortho, release_of_info,
  assignment_of_benefits, verification, verified_at, verified_by)
select ('00000000-0000-4000-8000-00000007' || lpad(n::text, 4, '0'))::uuid, u.id, u.guarantor_id, case when u.guarantor_id is null then 'self' else 'child' end,
  (array['Bluewater Dental', 'Northstar Mutual', 'Summit Care'])[1 + n % 3], 'BW' || (10000 + n % 3), (array['Basic', 'Plus', 'Family'])[1 + n % 3],
  'percentage', 'G-' || (500 + n % 5), 'M' || lpad((n * 7919)::text, 8, '0'), date_trunc('year', now())::date - 365, 1500, (n * 35) % 400, 50,
  case when n % 2 = 0 then 50 else 0 end, 100, 80, 50, case when n % 4 = 0 then 50 end, true, true,
  case when n % 5 = 0 then 'unverified' else 'verified' end, case when n % 5 <> 0 then now() - interval '60 days' end,
  case when n % 5 <> 0 then '00000000-0000-4000-8000-0000000000c1'::uuid end
from generate_series(1, 40) n
join public."user" u on u.id = ('00000000-0000-4000-8000-0000000a' || lpad(n::text, 4, '0'))::uuid
where n % 10 < 7;

-- Six weeks of appointments: each weekday from three weeks ago to three weeks ahead, at six fixed times of each dentist.
-- Eighteen different patients a day, so nobody is in two places; a tenth was cancelled or missed. The ids go by day,
-- dentist and time.
insert into public.appointment (id, patient_id, dentist_id, assistant_id, room, starts_at, ends_at, status, source, reason,
  arrived_at, seated_at, dismissed_at, cancelled_at, cancel_reason, late_cancel, created_at)
select id, patient_id, dentist_id, assistant_id, room, starts_at, ends_at, status::public.appointment_status, source, reason,
  case when status in ('arrived', 'in_chair', 'completed') then starts_at - interval '6 minutes' end,
  case when status in ('in_chair', 'completed') then starts_at + interval '3 minutes' end,
  case when status = 'completed' then ends_at - interval '2 minutes' end,
  case when status = 'cancelled' then least(starts_at, now()) - interval '2 days' end,
  case when status = 'cancelled' then 'The patient could not come.' end, false, least(starts_at, now()) - interval '20 days'
from (
  select p.*, case
      when n % 23 = 7 then 'cancelled'
      when ends_at < now() and n % 29 = 11 then 'no_show'
      when ends_at < now() then 'completed'
      when starts_at < now() then 'in_chair'
      when starts_at < now() + interval '20 minutes' then 'arrived'
      when starts_at > now() + interval '10 days' and n % 5 = 3 then 'requested'
      when starts_at > now() + interval '5 days' or n % 3 = 0 then 'scheduled'
      else 'confirmed' end as status
  from (
    select day_no * 18 + (d - 1) * 6 + t as n,
      ('00000000-0000-4000-8000-0000000b' || lpad((day_no * 18 + (d - 1) * 6 + t)::text, 4, '0'))::uuid as id,
      ('00000000-0000-4000-8000-0000000a' || lpad((1 + (day_no * 18 + (d - 1) * 6 + t) % 40)::text, 4, '0'))::uuid as patient_id,
      ('00000000-0000-4000-8000-0000000000d' || d)::uuid as dentist_id,
      case when t % 2 = 0 then '00000000-0000-4000-8000-0000000000c2'::uuid end as assistant_id,
      'Room ' || d as room,
      (day + s.starts) at time zone 'America/New_York' as starts_at,
      (day + s.starts) at time zone 'America/New_York' + make_interval(mins => v.duration_min) as ends_at,
      (array['online', 'phone', 'recall', 'phone'])[1 + (day_no + t) % 4] as source,
      (array['Half-yearly check', 'Pain when chewing', 'Cleaning', null, 'Follow-up'])[1 + (day_no + d + t) % 5] as reason
    from (select row_number() over (order by g) as day_no, g::date as day
            from generate_series((now() at time zone 'America/New_York')::date - 21, (now() at time zone 'America/New_York')::date + 21, interval '1 day') g
           where extract(isodow from g) < 6) days
    cross join generate_series(1, 3) d
    cross join (values (0, time '09:00'), (1, time '10:00'), (2, time '11:00'), (3, time '14:00'), (4, time '15:00'), (5, time '16:00')) s (t, starts)
    join public.service v on v.id = ('00000000-0000-4000-8000-0000000050' || lpad((1 + (day_no * 7 + d * 5 + t * 3) % 20)::text, 2, '0'))::uuid
    join public.provider_hours h on h.dentist_id = ('00000000-0000-4000-8000-0000000000d' || d)::uuid
      and h.weekday = extract(isodow from day) and s.starts >= h.starts and s.starts < h.ends
    where v.duration_min <= 60 and not exists (
      select from public.clinic_settings c, jsonb_array_elements(c.closures) x where day between (x ->> 'from')::date and (x ->> 'to')::date)
  ) p
) q;

insert into public.appointment_has_service (appointment_id, line_no, service_id, tooth, surfaces, unit_fee, duration_min)
select a.id, 1, v.id, case when v.treatment_area in ('tooth', 'surface') then (1 + n % 32)::text end,
  case when v.treatment_area = 'surface' then (array['O', 'MO', 'MOD', 'DO'])[1 + n % 4] end, v.fee, v.duration_min
from public.appointment a
cross join lateral (select right(a.id::text, 4)::int as n) i
cross join lateral (select (i.n - 6 * (right(a.dentist_id::text, 1)::int - 1)) / 18 as day_no, right(a.dentist_id::text, 1)::int as d) j
cross join lateral (select i.n - j.day_no * 18 - (j.d - 1) * 6 as t) k
join public.service v on v.id = ('00000000-0000-4000-8000-0000000050' || lpad((1 + (j.day_no * 7 + j.d * 5 + k.t * 3) % 20)::text, 2, '0'))::uuid;

-- Treatment of completed visits, signed after two days; and plans of what is still to be done.
insert into public.treatment_records (id, patient_id, dentist_id, appointment_id, service_id, status, tooth, surfaces, area_code, diagnosis_code,
  planned_on, performed_at, fee, notes, signed_by, signed_at, created_by, created_at)
select ('00000000-0000-4000-8000-0000000c' || right(a.id::text, 4))::uuid, a.patient_id, a.dentist_id, a.id, l.service_id, 'completed', l.tooth, l.surfaces,
  case when v.treatment_area = 'quadrant' then (array['UR', 'UL', 'LR', 'LL'])[1 + right(a.id::text, 4)::int % 4] end,
  case when v.category = 'restorative' then 'K02.9' when v.category = 'endodontics' then 'K04.0' end,
  a.starts_at::date, a.dismissed_at, l.unit_fee, 'No complications.', case when a.ends_at < now() - interval '2 days' then a.dentist_id end,
  case when a.ends_at < now() - interval '2 days' then a.ends_at + interval '1 hour' end, a.dentist_id, a.dismissed_at
from public.appointment a join public.appointment_has_service l on l.appointment_id = a.id join public.service v on v.id = l.service_id
where a.status = 'completed';

insert into public.treatment_records (id, patient_id, dentist_id, service_id, status, priority, tooth, surfaces, planned_on, fee, created_by)
select ('00000000-0000-4000-8000-0000000d' || lpad(n::text, 4, '0'))::uuid, u.id, u.primary_dentist_id, v.id,
  (array['planned', 'accepted', 'declined', 'referred'])[1 + n / 2 % 4]::public.treatment_status, 1 + n % 4, (2 + n % 30)::text,
  case when v.treatment_area = 'surface' then 'MO' end, current_date - n, v.fee, u.primary_dentist_id
from generate_series(1, 40, 2) n
join public."user" u on u.id = ('00000000-0000-4000-8000-0000000a' || lpad(n::text, 4, '0'))::uuid
join public.service v on v.code = (array['FILL-2', 'CROWN-P', 'ROOT-F'])[1 + n % 3];

-- Invoices of all but the last two days' visits, made by the function that reception uses; then what was paid on them.
select count(app.make_invoice(a.id)) from (
  select a.id from public.appointment a where a.status = 'completed' and a.ends_at < now() - interval '2 days' order by a.starts_at, a.id) a;

insert into public.payment (invoice_id, patient_id, kind, method, status, amount, currency, provider, external_id, paid_at, received_by, created_at)
select i.id, i.patient_id, 'insurance', 'insurance', 'succeeded', i.insurance_estimate, i.currency, null, null, a.ends_at + interval '1 day',
  '00000000-0000-4000-8000-0000000000c1', a.ends_at + interval '1 day'
from public.invoices i join public.appointment a on a.id = i.appointment_id
where i.insurance_estimate > 0 and a.ends_at < now() - interval '7 days' order by i.invoice_no;

insert into public.payment (invoice_id, patient_id, kind, method, status, amount, currency, provider, external_id, paid_at, received_by, created_at)
select i.id, i.patient_id, 'payment', m.method, 'succeeded', case when m.n % 6 = 0 then round(i.balance / 2, 2) else i.balance end, i.currency,
  case when m.method = 'card' then 'terminal' end, case when m.method = 'card' then 'T-' || i.invoice_no end, a.ends_at + interval '10 minutes',
  '00000000-0000-4000-8000-0000000000c1', a.ends_at + interval '10 minutes'
from public.invoices i join public.appointment a on a.id = i.appointment_id
cross join lateral (select right(a.id::text, 4)::int as n, (array['card', 'card', 'cash', 'bank_transfer'])[1 + right(a.id::text, 4)::int % 4] as method) m
where i.balance > 0 and m.n % 5 <> 0 order by i.invoice_no;

-- A refund and a draft.
insert into public.payment (invoice_id, patient_id, kind, method, status, amount, currency, refund_of, paid_at, received_by, notes)
select p.invoice_id, p.patient_id, 'refund', p.method, 'succeeded', 10, p.currency, p.id, now(), '00000000-0000-4000-8000-0000000000c1', 'Goodwill.'
from public.payment p where p.kind = 'payment' and p.amount > 50 order by p.receipt_no limit 1;

insert into public.invoices (id, patient_id, subtotal, notes) values
  ('00000000-0000-4000-8000-0000000e0001', '00000000-0000-4000-8000-0000000a0001', 120, 'Night guard, still to be priced.');

-- Stock: two lots of each article, one of them soon or already past its date; movements fill it, and treatment uses it.
insert into public.inventory (id, sku, name, category, lot_no, location, expires_on, manufacturer, supplier, catalog_no, unit, reorder_level, reorder_target, unit_cost)
select ('00000000-0000-4000-8000-00000008' || lpad((s.n * 10 + lot)::text, 4, '0'))::uuid, s.sku, s.name, s.category, 'L' || (4700 + s.n * 10 + lot), 'main',
  case when s.shelf is not null then current_date + case when lot = 1 then (s.n * 11) % 60 - 5 else s.shelf end end,
  (array['Corvia', 'Denthaven', 'Lumora'])[1 + s.n % 3], 'Atlas Dental Supply', 'C-' || (1000 + s.n), s.unit, s.level, s.level * 4, s.cost
from (values
  (1, 'GLV-S', 'Gloves, small', 'protection', 900, 'box', 5, 8.2), (2, 'GLV-M', 'Gloves, medium', 'protection', 900, 'box', 10, 8.2),
  (3, 'MASK', 'Masks', 'protection', null, 'box', 5, 6.5), (4, 'ANES-ART', 'Local anaesthetic with adrenaline', 'medicine', 420, 'cartridge', 50, 0.9),
  (5, 'ANES-MEP', 'Local anaesthetic, plain', 'medicine', 420, 'cartridge', 30, 0.9), (6, 'NEEDLE-27', 'Needles, long', 'disposable', 1200, 'piece', 100, 0.12),
  (7, 'COMP-A2', 'Composite A2', 'filling', 540, 'capsule', 40, 3.1), (8, 'COMP-A3', 'Composite A3', 'filling', 540, 'capsule', 40, 3.1),
  (9, 'BOND', 'Bonding agent', 'filling', 300, 'bottle', 3, 62), (10, 'ETCH', 'Etching gel', 'filling', 500, 'syringe', 6, 7.4),
  (11, 'ALGINATE', 'Impression powder', 'impression', 365, 'bag', 4, 11), (12, 'GUTTA', 'Gutta-percha points', 'endodontics', 1000, 'box', 4, 14),
  (13, 'FILE-25', 'Files, size 25', 'endodontics', null, 'piece', 20, 4.2), (14, 'FLUOR-V', 'Fluoride varnish', 'preventive', 400, 'dose', 60, 1.3),
  (15, 'SUTURE-4', 'Sutures', 'surgery', 800, 'piece', 15, 3.9)
) s (n, sku, name, category, shelf, unit, level, cost)
cross join generate_series(1, 2) lot;

insert into app.inventory_movement (inventory_id, delta, reason, by_user, at)
select i.id, i.reorder_level * case when right(i.id::text, 1) = '1' then 2 else 3 end, 'receive', '00000000-0000-4000-8000-0000000000c2', now() - interval '50 days'
from public.inventory i order by i.id;

insert into app.inventory_movement (inventory_id, delta, reason, treatment_id, by_user, at)
select i.id, -1, 'use', t.id, t.dentist_id, t.performed_at
from public.treatment_records t
join public.service v on v.id = t.service_id and v.category in ('restorative', 'endodontics')
join public.inventory i on i.sku = case when v.category = 'restorative' then 'COMP-A2' else 'ANES-ART' end and right(i.id::text, 1) = '1'
where t.status = 'completed' order by t.id limit 40;

update public.inventory set status = 'expired' where expires_on < current_date;
