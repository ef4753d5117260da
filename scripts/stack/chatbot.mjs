// The chatbot's parts of the stack: Chroma and the models, and the stand-in for Pinecone.

import { join } from 'node:path';
import { startModels } from './models/models.mjs';
import { root } from './settings.mjs';

const PINECONE = { PINECONE_API_KEY: 'local-pinecone-key', PINECONE_INDEX: 'knowledge', PINECONE_NAMESPACE: 'knowledge' };
const DIMENSION = '384';
// Without a model of its own the stack's Pinecone embeds, by hashing words.
const EMBEDDED_THERE = { EMBEDDINGS: 'pinecone', EMBEDDINGS_MODEL: 'llama-text-embed-v2', EMBEDDINGS_DIMENSION: DIMENSION };

/**
 * Starts Chroma and the models where `models` says so, and Pinecone's stand-in beside them or where it
 * is the `vectorStore`. Returns `vars`, what the Worker is told, and `env`, what `.dev/env` holds of it.
 */
export async function startChatbot(processes, { stateDir, ports, step, models, vectorStore = 'chroma' }) {
  const found = models ? await startModels(processes, { stateDir, ports, step }) : {};
  const chosen = vectorStore === 'pinecone';
  if (!models && !chosen) return { vars: {}, env: {} };
  const pinecone = await step("Pinecone's stand-in", () => startPinecone(processes, { stateDir, ports, models: found }));
  if (!chosen) return { vars: found, env: { ...found, ...pinecone } };
  const vars = { ...EMBEDDED_THERE, ...found, ...pinecone, VECTOR_STORE: 'pinecone' };
  return { vars, env: vars };
}

/** The ports that the chatbot's parts do not listen on. */
export function unusedPorts({ models, vectorStore }) {
  return [...(models ? [] : ['chroma', 'embeddings', 'chat']), ...(models || vectorStore === 'pinecone' ? [] : ['pinecone'])];
}

async function startPinecone(processes, { stateDir, ports, models }) {
  const url = `http://127.0.0.1:${ports.pinecone}`;
  const env = { ...process.env, ...models, ...PINECONE, PINECONE_PORT: String(ports.pinecone), PINECONE_DIMENSION: DIMENSION, CHAIRSIDE_STATE_DIR: stateDir };
  const handle = processes.start('pinecone', process.execPath, [join(root, 'scripts', 'stack', 'pinecone', 'main.mjs')], { env });
  const headers = { 'api-key': PINECONE.PINECONE_API_KEY };
  await processes.ready(handle, async () => (await fetch(`${url}/indexes/${PINECONE.PINECONE_INDEX}`, { headers })).ok);
  return { ...PINECONE, PINECONE_CONTROL_URL: url };
}
