-- Appointments. Three exclusion constraints keep dentist, patient and room from being in two places at once.

create table public.appointment (
  id uuid constraint appointment_pkey primary key default gen_random_uuid(),
  patient_id uuid constraint appointment_patient_id_fkey references public."user" (id),
  dentist_id uuid not null constraint appointment_dentist_id_fkey references public."user" (id),
  assistant_id uuid constraint appointment_assistant_id_fkey references public."user" (id),
  room text,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  status public.appointment_status not null default 'requested',
  hold_expires_at timestamptz,
  priority text not null default 'normal',
  source text not null default 'online',
  reason public.note_text,
  notes public.note_text,
  arrived_at timestamptz,
  seated_at timestamptz,
  dismissed_at timestamptz,
  cancelled_at timestamptz,
  cancelled_by uuid constraint appointment_cancelled_by_fkey references public."user" (id),
  cancel_reason public.note_text,
  late_cancel boolean not null default false,
  rescheduled_from uuid constraint appointment_rescheduled_from_fkey references public.appointment (id),
  reminder_sent_at timestamptz,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  deleted_at timestamptz,
  constraint appointment_rescheduled_from_key unique (rescheduled_from),
  constraint appointment_room_length check (char_length(room) between 1 and 50),
  constraint appointment_priority_known check (priority in ('normal', 'asap')),
  constraint appointment_source_known check (source in ('online', 'phone', 'walk_in', 'recall', 'chatbot')),
  constraint appointment_duration_range check (ends_at >= starts_at + interval '5 minutes' and ends_at <= starts_at + interval '9 hours'),
  constraint appointment_grid check (
    date_bin('5 minutes', starts_at, timestamptz '2000-01-01 00:00+00') = starts_at
    and date_bin('5 minutes', ends_at, timestamptz '2000-01-01 00:00+00') = ends_at),
  constraint appointment_patient_not_dentist check (patient_id <> dentist_id),
  -- A hold that was cancelled before anybody took it keeps having no patient.
  constraint appointment_patient_unless_held check (patient_id is not null or status in ('held', 'cancelled')),
  constraint appointment_hold_expires check ((status = 'held') = (hold_expires_at is not null)),
  constraint appointment_cancelled_stamp check (status <> 'cancelled' or cancelled_at is not null),
  constraint appointment_seated_after_arrival check (seated_at >= arrived_at),
  constraint appointment_dismissed_after_seating check (dismissed_at >= seated_at),
  constraint appointment_dentist_free exclude using gist (dentist_id with =, tstzrange(starts_at, ends_at, '[)') with &&)
    where (status in ('held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed') and deleted_at is null),
  constraint appointment_patient_free exclude using gist (patient_id with =, tstzrange(starts_at, ends_at, '[)') with &&)
    where (status in ('held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed') and deleted_at is null),
  constraint appointment_room_free exclude using gist (room with =, tstzrange(starts_at, ends_at, '[)') with &&)
    where (room is not null and status in ('held', 'requested', 'scheduled', 'confirmed', 'arrived', 'in_chair', 'completed') and deleted_at is null)
);
comment on table public.appointment is 'Appointments, requests for one, and held slots.';
comment on column public.appointment.id is 'Identifies the appointment.';
comment on column public.appointment.patient_id is 'The patient; null only while a slot is held by somebody who is not signed in.';
comment on column public.appointment.dentist_id is 'The treating dentist.';
comment on column public.appointment.assistant_id is 'The member of staff who assists.';
comment on column public.appointment.room is 'The room or chair.';
comment on column public.appointment.starts_at is 'Start, on the clinic''s grid.';
comment on column public.appointment.ends_at is 'End, not included; 5 minutes to 9 hours after the start.';
comment on column public.appointment.status is 'Where the appointment stands.';
comment on column public.appointment.hold_expires_at is 'When a held slot is free again.';
comment on column public.appointment.priority is 'normal or asap.';
comment on column public.appointment.source is 'How the appointment came about.';
comment on column public.appointment.reason is 'Why the patient comes, in the patient''s words.';
comment on column public.appointment.notes is 'The staff''s notes; the patient can read them.';
comment on column public.appointment.arrived_at is 'When the patient arrived; set with the status.';
comment on column public.appointment.seated_at is 'When the patient was seated; set with the status.';
comment on column public.appointment.dismissed_at is 'When the visit was completed; set with the status.';
comment on column public.appointment.cancelled_at is 'When it was cancelled; set with the status.';
comment on column public.appointment.cancelled_by is 'Who cancelled it; set with the status.';
comment on column public.appointment.cancel_reason is 'Why it was cancelled.';
comment on column public.appointment.late_cancel is 'Whether it was cancelled, or moved to another time, within the clinic''s cancellation window.';
comment on column public.appointment.rescheduled_from is 'The appointment that this one replaces.';
comment on column public.appointment.reminder_sent_at is 'When the patient was reminded.';
comment on constraint appointment_pkey on public.appointment is 'There is an appointment with this id already.';
comment on constraint appointment_patient_id_fkey on public.appointment is 'patient_id names nobody the clinic knows.';
comment on constraint appointment_dentist_id_fkey on public.appointment is 'dentist_id names nobody the clinic knows.';
comment on constraint appointment_assistant_id_fkey on public.appointment is 'assistant_id names nobody the clinic knows.';
comment on constraint appointment_cancelled_by_fkey on public.appointment is 'cancelled_by names nobody the clinic knows.';
comment on constraint appointment_rescheduled_from_fkey on public.appointment is 'rescheduled_from names no appointment.';
comment on constraint appointment_rescheduled_from_key on public.appointment is 'The appointment was rescheduled already.';
comment on constraint appointment_room_length on public.appointment is 'A room''s name has 1 to 50 characters.';
comment on constraint appointment_priority_known on public.appointment is 'Priority is normal or asap.';
comment on constraint appointment_source_known on public.appointment is 'Source is online, phone, walk_in, recall or chatbot.';
comment on constraint appointment_duration_range on public.appointment is 'An appointment takes 5 minutes to 9 hours.';
comment on constraint appointment_grid on public.appointment is 'An appointment starts and ends on a multiple of five minutes.';
comment on constraint appointment_patient_not_dentist on public.appointment is 'A dentist cannot be their own patient.';
comment on constraint appointment_patient_unless_held on public.appointment is 'Only a held slot may be without a patient.';
comment on constraint appointment_hold_expires on public.appointment is 'A held slot has a time it expires, and nothing else has.';
comment on constraint appointment_cancelled_stamp on public.appointment is 'A cancelled appointment has the time it was cancelled.';
comment on constraint appointment_seated_after_arrival on public.appointment is 'A patient is seated after arriving.';
comment on constraint appointment_dismissed_after_seating on public.appointment is 'A visit ends after the patient was seated.';
comment on constraint appointment_dentist_free on public.appointment is 'The dentist has another appointment at this time.';
comment on constraint appointment_patient_free on public.appointment is 'The patient has another appointment at this time.';
comment on constraint appointment_room_free on public.appointment is 'The room is taken at this time.';

create index appointment_patient_id_idx on public.appointment (patient_id, starts_at);
create index appointment_dentist_id_idx on public.appointment (dentist_id, starts_at);
create index appointment_starts_at_idx on public.appointment (starts_at);
create index appointment_assistant_id_idx on public.appointment (assistant_id) where assistant_id is not null;
create index appointment_cancelled_by_idx on public.appointment (cancelled_by) where cancelled_by is not null;
create index appointment_held_idx on public.appointment (hold_expires_at) where status = 'held';

-- The secret of a held slot, kept away from the table that staff can read. Only the hash is stored.
create table app.appointment_hold (
  appointment_id uuid constraint appointment_hold_pkey primary key
    constraint appointment_hold_appointment_id_fkey references public.appointment (id) on delete cascade,
  token_hash bytea not null
);
comment on table app.appointment_hold is 'SHA-256 of the token that turns a held slot into an appointment.';
alter table app.appointment_hold enable row level security;

create table public.appointment_has_service (
  appointment_id uuid not null constraint appointment_has_service_appointment_id_fkey references public.appointment (id),
  line_no smallint not null default 1,
  service_id uuid not null constraint appointment_has_service_service_id_fkey references public.service (id),
  quantity smallint not null default 1,
  tooth public.tooth_code,
  surfaces public.surface_codes,
  unit_fee public.amount not null,
  duration_min int not null,
  patient_id uuid,
  dentist_id uuid not null,
  appointment_deleted_at timestamptz,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  constraint appointment_has_service_pkey primary key (appointment_id, line_no),
  constraint appointment_has_service_line_no_range check (line_no between 1 and 50),
  constraint appointment_has_service_quantity_range check (quantity between 1 and 20),
  constraint appointment_has_service_duration_range check (duration_min between 5 and 540),
  constraint appointment_has_service_surfaces_need_tooth check (surfaces is null or tooth is not null)
);
comment on table public.appointment_has_service is 'The services of an appointment, with the fee and duration at the time of booking.';
comment on column public.appointment_has_service.appointment_id is 'The appointment.';
comment on column public.appointment_has_service.line_no is 'Line within the appointment, from 1.';
comment on column public.appointment_has_service.service_id is 'The service.';
comment on column public.appointment_has_service.quantity is 'How many times.';
comment on column public.appointment_has_service.tooth is 'The tooth, where it is known before.';
comment on column public.appointment_has_service.surfaces is 'The tooth''s surfaces.';
comment on column public.appointment_has_service.unit_fee is 'The service''s fee when the line was made; staff may change it afterwards.';
comment on column public.appointment_has_service.duration_min is 'The service''s minutes when the line was made; staff may change them afterwards.';
comment on column public.appointment_has_service.patient_id is 'The appointment''s patient, copied by the database.';
comment on column public.appointment_has_service.dentist_id is 'The appointment''s dentist, copied by the database.';
comment on column public.appointment_has_service.appointment_deleted_at is 'When the appointment was deleted, copied by the database.';
comment on constraint appointment_has_service_pkey on public.appointment_has_service is 'The appointment has a line with this number already.';
comment on constraint appointment_has_service_appointment_id_fkey on public.appointment_has_service is 'appointment_id names no appointment.';
comment on constraint appointment_has_service_service_id_fkey on public.appointment_has_service is 'service_id names no service.';
comment on constraint appointment_has_service_line_no_range on public.appointment_has_service is 'Lines are numbered 1 to 50.';
comment on constraint appointment_has_service_quantity_range on public.appointment_has_service is 'Quantity is 1 to 20.';
comment on constraint appointment_has_service_duration_range on public.appointment_has_service is 'A line takes 5 to 540 minutes.';
comment on constraint appointment_has_service_surfaces_need_tooth on public.appointment_has_service is 'Surfaces belong to a tooth.';
create index appointment_has_service_patient_id_idx on public.appointment_has_service (patient_id);
create index appointment_has_service_service_id_idx on public.appointment_has_service (service_id);
