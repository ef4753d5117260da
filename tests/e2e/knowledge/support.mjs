// A Worker on the stack whose upstreams are counted and can be cut off, and what the knowledge base's tests do with it.

import { createServer } from 'node:http';
import { send } from '../lib/stack.mjs';
import { start } from '../faults/worker.mjs';

const { env } = process;

export const withModels = { skip: env.CHROMA_URL ? false : 'the stack runs without models' };

/** Passes requests on to `target` and remembers them; while `cut` is true every connection is broken off. */
export async function line(target) {
  const state = { cut: false, seen: [] };
  const server = createServer(async (request, response) => {
    if (state.cut) return request.socket.destroy();
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    state.seen.push({ method: request.method, path: request.url, body: body.toString() });
    const headers = { 'content-type': request.headers['content-type'] ?? 'application/json' };
    const reply = await fetch(`${target}${request.url}`, { method: request.method, headers, body: body.length > 0 ? body : undefined });
    response.writeHead(reply.status, { 'content-type': reply.headers.get('content-type') ?? 'application/json' });
    response.end(Buffer.from(await reply.arrayBuffer()));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  state.url = `http://127.0.0.1:${server.address().port}`;
  state.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return state;
}

/** A Worker whose Chroma and embedding model are behind such lines; without models one that has neither. */
export async function clinic(changes = {}) {
  if (!env.CHROMA_URL) {
    const worker = await start({ CHAT_ANON: 'true', SUPABASE_SERVICE_ROLE_KEY: env.SERVICE_ROLE_KEY, ...changes }, { chatbot: true });
    return { worker, end: () => worker.stop(), ...asked(worker) };
  }
  const chroma = await line(env.CHROMA_URL);
  const model = await line(new URL(env.EMBEDDINGS_URL).origin);
  const worker = await start({
    SUPABASE_SERVICE_ROLE_KEY: env.SERVICE_ROLE_KEY, VECTOR_STORE: 'chroma', CHROMA_URL: chroma.url, CHROMA_COLLECTION: 'knowledge',
    EMBEDDINGS: 'openai', EMBEDDINGS_URL: `${model.url}/v1`, EMBEDDINGS_MODEL: env.EMBEDDINGS_MODEL, EMBEDDINGS_DIMENSION: env.EMBEDDINGS_DIMENSION,
    CHAT_ANON: 'true', ...changes,
  }, { chatbot: true });
  const end = async () => {
    await worker.stop();
    chroma.close();
    model.close();
  };
  return { worker, chroma, model, end, ...asked(worker) };
}

function asked(worker) {
  const ask = (method, path, options = {}) => send(method, `/v1/knowledge/${path}`, { url: worker.url, role: 'admin', ...options });
  return {
    ask,
    put: (slug, document, headers = {}) => ask('PUT', `documents/${slug}`, { body: document, headers }),
    remove: (slug) => ask('DELETE', `documents/${slug}`),
    search: (query, more = {}, role = 'admin') => ask('POST', 'search', { role, body: { query, ...more } }),
    // The clock's event, as wrangler dev lets one make it.
    tick: (cron = '2-57/5 * * * *') => fetch(`${worker.chatbot.url}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}`),
  };
}

/** The texts that an embedding model was given. */
export const embedded = (model) => model.seen.filter(({ path }) => path === '/v1/embeddings').flatMap(({ body }) => JSON.parse(body).input);

/** Straight to Chroma's collection of that name: what it holds, and what is done to it behind the Worker's back. */
export async function collection(name) {
  const base = `${env.CHROMA_URL}/api/v2/tenants/default_tenant/databases/default_database/collections`;
  const { id } = await (await fetch(`${base}/${name}`)).json();
  const post = async (path, body) => (await fetch(`${base}/${id}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json();
  return {
    id,
    ids: async (document) => (await post('get', { where: { document }, limit: 1000, include: [] })).ids.sort(),
    delete: (ids) => post('delete', { ids }),
    add: (id, document) => post('upsert', { ids: [id], embeddings: [Array.from({ length: Number(env.EMBEDDINGS_DIMENSION) }, (_, n) => (n === 0 ? 1 : 0))], metadatas: [{ document }] }),
  };
}
