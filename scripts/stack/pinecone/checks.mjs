// What a record must be like.

import { invalid } from './errors.mjs';

export const DEFAULT_NAMESPACE = '__default__';
export const MAX_IDS = 1000;
const METADATA_BYTES = 40 * 1024;

export function checkId(id) {
  if (typeof id !== 'string' || id.length === 0) throw invalid('Vector ID must not be empty');
  if (id.length > 512) throw invalid(`Vector ID length ${id.length} exceeds the limit of 512`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant
  if (!/^[\x00-\x7f]*$/.test(id)) throw invalid('Vector ID must be ASCII');
  return id;
}

export function checkIds(ids) {
  if (!Array.isArray(ids) || ids.length === 0) throw invalid('IDs must not be empty');
  if (ids.length > MAX_IDS) throw invalid(`Too many IDs: ${ids.length} exceeds the limit of ${MAX_IDS}`);
  return ids.map(checkId);
}

/** A vector as it is kept: 32-bit numbers. */
export function checkValues(values, dimension, what = 'Vector') {
  if (!Array.isArray(values) || !values.every((x) => typeof x === 'number' && Number.isFinite(x))) throw invalid(`${what} values must be numbers`);
  if (values.length !== dimension) throw invalid(`${what} dimension ${values.length} does not match the dimension of the index ${dimension}`);
  return Float32Array.from(values);
}

const isMetadata = (value) =>
  ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every((each) => typeof each === 'string'));

export function checkMetadata(metadata = {}) {
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) throw invalid('Metadata must be an object');
  for (const [name, value] of Object.entries(metadata)) {
    if (!isMetadata(value)) throw invalid(`Metadata value must be a string, number, boolean or list of strings, got '${JSON.stringify(value).slice(0, 40)}' for field '${name}'`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > METADATA_BYTES) throw invalid(`Metadata size is ${bytes} bytes, which exceeds the limit of ${METADATA_BYTES} bytes per vector`);
  return metadata;
}

export function checkVector({ id, values, sparseValues, metadata }, dimension) {
  checkId(id);
  if (sparseValues !== undefined) throw invalid('Sparse values are not supported by a dense index with this metric');
  const checked = checkValues(values, dimension);
  if (checked.every((x) => x === 0)) throw invalid(`Dense vectors must contain at least one non-zero value. Vector ID ${id} contains only zeros.`);
  return { id, values: checked, metadata: checkMetadata(metadata) };
}

/** A whole number between limits, by body or query. */
export function checkCount(value, name, { from = 1, to, otherwise }) {
  const number = value === undefined || value === null || value === '' ? otherwise : Number(value);
  if (!Number.isInteger(number) || number < from || number > to) throw invalid(`${name} must be a whole number from ${from} to ${to}`);
  return number;
}
