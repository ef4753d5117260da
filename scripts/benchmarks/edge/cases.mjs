// What is asked of each: the same work in the words of PostgREST (ours, bare and PostgREST itself) and of the Worker of Hono.

import { randomUUID } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { isHono } from './peers.mjs';

const id = (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const PATIENT = id(0xa0001);
const DENTIST = id(0xd1);

const COLUMNS = 'id,patient_id,dentist_id,starts_at,ends_at,status,reason,version';
const EMBEDS = `${COLUMNS},dentist!appointment_dentist_id_fkey(first_name,last_name),appointment_has_service(line_no,quantity,unit_fee)`;
const FROM = '2026-01-01T00:00:00Z';
const TO = '2035-01-01T00:00:00Z';
const ORDER = 'order=starts_at.asc,id.asc';
const WINDOW = `starts_at=gte.${FROM}&starts_at=lt.${TO}`;

// Slots of five minutes that nobody has taken: each run begins elsewhere.
let slots = 288 * Math.floor(Math.random() * 20_000);
function slot() {
  slots += 1;
  const at = (n) => new Date(Date.UTC(2100, 0, 1) + n * 300_000).toISOString();
  return { patient_id: PATIENT, dentist_id: DENTIST, starts_at: at(slots), ends_at: at(slots + 1), status: 'scheduled', source: 'phone', reason: 'Control after six months' };
}
let queries = Math.floor(Math.random() * 10 ** 7);
const invalid = () => ({ ...slot(), dentist_id: 'D. Drill', starts_at: 'tomorrow', priority: 'soon', nobody: true });

const json = { 'content-type': 'application/json' };
const single = { accept: 'application/vnd.pgrst.object+json', prefer: 'return=representation' };
const RETURNED = `/rest/v1/appointment?select=${COLUMNS}`;

/**
 * Tokens of the receptionist that `issuer` would have given: `token`, `es256` one of the other algorithm, `pool` some that
 * nobody has seen.
 */
export async function credentials({ keys, claims, issuer, unseen }) {
  const secret = new TextEncoder().encode(keys.jwtSecret);
  const sign = (header, key, more) => new SignJWT({ ...claims, iss: issuer, ...more }).setProtectedHeader({ typ: 'JWT', ...header }).sign(key);
  const fresh = () => sign({ alg: 'HS256' }, secret, { session_id: randomUUID() });
  return {
    anonKey: keys.anonKey,
    token: await fresh(),
    es256: await sign({ alg: 'ES256', kid: keys.ecPrivate.kid }, await importJWK(keys.ecPrivate, 'ES256')),
    pool: await Promise.all(Array.from({ length: unseen }, fresh)),
  };
}

/**
 * All cases: `{name, of(peer): (n) => request}`. `peer` is `hono` or any other. What is `full` is measured in
 * rounds, what is `once` for the record, what is `growth` by size.
 */
export function cases({ anonKey, token, pool, es256 }) {
  const headers = (bearer = token) => ({ apikey: anonKey, authorization: `Bearer ${bearer}` });
  const usual = headers();
  const both = (rest, hono) => (peer) => {
    const make = isHono(peer) ? hono : rest;
    return (n) => ({ headers: usual, status: 200, ...make(n) });
  };
  const post = (path, body, more) => ({ method: 'POST', path, body: JSON.stringify(body), headers: { ...usual, ...json, ...more } });
  const read20 = {
    rest: `/rest/v1/appointment?select=${COLUMNS}&status=eq.scheduled&${WINDOW}&${ORDER}&limit=20`,
    hono: `/appointments?status=scheduled&from=${FROM}&to=${TO}&limit=20`,
  };
  const with20 = (more) => both((n) => ({ path: read20.rest, ...more(n) }), (n) => ({ path: read20.hono, ...more(n) }));
  const list = (limit, bytes) => both(() => ({ path: `/rest/v1/appointment?select=${COLUMNS}&${ORDER}&limit=${limit}`, bytes }), () => ({ path: `/appointments?limit=${limit}`, bytes }));
  // From a second on that nobody has asked for.
  const since = () => new Date(Date.UTC(2026, 0, 1) + (queries++ % 10 ** 8) * 1000).toISOString();
  const bulk = (count) => () => Array.from({ length: count }, slot);
  return {
    full: {
      'read 20': with20(() => ({ holds: '"version":' })),
      'read 20, two embeds': both(
        () => ({ path: `/rest/v1/appointment?select=${EMBEDS}&status=eq.scheduled&${WINDOW}&${ORDER}&limit=20`, holds: '"last_name":' }),
        () => ({ path: `/appointments/embedded?status=scheduled&from=${FROM}&to=${TO}&limit=20`, holds: '"last_name":' }),
      ),
      'insert one': both(() => ({ ...post(RETURNED, slot(), single), status: 201, holds: '"version":' }), () => ({ ...post('/appointments', slot()), status: 201, holds: '"version":' })),
      'invalid body': both(() => ({ ...post(RETURNED, invalid(), single), status: 422, holds: 'nobody' }), () => ({ ...post('/appointments', invalid()), status: 422, holds: 'nobody' })),
    },
    once: {
      'read 1,000': list(1000, 10_000),
      'bulk of 100': both(() => ({ ...post('/rest/v1/appointment', bulk(100)()), status: 201 }), () => ({ ...post('/appointments/bulk', bulk(100)()), status: 201 })),
      'one row': both(
        () => ({ path: `${RETURNED}&id=eq.${id(1)}`, headers: { ...usual, accept: single.accept } }),
        () => ({ path: `/appointments/${id(1)}` }),
      ),
      'patch with If-Match': both(
        () => ({ ...post(`${RETURNED}&id=eq.${id(1)}`, { reason: 'Pain' }, { ...single, 'if-match': '"1"' }), method: 'PATCH' }),
        () => ({ ...post(`/appointments/${id(1)}`, { reason: 'Pain' }, { 'if-match': '"1"' }), method: 'PATCH' }),
      ),
      'bad token': with20(() => ({ headers: headers(`${token.slice(0, -4)}AAAA`), status: 401 })),
      // Which takes the way of what did not come before.
      'an id of its own': with20(() => ({ headers: { ...usual, 'x-request-id': randomUUID() } })),
      'query never seen': both(() => ({ path: read20.rest.replace(FROM, since()) }), () => ({ path: read20.hono.replace(FROM, since()) })),
      'ES256': with20(() => ({ headers: headers(es256) })),
      'token never seen': with20(() => ({ headers: headers(pool.pop()) })),
    },
    growth: {
      bytes: (bytes) => () => ({ headers: usual, status: 200, path: `/rest/v1/appointment?select=notes&limit=1&offset=${bytes}`, bytes }),
      rows: (count) => {
        const body = JSON.stringify(bulk(count)());
        return () => ({ ...post('/rest/v1/appointment', []), body, status: 201 });
      },
      filters: (count) => {
        const filters = Array.from({ length: count }, (_, n) => `starts_at=gte.20${String(10 + (n % 80))}-01-01T00:00:00Z`);
        return () => ({ headers: usual, status: 200, path: `/rest/v1/appointment?select=id&${filters.join('&')}&limit=20` });
      },
    },
  };
}
