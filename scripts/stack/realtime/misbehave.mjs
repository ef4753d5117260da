// The Realtime stand-in's faults, on demand over the gateway's control port: what the real one was
// seen to do. `POST /realtime` takes `{mode, …}`:
//   ok                        behaves again; what was held is delivered
//   settings {name: value}    delays and limits (settings.mjs); those not named get their defaults
//   drop                      every socket ends now, without a close frame
//   pause {ms?}               changes are held, and delivered after `ms` or at `ok`
//   lose {count? | ms?}       so many changes, or those of so long, are lost without a word
//   zombie                    sockets stay, heartbeats are answered, but no channel there is gets
//                             changes until it joins anew or brings another token
//   resubscribe {gap_ms?}     subscriptions are made anew unasked: a second `system ok`; for
//                             `gap_ms` before it changes are missed
//   join {ms?, error?, never?, count?}  the next `count` joins (1) are answered late, with an
//                             error, or not at all
//   crash                     channels die: phx_error, the socket stays
//   restart {ms?}             every socket is closed with 1012; away (503) for `ms`; the slot goes
// `GET /realtime` tells counters, settings and the modes in force.

import { settingsWith } from './settings.mjs';

export class Misbehaviour {
  constructor(realtime) {
    this.realtime = realtime;
    this.held = null;
    this.losing = null;
    this.joins = null;
    this.away = false;
    this.timers = new Set();
    this.delivering = Promise.resolve();
  }

  /** The way of all changes: lost, held, or on to the channels. */
  pass(changes) {
    const kept = changes.filter(() => !this.#loses());
    if (this.held) this.held.push(...kept);
    else if (kept.length > 0) return this.#deliver(kept);
  }

  #deliver(changes) {
    this.delivering = this.delivering.then(() => this.realtime.deliver(changes));
    return this.delivering;
  }

  #loses() {
    if (!this.losing) return false;
    this.realtime.count('lost');
    if (this.losing.count !== undefined && --this.losing.count <= 0) this.losing = null;
    return true;
  }

  /** What the next join is to suffer, if anything. */
  takeJoin() {
    const script = this.joins;
    if (script && --script.left <= 0) this.joins = null;
    return script;
  }

  stats() {
    const modes = { pause: this.held !== null, lose: this.losing !== null, join: this.joins !== null, away: this.away };
    return { held: this.held?.length ?? 0, modes: Object.keys(modes).filter((name) => modes[name]) };
  }

  async set({ mode, ...options }) {
    const known = { ok: this.#ok, settings: this.#settings, drop: this.#drop, pause: this.#pause, lose: this.#lose, zombie: this.#zombie, resubscribe: this.#resubscribe, join: this.#join, crash: this.#crash, restart: this.#restart };
    if (!Object.hasOwn(known, mode)) throw new Error(`mode must be one of ${Object.keys(known).join(', ')}`);
    await known[mode].call(this, options);
  }

  #later(ms, work) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }

  async #ok() {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.losing = null;
    this.joins = null;
    this.away = false;
    await this.#release();
  }

  #settings(wanted) {
    this.realtime.settings = settingsWith(wanted);
    this.realtime.rates.clear();
  }

  #drop() {
    this.realtime.disconnect();
  }

  #pause({ ms }) {
    this.held ??= [];
    if (ms !== undefined) this.#later(ms, () => this.#release());
  }

  async #release() {
    const held = this.held ?? [];
    this.held = null;
    if (held.length > 0) await this.#deliver(held);
  }

  #lose({ count, ms }) {
    if (count === undefined && ms === undefined) throw new Error('lose needs a count or a time in ms');
    this.losing = { count };
    if (ms !== undefined) this.#later(ms, () => (this.losing = null));
  }

  #zombie() {
    this.realtime.registry.clear();
  }

  #resubscribe({ gap_ms: gap = 0 }) {
    if (gap > 0) this.realtime.registry.clear();
    for (const channel of this.realtime.channels) if (channel.entries.length > 0) channel.subscribe(gap);
  }

  #join({ ms = 0, error, never = false, count = 1 }) {
    this.joins = { ms, error, never, left: count };
  }

  #crash() {
    for (const channel of this.realtime.channels) channel.close('phx_error');
  }

  async #restart({ ms = 0 }) {
    this.away = ms > 0;
    this.realtime.disconnect(1012);
    await this.realtime.stopPolling();
    if (ms > 0) this.#later(ms, () => (this.away = false));
  }
}
