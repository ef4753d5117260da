// The real chain: the stack's Worker with Chroma, the embedding model and SmolLM2, by OpenAI's clients for JavaScript and
// Python. What a small model says is not judged, only that whatever is said is cited.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installed, python } from '../../../scripts/stack/models/packages.mjs';
import { env, tokens } from '../lib/stack.mjs';
import { ask, assertCited, client, documents, RINSE } from './support.mjs';

const options = { skip: !env.CHAT_URL && 'the stack runs without models', timeout: 300_000 };
let library;
before(async () => {
  library = await documents();
});
after(() => library?.remove());

const patient = () => client(env.CHAIRSIDE_URL, tokens.patient);

test('an answer of the real model, whole and streamed', options, async () => {
  const { data, response } = await patient().chat.completions.create(ask(RINSE, { max_tokens: 80 })).withResponse();
  assert.equal(response.headers.get('x-chairside-outcome'), 'answered');
  assertCited(data.choices[0].message.content);
  const stream = await patient().chat.completions.create(ask(RINSE, { stream: true, max_tokens: 80 }));
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  assertCited(text);
});

test('a follow-up', options, async () => {
  const messages = [
    { role: 'user', content: RINSE },
    { role: 'assistant', content: 'Do not rinse on the first day after an extraction [1].' },
    { role: 'user', content: 'And what may I eat?' },
  ];
  const reply = await patient().chat.completions.create({ model: 'chairside', messages, max_tokens: 60 });
  assert.ok(reply.chairside.question.length > 'And what may I eat?'.length);
});

test('OpenAI\'s client for Python', options, async () => {
  const script = fileURLToPath(new URL('python_client.py', import.meta.url));
  const environment = { ...process.env, PYTHONPATH: await installed('openai'), QUESTION: RINSE };
  const said = await run(python, [script, `${env.CHAIRSIDE_URL}/v1`, tokens.patient], environment);
  const { whole, streamed, outcome, refused, triage } = JSON.parse(said);
  assert.deepEqual([outcome, refused, triage], ['answered', ['UnprocessableEntityError', 'tools'], 'triage']);
  assertCited(whole);
  assertCited(streamed);
});

function run(command, args, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment });
    let [said, errors] = ['', ''];
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.on('exit', (code) => (code === 0 ? resolve(said) : reject(new Error(errors))));
  });
}
