// Indexes that embed by themselves: records in, records found by their text.

import { checkId, checkMetadata } from './checks.mjs';
import { badRequest } from './errors.mjs';

const RECORDS = 96;

export async function upsertRecords({ asked, vectors }, inference, namespace, text) {
  const { field, dimension } = embedding(asked);
  const records = text.split('\n').filter((line) => line.trim() !== '').map(readLine);
  if (records.length === 0) throw badRequest('Records must not be empty');
  if (records.length > RECORDS) throw badRequest(`Batch size ${records.length} exceeds the limit of ${RECORDS}`);
  const texts = records.map((record) => record[field]);
  if (!texts.every((each) => typeof each === 'string' && each !== '')) throw badRequest(`Each record has the field '${field}'`);
  const values = await inference.vectors(texts, dimension);
  const checked = records.map(({ _id, id = _id, ...metadata }, i) => ({ id: checkId(id), values: Float32Array.from(values[i]), metadata: checkMetadata(metadata) }));
  const { headers } = vectors.put(checked, namespace);
  return { status: 201, body: '', headers };
}

function readLine(line) {
  try {
    return JSON.parse(line);
  } catch {
    throw badRequest('Each line is a record in JSON');
  }
}

function embedding({ embed }) {
  if (!embed) throw badRequest('Integrated inference is not configured for this index');
  return { field: embed.field_map.text, dimension: embed.dimension };
}

export async function searchRecords({ asked, vectors }, inference, namespace, { query, fields, rerank }) {
  if (query === null || typeof query !== 'object') throw badRequest('A search has a query');
  const text = query.inputs?.text;
  const vector = text === undefined ? query.vector?.values : (await inference.vectors([text], embedding(asked).dimension))[0];
  const found = vectors.nearest({ namespace, topK: query.top_k, filter: query.filter, vector, id: query.id });
  let hits = found.matches.map(({ record, score }) => ({ _id: record.id, _score: score, fields: record.metadata }));
  const usage = { read_units: 1, ...(text === undefined ? {} : { embed_total_tokens: text.split(/\s+/).length }) };
  if (rerank) {
    hits = await reranked(hits, inference, rerank, text);
    usage.rerank_units = 1;
  }
  for (const hit of hits) hit.fields = picked(hit.fields, fields);
  return { body: { result: { hits }, usage }, headers: { 'x-pinecone-max-indexed-lsn': found.indexed } };
}

async function reranked(hits, inference, { model, rank_fields, top_n = hits.length, query }, text) {
  if (hits.length === 0) return hits;
  const { body } = await inference.rerank({ model, query: query ?? text, documents: hits.map((hit) => hit.fields), rank_fields, top_n, return_documents: false });
  return body.data.map(({ index, score }) => ({ ...hits[index], _score: score }));
}

const picked = (all, fields) => (fields ? Object.fromEntries(Object.entries(all).filter(([name]) => fields.includes(name))) : all);
