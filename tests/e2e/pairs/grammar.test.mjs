// Replays the table of the query string's grammar (tests/grammar.json): what is accepted is answered as PostgREST
// answers the very same query, what is refused gets a problem with the pointers of the table and goes no further.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { env, id, send, upstreamRequests } from '../lib/stack.mjs';
import { STATUS } from './differences.mjs';
import * as given from './given.mjs';
import { settled } from './pair.mjs';

const rows = JSON.parse(readFileSync(new URL('../../grammar.json', import.meta.url), 'utf8'));
// The grammar takes a change without a filter; that it is refused all the same is one of the pairs.
const accepted = rows.filter(({ accepted, op, raw }) => accepted && !(op === 'PATCH' && raw === ''));
const refused = rows.filter((row) => !row.accepted);
const isWrite = ({ op }) => !['GET', 'RPC-GET'].includes(op);
const title = ({ op, target, raw, why }) => `${op} ${target}?${raw} (${why})`;

// A body that fits, whatever the query: the query is what is on trial.
const BODIES = {
  service: { id: id('ee0001'), code: 'NEW-1', name: 'New one', category: 'diagnostic', fee: 12.5 },
  role: { id: 4, code: 'admin', name: 'Administrator' },
  inventory: { sku: 'NEW-1', name: 'New lot', category: 'test' },
  appointment_has_service: { appointment_id: given.APPOINTMENT, line_no: 1, service_id: given.SERVICE },
  'rpc/patients_by_lot': { lot_no: 'L4771' },
  'rpc/reschedule_appointment': { appointment_id: given.APPOINTMENT, starts_at: '2031-03-05T15:00:00Z' },
  'rpc/hold_appointment': { dentist_id: id('d1'), starts_at: '2031-03-05T15:00:00Z', service_ids: [given.SERVICE] },
};
const METHODS = { UPSERT: 'POST', 'RPC-GET': 'GET', 'RPC-POST': 'POST' };

function request({ op, target, raw }, role, url) {
  const method = METHODS[op] ?? op;
  const upsert = op === 'UPSERT' ? ['resolution=merge-duplicates'] : [];
  const body = ['GET', 'DELETE'].includes(method) ? undefined : bodyOf(op, target, raw);
  const path = url === env.POSTGREST_URL ? `/${target}` : `/rest/v1/${target}`;
  return send(method, `${path}?${raw}`, { role, url, body, headers: isWrite({ op }) ? { prefer: ['return=representation', ...upsert].join(',') } : {} });
}

// A change names what it changes; PUT repeats the key that the query names.
function bodyOf(op, target, raw) {
  const body = { ...BODIES[target] };
  if (op === 'PATCH') return target === 'service' ? { name: 'Changed' } : { quantity: 2 };
  if (op === 'PUT') for (const [name, value] of new URLSearchParams(raw)) if (name in body) body[name] = value.replace(/^eq\./, '');
  return body;
}

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
after(async () => {
  await database.restore();
  await database.close();
});

async function prepare(row) {
  if (!isWrite(row)) return;
  await database.restore();
  await database.rows(given.appointment('scheduled') + (row.op === 'POST' ? '' : given.line));
}

describe('accepted queries are answered as PostgREST answers them', () => {
  for (const row of accepted) {
    test(title(row), async () => {
      for (const role of isWrite(row) ? ['admin'] : ['dentist', 'admin']) {
        await prepare(row);
        const theirs = answer(await request(row, role, env.POSTGREST_URL));
        await prepare(row);
        const ours = answer(await request(row, role, env.CHAIRSIDE_URL));
        assert.deepEqual(ours, { ...theirs, status: STATUS[theirs.code] ?? theirs.status }, role);
      }
    });
  }
});

function answer({ status, headers, text, json }) {
  const range = headers.get('content-range');
  if (status >= 300) return { status, range, code: json?.code };
  return { status, range, body: settled(text, Date.now()), type: headers.get('content-type'), applied: headers.get('preference-applied') };
}

describe('refused queries', () => {
  let sent;
  before(async () => {
    sent = await upstreamRequests(async () => {
      for (const row of refused) row.answer = await request(row, 'admin', env.CHAIRSIDE_URL);
    });
  });

  for (const row of refused) {
    test(title(row), () => {
      const { status, headers, json } = row.answer;
      assert.ok(status >= 400 && status < 500, `${status}`);
      assert.equal(headers.get('content-type'), 'application/problem+json');
      assert.deepEqual(json.errors.map(({ pointer, code }) => ({ pointer, code })), row.errors);
    });
  }

  test('none of them reached the gateway', () => assert.equal(sent, 0));
});
