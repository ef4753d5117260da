// Reads the publication's changes by polling a logical replication slot, in the rhythm of the real
// Realtime: at once again while there is something, else after `idle` ms. The slot is a temporary
// one: it goes with its connection, and whatever was written until the next one exists is lost
// without a word. That is so in the real one too.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Decoder } from './pgoutput.mjs';

const PUBLICATION = 'supabase_realtime';
const MAX_CHANGES = 1000;
const BACKOFF_MS = [100, 5000];

export class Source {
  /** `idle()` tells the idle interval in ms; `onChanges(changes)` is awaited before the next poll. */
  constructor({ databaseUrl, idle, onChanges }) {
    this.databaseUrl = databaseUrl;
    this.idle = idle;
    this.onChanges = onChanges;
    this.run = null;
  }

  /** Resolves when the slot exists, at once when it does already. Rejects when it is stopped first. */
  start() {
    this.run ??= this.#begin();
    return this.run.ready;
  }

  get running() {
    return this.run !== null;
  }

  /** Ends polling; the slot is gone when this resolves. */
  async stop() {
    const run = this.run;
    this.run = null;
    run?.abort.abort();
    await run?.over;
  }

  #begin() {
    const abort = new AbortController();
    let settle;
    const ready = new Promise((resolve, reject) => (settle = { resolve, reject }));
    ready.catch(() => {});
    const over = this.#loop(abort.signal, settle.resolve).then(() => settle.reject(new Error('the poller was stopped')));
    return { abort, ready, over };
  }

  async #loop(signal, onReady) {
    for (let failures = 0; !signal.aborted; failures++) {
      const client = connection(this.databaseUrl);
      const end = () => client.end().catch(() => {});
      // Making a slot can wait for others' transactions without end.
      signal.addEventListener('abort', end, { once: true });
      try {
        await client.connect();
        const slot = await createSlot(client);
        onReady();
        failures = 0;
        await this.#poll(client, slot, signal);
      } catch (error) {
        if (!signal.aborted) console.error(`realtime: poller ${error.code ?? error.message}`);
      } finally {
        signal.removeEventListener('abort', end);
        await end();
      }
      await pause(Math.random() * Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** Math.min(failures, 10)), signal);
    }
  }

  async #poll(client, slot, signal) {
    const decoder = new Decoder();
    while (!signal.aborted) {
      const { rows } = await client.query({
        text: `select data from pg_logical_slot_get_binary_changes($1, null, ${MAX_CHANGES}, 'proto_version', '1', 'publication_names', $2)`,
        values: [slot, PUBLICATION],
        rowMode: 'array',
      });
      const changes = rows.map(([data]) => decoder.decode(data)).filter(Boolean);
      if (changes.length > 0) await this.onChanges(changes);
      else await pause(this.idle(), signal);
    }
  }
}

/** Of connections whose values read as Supabase's do. */
export const connectionOptions = (databaseUrl) => ({
  connectionString: databaseUrl,
  application_name: 'realtime_rls',
  options: '-c timezone=UTC -c datestyle=ISO',
});

function connection(databaseUrl) {
  const client = new pg.Client(connectionOptions(databaseUrl));
  // Its loss shows in the next query.
  client.on('error', () => {});
  return client;
}

let slots = 0;
async function createSlot(client) {
  const slot = `chairside_realtime_${process.pid}_${++slots}`;
  await client.query("select pg_create_logical_replication_slot($1, 'pgoutput', true)", [slot]);
  return slot;
}

const pause = (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {});
