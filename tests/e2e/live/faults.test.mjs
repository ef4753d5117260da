// While the clinic writes 2,000 changes everything breaks once: Realtime in all its ways, PostgREST, the Worker with
// both objects, the clients' connections. Every client that uses the helper has then seen exactly what its role may
// see, in the order of the commits; unchanged clients have as long as they were connected.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { startWorker, workerVars } from '../../../scripts/stack/worker.mjs';
import { Database } from '../lib/database.mjs';
import { control, during, env } from '../lib/stack.mjs';
import { got, Writer } from './clinic.mjs';
import { APPOINTMENTS, closeAll, listen, official, raw, SERVICES, sleep, until } from './support.mjs';

const WANTED = 2_000;
const ENTRIES = [APPOINTMENTS, SERVICES];
const keys = { anonKey: env.ANON_KEY, publishableKey: env.PUBLISHABLE_KEY, jwtSecret: env.JWT_SECRET, serviceRoleKey: env.SERVICE_ROLE_KEY };
const vars = { ...workerVars({ gatewayUrl: env.SUPABASE_URL, keys, alg: 'HS256' }), CLINIC_ID: 'live-faults' };
const storage = join(env.CHAIRSIDE_STATE_DIR, 'extra', `live-faults-${process.pid}`);
const start = (port) => startWorker({ vars, storage, port, build: env.CHAIRSIDE_BUILD_DIR });
const realtime = (mode, options) => control('POST', '/realtime', { mode, ...options });

let database;
let worker;
let writer;
before(async () => {
  database = await Database.open();
  await database.keep();
  worker = await start();
  writer = new Writer(database, worker.url);
  await writer.prepare();
});
after(async () => {
  await realtime('ok');
  await closeAll();
  await worker?.stop();
  rmSync(storage, { recursive: true, force: true });
  await database.restore();
  await database.close();
});

// [what breaks, how, how long until the next]
const UPSTREAM = [
  ['changes are lost without a word', () => realtime('lose', { count: 40 }), 2500],
  ['changes are held up', () => realtime('pause', { ms: 1200 }), 1500],
  ['its sockets end', () => realtime('drop'), 1200],
  ['it turns zombie', () => realtime('zombie'), 4000],
  ['it restarts', () => realtime('restart', { ms: 700 }), 2000],
  ['it subscribes anew and misses some', () => realtime('resubscribe', { gap_ms: 300 }), 1000],
  ['its channels die and a join fails', async () => {
    await realtime('join', { error: 'InitializingProjectConnection', count: 1 });
    await realtime('crash');
  }, 1500],
  ['PostgREST is away for five seconds', () => during({ mode: 'down', path: '/rest/v1' }, () => sleep(5000)), 1500],
  ['all of it is away', () => during({ mode: 'down' }, () => sleep(2000)), 2000],
];

/** A client that writes down what it sees across everything that is opened for it. */
class Watcher {
  constructor(role, name, helper = true) {
    Object.assign(this, { role, name, helper, changes: [], cursor: undefined, all: [] });
  }

  async open() {
    this.of = await official(this.role, { helper: this.helper, url: worker.url });
    this.heard = listen(this.of, this.name, ENTRIES, { cursor: this.cursor });
    this.heard.changes = this.changes;
    this.heard.subscribe();
    this.all.push(this.heard);
    return this;
  }

  /** The program ends; what it knows is kept as JSON. */
  async quit() {
    this.cursor = JSON.parse(JSON.stringify(this.of.live.cursor(this.name)));
    this.of.client.realtime.disconnect();
    this.of.socket()?.terminate();
    // What still arrives, it does not live to see.
    this.heard.changes = [];
  }

  cut() {
    this.of.socket()?.terminate();
  }
}

async function marked(watchers) {
  const id = await writer.mark();
  const missing = () => watchers.filter(({ changes }) => !changes.some(({ new: now }) => now.id === id)).map(({ name }) => name);
  await until(() => missing().length === 0, () => `the mark to reach ${missing()}`, 30_000);
  return id;
}

const upTo = (mark, entries) => entries.slice(0, entries.findIndex(({ type, now }) => type === 'INSERT' && now.id === mark) + 1);

/** What each has seen, up to the mark, is exactly what its role may see. */
async function compare(watchers, from, mark) {
  for (const { role, name, changes, all } of watchers) {
    const expected = upTo(mark, await writer.seen(role, from));
    const seen = upTo(mark, changes.map(got));
    const differs = expected.findIndex((entry, at) => !isDeepStrictEqual(entry, seen[at]));
    assert.deepEqual(seen[differs], expected[differs], `${name}: change ${differs} of ${expected.length}, saw ${seen.length}`);
    assert.equal(seen.length, expected.length, name);
    assert.equal(all.reduce((sum, { resyncs }) => sum + resyncs, 0), 0, `${name}: resync`);
  }
}

describe('faults', { concurrency: 2 }, () => {
  test('2,000 changes while everything breaks: nothing is lost, doubled or out of order', async (t) => {
    const roles = ['anon', 'patient', 'patient2', 'dentist', 'receptionist'];
    const steady = roles.map((role) => new Watcher(role, `helper-${role}`));
    const unchanged = roles.map((role) => new Watcher(role, `unchanged-${role}`, false));
    const cut = ['patient', 'receptionist', 'anon'].map((role) => new Watcher(role, `cut-${role}`));
    const reborn = ['patient2', 'dentist'].map((role) => new Watcher(role, `reborn-${role}`));
    const helped = [...steady, ...cut, ...reborn];
    const everybody = [...helped, ...unchanged];
    for (const one of everybody) await one.open();
    await until(() => everybody.every(({ heard }) => heard.oks() > 0), 'all to be subscribed', 10_000);
    await marked(everybody);
    for (const { changes } of everybody) changes.length = 0;
    const from = await writer.newest();
    const began = Date.now();
    writer.start();

    let stopped = false;
    const cutting = (async () => {
      while (!stopped) {
        for (const one of cut) one.cut();
        await sleep(700 + Math.random() * 900);
      }
    })();
    const dying = (async () => {
      while (!stopped) {
        for (const one of reborn) await one.quit();
        await sleep(300 + Math.random() * 1500);
        for (const one of reborn) await one.open();
        await sleep(700 + Math.random() * 900);
      }
    })();

    for (const [what, how, wait] of UPSTREAM) {
      t.diagnostic(`${((Date.now() - began) / 1000).toFixed(1)} s, ${(await writer.newest()) - from} changes: ${what}`);
      await how();
      await sleep(wait);
    }
    t.diagnostic(`${((Date.now() - began) / 1000).toFixed(1)} s, ${(await writer.newest()) - from} changes: the Worker is killed, twice`);
    // What happens while they are away, unchanged clients miss.
    await compare(unchanged, from, await marked(unchanged));
    for (let time = 0; time < 2; time++) {
      await worker.kill();
      await sleep(500);
      worker = await start(worker.port);
      await sleep(3000);
    }
    await until(async () => (await writer.newest()) - from >= WANTED, `${WANTED} changes`, 60_000);
    stopped = true;
    await Promise.all([cutting, dying, writer.stop()]);
    await compare(helped, from, await marked(helped));
    t.diagnostic(`${(await writer.newest()) - from} changes in ${((Date.now() - began) / 1000).toFixed(1)} s, ${writer.through} through Chairside (${writer.refused} failed), ${cut.reduce((sum, { heard }) => sum + heard.oks(), 0)} joins of those who were cut off`);
    assert.ok(writer.through > 100);
  });

  test('a socket without heartbeats is closed with 4009; one with them is not', async () => {
    const [silent, alive] = [await raw(), await raw()];
    const beat = setInterval(() => alive.send([null, '7', 'phoenix', 'heartbeat', {}]), 20_000);
    const began = Date.now();
    try {
      // The frame, not the connection's end: workerd takes its time with that once the object has slept.
      const [code, reason] = await once(silent.ws._receiver, 'conclude');
      assert.deepEqual([code, reason.toString()], [4009, 'No heartbeat']);
      assert.ok(Date.now() - began >= 59_000 && Date.now() - began <= 75_000, `after ${Date.now() - began} ms`);
      assert.equal(alive.ws.readyState, 1);
    } finally {
      clearInterval(beat);
    }
  });
});
