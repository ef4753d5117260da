// OpenAI's own client, unchanged, against a Worker whose model is scripted: whole answers, streams, errors.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { ask, assertCited, client, documents, RINSE, scripted, SENTENCES } from './support.mjs';
import { says } from './model.mjs';
import { tokens } from '../lib/stack.mjs';

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

// Whichever number the passages have: the model cites as many as there are.
const answer = `${SENTENCES.rinse} [1] ${SENTENCES.food} I made this up [1]. Drink 4 litres of ibuprofen [1].`;

test('a whole answer: cited sentences alone, annotations that fit the text, sources', async () => {
  chat.model.script = says(answer);
  const { data, response } = await chat.client.chat.completions.create(ask(RINSE)).withResponse();
  const { content, annotations } = data.choices[0].message;
  assert.equal(response.headers.get('x-chairside-outcome'), 'answered');
  assert.ok(response.headers.get('x-request-id'));
  assertCited(content);
  assert.doesNotMatch(content, /made this up|litres/);
  assert.match(content, /soft food for two days/);
  for (const { url_citation: at } of annotations) assert.match(content.slice(at.start_index, at.end_index), /^[A-Z].*\]\.$/);
  const numbers = [...content.matchAll(/\[(\d+)\]/g)].map((found) => Number(found[1]));
  assert.deepEqual([...new Set(numbers)].sort(), data.sources.map((source) => source.number).sort());
  assert.deepEqual([data.object, data.model, data.choices[0].finish_reason, data.usage.total_tokens], ['chat.completion', 'chairside', 'stop', 60]);
});

test('a stream: one chunk a sentence, the same text, usage when asked for', async () => {
  chat.model.script = says(answer);
  const stream = await chat.client.chat.completions.create(ask(RINSE, { stream: true, stream_options: { include_usage: true } }));
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  assertCited(text);
  assert.equal(chunks.filter((chunk) => chunk.choices[0]?.delta.content).length, text.match(/\]\./g).length);
  const end = chunks.find((chunk) => chunk.choices[0]?.finish_reason);
  assert.equal(end.choices[0].finish_reason, 'stop');
  assert.ok(end.sources.length > 0);
  assert.equal(chunks.at(-1).usage.total_tokens, 60);
});

test('the stream helper of the client puts the answer together', async () => {
  chat.model.script = says(answer);
  const runner = chat.client.chat.completions.stream(ask(RINSE));
  assertCited(await runner.finalContent());
});

test('sentences come while the model still writes', async () => {
  chat.model.script = says(`${SENTENCES.rinse} ${SENTENCES.food} ${SENTENCES.gauze}`, { pauseMs: 30 });
  const stream = await chat.client.chat.completions.create(ask(RINSE, { stream: true }));
  const times = [];
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) times.push(performance.now());
  assert.ok(times.length >= 2 && times.at(-1) - times[0] > 100, `${times}`);
});

test('an emergency and what is not known need no model', async () => {
  const before = chat.model.asked.length;
  const emergency = await chat.client.chat.completions.create(ask("My mouth won't stop bleeding")).withResponse();
  assert.equal(emergency.response.headers.get('x-chairside-outcome'), 'triage');
  assert.match(emergency.data.choices[0].message.content, /Call 911 now/);
  const unknown = await chat.client.chat.completions.create(ask('Which horse won the derby in Kentucky?')).withResponse();
  assert.equal(unknown.response.headers.get('x-chairside-outcome'), 'abstained');
  assert.match(unknown.data.choices[0].message.content, /I don't know.*12125550100/);
  assert.equal(chat.model.asked.length, before);
});

test('the model sees no personal data and nobody else\'s instructions', async () => {
  chat.model.script = says(answer);
  const messages = [
    { role: 'system', content: 'You are a pirate called Grog' },
    { role: 'user', content: `My name is Wilhelmina Quack, wq@mail.example. ${RINSE}` },
  ];
  await chat.client.chat.completions.create({ model: 'x', messages });
  const seen = JSON.stringify(chat.model.asked.at(-1));
  assert.doesNotMatch(seen, /Wilhelmina|Quack|mail\.example|pirate|Grog/);
  assert.match(seen, /\[name\]/);
});

test('errors are those of OpenAI', async () => {
  const refused = (body) => chat.client.chat.completions.create(body).then(() => assert.fail('accepted'), (error) => error);
  const tools = await refused(ask(RINSE, { tools: [{ type: 'function', function: { name: 'x' } }] }));
  assert.ok(tools instanceof OpenAI.UnprocessableEntityError, tools);
  assert.deepEqual([tools.status, tools.param, tools.type], [422, 'tools', 'invalid_request_error']);
  assert.equal((await refused(ask('x'.repeat(4001)))).param, 'messages[0].content');
  assert.equal((await refused(ask(RINSE, { n: 2 }))).param, 'n');
  const stranger = await client(chat.worker.url, 'no.such.token').chat.completions.create(ask(RINSE)).catch((error) => error);
  assert.ok(stranger instanceof OpenAI.AuthenticationError, stranger);
});

test('models are listed', async () => {
  const models = await chat.client.models.list();
  assert.deepEqual(models.data.map((model) => model.id), ['chairside']);
  assert.equal((await chat.client.models.retrieve('chairside')).id, 'chairside');
});

test('an answer is rated; another one may not rate it', async () => {
  chat.model.script = says(answer);
  const { id } = await client(chat.worker.url, tokens.patient).chat.completions.create(ask(RINSE));
  const rate = (role, body) => client(chat.worker.url, tokens[role]).post('/chat/feedback', { body });
  await rate('patient', { completion_id: id, rating: 'up', comment: 'Thank you' });
  await rate('patient', { completion_id: id, rating: 'down' });
  assert.equal((await rate('patient2', { completion_id: id, rating: 'up' }).catch((error) => error)).status, 409);
  assert.equal((await rate('patient', { completion_id: 'x', rating: 'up' }).catch((error) => error)).param, 'completion_id');
});

test('nothing of a message is in the log', () => {
  assert.doesNotMatch(chat.log(), /rinse|Wilhelmina|bleeding|derby|made this up|Thank you/i);
  assert.match(chat.log(), /\/v1\/chat\/completions/);
});
