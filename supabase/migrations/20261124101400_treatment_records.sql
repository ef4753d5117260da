-- What was found, planned and done. Signed records are frozen and amended by new ones; nothing is ever deleted.

create table public.treatment_records (
  id uuid constraint treatment_records_pkey primary key default gen_random_uuid(),
  patient_id uuid not null constraint treatment_records_patient_id_fkey references public."user" (id),
  dentist_id uuid not null constraint treatment_records_dentist_id_fkey references public."user" (id),
  appointment_id uuid constraint treatment_records_appointment_id_fkey references public.appointment (id),
  service_id uuid not null constraint treatment_records_service_id_fkey references public.service (id),
  invoice_id uuid constraint treatment_records_invoice_id_fkey references public.invoices (id),
  status public.treatment_status not null default 'planned',
  priority smallint,
  tooth public.tooth_code,
  surfaces public.surface_codes,
  area_code text,
  tooth_range text,
  diagnosis_code text,
  prosthesis text,
  prosthesis_prior_on date,
  planned_on date not null default current_date,
  performed_at timestamptz,
  quantity smallint not null default 1,
  fee public.amount not null,
  notes public.note_text,
  signed_by uuid constraint treatment_records_signed_by_fkey references public."user" (id),
  signed_at timestamptz,
  amends_id uuid constraint treatment_records_amends_id_fkey references public.treatment_records (id),
  locked boolean generated always as (signed_at is not null) stored,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  constraint treatment_records_priority_range check (priority between 1 and 9),
  constraint treatment_records_area_code_known check (area_code in ('UR', 'UL', 'LR', 'LL', 'U', 'L', '1', '2', '3', '4', '5', '6')),
  constraint treatment_records_tooth_range_form check (tooth_range ~ '^([1-9]|[12][0-9]|3[0-2]|[A-T])(,([1-9]|[12][0-9]|3[0-2]|[A-T])){0,31}$'),
  constraint treatment_records_diagnosis_code_form check (diagnosis_code ~ '^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$'),
  constraint treatment_records_prosthesis_known check (prosthesis in ('initial', 'replacement')),
  constraint treatment_records_quantity_range check (quantity between 1 and 99),
  constraint treatment_records_completed_performed check (status <> 'completed' or performed_at is not null),
  constraint treatment_records_signature_whole check ((signed_at is null) = (signed_by is null)),
  constraint treatment_records_surfaces_need_tooth check (surfaces is null or tooth is not null),
  constraint treatment_records_replacement_prior check (prosthesis <> 'replacement' or prosthesis_prior_on is not null),
  constraint treatment_records_not_own_amendment check (amends_id <> id)
);
comment on table public.treatment_records is 'Findings, plans and treatment. Signed records are frozen; amend one with a new record that names it in amends_id.';
comment on column public.treatment_records.id is 'Identifies the record.';
comment on column public.treatment_records.patient_id is 'The patient.';
comment on column public.treatment_records.dentist_id is 'The dentist, who alone writes the record.';
comment on column public.treatment_records.appointment_id is 'The visit it belongs to.';
comment on column public.treatment_records.service_id is 'The service.';
comment on column public.treatment_records.invoice_id is 'The invoice that bills it; set by the database.';
comment on column public.treatment_records.status is 'Planned, done, found or withdrawn.';
comment on column public.treatment_records.priority is '1 to 9; 1 first.';
comment on column public.treatment_records.tooth is 'The tooth: 1-32, A-T, 51-82, AS-TS.';
comment on column public.treatment_records.surfaces is 'The tooth''s surfaces.';
comment on column public.treatment_records.area_code is 'Quadrant UR UL LR LL, arch U L, sextant 1-6.';
comment on column public.treatment_records.tooth_range is 'Teeth, separated by commas.';
comment on column public.treatment_records.diagnosis_code is 'ICD-10 code.';
comment on column public.treatment_records.prosthesis is 'initial or replacement.';
comment on column public.treatment_records.prosthesis_prior_on is 'When the replaced prosthesis was made.';
comment on column public.treatment_records.planned_on is 'When it was planned.';
comment on column public.treatment_records.performed_at is 'When it was done.';
comment on column public.treatment_records.quantity is 'How many times.';
comment on column public.treatment_records.fee is 'The fee of one.';
comment on column public.treatment_records.notes is 'Clinical notes.';
comment on column public.treatment_records.signed_by is 'The dentist who signed; set by the database.';
comment on column public.treatment_records.signed_at is 'Set any time to sign; the database puts the present one.';
comment on column public.treatment_records.amends_id is 'The signed record that this one amends.';
comment on column public.treatment_records.locked is 'Whether the record is signed and so frozen.';
comment on constraint treatment_records_pkey on public.treatment_records is 'There is a record with this id already.';
comment on constraint treatment_records_patient_id_fkey on public.treatment_records is 'patient_id names nobody the clinic knows.';
comment on constraint treatment_records_dentist_id_fkey on public.treatment_records is 'dentist_id names nobody the clinic knows.';
comment on constraint treatment_records_appointment_id_fkey on public.treatment_records is 'appointment_id names no appointment.';
comment on constraint treatment_records_service_id_fkey on public.treatment_records is 'service_id names no service.';
comment on constraint treatment_records_invoice_id_fkey on public.treatment_records is 'invoice_id names no invoice.';
comment on constraint treatment_records_signed_by_fkey on public.treatment_records is 'signed_by names nobody the clinic knows.';
comment on constraint treatment_records_amends_id_fkey on public.treatment_records is 'amends_id names no treatment record.';
comment on constraint treatment_records_priority_range on public.treatment_records is 'Priority is 1 to 9.';
comment on constraint treatment_records_area_code_known on public.treatment_records is 'An area is UR, UL, LR, LL, U, L or 1 to 6.';
comment on constraint treatment_records_tooth_range_form on public.treatment_records is 'A range lists teeth 1-32 or A-T, separated by commas.';
comment on constraint treatment_records_diagnosis_code_form on public.treatment_records is 'A diagnosis is an ICD-10 code such as K02.9.';
comment on constraint treatment_records_prosthesis_known on public.treatment_records is 'Prosthesis is initial or replacement.';
comment on constraint treatment_records_quantity_range on public.treatment_records is 'Quantity is 1 to 99.';
comment on constraint treatment_records_completed_performed on public.treatment_records is 'Completed treatment has the time it was performed.';
comment on constraint treatment_records_signature_whole on public.treatment_records is 'A signature has its time and its dentist.';
comment on constraint treatment_records_surfaces_need_tooth on public.treatment_records is 'Surfaces belong to a tooth.';
comment on constraint treatment_records_replacement_prior on public.treatment_records is 'A replacement states when the prior prosthesis was made.';
comment on constraint treatment_records_not_own_amendment on public.treatment_records is 'A record cannot amend itself.';
create index treatment_records_patient_id_idx on public.treatment_records (patient_id);
create index treatment_records_dentist_id_idx on public.treatment_records (dentist_id);
create index treatment_records_appointment_id_idx on public.treatment_records (appointment_id) where appointment_id is not null;
create index treatment_records_service_id_idx on public.treatment_records (service_id);
create index treatment_records_invoice_id_idx on public.treatment_records (invoice_id) where invoice_id is not null;
create index treatment_records_signed_by_idx on public.treatment_records (signed_by) where signed_by is not null;
create index treatment_records_amends_id_idx on public.treatment_records (amends_id) where amends_id is not null;

-- The service's treatment area decides which location a record must state.
create function app.check_treatment_location(record public.treatment_records) returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  area public.treatment_area;
  missing text;
begin
  select s.treatment_area into area from public.service s where s.id = record.service_id;
  missing := case
    when area in ('surface', 'tooth') and record.tooth is null then 'tooth'
    when area = 'surface' and record.surfaces is null then 'surfaces'
    when area = 'quadrant' and coalesce(record.area_code, '') not in ('UR', 'UL', 'LR', 'LL') then 'area_code'
    when area = 'arch' and coalesce(record.area_code, '') not in ('U', 'L') then 'area_code'
    when area = 'sextant' and coalesce(record.area_code, '') not in ('1', '2', '3', '4', '5', '6') then 'area_code'
    when area = 'tooth_range' and record.tooth_range is null then 'tooth_range'
  end;
  if missing is not null then
    raise exception 'This service needs a location: %.', missing using errcode = 'PT422', detail = missing,
      hint = 'The service''s treatment_area is ' || area || '.';
  end if;
end $$;

create function app.treatment_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  kept constant text[] := array['status', 'invoice_id', 'locked'];
begin
  if tg_op = 'UPDATE' then
    if old.status = 'entered_in_error' and new.status <> old.status then
      raise exception 'A record entered in error cannot become %.', new.status using errcode = 'PT409', detail = 'status';
    end if;
    if old.signed_at is not null and (to_jsonb(new) - kept <> to_jsonb(old) - kept or new.status not in (old.status, 'entered_in_error')) then
      raise exception 'A signed record cannot be changed.' using errcode = 'PT409',
        hint = 'Add a record that amends it, or mark it entered_in_error.';
    end if;
  end if;
  if app.is_client() then
    if new.signed_at is null then
      new.signed_by := null;
    elsif tg_op = 'INSERT' or old.signed_at is null then
      new.signed_at := now();
      new.signed_by := auth.uid();
    end if;
  end if;
  if tg_op = 'INSERT' or (new.service_id, new.tooth, new.surfaces, new.area_code, new.tooth_range)
      is distinct from (old.service_id, old.tooth, old.surfaces, old.area_code, old.tooth_range) then
    perform app.check_treatment_location(new);
  end if;
  -- Anybody else is refused by the policies and learns nothing here.
  if new.status in ('in_progress', 'completed') and new.appointment_id is not null and app.is_client() and app.caller_role() = 'dentist'
      and (tg_op = 'INSERT' or new.status <> old.status or new.appointment_id is distinct from old.appointment_id) then
    perform app.check_alerts_acknowledged(new.appointment_id, new.patient_id, new.dentist_id);
  end if;
  if new.amends_id is not null and (tg_op = 'INSERT' or new.amends_id is distinct from old.amends_id)
      and exists (select from public.treatment_records t where t.id = new.amends_id and t.patient_id <> new.patient_id) then
    raise exception 'An amendment belongs to the same patient as the record it amends.' using errcode = 'PT422', detail = 'amends_id';
  end if;
  return new;
end $$;

create trigger check_people before insert or update on public.treatment_records
  for each row execute function app.check_people('patient_id', 'patient', 'dentist_id', 'dentist');
create trigger guard before insert or update on public.treatment_records for each row execute function app.treatment_guard();
create trigger never_delete before delete on public.treatment_records
  for each row execute function app.never_delete('Set the status entered_in_error instead.');
create trigger stamp before insert or update on public.treatment_records for each row execute function app.stamp_creator();
create trigger touch before update on public.treatment_records for each row execute function app.touch('id');

alter table public.treatment_records enable row level security;
revoke all on public.treatment_records from anon, authenticated;
grant select on public.treatment_records to authenticated;
grant insert (id, patient_id, dentist_id, appointment_id, service_id, status, priority, tooth, surfaces, area_code, tooth_range,
    diagnosis_code, prosthesis, prosthesis_prior_on, planned_on, performed_at, quantity, fee, notes, signed_at, amends_id),
  update (id, patient_id, dentist_id, appointment_id, service_id, status, priority, tooth, surfaces, area_code, tooth_range,
    diagnosis_code, prosthesis, prosthesis_prior_on, planned_on, performed_at, quantity, fee, notes, signed_at, amends_id)
  on public.treatment_records to authenticated;

create policy treatment_records_select_patient on public.treatment_records for select to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient' and status <> 'entered_in_error');
create policy treatment_records_select_clinical on public.treatment_records for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'admin'));
create policy treatment_records_insert_dentist on public.treatment_records for insert to authenticated
  with check ((select app.caller_role()) = 'dentist' and dentist_id = (select auth.uid()));
create policy treatment_records_update_dentist on public.treatment_records for update to authenticated
  using ((select app.caller_role()) = 'dentist' and dentist_id = (select auth.uid()))
  with check ((select app.caller_role()) = 'dentist' and dentist_id = (select auth.uid()));

-- The lines of an issued invoice: what was done, and how the estimate of the insurance's share came about.
create table public.invoice_line (
  id uuid constraint invoice_line_pkey primary key default gen_random_uuid(),
  invoice_id uuid not null constraint invoice_line_invoice_id_fkey references public.invoices (id),
  line_no smallint not null,
  treatment_id uuid constraint invoice_line_treatment_id_fkey references public.treatment_records (id),
  service_id uuid not null constraint invoice_line_service_id_fkey references public.service (id),
  description public.required_text not null,
  quantity smallint not null,
  unit_fee public.amount not null,
  amount public.amount not null,
  tax public.amount not null,
  allowed public.amount not null,
  deductible public.amount not null,
  percent public.percentage not null,
  insurance_share public.amount not null,
  patient_share public.amount not null,
  explanation public.note_text not null default '',
  created_at timestamptz not null default now(),
  constraint invoice_line_line_no_key unique (invoice_id, line_no),
  constraint invoice_line_quantity_range check (quantity between 1 and 99),
  constraint invoice_line_shares_whole check (insurance_share + patient_share = amount + tax)
);
comment on table public.invoice_line is 'The lines of issued invoices, with the insurance estimate step by step. Read only.';
comment on column public.invoice_line.id is 'Identifies the line.';
comment on column public.invoice_line.invoice_id is 'The invoice.';
comment on column public.invoice_line.line_no is 'Line within the invoice, from 1.';
comment on column public.invoice_line.treatment_id is 'The treatment that is billed.';
comment on column public.invoice_line.service_id is 'The service.';
comment on column public.invoice_line.description is 'The service''s name at the time.';
comment on column public.invoice_line.quantity is 'How many times.';
comment on column public.invoice_line.unit_fee is 'The fee of one.';
comment on column public.invoice_line.amount is 'quantity × unit_fee.';
comment on column public.invoice_line.tax is 'Tax on the amount.';
comment on column public.invoice_line.allowed is 'What the plan recognises of the amount.';
comment on column public.invoice_line.deductible is 'What of it falls under the deductible.';
comment on column public.invoice_line.percent is 'The plan''s percentage for services of this kind.';
comment on column public.invoice_line.insurance_share is '(allowed - deductible) × percent, capped by what is left of the annual maximum.';
comment on column public.invoice_line.patient_share is 'The rest.';
comment on column public.invoice_line.explanation is 'How the estimate came about, in a sentence for the patient.';
comment on column public.invoice_line.created_at is 'When the line was made.';
comment on constraint invoice_line_pkey on public.invoice_line is 'There is a line with this id already.';
comment on constraint invoice_line_invoice_id_fkey on public.invoice_line is 'invoice_id names no invoice.';
comment on constraint invoice_line_treatment_id_fkey on public.invoice_line is 'treatment_id names no treatment record.';
comment on constraint invoice_line_service_id_fkey on public.invoice_line is 'service_id names no service.';
comment on constraint invoice_line_line_no_key on public.invoice_line is 'The invoice has a line with this number already.';
comment on constraint invoice_line_quantity_range on public.invoice_line is 'Quantity is 1 to 99.';
comment on constraint invoice_line_shares_whole on public.invoice_line is 'The shares add up to the line''s amount and tax.';
create index invoice_line_treatment_id_idx on public.invoice_line (treatment_id) where treatment_id is not null;
create index invoice_line_service_id_idx on public.invoice_line (service_id);

alter table public.invoice_line enable row level security;
revoke all on public.invoice_line from anon, authenticated;
grant select on public.invoice_line to authenticated;
create policy invoice_line_select on public.invoice_line for select to authenticated
  using (exists (select from public.invoices i where i.id = invoice_id));
