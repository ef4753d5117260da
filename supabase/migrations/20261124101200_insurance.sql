-- A patient's insurance. One plan per patient, rank and period.

create table public.insurance_detail (
  id uuid constraint insurance_detail_pkey primary key default gen_random_uuid(),
  patient_id uuid not null constraint insurance_detail_patient_id_fkey references public."user" (id),
  subscriber_id uuid constraint insurance_detail_subscriber_id_fkey references public."user" (id),
  relationship text not null default 'self',
  ordinal smallint not null default 1,
  carrier_name public.required_text not null,
  payer_id public.short_text,
  plan_name public.short_text,
  plan_type text not null default 'percentage',
  group_number public.short_text,
  member_id text not null,
  effective_on date not null,
  terminated_on date,
  renewal_month smallint not null default 0,
  annual_max public.amount,
  annual_used public.amount not null default 0,
  deductible public.amount not null default 0,
  deductible_met public.amount not null default 0,
  pct_preventive public.percentage,
  pct_basic public.percentage,
  pct_major public.percentage,
  pct_ortho public.percentage,
  waiting_until date,
  release_of_info boolean not null default false,
  assignment_of_benefits boolean not null default false,
  verification text not null default 'unverified',
  verified_at timestamptz,
  verified_by uuid constraint insurance_detail_verified_by_fkey references public."user" (id),
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  constraint insurance_detail_relationship_known check (relationship in ('self', 'spouse', 'child', 'other')),
  constraint insurance_detail_ordinal_range check (ordinal between 1 and 3),
  constraint insurance_detail_plan_type_known check (plan_type in ('percentage', 'ppo', 'flat_copay', 'capitation')),
  constraint insurance_detail_member_id_form check (member_id ~ '^[A-Za-z0-9]{2,40}$'),
  constraint insurance_detail_renewal_month_range check (renewal_month between 0 and 12),
  constraint insurance_detail_verification_known check (verification in ('unverified', 'verified', 'ineligible')),
  constraint insurance_detail_period check (terminated_on >= effective_on),
  constraint insurance_detail_used_within_max check (annual_used <= annual_max),
  constraint insurance_detail_met_within_deductible check (deductible_met <= deductible),
  constraint insurance_detail_verified_stamp check (verification = 'unverified' or verified_at is not null),
  constraint insurance_detail_one_per_ordinal exclude using gist
    (patient_id with =, ordinal with =, daterange(effective_on, terminated_on, '[]') with &&) where (deleted_at is null)
);
comment on table public.insurance_detail is 'Insurance plans of patients: first, second and third, each with what is used of it.';
comment on column public.insurance_detail.id is 'Identifies the plan.';
comment on column public.insurance_detail.patient_id is 'The insured patient.';
comment on column public.insurance_detail.subscriber_id is 'Whose plan it is, when somebody else''s.';
comment on column public.insurance_detail.relationship is 'What the patient is to the subscriber.';
comment on column public.insurance_detail.ordinal is '1 primary, 2 secondary, 3 tertiary.';
comment on column public.insurance_detail.carrier_name is 'The insurer.';
comment on column public.insurance_detail.payer_id is 'The insurer''s electronic id.';
comment on column public.insurance_detail.plan_name is 'The plan.';
comment on column public.insurance_detail.plan_type is 'percentage, ppo, flat_copay or capitation.';
comment on column public.insurance_detail.group_number is 'The plan''s group.';
comment on column public.insurance_detail.member_id is 'The member''s number, letters and digits.';
comment on column public.insurance_detail.effective_on is 'First day of cover.';
comment on column public.insurance_detail.terminated_on is 'Last day of cover; null while it runs.';
comment on column public.insurance_detail.renewal_month is 'Month in which the benefit year starts; 0 for the calendar year.';
comment on column public.insurance_detail.annual_max is 'The most the plan pays in a benefit year; null for no limit.';
comment on column public.insurance_detail.annual_used is 'What it has paid in this benefit year.';
comment on column public.insurance_detail.deductible is 'What the patient pays first in a benefit year.';
comment on column public.insurance_detail.deductible_met is 'How much of the deductible has been paid.';
comment on column public.insurance_detail.pct_preventive is 'Share paid of diagnostic and preventive services.';
comment on column public.insurance_detail.pct_basic is 'Share paid of basic services.';
comment on column public.insurance_detail.pct_major is 'Share paid of major services.';
comment on column public.insurance_detail.pct_ortho is 'Share paid of orthodontics.';
comment on column public.insurance_detail.waiting_until is 'Until this day the plan pays only for diagnostic and preventive services.';
comment on column public.insurance_detail.release_of_info is 'Whether the patient allows data to go to the insurer.';
comment on column public.insurance_detail.assignment_of_benefits is 'Whether the insurer pays the clinic.';
comment on column public.insurance_detail.verification is 'unverified, verified or ineligible.';
comment on column public.insurance_detail.verified_at is 'When eligibility was checked; set by the database.';
comment on column public.insurance_detail.verified_by is 'Who checked it; set by the database.';
comment on constraint insurance_detail_pkey on public.insurance_detail is 'There is a plan with this id already.';
comment on constraint insurance_detail_patient_id_fkey on public.insurance_detail is 'patient_id names nobody the clinic knows.';
comment on constraint insurance_detail_subscriber_id_fkey on public.insurance_detail is 'subscriber_id names nobody the clinic knows.';
comment on constraint insurance_detail_verified_by_fkey on public.insurance_detail is 'verified_by names nobody the clinic knows.';
comment on constraint insurance_detail_relationship_known on public.insurance_detail is 'Relationship is self, spouse, child or other.';
comment on constraint insurance_detail_ordinal_range on public.insurance_detail is 'Ordinal is 1, 2 or 3.';
comment on constraint insurance_detail_plan_type_known on public.insurance_detail is 'Plan type is percentage, ppo, flat_copay or capitation.';
comment on constraint insurance_detail_member_id_form on public.insurance_detail is 'A member''s number has 2 to 40 letters and digits.';
comment on constraint insurance_detail_renewal_month_range on public.insurance_detail is 'The renewal month is 0 to 12.';
comment on constraint insurance_detail_verification_known on public.insurance_detail is 'Verification is unverified, verified or ineligible.';
comment on constraint insurance_detail_period on public.insurance_detail is 'Cover ends after it began.';
comment on constraint insurance_detail_used_within_max on public.insurance_detail is 'No more is used than the plan''s annual maximum.';
comment on constraint insurance_detail_met_within_deductible on public.insurance_detail is 'No more of the deductible is met than there is.';
comment on constraint insurance_detail_verified_stamp on public.insurance_detail is 'A verified plan has the time it was verified.';
comment on constraint insurance_detail_one_per_ordinal on public.insurance_detail is 'The patient has another plan of this rank in this period.';
create index insurance_detail_patient_id_idx on public.insurance_detail (patient_id);
create index insurance_detail_subscriber_id_idx on public.insurance_detail (subscriber_id) where subscriber_id is not null;
create index insurance_detail_verified_by_idx on public.insurance_detail (verified_by) where verified_by is not null;

create function app.insurance_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.verification = 'unverified' then
    new.verified_at := null;
    new.verified_by := null;
  elsif tg_op = 'INSERT' or new.verification <> old.verification then
    new.verified_at := case when tg_op = 'INSERT' then coalesce(new.verified_at, now()) else now() end;
    new.verified_by := coalesce(auth.uid(), new.verified_by);
  end if;
  return new;
end $$;

create trigger check_people before insert or update on public.insurance_detail
  for each row execute function app.check_people('patient_id', 'patient');
create trigger guard before insert or update on public.insurance_detail for each row execute function app.insurance_guard();
create trigger soft_delete before delete on public.insurance_detail for each row execute function app.soft_delete();
create trigger touch before update on public.insurance_detail for each row execute function app.touch('id');

alter table public.insurance_detail enable row level security;
revoke all on public.insurance_detail from anon, authenticated;
grant select, delete on public.insurance_detail to authenticated;
grant insert (id, patient_id, subscriber_id, relationship, ordinal, carrier_name, payer_id, plan_name, plan_type, group_number,
    member_id, effective_on, terminated_on, renewal_month, annual_max, annual_used, deductible, deductible_met, pct_preventive,
    pct_basic, pct_major, pct_ortho, waiting_until, release_of_info, assignment_of_benefits, verification),
  update (id, patient_id, subscriber_id, relationship, ordinal, carrier_name, payer_id, plan_name, plan_type, group_number,
    member_id, effective_on, terminated_on, renewal_month, annual_max, annual_used, deductible, deductible_met, pct_preventive,
    pct_basic, pct_major, pct_ortho, waiting_until, release_of_info, assignment_of_benefits, verification)
  on public.insurance_detail to authenticated;

create policy insurance_detail_select_patient on public.insurance_detail for select to authenticated
  using ((patient_id = (select auth.uid()) or subscriber_id = (select auth.uid()))
    and (select app.caller_role()) = 'patient' and deleted_at is null);
create policy insurance_detail_select_staff on public.insurance_detail for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist') and deleted_at is null);
create policy insurance_detail_select_admin on public.insurance_detail for select to authenticated
  using ((select app.caller_role()) = 'admin');
create policy insurance_detail_insert_reception on public.insurance_detail for insert to authenticated
  with check ((select app.caller_role()) in ('receptionist', 'admin'));
create policy insurance_detail_update_receptionist on public.insurance_detail for update to authenticated
  using ((select app.caller_role()) = 'receptionist' and deleted_at is null)
  with check ((select app.caller_role()) = 'receptionist');
create policy insurance_detail_update_admin on public.insurance_detail for update to authenticated
  using ((select app.caller_role()) = 'admin') with check ((select app.caller_role()) = 'admin');
create policy insurance_detail_delete_admin on public.insurance_detail for delete to authenticated
  using ((select app.caller_role()) = 'admin');
