// From catalogue rows to a description of each relation and function, in the terms of src/schema/mod.rs.
import { rulesOf } from './checks.mjs';
import { relationshipsOf } from './relationships.mjs';

export function describe(catalogue) {
  const tables = catalogue.relations.map((relation) => describeRelation(catalogue, relation));
  const functions = catalogue.functions.map((one) => describeFunction(catalogue, one));
  const twice = functions.find((one, at) => functions[at + 1]?.name === one.name);
  if (twice) throw new Error(`the function ${twice.name} is overloaded, which the edge does not route`);
  return { tables, functions };
}

function describeRelation(catalogue, relation) {
  const mine = catalogue.constraints.filter((constraint) => constraint.relation === relation.oid);
  const indexes = catalogue.indexes.filter((index) => index.relation === relation.oid);
  const keys = mine.filter((constraint) => 'pu'.includes(constraint.kind));
  const plainIndexes = indexes.filter((index) => !index.is_partial && !index.has_expressions);
  const columns = catalogue.columns.filter((column) => column.relation === relation.oid);
  const domainConstraints = columns.flatMap((column) =>
    domainChecks(catalogue, column.type).map((check) => ({ ...check, columns: [column.name] })),
  );
  return {
    name: relation.name,
    comment: relation.comment,
    isView: relation.is_view,
    deletable: relation.deletable && !relation.is_view,
    primaryKey: mine.find((constraint) => constraint.kind === 'p')?.columns ?? [],
    unique: [...keys, ...plainIndexes].map((key) => key.columns),
    columns: columns.map((column) => describeColumn(catalogue, column, mine, relation.is_view)),
    relationships: relationshipsOf(catalogue, relation),
    constraints: [
      ...mine.map((constraint) => ({ ...constraint, kind: KINDS[constraint.kind] })),
      ...indexes.map((index) => ({ ...index, kind: 'Unique' })),
      ...groupByName(domainConstraints),
    ],
  };
}

const KINDS = { c: 'Check', p: 'Unique', u: 'Unique', f: 'ForeignKey', x: 'Exclusion' };

/** A domain's check that several columns share points at a column only where there is one. */
function groupByName(checks) {
  const groups = new Map();
  for (const check of checks) {
    const group = groups.get(check.name) ?? { name: check.name, message: check.message, kind: 'Check', columns: [] };
    groups.set(check.name, { ...group, columns: [...group.columns, ...check.columns] });
  }
  return [...groups.values()].map((group) => (group.columns.length > 1 ? { ...group, columns: [] } : group));
}

function describeColumn(catalogue, column, constraints, isView) {
  const checks = constraints.filter((one) => one.kind === 'c' && one.columns.length === 1 && one.columns[0] === column.name);
  const rules = [
    ...checks.flatMap((check) => tagged(check, rulesOf(check.definition, column.name))),
    ...domainChecks(catalogue, column.type).flatMap((check) => tagged(check, rulesOf(check.definition, 'VALUE'))),
  ];
  return {
    name: column.name,
    type: typeOf(catalogue, column.type, column.typmod),
    pgType: catalogue.types.get(column.type).name,
    nullable: isView || (column.nullable && !isNotNullDomain(catalogue, column.type)),
    hasDefault: column.has_default,
    insertable: column.insertable && !isView,
    updatable: column.updatable && !isView,
    rules,
    comment: column.comment,
  };
}

const tagged = (check, rules) => rules.map((rule) => ({ ...rule, constraint: check.name }));

function domainChecks(catalogue, oid) {
  const type = catalogue.types.get(oid);
  if (type?.kind !== 'd') return [];
  const own = catalogue.constraints.filter((check) => check.domain === oid && check.kind === 'c');
  return [...own, ...domainChecks(catalogue, type.base)];
}

function isNotNullDomain(catalogue, oid) {
  const type = catalogue.types.get(oid);
  return type?.kind === 'd' && (type.not_null || isNotNullDomain(catalogue, type.base));
}

const SIMPLE = {
  bool: 'Bool', int2: 'Int2', int4: 'Int4', int8: 'Int8', float4: 'Float', float8: 'Float', uuid: 'Uuid', date: 'Date',
  time: 'Time', timestamptz: 'Timestamptz', interval: 'Interval', json: 'Json', jsonb: 'Json', tstzrange: 'Tstzrange',
  daterange: 'Daterange', bytea: 'Bytea', void: 'Void',
};

/** A type in the terms of the Rust enum; a domain counts as its base type. */
export function typeOf(catalogue, oid, typmod = -1) {
  const type = catalogue.types.get(oid);
  if (type.kind === 'd') return typeOf(catalogue, type.base, type.typmod);
  if (type.kind === 'e') return { name: 'Enum', labels: type.labels };
  if (type.category === 'A') return { name: 'Array', element: typeOf(catalogue, type.element, typmod) };
  if (SIMPLE[type.name]) return { name: SIMPLE[type.name] };
  const modifier = typmod < 4 ? 0 : typmod - 4;
  if (type.name === 'numeric') return { name: 'Numeric', precision: modifier >> 16, scale: modifier & 0x7ff };
  if (['text', 'citext', 'name'].includes(type.name)) return { name: 'Text', longest: 0 };
  if (['varchar', 'bpchar'].includes(type.name)) return { name: 'Text', longest: modifier };
  throw new Error(`the type ${type.name} is not known to src/schema`);
}

const relationOf = (catalogue, oid) =>
  catalogue.relations.find((relation) => relation.oid === catalogue.types.get(oid)?.relation);

function describeFunction(catalogue, one) {
  const all = one.types.map((type, at) => ({ type, name: one.names[at] ?? '', mode: one.modes[at] ?? 'i' }));
  const inputs = all.filter((argument) => 'ib'.includes(argument.mode));
  const outputs = all.filter((argument) => 'bot'.includes(argument.mode));
  const unnamed = inputs.find((argument) => argument.name === '');
  if (unnamed) throw new Error(`the function ${one.name} has an argument without a name`);
  const field = ({ name, type, typmod }) => ({
    name, type: typeOf(catalogue, type, typmod), pgType: catalogue.types.get(type).name, nullable: true, hasDefault: false, insertable: true, updatable: false,
    rules: [], comment: '',
  });
  const column = (argument, at) => ({ ...field(argument), hasDefault: at >= inputs.length - one.defaults });
  const relation = relationOf(catalogue, one.returns);
  return {
    name: one.name,
    comment: one.comment,
    readOnly: one.read_only,
    internal: one.comment.startsWith('internal:'),
    anon: one.anon,
    logged: one.comment.endsWith('Its use is logged.'),
    arguments: inputs.map(column),
    returns: returnsOf(),
  };

  function returnsOf() {
    if (outputs.length > 0) return { rows: outputs.map(column), many: one.returns_set };
    if (relation) return { table: relation.name, many: one.returns_set };
    const fields = catalogue.fields.filter((field) => field.composite === one.returns);
    if (fields.length > 0) return { rows: fields.map(field), many: one.returns_set };
    if (catalogue.types.get(one.returns).kind === 'c') throw new Error(`${one.name} returns a relation that clients cannot see`);
    return { scalar: typeOf(catalogue, one.returns), many: one.returns_set };
  }
}
