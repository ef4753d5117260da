-- What the chatbot may say: the clinic's documents, and the pieces they are cut into for searching. Postgres is their
-- source of truth; the vector store follows. Nothing about a patient belongs here.

create table public.knowledge_document (
  slug text constraint knowledge_document_pkey primary key,
  title public.required_text not null,
  body text not null,
  category text not null default 'general',
  language public.language_code not null default 'en',
  audience text not null default 'public',
  valid_from timestamptz,
  valid_until timestamptz,
  content_hash text not null,
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by uuid,
  constraint knowledge_document_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 100),
  constraint knowledge_document_body_length check (char_length(btrim(body)) >= 1 and char_length(body) <= 400000),
  constraint knowledge_document_category_form check (category ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(category) <= 50),
  constraint knowledge_document_audience_known check (audience in ('public', 'patients', 'staff')),
  constraint knowledge_document_validity_order check (valid_from < valid_until),
  constraint knowledge_document_hash_form check (content_hash ~ '^[0-9a-f]{64}$')
);
comment on table public.knowledge_document is 'The clinic''s documents in Markdown: what the chatbot answers from. Written by admins through the knowledge base''s endpoints.';
comment on column public.knowledge_document.slug is 'Names the document: lower-case letters, digits and hyphens.';
comment on column public.knowledge_document.title is 'The document''s title.';
comment on column public.knowledge_document.body is 'The document itself, in Markdown.';
comment on column public.knowledge_document.category is 'What kind of document it is, such as aftercare or billing.';
comment on column public.knowledge_document.language is 'The language it is written in; decides how its words are stemmed.';
comment on column public.knowledge_document.audience is 'public: everybody; patients: whoever is signed in; staff: the clinic''s own people.';
comment on column public.knowledge_document.valid_from is 'Not shown before this time.';
comment on column public.knowledge_document.valid_until is 'Not shown from this time on.';
comment on column public.knowledge_document.content_hash is 'SHA-256 of the document with its pieces: an upload of the same content changes nothing.';
comment on constraint knowledge_document_pkey on public.knowledge_document is 'There is a document with this slug already.';
comment on constraint knowledge_document_slug_form on public.knowledge_document is 'A slug is lower-case letters and digits, joined by single hyphens, at most 100 characters.';
comment on constraint knowledge_document_body_length on public.knowledge_document is 'A document has between 1 and 400,000 characters.';
comment on constraint knowledge_document_category_form on public.knowledge_document is 'A category is lower-case letters and digits, joined by single hyphens, at most 50 characters.';
comment on constraint knowledge_document_audience_known on public.knowledge_document is 'The audience is public, patients or staff.';
comment on constraint knowledge_document_validity_order on public.knowledge_document is 'A document''s validity ends after it begins.';
comment on constraint knowledge_document_hash_form on public.knowledge_document is 'The content''s hash is 64 hexadecimal digits.';

create table public.knowledge_chunk (
  id text constraint knowledge_chunk_pkey primary key,
  document_slug text not null constraint knowledge_chunk_document_fkey references public.knowledge_document (slug) on delete cascade,
  ordinal int not null,
  heading text not null default '',
  content text not null,
  terms int not null default 0,
  constraint knowledge_chunk_id_form check (id ~ '^[!-~]+$' and char_length(id) <= 512),
  constraint knowledge_chunk_ordinal_range check (ordinal between 0 and 9999),
  constraint knowledge_chunk_heading_length check (char_length(heading) <= 1000),
  constraint knowledge_chunk_content_length check (char_length(btrim(content)) >= 1 and char_length(content) <= 8000),
  constraint knowledge_chunk_terms_range check (terms >= 0)
);
comment on table public.knowledge_chunk is 'The pieces of the clinic''s documents that are searched and cited; seen by whoever sees the document.';
comment on column public.knowledge_chunk.id is 'Made of the slug, the ordinal and a hash of the text: the same text in the same place has the same id, in the vector store too.';
comment on column public.knowledge_chunk.document_slug is 'The document it is a piece of.';
comment on column public.knowledge_chunk.ordinal is 'Its place in the document, from 0.';
comment on column public.knowledge_chunk.heading is 'The headings it stands under, outermost first, or a FAQ''s question.';
comment on column public.knowledge_chunk.content is 'The text.';
comment on column public.knowledge_chunk.terms is 'How many searchable words it has, those of the title twice; set by the database.';
comment on constraint knowledge_chunk_pkey on public.knowledge_chunk is 'There is a piece with this id already.';
comment on constraint knowledge_chunk_document_fkey on public.knowledge_chunk is 'The document does not exist.';
comment on constraint knowledge_chunk_id_form on public.knowledge_chunk is 'An id is 1 to 512 visible ASCII characters.';
comment on constraint knowledge_chunk_ordinal_range on public.knowledge_chunk is 'A document has at most 10,000 pieces.';
comment on constraint knowledge_chunk_heading_length on public.knowledge_chunk is 'The headings of a piece have at most 1,000 characters.';
comment on constraint knowledge_chunk_content_length on public.knowledge_chunk is 'A piece has between 1 and 8,000 characters.';
comment on constraint knowledge_chunk_terms_range on public.knowledge_chunk is 'A count of words is never negative.';

create index knowledge_chunk_document on public.knowledge_chunk (document_slug, ordinal);

create trigger touch before update on public.knowledge_document for each row execute function app.touch('slug');

-- Whom a caller counts as: the audiences whose documents it may read.
create function app.knowledge_audiences() returns text[]
language sql stable security definer set search_path = '' as $$
  select case app.caller_role() when 'patient' then array['public', 'patients']
              when 'dentist' then array['public', 'patients', 'staff']
              when 'receptionist' then array['public', 'patients', 'staff']
              when 'admin' then array['public', 'patients', 'staff']
              else array['public'] end
$$;
comment on function app.knowledge_audiences() is 'The audiences whose documents the caller may read.';
grant execute on function app.knowledge_audiences() to anon, authenticated, service_role;

alter table public.knowledge_document enable row level security;
alter table public.knowledge_chunk enable row level security;
revoke all on public.knowledge_document, public.knowledge_chunk from anon, authenticated;
grant select on public.knowledge_document, public.knowledge_chunk to anon, authenticated;

create policy knowledge_document_select on public.knowledge_document for select to anon, authenticated
  using (audience = any ((select app.knowledge_audiences())::text[])
    and (valid_from is null or valid_from <= now()) and (valid_until is null or valid_until > now()));
create policy knowledge_document_select_admin on public.knowledge_document for select to authenticated
  using ((select app.caller_role()) = 'admin');
-- The inner query is itself under the document's policies.
create policy knowledge_chunk_select on public.knowledge_chunk for select to anon, authenticated
  using (exists (select from public.knowledge_document d where d.slug = document_slug));
