// The `filter` of a postgres_changes entry: `column=op.value`, several joined by commas. Parsed as
// Realtime does and evaluated by Postgres itself, in the column's own type.

const OPERATORS = {
  eq: '=', neq: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=', like: 'like', ilike: 'ilike', match: '~', imatch: '~*',
  in: null, is: null, isdistinct: null,
};
const IS = new Set(['null', 'true', 'false', 'unknown']);
const MAX_IN = 100;

export class FilterError extends Error {}

/** `[{column, op, value, negate}]`; a list value stays in Postgres's array form. */
export function parseFilter(text) {
  const trimmed = text.trim();
  return trimmed === '' ? [] : split(trimmed).map((segment) => parseSegment(segment.trim()));
}

// At commas outside parentheses and quotes.
function split(text) {
  const segments = [''];
  let [depth, quoted] = [0, false];
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '\\') segments[segments.length - 1] += char + (text[++i] ?? '');
    else {
      if (char === '"' && (quoted || /[.(,]/.test(text[i - 1] ?? ''))) quoted = !quoted;
      if (!quoted && char === '(') depth++;
      if (!quoted && char === ')') depth = Math.max(0, depth - 1);
      if (char === ',' && depth === 0 && !quoted) segments.push('');
      else segments[segments.length - 1] += char;
    }
  }
  return segments;
}

function parseSegment(segment) {
  if (segment === '') throw new FilterError('filter must not contain empty segments (check for extra commas)');
  const [, column, not, op, value] = /^([^=]*)=(not\.)?([^.]*)\.(.*)$/s.exec(segment) ?? [];
  if (column === undefined) throw new FilterError(JSON.stringify([segment]));
  if (!Object.hasOwn(OPERATORS, op)) throw new FilterError(`["${op}", "${value}"]`);
  if (op === 'in' && !/^\(.*\)$/s.test(value)) throw new FilterError('`in` filter value must be wrapped by parentheses');
  return { column, op, value: op === 'in' ? `{${value.slice(1, -1)}}` : unquote(value), negate: Boolean(not) };
}

function unquote(value) {
  const inner = /^"((?:[^"\\]|\\.)*)"$/s.exec(value)?.[1];
  return inner === undefined ? value : inner.replace(/\\(.)/gs, '$1');
}

/** SQL that is true when `left`, an expression of SQL type `type`, passes; `value` is a text expression. */
export function condition({ op, value: given, negate }, left, type, value) {
  const test =
    op === 'in' ? `${left} = any (${value}::${type}[])`
    : op === 'is' ? `${left} is ${given}`
    : op === 'isdistinct' ? `${left} is distinct from ${value}::${type}`
    : `${left} ${OPERATORS[op]} ${value}::${type}`;
  return `coalesce(${negate ? 'not ' : ''}(${test}), false)`;
}

/** Refuses what Postgres could not evaluate later on, in the words of Realtime's own trigger. */
export async function checkFilter(db, filter, type) {
  if (filter.op === 'is') {
    if (!IS.has(filter.value)) throw new FilterError('ERROR P0001 (raise_exception) invalid value for is filter: must be null, true, false, or unknown');
    if (filter.value !== 'null' && type !== 'boolean') {
      throw new FilterError(`ERROR P0001 (raise_exception) is ${filter.value} filter requires a boolean column, got ${type}`);
    }
    return;
  }
  if (filter.op === 'in') {
    const { rows } = await db.query(`select coalesce(cardinality($1::text::${type}[]), 0) as count`, [filter.value]);
    if (rows[0].count > MAX_IN) throw new FilterError('ERROR P0001 (raise_exception) too many values for `in` filter. Maximum 100');
    return;
  }
  await db.query(`select ${condition(filter, `$1::text::${type}`, type, '$1::text')}`, [filter.value]);
}
