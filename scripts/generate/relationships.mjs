// The ways between relations that PostgREST embeds by: foreign keys from both ends, also as views show them, and
// many-to-many through a junction whose primary key holds both foreign keys.

export function relationshipsOf(catalogue, relation) {
  const keys = foreignKeys(catalogue);
  const direct = keys.flatMap((key) => [...outgoing(catalogue, key, relation), ...incoming(key, relation)]);
  return [...direct, ...junctions(catalogue, keys, relation)];
}

/** Each foreign key between exposed relations, and the same once more for every view that shows its columns. */
function foreignKeys(catalogue) {
  const name = (oid) => catalogue.relations.find((relation) => relation.oid === oid)?.name;
  const all = catalogue.constraints.filter((constraint) => constraint.kind === 'f');
  return all.flatMap((constraint) => {
    const base = {
      constraint: constraint.name,
      columns: constraint.columns,
      targetColumns: constraint.target_columns,
      isUnique: isUnique(catalogue, constraint),
    };
    const sources = shownBy(catalogue, constraint.relation, constraint.columns);
    const targets = shownBy(catalogue, constraint.target, constraint.target_columns);
    return sources.flatMap((source) => targets.map((target) => ({ ...base, source, target })));
  });

  function shownBy(all, oid, columns) {
    const table = name(oid);
    const views = [...new Set(all.viewColumns.map((one) => one.view))].filter((view) => {
      const isExposed = all.relations.some((relation) => relation.name === view);
      const shown = all.columns.filter((column) => name(column.relation) === view).map((column) => column.name);
      const used = (column) =>
        all.viewColumns.some((one) => one.view === view && one.table === table && one.column === column);
      return isExposed && columns.every((column) => shown.includes(column) && used(column));
    });
    return [...(table ? [table] : []), ...views];
  }
}

function isUnique(catalogue, key) {
  const same = (columns) => columns.length === key.columns.length && columns.every((one) => key.columns.includes(one));
  const constraints = catalogue.constraints.filter((one) => one.relation === key.relation && 'pu'.includes(one.kind));
  return constraints.some((one) => same(one.columns));
}

function outgoing(_catalogue, key, relation) {
  if (key.source !== relation.name) return [];
  const cardinality = key.isUnique ? 'OneToOne' : 'ManyToOne';
  return [{ constraint: key.constraint, cardinality, columns: key.columns, target: key.target, targetColumns: key.targetColumns, junction: '' }];
}

function incoming(key, relation) {
  if (key.target !== relation.name) return [];
  const cardinality = key.isUnique ? 'OneToOne' : 'OneToMany';
  return [{ constraint: key.constraint, cardinality, columns: key.targetColumns, target: key.source, targetColumns: key.columns, junction: '' }];
}

function junctions(catalogue, keys, relation) {
  const primary = (name) => {
    const oid = catalogue.relations.find((one) => one.name === name)?.oid;
    return catalogue.constraints.find((one) => one.relation === oid && one.kind === 'p')?.columns ?? [];
  };
  return keys
    .filter((key) => key.target === relation.name)
    .flatMap((near) =>
      keys
        .filter((far) => far.source === near.source && far.constraint !== near.constraint)
        .filter((far) => [...near.columns, ...far.columns].every((column) => primary(near.source).includes(column)))
        .map((far) => ({
          constraint: far.constraint, cardinality: 'ManyToMany', columns: near.targetColumns, target: far.target,
          targetColumns: far.targetColumns, junction: near.source,
        })),
    );
}
