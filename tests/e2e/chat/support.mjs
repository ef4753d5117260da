// What the tests of the chat share: two documents of their own, Workers with a model that is scripted, OpenAI's client.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { env, tokens } from '../lib/stack.mjs';
import { start } from '../faults/worker.mjs';
import { startModel } from './model.mjs';

export const SENTENCES = {
  gauze: 'After a tooth was pulled bite on the gauze for 30 minutes.',
  rinse: 'Do not rinse on the first day after an extraction.',
  food: 'Eat soft food for two days after a tooth was pulled.',
};
export const RINSE = 'When may I rinse after an extraction where a tooth was pulled?';

const document = {
  slug: 'test-after-an-extraction', title: 'Test: after an extraction', category: 'aftercare', audience: 'public',
  body: '# After an extraction',
};
const pieces = Object.values(SENTENCES).map((content, ordinal) => ({ id: `${document.slug}#${ordinal}`, ordinal, heading: 'After an extraction', content }));

/** Puts the documents there; `remove()` takes them away again. */
export async function documents() {
  const rpc = async (name, body) => {
    const reply = await fetch(`${env.POSTGREST_URL}/rpc/${name}`, {
      method: 'POST', headers: { authorization: `Bearer ${tokens.admin}`, 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    assert.ok(reply.ok, `${name}: ${reply.status} ${await reply.text()}`);
  };
  await rpc('put_knowledge_document', { document, chunks: pieces, expected_version: null });
  return { remove: () => rpc('delete_knowledge_document', { slug: document.slug }) };
}

/** A Worker whose model is scripted; without vectors unless `changes` has them. */
export async function scripted(changes = {}) {
  const model = await startModel();
  const worker = await start({ CHAT: 'openai', CHAT_URL: model.url, CHAT_MODEL: 'scripted', CHAT_ANON: 'true', CHAT_TIMEOUT_MS: '1500', UPSTREAM_TIMEOUT_MS: '1500', ...changes }, { chatbot: true });
  const stop = async () => {
    await worker.stop();
    await model.stop();
  };
  return { model, worker, stop, client: client(worker.url), log: () => readFileSync(worker.chatbot.logFile, 'utf8') };
}

/** OpenAI's client, unchanged. */
export const client = (url, token = env.ANON_KEY) => new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });

export const ask = (question, more = {}) => ({ model: 'chairside', messages: [{ role: 'user', content: question }], ...more });

/** Every sentence carries a citation. */
export function assertCited(text) {
  const sentences = text.split(/(?<=\][.!?…])\s+/);
  for (const sentence of sentences) assert.match(sentence, /( \[\d+\]|\]\[\d+\])[.!?…]$/, `${sentence} (of ${text})`);
}

export async function until(what, found, ms = 5000) {
  const end = Date.now() + ms;
  while (!found()) {
    assert.ok(Date.now() < end, `${what} did not come`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

