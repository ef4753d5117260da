// From decoded changes to what each channel is sent: the row as JSON made by Postgres itself, what
// the subscriber's role may read, filters, and row level security against the row as it is now.
// One statement per table, role and question answers for a whole batch.
// After realtime.apply_rls, https://github.com/supabase/walrus.

import { describe, keyOf, readable } from './catalog.mjs';
import { condition } from './filters.mjs';

const MAX_RECORD_BYTES = 1024 * 1024;
const SHORT_VALUE_BYTES = 64;
// jsonb_build_object takes at most 100 arguments.
const PAIRS_PER_CALL = 50;

const identifier = (name) => `"${name.replaceAll('"', '""')}"`;
const literal = (text) => `'${text.replaceAll("'", "''")}'`;

/** For each change the frames it makes: `[{channel, ids, data}]`, `data` as JSON text. */
export async function route(db, changes, registry) {
  const wanted = changes.map((change) => registry.of(change.oid, change.type));
  const frames = changes.map(() => []);
  const oids = [...new Set(changes.filter((_, n) => wanted[n].length > 0).map(({ oid }) => oid))];
  if (oids.length === 0) return frames;
  const roles = [...new Set(wanted.flat().map(({ claims }) => claims.role))];
  const tables = await describe(db, oids, roles);
  for (const [oid, table] of tables) {
    const numbers = changes.flatMap((change, n) => (change.oid === oid && wanted[n].length > 0 ? [n] : []));
    await routeTable(db, table, numbers.map((n) => ({ change: changes[n], wanted: wanted[n], frames: frames[n] })));
  }
  return frames;
}

async function routeTable(db, table, items) {
  const subscriptions = [...new Set(items.flatMap(({ wanted }) => wanted))];
  // Subscribers of one role and one choice of columns are sent the same data.
  for (const group of groupBy(subscriptions, ({ claims, select }) => JSON.stringify([claims.role, select]))) {
    const { claims, select } = group[0];
    const mine = items.map((item) => ({ ...item, wanted: item.wanted.filter((one) => group.includes(one)) })).filter((item) => item.wanted.length > 0);
    await routeGroup(db, table, { role: claims.role, select }, group, mine);
  }
}

async function routeGroup(db, table, { role, select }, group, items) {
  const key = keyOf(table);
  const columns = readable(table, role);
  const refusal = key.length === 0 ? 'Error 400: Bad Request, no primary key' : key.some((column) => !columns.includes(column)) ? 'Error 401: Unauthorized' : null;
  const open = [];
  for (const item of items) {
    if (refusal && item.change.type !== 'DELETE') push(item, item.wanted, refused(table, item.change, refusal));
    else open.push(item);
  }
  if (open.length === 0) return;
  const seen = await visible(db, table, group, open);
  const shown = columns.filter((column) => select === null || column.key || select.includes(column.name));
  const records = await data(db, table, shown, open);
  open.forEach((item, n) => {
    const to = item.wanted.filter((subscription) => seen.get(subscription)[n]);
    if (to.length > 0) push(item, to, records[n]);
  });
}

// One frame per channel, with the ids of all its entries that match.
function push({ frames }, subscriptions, json) {
  for (const list of groupBy(subscriptions, ({ channel }) => channel)) {
    frames.push({ channel: list[0].channel, subscriptions: list, ids: list.map(({ id }) => id), data: json });
  }
}

function refused(table, { type }, error) {
  const old = type === 'UPDATE' ? '"old_record":{},' : '';
  return `{"columns":[],"commit_timestamp":null,"errors":[${JSON.stringify(error)}],${old}"record":{},"schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.name)},"type":"${type}"}`;
}

async function data(db, table, shown, items) {
  const columns = JSON.stringify(shown.map(({ name, type }) => ({ name, type })));
  const head = items.map(({ change }) => change.size > MAX_RECORD_BYTES);
  const records = await asJson(db, shown, items.map(({ change }, n) => short(change.row, head[n])));
  const olds = await asJson(db, shown, items.map(({ change }, n) => short(oldShown(table, change), head[n])));
  return items.map(({ change }, n) => {
    const errors = head[n] ? '["Error 413: Payload Too Large"]' : 'null';
    const old = change.type === 'INSERT' ? '' : `"old_record":${olds[n]},`;
    const record = change.type === 'DELETE' ? '' : `"record":${records[n]},`;
    return `{"columns":${shown.length > 0 ? columns : 'null'},"commit_timestamp":"${change.at}","errors":${errors},${old}${record}"schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.name)},"type":"${change.type}"}`;
  });
}

// A DELETE cannot be checked against policies that need the row, so it shows the key alone.
function oldShown(table, { type, old }) {
  if (type !== 'DELETE' || !table.rls) return old;
  return Object.fromEntries(keyOf(table).filter(({ name }) => name in old).map(({ name }) => [name, old[name]]));
}

const short = (row, tooLarge) =>
  tooLarge && row ? Object.fromEntries(Object.entries(row).filter(([, value]) => (value?.length ?? 0) <= SHORT_VALUE_BYTES)) : row;

/** Each row's shown columns as the text of a JSON object, `null` for none; absent values stay absent. */
async function asJson(db, shown, rows) {
  const result = rows.map(() => 'null');
  const present = (row) => shown.filter(({ name }) => row && name in row);
  for (const numbers of groupBy(rows.keys(), (n) => present(rows[n]).map(({ name }) => name).join('\0'))) {
    const columns = present(rows[numbers[0]]);
    if (columns.length === 0) continue;
    const found = await ask(db, columns, numbers.map((n) => rows[n]), (at) => `(${object(columns, at)})::text`);
    for (const [i, n] of numbers.entries()) result[n] = found[i];
  }
  return result;
}

function object(columns, at) {
  const calls = [];
  for (let from = 0; from < columns.length; from += PAIRS_PER_CALL) {
    const pairs = columns.slice(from, from + PAIRS_PER_CALL).map((column) => `${literal(column.name)}, ${at(column)}::${column.sql}`);
    calls.push(`jsonb_build_object(${pairs.join(', ')})`);
  }
  return calls.join(' || ');
}

/** One expression's value for every row; `at(column)` in it is the column's text. */
async function ask(db, columns, rows, expression, extra = []) {
  const at = (column) => `u.c${columns.indexOf(column)}`;
  const arrays = columns.map((_, n) => `$${n + 1}::text[]`).join(', ');
  const names = columns.map((_, n) => `c${n}`).join(', ');
  const text = `select ${expression(at, columns.length)} from unnest(${arrays}) with ordinality u(${names}, n) order by n`;
  const values = columns.map(({ name }) => rows.map((row) => row[name] ?? null));
  const { rows: answers } = await db.query({ text, values: [...values, ...extra], rowMode: 'array' });
  return answers.map(([answer]) => answer);
}

/** `Map(subscription → [may it have the n-th item?])`. */
async function visible(db, table, group, items) {
  const seen = new Map();
  const allowed = new Map();
  for (const subscription of group) {
    const claims = JSON.stringify(subscription.claims);
    if (!allowed.has(claims)) allowed.set(claims, await permitted(db, table, subscription.claims, items));
    const passed = await filtered(db, table, subscription.filters, items);
    seen.set(subscription, allowed.get(claims).map((yes, n) => yes && passed[n]));
  }
  return seen;
}

// A DELETE has the key alone: terms over it are judged, the others let it pass.
async function filtered(db, table, filters, items) {
  if (filters.length === 0) return items.map(() => true);
  const verdict = items.map(() => true);
  for (const filter of filters) {
    const column = table.columns.find(({ name }) => name === filter.column);
    const rowOf = ({ change }) => change.row ?? oldShown(table, change);
    const numbers = [...items.keys()].filter((n) => filter.column in rowOf(items[n]) || items[n].change.type !== 'DELETE');
    if (numbers.length === 0) continue;
    const test = (at, count) => condition(filter, `${at(column)}::${column.sql}`, column.sql, `$${count + 1}::text`);
    const values = filter.op === 'is' ? [] : [filter.value];
    const answers = await ask(db, [column], numbers.map((n) => rowOf(items[n])), test, values);
    for (const [i, n] of numbers.entries()) verdict[n] &&= answers[i];
  }
  return verdict;
}

/** Row level security: does the subscriber see the row, as it is now? A role above policies still needs it to be there. */
async function permitted(db, table, claims, items) {
  const verdict = items.map(() => true);
  if (!table.rls) return verdict;
  const numbers = [...items.keys()].filter((n) => items[n].change.type !== 'DELETE');
  if (numbers.length === 0) return verdict;
  const key = keyOf(table);
  const exists = (at) => {
    const same = key.map((column) => `t.${identifier(column.name)} = ${at(column)}::${column.sql}`).join(' and ');
    return `exists (select from ${table.sql} t where ${same})`;
  };
  const answers = await as(db, claims, () => ask(db, key, numbers.map((n) => items[n].change.row), exists)).catch((error) => {
    // A policy that fails on these claims shows nothing to them and harms nobody else.
    if (!error.severity) throw error;
    return numbers.map(() => false);
  });
  for (const [i, n] of numbers.entries()) verdict[n] = answers[i];
  return verdict;
}

async function as(db, claims, work) {
  await db.query('begin');
  try {
    await db.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [claims.role, JSON.stringify(claims)]);
    return await work();
  } finally {
    await db.query('rollback');
  }
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return [...groups.values()];
}
