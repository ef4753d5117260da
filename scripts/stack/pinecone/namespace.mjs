// A namespace: its records, and the writes that readers do not see yet. Every write gets a log
// sequence number and takes effect, in order, once the index's delay is over.

export class Namespace {
  constructor(settings) {
    this.settings = settings;
    this.records = new Map();
    this.waiting = [];
    this.lsn = 0;
    this.indexed = 0;
  }

  /** Takes a write; returns its number. */
  write(change) {
    this.lsn += 1;
    this.waiting.push({ lsn: this.lsn, at: performance.now() + this.settings.delayMs, change });
    return this.lsn;
  }

  /** What readers see now. */
  seen() {
    while (this.waiting.length > 0 && this.waiting[0].at <= performance.now()) this.#apply(this.waiting.shift());
    return this.records;
  }

  /** Everything that was written, seen or not: for the next start. */
  settled() {
    while (this.waiting.length > 0) this.#apply(this.waiting.shift());
    return this.records;
  }

  #apply({ lsn, change }) {
    change(this.records);
    this.indexed = lsn;
  }

  sortedIds() {
    return [...this.seen().keys()].sort();
  }
}

/** A page of `ids` after a token, and the token of the next page. */
export function page(ids, limit, token) {
  const after = token ? Buffer.from(token, 'base64').toString() : '';
  const rest = ids.filter((id) => id > after);
  const found = rest.slice(0, limit);
  const next = rest.length > limit ? Buffer.from(found.at(-1)).toString('base64') : undefined;
  return { found, next };
}
