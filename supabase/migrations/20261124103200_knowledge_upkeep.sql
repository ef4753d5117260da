-- How an admin writes documents. One call replaces a document and its pieces in one transaction, so that a search never
-- finds half of it; the same content again changes nothing. The edge cuts the pieces and keeps the vector store.

create function public.put_knowledge_document(document jsonb, chunks jsonb, expected_version int default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  fixed constant text[] := array['content_hash', 'version', 'created_at', 'updated_at', 'updated_by'];
  digest constant text := encode(sha256(convert_to(jsonb_build_array(document, chunks)::text, 'UTF8')), 'hex');
  wanted public.knowledge_document;
  before public.knowledge_document;
  after public.knowledge_document;
  outcome text := 'unchanged';
  added text[] := '{}';
  removed text[] := '{}';
begin
  perform app.require_role('admin');
  if jsonb_typeof(document) is distinct from 'object' or jsonb_typeof(chunks) is distinct from 'array' then
    raise exception 'A document is a JSON object, its pieces are an array.' using errcode = 'PT422', detail = 'document';
  end if;
  wanted := jsonb_populate_record(null::public.knowledge_document,
    '{"category": "general", "language": "en", "audience": "public"}' || jsonb_strip_nulls(document - fixed));
  perform pg_advisory_xact_lock(hashtextextended('knowledge_document ' || wanted.slug, 0));
  select * into before from public.knowledge_document d where d.slug = wanted.slug;
  if expected_version is not null and expected_version is distinct from coalesce(before.version, 0) then
    raise exception 'The document has changed in the meantime.' using errcode = 'PT412';
  end if;
  if before.content_hash is distinct from digest then
    outcome := case when before.slug is null then 'created' else 'updated' end;
    insert into public.knowledge_document (slug, title, body, category, language, audience, valid_from, valid_until, content_hash, updated_by)
    values (wanted.slug, wanted.title, wanted.body, wanted.category, wanted.language, wanted.audience, wanted.valid_from, wanted.valid_until, digest, auth.uid())
    on conflict on constraint knowledge_document_pkey do update
       set (title, body, category, language, audience, valid_from, valid_until, content_hash)
         = (excluded.title, excluded.body, excluded.category, excluded.language, excluded.audience, excluded.valid_from, excluded.valid_until, excluded.content_hash);
    with gone as (
      delete from public.knowledge_chunk c where c.document_slug = wanted.slug
         and not exists (select from jsonb_array_elements(chunks) x where x ->> 'id' = c.id) returning c.id
    ) select coalesce(array_agg(g.id order by g.id), '{}') into removed from gone g;
    with fresh as (
      insert into public.knowledge_chunk (id, document_slug, ordinal, heading, content)
      select x.id, wanted.slug, x.ordinal, coalesce(x.heading, ''), x.content
        from jsonb_to_recordset(chunks) x (id text, ordinal int, heading text, content text)
       where not exists (select from public.knowledge_chunk c where c.id = x.id and c.document_slug = wanted.slug)
      returning id
    ) select coalesce(array_agg(f.id order by f.id), '{}') into added from fresh f;
    -- What was there before may stand elsewhere now.
    update public.knowledge_chunk c set ordinal = x.ordinal
      from jsonb_to_recordset(chunks) x (id text, ordinal int)
     where x.id = c.id and c.document_slug = wanted.slug and c.ordinal <> x.ordinal;
  end if;
  select * into after from public.knowledge_document d where d.slug = wanted.slug;
  return jsonb_build_object('outcome', outcome, 'document', to_jsonb(after), 'added', added, 'removed', removed);
end $$;
comment on function public.put_knowledge_document(jsonb, jsonb, int) is
  'internal: for admins, writes a document with its pieces [{id, ordinal, heading, content}]; says created, updated or unchanged and which pieces came and went.';

create function public.delete_knowledge_document(slug text, expected_version int default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  removed text[];
  current int;
begin
  perform app.require_role('admin');
  perform pg_advisory_xact_lock(hashtextextended('knowledge_document ' || delete_knowledge_document.slug, 0));
  select d.version into current from public.knowledge_document d where d.slug = delete_knowledge_document.slug;
  if expected_version is not null and current is not null and current <> expected_version then
    raise exception 'The document has changed in the meantime.' using errcode = 'PT412';
  end if;
  select array_agg(c.id order by c.ordinal) into removed from public.knowledge_chunk c where c.document_slug = delete_knowledge_document.slug;
  delete from public.knowledge_document d where d.slug = delete_knowledge_document.slug;
  if not found then
    raise exception 'There is no such document.' using errcode = 'PT404';
  end if;
  return jsonb_build_object('outcome', 'deleted', 'removed', coalesce(removed, '{}'));
end $$;
comment on function public.delete_knowledge_document(text, int) is
  'internal: for admins, removes a document with its pieces and says which pieces those were.';

revoke execute on function public.put_knowledge_document(jsonb, jsonb, int), public.delete_knowledge_document(text, int) from public, anon, authenticated;
grant execute on function public.put_knowledge_document(jsonb, jsonb, int), public.delete_knowledge_document(text, int) to authenticated;
