// A stand-in for Supabase Realtime at `/realtime/v1/websocket`: who may connect, the topics and
// their channels, and the way of a change from the poller to the sockets.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { WebSocketServer } from 'ws';
import { route } from './changes.mjs';
import { VERSIONS } from './frames.mjs';
import { Misbehaviour } from './misbehave.mjs';
import { Presence } from './presence.mjs';
import { DEFAULTS } from './settings.mjs';
import { Socket } from './socket.mjs';
import { connectionOptions, Source } from './source.mjs';
import { Registry, subscribe } from './subscriptions.mjs';
import { Refused, Tokens } from './tokens.mjs';

const PATH = '/realtime/v1/websocket';
const MAX_FRAME_BYTES = 10 * 1024 * 1024;
const STATUS = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 429: 'Too Many Requests', 503: 'Service Unavailable' };

export class Realtime {
  constructor({ databaseUrl, keys, tokenOf }) {
    this.tokens = new Tokens(keys);
    /** Turns an opaque key into the JWT it stands for. */
    this.tokenOf = tokenOf;
    this.settings = DEFAULTS;
    this.sockets = new Set();
    this.topics = new Map();
    this.registry = new Registry();
    this.counts = { connections: 0, joins: 0, refused: 0, delivered: 0, lost: 0 };
    this.rates = new Map();
    /** Settled when the poller has run long enough to be of use; null when none runs. */
    this.warm = null;
    this.wss = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
    this.pool = new pg.Pool({ ...connectionOptions(databaseUrl), max: 4 });
    this.pool.on('error', () => {});
    this.misbehave = new Misbehaviour(this);
    this.source = new Source({ databaseUrl, idle: () => this.settings.idle_poll_ms, onChanges: (changes) => this.misbehave.pass(changes) });
  }

  /** An HTTP upgrade at the gateway. */
  async upgrade(request, socket, head) {
    socket.on('error', () => socket.destroy());
    try {
      const { vsn, token } = await this.#admit(request);
      this.wss.handleUpgrade(request, socket, head, (ws) => {
        this.counts.connections++;
        this.sockets.add(new Socket({ realtime: this, ws, vsn, token }));
      });
    } catch (error) {
      refuse(socket, error.status ?? 401, error.message);
    }
  }

  async #admit({ url: target, headers }) {
    const url = URL.canParse(target, 'http://gateway.invalid') ? new URL(target, 'http://gateway.invalid') : null;
    if (url?.pathname !== PATH) throw refusal(404, 'Not Found');
    if (this.misbehave.away) throw refusal(503, 'Service Unavailable');
    const vsn = url.searchParams.get('vsn') ?? '1.0.0';
    if (!VERSIONS.has(vsn)) throw refusal(403, 'The requested vsn is not supported');
    const key = headers['x-api-key'] ?? url.searchParams.get('apikey') ?? headers.apikey;
    if (!key) throw refusal(401, 'API key is missing');
    const token = this.tokenOf(key) ?? key;
    await this.tokens.verify(token).catch((error) => {
      // The reason of an expired one has no number here.
      throw refusal(401, /^Token has expired/.test(error.message) ? 'Token has expired' : error.message);
    });
    if (this.sockets.size >= this.settings.max_connections) throw refusal(429, 'Too many connected users');
    return { vsn, token };
  }

  forget(socket) {
    this.sockets.delete(socket);
  }

  // Topics

  topic(name) {
    if (!this.topics.has(name)) this.topics.set(name, { channels: new Set(), presence: new Presence() });
    return this.topics.get(name);
  }

  dropTopic(name) {
    if (this.topics.get(name)?.channels.size === 0) this.topics.delete(name);
  }

  enter(channel) {
    this.counts.joins++;
    this.topic(channel.name).channels.add(channel);
  }

  leave(channel) {
    this.registry.remove(channel);
    this.topic(channel.name).channels.delete(channel);
    this.#lingerUnused();
  }

  get channels() {
    return [...this.topics.values()].flatMap(({ channels }) => [...channels]);
  }

  // Limits

  count(name, by = 1) {
    this.counts[name] += by;
  }

  #within(name, limit, by = 1) {
    const second = Math.floor(Date.now() / 1000);
    const rate = this.rates.get(name);
    const count = (rate?.second === second ? rate.count : 0) + by;
    this.rates.set(name, { second, count });
    return limit === null || count <= limit;
  }

  admitMessage() {
    return this.#within('messages', this.settings.messages_per_second);
  }

  admitJoin() {
    if (this.#within('joins', this.settings.joins_per_second)) return;
    throw Object.assign(new Refused('ClientJoinRateLimitReached', 'Too many joins per second'), { disconnect: true });
  }

  // Changes

  /** Makes a channel's subscriptions; false when it was closed meanwhile. */
  async subscribe(channel) {
    clearTimeout(this.lingering);
    this.warm ??= this.source.start().then(() => sleep(this.settings.cold_ms));
    try {
      await this.warm;
      await sleep(this.settings.warm_ms);
      const made = await subscribe(this.pool, channel);
      if (channel.open) this.registry.replace(channel, made);
      return channel.open;
    } finally {
      this.#lingerUnused();
    }
  }

  async stopPolling() {
    this.warm = null;
    await this.source.stop();
  }

  // Nobody listens: after a while there is no slot any more that would hold back the database's log.
  #lingerUnused() {
    if (this.registry.size > 0) return;
    clearTimeout(this.lingering);
    this.lingering = setTimeout(() => this.registry.size === 0 && this.stopPolling(), this.settings.linger_ms);
    this.lingering.unref();
  }

  /** Sends changes to whom they are for. What cannot be looked up is lost, as in the real one. */
  async deliver(changes) {
    const db = await this.pool.connect().catch(() => null);
    try {
      if (!db) throw new Error('no connection');
      for (const frames of await route(db, changes, this.registry)) for (const frame of frames) this.#send(frame);
      db.release();
    } catch (error) {
      console.error(`realtime: ${changes.length} changes lost, ${error.code ?? error.name}`);
      this.count('lost', changes.length);
      db?.release(error);
    }
  }

  #send({ channel, subscriptions, ids, data }) {
    // It may have gone, or been made anew, while the database was asked.
    if (!channel.open || !subscriptions.some((one) => this.registry.has(one))) return;
    if (!this.#within('changes', this.settings.changes_per_second)) return this.count('lost');
    this.count('delivered');
    channel.deliver(ids, data);
  }

  /** Ends all sockets: without a word, or with a close code. */
  disconnect(code) {
    for (const { ws } of [...this.sockets]) {
      if (code) ws.close(code);
      else ws.terminate();
    }
  }

  stats() {
    return {
      sockets: this.sockets.size,
      channels: this.channels.length,
      subscriptions: this.registry.size,
      polling: this.source.running,
      ...this.counts,
      ...this.misbehave.stats(),
      settings: this.settings,
    };
  }
}

const refusal = (status, message) => Object.assign(new Error(message), { status });

function refuse(socket, status, message) {
  const head = `HTTP/1.1 ${status} ${STATUS[status]}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(message)}`;
  socket.end(`${head}\r\n\r\n${message}`);
}
