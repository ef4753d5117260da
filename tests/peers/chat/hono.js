// What one would write instead: Hono, OpenAI's and Chroma's clients, as their documentation shows. The same retrieval
// (vectors and words, fused by min-max) and the same prompt as Chairside's; no triage, redaction or check of the answer.

import { ChromaClient } from 'chromadb-client';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import OpenAI from 'openai';

const RULES = 'You help the patients of a dental clinic. Answer the question from the numbered documents alone. End every sentence with the number of the document that says so.';
const PASSAGES = 5;
const ASKED = 30;
const DENSE = 0.7;

const app = new Hono();

// Made once an isolate, the collection looked up once: as Chairside does.
let openai;
let collection;

async function documentsOf(env) {
  collection ??= await new ChromaClient({ path: env.CHROMA_URL }).getOrCreateCollection({ name: env.CHROMA_COLLECTION, embeddingFunction: { generate: () => [] } });
  return collection;
}

app.post('/v1/chat/completions', async (c) => {
  const { messages, stream } = await c.req.json();
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > 40) return c.json({ error: { message: 'messages is an array of 1 to 40 messages' } }, 422);
  const question = messages.at(-1).content;
  openai ??= new OpenAI({ baseURL: c.env.MODELS_URL, apiKey: 'none' });
  const passages = await retrieve(c.env, question);
  const documents = passages.map((one, at) => `<document number="${at + 1}" title="${one.title}">\n${one.content}\n</document>`);
  const request = {
    model: c.env.CHAT_MODEL,
    messages: [{ role: 'system', content: RULES }, { role: 'user', content: `${documents.join('\n')}\n\nQuestion: ${question}` }],
    max_tokens: 600,
    temperature: 0,
  };
  if (!stream) return c.json({ ...(await openai.chat.completions.create(request)), sources: passages });
  const answer = await openai.chat.completions.create({ ...request, stream: true });
  return streamSSE(c, async (out) => {
    for await (const chunk of answer) await out.writeSSE({ data: JSON.stringify(chunk) });
    await out.writeSSE({ data: '[DONE]' });
  });
});

async function retrieve(env, question) {
  const [vectors, words] = await Promise.all([byVectors(env, question), byWords(env, { query: question, k: ASKED, ids: [] })]);
  const missing = vectors.ids.filter((id) => !words.some((one) => one.id === id));
  const more = missing.length > 0 ? await byWords(env, { query: question, k: 0, ids: missing }) : [];
  const all = [...words, ...more];
  const dense = scaled(all, (one) => vectors.scores.get(one.id) ?? 0);
  const lexical = scaled(all, (one) => one.score);
  const score = (one) => DENSE * dense.get(one.id) + (1 - DENSE) * lexical.get(one.id);
  return all.sort((one, other) => score(other) - score(one)).slice(0, PASSAGES);
}

async function byVectors(env, question) {
  const { data } = await openai.embeddings.create({ model: env.EMBEDDINGS_MODEL, input: [question], encoding_format: 'float' });
  const found = await (await documentsOf(env)).query({ queryEmbeddings: [data[0].embedding], nResults: ASKED, include: ['distances'] });
  return { ids: found.ids[0], scores: new Map(found.ids[0].map((id, at) => [id, 1 - found.distances[0][at]])) };
}

async function byWords(env, body) {
  const headers = { apikey: env.SUPABASE_ANON_KEY, 'content-type': 'application/json' };
  const reply = await fetch(`${env.SUPABASE_URL}/rest/v1/rpc/search_knowledge`, { method: 'POST', headers, body: JSON.stringify(body) });
  return reply.json();
}

function scaled(all, value) {
  const values = all.map(value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return new Map(all.map((one, at) => [one.id, most > least ? (values[at] - least) / (most - least) : 0]));
}

export default app;
