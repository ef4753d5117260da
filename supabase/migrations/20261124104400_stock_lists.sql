-- What to order, and what to use up or throw away.

-- Of each article: what can still be used, in all places together, and what is on its way. The lots of an article should
-- agree on its levels; where they do not, the highest counts.
create function public.reorder_list()
returns table (sku text, name text, unit text, usable numeric, on_order numeric, reorder_level numeric, reorder_target numeric, order_quantity numeric,
  supplier text, catalog_no text)
language plpgsql stable security definer set search_path = '' as $$
declare
  today date := (now() at time zone (select s.time_zone from public.clinic_settings s))::date;
begin
  perform app.require_role('dentist', 'receptionist', 'admin');
  return query
    with article as (
      select i.sku, coalesce(sum(i.on_hand) filter (where i.status = 'active' and (i.expires_on is null or i.expires_on >= today)), 0) as usable,
             sum(i.on_order) as on_order, max(i.reorder_level) as level, max(coalesce(i.reorder_target, i.reorder_level)) as target
        from public.inventory i where i.deleted_at is null group by i.sku
    )
    select a.sku, l.name::text, l.unit::text, a.usable, a.on_order, a.level::numeric, a.target::numeric, a.target - a.usable - a.on_order, l.supplier::text, l.catalog_no::text
      from article a
      cross join lateral (select i.name, i.unit, i.supplier, i.catalog_no from public.inventory i
              where i.sku = a.sku and i.deleted_at is null order by i.updated_at desc, i.id limit 1) l
     where a.usable + a.on_order <= a.level and a.target > a.usable + a.on_order
     order by a.sku;
end $$;
comment on function public.reorder_list() is
  'For staff: the articles of which usable stock and what is on order are at or below the reorder level, and how much brings them to the target. Expired, quarantined and discarded lots do not count.';

create function public.expiry_list(days int default 30)
returns table (id uuid, sku text, name text, lot_no text, location text, unit text, on_hand numeric, status text, expires_on date, days_left int, expired boolean)
language plpgsql stable security definer set search_path = '' as $$
declare
  today date := (now() at time zone (select s.time_zone from public.clinic_settings s))::date;
begin
  perform app.require_role('dentist', 'receptionist', 'admin');
  if days is null or days not between 0 and 3650 then
    raise exception 'Days are 0 to 3,650.' using errcode = 'PT422', detail = 'days';
  end if;
  return query
    select i.id, i.sku, i.name::text, i.lot_no::text, i.location::text, i.unit::text, i.on_hand::numeric, i.status, i.expires_on, i.expires_on - today, i.expires_on < today
      from public.inventory i
     where i.deleted_at is null and i.on_hand > 0 and i.status <> 'discarded' and i.expires_on <= today + days
     order by i.expires_on, i.sku, i.lot_no, i.location;
end $$;
comment on function public.expiry_list(int) is
  'For staff: the lots that are there and expire within so many days, the next first, with those that have expired already: move_stock does not use them, they are to be discarded.';

revoke execute on function public.reorder_list(), public.expiry_list(int) from public, anon, authenticated;
grant execute on function public.reorder_list(), public.expiry_list(int) to authenticated;
