// Workers AI through its binding, as workerd has it: embeddings and reranking, on Pinecone's stand-in. Behind the binding
// stands scripts/stack/ai.mjs.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { startAi, startBoundWorker } from '../../../scripts/stack/ai.mjs';
import { Inference } from '../../../scripts/stack/pinecone/inference.mjs';
import { startPinecone } from '../../../scripts/stack/pinecone/server.mjs';
import { Database } from '../lib/database.mjs';
import { env, tokens } from '../lib/stack.mjs';

const DIMENSION = 384;
const EMBEDDER = '@cf/baai/bge-base-en-v1.5';
const RERANKER = '@cf/baai/bge-reranker-base';
const KEY = 'key';
const TEXTS = {
  'binding-zygomatic': 'A zygomatic implant is anchored in the cheekbone. It is placed under general anaesthesia.',
  'binding-quokka': 'The quokka in our waiting room may be stroked. It eats zygomatic leaves only.',
};

let pinecone;
let ai;
let worker;
let database;
let log = '';

before(async () => {
  database = await Database.open();
  await database.keep();
  // The stack's own index was made with another store and model: to this Worker there is none yet.
  await database.rows('delete from app.knowledge_index');
  const local = env.EMBEDDINGS_URL && { url: env.EMBEDDINGS_URL, model: env.EMBEDDINGS_MODEL, dimension: DIMENSION };
  pinecone = await startPinecone({ apiKey: KEY });
  await pinecone.indexes.create({ name: 'bound', dimension: DIMENSION, spec: { serverless: { cloud: 'aws', region: 'us-east-1' } } });
  ai = await startAi({ inference: new Inference(local), dimension: DIMENSION });
  worker = await startBoundWorker({ ai, vars: vars(), log: (text) => (log += text) });
  for (const [slug, body] of Object.entries(TEXTS)) {
    const reply = await put(slug, body);
    assert.ok([200, 201].includes(reply.status), `${reply.status} ${await reply.text()}`);
  }
});

after(async () => {
  await worker?.stop();
  await database.restore();
  await database.close();
  ai?.close();
  pinecone?.close();
});

beforeEach(() => {
  ai.calls.length = 0;
  ai.answer = null;
});

const vars = () => ({
  SUPABASE_URL: env.SUPABASE_URL,
  SUPABASE_ANON_KEY: env.ANON_KEY,
  SUPABASE_JWT_SECRET: env.JWT_SECRET,
  VECTOR_STORE: 'pinecone',
  PINECONE_API_KEY: KEY,
  PINECONE_CONTROL_URL: pinecone.url,
  PINECONE_INDEX: 'bound',
  EMBEDDINGS: 'workers-ai',
  EMBEDDINGS_MODEL: EMBEDDER,
  EMBEDDINGS_DIMENSION: String(DIMENSION),
  RERANK: 'workers-ai',
  CHAT_ANON: 'true',
});

function request(method, path, body, token) {
  const headers = { apikey: env.ANON_KEY, 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  return fetch(`${worker.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
}

const put = (slug, text) => request('PUT', `/v1/knowledge/documents/${slug}`, { title: slug, body: text, category: 'binding' }, tokens.admin);

async function search(query, more = {}) {
  const reply = await request('POST', '/v1/knowledge/search', { query, filter: { category: 'binding' }, ...more });
  const body = await reply.json();
  assert.equal(reply.status, 200, JSON.stringify(body));
  return body;
}

const asked = (model) => ai.calls.filter((call) => call.model === model);

test('a search embeds and reranks through the binding, with plain objects', async () => {
  const { hits, degraded } = await search('zygomatic implant');
  assert.equal(degraded, null);
  assert.equal(hits[0].document, 'binding-zygomatic');
  assert.ok(hits.every(({ scores }) => scores.dense !== null && scores.reranked !== null));
  const [embedded] = asked(EMBEDDER);
  assert.equal(embedded.url, 'https://workers-binding.ai/run?version=3');
  assert.deepEqual(embedded.inputs, { text: [embedded.inputs.text[0]], pooling: 'cls' });
  assert.match(embedded.inputs.text[0], /zygomatic implant/);
  const [reranked] = asked(RERANKER);
  assert.equal(reranked.inputs.query, 'zygomatic implant');
  assert.equal(reranked.inputs.contexts.length, reranked.inputs.top_k);
  assert.ok(reranked.inputs.contexts.some(({ text }) => text.includes('cheekbone')));
});

test("the reranker's order is the order, whatever the searches found", async () => {
  const order = (first) => ({ model, inputs }) => {
    if (model !== RERANKER) return null;
    const response = inputs.contexts.map(({ text }, id) => ({ id, score: text.includes(first) ? 0.9 : 0.1 }));
    return { body: { response } };
  };
  for (const [word, first] of [['stroked', 'binding-quokka'], ['cheekbone', 'binding-zygomatic']]) {
    ai.answer = order(word);
    const { hits } = await search('zygomatic');
    assert.deepEqual([hits[0].document, hits[0].scores.reranked], [first, 0.9]);
  }
});

test('a reranker that refuses leaves the order of the searches, and the log says so', async () => {
  ai.answer = ({ model }) => (model === RERANKER ? { status: 400, body: { internalCode: 5007, description: 'No such model' } } : null);
  const { hits, degraded } = await search('zygomatic implant');
  assert.deepEqual([hits[0].document, hits[0].scores.reranked, degraded], ['binding-zygomatic', null, null]);
  assert.match(log, /reranker: refused with 400/);
});

test('a busy model is asked again; when it stays busy, words carry on alone', async () => {
  let busy = 1;
  ai.answer = ({ model }) => (model === EMBEDDER && busy-- > 0 ? { status: 429, body: { internalCode: 3040, description: 'Capacity temporarily exceeded' } } : null);
  assert.equal((await search('zygomatic implant')).degraded, null);
  assert.equal(asked(EMBEDDER).length, 2);
  busy = 10;
  const { hits, degraded } = await search('zygomatic implant');
  assert.ok(degraded);
  assert.equal(hits[0].document, 'binding-zygomatic');
  assert.ok(!log.includes('cheekbone') && !log.includes('zygomatic implant'), 'nothing that was asked or found is in the log');
});

test('a vector of another length is no vector', async () => {
  ai.answer = ({ model }) => (model === EMBEDDER ? { body: { shape: [1, 2], data: [[1, 0]] } } : null);
  assert.ok((await search('zygomatic implant')).degraded);
});
