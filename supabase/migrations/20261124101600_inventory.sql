-- Stock by lot and place. What is on hand changes by movements alone (move_stock).

create table public.inventory (
  id uuid constraint inventory_pkey primary key default gen_random_uuid(),
  sku text not null,
  name public.required_text not null,
  category public.required_text not null,
  lot_no public.short_text not null default '',
  location public.required_text not null default 'main',
  expires_on date,
  manufacturer public.short_text,
  supplier public.short_text,
  catalog_no public.short_text,
  barcode public.short_text,
  unit public.required_text not null default 'each',
  on_hand public.stock_quantity not null default 0,
  reorder_level public.stock_quantity not null default 0,
  reorder_target public.stock_quantity,
  on_order public.stock_quantity not null default 0,
  unit_cost numeric(12, 4),
  status text not null default 'active',
  discard_reason public.note_text,
  last_counted_at timestamptz,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  constraint inventory_lot_key unique (sku, lot_no, location),
  constraint inventory_sku_form check (sku ~ '^[A-Z0-9._-]{2,32}$'),
  constraint inventory_unit_cost_not_negative check (unit_cost >= 0),
  constraint inventory_status_known check (status in ('active', 'quarantined', 'expired', 'discarded')),
  constraint inventory_target_above_level check (reorder_target >= reorder_level),
  constraint inventory_discard_reason check (status <> 'discarded' or (discard_reason is not null and char_length(btrim(discard_reason)) > 0))
);
comment on table public.inventory is 'Stock by article, lot and place.';
comment on column public.inventory.id is 'Identifies the lot at its place.';
comment on column public.inventory.sku is 'The article: 2 to 32 capital letters, digits, dots, _ or -.';
comment on column public.inventory.name is 'The article''s name.';
comment on column public.inventory.category is 'What kind of article.';
comment on column public.inventory.lot_no is 'The manufacturer''s lot; empty where there is none.';
comment on column public.inventory.location is 'Where it is kept.';
comment on column public.inventory.expires_on is 'Last day it may be used.';
comment on column public.inventory.manufacturer is 'Who made it.';
comment on column public.inventory.supplier is 'Who sells it.';
comment on column public.inventory.catalog_no is 'The supplier''s number.';
comment on column public.inventory.barcode is 'The barcode.';
comment on column public.inventory.unit is 'What is counted.';
comment on column public.inventory.on_hand is 'How much is there; changed by move_stock alone.';
comment on column public.inventory.reorder_level is 'Reorder at or below this.';
comment on column public.inventory.reorder_target is 'Reorder up to this.';
comment on column public.inventory.on_order is 'How much is on its way.';
comment on column public.inventory.unit_cost is 'Cost of one.';
comment on column public.inventory.status is 'active, quarantined, expired or discarded; only active stock is used.';
comment on column public.inventory.discard_reason is 'Why it was discarded.';
comment on column public.inventory.last_counted_at is 'When it was last counted; set by move_stock.';
comment on constraint inventory_pkey on public.inventory is 'There is a lot with this id already.';
comment on constraint inventory_lot_key on public.inventory is 'This lot of the article is kept at this place already.';
comment on constraint inventory_sku_form on public.inventory is 'An article is named by 2 to 32 capital letters, digits, dots, _ or -.';
comment on constraint inventory_unit_cost_not_negative on public.inventory is 'A cost is never negative.';
comment on constraint inventory_status_known on public.inventory is 'Status is active, quarantined, expired or discarded.';
comment on constraint inventory_target_above_level on public.inventory is 'The reorder target is at least the reorder level.';
comment on constraint inventory_discard_reason on public.inventory is 'Discarded stock states why.';
create index inventory_sku_expires_on_idx on public.inventory (sku, location, expires_on);

create trigger soft_delete before delete on public.inventory for each row execute function app.soft_delete();
create trigger touch before update on public.inventory for each row execute function app.touch('id');

alter table public.inventory enable row level security;
revoke all on public.inventory from anon, authenticated;
grant select, delete on public.inventory to authenticated;
grant insert (id, sku, name, category, lot_no, location, expires_on, manufacturer, supplier, catalog_no, barcode, unit,
    reorder_level, reorder_target, on_order, unit_cost, status, discard_reason),
  update (id, sku, name, category, lot_no, location, expires_on, manufacturer, supplier, catalog_no, barcode, unit,
    reorder_level, reorder_target, on_order, unit_cost, status, discard_reason)
  on public.inventory to authenticated;

create policy inventory_select_staff on public.inventory for select to authenticated
  using ((select app.caller_role()) in ('dentist', 'receptionist') and deleted_at is null);
create policy inventory_select_admin on public.inventory for select to authenticated
  using ((select app.caller_role()) = 'admin');
create policy inventory_insert_reception on public.inventory for insert to authenticated
  with check ((select app.caller_role()) in ('receptionist', 'admin'));
create policy inventory_update_receptionist on public.inventory for update to authenticated
  using ((select app.caller_role()) = 'receptionist' and deleted_at is null)
  with check ((select app.caller_role()) = 'receptionist');
create policy inventory_update_admin on public.inventory for update to authenticated
  using ((select app.caller_role()) = 'admin') with check ((select app.caller_role()) = 'admin');
create policy inventory_delete_admin on public.inventory for delete to authenticated
  using ((select app.caller_role()) = 'admin');

create table app.inventory_movement (
  id bigint generated always as identity constraint inventory_movement_pkey primary key,
  inventory_id uuid not null constraint inventory_movement_inventory_id_fkey references public.inventory (id),
  delta numeric(12, 3) not null,
  reason text not null,
  treatment_id uuid constraint inventory_movement_treatment_id_fkey references public.treatment_records (id),
  by_user uuid,
  at timestamptz not null default now(),
  constraint inventory_movement_not_zero check (delta <> 0),
  constraint inventory_movement_reason_known check (reason in ('receive', 'use', 'count', 'discard', 'transfer', 'return'))
);
comment on table app.inventory_movement is 'Every change of stock, with the treatment it was used for: the source of patients_by_lot.';
create index inventory_movement_inventory_id_idx on app.inventory_movement (inventory_id);
create index inventory_movement_treatment_id_idx on app.inventory_movement (treatment_id) where treatment_id is not null;
alter table app.inventory_movement enable row level security;

create function app.apply_movement() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.inventory i
     set on_hand = i.on_hand + new.delta,
         last_counted_at = case when new.reason = 'count' then new.at else i.last_counted_at end
   where i.id = new.inventory_id;
  return null;
end $$;
create trigger apply after insert on app.inventory_movement for each row execute function app.apply_movement();
