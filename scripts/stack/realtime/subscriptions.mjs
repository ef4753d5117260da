// Subscriptions to changes: an entry of a join's `postgres_changes`, checked against the database,
// and the list of those in force. The list is what a zombie has lost.

import { describe, published, readable } from './catalog.mjs';
import { checkFilter, FilterError, parseFilter } from './filters.mjs';

/** Says no for good: the client's parameters are wrong, and trying again would not help. */
export class SubscribeError extends Error {}

export class Registry {
  #subscriptions = new Set();

  get size() {
    return this.#subscriptions.size;
  }

  /** Puts `list` in the place of what the channel had. */
  replace(channel, list) {
    this.remove(channel);
    for (const subscription of list) this.#subscriptions.add(subscription);
  }

  remove(channel) {
    for (const subscription of this.#subscriptions) if (subscription.channel === channel) this.#subscriptions.delete(subscription);
  }

  clear() {
    this.#subscriptions.clear();
  }

  has(subscription) {
    return this.#subscriptions.has(subscription);
  }

  /** Those that want changes of type `type` in the table `oid`. */
  of(oid, type) {
    return [...this.#subscriptions].filter(({ oids, event }) => oids.has(oid) && (event === '*' || event === type));
  }
}

/** Checks all entries of a channel: `[{channel, id, oids, event, filters, select, claims}]`. */
export async function subscribe(db, channel) {
  const made = [];
  for (const { id, params } of channel.entries) made.push({ channel, id, claims: channel.claims, ...(await check(db, parse(params), channel.claims.role)) });
  return made;
}

function parse(params) {
  const { schema, table, filter, select } = params;
  const given = `${typeof schema} ${typeof table} ${typeof filter}`;
  const known = ['string string string', 'string string undefined', 'string undefined undefined', 'undefined string undefined'];
  if (!known.includes(given)) {
    throw new SubscribeError(`No subscription params provided. Please provide at least a \`schema\` or \`table\` to subscribe to: ${JSON.stringify(params)}`);
  }
  const wanted = { event: eventOf(params.event), schema: schema ?? 'public', table: table ?? '*', select: selectOf(select) };
  if (wanted.select && (wanted.schema === '*' || wanted.table === '*')) {
    throw new SubscribeError('Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name.');
  }
  try {
    return { ...wanted, filters: filter === undefined ? [] : parseFilter(filter) };
  } catch (error) {
    if (error instanceof FilterError) throw new SubscribeError(`Error parsing \`filter\` params: ${error.message}`);
    throw error;
  }
}

function eventOf(event) {
  const upper = String(event).toUpperCase();
  return ['INSERT', 'UPDATE', 'DELETE'].includes(upper) ? upper : '*';
}

function selectOf(select) {
  if (typeof select === 'string') {
    throw new SubscribeError('Error parsing `select` params: expected a list of column name strings, e.g. select: ["col1", "col2"]');
  }
  const names = Array.isArray(select) ? select.filter((name) => typeof name === 'string') : [];
  return names.length > 0 ? names : null;
}

async function check(db, wanted, role) {
  const oids = await published(db, wanted.schema, wanted.table);
  const shown = `[event: ${wanted.event}, schema: ${wanted.schema}, table: ${wanted.table}, filters: ${showFilters(wanted.filters)}, select: ${wanted.select ? JSON.stringify(wanted.select) : 'nil'}]`;
  if (oids.length === 0) {
    throw new SubscribeError(`Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: ${shown}`);
  }
  try {
    for (const table of (await describe(db, oids, [role])).values()) await checkColumns(db, table, wanted, role);
  } catch (error) {
    const message = error instanceof FilterError ? error.message : sqlMessage(error);
    if (message === null) throw error;
    throw new SubscribeError(
      `Unable to subscribe to changes with given parameters. An exception happened so please check your connect parameters: ${shown}. Exception: ${message}`,
    );
  }
  return { event: wanted.event, filters: wanted.filters, select: wanted.select, oids: new Set(oids) };
}

async function checkColumns(db, table, { filters, select }, role) {
  const columns = new Map(readable(table, role).map((column) => [column.name, column]));
  for (const filter of filters) {
    const column = columns.get(filter.column);
    if (!column) throw new FilterError(`ERROR P0001 (raise_exception) invalid column for filter ${filter.column}`);
    await checkFilter(db, filter, column.sql);
  }
  const unknown = select?.find((name) => !columns.has(name));
  if (unknown) throw new FilterError(`ERROR P0001 (raise_exception) invalid column for select ${unknown}`);
}

// The statement failed, not the connection.
const sqlMessage = (error) => (/^[0-9A-Z]{5}$/.test(error.code ?? '') && !error.code.startsWith('57') ? `ERROR ${error.code} ${error.message}` : null);

const showFilters = (filters) => `[${filters.map(({ column, op, value, negate }) => `{"${column}", "${op}", "${value}", ${negate}}`).join(', ')}]`;
