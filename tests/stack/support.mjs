// What the tests of the stand-ins share. Their addresses and keys come from the running stack.

import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import WebSocket from 'ws';

export const env = process.env;
export const PASSWORD = 'chairside-demo';

/** A supabase-js client straight at the gateway, with nothing kept between tests. */
export function client({ url = env.SUPABASE_URL, key = env.ANON_KEY } = {}) {
  return createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // Node 20 has no WebSocket of its own, and the client insists on one.
    realtime: { transport: WebSocket },
  });
}

export const newEmail = () => `stack-${randomUUID()}@clinic.test`;

/** The JSON in a JWT's second part, or its first with `header`. */
export function decode(token, header = false) {
  return JSON.parse(Buffer.from(token.split('.')[header ? 0 : 1], 'base64url').toString('utf8'));
}

export async function control(method, path, body) {
  const reply = await fetch(`${env.GATEWAY_CONTROL_URL}${path}`, { method, body: body && JSON.stringify(body) });
  return reply.json();
}

/** Runs `work` while the gateway misbehaves; it behaves again whatever happens. */
export async function during(mode, work) {
  await control('POST', '/mode', mode);
  try {
    return await work();
  } finally {
    await control('POST', '/mode', { mode: 'ok' });
  }
}

/** A GET of the catalogue with the anon key, as plain as can be. */
export function getServices(init = {}) {
  return fetch(`${env.SUPABASE_URL}/rest/v1/service?select=id&limit=1`, { headers: { apikey: env.ANON_KEY }, ...init });
}
