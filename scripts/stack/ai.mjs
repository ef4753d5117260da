// A stand-in for what Workers AI's binding talks to, and a Worker that is bound to it. The binding
// itself is workerd's own: miniflare hands its requests on, headers renamed, to a URL of ours. Models
// are Pinecone's stand-in's (embeddings, reranking) and a `chat(input)` that gives the stream's events.

import http from 'node:http';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { WebSocketServer } from 'ws';
import { freePort } from './settings.mjs';
import { CHATBOT, configuration, finishedBuild } from './worker.mjs';

/** Starts the models. Returns `{url, calls, answer, close()}`: what was asked, and `answer(model, input)`, which may be set. */
export async function startAi({ inference, dimension, chat = () => [] }) {
  const ai = { calls: [], answer: null };
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const call = { url: request.headers['mf-url'], model: request.headers['mf-header-cf-consn-model-id'], text, ...JSON.parse(text) };
    ai.calls.push(call);
    const answer = ai.answer?.(call) ?? (await run(inference, dimension, chat, call));
    const { status = 200, events, body } = answer;
    if (!events) return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    response.writeHead(status, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
    response.end();
  });
  // Miniflare also opens a socket for what a binding may offer besides; nothing is asked through it.
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, () => {}));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  ai.url = `http://127.0.0.1:${server.address().port}`;
  ai.close = () => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  };
  return ai;
}

async function run(inference, dimension, chat, { model, inputs }) {
  const refused = (status, internalCode, description) => ({ status, body: { internalCode, description, name: 'AiError' } });
  if (Array.isArray(inputs.text)) {
    const data = await inference.vectors(inputs.text, dimension);
    return { body: { shape: [data.length, dimension], data, pooling: inputs.pooling ?? 'mean' } };
  }
  if (Array.isArray(inputs.contexts)) {
    const scores = await inference.relevance(inputs.query, inputs.contexts.map(({ text }) => text));
    const response = scores.map((score, id) => ({ id, score })).sort((a, b) => b.score - a.score);
    return { body: { response: response.slice(0, inputs.top_k) } };
  }
  if (Array.isArray(inputs.messages) && inputs.stream) return { events: [...chat({ model, inputs }), '[DONE]'] };
  return refused(400, 5006, 'Error: required properties are missing');
}

/** The chatbot's Worker, from the finished build, with the binding `AI`. Returns `{url, stop()}`. */
export async function startBoundWorker({ stateDir = process.env.CHAIRSIDE_STATE_DIR, ai, vars, log = () => {} }) {
  const build = finishedBuild(stateDir, CHATBOT);
  const config = configuration(CHATBOT);
  const port = await freePort();
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port,
    modules: true,
    modulesRoot: build,
    scriptPath: join(build, 'index.js'),
    modulesRules: [{ type: 'CompiledWasm', include: ['**/*.wasm'] }, { type: 'ESModule', include: ['**/*.js'] }],
    compatibilityDate: config.compatibility_date,
    bindings: { ...config.vars, ...vars },
    ai: { binding: 'AI', remoteProxyConnectionString: new URL(ai.url) },
    ratelimits: Object.fromEntries(config.ratelimits.map(({ name, simple }) => [name, { simple }])),
    cf: false,
    handleRuntimeStdio: (out, error) => {
      for (const stream of [out, error]) stream.on('data', (chunk) => log(chunk.toString('utf8')));
    },
  });
  await miniflare.ready;
  return { url: `http://127.0.0.1:${port}`, stop: () => miniflare.dispose() };
}
