-- Payments: append only. A payment that succeeds moves its invoice under a lock on the invoice's row.

create sequence app.receipt_no_seq;

create table public.payment (
  id uuid constraint payment_pkey primary key default gen_random_uuid(),
  invoice_id uuid not null constraint payment_invoice_id_fkey references public.invoices (id),
  patient_id uuid not null constraint payment_patient_id_fkey references public."user" (id),
  kind public.payment_kind not null default 'payment',
  method text not null,
  status public.payment_status not null default 'pending',
  amount public.amount not null,
  currency public.currency_code not null default 'USD',
  provider public.short_text,
  external_id public.short_text,
  refund_of uuid constraint payment_refund_of_fkey references public.payment (id),
  receipt_no text,
  received_by uuid constraint payment_received_by_fkey references public."user" (id),
  paid_at timestamptz,
  notes public.note_text,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  constraint payment_receipt_no_key unique (receipt_no),
  constraint payment_external_id_key unique (provider, external_id),
  constraint payment_receipt_no_form check (receipt_no ~ '^[A-Z0-9-]{1,40}$'),
  constraint payment_method_known check (method in ('cash', 'card', 'bank_transfer', 'check', 'insurance', 'other')),
  constraint payment_amount_positive check (amount > 0),
  constraint payment_refund_refers check ((kind = 'refund') = (refund_of is not null)),
  constraint payment_succeeded_paid check (status <> 'succeeded' or paid_at is not null),
  constraint payment_provider_with_id check ((provider is null) = (external_id is null))
);
comment on table public.payment is 'Payments, refunds, insurance payments, adjustments and write-offs. Settled ones never change.';
comment on column public.payment.id is 'Identifies the payment.';
comment on column public.payment.invoice_id is 'The invoice it belongs to.';
comment on column public.payment.patient_id is 'The invoice''s patient.';
comment on column public.payment.kind is 'What it does to the invoice.';
comment on column public.payment.method is 'cash, card, bank_transfer, check, insurance or other.';
comment on column public.payment.status is 'Where it stands; after insert moved by settle_payment alone.';
comment on column public.payment.amount is 'Above zero, also for refunds.';
comment on column public.payment.currency is 'The invoice''s currency.';
comment on column public.payment.provider is 'The payment provider.';
comment on column public.payment.external_id is 'The provider''s own id of the payment.';
comment on column public.payment.refund_of is 'The payment that is refunded.';
comment on column public.payment.receipt_no is 'The receipt''s number, given on success.';
comment on column public.payment.received_by is 'Who took it; set by the database.';
comment on column public.payment.paid_at is 'When it succeeded.';
comment on column public.payment.notes is 'The clinic''s notes; the patient can read them.';
comment on constraint payment_pkey on public.payment is 'There is a payment with this id already.';
comment on constraint payment_invoice_id_fkey on public.payment is 'invoice_id names no invoice.';
comment on constraint payment_patient_id_fkey on public.payment is 'patient_id names nobody the clinic knows.';
comment on constraint payment_refund_of_fkey on public.payment is 'refund_of names no payment.';
comment on constraint payment_received_by_fkey on public.payment is 'received_by names nobody the clinic knows.';
comment on constraint payment_receipt_no_key on public.payment is 'There is a receipt with this number already.';
comment on constraint payment_external_id_key on public.payment is 'This payment of the provider is recorded already.';
comment on constraint payment_receipt_no_form on public.payment is 'A receipt''s number has 1 to 40 capital letters, digits and hyphens.';
comment on constraint payment_method_known on public.payment is 'Method is cash, card, bank_transfer, check, insurance or other.';
comment on constraint payment_amount_positive on public.payment is 'A payment''s amount is above zero.';
comment on constraint payment_refund_refers on public.payment is 'A refund names the payment it refunds, and nothing else does.';
comment on constraint payment_succeeded_paid on public.payment is 'A payment that succeeded has its time.';
comment on constraint payment_provider_with_id on public.payment is 'A provider needs its id of the payment, and the id its provider.';
create index payment_invoice_id_idx on public.payment (invoice_id);
create index payment_patient_id_idx on public.payment (patient_id);
create index payment_refund_of_idx on public.payment (refund_of) where refund_of is not null;
create index payment_received_by_idx on public.payment (received_by) where received_by is not null;

create function app.payment_may_become(before public.payment_status, after public.payment_status) returns boolean
language sql immutable set search_path = '' as $$
  select after::text = any (case before::text
    when 'pending' then array['authorized', 'succeeded', 'failed', 'voided']
    when 'authorized' then array['succeeded', 'failed', 'voided']
    else array[]::text[] end)
$$;

-- A refund is of a settled payment or insurance payment of the same invoice, and all refunds together are no more.
create function app.refunded_kind(refund public.payment) returns public.payment_kind
language plpgsql stable security definer set search_path = '' as $$
declare
  original public.payment;
  refunded numeric;
begin
  select * into original from public.payment p where p.id = refund.refund_of;
  if original.id is null or original.invoice_id <> refund.invoice_id then
    raise exception 'A refund belongs to a payment of the same invoice.' using errcode = 'PT422', detail = 'refund_of';
  end if;
  if original.status <> 'succeeded' or original.kind not in ('payment', 'insurance', 'adjustment') then
    raise exception 'Only a payment that succeeded can be refunded.' using errcode = 'PT409', detail = 'refund_of';
  end if;
  select coalesce(sum(p.amount), 0) into refunded from public.payment p
   where p.refund_of = refund.refund_of and p.status = 'succeeded' and p.id <> refund.id;
  if refunded + refund.amount > original.amount then
    raise exception 'The refunds exceed the payment.' using errcode = 'PT409', detail = 'amount';
  end if;
  return original.kind;
end $$;

-- The invoice's row is locked before its balance is read: payments of one invoice are taken one after the other. NO KEY:
-- each insert holds its foreign key's share of the row already, and two of those must not wait for each other.
create function app.apply_payment(p public.payment) returns void
language plpgsql security definer set search_path = '' as $$
declare
  invoice public.invoices;
  kind public.payment_kind := p.kind;
  change numeric := p.amount;
begin
  select * into invoice from public.invoices i where i.id = p.invoice_id for no key update;
  if invoice.status in ('draft', 'void') then
    raise exception 'The invoice is %.', invoice.status using errcode = 'PT409', detail = 'invoice_id';
  end if;
  -- A payment can wait for an invoice that is still drafted, and then changed.
  if invoice.patient_id <> p.patient_id or invoice.currency <> p.currency then
    raise exception 'Patient and currency of a payment are those of its invoice.' using errcode = 'PT409', detail = 'patient_id';
  end if;
  if p.kind = 'refund' then
    kind := app.refunded_kind(p);
    change := -p.amount;
  elsif p.amount > invoice.balance then
    raise exception 'The amount exceeds the invoice''s balance.' using errcode = 'PT409', detail = 'amount';
  end if;
  if kind = 'insurance' then
    invoice.insurance_paid := invoice.insurance_paid + change;
  elsif kind = 'write_off' then
    invoice.write_off := invoice.write_off + change;
  else
    invoice.paid := invoice.paid + change;
  end if;
  update public.invoices i
     set paid = invoice.paid, insurance_paid = invoice.insurance_paid, write_off = invoice.write_off,
         status = app.invoice_status_by_money(invoice.total, invoice.paid + invoice.insurance_paid + invoice.write_off, invoice.write_off)
   where i.id = invoice.id;
end $$;

create function app.payment_guard() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  settles constant text[] := array['status', 'paid_at', 'receipt_no', 'provider', 'external_id'];
begin
  if tg_op = 'UPDATE' then
    if old.status in ('succeeded', 'failed', 'voided') then
      raise exception 'A settled payment cannot be changed.' using errcode = 'PT409', hint = 'Record a refund instead.';
    end if;
    if new.status <> old.status and not app.payment_may_become(old.status, new.status) then
      raise exception 'A payment that is % cannot become %.', old.status, new.status using errcode = 'PT409', detail = 'status';
    end if;
    if to_jsonb(new) - settles <> to_jsonb(old) - settles then
      raise exception 'Only the state of a payment can be changed.' using errcode = 'PT409';
    end if;
  else
    if app.is_client() and new.status not in ('pending', 'authorized', 'succeeded') then
      raise exception 'A payment does not begin as %.', new.status using errcode = 'PT422', detail = 'status';
    end if;
    new.received_by := coalesce(auth.uid(), new.received_by);
    if exists (select from public.invoices i where i.id = new.invoice_id
                and (i.patient_id <> new.patient_id or i.currency <> new.currency)) then
      raise exception 'Patient and currency of a payment are those of its invoice.' using errcode = 'PT422', detail = 'patient_id';
    end if;
  end if;
  if new.status = 'succeeded' then
    new.paid_at := coalesce(new.paid_at, now());
    new.receipt_no := coalesce(new.receipt_no, 'REC-' || lpad(nextval('app.receipt_no_seq')::text, 8, '0'));
  end if;
  return new;
end $$;

-- After the row, not before it: an insert that ON CONFLICT skips must not move the invoice.
create function app.settle_invoice() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform app.apply_payment(new);
  return null;
end $$;

create trigger guard before insert or update on public.payment for each row execute function app.payment_guard();
create trigger settle after insert or update on public.payment for each row
  when (new.status = 'succeeded') execute function app.settle_invoice();
create trigger never_delete before delete on public.payment
  for each row execute function app.never_delete('Record a refund instead.');
create trigger stamp before insert or update on public.payment for each row execute function app.stamp_creator();
create trigger touch before update on public.payment for each row execute function app.touch('id');

alter table public.payment enable row level security;
revoke all on public.payment from anon, authenticated;
grant select on public.payment to authenticated;
grant insert (id, invoice_id, patient_id, kind, method, status, amount, currency, provider, external_id, refund_of, paid_at, notes)
  on public.payment to authenticated;

create policy payment_select_patient on public.payment for select to authenticated
  using (patient_id = (select auth.uid()) and (select app.caller_role()) = 'patient');
create policy payment_select_reception on public.payment for select to authenticated
  using ((select app.caller_role()) in ('receptionist', 'admin'));
create policy payment_insert_reception on public.payment for insert to authenticated
  with check ((select app.caller_role()) in ('receptionist', 'admin'));
