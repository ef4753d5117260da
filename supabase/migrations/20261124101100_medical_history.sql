-- Allergies, conditions, medication and the like. Patients add to it, dentists review and correct.

create table public.patient_medical_history (
  id uuid constraint patient_medical_history_pkey primary key default gen_random_uuid(),
  patient_id uuid not null constraint patient_medical_history_patient_id_fkey references public."user" (id),
  kind public.medical_history_kind not null,
  title public.required_text not null,
  code_system text,
  code public.short_text,
  reaction public.short_text,
  severity text,
  dosage public.short_text,
  status text not null default 'active',
  onset_on date,
  ended_on date,
  is_alert boolean not null default false,
  premedication boolean not null default false,
  notes public.note_text,
  recorded_by uuid constraint patient_medical_history_recorded_by_fkey references public."user" (id),
  reviewed_by uuid constraint patient_medical_history_reviewed_by_fkey references public."user" (id),
  reviewed_at timestamptz,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  constraint patient_medical_history_code_system_known check (code_system in ('SNOMED', 'ICD10', 'RXNORM', 'UNII')),
  constraint patient_medical_history_severity_known check (severity in ('mild', 'moderate', 'severe', 'life_threatening')),
  constraint patient_medical_history_status_known check (status in ('active', 'resolved', 'inactive', 'entered_in_error')),
  constraint patient_medical_history_period check (ended_on >= onset_on),
  constraint patient_medical_history_active_not_ended check (status <> 'active' or ended_on is null),
  constraint patient_medical_history_code_with_system check ((code is null) = (code_system is null)),
  constraint patient_medical_history_reaction_of_allergy check (kind = 'allergy' or (reaction is null and severity is null)),
  constraint patient_medical_history_dosage_of_medication check (kind = 'medication' or dosage is null),
  constraint patient_medical_history_review_whole check (reviewed_by is null or reviewed_at is not null)
);
comment on table public.patient_medical_history is 'What is known of a patient''s health. What a patient adds counts as unreviewed until a dentist has seen it.';
comment on column public.patient_medical_history.id is 'Identifies the entry.';
comment on column public.patient_medical_history.patient_id is 'The patient.';
comment on column public.patient_medical_history.kind is 'What the entry is about.';
comment on column public.patient_medical_history.title is 'The condition, substance, medicine or operation.';
comment on column public.patient_medical_history.code_system is 'SNOMED, ICD10, RXNORM or UNII.';
comment on column public.patient_medical_history.code is 'The code in that system.';
comment on column public.patient_medical_history.reaction is 'How an allergy shows.';
comment on column public.patient_medical_history.severity is 'How bad an allergy is.';
comment on column public.patient_medical_history.dosage is 'How a medicine is taken.';
comment on column public.patient_medical_history.status is 'active, resolved, inactive or entered_in_error.';
comment on column public.patient_medical_history.onset_on is 'When it began.';
comment on column public.patient_medical_history.ended_on is 'When it ended.';
comment on column public.patient_medical_history.is_alert is 'Whether everybody who treats the patient must see it first.';
comment on column public.patient_medical_history.premedication is 'Whether the patient needs medication before treatment.';
comment on column public.patient_medical_history.notes is 'Notes.';
comment on column public.patient_medical_history.recorded_by is 'Who made the entry; set by the database.';
comment on column public.patient_medical_history.reviewed_by is 'The dentist who reviewed it; set by the database.';
comment on column public.patient_medical_history.reviewed_at is 'When a dentist reviewed it.';
comment on constraint patient_medical_history_pkey on public.patient_medical_history is 'There is an entry with this id already.';
comment on constraint patient_medical_history_patient_id_fkey on public.patient_medical_history is 'patient_id names nobody the clinic knows.';
comment on constraint patient_medical_history_recorded_by_fkey on public.patient_medical_history is 'recorded_by names nobody the clinic knows.';
comment on constraint patient_medical_history_reviewed_by_fkey on public.patient_medical_history is 'reviewed_by names nobody the clinic knows.';
comment on constraint patient_medical_history_code_system_known on public.patient_medical_history is 'The code system is SNOMED, ICD10, RXNORM or UNII.';
comment on constraint patient_medical_history_severity_known on public.patient_medical_history is 'Severity is mild, moderate, severe or life_threatening.';
comment on constraint patient_medical_history_status_known on public.patient_medical_history is 'Status is active, resolved, inactive or entered_in_error.';
comment on constraint patient_medical_history_period on public.patient_medical_history is 'It ends after it began.';
comment on constraint patient_medical_history_active_not_ended on public.patient_medical_history is 'What is active has not ended.';
comment on constraint patient_medical_history_code_with_system on public.patient_medical_history is 'A code needs its system, and a system its code.';
comment on constraint patient_medical_history_reaction_of_allergy on public.patient_medical_history is 'Only an allergy has a reaction or severity.';
comment on constraint patient_medical_history_dosage_of_medication on public.patient_medical_history is 'Only medication has a dosage.';
comment on constraint patient_medical_history_review_whole on public.patient_medical_history is 'A review has its time.';
create unique index patient_medical_history_one_active on public.patient_medical_history (patient_id, kind, lower(title))
  where status = 'active' and deleted_at is null;
comment on index public.patient_medical_history_one_active is 'The patient has this entry already.';
create index patient_medical_history_patient_id_idx on public.patient_medical_history (patient_id);
create index patient_medical_history_recorded_by_idx on public.patient_medical_history (recorded_by);
create index patient_medical_history_reviewed_by_idx on public.patient_medical_history (reviewed_by);

create function app.medical_history_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.recorded_by := coalesce(auth.uid(), new.recorded_by);
  else
    new.recorded_by := old.recorded_by;
  end if;
  if new.reviewed_at is null then
    new.reviewed_by := null;
  elsif tg_op = 'INSERT' or new.reviewed_at is distinct from old.reviewed_at then
    new.reviewed_by := coalesce(auth.uid(), new.reviewed_by);
  end if;
  return new;
end $$;

create trigger check_people before insert or update on public.patient_medical_history
  for each row execute function app.check_people('patient_id', 'patient');
create trigger guard before insert or update on public.patient_medical_history for each row execute function app.medical_history_guard();
create trigger soft_delete before delete on public.patient_medical_history for each row execute function app.soft_delete();
create trigger touch before update on public.patient_medical_history for each row execute function app.touch('id');

alter table public.patient_medical_history enable row level security;
revoke all on public.patient_medical_history from anon, authenticated;
grant select on public.patient_medical_history to authenticated;
grant insert (id, patient_id, kind, title, code_system, code, reaction, severity, dosage, status, onset_on, ended_on, is_alert,
    premedication, notes, reviewed_at),
  update (id, patient_id, kind, title, code_system, code, reaction, severity, dosage, status, onset_on, ended_on, is_alert,
    premedication, notes, reviewed_at)
  on public.patient_medical_history to authenticated;

create policy patient_medical_history_select_patient on public.patient_medical_history for select to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient' and deleted_at is null);
create policy patient_medical_history_select_dentist on public.patient_medical_history for select to authenticated
  using ((select app.caller_role()) = 'dentist' and deleted_at is null);
create policy patient_medical_history_select_admin on public.patient_medical_history for select to authenticated
  using ((select app.caller_role()) = 'admin');
create policy patient_medical_history_insert_patient on public.patient_medical_history for insert to authenticated
  with check ((select app.caller_role()) = 'patient' and patient_id = (select auth.uid()) and reviewed_at is null);
create policy patient_medical_history_insert_dentist on public.patient_medical_history for insert to authenticated
  with check ((select app.caller_role()) = 'dentist');
create policy patient_medical_history_update_dentist on public.patient_medical_history for update to authenticated
  using ((select app.caller_role()) = 'dentist' and deleted_at is null) with check ((select app.caller_role()) = 'dentist');
