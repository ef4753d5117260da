// The upstreams of a chat turn, answering at once and always the same: PostgREST's search, Chroma, embeddings, a language
// model that streams three cited sentences. What a turn costs beside them is the edge's own.

import { createServer } from 'node:http';

const PIECES = 30;
const SENTENCES = ['Rinse your mouth gently with warm salt water on the next day.', 'Do not smoke for three days after an extraction.', 'Call the clinic when the bleeding does not stop.'];
const id = (at) => `after-an-extraction#${String(at).padStart(3, '0')}-00000000`;
const passage = (at) => ({
  id: id(at),
  document_slug: 'after-an-extraction',
  title: 'After an extraction',
  heading: 'The first days',
  content: `${SENTENCES.join(' ')} Passage ${at} tells the same in other words.`,
  category: 'aftercare',
  language: 'en',
  audience: 'public',
  updated_at: '2026-11-01T00:00:00+00:00',
  score: 20 - at / 2,
  strength: 0.9 - at / 100,
});
const ids = Array.from({ length: PIECES }, (_, at) => id(at));
const passages = JSON.stringify(ids.map((_, at) => passage(at)));
const metadata = { document: 'after-an-extraction', audience: 'public', category: 'aftercare', language: 'en', valid_from: 0, valid_until: 4_000_000_000 };
const nearest = JSON.stringify({ ids: [ids], distances: [ids.map((_, at) => 0.1 + at / 100)], metadatas: [ids.map(() => metadata)], documents: null, embeddings: null, uris: null, included: ['distances', 'metadatas'] });
const collection = JSON.stringify({ id: '00000000-0000-4000-8000-000000000001', name: 'knowledge', dimension: 384, metadata: null, configuration_json: { hnsw: { space: 'cosine' } }, tenant: 'default_tenant', database: 'default_database' });
const vector = JSON.stringify({ object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: Array.from({ length: 384 }, (_, at) => Math.sin(at + 1) / 14) }], usage: { prompt_tokens: 8, total_tokens: 8 } });

const chunk = (delta, reason = null) => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 0, model: 'm', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
const words = SENTENCES.map((sentence) => `${sentence.slice(0, -1)} [1]. `).join('').match(/\S+\s/g);
const stream = `${words.map((content) => chunk({ content })).join('')}${chunk({}, 'stop')}data: [DONE]\n\n`;

const ROUTES = [
  ['/rest/v1/rpc/active_knowledge_index', 'null'],
  ['/rest/v1/rpc/search_knowledge', passages],
  ['/v1/embeddings', vector],
  ['/query', nearest],
  ['/collections', collection],
  ['/pre-flight-checks', '{"max_batch_size":5000}'],
  ['/tenants/default_tenant', '{"name":"default_tenant"}'],
  ['/databases/default_database', '{"id":"00000000-0000-4000-8000-000000000002","name":"default_database","tenant":"default_tenant"}'],
  ['/auth/identity', '{"user_id":"","tenant":"default_tenant","databases":["default_database"]}'],
];

/** Starts them on one port: `{url, close()}`. */
export async function startUpstreams() {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      if (request.url.endsWith('/chat/completions')) return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream);
      const known = ROUTES.find(([ending]) => request.url.split('?')[0].endsWith(ending));
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' }).end(known?.[1] ?? `{"message":"nothing at ${request.url}"}`);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
