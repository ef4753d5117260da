-- What the clinic offers. Codes follow a pattern; the texts of the CDT are not shipped.

create table public.service (
  id uuid constraint service_pkey primary key default gen_random_uuid(),
  code text not null,
  name public.required_text not null,
  lay_name public.short_text,
  category text not null,
  treatment_area public.treatment_area not null default 'none',
  duration_min int not null default 30,
  buffer_before_min int not null default 0,
  buffer_after_min int not null default 0,
  fee public.amount not null,
  currency public.currency_code not null default 'USD',
  tax_rate numeric(6, 4) not null default 0,
  is_prosthesis boolean not null default false,
  online_bookable boolean not null default false,
  active boolean not null default true,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  constraint service_code_form check (code ~ '^(D[0-9]{4}|[A-Z0-9_-]{2,12})$'),
  constraint service_category_known check (category in ('diagnostic', 'preventive', 'restorative', 'endodontics', 'periodontics',
    'prosth_removable', 'maxillofacial_prosth', 'implant', 'prosth_fixed', 'oral_surgery', 'orthodontics', 'adjunctive')),
  constraint service_duration_range check (duration_min between 5 and 540 and duration_min % 5 = 0),
  constraint service_buffer_before_range check (buffer_before_min between 0 and 120),
  constraint service_buffer_after_range check (buffer_after_min between 0 and 120),
  constraint service_tax_rate_range check (tax_rate between 0 and 1)
);
comment on table public.service is 'What the clinic offers, with duration and fee. Active services are public.';
comment on column public.service.id is 'Identifies the service.';
comment on column public.service.code is 'D and four digits, or 2 to 12 capital letters, digits, _ or -.';
comment on column public.service.name is 'The service''s name.';
comment on column public.service.lay_name is 'The name patients understand.';
comment on column public.service.category is 'One of twelve categories.';
comment on column public.service.treatment_area is 'Which location a treatment has to state.';
comment on column public.service.duration_min is 'Minutes in the chair, in steps of five.';
comment on column public.service.buffer_before_min is 'Minutes the dentist is kept free before.';
comment on column public.service.buffer_after_min is 'Minutes the dentist is kept free after.';
comment on column public.service.fee is 'The fee, without tax.';
comment on column public.service.currency is 'Currency of the fee.';
comment on column public.service.tax_rate is 'Tax as a fraction: 0.19 is 19 per cent.';
comment on column public.service.is_prosthesis is 'Whether insurers ask for initial or replacement.';
comment on column public.service.online_bookable is 'Whether patients may book it themselves.';
comment on column public.service.active is 'Whether it is offered at present.';
comment on constraint service_pkey on public.service is 'There is a service with this id already.';
comment on constraint service_code_form on public.service is 'A code is D and four digits, or 2 to 12 capital letters, digits, _ or -.';
comment on constraint service_category_known on public.service is 'The category is one of the twelve known ones.';
comment on constraint service_duration_range on public.service is 'A service takes 5 to 540 minutes, in steps of five.';
comment on constraint service_buffer_before_range on public.service is 'The buffer before is 0 to 120 minutes.';
comment on constraint service_buffer_after_range on public.service is 'The buffer after is 0 to 120 minutes.';
comment on constraint service_tax_rate_range on public.service is 'The tax rate is a fraction between 0 and 1.';

create unique index service_code_live on public.service (code) where deleted_at is null;
comment on index public.service_code_live is 'There is a service with this code already.';

create trigger soft_delete before delete on public.service for each row execute function app.soft_delete();
create trigger touch before update on public.service for each row execute function app.touch('id');

alter table public.service enable row level security;
revoke all on public.service from anon, authenticated;
grant select on public.service to anon, authenticated;
grant delete on public.service to authenticated;
grant insert (id, code, name, lay_name, category, treatment_area, duration_min, buffer_before_min, buffer_after_min, fee, currency,
    tax_rate, is_prosthesis, online_bookable, active),
  update (id, code, name, lay_name, category, treatment_area, duration_min, buffer_before_min, buffer_after_min, fee, currency,
    tax_rate, is_prosthesis, online_bookable, active)
  on public.service to authenticated;

create policy service_select_public on public.service for select to anon, authenticated using (active and deleted_at is null);
create policy service_select_staff on public.service for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist') and deleted_at is null);
create policy service_select_admin on public.service for select to authenticated using ((select app.caller_role()) = 'admin');
create policy service_insert_admin on public.service for insert to authenticated with check ((select app.caller_role()) = 'admin');
create policy service_update_admin on public.service for update to authenticated
  using ((select app.caller_role()) = 'admin') with check ((select app.caller_role()) = 'admin');
create policy service_delete_admin on public.service for delete to authenticated using ((select app.caller_role()) = 'admin');
