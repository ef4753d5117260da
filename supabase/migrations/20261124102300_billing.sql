-- From treatment to money: lines with the insurance estimate, issue, void, payments, refunds.

create function app.plan_percent(plan public.insurance_detail, category text, on_day date) returns smallint
language sql immutable set search_path = '' as $$
  select coalesce(case
    when category in ('diagnostic', 'preventive') then plan.pct_preventive
    when plan.waiting_until > on_day then 0
    when category in ('restorative', 'endodontics', 'periodontics', 'oral_surgery', 'adjunctive') then plan.pct_basic
    when category = 'orthodontics' then plan.pct_ortho
    else plan.pct_major end, 0)::smallint
$$;

-- The primary plan in force on the day of the visit.
create function app.plan_of(patient uuid, on_day date) returns public.insurance_detail
language sql stable security definer set search_path = '' as $$
  select d.* from public.insurance_detail d
   where d.patient_id = patient and d.ordinal = 1 and d.deleted_at is null and d.verification <> 'ineligible'
     and on_day >= d.effective_on and (d.terminated_on is null or on_day <= d.terminated_on)
   limit 1
$$;

-- The reckoning of one line in words. `left_of_maximum` is null where the plan has none.
create function app.explain_line(line public.invoice_line, plan public.insurance_detail, on_day date, left_of_maximum numeric) returns text
language sql stable set search_path = '' as $$
  select case
    when plan.id is null then format('No insurance plan is known for this day: the patient pays %s.', line.patient_share)
    when line.percent = 0 and plan.waiting_until > on_day then
      format('%s pays nothing for this kind of service until %s: the patient pays %s.', plan.carrier_name, plan.waiting_until, line.patient_share)
    when line.percent = 0 then format('%s pays nothing for this kind of service: the patient pays %s.', plan.carrier_name, line.patient_share)
    else format('%s allows %s', plan.carrier_name, line.allowed)
      || case when line.deductible > 0 then format(', less %s of the deductible', line.deductible) else '' end
      || format(', and pays %s per cent', line.percent)
      || case when left_of_maximum < round((line.allowed - line.deductible) * line.percent / 100, 2)
           then format(', but only %s of the annual maximum is left', left_of_maximum) else '' end
      || format(': %s. The patient pays %s', line.insurance_share, line.patient_share)
      || case when line.tax > 0 then format(', %s of it tax', line.tax) else '' end || '.'
    end
$$;

-- fee → allowed → deductible → percent → what is left of the annual maximum → the patient's share, line by line. The
-- plan has no fee schedule here, so the whole amount is allowed; nothing is deducted from diagnostic and preventive
-- services. It stays an estimate: what the plan has used changes when the insurer has answered.
create function app.add_invoice_lines(to_invoice uuid, visit public.appointment, plan public.insurance_detail, on_day date) returns void
language plpgsql security definer set search_path = '' as $$
declare
  treated record;
  line public.invoice_line;
  deductible_left numeric := coalesce(plan.deductible - plan.deductible_met, 0);
  maximum_left numeric := plan.annual_max - plan.annual_used;
begin
  line.line_no := 0;
  for treated in
    select t.*, s.name, s.category, s.tax_rate from public.treatment_records t join public.service s on s.id = t.service_id
     where t.appointment_id = visit.id and t.status = 'completed' and t.invoice_id is null order by t.created_at, t.id
  loop
    line.line_no := line.line_no + 1;
    line.amount := treated.fee * treated.quantity;
    line.tax := round(line.amount * treated.tax_rate, 2);
    line.allowed := line.amount;
    line.percent := case when plan.id is null then 0 else app.plan_percent(plan, treated.category, on_day) end;
    line.deductible := case when line.percent = 0 or treated.category in ('diagnostic', 'preventive') then 0
      else least(deductible_left, line.allowed) end;
    line.insurance_share := least(round((line.allowed - line.deductible) * line.percent / 100, 2), coalesce(maximum_left, line.allowed));
    line.patient_share := line.amount + line.tax - line.insurance_share;
    line.explanation := app.explain_line(line, plan, on_day, maximum_left);
    deductible_left := deductible_left - line.deductible;
    maximum_left := maximum_left - line.insurance_share;
    insert into public.invoice_line (invoice_id, line_no, treatment_id, service_id, description, quantity, unit_fee, amount, tax, allowed,
      deductible, percent, insurance_share, patient_share, explanation)
    values (to_invoice, line.line_no, treated.id, treated.service_id, treated.name, treated.quantity, treated.fee, line.amount, line.tax,
      line.allowed, line.deductible, line.percent, line.insurance_share, line.patient_share, line.explanation);
    update public.treatment_records t set invoice_id = to_invoice where t.id = treated.id;
  end loop;
  if line.line_no = 0 then
    raise exception 'The visit has no completed treatment that is not billed yet.' using errcode = 'PT422', detail = 'appointment_id';
  end if;
end $$;

create function app.make_invoice(for_appointment uuid) returns public.invoices
language plpgsql security definer set search_path = '' as $$
declare
  visit public.appointment;
  plan public.insurance_detail;
  made public.invoices;
  on_day date;
begin
  select * into visit from public.appointment a where a.id = for_appointment and a.deleted_at is null for no key update;
  if not found then
    raise exception 'There is no such appointment.' using errcode = 'PT404', detail = 'appointment_id';
  end if;
  if visit.status <> 'completed' then
    raise exception 'The visit is not completed.' using errcode = 'PT409', detail = 'appointment_id';
  end if;
  -- A day is one of the clinic's: an evening's visit can be tomorrow's in UTC.
  select (visit.starts_at at time zone s.time_zone)::date into on_day from public.clinic_settings s;
  plan := app.plan_of(visit.patient_id, on_day);
  insert into public.invoices (patient_id, guarantor_id, appointment_id, insurance_id, currency)
  select visit.patient_id, u.guarantor_id, visit.id, plan.id, s.currency
    from public."user" u, public.clinic_settings s where u.id = visit.patient_id returning * into made;
  perform app.add_invoice_lines(made.id, visit, plan, on_day);
  update public.invoices i
     set status = 'issued', subtotal = l.amount, tax = l.tax, insurance_estimate = l.insurance_share
    from (select sum(x.amount) as amount, sum(x.tax) as tax, sum(x.insurance_share) as insurance_share
            from public.invoice_line x where x.invoice_id = made.id) l
   where i.id = made.id returning i.* into made;
  return made;
end $$;

create function public.issue_invoice(appointment_id uuid) returns public.invoices
language plpgsql security definer set search_path = '' as $$
declare
  made public.invoices;
begin
  perform app.require_role('receptionist', 'admin');
  made := app.make_invoice(issue_invoice.appointment_id);
  perform app.idempotency_record_result(to_jsonb(made));
  return made;
end $$;
comment on function public.issue_invoice(uuid) is
  'For reception: makes and issues the invoice of a completed visit, a line per treatment with the estimate of the insurance''s share.';

create function app.invoice_for_update(invoice_id uuid) returns public.invoices
language plpgsql security definer set search_path = '' as $$
declare
  locked public.invoices;
begin
  select * into locked from public.invoices i where i.id = invoice_for_update.invoice_id for no key update;
  if not found then
    raise exception 'There is no such invoice.' using errcode = 'PT404', detail = 'invoice_id';
  end if;
  return locked;
end $$;

create function public.issue_draft_invoice(invoice_id uuid) returns public.invoices
language plpgsql security definer set search_path = '' as $$
declare
  draft public.invoices;
begin
  perform app.require_role('receptionist', 'admin');
  draft := app.invoice_for_update(issue_draft_invoice.invoice_id);
  if draft.status <> 'draft' then
    raise exception 'An invoice that is % cannot become issued.', draft.status using errcode = 'PT409', detail = 'status';
  end if;
  update public.invoices i set status = 'issued' where i.id = draft.id returning * into draft;
  perform app.idempotency_record_result(to_jsonb(draft));
  return draft;
end $$;
comment on function public.issue_draft_invoice(uuid) is 'For reception: numbers and freezes an invoice that was drafted by hand.';

create function public.void_invoice(invoice_id uuid, reason text) returns public.invoices
language plpgsql security definer set search_path = '' as $$
declare
  voided public.invoices;
begin
  perform app.require_role('receptionist', 'admin');
  voided := app.invoice_for_update(void_invoice.invoice_id);
  if not app.invoice_may_become(voided.status, 'void') then
    raise exception 'An invoice that is % cannot become void.', voided.status using errcode = 'PT409', detail = 'status',
      hint = 'Refund what was paid first.';
  end if;
  update public.invoices i set status = 'void', void_reason = void_invoice.reason where i.id = voided.id returning * into voided;
  -- What was treated can be billed anew.
  update public.treatment_records t set invoice_id = null where t.invoice_id = voided.id;
  perform app.idempotency_record_result(to_jsonb(voided));
  return voided;
end $$;
comment on function public.void_invoice(uuid, text) is 'For reception: voids an invoice on which nothing was paid; its treatment can be billed again.';

create function public.record_payment(invoice_id uuid, amount numeric, method text, kind public.payment_kind default 'payment',
  status public.payment_status default 'succeeded', provider text default null, external_id text default null, notes text default null)
returns public.payment
language plpgsql security definer set search_path = '' as $$
declare
  invoice public.invoices;
  taken public.payment;
begin
  perform app.require_role('receptionist', 'admin');
  if kind = 'refund' then
    raise exception 'A refund is made with refund_payment.' using errcode = 'PT422', detail = 'kind';
  end if;
  invoice := app.invoice_for_update(record_payment.invoice_id);
  insert into public.payment (invoice_id, patient_id, kind, method, status, amount, currency, provider, external_id, notes)
  values (invoice.id, invoice.patient_id, record_payment.kind, record_payment.method, record_payment.status, record_payment.amount,
    invoice.currency, record_payment.provider, record_payment.external_id, record_payment.notes) returning * into taken;
  perform app.idempotency_record_result(to_jsonb(taken));
  return taken;
end $$;
comment on function public.record_payment(uuid, numeric, text, public.payment_kind, public.payment_status, text, text, text) is
  'For reception: takes a payment, an insurance payment, an adjustment or a write-off on an issued invoice, at most its balance.';

create function public.refund_payment(payment_id uuid, amount numeric default null, method text default null, notes text default null)
returns public.payment
language plpgsql security definer set search_path = '' as $$
declare
  original public.payment;
  refund public.payment;
begin
  perform app.require_role('receptionist', 'admin');
  select * into original from public.payment p where p.id = refund_payment.payment_id;
  if not found then
    raise exception 'There is no such payment.' using errcode = 'PT404', detail = 'payment_id';
  end if;
  perform app.invoice_for_update(original.invoice_id);
  insert into public.payment (invoice_id, patient_id, kind, method, status, amount, currency, refund_of, notes)
  values (original.invoice_id, original.patient_id, 'refund', coalesce(refund_payment.method, original.method), 'succeeded',
    coalesce(refund_payment.amount, original.amount - (select coalesce(sum(p.amount), 0) from public.payment p
      where p.refund_of = original.id and p.status = 'succeeded')),
    original.currency, original.id, refund_payment.notes) returning * into refund;
  perform app.idempotency_record_result(to_jsonb(refund));
  return refund;
end $$;
comment on function public.refund_payment(uuid, numeric, text, text) is
  'For reception: gives back a payment that succeeded, whole (what is left of it) or in part.';

create function public.settle_payment(payment_id uuid, status public.payment_status, provider text default null, external_id text default null)
returns public.payment
language plpgsql security definer set search_path = '' as $$
declare
  settled public.payment;
begin
  perform app.require_role('receptionist', 'admin');
  -- Invoice before payment, as everywhere.
  perform app.invoice_for_update(p.invoice_id) from public.payment p where p.id = settle_payment.payment_id;
  select * into settled from public.payment p where p.id = settle_payment.payment_id for no key update;
  if not found then
    raise exception 'There is no such payment.' using errcode = 'PT404', detail = 'payment_id';
  end if;
  if not app.payment_may_become(settled.status, settle_payment.status) then
    raise exception 'A payment that is % cannot become %.', settled.status, settle_payment.status using errcode = 'PT409', detail = 'status';
  end if;
  update public.payment p
     set status = settle_payment.status, provider = coalesce(settle_payment.provider, p.provider),
         external_id = coalesce(settle_payment.external_id, p.external_id)
   where p.id = settled.id returning * into settled;
  perform app.idempotency_record_result(to_jsonb(settled));
  return settled;
end $$;
comment on function public.settle_payment(uuid, public.payment_status, text, text) is
  'For reception: what became of a pending or authorized payment.';

do $$
declare
  billing text;
begin
  foreach billing in array array['issue_invoice(uuid)', 'issue_draft_invoice(uuid)', 'void_invoice(uuid, text)',
    'record_payment(uuid, numeric, text, public.payment_kind, public.payment_status, text, text, text)',
    'refund_payment(uuid, numeric, text, text)', 'settle_payment(uuid, public.payment_status, text, text)'] loop
    execute format('revoke execute on function public.%s from public, anon, authenticated', billing);
    execute format('grant execute on function public.%s to authenticated', billing);
  end loop;
end $$;
