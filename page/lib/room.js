// A live room as a view uses it: which rows change, and how far the screen can be trusted.

import { useEffect, useRef, useState } from 'preact/hooks';
import { useClinic } from './context.js';

const REJOIN_MS = 2000;

/**
 * Listens to the tables while the view is there. `onChange(change)` gets each change once and in order; `onFresh()` is
 * called when the view must read anew: at the start and when changes were lost for good. Returns `{state, since}`:
 * 'connecting', 'live', 'catching-up', 'stale' (the server has seen nothing since) or 'offline' (we have not).
 */
export function useRoom(name, tables, { onChange, onFresh }) {
  const { client, live, heardAt } = useClinic();
  const [standing, setStanding] = useState({ state: 'connecting' });
  const on = useRef();
  on.current = { onChange, onFresh };

  useEffect(() => {
    const room = new Room({ client, live, heardAt, name, tables, on, setStanding });
    room.open(null);
    return () => room.close();
  }, [client, name]);
  return standing;
}

class Room {
  #its;
  #channel = null;
  #ended = false;
  #server = { state: 'live' };

  constructor(its) {
    this.#its = its;
    window.addEventListener('offline', this.#offline);
    window.addEventListener('online', this.#online);
    document.addEventListener('visibilitychange', this.#online);
  }

  /** `cursor`: null begins now, undefined goes on from where the channel was left. */
  open(cursor) {
    const { client, live, name, tables, on } = this.#its;
    const channel = live.channel(client, name, {
      cursor,
      onState: (state, since) => {
        this.#server = { state, since };
        this.#show(this.#server);
      },
      onResync: () => on.current.onFresh(),
    });
    for (const table of tables) channel.on('postgres_changes', { event: '*', schema: 'public', table }, (change) => on.current.onChange(change));
    channel.subscribe((status) => channel === this.#channel && this.#status(status));
    this.#channel = channel;
    // What happened between the first reading and the join is read again.
    if (cursor === null) channel.on('system', {}, (message) => message.message === 'Subscribed to PostgreSQL' && this.#begun());
  }

  close() {
    this.#ended = true;
    window.removeEventListener('offline', this.#offline);
    window.removeEventListener('online', this.#online);
    document.removeEventListener('visibilitychange', this.#online);
    this.#its.client.removeChannel(this.#channel);
  }

  #fresh = false;
  #begun() {
    this.#show(this.#server);
    if (!this.#fresh) this.#its.on.current.onFresh();
    this.#fresh = true;
  }

  #status(status) {
    if (this.#ended) return;
    if (status === 'SUBSCRIBED') this.#show(this.#server);
    else this.#lost();
    // A token that ended closes the channel; the session has a new one by now, or the sign-in page is shown.
    if (status === 'CLOSED') setTimeout(() => this.#rejoin(), REJOIN_MS);
  }

  async #rejoin() {
    if (this.#ended) return;
    await this.#its.client.auth.getSession();
    await this.#its.client.realtime.setAuth();
    if (this.#ended) return;
    this.open(undefined);
    // A role that was taken away closes the channel too: what is on the screen may not be theirs any more.
    this.#its.on.current.onFresh();
  }

  #lost() {
    this.#its.setStanding((now) => (now.state === 'offline' ? now : { state: 'offline', since: this.#its.heardAt() }));
  }

  #show(standing) {
    if (!this.#ended) this.#its.setStanding(standing);
  }

  #offline = () => this.#lost();
  // Nothing happens to a socket that is open.
  #online = () => document.visibilityState === 'visible' && this.#its.client.realtime.connect();
}
