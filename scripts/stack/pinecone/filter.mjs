// Metadata filters: checked when they arrive, evaluated on a record's metadata.

import { invalid } from './errors.mjs';

const NUMBERS = new Set(['$gt', '$gte', '$lt', '$lte']);
const isScalar = (value) => ['string', 'number', 'boolean'].includes(typeof value);
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** The filter as a function of metadata; throws when it is not one. */
export function readFilter(filter) {
  if (!isObject(filter)) throw invalid('Invalid filter: must be an object');
  const conditions = Object.entries(filter).map(([name, value]) => {
    if (name === '$and' || name === '$or') return readParts(name, value);
    if (name.startsWith('$')) throw invalid(`Invalid filter: ${name} is not a valid operator`);
    return readField(name, value);
  });
  return (metadata) => conditions.every((condition) => condition(metadata));
}

function readParts(name, parts) {
  if (!Array.isArray(parts) || parts.length === 0) throw invalid(`Invalid filter: ${name} must be a non-empty list`);
  const read = parts.map(readFilter);
  return name === '$and' ? (metadata) => read.every((part) => part(metadata)) : (metadata) => read.some((part) => part(metadata));
}

function readField(name, value) {
  const operators = isObject(value) ? Object.entries(value) : [['$eq', value]];
  if (operators.length === 0) throw invalid(`Invalid filter: ${name} has no operator`);
  const tests = operators.map(([operator, operand]) => readOperator(name, operator, operand));
  return (metadata) => tests.every((test) => test(metadata[name]));
}

// A list matches by any of its elements, and `$ne` and `$nin` by none; both also match where there is no value.
const any = (value, test) => (Array.isArray(value) ? value.some(test) : value !== undefined && test(value));

function readOperator(name, operator, operand) {
  const wrong = (expected) => invalid(`Invalid filter: ${operator} of ${name} takes ${expected}`);
  if (operator === '$eq' || operator === '$ne') {
    if (!isScalar(operand)) throw wrong('a string, a number or a boolean');
    const equals = (value) => any(value, (each) => each === operand);
    return operator === '$eq' ? equals : (value) => !equals(value);
  }
  if (operator === '$in' || operator === '$nin') {
    const fits = Array.isArray(operand) && operand.length > 0 && operand.every((each) => typeof each === 'string' || typeof each === 'number');
    if (!fits) throw wrong('a non-empty list of strings or numbers');
    const isIn = (value) => any(value, (each) => operand.includes(each));
    return operator === '$in' ? isIn : (value) => !isIn(value);
  }
  if (NUMBERS.has(operator)) {
    if (typeof operand !== 'number') throw wrong('a number');
    return (value) => typeof value === 'number' && COMPARE[operator](value, operand);
  }
  if (operator === '$exists') {
    if (typeof operand !== 'boolean') throw wrong('true or false');
    return (value) => (value !== undefined) === operand;
  }
  throw invalid(`Invalid filter: ${operator} is not a valid operator`);
}

const COMPARE = {
  $gt: (a, b) => a > b,
  $gte: (a, b) => a >= b,
  $lt: (a, b) => a < b,
  $lte: (a, b) => a <= b,
};
