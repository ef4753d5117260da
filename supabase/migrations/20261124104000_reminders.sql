-- Reminders. A scheduled run claims the appointments that are due, sends, and says which of them arrived; only then is
-- reminder_sent_at set, which is the event that the staff's room and the patient's see. A claim is a lease: who dies
-- holding one gives its appointments back when the lease ends, and a sending that failed is tried again later and later.

create table app.reminder_claim (
  appointment_id uuid constraint reminder_claim_pkey primary key
    constraint reminder_claim_appointment_id_fkey references public.appointment (id) on delete cascade,
  claim_id uuid not null,
  starts_at timestamptz not null,
  attempts smallint not null default 1,
  lease_until timestamptz not null
);
comment on table app.reminder_claim is 'Who is sending a reminder of which start, and when it may be tried again.';
create index reminder_claim_claim_id_idx on app.reminder_claim (claim_id);
alter table app.reminder_claim enable row level security;

-- What a patient is reminded of: live, ahead, within the clinic's lead, not reminded yet. Requests are not: the clinic has
-- yet to answer them. Nor is who does not want to be contacted.
create function app.reminders_due() returns setof public.appointment
language sql stable security definer set search_path = '' as $$
  select a.* from public.appointment a join public."user" u on u.id = a.patient_id, public.clinic_settings s
   where a.status in ('scheduled', 'confirmed') and a.deleted_at is null and a.reminder_sent_at is null
     and a.starts_at > now() and a.starts_at <= now() + make_interval(hours => s.reminder_lead_hours::int)
     and u.status = 'active' and u.deleted_at is null and u.contact_method <> 'none'
$$;

create function public.due_reminders() returns setof public.appointment
language plpgsql stable security definer set search_path = '' as $$
begin
  perform app.require_role('dentist', 'receptionist', 'admin');
  return query select * from app.reminders_due() d order by d.starts_at, d.id;
end $$;
comment on function public.due_reminders() is
  'For staff: the appointments within the clinic''s reminder_lead_hours whose patient has not been reminded yet, the next first.';

-- One claimant at a time; the lock lasts as long as the claim takes to write, not as long as the sending.
create function public.claim_reminders(batch int default 50)
returns table (appointment_id uuid, patient_id uuid, starts_at timestamptz, time_zone text, dentist_id uuid, claim_id uuid)
language plpgsql security definer set search_path = '' as $$
declare
  of_claim uuid := gen_random_uuid();
begin
  if batch is null or batch not between 1 and 1000 then
    raise exception 'A batch is 1 to 1,000.' using errcode = 'PT422', detail = 'batch';
  end if;
  perform pg_catalog.pg_advisory_xact_lock(7003);
  return query
    with due as (
      select d.* from app.reminders_due() d
       where not exists (select from app.reminder_claim c
               where c.appointment_id = d.id and c.starts_at = d.starts_at and c.lease_until > now())
       order by d.starts_at, d.id limit batch
    ), claimed as (
      insert into app.reminder_claim as c (appointment_id, claim_id, starts_at, lease_until)
      select d.id, of_claim, d.starts_at, now() + interval '10 minutes' from due d
      on conflict on constraint reminder_claim_pkey do update
         set claim_id = excluded.claim_id, lease_until = excluded.lease_until, starts_at = excluded.starts_at,
             attempts = case when c.starts_at = excluded.starts_at then c.attempts + 1 else 1 end
      returning c.appointment_id
    )
    select d.id, d.patient_id, d.starts_at, s.time_zone::text, d.dentist_id, of_claim
      from claimed k join due d on d.id = k.appointment_id, public.clinic_settings s
     order by d.starts_at, d.id;
end $$;
comment on function public.claim_reminders(int) is
  'internal: for the service role, takes up to batch due reminders for ten minutes. Whoever sends them tells finish_reminders.';

-- What was delivered is marked, unless the appointment has moved since; the rest waits 2, 4, 8 … 60 minutes.
create function public.finish_reminders(claim_id uuid, delivered uuid[]) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  marked int;
  postponed int;
begin
  update public.appointment a set reminder_sent_at = now()
    from app.reminder_claim c
   where c.claim_id = finish_reminders.claim_id and c.appointment_id = a.id and c.starts_at = a.starts_at
     and a.id = any (finish_reminders.delivered) and a.reminder_sent_at is null;
  get diagnostics marked = row_count;
  delete from app.reminder_claim c
   where c.claim_id = finish_reminders.claim_id and c.appointment_id = any (finish_reminders.delivered);
  update app.reminder_claim c
     set lease_until = now() + make_interval(mins => least(60, (2 ^ least(c.attempts, 6))::int)), claim_id = gen_random_uuid()
   where c.claim_id = finish_reminders.claim_id;
  get diagnostics postponed = row_count;
  return jsonb_build_object('marked', marked, 'postponed', postponed);
end $$;
comment on function public.finish_reminders(uuid, uuid[]) is
  'internal: for the service role, marks the reminders of a claim that were delivered and puts the others back; answers {marked, postponed}.';

revoke execute on function public.due_reminders(), public.claim_reminders(int), public.finish_reminders(uuid, uuid[]) from public, anon, authenticated;
grant execute on function public.due_reminders() to authenticated;
grant execute on function public.claim_reminders(int), public.finish_reminders(uuid, uuid[]) to service_role;
