// One client's socket: frames in order, joins and leaves, the end of a silent one. A join is
// worked out before the next frame is looked at, and a refused one keeps the whole socket waiting,
// what it would be sent too: so does the real one.

import { setTimeout as sleep } from 'node:timers/promises';
import { Channel } from './channel.mjs';
import { decodeBinary, decodeText, encode } from './frames.mjs';
import { SubscribeError } from './subscriptions.mjs';
import { Refused } from './tokens.mjs';

export class Socket {
  constructor({ realtime, ws, vsn, token }) {
    Object.assign(this, { realtime, ws, vsn, token });
    this.channels = new Map();
    this.held = null;
    this.queue = Promise.resolve();
    ws.on('message', (data, isBinary) => this.#arrived(data, isBinary));
    ws.on('ping', () => this.#seen());
    ws.on('close', () => this.#gone());
    ws.on('error', () => ws.terminate());
    this.#seen();
  }

  #seen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.ws.close(1000), this.realtime.settings.client_timeout_ms);
  }

  #arrived(data, isBinary) {
    this.#seen();
    const frame = isBinary ? decodeBinary(data) : decodeText(this.vsn, data.toString('utf8'));
    if (!frame) return;
    this.queue = this.queue
      .then(() => this.#handle(frame))
      .catch((error) => {
        console.error(`realtime: ${error.name} ${error.code ?? ''}`);
        this.channels.get(frame.topic)?.close('phx_error');
      });
  }

  #gone() {
    clearTimeout(this.silence);
    this.closed = true;
    for (const channel of [...this.channels.values()]) channel.close();
    this.realtime.forget(this);
  }

  async #handle(frame) {
    if (this.closed) return;
    const { topic, event, ref, joinRef } = frame;
    const channel = this.channels.get(topic);
    if (topic === 'phoenix' && event === 'heartbeat') this.#answer(frame, null, 'ok', {});
    else if (event === 'phx_join') await this.#join(frame);
    else if (event === 'phx_leave') {
      this.#answer(frame, joinRef, 'ok', {});
      channel?.close('phx_close');
    } else if (!channel) this.#answer({ topic, ref }, null, 'error', { reason: 'unmatched topic' });
    else await channel.receive(frame);
  }

  async #join(frame) {
    if (!frame.topic.startsWith('realtime:')) {
      this.#answer(frame, null, 'error', { reason: 'unmatched topic' });
      return;
    }
    const script = this.realtime.misbehave.takeJoin();
    if (script?.never) return;
    if (script?.ms) await this.#block(script.ms);
    try {
      if (script?.error) throw new Refused(null, script.error);
      await this.#admit(frame);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // A scripted error comes when its script says.
      if (!script?.error) await this.#block(this.realtime.settings.join_error_ms);
      this.realtime.count('refused');
      this.#answer(frame, frame.ref, 'error', { reason: error.code ? `${error.code}: ${error.message}` : error.message });
      if (error.disconnect) this.ws.close(1000);
    }
  }

  async #admit(frame) {
    const { topic, ref, payload } = frame;
    const { realtime } = this;
    if (topic === 'realtime:') throw new Refused('TopicNameRequired', 'You must provide a topic name');
    realtime.admitJoin();
    const before = this.channels.get(topic);
    if (!before && this.channels.size >= realtime.settings.max_channels) throw new Refused('ChannelRateLimitReached', 'Too many channels');
    const given = payload.access_token ?? payload.user_token;
    const token = typeof given === 'string' && !given.startsWith('sb_') ? given : this.token;
    const channel = new Channel({ realtime, socket: this, topic, joinRef: frame.joinRef ?? ref, config: payload.config });
    const claims = await realtime.tokens.verify(token);
    // Without policies on realtime.messages nobody may read a private channel.
    if (payload.config?.private === true) throw new Refused('Unauthorized', `You do not have permissions to read from this Channel topic: ${channel.name}`);
    if (this.closed) return;
    channel.authorise(token, claims);
    const waited = await this.#waitForChanges(channel, payload.config);
    if (this.closed) return channel.close();
    this.#answer(frame, channel.joinRef, 'ok', channel.response);
    before?.close('phx_close');
    this.channels.set(topic, channel);
    realtime.enter(channel);
    channel.started({ subscribed: waited });
  }

  // `postgres_changes_options.wait`: the reply comes when the subscription is made.
  async #waitForChanges(channel, config) {
    if (config?.postgres_changes_options?.wait !== true || channel.entries.length === 0) return false;
    try {
      return await this.realtime.subscribe(channel);
    } catch (error) {
      channel.close();
      throw error instanceof SubscribeError ? new Refused('RealtimeDisabledForConfiguration', error.message) : error;
    }
  }

  reply(channel, ref, status, response) {
    this.#answer({ topic: channel.topic, ref }, channel.joinRef, status, response);
  }

  #answer({ topic, ref }, joinRef, status, response) {
    this.push({ joinRef, ref, topic, event: 'phx_reply', json: JSON.stringify({ response, status }) });
  }

  push(frame) {
    this.send(encode(this.vsn, frame));
  }

  send(data) {
    if (data === null) return;
    if (this.held) this.held.push(data);
    else if (this.ws.readyState === this.ws.OPEN) this.ws.send(data);
  }

  async #block(ms) {
    if (ms <= 0) return;
    this.held ??= [];
    await sleep(ms);
    const held = this.held;
    this.held = null;
    for (const data of held) this.send(data);
  }

  forget(channel) {
    if (this.channels.get(channel.topic) === channel) this.channels.delete(channel.topic);
  }
}
