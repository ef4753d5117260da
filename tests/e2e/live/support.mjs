// What the tests of live rooms share: official clients whose channels collect what they hear, bare sockets, the
// clinic's database, and tokens of their own.

import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@supabase/supabase-js';
import WebSocket from 'ws';
import { createLive } from '../../../public/live.js';
import { env, id, tokens } from '../lib/stack.mjs';

export { sleep };

/** The seed's people that the tests speak as. */
export const people = { patient: id('a0001'), patient2: id('a0002'), dentist: id('d1'), receptionist: id('c1'), admin: id('f1') };
export const APPOINTMENTS = { event: '*', schema: 'public', table: 'appointment' };
export const SERVICES = { event: '*', schema: 'public', table: 'service' };

/** Waits until `check()` gives something. */
export async function until(check, what, ms = 5000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${typeof what === 'function' ? what() : what}`);
    await sleep(4);
  }
}

const opened = [];
/** Ends all that a test has opened. */
export async function closeAll() {
  for (const end of opened.splice(0)) await end();
}

/**
 * supabase-js at Chairside in a role, unchanged but for shorter waits. With `helper` it has `live`, else none;
 * `signIn(token)` is what happens when a session is refreshed.
 */
export async function official(role = 'anon', { helper = false, token = role === 'anon' ? null : tokens[role], url = env.CHAIRSIDE_URL, realtime = {} } = {}) {
  const live = helper ? createLive() : undefined;
  let session = token;
  const client = createClient(url, env.ANON_KEY, {
    accessToken: async () => session,
    realtime: { ...live?.realtime, transport: WebSocket, timeout: 4000, reconnectAfterMs: (tries) => Math.min(100 * tries, 1000), ...realtime },
  });
  const signIn = (other) => {
    session = other;
    return client.realtime.setAuth();
  };
  await signIn(token);
  // Its disconnect() waits ten seconds for the server's close, and keeps the process alive for them in any case.
  const adapter = client.realtime.socketAdapter;
  const disconnect = adapter.disconnect.bind(adapter);
  adapter.disconnect = (callback, code, reason) => disconnect(callback, code, reason, 300);
  opened.push(() => client.realtime.disconnect());
  return { client, live, signIn, socket: () => adapter.socket.conn };
}

/** Subscribes a channel; all it hears is in `{changes, systems, states, errors, standings, resyncs}`. */
export function listen({ client, live }, name, entries = [APPOINTMENTS], { config, cursor } = {}) {
  const heard = { changes: [], systems: [], states: [], errors: [], standings: [], resyncs: 0 };
  const on = { cursor, onState: (state, since) => heard.standings.push({ state, since }), onResync: () => heard.resyncs++ };
  const channel = live ? live.channel(client, name, { config, ...on }) : client.channel(name, { config });
  heard.channel = channel;
  for (const entry of entries) channel.on('postgres_changes', entry, (change) => heard.changes.push({ ...change, entry }));
  channel.on('system', {}, (message) => heard.systems.push(message));
  heard.subscribe = () => {
    channel.subscribe((state, error) => {
      heard.states.push(state);
      if (error) heard.errors.push(error);
    });
    return heard;
  };
  heard.oks = () => heard.systems.filter(({ message }) => message === 'Subscribed to PostgreSQL').length;
  /** Up to where the server says that it is complete. */
  heard.mark = () => heard.systems.findLast(({ message }) => message === 'watermark')?.offset ?? -1;
  heard.until = (count) => until(() => heard.changes.length >= count, () => `change ${count} of ${name}, have ${heard.changes.length}`);
  return heard;
}

/** The same, subscribed for certain. */
export async function ready(of, ...rest) {
  const heard = listen(await of, ...rest).subscribe();
  await until(() => heard.oks() > 0 || heard.errors.length > 0, 'system ok');
  if (heard.errors.length > 0) throw heard.errors[0];
  return heard;
}

/** A socket without any client about it: `send(frame)`, `next(wanted)`, `frames`, `closed` with the code and reason. */
export async function raw({ vsn = '2.0.0', url = env.CHAIRSIDE_URL, options } = {}) {
  const query = new URLSearchParams({ apikey: env.ANON_KEY, ...(vsn && { vsn }) });
  const ws = new WebSocket(`${url.replace('http', 'ws')}/realtime/v1/websocket?${query}`, options);
  const frames = [];
  ws.on('message', (data, isBinary) => frames.push(isBinary ? data : JSON.parse(data.toString())));
  const closed = new Promise((resolve) => ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })));
  await new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
  });
  opened.push(() => ws.terminate());
  const send = (frame) => ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  const next = async (wanted = () => true, ms) => {
    const at = await until(() => frames.findIndex(wanted) + 1, () => `a frame; have ${JSON.stringify(frames).slice(0, 600)}`, ms);
    return frames.splice(at - 1, 1)[0];
  };
  return { ws, frames, closed, send, next };
}

/** The frame that joins a topic, of serializer 2.0.0. */
export const join = (topic, { ref = '1', token, entries = [APPOINTMENTS], ...config } = {}) => [
  ref, ref, topic, 'phx_join',
  { config: { broadcast: { ack: false, self: false }, presence: { key: '', enabled: false }, private: false, ...config, postgres_changes: entries }, ...(token && { access_token: token }) },
];

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A user's token that ends in `seconds`. */
export function token(sub, seconds = 600) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: `${env.SUPABASE_URL}/auth/v1`, aud: 'authenticated', sub, role: 'authenticated', iat: now, exp: now + seconds };
  const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${input}.${createHmac('sha256', env.JWT_SECRET).update(input).digest('base64url')}`;
}

// Far from what a run that was broken off has left behind.
let slots = 16 * Math.floor(Math.random() * 10_000);
/** Columns of a new appointment, in a slot of its own. */
export function appointment(columns = {}) {
  slots += 1;
  const starts_at = new Date(Date.UTC(2041, 0, 1 + Math.floor(slots / 16), 8 + (slots % 16)));
  const ends_at = new Date(starts_at.getTime() + 1_800_000);
  return { id: crypto.randomUUID(), patient_id: people.patient, dentist_id: people.dentist, starts_at, ends_at, status: 'scheduled', ...columns };
}

export async function insert(database, table, row) {
  const names = Object.keys(row);
  const sql = `insert into public.${table} (${names.join(', ')}) values (${names.map((_, at) => `$${at + 1}`).join(', ')})`;
  await database.rows(sql, Object.values(row));
  return row;
}

export async function update(database, table, key, columns) {
  const names = Object.keys(columns);
  const sql = `update public.${table} set ${names.map((name, at) => `${name} = $${at + 2}`).join(', ')} where id = $1`;
  await database.rows(sql, [key, ...Object.values(columns)]);
}

/** Gives the smallest value that is not below the given share of all. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}
