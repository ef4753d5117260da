// Live changes that are never lost, for supabase-js: remembers how far each channel has got and goes on from there
// after a reconnect, a restart of the server, or a restart of this very program. Official options only; an
// unchanged client works too, but misses what happens while it is away.
//
//   import { createClient } from '@supabase/supabase-js';
//   import { createLive } from './live.js';
//
//   const live = createLive();                                   // one for each client
//   const supabase = createClient(url, key, { realtime: live.realtime });
//   const bookings = live
//     .channel(supabase, 'bookings', { onState, onResync, cursor })
//     .on('postgres_changes', { event: '*', schema: 'public', table: 'appointment' }, onChange)
//     .subscribe();
//
// Everything else is supabase-js: filters, broadcast, presence, `unsubscribe()`. Each change that the subscription
// may see comes to `onChange` exactly once and in the order of the commits, however often the connection breaks.
//
// Options of `channel`, all optional:
//   onState(state, since)  how the server stands: 'live'; 'catching-up', when changes may come some seconds late; or
//                          'stale', when it has not been able to see any since `since` (a Date). Nothing is lost then.
//   onResync()             changes were lost for good, after hours away: read the tables anew. They go on from here.
//   cursor                 where to start: what `live.cursor('bookings')` gave when the program last ran. `null`: now.
//                          Left out: where the channel of this name was left, else now.
//   config                 as `supabase.channel` takes it: broadcast, presence, private.
//
// `live.cursor(name)` is plain JSON, or null before the first subscription. Inside `onChange` it includes the change
// at hand: stored together with what the change did, it makes the processing of each change exactly once.
// A role that was taken away or a token that ended closes the channel (the state CLOSED of `subscribe`), as with
// Supabase itself; a new channel of that name goes on from the cursor.
//
// How it works: changes carry `epoch` and `offset`; now and then the server says up to where a channel is complete
// (watermark). Both are read off the frames in `decode`, before supabase-js gets them. The join takes the cursor along
// as `config.broadcast.resume`, which is read anew whenever the join is sent.

const PREFIX = 'realtime:';

export function createLive() {
  const topics = new Map();

  function decode(data, pass) {
    const message = typeof data === 'string' ? text(data) : binary(data);
    if (message && (topics.get(message.topic)?.take(message) ?? true)) pass(message);
  }

  function channel(supabase, name, { cursor, onState, onResync, config = {} } = {}) {
    const topic = topics.get(PREFIX + name) ?? new Topic();
    topics.set(PREFIX + name, topic);
    topic.listen(cursor, { onState, onResync });
    const broadcast = Object.defineProperty({ ack: false, self: false, ...config.broadcast }, 'resume', {
      enumerable: true,
      get: () => topic.resume(),
    });
    return supabase.channel(name, { config: { ...config, broadcast } });
  }

  return { realtime: { decode }, channel, cursor: (name) => topics.get(PREFIX + name)?.cursor() ?? null };
}

class Topic {
  // Everything up to `offset` was delivered, and of the next change what is `seen`: one change can come as UPDATE to
  // one filter and as DELETE to another.
  #at = null;
  #subscribed = false;
  #on = {};

  listen(cursor, on) {
    if (cursor !== undefined) this.#at = cursor && { seen: [], ...cursor };
    this.#subscribed = false;
    this.#on = on;
  }

  cursor() {
    return this.#at && { ...this.#at, seen: [...this.#at.seen] };
  }

  resume() {
    return this.#at ? { epoch: this.#at.epoch, offset: this.#at.offset } : undefined;
  }

  /** Notes how far a message brings us; false when it is a change that was delivered before. */
  take({ event, payload }) {
    if (event === 'postgres_changes' && payload.epoch !== undefined) return this.#change(payload);
    if (event === 'system') this.#system(payload);
    return true;
  }

  #change({ epoch, offset, data }) {
    const at = this.#at;
    if (at?.epoch === epoch) {
      const isNext = offset === at.offset + 1;
      if (offset <= at.offset || (isNext && at.seen.includes(data.type))) return false;
      if (isNext) {
        at.seen.push(data.type);
        return true;
      }
    }
    this.#enter(epoch);
    this.#at = { epoch, offset: offset - 1, seen: [data.type] };
    return true;
  }

  #system({ extension, status, message, epoch, offset, since }) {
    if (extension === 'postgres_changes' && status === 'ok') {
      if (message === 'watermark') this.#complete(epoch, offset);
      else this.#joined();
    } else if (extension === 'chairside' && status === 'resync') {
      this.#at = { epoch, offset, seen: [] };
      this.#on.onResync?.();
    } else if (extension === 'chairside') {
      this.#on.onState?.(status, since === undefined ? undefined : new Date(since));
    }
  }

  #complete(epoch, offset) {
    this.#enter(epoch);
    if (this.#at?.epoch !== epoch || offset > this.#at.offset) this.#at = { epoch, offset, seen: [] };
  }

  // The server says so before; a cursor of another log is never passed over in silence all the same.
  #enter(epoch) {
    if (this.#at && this.#at.epoch !== epoch) this.#on.onResync?.();
  }

  // Cut off before it was told where it stood: what happened until it was back is lost, if anything did.
  #joined() {
    if (this.#subscribed && !this.#at) this.#on.onResync?.();
    this.#subscribed = true;
  }
}

// Both of Phoenix's serializers: 1.0.0 has objects, 2.0.0 arrays.
function text(data) {
  const message = JSON.parse(data);
  if (!Array.isArray(message)) return message;
  const [join_ref, ref, topic, event, payload] = message;
  return { join_ref, ref, topic, event, payload };
}

// A broadcast: kind 4; the lengths of topic, event and metadata; whether the payload is JSON; then these four.
function binary(data) {
  const bytes = new Uint8Array(data);
  if (bytes[0] !== 4) return null;
  let at = 5;
  const part = (length) => bytes.subarray(at, (at += length));
  const string = (of) => new TextDecoder().decode(of);
  const [topic, event, meta] = [...bytes.subarray(1, 4)].map((length) => string(part(length)));
  const rest = data.slice(at);
  const payload = { type: 'broadcast', event, payload: bytes[4] === 1 ? JSON.parse(string(rest)) : rest };
  if (meta) payload.meta = JSON.parse(meta);
  return { join_ref: null, ref: null, topic, event: 'broadcast', payload };
}
