-- Stock moves, earliest expiry first, and the question a recall asks: who was treated from this lot?

create function app.lots_to_take_from(sku text, location text) returns setof public.inventory
language sql volatile security definer set search_path = '' as $$
  select i.* from public.inventory i
   where i.sku = lots_to_take_from.sku and i.location = lots_to_take_from.location and i.status = 'active' and i.deleted_at is null
     and i.on_hand > 0 and (i.expires_on is null or i.expires_on >= (now() at time zone (select s.time_zone from public.clinic_settings s))::date)
   order by i.expires_on nulls last, i.id for no key update
$$;

create function app.take_stock(sku text, location text, quantity numeric, reason text, treatment_id uuid) returns uuid[]
language plpgsql security definer set search_path = '' as $$
declare
  lot public.inventory;
  wanted numeric := quantity;
  part numeric;
  touched uuid[] := '{}';
begin
  for lot in select * from app.lots_to_take_from(take_stock.sku, take_stock.location) loop
    exit when wanted = 0;
    part := least(wanted, lot.on_hand);
    insert into app.inventory_movement (inventory_id, delta, reason, treatment_id, by_user)
    values (lot.id, -part, take_stock.reason, take_stock.treatment_id, auth.uid());
    wanted := wanted - part;
    touched := touched || lot.id;
  end loop;
  if wanted > 0 then
    raise exception 'There is not enough in stock.' using errcode = 'PT409', detail = 'quantity',
      hint = 'Expired, quarantined and discarded lots are not used.';
  end if;
  return touched;
end $$;

create function app.move_lot(lot_id uuid, quantity numeric, reason text, treatment_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  lot public.inventory;
  delta numeric;
begin
  select * into lot from public.inventory i where i.id = lot_id and i.deleted_at is null for no key update;
  if not found then
    raise exception 'There is no such lot.' using errcode = 'PT404', detail = 'inventory_id';
  end if;
  delta := case when reason = 'count' then quantity - lot.on_hand when reason = 'receive' then quantity else -quantity end;
  if lot.on_hand + delta < 0 then
    raise exception 'There is not enough in stock.' using errcode = 'PT409', detail = 'quantity';
  end if;
  if reason = 'use' and (lot.status <> 'active'
      or lot.expires_on < (now() at time zone (select s.time_zone from public.clinic_settings s))::date) then
    raise exception 'This lot is not to be used.' using errcode = 'PT409', detail = 'inventory_id';
  end if;
  if delta <> 0 then
    insert into app.inventory_movement (inventory_id, delta, reason, treatment_id, by_user)
    values (lot_id, delta, move_lot.reason, move_lot.treatment_id, auth.uid());
  elsif reason = 'count' then
    update public.inventory i set last_counted_at = now() where i.id = lot_id;
  end if;
end $$;

-- The same lot at another place, made when it is new there. It stays what it is: quarantined stock is not set free by
-- carrying it into the next room.
create function app.transfer_lot(lot_id uuid, quantity numeric, to_location text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  target uuid;
begin
  perform from public.inventory i where i.id = lot_id and i.deleted_at is null;
  if not found then
    raise exception 'There is no such lot.' using errcode = 'PT404', detail = 'inventory_id';
  end if;
  if to_location is null then
    raise exception 'Name another place to transfer to.' using errcode = 'PT422', detail = 'to_location';
  end if;
  insert into public.inventory (sku, name, category, lot_no, location, expires_on, manufacturer, supplier, catalog_no, barcode, unit, unit_cost,
    status, discard_reason)
  select i.sku, i.name, i.category, i.lot_no, to_location, i.expires_on, i.manufacturer, i.supplier, i.catalog_no, i.barcode, i.unit, i.unit_cost,
    i.status, i.discard_reason
    from public.inventory i where i.id = lot_id
  on conflict on constraint inventory_lot_key do nothing;
  select t.id into target from public.inventory t join public.inventory i on t.sku = i.sku and t.lot_no = i.lot_no
   where i.id = lot_id and t.location = to_location and t.deleted_at is null;
  if target is null or target = lot_id then
    raise exception 'Name another place to transfer to.' using errcode = 'PT422', detail = 'to_location';
  end if;
  if exists (select from public.inventory i, public.inventory t
       where i.id = lot_id and t.id = target and (i.status, i.expires_on) is distinct from (t.status, t.expires_on)) then
    raise exception 'The lot differs in status or expiry at the other place.' using errcode = 'PT409', detail = 'to_location';
  end if;
  -- Both rows in the order of their ids, so that two transfers in opposite directions do not wait for each other.
  perform from public.inventory i where i.id in (lot_id, target) order by i.id for no key update;
  perform app.move_lot(lot_id, quantity, 'transfer', null);
  insert into app.inventory_movement (inventory_id, delta, reason, by_user) values (target, quantity, 'transfer', auth.uid());
  return target;
end $$;

create function public.move_stock(reason text, quantity numeric, sku text default null, inventory_id uuid default null,
  location text default 'main', to_location text default null, treatment_id uuid default null) returns setof public.inventory
language plpgsql security definer set search_path = '' as $$
declare
  caller text := app.require_role('dentist', 'receptionist', 'admin');
  touched uuid[];
begin
  if reason is null or reason not in ('receive', 'use', 'count', 'discard', 'transfer', 'return') then
    raise exception 'Reason is receive, use, count, discard, transfer or return.' using errcode = 'PT422', detail = 'reason';
  end if;
  if caller = 'dentist' and reason <> 'use' then
    raise exception 'Dentists only use stock.' using errcode = '42501';
  end if;
  -- NaN is above all numbers and equal to itself.
  if quantity is null or quantity = 'NaN' or quantity < 0 or (quantity = 0 and reason <> 'count') or quantity <> round(quantity, 3) then
    raise exception 'Quantity is above zero, with at most three decimals.' using errcode = 'PT422', detail = 'quantity';
  end if;
  if move_stock.treatment_id is not null and reason <> 'use' then
    raise exception 'Only what is used belongs to a treatment.' using errcode = 'PT422', detail = 'treatment_id';
  end if;
  if move_stock.inventory_id is null then
    if move_stock.sku is null or reason not in ('use', 'discard') then
      raise exception 'Name the lot (inventory_id); only use and discard go by article (sku).' using errcode = 'PT422', detail = 'inventory_id';
    end if;
    touched := app.take_stock(move_stock.sku, move_stock.location, quantity, reason, move_stock.treatment_id);
  elsif reason = 'transfer' then
    touched := array[move_stock.inventory_id, app.transfer_lot(move_stock.inventory_id, quantity, move_stock.to_location)];
  else
    perform app.move_lot(move_stock.inventory_id, quantity, reason, move_stock.treatment_id);
    touched := array[move_stock.inventory_id];
  end if;
  perform app.idempotency_record_result((select jsonb_agg(to_jsonb(i) order by i.id) from public.inventory i where i.id = any (touched)));
  return query select * from public.inventory i where i.id = any (touched) order by i.id;
end $$;
comment on function public.move_stock(text, numeric, text, uuid, text, text, uuid) is
  'Moves stock: reason is receive, use, count (quantity is what was counted), discard, transfer or return. By lot (inventory_id), or for use and discard by article (sku at location): then the earliest expiry is taken first. Answers with the lots that moved. Dentists may only use.';

create function public.patients_by_lot(lot_no text, sku text default null)
returns table (patient_id uuid, first_name text, last_name text, phone text, email text, treatment_id uuid, article text, quantity numeric, used_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform app.require_role('dentist', 'admin');
  return query
    select u.id, u.first_name::text, u.last_name::text, u.phone::text, u.email::text, t.id, i.sku, -m.delta, m.at
      from app.inventory_movement m
      join public.inventory i on i.id = m.inventory_id
      join public.treatment_records t on t.id = m.treatment_id
      join public."user" u on u.id = t.patient_id
     where i.lot_no = patients_by_lot.lot_no and (patients_by_lot.sku is null or i.sku = patients_by_lot.sku) and m.reason = 'use'
     order by m.at, m.id;
end $$;
comment on function public.patients_by_lot(text, text) is
  'For a recall: the patients in whose treatment a lot was used. For dentists and admins, because it tells of treatment. Its use is logged.';

revoke execute on function public.move_stock(text, numeric, text, uuid, text, text, uuid), public.patients_by_lot(text, text)
  from public, anon, authenticated;
grant execute on function public.move_stock(text, numeric, text, uuid, text, text, uuid), public.patients_by_lot(text, text) to authenticated;
