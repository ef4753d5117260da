-- Whether the chatbot's answers help. Nothing of the conversation is kept but what the comment says.

create table public.chat_feedback (
  completion_id text constraint chat_feedback_pkey primary key,
  user_id uuid,
  rating text not null,
  comment text,
  created_at timestamptz not null default now(),
  constraint chat_feedback_completion_form
    check (completion_id ~ '^chatcmpl-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'),
  constraint chat_feedback_rating_known check (rating in ('up', 'down')),
  constraint chat_feedback_comment_length check (char_length(comment) between 1 and 1000)
);
comment on table public.chat_feedback is 'Ratings of the chatbot''s answers, one each, given through rate_answer; admins read them.';
comment on column public.chat_feedback.completion_id is 'The answer: the id of its completion, chatcmpl-…';
comment on column public.chat_feedback.user_id is 'Who rated; null for people who are not signed in.';
comment on column public.chat_feedback.rating is 'up or down.';
comment on column public.chat_feedback.comment is 'What they say about it.';
comment on column public.chat_feedback.created_at is 'When it was given first.';
comment on constraint chat_feedback_pkey on public.chat_feedback is 'This answer was rated already.';
comment on constraint chat_feedback_completion_form on public.chat_feedback is 'completion_id is the id of an answer: chatcmpl- and a UUID.';
comment on constraint chat_feedback_rating_known on public.chat_feedback is 'The rating is up or down.';
comment on constraint chat_feedback_comment_length on public.chat_feedback is 'A comment has 1 to 1,000 characters.';
create index chat_feedback_created_at_idx on public.chat_feedback (created_at);

alter table public.chat_feedback enable row level security;
revoke all on public.chat_feedback from anon, authenticated;
grant select on public.chat_feedback to authenticated;
create policy chat_feedback_select on public.chat_feedback for select to authenticated
  using ((select app.caller_role()) = 'admin');

-- Whoever rated an answer may change their mind; nobody else may rate it. Ids of answers cannot be guessed, so that
-- people who are not signed in are told apart by them.
create function public.rate_answer(completion_id text, rating text, comment text default null) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.chat_feedback as f (completion_id, user_id, rating, comment)
  values (rate_answer.completion_id, (select auth.uid()), rate_answer.rating, rate_answer.comment)
  on conflict on constraint chat_feedback_pkey do update set rating = excluded.rating, comment = excluded.comment
   where f.user_id is not distinct from excluded.user_id;
  if not found then
    raise exception 'This answer was rated by somebody else.' using errcode = 'PT409', detail = 'completion_id';
  end if;
end $$;
comment on function public.rate_answer(text, text, text) is 'internal: POST /v1/chat/feedback; says whether an answer of the assistant helped: up or down, with a comment.';
revoke execute on function public.rate_answer(text, text, text) from public, anon, authenticated;
grant execute on function public.rate_answer(text, text, text) to anon, authenticated;
