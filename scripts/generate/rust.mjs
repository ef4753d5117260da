// Writes the description as Rust statics. One relation or function is one item, so that a diff shows what changed.

const string = (text) => JSON.stringify(text);
const list = (items) => `&[${items.join(', ')}]`;
const strings = (items) => list(items.map(string));

export function toRust({ tables, functions }) {
  const patterns = new Patterns();
  const tableItems = tables.map((one) => tableItem(one, patterns));
  const functionItems = functions.map(functionItem);
  return `//! Written by \`scripts/schema\` from the migrated database; do not edit.

use super::{Cardinality, Column, Constraint, ConstraintKind, Function, Pattern, Relationship, Returns, Rule, Schema, Table, Test, Type, note};

/// The clinic's database.
pub static SCHEMA: Schema = Schema { tables: TABLES, functions: FUNCTIONS };

static TABLES: &[Table] = &[
${tableItems.join('')}];

static FUNCTIONS: &[Function] = &[
${functionItems.join('')}];

${patterns.items()}`;
}

class Patterns {
  #sources = [];

  reference(source) {
    if (!this.#sources.includes(source)) this.#sources.push(source);
    return `&PATTERN_${this.#sources.indexOf(source)}`;
  }

  items() {
    return this.#sources.map((source, at) => `static PATTERN_${at}: Pattern = Pattern::new(${string(source)});\n`).join('');
  }
}

function tableItem(table, patterns) {
  return `    Table {
        name: ${string(table.name)},
        comment: note(${string(table.comment)}),
        is_view: ${table.isView},
        columns: &[
${table.columns.map((one) => `            ${columnItem(one, patterns)},\n`).join('')}        ],
        primary_key: ${strings(table.primaryKey)},
        unique: ${list(table.unique.map(strings))},
        relationships: &[
${table.relationships.map((one) => `            ${relationshipItem(one)},\n`).join('')}        ],
        constraints: &[
${table.constraints.map((one) => `            ${constraintItem(one)},\n`).join('')}        ],
        deletable: ${table.deletable},
    },
`;
}

function columnItem(column, patterns) {
  const rules = list(column.rules.map((rule) => `Rule { constraint: ${string(rule.constraint)}, test: ${testItem(rule, patterns)} }`));
  return `Column { name: ${string(column.name)}, ty: ${typeItem(column.type)}, pg_type: ${string(column.pgType)}, nullable: ${column.nullable}, has_default: ${column.hasDefault}, insertable: ${column.insertable}, updatable: ${column.updatable}, rules: ${rules}, comment: note(${string(column.comment)}) }`;
}

function testItem(rule, patterns) {
  switch (rule.test) {
    case 'OneOf':
      return `Test::OneOf(${strings(rule.values)})`;
    case 'Matches':
      return `Test::Matches(${patterns.reference(rule.pattern)})`;
    case 'Length':
      return `Test::Length(${rule.least ?? 0}, ${rule.most ?? 'u32::MAX'}, ${Boolean(rule.trimmed)})`;
    default:
      return `Test::${rule.test}(${string(rule.bound)}, ${rule.inclusive})`;
  }
}

function typeItem(type) {
  switch (type.name) {
    case 'Enum':
      return `Type::Enum(${strings(type.labels)})`;
    case 'Array':
      return `Type::Array(&${typeItem(type.element)})`;
    case 'Numeric':
      return `Type::Numeric(${type.precision}, ${type.scale})`;
    case 'Text':
      return `Type::Text(${type.longest})`;
    default:
      return `Type::${type.name}`;
  }
}

const relationshipItem = (one) =>
  `Relationship { constraint: ${string(one.constraint)}, cardinality: Cardinality::${one.cardinality}, columns: ${strings(one.columns)}, target: ${string(one.target)}, target_columns: ${strings(one.targetColumns)}, junction: ${string(one.junction)} }`;

const constraintItem = (one) =>
  `Constraint { name: ${string(one.name)}, kind: ConstraintKind::${one.kind}, columns: ${strings(one.columns)}, message: ${string(one.message)} }`;

function functionItem(one) {
  const bare = new Patterns();
  const columns = (items) => list(items.map((item) => columnItem(item, bare)));
  const { returns } = one;
  const returned = returns.table
    ? `Returns::Table(${string(returns.table)}, ${returns.many})`
    : returns.rows
      ? `Returns::Rows(${columns(returns.rows)}, ${returns.many})`
      : `Returns::Scalar(${typeItem(returns.scalar)})`;
  return `    Function {
        name: ${string(one.name)},
        comment: note(${string(one.comment)}),
        arguments: &[
${one.arguments.map((argument) => `            ${columnItem(argument, bare)},\n`).join('')}        ],
        returns: ${returned},
        read_only: ${one.readOnly},
        internal: ${one.internal},
        anon: ${one.anon},
        logged: ${one.logged},
    },
`;
}
