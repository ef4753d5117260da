-- Which of the vector store's collections (at Pinecone: namespaces) are kept, and which of them is searched. The Worker reads
-- it here, so that a switch needs no deployment: a reindex fills a new one from the database while the old one answers,
-- documents are written to both, and the old one is kept for a while after the switch for whoever has not heard of it.

create table app.knowledge_index (
  name text constraint knowledge_index_pkey primary key,
  made_with text not null,
  state text not null,
  cursor text not null default '',
  passes int not null default 0,
  checked_at timestamptz,
  lease_until timestamptz not null default '-infinity',
  changed_at timestamptz not null default now(),
  constraint knowledge_index_name_form check (name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{1,98}[A-Za-z0-9_]$'),
  constraint knowledge_index_state_known check (state in ('active', 'building', 'retired')),
  constraint knowledge_index_made_with_length check (char_length(made_with) between 1 and 1000),
  constraint knowledge_index_cursor_length check (char_length(cursor) <= 2000)
);
comment on table app.knowledge_index is 'The collections or namespaces of the vector store that are kept in step with the documents.';
comment on column app.knowledge_index.name is 'The collection''s or namespace''s name.';
comment on column app.knowledge_index.made_with is 'The store and the embedding model: vectors of different models cannot be compared.';
comment on column app.knowledge_index.state is 'active: searched; building: being filled; retired: no longer searched, soon emptied.';
comment on column app.knowledge_index.cursor is 'How far the comparison with the database has come; empty at the beginning of a pass.';
comment on column app.knowledge_index.passes is 'How often the whole of it has been compared since it was begun.';
comment on column app.knowledge_index.checked_at is 'When a part of it was last compared.';
comment on column app.knowledge_index.lease_until is 'Until when a scheduled run has it for itself.';
comment on column app.knowledge_index.changed_at is 'When its state last changed.';
comment on constraint knowledge_index_pkey on app.knowledge_index is 'There is an index of this name already.';
comment on constraint knowledge_index_name_form on app.knowledge_index is 'An index''s name is 3 to 100 letters, digits, dots, underscores and hyphens.';
comment on constraint knowledge_index_state_known on app.knowledge_index is 'An index is active, building or retired.';
comment on constraint knowledge_index_made_with_length on app.knowledge_index is 'What an index is made with is 1 to 1,000 characters.';
comment on constraint knowledge_index_cursor_length on app.knowledge_index is 'A cursor has at most 2,000 characters.';
create unique index knowledge_index_one_active on app.knowledge_index (state) where state = 'active';
comment on index app.knowledge_index_one_active is 'One index is searched.';
alter table app.knowledge_index enable row level security;
revoke all on app.knowledge_index from anon, authenticated, service_role;

-- The scheduled upkeep has no user's token: it comes with the service key and reads what it must compare.
grant select on public.knowledge_document, public.knowledge_chunk to service_role;

create function app.require_knowledge_upkeep() returns void
language plpgsql stable set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' then
    perform app.require_role('admin');
  end if;
end $$;
comment on function app.require_knowledge_upkeep() is 'Lets admins and the service role pass.';

-- The first index is the one that the Worker's settings name.
create function app.ensure_knowledge_index(first_name text, made_with text) returns void
language sql set search_path = '' as $$
  insert into app.knowledge_index (name, made_with, state)
  select first_name, ensure_knowledge_index.made_with, 'active'
   where first_name is not null and not exists (select from app.knowledge_index i where i.state = 'active')
  on conflict do nothing
$$;
comment on function app.ensure_knowledge_index(text, text) is 'Makes the first index the active one where there is none.';

create function public.active_knowledge_index() returns jsonb
language sql stable security definer set search_path = '' as $$
  select to_jsonb(x) from (select i.name, i.made_with from app.knowledge_index i where i.state = 'active') x
$$;
comment on function public.active_knowledge_index() is 'internal: the index that is searched, {name, made_with}; null before the first document.';

create function public.knowledge_indexes() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform app.require_knowledge_upkeep();
  return (select coalesce(jsonb_agg(to_jsonb(x) order by x.state, x.name), '[]')
            from (select i.name, i.made_with, i.state, i.cursor, i.passes, i.checked_at, i.changed_at from app.knowledge_index i) x);
end $$;
comment on function public.knowledge_indexes() is 'internal: for admins and the service role, all indexes.';

-- What an upload must know before it writes: it refuses whoever may not write before anything reaches the vector store.
create function public.knowledge_document_state(slug text, first_index text default null, made_with text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  perform app.require_role('admin');
  perform app.ensure_knowledge_index(first_index, knowledge_document_state.made_with);
  return jsonb_build_object(
    'version', coalesce((select d.version from public.knowledge_document d where d.slug = knowledge_document_state.slug), 0),
    'pieces', (select coalesce(jsonb_agg(c.id order by c.ordinal), '[]') from public.knowledge_chunk c where c.document_slug = knowledge_document_state.slug),
    'indexes', (select coalesce(jsonb_agg(i.name order by i.name), '[]') from app.knowledge_index i where i.made_with = knowledge_document_state.made_with));
end $$;
comment on function public.knowledge_document_state(text, text, text) is
  'internal: for admins, a document''s version (0: there is none), its pieces, and the indexes of this make to which its vectors go.';

create function public.build_knowledge_index(name text, made_with text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  before app.knowledge_index;
begin
  perform app.require_role('admin');
  perform pg_advisory_xact_lock(hashtextextended('knowledge_index', 0));
  select * into before from app.knowledge_index i where i.name = build_knowledge_index.name;
  if before.state in ('active', 'retired') then
    raise exception 'The index is in use or being emptied; choose another name.' using errcode = 'PT409';
  end if;
  insert into app.knowledge_index (name, made_with, state) values (build_knowledge_index.name, build_knowledge_index.made_with, 'building')
  on conflict on constraint knowledge_index_pkey do update
     set made_with = excluded.made_with, cursor = '', passes = 0
   where knowledge_index.made_with <> excluded.made_with;
  return (select to_jsonb(x) from (select i.name, i.made_with, i.state, i.cursor, i.passes from app.knowledge_index i
           where i.name = build_knowledge_index.name) x);
end $$;
comment on function public.build_knowledge_index(text, text) is 'internal: for admins, begins a new index, or goes on with it.';

create function public.mark_knowledge_index(name text, cursor text, pass_done boolean) returns int
language plpgsql security definer set search_path = '' as $$
declare
  done int;
begin
  perform app.require_knowledge_upkeep();
  update app.knowledge_index i
     set cursor = mark_knowledge_index.cursor, passes = i.passes + mark_knowledge_index.pass_done::int, checked_at = now(), lease_until = '-infinity'
   where i.name = mark_knowledge_index.name
  returning i.passes into done;
  return done;
end $$;
comment on function public.mark_knowledge_index(text, text, boolean) is 'internal: for admins and the service role, notes how far an index has been compared; answers how many passes are done.';

create function public.activate_knowledge_index(name text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  wanted app.knowledge_index;
begin
  perform app.require_role('admin');
  perform pg_advisory_xact_lock(hashtextextended('knowledge_index', 0));
  select * into wanted from app.knowledge_index i where i.name = activate_knowledge_index.name for update;
  if wanted.name is null then
    raise exception 'There is no such index.' using errcode = 'PT404';
  elsif wanted.state = 'retired' then
    raise exception 'The index is being emptied.' using errcode = 'PT409';
  elsif wanted.passes = 0 and wanted.state = 'building' then
    raise exception 'The index is not yet complete.' using errcode = 'PT409', hint = 'Fill it to the end first.';
  end if;
  update app.knowledge_index i set state = 'retired', changed_at = now() where i.state = 'active' and i.name <> wanted.name;
  update app.knowledge_index i set state = 'active', changed_at = now() where i.name = wanted.name and i.state <> 'active';
  return public.active_knowledge_index();
end $$;
comment on function public.activate_knowledge_index(text) is 'internal: for admins, makes a complete index the one that is searched; the one before is retired.';

-- A scheduled run takes the index that was looked at the longest ago, for two minutes. A retired one is left in peace for
-- ten: an isolate may remember it for thirty seconds, a search may be under way. What another store or model made cannot
-- be emptied from here and is forgotten after a day.
create function public.claim_knowledge_index(first_index text, made_with text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  chosen text;
begin
  perform app.ensure_knowledge_index(first_index, claim_knowledge_index.made_with);
  delete from app.knowledge_index i
   where i.state = 'retired' and i.made_with <> claim_knowledge_index.made_with and i.changed_at < now() - interval '1 day';
  select i.name into chosen from app.knowledge_index i
   where i.made_with = claim_knowledge_index.made_with and i.lease_until < now()
     and (i.state <> 'retired' or i.changed_at < now() - interval '10 minutes')
   order by i.checked_at nulls first, i.name limit 1 for update skip locked;
  update app.knowledge_index i set lease_until = now() + interval '2 minutes' where i.name = chosen;
  return (select to_jsonb(x) from (select i.name, i.made_with, i.state, i.cursor, i.passes from app.knowledge_index i where i.name = chosen) x);
end $$;
comment on function public.claim_knowledge_index(text, text) is 'internal: for the service role, takes the index that is to be compared next; null when there is none.';

create function public.drop_knowledge_index(name text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  delete from app.knowledge_index i where i.name = drop_knowledge_index.name and i.state = 'retired';
  return found;
end $$;
comment on function public.drop_knowledge_index(text) is 'internal: for the service role, forgets a retired index that has been emptied; says whether there was one.';

create function public.missing_knowledge_pieces(ids text[]) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform app.require_knowledge_upkeep();
  return (select coalesce(jsonb_agg(x.id order by x.id), '[]') from unnest(ids) x (id)
           where not exists (select from public.knowledge_chunk c where c.id = x.id));
end $$;
comment on function public.missing_knowledge_pieces(text[]) is 'internal: for admins and the service role, those of the ids of which there is no piece.';

revoke execute on function app.require_knowledge_upkeep(), app.ensure_knowledge_index(text, text),
  public.active_knowledge_index(), public.knowledge_indexes(), public.knowledge_document_state(text, text, text),
  public.build_knowledge_index(text, text), public.mark_knowledge_index(text, text, boolean), public.activate_knowledge_index(text),
  public.claim_knowledge_index(text, text), public.drop_knowledge_index(text), public.missing_knowledge_pieces(text[]) from public, anon, authenticated, service_role;
grant execute on function public.active_knowledge_index() to anon, authenticated, service_role;
grant execute on function public.knowledge_indexes(), public.missing_knowledge_pieces(text[]), public.mark_knowledge_index(text, text, boolean) to authenticated, service_role;
grant execute on function public.knowledge_document_state(text, text, text), public.build_knowledge_index(text, text), public.activate_knowledge_index(text) to authenticated;
grant execute on function public.claim_knowledge_index(text, text), public.drop_knowledge_index(text) to service_role;
