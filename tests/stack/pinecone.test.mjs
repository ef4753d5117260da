// The stand-in for Pinecone, judged by Pinecone's own client.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pinecone } from '@pinecone-database/pinecone';
import { startPinecone } from '../../scripts/stack/pinecone/server.mjs';

const KEY = 'a-key';
const folder = mkdtempSync(join(tmpdir(), 'chairside-pinecone-'));
const file = join(folder, 'data.json');
let standIn;
let client;
let index;
let host;

const connect = (apiKey = KEY) => new Pinecone({ apiKey, controllerHostUrl: standIn.url, maxRetries: 0 });
const spec = { serverless: { cloud: 'aws', region: 'us-east-1' } };

before(async () => {
  standIn = await startPinecone({ apiKey: KEY, file });
  client = connect();
  await client.createIndex({ name: 'teeth', dimension: 2, spec, waitUntilReady: true });
  ({ host } = await client.describeIndex('teeth'));
});

beforeEach(async () => {
  await control({});
  index = client.index({ host, namespace: `ns-${Math.random().toString(36).slice(2)}` });
});

after(() => {
  standIn.close();
  rmSync(folder, { recursive: true, force: true });
});

const control = (settings) => raw(standIn.url, 'POST', '/stand-in', settings);

async function raw(base, method, path, body, headers = { 'api-key': KEY }) {
  const reply = await fetch(`${base}${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await reply.text();
  const isJson = reply.headers.get('content-type') === 'application/json';
  return { status: reply.status, headers: reply.headers, body: isJson ? JSON.parse(text || 'null') : text };
}

const fill = () =>
  index.upsert({
    records: [
      { id: 'a#1', values: [1, 0], metadata: { audience: 'public', n: 1, tags: ['x', 'y'] } },
      { id: 'a#2', values: [0.6, 0.8], metadata: { audience: 'staff', n: 2 } },
      { id: 'b#1', values: [0, 1], metadata: { audience: 'public', n: 3, done: true } },
      { id: 'b#2', values: [-1, 0] },
    ],
  });
const found = async (query) => (await index.query({ vector: [1, 0], topK: 10, ...query })).matches.map(({ id }) => id);

test('indexes are made, described, listed, protected and deleted', async () => {
  const made = await client.createIndex({ name: 'second', dimension: 8, metric: 'dotproduct', spec, deletionProtection: 'enabled', tags: { a: 'b' } });
  assert.equal(made.name, 'second');
  const { indexes } = await client.listIndexes();
  assert.deepEqual(indexes.map(({ name, dimension, metric, status }) => [name, dimension, metric, status.ready]), [['teeth', 2, 'cosine', true], ['second', 8, 'dotproduct', true]]);
  await assert.rejects(client.deleteIndex('second'), /protection/i);
  await client.configureIndex({ name: 'second', deletionProtection: 'disabled' });
  await client.deleteIndex('second');
  await assert.rejects(client.describeIndex('second'), { name: 'PineconeNotFoundError' });
});

test('an index that cannot be is refused', async () => {
  await assert.rejects(client.createIndex({ name: 'teeth', dimension: 2, spec }), { name: 'PineconeConflictError' });
  for (const [wrong, words] of [[{ name: 'Upper' }, /lowercase/], [{ dimension: 20_001 }, /20000/], [{ spec: { serverless: { cloud: 'aws', region: 5 } } }, /region/]]) {
    const reply = await raw(standIn.url, 'POST', '/indexes', { name: 'fine', dimension: 2, spec, ...wrong });
    assert.equal(reply.status, 400);
    assert.deepEqual([reply.body.status, reply.body.error.code], [400, 'INVALID_ARGUMENT']);
    assert.match(reply.body.error.message, words);
  }
});

test('what is written is found by nearness, fetched, counted and deleted', async () => {
  await fill();
  const { matches } = await index.query({ vector: [2, 0], topK: 3, includeMetadata: true, includeValues: true });
  assert.deepEqual(matches.map(({ id }) => id), ['a#1', 'a#2', 'b#1']);
  assert.deepEqual(matches.map(({ score }) => score.toFixed(3)), ['1.000', '0.600', '0.000']);
  assert.deepEqual([matches[0].values, matches[0].metadata], [[1, 0], { audience: 'public', n: 1, tags: ['x', 'y'] }]);
  assert.deepEqual((await index.query({ id: 'b#1', topK: 1 })).matches[0].metadata, undefined);
  const { records } = await index.fetch({ ids: ['b#1', 'b#2', 'absent'] });
  assert.deepEqual(Object.keys(records), ['b#1', 'b#2']);
  assert.deepEqual(records['b#1'].metadata, { audience: 'public', n: 3, done: true });
  assert.equal((await index.describeIndexStats()).namespaces[index.target.namespace].recordCount, 4);
  await index.deleteOne({ id: 'a#1' });
  await index.deleteMany({ filter: { n: { $gt: 2 } } });
  assert.deepEqual(await found({}), ['a#2', 'b#2']);
  await index.deleteAll();
  assert.deepEqual(await found({}), []);
});

test('an upsert replaces whole, an update merges metadata', async () => {
  await fill();
  await index.upsert({ records: [{ id: 'a#1', values: [0, 1], metadata: { only: 'this' } }] });
  await index.update({ id: 'a#2', metadata: { n: 20 } });
  await index.update({ id: 'b#1', values: [1, 1] });
  await index.update({ filter: { n: 20 }, metadata: { more: true } });
  const { records } = await index.fetch({ ids: ['a#1', 'a#2', 'b#1'] });
  assert.deepEqual([records['a#1'].values, records['a#1'].metadata], [[0, 1], { only: 'this' }]);
  assert.deepEqual(records['a#2'].metadata, { audience: 'staff', n: 20, more: true });
  assert.deepEqual([records['b#1'].values, records['b#1'].metadata.n], [[1, 1], 3]);
});

for (const [filter, expected] of [
  [{ audience: 'public' }, ['a#1', 'b#1']],
  [{ audience: { $ne: 'public' } }, ['a#2', 'b#2']],
  [{ n: { $gte: 1, $lt: 3 } }, ['a#1', 'a#2']],
  [{ n: { $in: [1, 3] } }, ['a#1', 'b#1']],
  [{ n: { $nin: [1, 3] } }, ['a#2', 'b#2']],
  [{ tags: 'y' }, ['a#1']],
  [{ tags: { $in: ['z', 'x'] } }, ['a#1']],
  [{ done: true }, ['b#1']],
  [{ n: { $exists: false } }, ['b#2']],
  [{ $or: [{ n: 2 }, { $and: [{ audience: 'public' }, { n: { $gt: 2 } }] }] }, ['a#2', 'b#1']],
]) {
  test(`filter ${JSON.stringify(filter)}`, async () => {
    await fill();
    assert.deepEqual(await found({ filter }), expected);
    assert.deepEqual(Object.keys((await index.fetchByMetadata({ filter })).records).sort(), expected);
  });
}

test('a listing has a prefix and pages', async () => {
  await index.upsert({ records: Array.from({ length: 250 }, (_, i) => ({ id: `doc#${String(i).padStart(3, '0')}`, values: [1, i] })) });
  await index.upsert({ records: [{ id: 'other', values: [1, 0] }] });
  const ids = [];
  let paginationToken;
  do {
    const page = await index.listPaginated({ prefix: 'doc#', paginationToken });
    ids.push(...page.vectors.map(({ id }) => id));
    paginationToken = page.pagination?.next;
  } while (paginationToken);
  assert.equal(ids.length, 250);
  assert.deepEqual(ids, ids.toSorted());
  assert.deepEqual((await index.listPaginated({ limit: 2 })).vectors.map(({ id }) => id), ['doc#000', 'doc#001']);
});

test('namespaces keep things apart and can be listed and deleted', async () => {
  await fill();
  const { namespace } = index.target;
  assert.deepEqual((await client.index({ host, namespace: 'nowhere' }).query({ vector: [1, 0], topK: 1 })).matches, []);
  assert.equal((await index.describeNamespace(namespace)).recordCount, 4);
  assert.ok((await index.listNamespaces()).namespaces.some(({ name }) => name === namespace));
  await index.deleteNamespace(namespace);
  await assert.rejects(index.describeNamespace(namespace), { name: 'PineconeNotFoundError' });
  const gone = await raw(host, 'POST', '/vectors/delete', { ids: ['a'], namespace });
  assert.deepEqual([gone.status, gone.body], [404, { code: 5, message: 'Namespace not found', details: [] }]);
});

test('limits and forms are checked, in the shape of a gRPC status', async () => {
  await fill();
  const vector = { id: 'x', values: [1, 0] };
  const namespace = 'limits';
  for (const [path, body, words] of [
    ['/vectors/upsert', { vectors: [] }, /not be empty/],
    ['/vectors/upsert', { vectors: Array.from({ length: 1001 }, (_, i) => ({ ...vector, id: `${i}` })) }, /limit of 1000/],
    ['/vectors/upsert', { vectors: [{ ...vector, values: [1, 0, 0] }] }, /dimension 3 does not match the dimension of the index 2/],
    ['/vectors/upsert', { vectors: [{ ...vector, values: [0, 0] }] }, /at least one non-zero/],
    ['/vectors/upsert', { vectors: [{ ...vector, id: 'é' }] }, /ASCII/],
    ['/vectors/upsert', { vectors: [{ ...vector, id: 'x'.repeat(513) }] }, /limit of 512/],
    ['/vectors/upsert', { vectors: [{ ...vector, metadata: { a: null } }] }, /for field 'a'/],
    ['/vectors/upsert', { vectors: [{ ...vector, metadata: { a: { b: 1 } } }] }, /for field 'a'/],
    ['/vectors/upsert', { vectors: [{ ...vector, metadata: { a: 'x'.repeat(41_000) } }] }, /limit of 40960 bytes/],
    ['/vectors/upsert', { vectors: Array.from({ length: 60 }, (_, i) => ({ ...vector, id: `${i}`, metadata: { a: 'x'.repeat(40_000) } })) }, /too large/],
    ['/query', { vector: [1, 0], topK: 0 }, /topK/],
    ['/query', { vector: [1, 0], topK: 10_001 }, /topK/],
    ['/query', { vector: [1], topK: 1 }, /dimension 1/],
    ['/query', { topK: 1 }, /vector and id/],
    ['/query', { vector: [1, 0], topK: 1, filter: { a: { $in: [] } } }, /non-empty/],
    ['/query', { vector: [1, 0], topK: 1, filter: { a: { $in: [true] } } }, /strings or numbers/],
    ['/query', { vector: [1, 0], topK: 1, filter: { a: { $gt: 'x' } } }, /a number/],
    ['/query', { vector: [1, 0], topK: 1, filter: { $nor: [] } }, /not a valid operator/],
    ['/vectors/delete', { ids: Array.from({ length: 1001 }, String) }, /limit of 1000/],
    ['/vectors/delete', {}, /Exactly one/],
    ['/vectors/delete', { ids: ['a'], deleteAll: true }, /Exactly one/],
    ['/describe_index_stats', { filter: { a: 1 } }, /do not support/],
  ]) {
    const reply = await raw(host, 'POST', path, { namespace, ...body });
    assert.equal(reply.status, 400, JSON.stringify(body).slice(0, 80));
    assert.ok([3, 11].includes(reply.body.code) && Array.isArray(reply.body.details));
    assert.match(reply.body.message, words);
  }
  assert.equal((await raw(host, 'GET', '/vectors/list?limit=101')).body.code, 3);
  await assert.rejects(index.upsert({ records: [{ id: 'x', values: [1, 2, 3] }] }), { name: 'PineconeBadRequestError', message: /dimension 3/ });
});

test('a wrong key is refused in plain text', async () => {
  const wrong = connect('wrong');
  await assert.rejects(wrong.listIndexes(), { name: 'PineconeAuthorizationError' });
  await assert.rejects(wrong.index({ host }).query({ vector: [1, 0], topK: 1 }), { name: 'PineconeAuthorizationError' });
  const reply = await raw(standIn.url, 'GET', '/indexes', undefined, {});
  assert.deepEqual([reply.status, reply.body], [401, 'Invalid API Key']);
});

test('writes are seen late on request, and the numbers tell when', async () => {
  await fill();
  await control({ delayMs: 300 });
  const { namespace } = index.target;
  const wrote = await raw(host, 'POST', '/vectors/upsert', { vectors: [{ id: 'late', values: [1, 0.1] }], namespace });
  const lsn = Number(wrote.headers.get('x-pinecone-request-lsn'));
  const query = () => raw(host, 'POST', '/query', { vector: [1, 0.1], topK: 1, namespace });
  const soon = await query();
  assert.ok(Number(soon.headers.get('x-pinecone-max-indexed-lsn')) < lsn);
  assert.notEqual(soon.body.matches[0].id, 'late');
  assert.deepEqual((await index.fetch({ ids: ['late'] })).records, {});
  assert.equal((await index.listPaginated({ prefix: 'late' })).vectors.length, 0);
  await sleep(320);
  const later = await query();
  assert.equal(Number(later.headers.get('x-pinecone-max-indexed-lsn')), lsn);
  assert.equal(later.body.matches[0].id, 'late');
});

test('it fails as it is told', async () => {
  await control({ fail: { status: 429, count: 2, headers: { 'retry-after': '1' }, body: 'Too many requests', path: '/query' } });
  for (let n = 0; n < 2; n += 1) {
    const reply = await raw(host, 'POST', '/query', { vector: [1, 0], topK: 1 });
    assert.deepEqual([reply.status, reply.headers.get('retry-after'), reply.body], [429, '1', 'Too many requests']);
  }
  assert.equal((await raw(host, 'POST', '/query', { vector: [1, 0], topK: 1 })).status, 200);
});

test('embeddings: the same text the same vector, near for the same words; checked as documented', async () => {
  const inputs = ['brush your teeth twice a day', 'twice a day brush teeth', 'parking is free'];
  const parameters = { inputType: 'passage', truncate: 'END' };
  const { data, usage, model } = await client.inference.embed({ model: 'llama-text-embed-v2', inputs, parameters });
  const [a, b, c] = data.map(({ values }) => values);
  const dot = (x, y) => x.reduce((sum, each, i) => sum + each * y[i], 0);
  assert.deepEqual([model, a.length], ['llama-text-embed-v2', 1024]);
  assert.ok(Math.abs(dot(a, a) - 1) < 1e-5 && dot(a, b) > dot(a, c) + 0.3 && usage.totalTokens > 0);
  const again = await client.inference.embed({ model: 'llama-text-embed-v2', inputs: [inputs[0]], parameters: { ...parameters, dimension: 384 } });
  assert.equal(again.data[0].values.length, 384);
  const embed = (body) => raw(standIn.url, 'POST', '/embed', { model: 'llama-text-embed-v2', parameters: { input_type: 'query' }, inputs: [{ text: 'x' }], ...body });
  for (const [body, status] of [[{ inputs: Array(97).fill({ text: 'x' }) }, 400], [{ inputs: [] }, 400], [{ parameters: {} }, 400], [{ model: 'none' }, 404], [{ inputs: [{ text: '' }] }, 400]]) {
    const reply = await embed(body);
    assert.deepEqual([reply.status, reply.body.status], [status, status]);
  }
});

test('reranking puts the fitting document first', async () => {
  const documents = ['We open at eight.', 'Parking is free behind the house.', 'A filling takes half an hour.'];
  const { data, usage } = await client.inference.rerank({ model: 'bge-reranker-v2-m3', query: 'is parking free', documents, topN: 2 });
  assert.equal(data.length, 2);
  assert.equal(data[0].index, 1);
  assert.equal(data[0].document.text, documents[1]);
  assert.ok(data[0].score > data[1].score && data[0].score <= 1 && usage.rerankUnits === 1);
  const { models } = await client.inference.listModels({ type: 'rerank' });
  assert.ok(models.some(({ model }) => model === 'bge-reranker-v2-m3'));
});

test('an index of its own model takes records and is searched by text', async () => {
  const made = await client.createIndexForModel({
    name: 'texts', cloud: 'aws', region: 'us-east-1', embed: { model: 'llama-text-embed-v2', fieldMap: { text: 'chunk' } }, waitUntilReady: true,
  });
  const texts = client.index({ host: made.host, namespace: 'clinic' });
  await texts.upsertRecords({ records: [{ _id: '1', chunk: 'we open at eight', kind: 'hours' }, { id: '2', chunk: 'parking is free', kind: 'place' }] });
  const search = (more) => texts.searchRecords({ query: { topK: 2, inputs: { text: 'when do you open' } }, ...more });
  const { result } = await search({ fields: ['kind'] });
  assert.deepEqual(result.hits.map(({ _id, fields }) => [_id, fields]), [['1', { kind: 'hours' }], ['2', { kind: 'place' }]]);
  const filtered = await texts.searchRecords({ query: { topK: 2, inputs: { text: 'open' }, filter: { kind: 'place' } } });
  assert.deepEqual(filtered.result.hits.map(({ _id }) => _id), ['2']);
  const reranked = await search({ rerank: { model: 'bge-reranker-v2-m3', rankFields: ['chunk'], topN: 1, query: 'free parking' } });
  assert.deepEqual(reranked.result.hits.map(({ _id }) => _id), ['2']);
  await assert.rejects(index.searchRecords({ query: { topK: 1, inputs: { text: 'x' } } }), { name: 'PineconeBadRequestError' });
});

test('data outlasts a restart', async () => {
  await fill();
  const { namespace } = index.target;
  standIn.close();
  standIn = await startPinecone({ apiKey: KEY, file });
  client = connect();
  ({ host } = await client.describeIndex('teeth'));
  const { records } = await client.index({ host, namespace }).fetch({ ids: ['a#2'] });
  assert.deepEqual(records['a#2'].metadata, { audience: 'staff', n: 2 });
});
