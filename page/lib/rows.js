// Rows by id, as readings and live changes both give them: the newer version wins, whichever comes first.

/** Takes a whole reading over `known`; what was deleted while it was under way stays away. */
export function replaced(known, rows, gone) {
  const next = new Map();
  for (const row of rows) if (!gone.has(row.id)) next.set(row.id, newer(known.get(row.id), row));
  return next;
}

/** Takes one row in; `known` is not touched. What only a reading knows (embedded rows) is kept. */
export function merged(known, row) {
  const before = known.get(row.id);
  if (before && before.version > row.version) return known;
  return new Map(known).set(row.id, { ...before, ...row });
}

export function without(known, id) {
  if (!known.has(id)) return known;
  const next = new Map(known);
  next.delete(id);
  return next;
}

const newer = (before, row) => (before && before.version > row.version ? { ...row, ...before } : row);
