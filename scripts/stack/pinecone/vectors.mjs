// The data plane of one index: vectors and namespaces.

import { checkCount, checkId, checkIds, checkMetadata, checkValues, checkVector, DEFAULT_NAMESPACE } from './checks.mjs';
import { invalid, notFound, StatusError } from './errors.mjs';
import { readFilter } from './filter.mjs';
import { Namespace, page } from './namespace.mjs';

const RESULT_BYTES = 4 * 1024 * 1024;
const UPSERT_BYTES = 2 * 1024 * 1024;
const WROTE = 'x-pinecone-request-lsn';
const INDEXED = 'x-pinecone-max-indexed-lsn';

export class Vectors {
  constructor(dimension, metric, settings) {
    Object.assign(this, { dimension, metric, settings, namespaces: new Map() });
  }

  // `""` and `__default__` are one namespace.
  #find(name) {
    return this.namespaces.get(name || DEFAULT_NAMESPACE);
  }

  #existing(name) {
    const namespace = this.#find(name);
    if (!namespace) throw notFound('Namespace not found');
    return namespace;
  }

  open(name) {
    if (!this.#find(name)) this.namespaces.set(name || DEFAULT_NAMESPACE, new Namespace(this.settings));
    return this.#find(name);
  }

  upsert({ vectors, namespace }, bytes) {
    if (bytes > UPSERT_BYTES) throw new StatusError(11, `Error, message length too large: found ${bytes} bytes, the limit is: ${UPSERT_BYTES} bytes`);
    if (!Array.isArray(vectors) || vectors.length === 0) throw invalid('Vectors must not be empty');
    if (vectors.length > 1000) throw invalid(`Upsert of ${vectors.length} vectors exceeds the limit of 1000`);
    return this.put(vectors.map((vector) => checkVector(vector ?? {}, this.dimension)), namespace);
  }

  /** Writes checked records. */
  put(records, namespace) {
    const lsn = this.open(namespace).write((all) => {
      for (const record of records) all.set(record.id, record);
    });
    return { body: { upsertedCount: records.length }, headers: { [WROTE]: lsn } };
  }

  query(body) {
    const { matches, namespace, indexed } = this.nearest(body);
    const found = matches.map(({ record, score }) => ({
      id: record.id,
      score,
      values: body.includeValues ? [...record.values] : [],
      ...(body.includeMetadata ? { metadata: record.metadata } : {}),
    }));
    const answer = { results: [], matches: found, namespace, usage: { readUnits: 1 } };
    if (JSON.stringify(answer).length > RESULT_BYTES) throw invalid('Query result size exceeds the limit of 4MB');
    return { body: answer, headers: { [INDEXED]: indexed } };
  }

  /** The records nearest to a vector or a record, best first. */
  nearest({ namespace = '', topK, filter, vector, id }) {
    const k = checkCount(topK, 'topK', { to: 10_000 });
    if ((vector === undefined) === (id === undefined)) throw invalid('Exactly one of vector and id must be given');
    const fits = filter === undefined || filter === null ? () => true : readFilter(filter);
    const found = this.#find(namespace);
    const records = found?.seen() ?? new Map();
    const asked = vector === undefined ? records.get(checkId(id))?.values : checkValues(vector, this.dimension, 'Query vector');
    const measure = MEASURES[this.metric];
    const scored = asked ? [...records.values()].filter(({ metadata }) => fits(metadata)).map((record) => ({ record, score: measure(asked, record.values) })) : [];
    // Equal scores in no promised order: here that of writing.
    const direction = this.metric === 'euclidean' ? -1 : 1;
    const matches = scored.sort((a, b) => direction * (b.score - a.score)).slice(0, k);
    return { matches, namespace: namespace || DEFAULT_NAMESPACE, indexed: found?.indexed ?? 0 };
  }

  fetch(params) {
    const ids = checkIds(params.getAll('ids'));
    const namespace = params.get('namespace') ?? '';
    const found = this.#find(namespace);
    const records = found?.seen() ?? new Map();
    const vectors = Object.fromEntries(ids.flatMap((id) => (records.has(id) ? [[id, shown(records.get(id))]] : [])));
    return { body: { vectors, namespace: namespace || DEFAULT_NAMESPACE, usage: { readUnits: 1 } }, headers: { [INDEXED]: found?.indexed ?? 0 } };
  }

  fetchByMetadata({ namespace = '', filter, limit, paginationToken }) {
    const fits = readFilter(filter);
    const most = checkCount(limit, 'limit', { to: 10_000, otherwise: 100 });
    const records = this.#find(namespace)?.seen() ?? new Map();
    const ids = [...records.values()].filter(({ metadata }) => fits(metadata)).map(({ id }) => id).sort();
    const { found, next } = page(ids, most, paginationToken);
    const vectors = Object.fromEntries(found.map((id) => [id, shown(records.get(id))]));
    return { body: { vectors, namespace: namespace || DEFAULT_NAMESPACE, usage: { readUnits: 1 }, ...(next ? { pagination: { next } } : {}) } };
  }

  delete({ ids, deleteAll, filter, namespace }) {
    const ways = [ids !== undefined, deleteAll === true, filter !== undefined].filter(Boolean).length;
    if (ways !== 1) throw invalid('Exactly one of ids, deleteAll and filter must be given');
    const fits = filter === undefined ? null : readFilter(filter);
    const gone = ids === undefined ? null : checkIds(ids);
    const lsn = this.#existing(namespace).write((all) => {
      if (gone) for (const id of gone) all.delete(id);
      else for (const [id, { metadata }] of all) if (!fits || fits(metadata)) all.delete(id);
    });
    return { body: {}, headers: { [WROTE]: lsn } };
  }

  update({ id, values, sparseValues, setMetadata, namespace, filter, dryRun }) {
    if ((id === undefined) === (filter === undefined)) throw invalid('Exactly one of id and filter must be given');
    if (sparseValues !== undefined) throw invalid('Sparse values are not supported by a dense index with this metric');
    const metadata = checkMetadata(setMetadata);
    if (filter !== undefined) return this.#updateAll(readFilter(filter), metadata, namespace, dryRun);
    checkId(id);
    const checked = values === undefined ? undefined : checkValues(values, this.dimension);
    const lsn = this.#existing(namespace).write((all) => change(all, id, metadata, checked));
    return { body: {}, headers: { [WROTE]: lsn } };
  }

  #updateAll(fits, metadata, name, dryRun = false) {
    const namespace = this.#existing(name);
    const ids = [...namespace.seen().values()].filter((record) => fits(record.metadata)).map((record) => record.id);
    if (dryRun) return { body: { matchedRecords: ids.length } };
    const lsn = namespace.write((all) => {
      for (const id of ids) change(all, id, metadata);
    });
    return { body: { matchedRecords: ids.length }, headers: { [WROTE]: lsn } };
  }

  list(params) {
    const limit = checkCount(params.get('limit'), 'limit', { to: 100, otherwise: 100 });
    const prefix = params.get('prefix') ?? '';
    const namespace = params.get('namespace') ?? '';
    const ids = (this.#find(namespace)?.sortedIds() ?? []).filter((id) => id.startsWith(prefix));
    const { found, next } = page(ids, limit, params.get('paginationToken'));
    const vectors = found.map((id) => ({ id }));
    return { body: { vectors, ...(next ? { pagination: { next } } : {}), namespace: namespace || DEFAULT_NAMESPACE, usage: { readUnits: 1 } } };
  }

  stats({ filter } = {}) {
    if (filter !== undefined) throw invalid('Serverless and Starter indexes do not support describing index stats with metadata filtering');
    const counts = [...this.namespaces].map(([name, namespace]) => [name, { vectorCount: namespace.seen().size }]);
    const total = counts.reduce((sum, [, { vectorCount }]) => sum + vectorCount, 0);
    const { dimension, metric } = this;
    return { body: { namespaces: Object.fromEntries(counts), dimension, indexFullness: 0, totalVectorCount: total, metric, vectorType: 'dense' } };
  }

  listNamespaces(params) {
    const limit = checkCount(params.get('limit'), 'limit', { to: 100, otherwise: 100 });
    const names = [...this.namespaces.keys()].filter((name) => name.startsWith(params.get('prefix') ?? '')).sort();
    const { found, next } = page(names, limit, params.get('paginationToken'));
    const namespaces = found.map((name) => this.describeNamespace(name).body);
    return { body: { namespaces, ...(next ? { pagination: { next } } : {}), total_count: names.length } };
  }

  describeNamespace(name) {
    return { body: { name, record_count: this.#existing(name).seen().size } };
  }

  createNamespace({ name }) {
    if (typeof name !== 'string' || name === '') throw invalid('A namespace has a name');
    if (this.#find(name)) throw new StatusError(6, `Namespace ${name} already exists`);
    this.open(name);
    return this.describeNamespace(name);
  }

  deleteNamespace(name) {
    this.#existing(name);
    this.namespaces.delete(name);
    return { body: {} };
  }
}

const shown = ({ id, values, metadata }) => ({ id, values: [...values], ...(Object.keys(metadata).length > 0 ? { metadata } : {}) });

function change(all, id, metadata, values) {
  const record = all.get(id);
  if (record) all.set(id, { id, values: values ?? record.values, metadata: { ...record.metadata, ...metadata } });
}

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

// Scores are 32-bit numbers.
const MEASURES = {
  cosine: (a, b) => Math.fround(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) || 0),
  dotproduct: (a, b) => Math.fround(dot(a, b)),
  euclidean: (a, b) => Math.fround(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0)),
};
