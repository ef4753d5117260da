// A model that is away, slow, broken or goes on and on; a client that leaves; a vector store that is down.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '../../../scripts/stack/settings.mjs';
import { answers, babbles, breaksOff, fallsSilent, neverAnswers, says } from './model.mjs';
import { ask, assertCited, documents, RINSE, scripted, SENTENCES, until } from './support.mjs';

let chat;
let library;
before(async () => {
  library = await documents();
  chat = await scripted();
});
after(async () => {
  await chat?.stop();
  await library?.remove();
});

const failing = (more) => chat.client.chat.completions.create(ask(RINSE, more)).then(() => assert.fail('answered'), (error) => error);

for (const [what, script, status] of [
  ['does not answer', neverAnswers(), 504],
  ['begins and falls silent', fallsSilent(''), 504],
  ['falls silent within its first sentence', fallsSilent('Do not'), 504],
  ['breaks off within its first sentence', breaksOff('Do not'), 503],
  ['answers a page', answers(200, '<html>busy</html>', { 'content-type': 'text/html' }), 502],
  ['answers JSON that is none', answers(200, 'data: {oops\n\n'), 502],
  ['refuses', answers(401, '{"error":{"message":"bad key Hildegard"}}'), 502],
  ['is overloaded', answers(503, ''), 503],
]) {
  test(`a model that ${what} is an error, streaming or not`, async () => {
    chat.model.script = script;
    for (const stream of [false, true]) {
      const error = await failing({ stream });
      assert.deepEqual([error.status, error.type], [status, 'server_error'], `${error}`);
      assert.doesNotMatch(error.message, /Hildegard/);
    }
  });
}

for (const [what, script] of [['breaks off', breaksOff], ['falls silent', fallsSilent]]) {
  test(`a model that ${what} after a sentence ends the stream with an error`, async () => {
    chat.model.script = script(`${SENTENCES.rinse} ${SENTENCES.food} And`);
    const stream = await chat.client.chat.completions.create(ask(RINSE, { stream: true }));
    const seen = [];
    await assert.rejects(async () => {
      for await (const chunk of stream) seen.push(chunk.choices[0]);
    }, (error) => error.type === 'server_error');
    assert.match(seen[0].delta.content, /\]\.$/);
    assert.ok(seen.every((choice) => choice.finish_reason === null));
    assert.ok((await failing({ stream: false })).status >= 500);
  });
}

test('an answer that had to be cut says so', async () => {
  chat.model.script = says(`${SENTENCES.rinse} Eat soft fo`, { reason: 'length' });
  const { choices } = await chat.client.chat.completions.create(ask(RINSE));
  assert.equal(choices[0].finish_reason, 'length');
  assertCited(choices[0].message.content);
});

test('a client that leaves stops the model', async () => {
  chat.model.script = babbles(SENTENCES.rinse);
  const aborted = chat.model.aborted;
  const stream = await chat.client.chat.completions.create(ask(RINSE, { stream: true }));
  for await (const chunk of stream) {
    assert.match(chunk.choices[0].delta.content, /\]\.$/);
    break;
  }
  stream.controller.abort();
  await until('the end of the model\'s stream', () => chat.model.aborted > aborted && chat.model.open === 0);
});

test('a model that goes on and on is stopped', async () => {
  chat.model.script = babbles(`${SENTENCES.rinse} Blah.`);
  const { choices } = await chat.client.chat.completions.create(ask(RINSE), { timeout: 60_000 });
  assert.equal(choices[0].finish_reason, 'length');
  await until('the end of the model\'s stream', () => chat.model.open === 0);
});

test('without the vector store words are searched alone, and the reply says so', async () => {
  const gone = `http://127.0.0.1:${await freePort()}`;
  const alone = await scripted({
    VECTOR_STORE: 'chroma', CHROMA_URL: gone, EMBEDDINGS: 'openai', EMBEDDINGS_URL: `${gone}/v1`, EMBEDDINGS_MODEL: 'm', EMBEDDINGS_DIMENSION: '384',
  });
  try {
    alone.model.script = says(SENTENCES.rinse);
    const { data, response } = await alone.client.chat.completions.create(ask(RINSE)).withResponse();
    assert.equal(response.headers.get('x-chairside-retrieval'), 'full-text');
    assert.match(data.chairside.degraded, /words alone/);
    assertCited(data.choices[0].message.content);
  } finally {
    await alone.stop();
  }
});
