// What the page asks of /v1 itself: the chatbot and the knowledge base are no part of supabase-js.

import { problemOf, problemOfReply } from './problem.js';

/** A request in the name of who is signed in: `{reply}` or `{problem}`. */
export async function ask({ client, key, request }, path, { method = 'GET', body, headers = {}, signal } = {}) {
  const { data } = await client.auth.getSession();
  const token = data.session?.access_token;
  const options = {
    method,
    signal,
    headers: { apikey: key, ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  };
  try {
    const reply = await request(new URL(path, location.origin), options);
    return reply.ok ? { reply } : { problem: await problemOfReply(reply) };
  } catch (error) {
    if (signal?.aborted) return { aborted: true };
    return { problem: problemOf({ error, status: 0 }) };
  }
}
