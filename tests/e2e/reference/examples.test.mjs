// Each example of the API reference is a request that does what it says, and its answer fits the schema that is given.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { Database } from '../lib/database.mjs';
import { send } from '../lib/stack.mjs';

const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'));
// `examples` of a parameter and `x-…` are no words of JSON Schema; the rest is strict.
const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
ajv.addSchema(document, 'reference');

let database;
before(async () => {
  database = await Database.open();
  await database.keep();
});
after(async () => {
  await database.restore();
  await database.close();
});

const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })));
const examples = operations.flatMap(({ path, method, operation }) => (operation['x-examples'] ?? []).map((example) => ({ path, method, operation, example })));

for (const { path, method, operation, example } of examples) {
  test(`${example.id}: ${example.summary}`, async () => {
    const query = example.query ? `?${example.query}` : '';
    const reply = await send(method.toUpperCase(), path + query, { role: example.role, headers: example.headers, body: example.body });
    assert.equal(reply.status, example.status, reply.text);
    const schema = answerSchema(path, method, operation, reply);
    if (schema) assert.ok(ajv.validate(schema, reply.json), `${ajv.errorsText()}\n${reply.text.slice(0, 500)}`);
  });
}

test('there are examples', () => assert.ok(examples.length >= 15, `${examples.length}`));

/** A reference to the schema of this answer in the document; undefined where none is given. */
function answerSchema(path, method, operation, reply) {
  const key = [String(reply.status), `${String(reply.status)[0]}XX`].find((one) => operation.responses[one]);
  const type = reply.headers.get('content-type')?.split(';')[0];
  const { $ref } = operation.responses[key];
  const at = $ref ? $ref.slice(2).split('/') : ['paths', path, method, 'responses', key];
  const content = at.reduce((value, step) => value[step], document).content;
  if (!content) return undefined;
  assert.ok(content[type], `${type} is not among ${Object.keys(content)}`);
  const pointer = [...at, 'content', type, 'schema'].map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')));
  return { $ref: `reference#/${pointer.join('/')}` };
}
