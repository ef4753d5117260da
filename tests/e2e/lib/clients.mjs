// Official clients that remember what went over the wire.

import { PostgrestClient } from '@supabase/postgrest-js';
import { createClient } from '@supabase/supabase-js';
import WebSocket from 'ws';
import { env, tokens } from './stack.mjs';

/** supabase-js without anything kept between tests. `token` is a user's, `fetch` a stand-in for the global one. */
export function supabase({ url = env.CHAIRSIDE_URL, key = env.ANON_KEY, token, fetch } = {}) {
  return createClient(url, key, {
    ...(token ? { accessToken: async () => token } : {}),
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: fetch ? { fetch } : {},
    // Node 20 has no WebSocket of its own, and the client insists on one.
    realtime: { transport: WebSocket },
  });
}

/** supabase-js at Chairside in a role; each reply is added to `wire`. */
export function atChairside(role, wire) {
  return supabase({ token: role === 'anon' ? undefined : tokens[role], fetch: recorded(wire) });
}

/** The same client's query builder straight at PostgREST, which serves at `/`. */
export function atPostgrest(role, wire) {
  const headers = { apikey: env.ANON_KEY, authorization: `Bearer ${tokens[role]}` };
  return new PostgrestClient(env.POSTGREST_URL, { headers, fetch: recorded(wire) });
}

function recorded(wire) {
  return async (input, init) => {
    const reply = await fetch(input, init);
    const text = await reply.clone().text();
    wire.push({ method: init?.method ?? 'GET', status: reply.status, headers: Object.fromEntries(reply.headers), text });
    return reply;
  };
}
