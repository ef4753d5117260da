-- The columns that tables share are explained once.

do $$
declare
  shared record;
begin
  for shared in
    select c.relname, a.attname, t.words
      from (values
        ('version', 'Counts the updates of the row; its ETag.'),
        ('created_at', 'When the row was made; set by the database.'),
        ('updated_at', 'When the row was last changed; set by the database.'),
        ('created_by', 'Who made the row; set by the database.'),
        ('updated_by', 'Who last changed the row; set by the database.'),
        ('deleted_at', 'When the row was deleted: DELETE sets it, and only admins see the row from then on.')
      ) t (name, words)
      join pg_catalog.pg_attribute a on a.attname = t.name
      join pg_catalog.pg_class c on c.oid = a.attrelid and c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
     where col_description(c.oid, a.attnum) is null
  loop
    execute format('comment on column public.%I.%I is %L', shared.relname, shared.attname, shared.words);
  end loop;
end $$;

-- PostgREST learns of all this.
notify pgrst, 'reload schema';
notify pgrst, 'reload config';
