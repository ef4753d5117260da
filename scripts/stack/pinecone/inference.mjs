// Hosted models. What Pinecone runs cannot be had; texts become vectors by the stack's own embedding
// model where it runs and makes the dimension that is asked for, else by hashing their words: the same
// text always makes the same vector, and texts with the same words near ones.

import { createHash } from 'node:crypto';
import { badRequest, NamedError } from './errors.mjs';

const embedder = (default_dimension, supported_dimensions = [default_dimension]) => ({
  type: 'embed', vector_type: 'dense', default_dimension, supported_dimensions, modality: 'text', max_sequence_length: 2048, max_batch_size: 96,
  supported_metrics: ['cosine', 'dotproduct'],
});
const reranker = (max_batch_size) => ({ type: 'rerank', modality: 'text', max_sequence_length: 1024, max_batch_size });

export const MODELS = {
  'llama-text-embed-v2': embedder(1024, [384, 512, 768, 1024, 2048]),
  'multilingual-e5-large': embedder(1024),
  'bge-reranker-v2-m3': reranker(100),
  'pinecone-rerank-v0': reranker(100),
};

const shown = ([model, info]) => ({ model, short_description: `${model}, as a stand-in`, provider_name: 'Chairside', supported_parameters: [], ...info });

export class Inference {
  /** `local`: `{url, model, dimension}` of an endpoint in OpenAI's dialect, or nothing. */
  constructor(local) {
    this.local = local;
  }

  models(params) {
    const type = params.get('type');
    return { body: { models: Object.entries(MODELS).filter(([, info]) => !type || info.type === type).map(shown) } };
  }

  model(name) {
    return { body: shown([name, known(name)]) };
  }

  async embed({ model, inputs, parameters = {} }) {
    const info = known(model, 'embed');
    const { input_type, dimension = info.default_dimension } = parameters;
    if (!['query', 'passage'].includes(input_type)) throw badRequest("Parameter 'input_type' is required and must be query or passage");
    if (!info.supported_dimensions.includes(dimension)) throw badRequest(`Dimension ${dimension} is not supported by ${model}`);
    if (!Array.isArray(inputs) || inputs.length === 0) throw badRequest('Inputs must not be empty');
    if (inputs.length > info.max_batch_size) throw badRequest(`Input length '${inputs.length}' exceeds inputs limit of ${info.max_batch_size} for model '${model}'`);
    const texts = inputs.map((input) => input?.text);
    if (!texts.every((text) => typeof text === 'string' && text !== '')) throw badRequest('Each input has a text');
    const vectors = await this.vectors(texts, dimension);
    const data = vectors.map((values) => ({ vector_type: 'dense', values }));
    return { body: { model, vector_type: 'dense', data, usage: { total_tokens: texts.reduce((sum, text) => sum + words(text).length, 0) } } };
  }

  /** Texts as vectors of length 1. */
  async vectors(texts, dimension) {
    if (this.local?.dimension !== dimension) return texts.map((text) => hashed(text, dimension));
    const reply = await fetch(`${this.local.url}/embeddings`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ model: this.local.model, input: texts }),
    });
    if (!reply.ok) throw new NamedError(500, 'INTERNAL', 'The embedding model did not answer');
    return (await reply.json()).data.map(({ embedding }) => embedding);
  }

  async rerank({ model, query, documents, top_n, return_documents = true, rank_fields = ['text'] }) {
    const { max_batch_size } = known(model, 'rerank');
    if (typeof query !== 'string' || query === '') throw badRequest('Query must not be empty');
    if (!Array.isArray(documents) || documents.length === 0) throw badRequest('Documents must not be empty');
    if (documents.length > max_batch_size) throw badRequest(`Number of documents ${documents.length} exceeds the limit of ${max_batch_size} for model '${model}'`);
    if (rank_fields.length !== 1) throw badRequest(`Model '${model}' supports one rank field`);
    const [field] = rank_fields;
    const texts = documents.map((document) => document?.[field]);
    const missing = texts.findIndex((text) => typeof text !== 'string' || text === '');
    if (missing >= 0) throw badRequest(`Document at index ${missing} is missing the field '${field}'`);
    if (top_n !== undefined && !(Number.isInteger(top_n) && top_n > 0)) throw badRequest('top_n must be a positive whole number');
    const scores = await this.relevance(query, texts);
    const ranked = scores.map((score, index) => ({ index, score, ...(return_documents ? { document: documents[index] } : {}) }));
    ranked.sort((a, b) => b.score - a.score);
    return { body: { model, data: ranked.slice(0, top_n), usage: { rerank_units: 1 } } };
  }

  /** How well each text answers a question, between 0 and 1. */
  async relevance(query, texts) {
    const [asked, ...found] = await this.vectors([query, ...texts], this.local?.dimension ?? 1024);
    return found.map((vector) => (1 + vector.reduce((sum, x, i) => sum + x * asked[i], 0)) / 2);
  }
}

function known(model, type) {
  const info = Object.hasOwn(MODELS, model ?? '') ? MODELS[model] : undefined;
  if (!info || (type && info.type !== type)) throw new NamedError(404, 'NOT_FOUND', `Model '${model}' not found`);
  return info;
}

const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function hashed(text, dimension) {
  const vector = new Array(dimension).fill(0);
  for (const word of ['', ...words(text)]) {
    const hash = createHash('sha256').update(word).digest();
    vector[hash.readUInt32LE(0) % dimension] += hash[4] % 2 === 0 ? 1 : -1;
  }
  // Words that cancel each other out still make a vector with a direction.
  if (vector.every((x) => x === 0)) vector[0] = 1;
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return vector.map((x) => Math.fround(x / length));
}
