// The part of CHECK constraints that the edge can hold by itself: bounds, lists, patterns and lengths of one column.
// Whatever is not recognised stays Postgres's alone.

const TEXT = String.raw`'((?:[^']|'')*)'(?:::[a-z ]+)?`;
const NUMBER = String.raw`\(?'?(-?[0-9]+(?:\.[0-9]+)?)'?\)?(?:::[a-z ]+)?`;

// `expression` is the column as Postgres prints it: bare, quoted, VALUE, or cast.
const SHAPES = [
  [
    String.raw`EXPR = ANY \(+ARRAY\[(.*?)\](?:::[a-z ]+\[\])?\)+`,
    // A list of numbers stays Postgres's: the rule knows texts alone.
    (found) => (texts(found[1]).length > 0 ? { test: 'OneOf', values: texts(found[1]) } : null),
  ],
  [String.raw`EXPR ~ ${TEXT}`, (found) => ({ test: 'Matches', pattern: unquote(found[1]) })],
  [String.raw`(?:char_length|length)\(EXPR\) >= ([0-9]+)`, (found) => ({ test: 'Length', least: Number(found[1]) })],
  [String.raw`(?:char_length|length)\(EXPR\) <= ([0-9]+)`, (found) => ({ test: 'Length', most: Number(found[1]) })],
  [
    String.raw`(?:char_length|length)\(btrim\(EXPR\)\) >= ([0-9]+)`,
    (found) => ({ test: 'Length', least: Number(found[1]), trimmed: true }),
  ],
  [
    String.raw`(?:char_length|length)\(btrim\(EXPR\)\) <= ([0-9]+)`,
    (found) => ({ test: 'Length', most: Number(found[1]), trimmed: true }),
  ],
  [String.raw`EXPR >= ${NUMBER}`, (found) => ({ test: 'AtLeast', bound: found[1], inclusive: true })],
  [String.raw`EXPR > ${NUMBER}`, (found) => ({ test: 'AtLeast', bound: found[1], inclusive: false })],
  [String.raw`EXPR <= ${NUMBER}`, (found) => ({ test: 'AtMost', bound: found[1], inclusive: true })],
  [String.raw`EXPR < ${NUMBER}`, (found) => ({ test: 'AtMost', bound: found[1], inclusive: false })],
];

/** The rules of one CHECK definition on one column (or VALUE, of a domain). */
export function rulesOf(definition, column) {
  const body = definition.match(/^CHECK \((.*)\)(?: NOT VALID)?$/s)?.[1];
  if (!body) return [];
  const name = column.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const expression = String.raw`\(?"?${name}"?\)?(?:::[a-z ]+)?`;
  const found = conjuncts(body).flatMap((part) => {
    for (const [shape, make] of SHAPES) {
      const match = part.match(new RegExp(`^${shape.replace('EXPR', () => expression)}$`, 's'));
      const rule = match && make(match);
      if (rule) return [rule];
    }
    return [];
  });
  return mergeLengths(found);
}

/** Splits `(a AND b)` at its top level and takes off enclosing parentheses; anything with OR is one opaque part. */
function conjuncts(text) {
  const inner = strip(text.trim());
  const parts = splitTop(inner, ' AND ');
  if (parts.length === 1 || splitTop(inner, ' OR ').length > 1) return [inner];
  return parts.flatMap(conjuncts);
}

function strip(text) {
  let result = text;
  while (result.startsWith('(') && closes(result) === result.length - 1) result = result.slice(1, -1).trim();
  return result;
}

function closes(text) {
  for (const [at, depth] of depths(text)) if (depth === 0) return at;
  return -1;
}

/** Yields each position outside quotes with the depth after it. */
function* depths(text) {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "'") quoted = !quoted;
    if (quoted) continue;
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    yield [at, depth];
  }
}

function splitTop(text, separator) {
  const cuts = [...depths(text)].filter(([at, depth]) => depth === 0 && text.startsWith(separator, at)).map(([at]) => at);
  const starts = [0, ...cuts.map((cut) => cut + separator.length)];
  return starts.map((start, index) => text.slice(start, cuts[index] ?? text.length));
}

const unquote = (text) => text.replaceAll("''", "'");
const texts = (list) => [...list.matchAll(/'((?:[^']|'')*)'/g)].map((found) => unquote(found[1]));

/** Both bounds of a length are one rule. */
function mergeLengths(rules) {
  const merged = [];
  for (const rule of rules) {
    const other = merged.find((one) => one.test === 'Length' && rule.test === 'Length' && !one.trimmed === !rule.trimmed);
    if (other) Object.assign(other, rule);
    else merged.push(rule);
  }
  return merged;
}
