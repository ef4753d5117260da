// The machinery of allowed differences: which one covers a mismatch, and which were never needed.

/** SQLSTATE to status, where it is not PostgREST’s: 422 for values, 409 for what stands in the way. */
export const STATUS = { 23502: 422, 23503: 422, 23514: 422, '23P01': 409 };

export class Differences {
  #used = new Set();

  constructor(list) {
    this.list = list;
  }

  /** The mismatches that no entry allows. */
  unexplained(one, role, { ours, theirs, mismatches }) {
    return mismatches.filter((mismatch) => {
      const covering = this.list.filter(
        ({ fields, when }) => fields.includes(mismatch.field) && when({ case: one, role, ours, theirs, mismatch }),
      );
      for (const { name } of covering) this.#used.add(name);
      return covering.length === 0;
    });
  }

  unused() {
    return this.list.map(({ name }) => name).filter((name) => !this.#used.has(name));
  }
}
