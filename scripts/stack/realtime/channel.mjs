// One joined topic of one socket: its entries of postgres_changes, its token and that token's end,
// broadcast and presence. `realtime` is the server, `topic` what all channels of a name share.

import { randomInt, randomUUID } from 'node:crypto';
import { encode, encodeUserBroadcast } from './frames.mjs';
import { SubscribeError } from './subscriptions.mjs';
import { expired, Refused } from './tokens.mjs';

const LONGEST_TIMER_MS = 3_600_000;
const RETRY_SECONDS = [5, 10];

export class Channel {
  constructor({ realtime, socket, topic, joinRef, config }) {
    Object.assign(this, { realtime, socket, topic, joinRef });
    this.name = topic.slice('realtime:'.length);
    this.ack = isTrue(config?.broadcast?.ack);
    this.self = isTrue(config?.broadcast?.self);
    this.presence = isTrue(config?.presence?.enabled);
    this.presenceKey = config?.presence?.key ? String(config.presence.key) : randomUUID();
    const params = Array.isArray(config?.postgres_changes) ? config.postgres_changes.filter(Boolean) : [];
    this.entries = params.map((one) => ({ id: idOf(one), params: one }));
    this.open = true;
  }

  /** What a join is answered with: the entries as they came, each with its id. */
  get response() {
    return { postgres_changes: this.entries.map(({ id, params }) => ({ ...params, id })) };
  }

  authorise(token, claims) {
    this.token = token;
    this.claims = claims;
    this.#watchExpiry();
  }

  /** After the join's reply. */
  started({ subscribed }) {
    if (this.presence) this.#push('presence_state', this.shared.presence.state());
    if (subscribed) this.confirm();
    else if (this.entries.length > 0) this.subscribe();
  }

  get shared() {
    return this.realtime.topic(this.name);
  }

  /** Makes the subscription (anew) after `ms`; `system` tells how it went. */
  subscribe(ms = 0) {
    clearTimeout(this.subscribing);
    this.subscribing = setTimeout(() => this.#subscribeNow(), ms);
  }

  async #subscribeNow() {
    try {
      if (await this.realtime.subscribe(this)) this.confirm();
    } catch (error) {
      if (!this.open) return;
      this.system('postgres_changes', 'error', error instanceof SubscribeError ? error.message : 'Unable to connect to the project database');
      if (!(error instanceof SubscribeError)) this.subscribe(between(RETRY_SECONDS.map((seconds) => seconds * 1000)));
    }
  }

  confirm() {
    if (this.open) this.system('postgres_changes', 'ok', 'Subscribed to PostgreSQL');
  }

  system(extension, status, message) {
    this.#push('system', { channel: this.name, extension, message, status });
  }

  #push(event, payload) {
    this.socket.push({ joinRef: this.joinRef, topic: this.topic, event, json: JSON.stringify(payload) });
  }

  /** A frame that all channels of the topic get alike. */
  relay(event, json) {
    this.socket.push({ topic: this.topic, event, json });
  }

  async receive({ event, payload, ref, binary }) {
    if (event === 'access_token') await this.#refresh(payload.access_token);
    else if (event === 'broadcast' || event === 'presence') {
      if (!this.realtime.admitMessage()) this.shutDown('Too many messages per second');
      else if (event === 'broadcast') this.#broadcast(payload, ref, binary);
      else this.#present(payload, ref);
    }
  }

  async #refresh(token) {
    if (typeof token !== 'string' || token.startsWith('sb_') || token === this.token) return;
    try {
      this.authorise(token, await this.realtime.tokens.verify(token));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.shutDown(error.message);
      return;
    }
    if (this.entries.length > 0) this.subscribe(between(this.realtime.settings.resubscribe_ms));
  }

  #broadcast(payload, ref, binary) {
    for (const other of this.shared.channels) {
      if (other === this && !this.self) continue;
      if (!binary) other.relay('broadcast', JSON.stringify(payload));
      else other.socket.send(encodeUserBroadcast(other.socket.vsn, other.topic, payload));
    }
    if (this.ack) this.socket.reply(this, ref, 'ok', {});
  }

  #present({ event, payload }, ref) {
    const { presence } = this.shared;
    const kind = String(event).toLowerCase();
    if (kind === 'track' && (payload === null || typeof payload !== 'object')) {
      this.socket.reply(this, ref, 'error', { reason: 'Presence track payload must be a map' });
      return;
    }
    this.socket.reply(this, ref, kind === 'track' || kind === 'untrack' ? 'ok' : 'error', {});
    if (kind === 'track' && !this.presence) {
      // Whoever tracks is shown the others from then on.
      this.presence = true;
      this.#push('presence_state', presence.state());
    }
    if (kind === 'track') this.#tell(presence.track(this, this.presenceKey, payload));
    else if (kind === 'untrack') this.#tell(presence.untrack(this));
  }

  #tell(diff) {
    if (diff) for (const other of this.shared.channels) other.relay('presence_diff', JSON.stringify(diff));
  }

  #watchExpiry() {
    clearTimeout(this.expiry);
    const left = this.claims.exp * 1000 - Date.now();
    this.expiry = setTimeout(() => {
      if (Date.now() >= this.claims.exp * 1000) this.shutDown(expired(this.claims.exp));
      else this.#watchExpiry();
    }, Math.min(Math.max(left, 0), LONGEST_TIMER_MS));
  }

  /** The server ends the channel and says why. */
  shutDown(message) {
    if (!this.open) return;
    this.system('system', 'error', message);
    this.close('phx_close');
  }

  /** Ends the channel; with `event` the client hears of it: phx_close, or phx_error when it died. */
  close(event) {
    if (!this.open) return;
    this.open = false;
    clearTimeout(this.subscribing);
    clearTimeout(this.expiry);
    this.socket.forget(this);
    this.realtime.leave(this);
    this.#tell(this.shared.presence.untrack(this));
    this.realtime.dropTopic(this.name);
    if (event) this.socket.push({ joinRef: this.joinRef, ref: this.joinRef, topic: this.topic, event, json: '{}' });
  }

  /** A change, as text. */
  deliver(ids, data) {
    this.socket.send(encode(this.socket.vsn, { topic: this.topic, event: 'postgres_changes', json: `{"data":${data},"ids":${JSON.stringify(ids)}}` }));
  }
}

const isTrue = (value) => value === true || value === 'true';

export const between = ([low, high]) => (high > low ? randomInt(low, high + 1) : low);

/** The same number for the same entry, of 27 bits as Erlang's phash2 (FNV-1a). */
export function idOf(params) {
  const text = JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)));
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return (hash % (2 ** 27 - 1)) + 1;
}
