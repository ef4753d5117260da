// The clinic as the page speaks to it: supabase-js at the Worker that served the page, live rooms that lose nothing,
// and a token that is renewed when the clinic says that it has ended.

import { createClient, isAuthRetryableFetchError } from '@supabase/supabase-js';
import { createLive } from '../../public/live.js';

const RECONNECT_MS = [500, 1000, 2000, 4000];

/** `{client, live, key, request(input, init), heardAt()}`; throws when the Worker cannot be reached. */
export async function connect() {
  const { key } = await about();
  const live = createLive();
  let heard = Date.now();
  const decode = (data, pass) => {
    heard = Date.now();
    live.realtime.decode(data, pass);
  };
  const request = (input, init) => withRenewal(client, input, init);
  const client = createClient(location.origin, key, {
    auth: { detectSessionInUrl: false, storageKey: 'chairside' },
    global: { fetch: request },
    realtime: { decode, heartbeatIntervalMs: 15_000, timeout: 5000, reconnectAfterMs: (tries) => RECONNECT_MS[Math.min(tries, RECONNECT_MS.length) - 1] },
  });
  return { client, live, key, request, heardAt: () => new Date(heard) };
}

async function about() {
  const reply = await fetch('/.well-known/chairside');
  if (!reply.ok) throw new Error(`The clinic's service answers ${reply.status}.`);
  return reply.json();
}

/** A request whose token was refused is sent once more, with a new token. */
async function withRenewal(client, input, init = {}) {
  const reply = await fetch(input, init);
  const headers = new Headers(init.headers);
  const isAuth = new URL(input, location.origin).pathname.startsWith('/auth/');
  if (reply.status !== 401 || isAuth || !(await client.auth.getSession()).data.session) return reply;
  const { data, error } = await client.auth.refreshSession();
  // A session that neither is accepted nor can be renewed is over, whatever the browser's clock says of it.
  if (error && !isAuthRetryableFetchError(error)) await client.auth.signOut({ scope: 'local' });
  if (!data.session) return reply;
  headers.set('authorization', `Bearer ${data.session.access_token}`);
  return fetch(input, { ...init, headers });
}
