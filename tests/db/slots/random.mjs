// Numbers that look random and come again for the same seed (mulberry32), and the choices made with them.

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** At least 0, below 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(p) {
    return this.next() < p;
  }

  pick(list) {
    return list[this.int(0, list.length - 1)];
  }

  /** `count` items made by `make`. */
  times(count, make) {
    return Array.from({ length: count }, (_, i) => make(i));
  }
}

/** The seed of a run: `CHAIRSIDE_SEED` repeats one. */
export const seedOf = () => Number(process.env.CHAIRSIDE_SEED || Math.floor(Math.random() * 2 ** 31));
