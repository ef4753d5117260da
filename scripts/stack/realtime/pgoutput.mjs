// Decodes what PostgreSQL's output plugin `pgoutput` sends (proto_version 1) into changes:
// `{oid, type: INSERT | UPDATE | DELETE, at, size, row, old}`. `row` and `old` map column names to
// the value's text or null; an unchanged TOAST value is absent from `row`. `old` holds the replica
// identity: wal2json, which the real Realtime reads, gives it for every UPDATE.
// https://www.postgresql.org/docs/17/protocol-logicalrep-message-formats.html

// Microseconds between 1970 and 2000, where Postgres's clock starts.
const EPOCH_US = 946_684_800_000_000n;

export class Decoder {
  relations = new Map();
  at = null;

  /** The change in one message, or null when it holds none. */
  decode(buffer) {
    const reader = new Reader(buffer);
    const kind = reader.char();
    if (kind === 'B') this.#begin(reader);
    else if (kind === 'R') this.#relation(reader);
    else if (kind === 'I' || kind === 'U' || kind === 'D') return this.#change(kind, reader, buffer.length);
    return null;
  }

  #begin(reader) {
    reader.skip(8);
    this.at = new Date(Number((reader.int64() + EPOCH_US) / 1000n)).toISOString();
  }

  #relation(reader) {
    const oid = reader.uint32();
    reader.text();
    reader.text();
    reader.skip(1);
    const columns = Array.from({ length: reader.uint16() }, () => {
      const identity = (reader.byte() & 1) === 1;
      const name = reader.text();
      reader.skip(8);
      return { name, identity };
    });
    this.relations.set(oid, columns);
  }

  #change(kind, reader, size) {
    const oid = reader.uint32();
    const columns = this.relations.get(oid);
    const change = { oid, at: this.at, size, row: null, old: null };
    let part = reader.char();
    if (part === 'K' || part === 'O') {
      // A key tuple is as wide as the row, with nulls where no key is.
      const wanted = part === 'K' ? (column) => column.identity : () => true;
      change.old = reader.tuple(columns, wanted);
      part = kind === 'U' ? reader.char() : null;
    }
    if (part === 'N') change.row = reader.tuple(columns);
    if (kind === 'I') return { ...change, type: 'INSERT' };
    if (kind === 'D') return { ...change, type: 'DELETE' };
    change.old ??= pick(change.row, columns);
    // Under a full identity the old row knows what the new one leaves out.
    return { ...change, type: 'UPDATE', row: { ...change.old, ...change.row } };
  }
}

function pick(row, columns) {
  return Object.fromEntries(columns.filter(({ name, identity }) => identity && name in row).map(({ name }) => [name, row[name]]));
}

class Reader {
  constructor(buffer) {
    this.buffer = buffer;
    this.offset = 0;
  }

  skip(count) {
    this.offset += count;
  }

  byte() {
    return this.buffer[this.offset++];
  }

  char() {
    return String.fromCharCode(this.byte());
  }

  uint16() {
    this.skip(2);
    return this.buffer.readUInt16BE(this.offset - 2);
  }

  uint32() {
    this.skip(4);
    return this.buffer.readUInt32BE(this.offset - 4);
  }

  int64() {
    this.skip(8);
    return this.buffer.readBigInt64BE(this.offset - 8);
  }

  text() {
    const end = this.buffer.indexOf(0, this.offset);
    const found = this.buffer.toString('utf8', this.offset, end);
    this.offset = end + 1;
    return found;
  }

  tuple(columns, wanted = () => true) {
    const row = {};
    const count = this.uint16();
    for (let i = 0; i < count; i++) {
      const kind = this.char();
      const value = kind === 't' ? this.#value() : null;
      if (kind !== 'u' && wanted(columns[i])) row[columns[i].name] = value;
    }
    return row;
  }

  #value() {
    const length = this.uint32();
    this.skip(length);
    return this.buffer.toString('utf8', this.offset - length, this.offset);
  }
}
