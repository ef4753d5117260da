// The documents' upkeep by admins, and who finds what: with and without models.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clinic, embedded, withModels } from './support.mjs';

const TEXT = '# Zygomatic polishing\n\n## How long does zygomatic polishing take?\n\nAbout forty minutes.\n\n## Does it hurt?\n\nNo, zygomatic polishing does not hurt.';
const polish = { title: 'Zygomatic polishing', body: TEXT, category: 'e2e' };
const SLUGS = ['e2e-polish', 'e2e-staff', 'e2e-patients', 'e2e-expired', 'e2e-markdown', 'e2e-coming'];

let it;
before(async () => (it = await clinic()));
after(async () => {
  for (const slug of SLUGS) await it.remove(slug);
  await it.end();
});

const slugs = ({ json }) => [...new Set(json.hits.map(({ document }) => document))];

test('an admin writes, reads, lists, rewrites and deletes a document', async () => {
  const made = await it.put('e2e-polish', polish);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.json.outcome, made.headers.get('etag'), made.json.document.version], ['created', '"1"', 1]);
  assert.deepEqual(made.json.pieces, { total: 2, added: 2, removed: 0, kept: 0 });
  assert.equal(made.json.document.body, undefined);

  const read = await it.ask('GET', 'documents/e2e-polish');
  assert.deepEqual([read.status, read.json.body, read.json.audience, read.headers.get('etag')], [200, TEXT, 'public', '"1"']);
  const listed = await it.ask('GET', 'documents?limit=1&after=e2e-polisg');
  assert.deepEqual(listed.json.documents.map(({ slug }) => slug), ['e2e-polish']);
  assert.equal(listed.json.documents[0].body, undefined);

  const stale = await it.put('e2e-polish', { ...polish, title: 'Other' }, { 'if-match': '"7"' });
  assert.deepEqual([stale.status, stale.json.error.code], [412, 'precondition-failed']);
  assert.equal((await it.put('e2e-polish', polish, { 'if-none-match': '*' })).status, 412);
  const changed = await it.put('e2e-polish', { ...polish, body: `${TEXT}\n\n## Is it new?\n\nYes.` }, { 'if-match': '"1"' });
  assert.deepEqual([changed.status, changed.json.outcome, changed.headers.get('etag')], [200, 'updated', '"2"']);
  assert.deepEqual(changed.json.pieces, { total: 3, added: 1, removed: 0, kept: 2 });

  const gone = await it.remove('e2e-polish');
  assert.deepEqual([gone.status, gone.json.outcome, gone.json.pieces.removed], [200, 'deleted', 3]);
  for (const method of ['GET', 'DELETE']) assert.equal((await it.ask(method, 'documents/e2e-polish')).status, 404);
});

test('Markdown with its fields in front is a document too', async () => {
  const body = '---\ntitle: "Opening in May"\ncategory: e2e\naudience: patients\n---\n# Opening in May\n\nWe open early.';
  const made = await it.ask('PUT', 'documents/e2e-markdown', { body, headers: { 'content-type': 'text/markdown; charset=utf-8' } });
  assert.equal(made.status, 201, made.text);
  const { title, audience } = made.json.document;
  assert.deepEqual([title, audience], ['Opening in May', 'patients']);
});

test('what is wrong is told at once, each with its pointer, in the shape that OpenAI clients read', async () => {
  const bad = await it.put('e2e-polish', { title: ' ', category: 'No Category', audience: 'everybody', valid_from: 'soon', audiance: 'staff' });
  assert.equal(bad.status, 422);
  assert.equal(bad.headers.get('content-type'), 'application/json');
  const { error } = bad.json;
  assert.equal(error.type, 'invalid_request_error');
  assert.deepEqual(new Set(error.errors.map(({ pointer }) => pointer)), new Set(['/title', '/category', '/audience', '/valid_from', '/audiance', '/body']));
  const ends = await it.put('e2e-polish', { ...polish, valid_from: '2031-01-02T00:00:00Z', valid_until: '2031-01-01T00:00:00Z' });
  assert.deepEqual([ends.status, ends.json.error.param], [422, 'valid_until']);
  assert.equal((await it.put('Not-a-Slug', polish)).json.error.param, 'slug');
  for (const [body, type, status] of [['{', 'application/json', 400], ['[{}]', 'application/json', 400], ['# Text', 'text/markdown', 400], ['x', 'text/plain', 415]]) {
    const reply = await it.ask('PUT', 'documents/e2e-polish', { body, headers: { 'content-type': type } });
    assert.equal(reply.status, status, `${type} ${body}: ${reply.text}`);
  }
  const posted = await it.ask('POST', 'documents/e2e-polish', { body: polish });
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, PUT, DELETE']);
  assert.equal((await it.ask('GET', 'documents/e2e-polish')).status, 404);
});

test('nobody but admins may write, read or list documents', async () => {
  for (const role of ['patient', 'dentist', 'receptionist']) {
    for (const [method, path] of [['PUT', 'documents/e2e-polish'], ['GET', 'documents/e2e-polish'], ['DELETE', 'documents/opening-hours'], ['GET', 'documents'], ['GET', 'indexes'], ['POST', 'indexes/other/fill']]) {
      const reply = await it.ask(method, path, { role, body: method === 'PUT' ? polish : undefined });
      assert.deepEqual([reply.status, reply.json.error.type], [403, 'permission_error'], `${role} ${method} ${path}`);
    }
  }
  const anon = await it.ask('PUT', 'documents/e2e-polish', { role: 'anon', body: polish });
  assert.deepEqual([anon.status, anon.json.error.type], [401, 'authentication_error']);
  assert.equal((await it.ask('GET', 'documents/e2e-polish')).status, 404);
});

test('who finds what follows from audience and validity', async () => {
  await it.put('e2e-polish', polish);
  await it.put('e2e-patients', { ...polish, title: 'For patients', audience: 'patients' });
  await it.put('e2e-staff', { ...polish, title: 'For staff', audience: 'staff' });
  await it.put('e2e-expired', { ...polish, title: 'Of old', valid_until: '2020-01-01T00:00:00Z' });
  await it.put('e2e-coming', { ...polish, title: 'To come', valid_from: '2099-01-01T00:00:00Z' });
  for (const mode of it.chroma ? ['lexical', 'hybrid', 'dense'] : ['lexical', 'hybrid']) {
    for (const [role, expected] of [
      ['anon', ['e2e-polish']], ['patient', ['e2e-patients', 'e2e-polish']],
      ['dentist', ['e2e-patients', 'e2e-polish', 'e2e-staff']], ['admin', ['e2e-patients', 'e2e-polish', 'e2e-staff']],
    ]) {
      const found = await it.search('how long does zygomatic polishing take', { mode, top_k: 50, filter: { category: 'e2e' } }, role);
      assert.equal(found.status, 200, found.text);
      assert.deepEqual(slugs(found).filter((slug) => slug !== 'e2e-markdown').sort(), expected, `${role} ${mode}`);
    }
  }
});

test('hits come best first with their scores, and a filter is the same in every mode', async () => {
  await it.put('e2e-polish', polish);
  for (const mode of it.chroma ? ['lexical', 'hybrid', 'dense'] : ['lexical']) {
    const { json } = await it.search('How long does zygomatic polishing take?', { mode, top_k: 5, filter: { $or: [{ document: 'e2e-polish' }, { document: { $in: ['opening-hours'] } }] } });
    assert.equal(json.mode, mode);
    assert.equal(json.degraded, null);
    assert.ok(json.answerable);
    assert.equal(json.hits[0].document, 'e2e-polish');
    assert.match(json.hits[0].heading, /How long/);
    assert.ok(json.hits.every(({ document }) => ['e2e-polish', 'opening-hours'].includes(document)));
    assert.ok(json.hits.every(({ score }, n) => n === 0 || score <= json.hits[n - 1].score));
    assert.ok(json.hits[0].scores.lexical > 0);
    if (mode !== 'lexical') assert.ok(json.hits[0].scores.dense > 0.5);
  }
  const none = await it.search('zygomatic polishing', { filter: { valid_until: { $lt: 5 } } });
  assert.deepEqual(none.json.hits, []);
});

for (const [what, body, pointers] of [
  ['nothing', {}, ['/query']], ['a blank query', { query: ' ' }, ['/query']], ['too long a query', { query: 'x'.repeat(4001) }, ['/query']],
  ['too many hits', { query: 'x', top_k: 51 }, ['/top_k']], ['another mode', { query: 'x', mode: 'both' }, ['/mode']],
  ['an unknown member', { query: 'x', limit: 3 }, ['/limit']], ['an unsupported operator', { query: 'x', filter: { category: { $exists: true } } }, ['/filter']],
  ['an unknown field', { query: 'x', filter: { price: 3 } }, ['/filter']], ['all of them', { query: 3, top_k: 0, mode: 1, filter: [] }, ['/query', '/top_k', '/filter', '/mode']],
]) {
  test(`a search with ${what} is refused where it is wrong`, async () => {
    const reply = await it.ask('POST', 'search', { body });
    assert.equal(reply.status, 422, reply.text);
    assert.deepEqual(reply.json.error.errors.map(({ pointer }) => pointer), pointers);
  });
}

test('people who are not signed in are let in by a setting alone', async () => {
  const closed = await clinic({ CHAT_ANON: undefined });
  try {
    const anon = await closed.search('opening hours', {}, 'anon');
    assert.deepEqual([anon.status, anon.json.error.type], [401, 'authentication_error']);
    assert.equal((await closed.search('opening hours', {}, 'patient')).status, 200);
  } finally {
    await closed.end();
  }
});

test('text that has not changed is not embedded again', withModels, async () => {
  await it.remove('e2e-polish');
  it.model.seen.length = 0;
  const made = await it.put('e2e-polish', polish);
  assert.deepEqual(made.json.vectors, { state: 'stored', embedded: 2, kept: 0, deleted: 0 });
  assert.equal(embedded(it.model).length, 2);
  it.model.seen.length = 0;
  const again = await it.put('e2e-polish', polish);
  assert.deepEqual([again.json.outcome, again.json.vectors], ['unchanged', { state: 'stored', embedded: 0, kept: 2, deleted: 0 }]);
  // Something new in front: the rest keeps its vectors.
  const moved = await it.put('e2e-polish', { ...polish, body: TEXT.replace('## How', '## Who does it?\n\nOur dentists.\n\n## How'), audience: 'patients' });
  assert.deepEqual(moved.json.vectors, { state: 'stored', embedded: 1, kept: 2, deleted: 0 });
  assert.deepEqual(embedded(it.model).map((text) => text.includes('Our dentists')), [true]);
  const shorter = await it.put('e2e-polish', polish);
  assert.deepEqual(shorter.json.vectors, { state: 'stored', embedded: 0, kept: 2, deleted: 1 });
});
