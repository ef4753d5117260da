// One pair: the same call of the official client to Chairside and to PostgREST, and what differs between the answers.

import { atChairside, atPostgrest } from '../lib/clients.mjs';

const HEADERS = ['content-type', 'content-range', 'preference-applied', 'location'];

/**
 * Runs a case on both sides. A write starts on both from the same state: `prepare` sees to it.
 * Gives `{ours, theirs, mismatches: [{field, ours, theirs}]}`.
 */
export async function pair({ run, writes, unordered }, role, prepare = async () => {}) {
  await prepare();
  const theirs = await ask(run, atPostgrest, role);
  await prepare();
  const ours = await ask(run, atChairside, role);
  if (writes) for (const side of [ours, theirs]) settle(side);
  if (unordered) for (const side of [ours, theirs]) sort(side);
  return { ours, theirs, mismatches: mismatches(ours, theirs) };
}

async function ask(run, connect, role) {
  const wire = [];
  const began = Date.now();
  const result = await Promise.resolve(run(connect(role, wire))).catch((error) => ({ thrown: true, error }));
  const { data = null, count = null, thrown = false } = result;
  const last = wire.at(-1);
  return { began, wire, status: last?.status, headers: last?.headers ?? {}, text: last?.text ?? '', data, count, thrown, error: errorOf(result.error) };
}

function errorOf(error) {
  if (!error) return null;
  // Without a reply (an abort) the details are the client's own stack.
  const details = typeof error.details === 'string' ? error.details.replace(/\n\s+at [\s\S]*/, '') : (error.details ?? null);
  return { code: error.code ?? null, message: error.message ?? null, details, hint: error.hint ?? null };
}

function settle(side) {
  const known = new Map();
  side.text = settled(side.text, side.began, known);
  side.data = JSON.parse(settled(JSON.stringify(side.data), side.began, known));
}

/** A text without what no two runs have in common: the time it is, and what the database makes up. */
export function settled(text, began, known = new Map()) {
  return text
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?\+00(:00)?/g, (time) => (isNow(time, began) ? '<now>' : time))
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (uuid) => (uuid.startsWith('00000000-') ? uuid : named(known, uuid)))
    .replace(/"hold_expires_at": ?"[^"]*"/g, '"hold_expires_at": "<soon>"')
    .replace(/"hold_token": ?"[0-9a-f]{48}"/g, '"hold_token": "<token>"');
}

// A change gives its rows back as they lie in the table, which two runs need not share.
function sort(side) {
  if (!Array.isArray(side.data)) return;
  side.data.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  side.text = JSON.stringify(side.data);
}

const isNow = (time, began) => Math.abs(Date.parse(time.replace(' ', 'T').replace(/\+00$/, '+00:00')) - began) < 60_000;

function named(known, uuid) {
  if (!known.has(uuid)) known.set(uuid, `<uuid ${known.size + 1}>`);
  return known.get(uuid);
}

function mismatches(ours, theirs) {
  const found = [];
  const compare = (field, one, other) => {
    if (JSON.stringify(one) !== JSON.stringify(other)) found.push({ field, ours: one, theirs: other });
  };
  compare('requests', ours.wire.length, theirs.wire.length);
  compare('status', ours.status, theirs.status);
  for (const name of HEADERS) compare(name, ours.headers[name], theirs.headers[name]);
  compare('thrown', ours.thrown, theirs.thrown);
  for (const name of ['code', 'message', 'details', 'hint']) compare(name, ours.error?.[name], theirs.error?.[name]);
  compare('count', ours.count, theirs.count);
  compare('data', ours.data, theirs.data);
  // Of a good reply every byte; of an error what the client reads of it.
  if (!isError(ours) && !isError(theirs)) compare('body', ours.text, theirs.text);
  return found;
}

/** PostgREST says 300 when an embedded resource is ambiguous. */
export const isError = (side) => side.status >= 300;
