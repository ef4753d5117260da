-- Who of the staff has read medical records. Postgres has no trigger on reading, so the edge says what was read, under the
-- reader's own token: who it was is not the edge's to say. Where that token has ended meanwhile, the edge says it with the
-- service key, and the entry tells so.

create table public.access_log (
  id uuid constraint access_log_pkey primary key,
  at timestamptz not null,
  actor uuid not null constraint access_log_actor_fkey references public."user" (id),
  actor_role text not null,
  method text not null,
  route text not null,
  query text not null,
  row_count int,
  request_id text,
  recorded_by text not null,
  recorded_at timestamptz not null default now(),
  constraint access_log_recorded_by_known check (recorded_by in ('caller', 'service')),
  constraint access_log_row_count_range check (row_count >= 0)
);
comment on table public.access_log is 'Readings of medical records by staff: medical history, treatment records, functions that tell of them, and subscriptions to them in live rooms. For admins; append only.';
comment on column public.access_log.id is 'Made by the edge for each reading, so that one that is told twice is kept once. Not the request''s id, which is the client''s to choose.';
comment on column public.access_log.at is 'When it was read.';
comment on column public.access_log.actor is 'Who read it.';
comment on column public.access_log.actor_role is 'The reader''s role in the clinic.';
comment on column public.access_log.method is 'The request''s method; LISTEN for a subscription in a live room, which is logged for each token that it goes on with.';
comment on column public.access_log.route is 'The request''s path.';
comment on column public.access_log.query is 'The canonical query, or what a subscription asks for, with ? for each value.';
comment on column public.access_log.row_count is 'How many rows were answered; null where that is not known, as of a subscription, or when the Worker died meanwhile.';
comment on column public.access_log.request_id is 'X-Request-Id of the request.';
comment on column public.access_log.recorded_by is 'Whose token said so: the reader''s own (caller), or the service key after that one had ended (service).';
comment on column public.access_log.recorded_at is 'When the entry was made.';
comment on constraint access_log_pkey on public.access_log is 'This reading is in the log already.';
comment on constraint access_log_actor_fkey on public.access_log is 'actor names nobody the clinic knows.';
comment on constraint access_log_recorded_by_known on public.access_log is 'recorded_by is caller or service.';
comment on constraint access_log_row_count_range on public.access_log is 'A count of rows is not negative.';
create index access_log_at_idx on public.access_log (at);
create index access_log_actor_idx on public.access_log (actor, at);

alter table public.access_log enable row level security;
revoke all on public.access_log from anon, authenticated, service_role;
grant select on public.access_log to authenticated;
create policy access_log_select_admin on public.access_log for select to authenticated using ((select app.caller_role()) = 'admin');

create function app.access_log_guard() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'access_log is append only.' using errcode = 'PT409';
end $$;
create trigger append_only before update or delete on public.access_log for each row execute function app.access_log_guard();
create trigger append_only_truncate before truncate on public.access_log for each statement execute function app.access_log_guard();

-- Who the reader is comes from the token, whatever an entry says; only the service key may name one. Somebody who was
-- deactivated since is still who read it, so the role is taken from the row as it is. Patients read their own records,
-- which is not logged.
create function public.log_access(entries jsonb) returns int
language plpgsql security definer set search_path = '' as $$
declare
  by_service constant boolean := auth.role() = 'service_role';
  recorded int;
begin
  if jsonb_typeof(entries) is distinct from 'array' or jsonb_array_length(entries) > 500 then
    raise exception 'Entries are an array of at most 500.' using errcode = 'PT422', detail = 'entries';
  end if;
  insert into public.access_log (id, at, actor, actor_role, method, route, query, row_count, request_id, recorded_by)
  select e.id, greatest(least(coalesce(to_timestamp(e.at_ms / 1000.0), now()), now()), now() - interval '30 days'), p.id, r.code, left(coalesce(e.method, ''), 10),
         left(coalesce(e.route, ''), 200), left(coalesce(e.query, ''), 8000), case when e.row_count is not null then greatest(e.row_count, 0) end, left(e.request_id, 200),
         case when by_service then 'service' else 'caller' end
    from jsonb_to_recordset(entries) e (id uuid, at_ms bigint, actor uuid, method text, route text, query text, row_count int, request_id text)
    join public."user" p on p.id = case when by_service then e.actor else auth.uid() end
    join public.role r on r.id = p.role_id
   where r.code <> 'patient' and e.id is not null
  on conflict on constraint access_log_pkey do nothing;
  get diagnostics recorded = row_count;
  return recorded;
end $$;
comment on function public.log_access(jsonb) is
  'internal: for the edge, notes readings of medical records in the name of whose token it is called with; answers how many were new.';
revoke execute on function public.log_access(jsonb) from public, anon, authenticated;
grant execute on function public.log_access(jsonb) to authenticated, service_role;
