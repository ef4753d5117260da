// scripts/knowledge against a server that only notes what it is sent; and the documents that come with the project.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readDocument } from '../../scripts/stack/models/knowledge.mjs';
import { root } from '../../scripts/stack/settings.mjs';

const seed = join(root, 'supabase', 'knowledge');
const folder = mkdtempSync(join(tmpdir(), 'chairside-knowledge-'));
const seen = [];
let server;
let url;

before(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method, path: request.url, token: request.headers.authorization, document: JSON.parse(body || 'null') });
    const answer = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const times = seen.filter(({ path }) => path === request.url).length;
    if (request.url.endsWith('/bad')) answer(422, { error: { message: 'no' } });
    else if (request.url.endsWith('/busy') && times === 1) answer(503, { error: { message: 'later' } });
    else if (request.url.endsWith('/broken') && times === 1) request.socket.destroy();
    else if (request.url.endsWith('/fill')) answer(200, { compared: 100, written: 100, complete: times === 3 });
    else if (request.url.endsWith('/activate')) answer(200, { active: { name: 'spring' } });
    else answer(200, { outcome: 'created', vectors: { state: request.url.endsWith('/good') ? 'pending' : 'stored' } });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(args, env = { ADMIN_TOKEN: 'token' }) {
  return new Promise((done) => {
    const child = spawn(join(root, 'scripts', 'knowledge'), args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('exit', (status) => done({ status, output }));
  });
}

test('every file is put under its name, with progress and a sum at the end', async () => {
  seen.length = 0;
  const { status, output } = await run(['load', seed, '--url', url]);
  assert.equal(status, 0, output);
  const files = readdirSync(seed).filter((name) => name.endsWith('.md'));
  assert.deepEqual(seen.map(({ path }) => path).sort(), files.map((name) => `/v1/knowledge/documents/${name.slice(0, -3)}`).sort());
  assert.ok(seen.every(({ method, token, document }) => method === 'PUT' && token === 'Bearer token' && document.title && document.body));
  assert.match(output, new RegExp(`\\] ${files.length}/${files.length} · `));
  assert.match(output, new RegExp(`^${files.length} created$`, 'm'));
});

test('a refusal is told by name and the others are loaded all the same', async () => {
  for (const name of ['bad', 'good']) writeFileSync(join(folder, `${name}.md`), `---\ntitle: ${name}\n---\nText.\n`);
  const { status, output } = await run(['load', folder, '--url', url]);
  assert.equal(status, 1);
  assert.match(output, /1 created/);
  assert.match(output, /bad: 422 no/);
  assert.match(output, /1 without vectors for now/);
});

test('what is busy or breaks off is tried again, what is refused is not', async () => {
  seen.length = 0;
  for (const name of ['busy', 'broken']) writeFileSync(join(folder, `${name}.md`), `---\ntitle: ${name}\n---\nText.\n`);
  const { output } = await run(['load', folder, '--url', url]);
  for (const name of ['busy', 'broken']) rmSync(join(folder, `${name}.md`));
  assert.match(output, /3 created/);
  const times = (name) => seen.filter(({ path }) => path.endsWith(`/${name}`)).length;
  assert.deepEqual(['busy', 'broken', 'good', 'bad'].map(times), [2, 2, 1, 1]);
});

test('a new index is filled to its end and then switched to', async () => {
  seen.length = 0;
  const { status, output } = await run(['reindex', 'spring', '--url', url]);
  assert.equal(status, 0, output);
  assert.deepEqual(seen.map(({ method, path }) => `${method} ${path}`), [...Array(3).fill('POST /v1/knowledge/indexes/spring/fill'), 'POST /v1/knowledge/indexes/spring/activate']);
  assert.match(output, /300 pieces compared, 100 written · complete\nsearched from now on: spring/);
});

test('a file that cannot be read stops the load before anything is sent', async () => {
  seen.length = 0;
  writeFileSync(join(folder, 'ugly.md'), '# No front matter\n');
  const { status, output } = await run(['load', folder, '--url', url]);
  assert.equal(status, 1);
  assert.match(output, /ugly\.md: begins with lines between ---/);
  assert.deepEqual(seen, []);
});

for (const [what, args, env] of [['no command', []], ['an unknown command', ['save', seed]], ['no token', ['load', seed], {}]]) {
  test(`${what} is refused with what is missing`, async () => {
    assert.equal((await run(args, env)).status, 2);
  });
}

test('the project brings at least forty documents that the database takes', () => {
  const documents = readdirSync(seed).map((name) => readDocument(join(seed, name)));
  assert.ok(documents.length >= 40);
  for (const { slug, document } of documents) {
    assert.match(slug, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.match(document.category, /^[a-z0-9]+(-[a-z0-9]+)*$/, slug);
    assert.ok(['public', 'patients', 'staff'].includes(document.audience), slug);
    assert.ok(document.body.startsWith(`# ${document.title}\n`), slug);
    // A dose is a prescriber's to say, not a leaflet's of ours.
    assert.doesNotMatch(document.body, /\b\d+\s?(mg|milligrams?|ml)\b/i, slug);
  }
});
