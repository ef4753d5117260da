-- The audit trail, walked by an admin in parts: a long log must not run into a time-out.

-- The entry at `after` is judged again, since the rest is linked to it. `anchor` is its hash as it was kept elsewhere:
-- an end that was cut off, or a log that was written anew throughout, is noticed by that alone.
create function public.audit_verify(after bigint default 0, anchor text default null, batch int default 5000) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  nothing constant bytea := decode(repeat('00', 32), 'hex');
  head public.change_log;
  entry public.change_log;
  hash_before bytea := nothing;
  verified_to bigint := 0;
  fault text;
begin
  perform app.require_role('admin');
  if after is null or after < 0 or batch is null or batch not between 1 and 20000 then
    raise exception 'after is at least 0, batch 1 to 20,000.' using errcode = 'PT422', detail = 'after';
  end if;
  select * into head from public.change_log l order by l.seq desc limit 1;
  if anchor is not null and not exists (select from public.change_log l where l.seq = after and encode(l.hash, 'hex') = lower(anchor)) then
    return jsonb_build_object('verified_to', 0, 'head', app.audit_head(head), 'broken', jsonb_build_object('seq', after, 'why', 'anchor'));
  end if;
  select coalesce(max(l.seq), 0) into verified_to from public.change_log l where l.seq < after;
  select l.hash into hash_before from public.change_log l where l.seq = verified_to;
  for entry in select * from public.change_log l where l.seq > verified_to order by l.seq limit batch + 1 loop
    fault := app.change_log_fault(entry, coalesce(hash_before, nothing));
    exit when fault is not null;
    verified_to := entry.seq;
    hash_before := entry.hash;
  end loop;
  return jsonb_build_object('verified_to', verified_to, 'head', app.audit_head(head),
    'broken', case when fault is not null then jsonb_build_object('seq', entry.seq, 'why', fault) end);
end $$;
comment on function public.audit_verify(bigint, text, int) is
  'internal: for admins, judges the change log after an entry, at most batch entries: {verified_to, head: {seq, hash}, broken: null or {seq, why}}.';

create function app.audit_head(head public.change_log) returns jsonb
language sql immutable set search_path = '' as $$
  select case when head.seq is not null then jsonb_build_object('seq', head.seq, 'hash', encode(head.hash, 'hex')) end
$$;

revoke execute on function public.audit_verify(bigint, text, int) from public, anon, authenticated;
grant execute on function public.audit_verify(bigint, text, int) to authenticated;
