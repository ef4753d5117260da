-- Full-text search by BM25. PostgreSQL's own ts_rank knows nothing of how rare a word is, so the words of each piece are
-- kept in an inverted index, stemmed by PostgreSQL's dictionaries, and ranked here.

create extension if not exists unaccent with schema extensions;

-- The dictionary of a language; one that PostgreSQL has none for is not stemmed.
create function app.knowledge_dictionary(language text) returns regconfig
language sql immutable set search_path = '' as $$
  select case split_part(language, '-', 1)
    when 'en' then 'pg_catalog.english'::regconfig when 'es' then 'pg_catalog.spanish' when 'de' then 'pg_catalog.german'
    when 'fr' then 'pg_catalog.french' when 'pt' then 'pg_catalog.portuguese' when 'it' then 'pg_catalog.italian'
    when 'nl' then 'pg_catalog.dutch' when 'da' then 'pg_catalog.danish' when 'sv' then 'pg_catalog.swedish'
    when 'fi' then 'pg_catalog.finnish' when 'no' then 'pg_catalog.norwegian' when 'hu' then 'pg_catalog.hungarian'
    when 'ro' then 'pg_catalog.romanian' when 'ru' then 'pg_catalog.russian' when 'tr' then 'pg_catalog.turkish'
    else 'pg_catalog.simple' end
$$;

-- A text's words, stemmed and counted. Accents are dropped first, on both sides: patients leave them out.
create function app.knowledge_terms(language text, words text) returns table (term text, occurrences int)
language sql stable set search_path = '' as $$
  select t.lexeme, coalesce(cardinality(t.positions), 1)
    from unnest(to_tsvector(app.knowledge_dictionary(language), extensions.unaccent('extensions.unaccent', words))) t
$$;

create table app.knowledge_posting (
  term text not null,
  chunk_id text not null constraint knowledge_posting_chunk_fkey references public.knowledge_chunk (id) on delete cascade,
  occurrences int not null,
  constraint knowledge_posting_pkey primary key (term, chunk_id)
);
comment on table app.knowledge_posting is 'Which stemmed word occurs how often in which piece; those of the title count twice. Kept by trigger.';
create index knowledge_posting_chunk on app.knowledge_posting (chunk_id);
alter table app.knowledge_posting enable row level security;
revoke all on app.knowledge_posting from anon, authenticated, service_role;

create function app.knowledge_index_chunk() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from app.knowledge_posting p where p.chunk_id = new.id;
  with posted as (
    insert into app.knowledge_posting (term, chunk_id, occurrences)
    select t.term, new.id, sum(t.occurrences)
      from public.knowledge_document d,
           app.knowledge_terms(d.language, concat_ws(E'\n', d.title, d.title, new.heading, new.content)) t
     where d.slug = new.document_slug
     group by t.term
    returning knowledge_posting.occurrences
  )
  update public.knowledge_chunk c set terms = (select coalesce(sum(p.occurrences), 0) from posted p) where c.id = new.id;
  return null;
end $$;

create trigger index_words after insert or update of document_slug, heading, content on public.knowledge_chunk
  for each row execute function app.knowledge_index_chunk();

-- Another title or language means other words in every piece.
create function app.knowledge_index_document() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.knowledge_chunk c set content = c.content where c.document_slug = new.slug;
  return null;
end $$;

create trigger index_words after update of title, language on public.knowledge_document
  for each row when (new.title is distinct from old.title or new.language is distinct from old.language)
  execute function app.knowledge_index_document();

-- Whether what a document is filtered by fits a filter in the vector store's language, so that both searches filter alike. The
-- edge has checked its form; what does not fit a field's type matches nothing.
create function app.knowledge_matches(filter jsonb, fields jsonb) returns boolean
language plpgsql immutable set search_path = '' as $$
declare
  name text;
  condition jsonb;
  operator text;
  value jsonb;
  field jsonb;
  fits boolean;
begin
  for name, condition in select * from jsonb_each(filter) loop
    if name in ('$and', '$or') then
      select case name when '$and' then bool_and(app.knowledge_matches(p, fields)) else bool_or(app.knowledge_matches(p, fields)) end
        into fits from jsonb_array_elements(condition) p;
      if not coalesce(fits, false) then return false; end if;
      continue;
    end if;
    field := fields -> name;
    for operator, value in
      select * from jsonb_each(case jsonb_typeof(condition) when 'object' then condition else jsonb_build_object('$eq', condition) end)
    loop
      fits := case
        when operator = '$eq' then field = value
        when operator = '$ne' then field is distinct from value
        when operator = '$in' then exists (select from jsonb_array_elements(value) e where e = field)
        when operator = '$nin' then not exists (select from jsonb_array_elements(value) e where e = field)
        when jsonb_typeof(field) <> 'number' or jsonb_typeof(value) <> 'number' then false
        when operator = '$gt' then field > value
        when operator = '$gte' then field >= value
        when operator = '$lt' then field < value
        when operator = '$lte' then field <= value
      end;
      if not coalesce(fits, false) then return false; end if;
    end loop;
  end loop;
  return true;
end $$;
comment on function app.knowledge_matches(jsonb, jsonb) is 'Whether fields fit a filter in the vector store''s language.';

-- BM25 with k1 = 0.9 and b = 0.6 (measured: scripts/eval). How many pieces there are, how long they are and how many hold
-- a word is counted anew among the pieces that the caller may see: nothing can be out of step, and the scores tell nobody
-- anything about documents that are closed to him. `ids` are pieces that the vector search found: they come along with
-- their score whatever their rank. `related` are other names for what the question names (the edge knows a dentist's
-- synonyms): each of a name's n words counts as asked with the weight 0.7 / √n, below the asked word itself. `strength` is
-- the score over the most that the question's own words could score: unlike the score it can be compared between
-- questions, and it is low when the documents lack the question's rare words. Planned anew for each call: a plan that
-- knows neither the words nor the filter takes five times as long.
create function public.search_knowledge(query text, k int default 20, ids text[] default '{}', in_category text default null, in_language text default null,
  related text[] default '{}', filter jsonb default null)
returns table (id text, document_slug text, title text, heading text, content text, category text, language text, audience text,
  updated_at timestamptz, score double precision, strength double precision)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan rows 50 as $$
#variable_conflict use_column
begin
  return query with seen as materialized (
    select c.id, c.terms, d.language
      from public.knowledge_document d join public.knowledge_chunk c on c.document_slug = d.slug
     where d.audience = any ((select app.knowledge_audiences())::text[])
       and (d.valid_from is null or d.valid_from <= now()) and (d.valid_until is null or d.valid_until > now())
       and (search_knowledge.in_category is null or d.category = search_knowledge.in_category)
       and (search_knowledge.in_language is null or d.language = search_knowledge.in_language)
       and (search_knowledge.filter is null or app.knowledge_matches(search_knowledge.filter, jsonb_build_object(
         'document', d.slug, 'category', d.category, 'language', d.language, 'audience', d.audience,
         'valid_from', coalesce(floor(extract(epoch from d.valid_from)), 0), 'valid_until', coalesce(floor(extract(epoch from d.valid_until)), 253402300799))))
  ), corpus as (
    select count(*)::double precision as size, greatest(avg(s.terms), 1)::double precision as mean_terms from seen s
  ), worded as materialized (
    select l.language, t.term, t.occurrences
      from (select distinct s.language from seen s) l, app.knowledge_terms(l.language, left(search_knowledge.query, 4000)) t
  ), named as (
    select l.language, n.name, t.term, sqrt(count(*) over (partition by l.language, n.name)) as root
      from (select distinct s.language from seen s) l
      cross join unnest(search_knowledge.related[1:50]) n (name)
      cross join app.knowledge_terms(l.language, left(n.name, 200)) t
  ), implied as (
    select n.language, n.term, max(0.7 / n.root) as weight
      from named n where not exists (select from worded w where w.language = n.language and w.term = n.term)
     group by n.language, n.term
  ), asked as materialized (
    select w.language, w.term, w.occurrences::double precision as weight, true as spoken from worded w
    union all
    select i.language, i.term, i.weight, false from implied i
  ), hit as materialized (
    select s.id, a.language, a.term, a.weight, p.occurrences, s.terms
      from asked a join app.knowledge_posting p on p.term = a.term join seen s on s.id = p.chunk_id and s.language = a.language
  ), rarity as materialized (
    select a.language, a.term, a.spoken, ln(1 + (c.size - coalesce(h.pieces, 0) + 0.5) / (coalesce(h.pieces, 0) + 0.5)) as idf
      from asked a cross join corpus c
      left join (select h.language, h.term, count(*) as pieces from hit h group by h.language, h.term) h on h.language = a.language and h.term = a.term
  ), most as (
    select r.language, nullif(sum(r.idf) * 1.9, 0) as score from rarity r where r.spoken group by r.language
  ), scored as materialized (
    select h.id, sum(h.weight * r.idf * h.occurrences * 1.9 / (h.occurrences + 0.9 * (0.4 + 0.6 * h.terms / c.mean_terms))) as score
      from hit h join rarity r on r.language = h.language and r.term = h.term cross join corpus c
     group by h.id
  ), wanted as (
    (select s.id from scored s order by s.score desc, s.id limit least(greatest(search_knowledge.k, 0), 200))
    union
    select s.id from seen s where s.id = any (search_knowledge.ids[1:1000])
  )
  select c.id, d.slug, d.title::text, c.heading, c.content, d.category, d.language::text, d.audience, d.updated_at,
         coalesce(s.score, 0), coalesce(s.score / m.score, 0)
    from wanted w join public.knowledge_chunk c on c.id = w.id join public.knowledge_document d on d.slug = c.document_slug
    left join scored s on s.id = w.id left join most m on m.language = d.language
   order by coalesce(s.score, 0) desc, c.id;
end $$;
comment on function public.search_knowledge(text, int, text[], text, text, text[], jsonb) is
  'Full-text search (BM25) in the clinic''s documents as the caller may see them: the k best pieces (at most 200), and those of `ids`, with score and strength (the score over the most that the question''s words could score).';
revoke execute on function public.search_knowledge(text, int, text[], text, text, text[], jsonb) from public, anon, authenticated;
grant execute on function public.search_knowledge(text, int, text[], text, text, text[], jsonb) to anon, authenticated;
