// A stand-in for Pinecone: its published REST API, version 2026-04, on loopback. The control plane and
// the hosted models listen on PINECONE_PORT, each index on a port of its own, which describe_index tells.
// Beyond Pinecone: POST /stand-in {delayMs, fail: {status, count, headers, body, path}} makes it as
// slow to show writes, and as unreliable, as a test wants.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { NamedError, notFound, PlainError, StatusError } from './errors.mjs';
import { Indexes } from './indexes.mjs';
import { Inference } from './inference.mjs';
import { searchRecords, upsertRecords } from './records.mjs';

const BODY_BYTES = 8 * 1024 * 1024;

/** Starts it: `{port, apiKey, local, file}`; `file` keeps the data from one start to the next. Returns `{url, close()}`. */
export async function startPinecone({ port = 0, apiKey, local, file }) {
  const settings = { delayMs: 0, fail: null };
  const inference = new Inference(local);
  const serve = (routes) => http.createServer((request, response) => handle({ request, response, routes, apiKey, settings }));
  const indexes = new Indexes(settings, async (index) => {
    index.server = serve((call) => dataPlane(index, inference, call));
    return `http://127.0.0.1:${await listen(index.server, 0)}`;
  });
  const control = serve((call) => controlPlane(indexes, inference, settings, call));
  if (file) await load(indexes, file);
  const at = await listen(control, port);
  return {
    url: `http://127.0.0.1:${at}`,
    indexes,
    close() {
      if (file) save(indexes, file);
      for (const server of [control, ...[...indexes.all.values()].map((index) => index.server)]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

async function handle({ request, response, routes, apiKey, settings }) {
  try {
    const url = new URL(request.url, 'http://stand-in');
    if (!request.headers['api-key'] || (apiKey && request.headers['api-key'] !== apiKey)) throw new PlainError(401, 'Invalid API Key');
    const text = await body(request);
    const failed = url.pathname === '/stand-in' ? null : takeFailure(settings, url.pathname);
    if (failed) return send(response, failed);
    const json = () => parse(text);
    send(response, await routes({ method: request.method, path: url.pathname, params: url.searchParams, text, json }));
  } catch (error) {
    if (error.body === undefined) console.error(`pinecone: ${error.stack}`);
    send(response, error.body === undefined ? { status: 500, body: { code: 13, message: 'internal', details: [] } } : error);
  }
}

function takeFailure(settings, path) {
  const { fail } = settings;
  if (!fail || (fail.path && !path.startsWith(fail.path))) return null;
  fail.count = (fail.count ?? 1) - 1;
  if (fail.count <= 0) settings.fail = null;
  return { status: fail.status ?? 503, headers: fail.headers, body: fail.body ?? '', type: typeof fail.body === 'object' ? undefined : 'text/plain' };
}

function send(response, { status = 200, body: answer, headers = {}, type = 'application/json' }) {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  response.writeHead(status, { 'content-type': type, ...headers }).end(text);
}

async function body(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) throw new PlainError(413, 'Payload too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text) {
  try {
    const value = JSON.parse(text || '{}');
    if (value !== null && typeof value === 'object') return value;
  } catch {
    // Told below, as for any other text that is not an object.
  }
  throw new StatusError(3, 'Invalid JSON in the request body');
}

function controlPlane(indexes, inference, settings, { method, path, params, json }) {
  const [, part, name, more] = path.split('/').map(decodeURIComponent);
  const route = `${method} /${part}${name === undefined ? '' : '/…'}`;
  if (more === undefined) {
    if (route === 'POST /indexes/…' && name === 'create-for-model') return indexes.createForModel(json());
    if (route === 'POST /indexes') return indexes.create(json());
    if (route === 'GET /indexes') return indexes.list();
    if (route === 'GET /indexes/…') return indexes.describe(name);
    if (route === 'PATCH /indexes/…') return indexes.configure(name, json());
    if (route === 'DELETE /indexes/…') return indexes.delete(name);
    if (route === 'POST /embed') return inference.embed(json());
    if (route === 'POST /rerank') return inference.rerank(json());
    if (route === 'GET /models') return inference.models(params);
    if (route === 'GET /models/…') return inference.model(name);
    if (route === 'POST /stand-in') return { body: Object.assign(settings, { delayMs: 0, fail: null }, json()) };
  }
  throw new NamedError(404, 'NOT_FOUND', 'Path not found');
}

function dataPlane(index, inference, { method, path, params, text, json }) {
  const { vectors } = index;
  const plain = {
    'POST /vectors/upsert': () => vectors.upsert(json(), Buffer.byteLength(text)),
    'POST /query': () => vectors.query(json()),
    'GET /vectors/fetch': () => vectors.fetch(params),
    'POST /vectors/fetch_by_metadata': () => vectors.fetchByMetadata(json()),
    'POST /vectors/delete': () => vectors.delete(json()),
    'POST /vectors/update': () => vectors.update(json()),
    'GET /vectors/list': () => vectors.list(params),
    'POST /describe_index_stats': () => vectors.stats(json()),
    'GET /namespaces': () => vectors.listNamespaces(params),
    'POST /namespaces': () => vectors.createNamespace(json()),
  }[`${method} ${path}`];
  if (plain) return plain();
  const [, part, second, third, fourth] = path.split('/').map(decodeURIComponent);
  if (part === 'namespaces' && third === undefined) {
    if (method === 'GET') return vectors.describeNamespace(second);
    if (method === 'DELETE') return vectors.deleteNamespace(second);
  }
  if (method === 'POST' && part === 'records' && second === 'namespaces') {
    if (fourth === 'upsert') return upsertRecords(index, inference, third, text);
    if (fourth === 'search') return searchRecords(index, inference, third, json());
  }
  throw notFound('Path not found');
}

function listen(server, port) {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => done(server.address().port));
  });
}

function save(indexes, file) {
  const kept = [...indexes.all.values()].map(({ asked, vectors }) => ({
    asked,
    namespaces: [...vectors.namespaces].map(([name, namespace]) => [name, [...namespace.settled().values()].map((record) => ({ ...record, values: [...record.values] }))]),
  }));
  writeFileSync(file, JSON.stringify(kept));
}

async function load(indexes, file) {
  if (!existsSync(file)) return;
  for (const { asked, namespaces } of JSON.parse(readFileSync(file, 'utf8'))) {
    await indexes.create(asked);
    const { vectors } = indexes.find(asked.name);
    for (const [name, records] of namespaces) {
      vectors.put(records.map((record) => ({ ...record, values: Float32Array.from(record.values) })), name);
    }
  }
}
