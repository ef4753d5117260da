-- The statement of account: what a patient was charged and what was paid on it, in the order of time, with the balance
-- after each. It is made from invoices and payments alone, so the closing balance of today is what the invoices say is owed.

-- Charges are above zero, what takes them away is below. A draft is no charge yet; what was voided is taken back on the day
-- it was voided; a payment counts from when it succeeded.
create function app.account_entries(of_patient uuid)
returns table (at timestamptz, kind text, document text, invoice_id uuid, payment_id uuid, currency text, amount numeric)
language sql stable security definer set search_path = '' as $$
  select i.issued_at, 'invoice', i.invoice_no, i.id, null::uuid, i.currency::text, i.total
    from public.invoices i where i.patient_id = of_patient and i.issued_at is not null
  union all
  select i.voided_at, 'void', i.invoice_no, i.id, null, i.currency, -i.total
    from public.invoices i where i.patient_id = of_patient and i.issued_at is not null and i.status = 'void'
  union all
  select p.paid_at, p.kind::text, p.receipt_no, p.invoice_id, p.id, p.currency, case when p.kind = 'refund' then p.amount else -p.amount end
    from public.payment p where p.patient_id = of_patient and p.status = 'succeeded'
$$;

create function public.statement_of_account(patient_id uuid default null, "from" date default null, "to" date default null, currency text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  caller text := app.require_role('patient', 'receptionist', 'admin');
  of_patient uuid := coalesce(patient_id, case when app.caller_role() = 'patient' then auth.uid() end);
  settings public.clinic_settings;
  of_currency text;
  last_day date;
  answer jsonb;
begin
  if of_patient is null then
    raise exception 'Name the patient.' using errcode = 'PT422', detail = 'patient_id';
  end if;
  if caller = 'patient' and of_patient <> auth.uid() then
    raise exception 'Patients see their own account.' using errcode = '42501';
  end if;
  if not exists (select from public."user" u where u.id = of_patient and u.role_id = 1) then
    raise exception 'There is no such patient.' using errcode = 'PT404', detail = 'patient_id';
  end if;
  select * into settings from public.clinic_settings;
  of_currency := coalesce(statement_of_account.currency, settings.currency);
  last_day := coalesce("to", (now() at time zone settings.time_zone)::date);
  if "from" > last_day then
    raise exception 'A statement ends after it begins.' using errcode = 'PT422', detail = 'to';
  end if;
  with entry as (
    select e.*, (e.at at time zone settings.time_zone)::date as day,
           sum(e.amount) over (order by e.at, e.amount < 0, e.document, e.kind rows unbounded preceding) as balance
      from app.account_entries(of_patient) e where e.currency = of_currency
  ), within as (
    select * from entry where day <= last_day and ("from" is null or day >= "from")
  ), sums as (
    select coalesce(sum(x.amount) filter (where x.day < "from"), 0) as opening, coalesce(sum(x.amount) filter (where x.day <= last_day), 0) as closing from entry x
  )
  select jsonb_build_object('patient_id', of_patient, 'from', "from", 'to', last_day, 'currency', of_currency, 'time_zone', settings.time_zone,
      'opening_balance', s.opening,
      'entries', coalesce((select jsonb_agg(jsonb_build_object('at', w.at, 'day', w.day, 'kind', w.kind, 'document', w.document, 'invoice_id', w.invoice_id,
          'payment_id', w.payment_id, 'charge', greatest(w.amount, 0), 'credit', greatest(-w.amount, 0), 'balance', w.balance)
          order by w.at, w.amount < 0, w.document, w.kind) from within w), '[]'),
      'charges', (select coalesce(sum(w.amount) filter (where w.amount > 0), 0) from within w),
      'credits', (select coalesce(-sum(w.amount) filter (where w.amount < 0), 0) from within w),
      'closing_balance', s.closing,
      'other_currencies', (select coalesce(jsonb_agg(distinct e.currency), '[]') from app.account_entries(of_patient) e where e.currency <> of_currency))
    into answer from sums s;
  return answer;
end $$;
comment on function public.statement_of_account(uuid, date, date, text) is
  'The account of a patient (one''s own; reception''s any) over some days of the clinic, both included: {opening_balance, entries: [{at, day, kind, document, invoice_id, payment_id, charge, credit, balance}], charges, credits, closing_balance}, in one currency, the clinic''s by default; other_currencies names those that have a statement of their own. From the beginning until today by default.';

revoke execute on function public.statement_of_account(uuid, date, date, text) from public, anon, authenticated;
grant execute on function public.statement_of_account(uuid, date, date, text) to authenticated;
