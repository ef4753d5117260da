// The knowledge base: who sees which document, BM25 by its own formula, upkeep that is idempotent and all or nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { people, rolledBack } from './support.mjs';

const piece = (id, content, ordinal = 0, heading = '') => ({ id, ordinal, heading, content });
const put = (db, document, chunks, expected = null) =>
  db.attempt('select put_knowledge_document($1, $2, $3) as result', [JSON.stringify(document), JSON.stringify(chunks), expected])
    .then((got) => ({ ...got, result: got.rows[0]?.result }));
const search = (db, query, k = 20, ids = [], related = []) =>
  db.rows('select * from search_knowledge($1, $2, $3, related => $4)', [query, k, ids, related]);
const found = async (...args) => (await search(...args)).map((row) => row.id);

// An empty knowledge base and an admin.
const asAdmin = (work) => rolledBack(async (db) => {
  await db.asOwner();
  await db.rows('delete from knowledge_document');
  await db.as('admin');
  await work(db);
});

const fillings = { slug: 'fillings', title: 'Fillings', body: '# Fillings' };

test('a document is created, left alone when nothing changed, and updated piece by piece', () => asAdmin(async (db) => {
  const first = [piece('fillings#a', 'Do not chew while numb.'), piece('fillings#b', 'A filling may feel high.', 1)];
  const created = (await put(db, fillings, first)).result;
  assert.equal(created.outcome, 'created');
  assert.deepEqual(created.added, ['fillings#a', 'fillings#b']);
  assert.equal(created.document.version, 1);
  assert.equal(created.document.updated_by, people.admin);

  const again = (await put(db, fillings, first)).result;
  assert.deepEqual([again.outcome, again.added, again.removed, again.document.version], ['unchanged', [], [], 1]);

  const next = [piece('fillings#c', 'New.'), piece('fillings#b', 'A filling may feel high.', 1)];
  const updated = (await put(db, fillings, next)).result;
  assert.deepEqual([updated.outcome, updated.added, updated.removed, updated.document.version], ['updated', ['fillings#c'], ['fillings#a'], 2]);
  assert.notEqual(updated.document.content_hash, created.document.content_hash);

  const moved = (await put(db, fillings, [piece('fillings#b', 'A filling may feel high.'), piece('fillings#c', 'New.', 1)])).result;
  assert.deepEqual([moved.outcome, moved.added, moved.removed], ['updated', [], []]);
  assert.deepEqual(await db.rows('select id, ordinal from knowledge_chunk order by ordinal'), [{ id: 'fillings#b', ordinal: 0 }, { id: 'fillings#c', ordinal: 1 }]);
}));

test('a change of audience or validity alone is a change', () => asAdmin(async (db) => {
  await put(db, fillings, [piece('fillings#a', 'Text.')]);
  assert.equal((await put(db, { ...fillings, audience: 'staff' }, [piece('fillings#a', 'Text.')])).result.outcome, 'updated');
  const dated = await put(db, { ...fillings, audience: 'staff', valid_until: '2031-01-01T00:00:00Z' }, [piece('fillings#a', 'Text.')]);
  assert.equal(dated.result.outcome, 'updated');
  assert.equal(dated.result.document.version, 3);
}));

test('an expected version that is not the current one is refused, and 0 means new', () => asAdmin(async (db) => {
  assert.equal((await put(db, fillings, [], 1)).error, 'PT412');
  assert.equal((await put(db, fillings, [], 0)).result.outcome, 'created');
  assert.equal((await put(db, fillings, [], 0)).error, 'PT412');
  assert.equal((await put(db, { ...fillings, title: 'Other' }, [], 1)).result.document.version, 2);
}));

test('a document with a piece that is refused leaves nothing behind', () => asAdmin(async (db) => {
  const got = await put(db, fillings, [piece('fillings#a', 'Fine.'), piece('not ascii ä', 'Bad id.', 1)]);
  assert.equal(got.constraint, 'knowledge_chunk_id_form');
  assert.deepEqual(await db.rows('select from knowledge_document'), []);
  assert.deepEqual(await search(db, 'fine'), []);
}));

for (const [constraint, change] of [
  ['knowledge_document_slug_form', { slug: 'Not A Slug' }], ['knowledge_document_body_length', { body: ' ' }],
  ['knowledge_document_category_form', { category: 'a b' }], ['knowledge_document_audience_known', { audience: 'everyone' }],
  ['knowledge_document_validity_order', { valid_from: '2031-01-02', valid_until: '2031-01-01' }], ['language_code_form', { language: 'english' }],
  ['required_text_length', { title: '' }],
]) {
  test(`${constraint} holds`, () => asAdmin(async (db) => {
    assert.equal((await put(db, { ...fillings, ...change }, [])).constraint, constraint);
  }));
}

for (const [constraint, change] of [
  ['knowledge_chunk_ordinal_range', { ordinal: -1 }], ['knowledge_chunk_content_length', { content: '  ' }],
  ['knowledge_chunk_heading_length', { heading: 'x'.repeat(1001) }], ['knowledge_chunk_id_form', { id: 'x'.repeat(513) }],
]) {
  test(`${constraint} holds`, () => asAdmin(async (db) => {
    assert.equal((await put(db, fillings, [{ ...piece('fillings#a', 'Text.'), ...change }])).constraint, constraint);
  }));
}

test('an id that another document has is refused', () => asAdmin(async (db) => {
  await put(db, fillings, [piece('shared', 'Text.')]);
  assert.equal((await put(db, { ...fillings, slug: 'other' }, [piece('shared', 'Text.')])).constraint, 'knowledge_chunk_pkey');
}));

test('deleting takes the pieces and their words along', () => asAdmin(async (db) => {
  await put(db, fillings, [piece('fillings#a', 'Amalgam.'), piece('fillings#b', 'Composite.', 1)]);
  const { result } = await db.one(`select delete_knowledge_document('fillings') as result`);
  assert.deepEqual(result, { outcome: 'deleted', removed: ['fillings#a', 'fillings#b'] });
  assert.deepEqual(await search(db, 'amalgam composite'), []);
  assert.equal((await db.attempt(`select delete_knowledge_document('fillings')`)).error, 'PT404');
  await db.asOwner();
  assert.equal((await db.one('select count(*)::int as n from app.knowledge_posting')).n, 0);
}));

test('only an admin writes', () => asAdmin(async (db) => {
  await put(db, fillings, [piece('fillings#a', 'Text.')]);
  for (const who of ['anon', 'patient', 'dentist', 'receptionist']) {
    await db.as(who);
    assert.equal((await put(db, { ...fillings, title: 'Mine' }, [])).error, '42501', who);
    assert.equal((await db.attempt(`select delete_knowledge_document('fillings')`)).error, '42501', who);
    assert.equal((await db.attempt('select * from app.knowledge_posting')).error, '42501', who);
  }
}));

test('search shows each caller what its audience may see, and nothing before or after its time', () => asAdmin(async (db) => {
  for (const audience of ['public', 'patients', 'staff']) {
    await put(db, { ...fillings, slug: audience, audience }, [piece(`${audience}#a`, 'Amalgam.')]);
  }
  await put(db, { ...fillings, slug: 'past', valid_until: '2020-01-01' }, [piece('past#a', 'Amalgam.')]);
  await put(db, { ...fillings, slug: 'future', valid_from: '2099-01-01' }, [piece('future#a', 'Amalgam.')]);
  const all = ['public#a', 'patients#a', 'staff#a', 'past#a', 'future#a'];
  for (const [who, expected] of [['anon', ['public#a']], ['patient', ['patients#a', 'public#a']], ['dentist', ['patients#a', 'public#a', 'staff#a']],
    ['receptionist', ['patients#a', 'public#a', 'staff#a']], ['admin', ['patients#a', 'public#a', 'staff#a']]]) {
    await db.as(who);
    assert.deepEqual((await found(db, 'amalgam')).sort(), expected, who);
    // Knowing an id opens nothing.
    assert.deepEqual((await found(db, 'nothing of this', 0, all)).sort(), expected, who);
  }
}));

test('scores tell nothing about documents that the caller may not see', () => asAdmin(async (db) => {
  await put(db, fillings, [piece('fillings#a', 'Amalgam.'), piece('fillings#b', 'Composite.', 1)]);
  await db.as('anon');
  const before = await search(db, 'amalgam');
  await db.as('admin');
  await put(db, { ...fillings, slug: 'secret', audience: 'staff' }, [piece('secret#a', 'Amalgam, amalgam, and a long text about amalgam.')]);
  await db.as('anon');
  assert.deepEqual(await search(db, 'amalgam'), before);
}));

test('a person who was deactivated counts as anon', () => asAdmin(async (db) => {
  await put(db, { ...fillings, audience: 'staff' }, [piece('fillings#a', 'Amalgam.')]);
  await db.asOwner();
  await db.rows(`update "user" set status = 'inactive' where id = $1`, [people.dentist]);
  await db.as('dentist');
  assert.deepEqual(await search(db, 'amalgam'), []);
  assert.deepEqual(await db.rows('select * from knowledge_chunk'), []);
}));

// BM25 written down once more, over words that need no stemming.
function bm25(pieces, query) {
  const words = (text) => text.toLowerCase().split(' ');
  const mean = pieces.reduce((sum, text) => sum + words(text).length, 0) / pieces.length;
  return pieces.map((text) => words(query).reduce((sum, word) => {
    const n = pieces.filter((other) => words(other).includes(word)).length;
    const tf = words(text).filter((other) => other === word).length;
    return sum + Math.log(1 + (pieces.length - n + 0.5) / (n + 0.5)) * (tf * 1.9) / (tf + 0.9 * (0.4 + 0.6 * words(text).length / mean));
  }, 0));
}

test('scores are BM25: rare words count more, repeated and long ones less', () => asAdmin(async (db) => {
  // The title counts twice and is a stop word here, so that it adds nothing.
  const texts = ['clamp probe probe', 'clamp mirror', 'mirror tray drill burr clamp lamp', 'tray'];
  await put(db, { ...fillings, title: 'The' }, texts.map((text, i) => piece(`fillings#${i}`, text, i)));
  for (const query of ['probe', 'clamp mirror', 'tray lamp absent', 'drill']) {
    const got = new Map((await search(db, query)).map((row) => [row.id, row.score]));
    for (const [i, score] of bm25(texts, query).entries()) assert.ok(Math.abs((got.get(`fillings#${i}`) ?? 0) - score) < 1e-9, `${query} ${i}`);
  }
  const [best] = await search(db, 'probe');
  assert.ok(best.strength > 0 && best.strength <= 1.2);
  const [weak] = await search(db, 'probe absent unheard');
  assert.ok(weak.strength < best.strength / 2, 'words that no document has weaken the match');
}));

test('the title counts, also after it changes; so do headings', () => asAdmin(async (db) => {
  await put(db, { ...fillings, title: 'Veneers' }, [piece('fillings#a', 'Text.', 0, 'Gold inlays')]);
  assert.deepEqual(await found(db, 'veneer'), ['fillings#a']);
  assert.deepEqual(await found(db, 'inlay'), ['fillings#a']);
  await put(db, { ...fillings, title: 'Onlays' }, [piece('fillings#a', 'Text.', 0, 'Gold inlays')]);
  assert.deepEqual(await found(db, 'veneer'), []);
  assert.deepEqual(await found(db, 'onlays'), ['fillings#a']);
}));

test('words are stemmed in the document\'s language, without accents', () => asAdmin(async (db) => {
  await put(db, fillings, [piece('fillings#a', 'Sjögren syndrome; bleeding gums.')]);
  await put(db, { ...fillings, slug: 'empastes', title: 'Empastes', language: 'es' }, [piece('empastes#a', 'Los niños y los dientes.')]);
  assert.deepEqual(await found(db, 'sjogren'), ['fillings#a']);
  assert.deepEqual(await found(db, 'gum bleeds'), ['fillings#a']);
  assert.deepEqual(await found(db, 'niño diente'), ['empastes#a']);
  assert.deepEqual((await db.rows(`select id from search_knowledge('bleeding dientes', 10, '{}', null, 'es')`)).map((r) => r.id), ['empastes#a']);
  assert.deepEqual((await db.rows(`select id from search_knowledge('bleeding', 10, '{}', 'other')`)), []);
}));

test('another name finds too, but after the word itself', () => asAdmin(async (db) => {
  const texts = ['Tooth decay is common.', 'A cavity is common.', 'Halitosis is common.', 'Something is common.', 'Nothing is common.'];
  await put(db, { ...fillings, title: 'Words' }, texts.map((text, i) => piece(`fillings#${i}`, text, i)));
  assert.deepEqual(await found(db, 'cavities'), ['fillings#1']);
  assert.deepEqual(await found(db, 'cavities', 20, [], ['tooth decay', 'caries']), ['fillings#1', 'fillings#0']);
  assert.deepEqual(await found(db, 'bad breath', 20, [], ['halitosis']), ['fillings#2']);
  const [twice] = await search(db, 'cavity', 20, [], ['cavities', 'cavity']);
  const [once] = await search(db, 'cavity');
  assert.equal(twice.score, once.score, 'what is asked already counts once');
}));

test('k and ids bound what comes back; a blank or endless question is no error', () => asAdmin(async (db) => {
  await put(db, fillings, Array.from({ length: 30 }, (_, i) => piece(`fillings#${i}`, `Amalgam ${'filler '.repeat(i)}`, i)));
  assert.equal((await search(db, 'amalgam', 5)).length, 5);
  assert.equal((await search(db, 'amalgam', 5, ['fillings#29'])).length, 6);
  assert.equal((await search(db, 'amalgam', -1)).length, 0);
  assert.equal((await search(db, '', 5)).length, 0);
  assert.equal((await search(db, 'the of and', 5)).length, 0);
  assert.equal((await search(db, `amalgam ${'x '.repeat(100_000)}`, 5)).length, 5);
}));

test('a filter in the vector store\'s language is understood in the database too', () => asAdmin(async (db) => {
  await put(db, { ...fillings, category: 'aftercare', valid_from: '2020-01-01T00:00:00Z' }, [piece('fillings#a', 'Do not chew while numb.')]);
  await put(db, { slug: 'prices', title: 'Prices', body: '# Prices', category: 'billing', audience: 'staff' }, [piece('prices#a', 'Do not chew on the price.')]);
  const fits = async (filter) => (await db.rows('select id from search_knowledge($1, filter => $2) order by id', ['chew', JSON.stringify(filter)])).map(({ id }) => id);
  const [a, b] = ['fillings#a', 'prices#a'];
  for (const [filter, expected] of [
    [{}, [a, b]], [{ category: 'billing' }, [b]], [{ category: { $eq: 'billing' } }, [b]], [{ category: { $ne: 'billing' } }, [a]],
    [{ document: { $in: ['fillings', 'x'] } }, [a]], [{ document: { $nin: ['fillings', 'x'] } }, [b]], [{ audience: 'staff', language: 'en' }, [b]],
    [{ valid_from: { $gt: 0 } }, [a]], [{ valid_from: { $gte: 1577836800, $lt: 1577836801 } }, [a]], [{ valid_until: { $lte: 5 } }, []],
    [{ $or: [{ category: 'billing' }, { document: 'fillings' }] }, [a, b]], [{ $and: [{ category: 'billing' }, { document: 'fillings' }] }, []],
    [{ $or: [{ $and: [{ category: 'billing' }, {}] }, { category: 5 }] }, [b]], [{ category: { $gt: 5 } }, []], [{ unknown: 1 }, []],
  ]) assert.deepEqual(await fits(filter), expected, JSON.stringify(filter));
}));

const call = async (db, sql, args) => (await db.attempt(`select ${sql} as result`, args)).rows[0]?.result;

test('an index is built beside the active one, switched to when complete, and the old one is emptied after a while', () => asAdmin(async (db) => {
  await db.asOwner();
  await db.rows('delete from app.knowledge_index');
  await db.as('admin');
  const state = await call(db, `knowledge_document_state('fillings', 'knowledge', 'chroma m 3')`);
  assert.deepEqual(state, { version: 0, pieces: [], indexes: ['knowledge'] });
  assert.deepEqual(await call(db, 'active_knowledge_index()'), { name: 'knowledge', made_with: 'chroma m 3' });
  // What another model made is none of this one's.
  assert.deepEqual((await call(db, `knowledge_document_state('fillings', 'knowledge', 'chroma other 3')`)).indexes, []);

  assert.equal((await db.attempt(`select build_knowledge_index('knowledge', 'chroma m 3')`)).error, 'PT409');
  assert.equal((await call(db, `build_knowledge_index('spring', 'chroma m 3')`)).state, 'building');
  assert.equal((await db.attempt(`select activate_knowledge_index('spring')`)).error, 'PT409');
  assert.equal(await call(db, `mark_knowledge_index('spring', 'pieces:a', false)`), 0);
  assert.equal((await call(db, `build_knowledge_index('spring', 'chroma m 3')`)).cursor, 'pieces:a');
  assert.equal(await call(db, `mark_knowledge_index('spring', '', true)`), 1);
  assert.deepEqual((await call(db, `knowledge_document_state('fillings', 'knowledge', 'chroma m 3')`)).indexes, ['knowledge', 'spring']);
  assert.equal((await call(db, `activate_knowledge_index('spring')`)).name, 'spring');
  assert.equal((await db.attempt(`select activate_knowledge_index('knowledge')`)).error, 'PT409');
  assert.equal((await db.attempt(`select activate_knowledge_index('nothing')`)).error, 'PT404');

  await db.as('service_role');
  assert.equal((await call(db, `claim_knowledge_index('knowledge', 'chroma m 3')`)).name, 'spring');
  assert.equal(await call(db, `claim_knowledge_index('knowledge', 'chroma m 3')`), null);
  await db.asOwner();
  await db.rows(`update app.knowledge_index set changed_at = now() - interval '11 minutes' where name = 'knowledge'`);
  await db.as('service_role');
  assert.deepEqual((await call(db, `claim_knowledge_index('knowledge', 'chroma m 3')`)).state, 'retired');
  assert.equal(await call(db, `drop_knowledge_index('spring')`), false);
  assert.equal(await call(db, `drop_knowledge_index('knowledge')`), true);
}));

for (const [who, sql] of [
  ['patient', `knowledge_document_state('a')`], ['dentist', 'knowledge_indexes()'], ['receptionist', `build_knowledge_index('abc', 'm')`],
  ['patient', `activate_knowledge_index('abc')`], ['dentist', `mark_knowledge_index('abc', '', true)`], ['patient', `missing_knowledge_pieces('{a}')`],
  ['admin', `claim_knowledge_index('abc', 'm')`], ['admin', `drop_knowledge_index('abc')`],
]) {
  test(`${who} may not ask ${sql}`, () => asAdmin(async (db) => {
    await db.as(who);
    assert.equal((await db.attempt(`select ${sql}`)).error, '42501');
  }));
}
