// How long a committed change takes to its listeners, with everything in between: Postgres, PostgREST, the gateway,
// Realtime's stand-in, the Feed and the Room. Writes go through Chairside or straight to Postgres, in turns.
//
// The clock starts with change_log's own time, which is written just before the commit. Beside the listeners one client
// is subscribed to change_log at the stand-in itself: what comes later than there is Chairside's own.

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { loadKeys } from '../stack/keys.mjs';
import { databaseUrl } from '../stack/postgres.mjs';
import { startBackend, steps } from '../stack/stack.mjs';
import { workerVars } from '../stack/worker.mjs';
import { percentile } from './figures.mjs';
import { Socket } from './socket.mjs';
import { startPeer } from './workerd.mjs';

const PER_SECOND = 20;
const ROLES = ['TOKEN_RECEPTIONIST', 'TOKEN_ADMIN', 'TOKEN_DENTIST', 'TOKEN_PATIENT'];
const PATIENT = '00000000-0000-4000-8000-0000000a0001';
const DENTIST = '00000000-0000-4000-8000-0000000000d1';
const ROWS = 20;
const PATIENCE_MS = 15_000;
// Frames of changes are longer than this, all others shorter.
const SHORT = 1_000;

/** `{chairside, postgres}`: for writes that way, percentiles of the deliveries' ms, `ours` and the `standIn`'s meanwhile. */
export async function measureLatency(processes, { stateDir, ports, listeners, rounds, seconds, say }) {
  const keys = await loadKeys(stateDir);
  const gatewayUrl = `http://127.0.0.1:${ports.gateway}`;
  const auth = { databaseUrl: databaseUrl(ports.postgres, 'supabase_auth_admin'), keys, issuer: `${gatewayUrl}/auth/v1`, alg: 'HS256' };
  const tokens = await startBackend({ stateDir, ports, keys, auth, say, step: steps(say), processes });
  const vars = { ...workerVars({ gatewayUrl, keys, alg: 'HS256' }), CLINIC_ID: 'bench' };
  const worker = await startPeer(processes, { name: 'ours', stateDir, vars, fed: false });
  const database = new pg.Client({ connectionString: databaseUrl(ports.postgres) });
  // Its loss shows in the next query.
  database.on('error', () => {});
  await database.connect();
  const bench = new Bench({ database, worker, tokens, keys });
  try {
    await bench.prepare();
    await bench.listen(listeners, ports.gateway);
    say(`${listeners} listeners, ${PER_SECOND} writes a second`);
    const samples = { chairside: { ours: [], standIn: [] }, postgres: { ours: [], standIn: [] } };
    await bench.write('chairside', 2);
    for (let round = 0; round < rounds; round++) {
      for (const way of round % 2 === 0 ? ['chairside', 'postgres'] : ['postgres', 'chairside']) {
        const { ours, standIn } = await bench.write(way, seconds);
        samples[way].ours.push(...ours);
        samples[way].standIn.push(...standIn);
      }
    }
    return summary(samples, { listeners, rounds, seconds });
  } finally {
    bench.close();
    await database.end();
    await worker.stop();
  }
}

class Bench {
  sockets = [];
  written = 0;

  constructor({ database, worker, tokens, keys }) {
    Object.assign(this, { database, worker, tokens, keys });
  }

  /** Appointments that all of the listeners may see. */
  async prepare() {
    const rows = await this.database.query(
      `insert into appointment (patient_id, dentist_id, starts_at, ends_at, status)
       select $1, $2, at, at + interval '30 minutes', 'scheduled' from generate_series(0, $3) n, lateral (select timestamptz '2041-03-04 09:00Z' + n * interval '1 day' as at) slot
       returning id`,
      [PATIENT, DENTIST, ROWS - 1],
    );
    this.ids = rows.rows.map(({ id }) => id);
  }

  async listen(count, gatewayPort) {
    const path = `/realtime/v1/websocket?vsn=2.0.0&apikey=`;
    const standIn = await joined(gatewayPort, `${path}${this.keys.serviceRoleKey}`, 'change_log', this.keys.serviceRoleKey);
    standIn.onText = (text) => this.#heardAtStandIn(text);
    this.sockets.push(standIn);
    for (let n = 0; n < count; n++) {
      const socket = await joined(this.worker.port, `${path}${this.keys.anonKey}`, 'appointment', this.tokens[ROLES[n % ROLES.length]]);
      // Frames are known by their length: reading all of them would cost the core that the others need.
      if (n > 0) socket.onFrame = (bytes) => bytes > SHORT && this.turn?.heard(n);
      else socket.onText = (text) => this.#witnessed(text);
      this.sockets.push(socket);
    }
    this.beating = setInterval(() => {
      for (const socket of this.sockets) socket.send('[null,"h","phoenix","heartbeat",{}]');
    }, 20_000);
    this.count = count;
  }

  // One listener reads what it gets, which shows that changes come in the order of the log.
  #witnessed(text) {
    if (text.length <= SHORT) return;
    this.turn?.heard(0);
    this.turn?.witnessed(JSON.parse(text)[4].data.record.notes);
  }

  #heardAtStandIn(text) {
    const now = clock();
    if (!text.includes('"change_log"')) return;
    const { seq, at, record } = JSON.parse(text)[4].data.record;
    const { notes } = typeof record === 'string' ? JSON.parse(record) : (record ?? {});
    if (notes?.startsWith('bench ')) this.turn?.committed({ seq, notes, at: Date.parse(at) + microseconds(at), heard: now });
  }

  /** Writes for so long and waits until everybody has everything. */
  async write(way, seconds) {
    const total = seconds * PER_SECOND;
    const turn = new Turn(total, this.count);
    this.turn = turn;
    const began = performance.now();
    const writes = [];
    for (let n = 0; n < total; n++) {
      // Somewhere in its twentieth of a second: an even beat could keep step with Realtime's polls.
      await sleep(began + ((n + Math.random()) * 1000) / PER_SECOND - performance.now());
      writes.push(this[way](this.written++).catch((error) => error));
    }
    const failed = (await Promise.all(writes)).find(Boolean);
    if (failed) throw failed;
    await turn.over();
    this.turn = null;
    return turn.samples();
  }

  async chairside(mark) {
    const headers = { apikey: this.keys.anonKey, authorization: `Bearer ${this.tokens.TOKEN_RECEPTIONIST}`, 'content-type': 'application/json' };
    const url = `http://127.0.0.1:${this.worker.port}/rest/v1/appointment?id=eq.${this.ids[mark % ROWS]}`;
    const reply = await fetch(url, { method: 'PATCH', headers, body: JSON.stringify({ notes: `bench ${mark}` }) });
    if (!reply.ok) throw new Error(`a write through Chairside was answered ${reply.status}: ${await reply.text()}`);
    await reply.arrayBuffer();
  }

  async postgres(mark) {
    await this.database.query('update appointment set notes = $2 where id = $1', [this.ids[mark % ROWS], `bench ${mark}`]);
  }

  close() {
    clearInterval(this.beating);
    for (const socket of this.sockets) socket.close();
  }
}

/** The writes of one turn: when each was committed, and when it was heard. */
class Turn {
  #commits = [];
  #order = [];
  #arrived = 0;

  constructor(total, listeners) {
    this.total = total;
    this.times = Array.from({ length: listeners }, () => []);
    this.done = new Promise((resolve) => (this.resolve = resolve));
  }

  heard(listener) {
    this.times[listener].push(clock());
    this.#arrived++;
    this.#check();
  }

  witnessed(notes) {
    this.#order.push(notes);
  }

  committed(commit) {
    this.#commits.push(commit);
    this.#check();
  }

  #check() {
    if (this.#arrived >= this.total * this.times.length && this.#commits.length >= this.total) this.resolve();
  }

  async over() {
    const timer = new AbortController();
    const late = sleep(PATIENCE_MS, 'late', { signal: timer.signal }).catch(() => {});
    if ((await Promise.race([this.done, late])) === 'late') {
      throw new Error(`${this.#arrived} of ${this.total * this.times.length} deliveries and ${this.#commits.length} of ${this.total} writes were heard of`);
    }
    timer.abort();
  }

  /** A listener's n-th frame is the n-th commit. */
  samples() {
    const commits = this.#commits.toSorted((one, other) => one.seq - other.seq);
    const isInOrder = this.times.every(({ length }) => length === this.total) && commits.every(({ notes }, n) => notes === this.#order[n]);
    if (!isInOrder) throw new Error('a listener did not get each change once, in the order of the log');
    return { ours: this.times.flatMap((times) => times.map((time, n) => time - commits[n].at)), standIn: commits.map(({ heard, at }) => heard - at) };
  }
}

const clock = () => performance.timeOrigin + performance.now();

// A Date ends with milliseconds; Postgres tells microseconds, without zeros at the end.
const microseconds = (at) => Number(`0.${(at.match(/\.(\d+)/)?.[1] ?? '').slice(3) || 0}`);

async function joined(port, path, table, token) {
  const socket = await Socket.open(port, path);
  const entries = [{ event: '*', schema: 'public', table }];
  const config = { broadcast: { ack: false, self: false }, presence: { key: '', enabled: false }, private: false, postgres_changes: entries };
  const welcomed = new Promise((resolve, reject) => {
    socket.onText = (text) => {
      if (text.includes('Subscribed to PostgreSQL')) resolve();
      if (text.includes('"status":"error"')) reject(new Error(`a listener was refused: ${text}`));
    };
  });
  socket.send(JSON.stringify(['1', '1', 'realtime:bench', 'phx_join', { config, access_token: token }]));
  const late = sleep(PATIENCE_MS).then(() => Promise.reject(new Error(`a listener of ${table} was not subscribed`)));
  await Promise.race([welcomed, late]);
  late.catch(() => {});
  socket.onText = null;
  return socket;
}

function summary(samples, about) {
  const figures = (values) => ({ p50: percentile(values, 0.5), p99: percentile(values, 0.99), samples: values.length });
  const ways = Object.entries(samples).map(([way, { ours, standIn }]) => [way, { ours: figures(ours), standIn: figures(standIn) }]);
  return { ...about, writesPerSecond: PER_SECOND, ...Object.fromEntries(ways) };
}
