-- Schemas, extensions, and the privileges that new objects start with.

create schema if not exists extensions;
create extension if not exists btree_gist with schema extensions;
create extension if not exists pgcrypto with schema extensions;

-- `app` holds what no client may address: PostgREST exposes `public` alone. Clients get USAGE because policies and
-- column defaults call a few helpers in it as the client's own role.
create schema app;
comment on schema app is 'Chairside''s own machinery: not exposed through the API.';
grant usage on schema app to anon, authenticated, service_role;

-- Supabase grants ALL on every new object in public to the client roles, and PostgreSQL grants EXECUTE on every function
-- to everybody. Here it is the other way round: closed until granted.
alter default privileges in schema public revoke all on tables from anon, authenticated;
alter default privileges in schema public revoke all on sequences from anon, authenticated;
alter default privileges in schema public revoke execute on functions from anon, authenticated;
alter default privileges revoke execute on functions from public;
