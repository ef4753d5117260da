// What the tests of the Realtime stand-in share: a table of their own in the publication, the
// official client with its events collected, and a raw socket.

import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@supabase/supabase-js';
import pg from 'pg';
import WebSocket from 'ws';
import { control, env } from './support.mjs';

export { sleep };
export const PATIENT = '00000000-0000-4000-8000-0000000a0001';
export const PATIENT_2 = '00000000-0000-4000-8000-0000000a0002';

// Quick, so that the tests are; what takes its time in the real one is tested with its own setting.
const QUICK = { idle_poll_ms: 40, warm_ms: 1, cold_ms: 20, resubscribe_ms: [20, 40], join_error_ms: 20 };

export const settings = (wanted = {}) => control('POST', '/realtime', { mode: 'settings', ...QUICK, ...wanted });
export const misbehave = (mode, options = {}) => control('POST', '/realtime', { mode, ...options });
export const stats = () => control('GET', '/realtime');

const SQL = `
  drop table if exists public.rt_note, public.rt_quiet;
  create table public.rt_note (id bigint primary key, room text, owner uuid, price numeric, tags text[], doc jsonb, at timestamptz, body text);
  create table public.rt_quiet (id bigint primary key);
  grant select on public.rt_note, public.rt_quiet to anon, authenticated, service_role;
  alter table public.rt_note enable row level security;
  create policy own on public.rt_note for select to authenticated using (owner = (select auth.uid()) or app.caller_role() = 'receptionist');
  alter publication supabase_realtime add table public.rt_note`;

/** Before each test of a file: an empty table, quick settings, no misbehaviour. Returns `{query(sql, values)}`. */
export function withNotes(beforeEach) {
  const db = new pg.Client({ connectionString: env.DATABASE_URL });
  before(async () => {
    await db.connect();
    await db.query(SQL);
  });
  beforeEach(async () => {
    await misbehave('ok');
    await settings();
    await db.query('truncate public.rt_note');
  });
  after(async () => {
    for (const end of opened.splice(0)) await end();
    await misbehave('ok');
    await control('POST', '/realtime', { mode: 'settings' });
    await db.query('drop table public.rt_note, public.rt_quiet');
    await db.end();
  });
  return db;
}

const opened = [];
export async function closeAll() {
  for (const end of opened.splice(0)) await end();
}

/** Waits until `check()` gives something. */
export async function until(check, what = 'it', ms = 5000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(5);
  }
}

/** A supabase-js client at the gateway, with a user's token if given. */
export async function official({ key = env.ANON_KEY, token } = {}) {
  const made = createClient(env.SUPABASE_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    // A push that has no answer, as a token, keeps the process alive for this long.
    realtime: { transport: WebSocket, timeout: 2000 },
  });
  if (token) await made.realtime.setAuth(token);
  // Its disconnect() waits ten seconds for the server's close, and keeps the process alive for them in any case.
  const adapter = made.realtime.socketAdapter;
  const disconnect = adapter.disconnect.bind(adapter);
  adapter.disconnect = (callback, code, reason) => disconnect(callback, code, reason, 500);
  opened.push(() => made.realtime.disconnect());
  return made;
}

/** Subscribes a channel of an official client; all it hears is in `{changes, systems, states}`. */
export function listen(from, name, entries = [{ event: '*', schema: 'public', table: 'rt_note' }], options = {}) {
  const channel = from.channel(name, options);
  const heard = { channel, changes: [], systems: [], states: [], errors: [] };
  for (const entry of entries) channel.on('postgres_changes', entry, (change) => heard.changes.push(change));
  channel.on('system', {}, (message) => heard.systems.push(message));
  channel.subscribe((state, error) => {
    heard.states.push(state);
    if (error) heard.errors.push(error);
  });
  heard.oks = () => heard.systems.filter(({ status }) => status === 'ok').length;
  /** Waits until `count` changes are there; a write after it is not mixed up with those before. */
  heard.until = (count) => until(() => heard.changes.length >= count, `change ${count}`);
  heard.ids = () => heard.changes.map((change) => change.new.id ?? change.old.id);
  return heard;
}

/** The same, subscribed for certain. */
export async function ready(from, ...args) {
  const heard = listen(await from, ...args);
  await until(() => heard.oks() > 0 || heard.errors.length > 0, 'system ok');
  return heard;
}

/** A socket without any client about it: `send(frame)`, `next()` in order, `closed` with the code. */
export async function raw({ vsn = '2.0.0', key = env.SERVICE_ROLE_KEY, path = '/realtime/v1/websocket' } = {}) {
  const query = new URLSearchParams({ ...(key && { apikey: key }), ...(vsn && { vsn }) });
  const ws = new WebSocket(`${env.SUPABASE_URL.replace('http', 'ws')}${path}?${query}`);
  const frames = [];
  ws.on('message', (data, isBinary) => frames.push(isBinary ? data : JSON.parse(data.toString())));
  const closed = new Promise((resolve) => ws.on('close', (code) => resolve(code)));
  await new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
    ws.on('unexpected-response', async (_, response) => {
      const chunks = await response.toArray();
      reject(Object.assign(new Error(Buffer.concat(chunks).toString()), { status: response.statusCode }));
    });
  });
  opened.push(() => ws.terminate());
  const send = (frame) => ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  const next = async () => {
    await until(() => frames.length > 0, 'a frame');
    return frames.shift();
  };
  return { ws, frames, closed, send, next };
}

/** A refused connection's `{status, message}`. */
export async function refusal(options) {
  const error = await raw(options).then(() => null, (failure) => failure);
  return error && { status: error.status, message: error.message };
}
