// What happens while the vector store or the model is away, how drift is repaired, and how an index is replaced.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../lib/database.mjs';
import { clinic, collection, embedded, withModels } from './support.mjs';

const document = { title: 'Quokka insurance', body: '# Quokka insurance\n\n## Do you take quokka insurance?\n\nYes, every quokka is insured here.', category: 'e2e' };

let it;
let database;
before(async () => {
  it = await clinic();
  database = await Database.open();
});
after(async () => {
  await it.remove('e2e-drift');
  // A test that failed may have left another index active.
  await database.rows("delete from app.knowledge_index where name like 'e2e-%'");
  await database.rows("update app.knowledge_index set state = 'active' where name = 'knowledge'");
  await database.close();
  await it.end();
});

// Ticks until every index has been compared to the end once more.
async function reconciled() {
  const passes = async () => (await it.ask('GET', 'indexes')).json.indexes.filter(({ state }) => state !== 'retired');
  const before = await passes();
  for (let tries = 0; tries < 40; tries += 1) {
    assert.equal((await it.tick()).status, 200);
    const now = await passes();
    if (now.every(({ name, passes: done }) => done > (before.find((index) => index.name === name)?.passes ?? 0))) return;
    await sleep(100);
  }
  assert.fail(`not reconciled\n${readFileSync(it.worker.chatbot.logFile, 'utf8').slice(-3000)}`);
}

const first = async (query, more) => {
  const { json } = await it.search(query, more);
  return { slug: json.hits[0]?.document, mode: json.mode, degraded: json.degraded };
};

for (const part of ['chroma', 'model']) {
  test(`while the ${part} is away words alone carry on, documents are saved, and the reconcile makes up for it`, withModels, async () => {
    await it.remove('e2e-drift');
    it[part].cut = true;
    try {
      const saved = await it.put('e2e-drift', document);
      assert.equal(saved.status, 201, saved.text);
      assert.deepEqual([saved.json.outcome, saved.json.vectors.state], ['created', 'pending']);
      assert.match(saved.json.vectors.message, /reconcile/);
      const found = await first('Do you take quokka insurance?');
      assert.deepEqual([found.slug, found.mode], ['e2e-drift', 'lexical']);
      assert.match(found.degraded, /unavailable/);
    } finally {
      it[part].cut = false;
    }
    const store = await collection('knowledge');
    assert.deepEqual(await store.ids('e2e-drift'), []);
    await reconciled();
    assert.equal((await store.ids('e2e-drift')).length, 1);
    assert.deepEqual(await first('Do you take quokka insurance?'), { slug: 'e2e-drift', mode: 'hybrid', degraded: null });
  });
}

test('the log says why vectors were left out, and no word of the question', withModels, async () => {
  it.chroma.cut = true;
  try {
    await it.search('Wolpertinger aftercare');
  } finally {
    it.chroma.cut = false;
  }
  const told = () => readFileSync(it.worker.chatbot.logFile, 'utf8');
  for (let tries = 0; tries < 100 && !told().includes('vectors: unreachable'); tries++) await sleep(50);
  const log = told();
  assert.match(log, /"route":"\/v1\/knowledge\/search".*"cause":"vectors: unreachable/);
  assert.ok(!log.includes('Wolpertinger') && !log.includes('quokka'));
});

test('vectors that were lost come back, those without a piece go, and nothing else is touched', withModels, async () => {
  await it.put('e2e-drift', document);
  const store = await collection('knowledge');
  const [piece] = await store.ids('e2e-drift');
  await store.delete([piece]);
  await store.add('e2e-gone#0', 'e2e-gone');
  it.model.seen.length = 0;
  await reconciled();
  assert.deepEqual(await store.ids('e2e-drift'), [piece]);
  assert.deepEqual(await store.ids('e2e-gone'), []);
  assert.equal(embedded(it.model).length, 1);
  it.model.seen.length = 0;
  await reconciled();
  assert.deepEqual(embedded(it.model), []);
});

test('a new index is filled while the old one answers, searched after the switch, and the old one is emptied', withModels, async () => {
  await it.put('e2e-drift', document);
  const name = `e2e-${Date.now()}`;
  const early = await it.ask('POST', `indexes/${name}/activate`);
  assert.equal(early.status, 404);
  let filled;
  let pieces = 0;
  do {
    filled = await it.ask('POST', `indexes/${name}/fill`);
    assert.equal(filled.status, 200, filled.text);
    pieces += filled.json.compared;
    assert.deepEqual(await first('Do you take quokka insurance?'), { slug: 'e2e-drift', mode: 'hybrid', degraded: null });
  } while (!filled.json.complete);
  const [{ count }] = await database.rows('select count(*)::int from knowledge_chunk');
  assert.equal(pieces, count);

  // Until the switch, and after it, both are written to.
  const more = `${document.body}\n\n## Which quokkas?\n\nAll of them.`;
  await it.put('e2e-drift', { ...document, body: more });
  const [old, fresh] = [await collection('knowledge'), await collection(name)];
  assert.deepEqual(await fresh.ids('e2e-drift'), await old.ids('e2e-drift'));
  assert.equal((await fresh.ids('e2e-drift')).length, 2);

  assert.equal((await it.ask('POST', `indexes/${name}/activate`)).status, 200);
  it.chroma.seen.length = 0;
  assert.equal((await first('Do you take quokka insurance?')).slug, 'e2e-drift');
  assert.deepEqual(it.chroma.seen.map(({ path }) => path.includes(fresh.id)), [true]);
  assert.equal((await it.ask('POST', 'indexes/knowledge/fill')).status, 409);

  // Back to where the other tests are; the index that was left is emptied after a while.
  await database.rows("update app.knowledge_index set state = 'retired', changed_at = now() - interval '1 hour', checked_at = null where name = $1", [name]);
  await database.rows("update app.knowledge_index set state = 'active' where name = 'knowledge'");
  for (let tries = 0; tries < 10 && (await database.rows('select from app.knowledge_index where name = $1', [name])).length > 0; tries += 1) await it.tick();
  assert.deepEqual(await fresh.ids('e2e-drift'), []);
  assert.deepEqual(await database.rows('select from app.knowledge_index where name = $1', [name]), []);
});

test('a schedule that is nobody\'s is told in the log', async () => {
  await it.tick('1 2 3 4 5');
  const told = () => readFileSync(it.worker.chatbot.logFile, 'utf8').includes('nothing runs at 1 2 3 4 5');
  for (let tries = 0; tries < 20 && !told(); tries += 1) await sleep(100);
  assert.ok(told());
});
