-- Invoices: free to change as a draft, numbered and frozen at issue, then moved by payments alone; never deleted.

create sequence app.invoice_no_seq;

create table public.invoices (
  id uuid constraint invoices_pkey primary key default gen_random_uuid(),
  invoice_no text,
  patient_id uuid not null constraint invoices_patient_id_fkey references public."user" (id),
  guarantor_id uuid constraint invoices_guarantor_id_fkey references public."user" (id),
  appointment_id uuid constraint invoices_appointment_id_fkey references public.appointment (id),
  insurance_id uuid constraint invoices_insurance_id_fkey references public.insurance_detail (id),
  status public.invoice_status not null default 'draft',
  issued_at timestamptz,
  due_on date,
  currency public.currency_code not null default 'USD',
  subtotal public.amount not null default 0,
  discount public.amount not null default 0,
  tax public.amount not null default 0,
  total numeric(12, 2) generated always as (subtotal - discount + tax) stored,
  insurance_estimate public.amount not null default 0,
  paid public.amount not null default 0,
  insurance_paid public.amount not null default 0,
  write_off public.amount not null default 0,
  balance numeric(12, 2) generated always as (subtotal - discount + tax - paid - insurance_paid - write_off) stored,
  void_reason public.note_text,
  voided_at timestamptz,
  notes public.note_text,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  constraint invoices_invoice_no_key unique (invoice_no),
  constraint invoices_invoice_no_form check (invoice_no ~ '^[A-Z0-9-]{1,40}$'),
  constraint invoices_discount_within_subtotal check (discount <= subtotal),
  constraint invoices_estimate_within_total check (insurance_estimate <= subtotal - discount + tax),
  constraint invoices_balance_not_negative check (subtotal - discount + tax - paid - insurance_paid - write_off >= 0),
  constraint invoices_issued_whole check (status in ('draft', 'void') or (issued_at is not null and invoice_no is not null)),
  constraint invoices_void_reason check (status <> 'void' or (void_reason is not null and char_length(btrim(void_reason)) > 0)),
  constraint invoices_status_matches_money check (case status
    when 'draft' then paid + insurance_paid + write_off = 0
    when 'issued' then paid + insurance_paid + write_off = 0
    when 'void' then paid + insurance_paid + write_off = 0
    when 'partially_paid' then paid + insurance_paid + write_off > 0 and subtotal - discount + tax > paid + insurance_paid + write_off
    when 'paid' then subtotal - discount + tax = paid + insurance_paid + write_off and write_off = 0
    when 'written_off' then subtotal - discount + tax = paid + insurance_paid + write_off and write_off > 0
  end)
);
comment on table public.invoices is 'Invoices. A draft can be changed; once issued only payments move it.';
comment on column public.invoices.id is 'Identifies the invoice.';
comment on column public.invoices.invoice_no is 'The number, given at issue.';
comment on column public.invoices.patient_id is 'The patient who was treated.';
comment on column public.invoices.guarantor_id is 'Who pays, when somebody else does.';
comment on column public.invoices.appointment_id is 'The visit that is billed.';
comment on column public.invoices.insurance_id is 'The plan the estimate was made with.';
comment on column public.invoices.status is 'Where the invoice stands; moved by functions and payments.';
comment on column public.invoices.issued_at is 'When it was issued.';
comment on column public.invoices.due_on is 'When it is due.';
comment on column public.invoices.currency is 'The currency of every amount of the invoice.';
comment on column public.invoices.subtotal is 'The sum of the lines, without tax.';
comment on column public.invoices.discount is 'Taken off the subtotal.';
comment on column public.invoices.tax is 'Tax.';
comment on column public.invoices.total is 'subtotal - discount + tax.';
comment on column public.invoices.insurance_estimate is 'What the insurance is expected to pay.';
comment on column public.invoices.paid is 'What the patient or guarantor has paid.';
comment on column public.invoices.insurance_paid is 'What the insurance has paid.';
comment on column public.invoices.write_off is 'What the clinic has given up.';
comment on column public.invoices.balance is 'What is still owed.';
comment on column public.invoices.void_reason is 'Why it was voided.';
comment on column public.invoices.voided_at is 'When it was voided; set with the status.';
comment on column public.invoices.notes is 'The clinic''s notes; the patient can read them once the invoice is issued.';
comment on constraint invoices_pkey on public.invoices is 'There is an invoice with this id already.';
comment on constraint invoices_patient_id_fkey on public.invoices is 'patient_id names nobody the clinic knows.';
comment on constraint invoices_guarantor_id_fkey on public.invoices is 'guarantor_id names nobody the clinic knows.';
comment on constraint invoices_appointment_id_fkey on public.invoices is 'appointment_id names no appointment.';
comment on constraint invoices_insurance_id_fkey on public.invoices is 'insurance_id names no insurance plan.';
comment on constraint invoices_invoice_no_key on public.invoices is 'There is an invoice with this number already.';
comment on constraint invoices_invoice_no_form on public.invoices is 'An invoice''s number has 1 to 40 capital letters, digits and hyphens.';
comment on constraint invoices_discount_within_subtotal on public.invoices is 'The discount is at most the subtotal.';
comment on constraint invoices_estimate_within_total on public.invoices is 'The insurance pays at most the total.';
comment on constraint invoices_balance_not_negative on public.invoices is 'No more is paid than the invoice''s total.';
comment on constraint invoices_issued_whole on public.invoices is 'An issued invoice has its number and time of issue.';
comment on constraint invoices_void_reason on public.invoices is 'A void invoice states why.';
comment on constraint invoices_status_matches_money on public.invoices is 'The status follows from what has been paid.';
create index invoices_patient_id_idx on public.invoices (patient_id);
create index invoices_guarantor_id_idx on public.invoices (guarantor_id) where guarantor_id is not null;
create index invoices_insurance_id_idx on public.invoices (insurance_id) where insurance_id is not null;
create unique index invoices_one_per_appointment on public.invoices (appointment_id) where status <> 'void';
comment on index public.invoices_one_per_appointment is 'The visit has an invoice already.';
create index invoices_appointment_id_idx on public.invoices (appointment_id) where appointment_id is not null;

create function app.invoice_may_become(before public.invoice_status, after public.invoice_status) returns boolean
language sql immutable set search_path = '' as $$
  select after::text = any (case before::text
    when 'draft' then array['issued', 'void']
    when 'issued' then array['partially_paid', 'paid', 'written_off', 'void']
    when 'partially_paid' then array['issued', 'paid', 'written_off']
    when 'paid' then array['issued', 'partially_paid']
    when 'written_off' then array['partially_paid']
    else array[]::text[] end)
$$;

-- What the amounts say an issued invoice is.
create function app.invoice_status_by_money(total numeric, settled numeric, written_off numeric) returns public.invoice_status
language sql immutable set search_path = '' as $$
  select (case when settled = 0 then 'issued' when settled < total then 'partially_paid'
               when written_off > 0 then 'written_off' else 'paid' end)::public.invoice_status
$$;

create function app.invoice_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  moves constant text[] := array['status', 'paid', 'insurance_paid', 'write_off', 'balance', 'total', 'void_reason', 'voided_at', 'notes'];
begin
  if tg_op = 'INSERT' then
    if app.is_client() then
      new.status := 'draft';
    end if;
    if new.status = 'void' then
      new.voided_at := coalesce(new.voided_at, now());
    end if;
    return new;
  end if;
  if new.status <> old.status and not app.invoice_may_become(old.status, new.status) then
    raise exception 'An invoice that is % cannot become %.', old.status, new.status using errcode = 'PT409', detail = 'status';
  end if;
  -- total and balance are still empty here: generated columns are computed after this trigger.
  if old.status <> 'draft' and to_jsonb(new) - moves <> to_jsonb(old) - moves then
    raise exception 'An issued invoice cannot be changed.' using errcode = 'PT409',
      hint = 'Void it and issue another, or record a payment, refund or write-off.';
  end if;
  -- A statement of the past stays what it was: it is voided when it was voided.
  new.voided_at := case when new.status = 'void' then coalesce(old.voided_at, now()) end;
  if old.status = 'draft' and new.status = 'issued' then
    new.issued_at := coalesce(new.issued_at, now());
    new.invoice_no := coalesce(new.invoice_no, 'INV-' || lpad(nextval('app.invoice_no_seq')::text, 8, '0'));
    new.due_on := coalesce(new.due_on, (select (now() at time zone s.time_zone)::date + s.payment_term_days::int from public.clinic_settings s));
  end if;
  return new;
end $$;

create trigger check_people before insert or update on public.invoices
  for each row execute function app.check_people('patient_id', 'patient');
create trigger guard before insert or update on public.invoices for each row execute function app.invoice_guard();
create trigger never_delete before delete on public.invoices
  for each row execute function app.never_delete('Void the invoice instead.');
create trigger stamp before insert or update on public.invoices for each row execute function app.stamp_creator();
create trigger touch before update on public.invoices for each row execute function app.touch('id');

alter table public.invoices enable row level security;
revoke all on public.invoices from anon, authenticated;
grant select on public.invoices to authenticated;
grant insert (id, patient_id, guarantor_id, appointment_id, insurance_id, due_on, currency, subtotal, discount, tax, insurance_estimate, notes),
  update (id, patient_id, guarantor_id, appointment_id, insurance_id, due_on, currency, subtotal, discount, tax, insurance_estimate, notes)
  on public.invoices to authenticated;

create policy invoices_select_patient on public.invoices for select to authenticated
  using ((patient_id = (select auth.uid()) or guarantor_id = (select auth.uid()))
    and (select app.caller_role()) = 'patient' and status <> 'draft');
create policy invoices_select_staff on public.invoices for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist', 'admin'));
create policy invoices_insert_reception on public.invoices for insert to authenticated
  with check ((select app.caller_role()) in ('receptionist', 'admin'));
create policy invoices_update_reception on public.invoices for update to authenticated
  using ((select app.caller_role()) in ('receptionist', 'admin'))
  with check ((select app.caller_role()) in ('receptionist', 'admin'));
