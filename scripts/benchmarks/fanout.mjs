// How fast one message reaches many sockets: Chairside's Room, a bare loop and PartyServer, in turns.
//
// Each runs in a workerd of its own on one core; the reader of the sockets has another. The same chain sets them off:
// a request from outside, an object, the rooms. What the Room is given is a batch as the Feed pushes it, a change of a
// row that everybody may see; every socket is another patient's. The others are given the very frame that the Room
// makes of it, and send it.

import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { loadKeys } from '../stack/keys.mjs';
import { workerVars } from '../stack/worker.mjs';
import { median } from './figures.mjs';
import { cpuNs, pinned, startPeer } from './workerd.mjs';

export const PEERS = ['ours', 'bare', 'party'];
const TOPIC = 'realtime:bench';
const WELCOME = 'Subscribed to PostgreSQL';
// Numbers of the same width throughout: frames of one length.
const START = 100_000_000;
const SERVER_CORE = 0;
const READER_CORE = 1;
// Turns of nothing: compilers warm up and objects wake.
const WARM_UP = 3;

/** Measures `clients` sockets over `shards` rooms: per peer `{rate, cpu}` of each round. */
export async function measureFanout(processes, { stateDir, clients, shards, rounds, deliveries, say }) {
  const keys = await loadKeys(stateDir);
  const gatewayUrl = 'https://bench.invalid';
  const vars = { ...workerVars({ gatewayUrl, keys, alg: 'HS256' }), CLINIC_ID: 'bench', ROOM_SHARDS: shards };
  const generator = new Generator();
  const peers = [];
  try {
    for (const name of PEERS) peers.push(await startPeer(processes, { name, stateDir: `${stateDir}/${clients}`, vars, start: START, core: SERVER_CORE }));
    const run = new Run(generator, peers, { clients, shards });
    await run.connect(await tokens(clients, keys, gatewayUrl), keys.anonKey);
    say(`${PEERS.length} x ${clients} sockets over ${shards} ${shards === 1 ? 'room' : 'rooms'}, frames of ${run.frame.length} bytes`);
    const repeats = Math.max(1, Math.round(deliveries / clients));
    for (const peer of peers) await run.turn(peer, WARM_UP * repeats);
    const taken = [];
    for (let round = 0; round < rounds; round++) {
      const figures = {};
      for (let at = 0; at < peers.length; at++) {
        const peer = peers[(round + at) % peers.length];
        figures[peer.name] = await run.turn(peer, repeats);
      }
      taken.push(figures);
    }
    return { clients, shards, frameBytes: run.frame.length, ...summary(taken) };
  } finally {
    await generator.stop();
    for (const peer of peers) await peer.stop();
  }
}

class Run {
  constructor(generator, peers, { clients, shards }) {
    Object.assign(this, { generator, peers, clients, shards, offset: START, seq: START });
  }

  /** Opens all sockets, and finds out what frame the Room makes of a batch. */
  async connect(tokens, anonKey) {
    for (const { name, port } of this.peers) {
      const clients = tokens.map((token, at) => this.#client(name, at % this.shards, token, anonKey));
      await this.generator.call('open', { name, port, clients, welcome: WELCOME });
    }
    const ours = this.peers.find(({ name }) => name === 'ours');
    this.frame = await this.generator.call('sample', { name: 'ours', push: this.#push(ours) });
    if (!this.frame.includes('"postgres_changes"')) throw new Error(`not the frame of a change: ${this.frame.slice(0, 200)}`);
  }

  #client(name, shard, token, anonKey) {
    if (name === 'bare') return { path: `/socket?room=${shard}` };
    if (name === 'party') return { path: `/parties/room/${shard}` };
    const entries = [{ event: '*', schema: 'public', table: 'service' }];
    const config = { broadcast: { ack: false, self: false }, presence: { key: '', enabled: false }, private: false, postgres_changes: entries };
    const hello = JSON.stringify(['1', '1', TOPIC, 'phx_join', { config, access_token: token }]);
    return { path: `/realtime/v1/websocket?apikey=${anonKey}&vsn=2.0.0`, hello };
  }

  #push({ name, trigger }) {
    const rooms = Array.from({ length: this.shards }, (_, shard) => (name === 'ours' ? `bench/${shard}` : `${shard}`));
    const body = name === 'ours' ? batch(this.offset++, this.seq++) : this.frame;
    return { port: trigger, headers: { 'x-rooms': rooms.join(), 'content-length': Buffer.byteLength(body) }, body };
  }

  /**
   * One peer's turn: deliveries per second until the last has arrived (`rate`) and until the push is answered too
   * (`answered`), and workerd's time on its core for each, in us.
   */
  async turn(peer, repeats) {
    // A socket that says nothing for a minute is closed by the Room. The others' say the same: where TCP's two ends have
    // just spoken, a frame costs more.
    await this.generator.call('heartbeat', { name: peer.name, text: '[null,"h","phoenix","heartbeat",{}]' });
    const pushes = Array.from({ length: repeats }, () => this.#push(peer));
    const before = cpuNs(peer.pid);
    const { deliveries, ms, answeredMs, generatorMs } = await this.generator.call('run', { name: peer.name, pushes, length: Buffer.byteLength(this.frame) });
    const after = cpuNs(peer.pid);
    const [rate, answered] = [ms, answeredMs].map((taken) => deliveries / (taken / 1000));
    return { rate, answered, cpu: before === null ? null : (after - before) / 1000 / deliveries, readerCpu: (generatorMs * 1000) / deliveries };
  }
}

function batch(offset, seq) {
  const id = '00000000-0000-4000-8000-0000000000aa';
  const row = (fee) => ({
    id, code: 'CLEAN', name: 'Cleaning', lay_name: 'Teeth cleaning', category: 'preventive', treatment_area: 'none', duration_min: 60,
    buffer_before_min: 0, buffer_after_min: 10, fee, currency: 'USD', tax_rate: 0, is_prosthesis: false, online_bookable: true, active: true,
    version: seq, created_at: '2026-11-24T09:00:00+00:00', updated_at: '2026-11-24T09:30:00+00:00', updated_by: null, deleted_at: null,
  });
  const at = '2026-11-24T09:30:00.000Z';
  const change = { seq, table: 'service', op: 'UPDATE', key: { id }, record: row(110 + (seq % 10)), old_record: row(100 + (seq % 10)), subjects: [], at };
  return JSON.stringify({ epoch: 'bench', from: offset, entries: [{ offset: offset + 1, change }], head: offset + 1, state: 'live', since: null, reset: false });
}

async function tokens(count, keys, gatewayUrl) {
  const secret = new TextEncoder().encode(keys.jwtSecret);
  const token = () =>
    new SignJWT({ role: 'authenticated' })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(`${gatewayUrl}/auth/v1`).setAudience('authenticated').setSubject(randomUUID()).setIssuedAt().setExpirationTime('1h')
      .sign(secret);
  return Promise.all(Array.from({ length: count }, token));
}

// Ratios are taken within each round, whose turns saw the same machine.
function summary(rounds) {
  const peers = Object.fromEntries(
    PEERS.map((peer) => [peer, Object.fromEntries(['rate', 'answered', 'cpu', 'readerCpu'].map((figure) => [figure, median(rounds.map((round) => round[peer][figure]))]))]),
  );
  const ratio = (figure, of, to) => median(rounds.map((round) => round[of][figure] / round[to][figure]));
  const ratios = Object.fromEntries(['bare', 'party'].map((peer) => [peer, { rate: ratio('rate', 'ours', peer), answered: ratio('answered', 'ours', peer), cpu: ratio('cpu', 'ours', peer) }]));
  return { peers, ratios, rounds };
}

/** The process that holds the sockets. */
class Generator {
  #child;
  #waiting = new Map();
  #last = 0;

  constructor() {
    const [command, ...args] = [...pinned(READER_CORE), process.execPath];
    this.#child = fork(fileURLToPath(new URL('generator.mjs', import.meta.url)), [], { execPath: command, execArgv: args });
    this.#child.on('message', ({ id, result, error }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the reader of the sockets ended (${signal ?? code})`));
    });
  }

  call(method, args) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, method, args });
    });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
