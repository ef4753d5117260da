// Pairs: the same call of supabase-js to Chairside and straight to PostgREST must be answered alike, in every role.
// What may differ is listed here, and nothing else: an unlisted difference fails, and so does an entry nobody needs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Database } from '../lib/database.mjs';
import { ROLES } from '../lib/stack.mjs';
import { Differences, STATUS } from './differences.mjs';
import { embeds } from './embeds.mjs';
import { filters } from './filters.mjs';
import { isError, pair } from './pair.mjs';
import { reads } from './reads.mjs';
import { learn, rpc } from './rpc.mjs';
import { writes } from './writes.mjs';

// A case may state that the edge refuses it by itself: `refused` when PostgREST refuses it too, in other words;
// `stricter` when PostgREST would serve it. Both name the pointer of the first violation, or null where there is none.
const isRefused = (one) => 'refused' in one || 'stricter' in one;
const isDatabaseError = (code) => /^[0-9A-Z]{5}$/.test(code ?? '') && !code.startsWith('PT');

const ALLOWED = [
  {
    name: 'errors are problem+json',
    reason: 'RFC 9457; PostgREST’s members are in it too',
    fields: ['content-type'],
    when: ({ ours, theirs }) => isError(ours) && isError(theirs) && ours.headers['content-type'] === 'application/problem+json',
  },
  {
    name: 'what the edge refuses has the edge’s own words',
    reason: 'it never reaches PostgREST; the status is a 4xx on both sides',
    fields: ['status', 'code', 'message', 'details', 'hint'],
    when: ({ case: one, ours, theirs }) => 'refused' in one && isClientError(ours) && isError(theirs) && theirs.status < 500,
  },
  {
    name: 'what the edge refuses although PostgREST serves it',
    reason: 'its limits (1,000 rows, resources nested four deep), ISO dates and decimal numbers only, no write without a filter, no aggregates in disguise, nothing that PostgREST would pass over in silence',
    fields: ['status', 'code', 'message', 'details', 'hint', 'data', 'count', 'content-type', 'content-range', 'preference-applied', 'thrown'],
    when: ({ case: one, ours, theirs }) => 'stricter' in one && isClientError(ours) && !isError(theirs),
  },
  {
    name: 'a database error’s message is the edge’s',
    reason: 'Postgres’s holds values of rows',
    fields: ['message'],
    when: ({ case: one, ours, theirs }) => !isRefused(one) && isDatabaseError(theirs.error?.code) && ours.error?.message,
  },
  {
    name: 'a database error’s details are dropped',
    reason: 'they hold keys of rows; a column that our own functions blame is in `errors`',
    fields: ['details'],
    when: ({ case: one, ours, theirs }) => !isRefused(one) && /^[0-9A-Z]{5}$/.test(theirs.error?.code) && ours.error?.details === null,
  },
  {
    name: 'a violation’s status says whose fault it is',
    reason: '422 for values, 409 for what stands in the way; PostgREST says 400 or 409 for either',
    fields: ['status'],
    when: ({ ours, theirs }) => STATUS[theirs.error?.code] === ours.status && ours.error?.code === theirs.error.code,
  },
  {
    name: 'a row that is only marked as deleted counts as deleted',
    reason: 'PostgREST sees no row go, and answers as if there had been none',
    fields: ['status', 'data', 'body', 'count', 'content-type', 'content-range', 'preference-applied', 'code', 'message', 'details', 'hint'],
    when: ({ case: one, ours }) => one.marks && one.marks === (ours.count ?? [ours.data].flat().length),
  },
  {
    name: 'max-affected',
    reason: 'PostgREST before 13 does not know it; newer ones answer as Chairside does',
    fields: ['status', 'code', 'message', 'details', 'hint', 'data', 'content-type', 'content-range', 'preference-applied'],
    when: ({ case: one, ours, theirs }) => theirs.error?.code === 'PGRST122' && one.affects === ours.status,
  },
];

const isClientError = (side) => side.status >= 400 && side.status < 500;

const SUITES = { reads, filters, embeds, writes, rpc };
const differences = new Differences(ALLOWED);
let database;

before(async () => {
  database = await Database.open();
  await database.keep();
  await learn(database);
});
after(async () => {
  await database.restore();
  await database.close();
});

for (const [suite, cases] of Object.entries(SUITES)) {
  describe(suite, () => {
    for (const [name, run, options = {}] of cases) {
      const one = { name, run, ...options };
      test(name, async () => {
        const found = one.writes ? await inTurn(one) : await Promise.all(rolesOf(one).map((role) => judge(one, role)));
        assert.deepEqual(found.flat(), []);
      });
    }
  });
}

test('every allowed difference is needed', () => {
  assert.deepEqual(differences.unused(), []);
});

test('there are at least 150 pairs', () => {
  assert.ok(Object.values(SUITES).flat().length >= 150);
});

const rolesOf = (one) => one.roles ?? (isRefused(one) ? ['anon', 'admin'] : ROLES);

async function inTurn(one) {
  const found = [];
  for (const role of rolesOf(one)) found.push(await judge(one, role));
  return found;
}

async function judge(one, role) {
  const sides = await pair(one, role, one.writes && (() => prepared(one)));
  const wrong = differences.unexplained(one, role, sides).map(({ field, ours, theirs }) => `${role}: ${field} is ${shown(ours)}, not ${shown(theirs)}`);
  if (isRefused(one)) wrong.push(...misplaced(one, role, sides.ours));
  return wrong;
}

/** The kept state, and what the case is given. */
async function prepared({ given }) {
  await database.restore();
  if (given) await database.rows(typeof given === 'function' ? given() : given);
}

/** A refusal must be the edge's: a problem with the pointer that the case names. */
function misplaced(one, role, ours) {
  const pointer = 'refused' in one ? one.refused : one.stricter;
  const problem = ours.text === '' ? null : JSON.parse(ours.text);
  const first = problem?.errors?.[0]?.pointer ?? null;
  return first === pointer ? [] : [`${role}: the pointer is ${first}, not ${pointer}`];
}

const shown = (value) => (JSON.stringify(value) ?? 'missing').slice(0, 300);
