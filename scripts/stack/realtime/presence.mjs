// Who is in a topic, in the shape of Phoenix.Presence: `{key: {metas: [{phx_ref, …payload}]}}`.

import { randomBytes } from 'node:crypto';

export class Presence {
  #members = new Map();

  state() {
    const state = {};
    for (const { key, meta } of this.#members.values()) {
      state[key] ??= { metas: [] };
      state[key].metas.push(meta);
    }
    return state;
  }

  /** The diff to tell the topic's channels of, or null when nothing changed. */
  track(channel, key, payload) {
    const before = this.#members.get(channel);
    if (before && JSON.stringify(before.payload) === JSON.stringify(payload)) return null;
    const meta = { ...payload, phx_ref: randomBytes(8).toString('base64url') };
    if (before) meta.phx_ref_prev = before.meta.phx_ref;
    this.#members.set(channel, { key, payload, meta });
    return { joins: one(key, meta), leaves: before ? one(before.key, before.meta) : {} };
  }

  untrack(channel) {
    const before = this.#members.get(channel);
    this.#members.delete(channel);
    return before ? { joins: {}, leaves: one(before.key, before.meta) } : null;
  }
}

const one = (key, meta) => ({ [key]: { metas: [meta] } });
