// Chroma, the embedding model and the language model of the stack; left out where the stack has none (--no-models).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { root } from '../../scripts/stack/settings.mjs';

const { CHROMA_URL, EMBEDDINGS_URL, EMBEDDINGS_MODEL, EMBEDDINGS_DIMENSION, CHAT_URL, CHAT_MODEL } = process.env;
const options = { skip: CHROMA_URL ? false : 'the stack runs without models' };

const post = (url, body) => fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const embed = async (input, more = {}) => (await post(`${EMBEDDINGS_URL}/embeddings`, { model: EMBEDDINGS_MODEL, input, ...more })).json();
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

test('the store keeps its promises on the real Chroma', options, () => {
  const args = ['test', '--quiet', '--test', 'rag_chroma', '--', '--ignored'];
  const { status, stdout, stderr } = spawnSync('cargo', args, { cwd: root, env: process.env, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /1 passed/);
});

test('embeddings have length 1, the promised dimension, and bring together what belongs together', options, async () => {
  const { data, usage, model } = await embed(['my tooth hurts', 'I have a toothache', 'parking near the clinic']);
  assert.equal(model, EMBEDDINGS_MODEL);
  assert.deepEqual(data.map((d) => d.index), [0, 1, 2]);
  assert.ok(usage.total_tokens > 10);
  const [a, b, c] = data.map((d) => d.embedding);
  assert.equal(a.length, Number(EMBEDDINGS_DIMENSION));
  assert.ok(Math.abs(dot(a, a) - 1) < 1e-4);
  assert.ok(dot(a, b) > dot(a, c) + 0.3);
});

test('base64 carries the same numbers, and the order of a long list is kept', options, async () => {
  const texts = Array.from({ length: 70 }, (_, i) => `text ${'word '.repeat((i * 7) % 40)}${i}`);
  const plain = await embed(texts);
  const packed = await embed(texts[33], { encoding_format: 'base64' });
  const bytes = Buffer.from(packed.data[0].embedding, 'base64');
  const numbers = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
  assert.ok(dot(numbers, plain.data[33].embedding) > 0.99);
});

for (const [what, body] of [['an empty text', { input: '' }], ['no texts', { input: [] }], ['a number', { input: 5 }], ['no input', {}],
  ['another encoding', { input: 'a', encoding_format: 'hex' }]]) {
  test(`the embedding server refuses ${what} in OpenAI's shape`, options, async () => {
    const reply = await post(`${EMBEDDINGS_URL}/embeddings`, body);
    assert.equal(reply.status, 400);
    assert.equal((await reply.json()).error.type, 'invalid_request_error');
  });
}

test('the language model answers whole and as a stream', options, async () => {
  const request = { model: CHAT_MODEL, messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 8 };
  const whole = await (await post(`${CHAT_URL}/chat/completions`, request)).json();
  assert.ok(whole.choices[0].message.content.length > 0);
  const stream = await (await post(`${CHAT_URL}/chat/completions`, { ...request, stream: true })).text();
  assert.match(stream, /^data: \{/m);
  assert.match(stream, /data: \[DONE\]\s*$/);
});
