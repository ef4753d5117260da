// scripts/bench: the real Worker, the platform's floor (bare), what one would write instead (hono, hono-logged) and PostgREST itself, in
// one run on the same workerd and the same upstreams, in turns. Prints tables; --json FILE writes all, --plots DIR pictures.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadKeys, publicJwk } from '../../stack/keys.mjs';
import { databaseUrl } from '../../stack/postgres.mjs';
import { Processes } from '../../stack/processes.mjs';
import { freePort, isolatedSettings, root } from '../../stack/settings.mjs';
import { startBackend, steps } from '../../stack/stack.mjs';
import { startWorkerd } from '../../stack/workerd.mjs';
import { median, percentile } from '../figures.mjs';
import { cpuNs } from '../workerd.mjs';
import { cases, credentials } from './cases.mjs';
import { closedLoop, firstAnswer, fixedRate } from './load.mjs';
import { residentMiB, rounds, turn } from './measure.mjs';
import { own } from './own.mjs';
import { FLOOR, LOGGED, PEERS, peerOptions, startPeers } from './peers.mjs';
import { plots } from './plots.mjs';
import { artefact, print } from './report.mjs';

const PARTS = ['static', 'own', 'real', 'record', 'rate', 'start', 'memory', 'growth'];
// Short turns and many of them: a machine that others share is slow for seconds at a time.
const ROUNDS = 15;
const LOAD = { connections: 8, ms: 350 };
// Functions of Wasm and JavaScript are optimised once they have been called often.
const WARM_UP = { connections: 8, count: 8000 };
const REAL = { connections: 4, ms: 400 };
const REAL_WARM_UP = { connections: 4, count: 600 };
const RATE = { rate: 20, seconds: 120 };
const STARTS = 9;
// Neither PostgREST nor the floor has an edge that would refuse.
const EXCEPT = { 'invalid body': ['bare', 'PostgREST', FLOOR] };
const SIZES = { bytes: [1_000, 10_000, 100_000, 1_000_000, 10_000_000], rows: [1, 100, 250, 500, 750, 1000], filters: [1, 50, 100, 150, 200] };

function readArguments(args) {
  const options = { '--json': null, '--plots': null };
  const parts = [];
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] in options) options[args[at]] = args[++at];
    else parts.push(args[at]);
  }
  if (Object.values(options).includes(undefined) || parts.some((part) => !PARTS.includes(part))) {
    console.error(`usage: scripts/bench [--json FILE] [--plots DIR] [${PARTS.join('|')}]…`);
    process.exit(2);
  }
  return { json: options['--json'] && resolve(options['--json']), pictures: options['--plots'] && resolve(options['--plots']), parts: new Set(parts.length > 0 ? parts : PARTS) };
}

const { json, pictures, parts } = readArguments(process.argv.slice(2));
const say = (line) => console.error(`bench: ${line}`);
const stateDir = mkdtempSync(join(tmpdir(), 'chairside-bench-'));
const processes = new Processes(stateDir, (name, how) => say(`${name} ${how}`));
const workers = [];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop().then(() => process.exit(1)));

async function stop() {
  for (const worker of workers.splice(0)) await worker.stop();
  await processes.stopAll();
  rmSync(stateDir, { recursive: true, force: true });
}

try {
  // This process and all that it starts but the Workers share the first core.
  spawnSync('taskset', ['-cp', '0', String(process.pid)]);
  const figures = await measure(await prepare());
  if (json) writeFileSync(json, `${JSON.stringify(figures, null, 2)}\n`);
  if (pictures) plots(figures, pictures);
} finally {
  await stop();
}

async function prepare() {
  const { ports } = await isolatedSettings(stateDir);
  const keys = await loadKeys(stateDir);
  const gatewayUrl = `http://127.0.0.1:${ports.gateway}`;
  const auth = { databaseUrl: databaseUrl(ports.postgres, 'supabase_auth_admin'), keys, issuer: `${gatewayUrl}/auth/v1`, alg: 'HS256' };
  const tokens = await startBackend({ stateDir, ports, keys, auth, say, step: steps(say), processes });
  const claims = JSON.parse(Buffer.from(tokens.TOKEN_RECEPTIONIST.split('.')[1], 'base64url').toString());
  const port = await freePort();
  const handle = processes.start('static-upstream', process.execPath, [join(root, 'scripts', 'benchmarks', 'edge', 'static-upstream.mjs')], { env: { ...process.env, PORT: String(port), JWKS: JSON.stringify({ keys: [publicJwk(keys)] }) } });
  const staticUrl = `http://127.0.0.1:${port}`;
  await processes.ready(handle, async () => (await fetch(`${staticUrl}/?limit=1`)).ok);
  const shared = { stateDir, keys, jwksUrl: `${staticUrl}/jwks` };
  const side = async (label, upstream, names) => {
    const options = { ...shared, label, upstream };
    const peers = await startPeers(options, names);
    workers.push(...Object.values(peers));
    return { options, upstream, peers, cases: cases(await credentials({ keys, claims, issuer: `${upstream}/auth/v1`, unseen: 25_000 })) };
  };
  return { static: await side('static', staticUrl, [...PEERS, LOGGED, FLOOR]), real: await side('real', gatewayUrl) };
}

async function measure(sides) {
  const figures = { rounds: ROUNDS };
  const steps_ = {
    static: () => inFull(sides.static, { peers: sides.static.peers, load: LOAD, warmUp: WARM_UP }),
    own: () => own(sides.static.options, sides.static.cases.full),
    real: () => inFull(sides.real, { peers: { ...sides.real.peers, PostgREST: { url: sides.real.upstream } }, load: REAL, warmUp: REAL_WARM_UP }),
    record: () => forTheRecord(sides.static),
    rate: () => atARate(sides.real),
    start: () => starts(sides.static),
    memory: () => memory(sides.static),
    growth: () => growth(sides.static),
  };
  for (const part of PARTS.filter((one) => parts.has(one))) {
    const began = performance.now();
    const measured = { rounds: ROUNDS, [part]: await steps_[part](), ...(part === 'start' && { artefact: artefact() }) };
    Object.assign(figures, measured);
    print(measured);
    say(`${part} · ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  return figures;
}

async function inFull({ cases: { full } }, { peers, load, warmUp }) {
  const results = {};
  for (const [name, of] of Object.entries(full)) {
    const those = without(peers, EXCEPT[name] ?? []);
    for (const peer of Object.keys(those)) await closedLoop(those[peer].url, of(peer), warmUp);
    results[name] = await rounds(those, of, { rounds: ROUNDS, load });
  }
  return results;
}

function without(peers, names) {
  return Object.fromEntries(Object.entries(peers).filter(([name]) => !names.includes(name)));
}

async function forTheRecord({ peers, cases: { once } }) {
  const results = {};
  for (const [name, of] of Object.entries(once)) {
    const those = without(peers, name === 'bad token' ? ['bare', LOGGED, FLOOR] : [LOGGED, FLOOR]);
    results[name] = {};
    for (const peer of Object.keys(those)) {
      await closedLoop(those[peer].url, of(peer), { connections: 8, count: 1000 });
      results[name][peer] = await turn(those[peer], of(peer), { connections: 8, ms: 1200 });
    }
  }
  return results;
}

/** Below saturation, each as often as the other: what lies between asking PostgREST and asking us. */
async function atARate({ upstream, peers, cases: { full } }) {
  const of = full['read 20'];
  const targets = { direct: { url: upstream, request: of('PostgREST') }, ours: { url: peers.ours.url, request: of('ours') }, bare: { url: peers.bare.url, request: of('bare') }, hono: { url: peers.hono.url, request: of('hono') } };
  for (const { url, request } of Object.values(targets)) await closedLoop(url, request, REAL_WARM_UP);
  const times = await fixedRate(targets, RATE);
  const share = (name, p) => percentile(times[name], p);
  return Object.fromEntries(Object.keys(targets).map((name) => [name, { p50: share(name, 0.5), p99: share(name, 0.99), addedP50: share(name, 0.5) - share('direct', 0.5), addedP99: share(name, 0.99) - share('direct', 0.99) }]));
}

/** From the start of workerd to the first answer, and what it computed until then. */
async function starts({ options, cases: { full } }) {
  const runs = Object.fromEntries(PEERS.map((name) => [name, []]));
  for (let round = 0; round < STARTS; round++) {
    for (const name of PEERS) {
      const told = peerOptions(name, { ...options, at: `start-${name}-${round}` });
      const began = performance.now();
      const worker = await startWorkerd({ ...told, ready: false });
      const ms = await firstAnswer(worker.url, full['read 20'](name)(0), began);
      runs[name].push({ ms, cpuMs: cpuNs(worker.pid) / 1e6 });
      await worker.stop();
    }
  }
  const figures = (name) => ({ ms: median(runs[name].map(({ ms }) => ms)), cpuMs: median(runs[name].map(({ cpuMs }) => cpuMs)) });
  return Object.fromEntries(PEERS.map((name) => [name, figures(name)]));
}

/** Resident memory after ten thousand requests and after a hundred thousand, of ours and of the platform itself. */
async function memory({ options, cases: { full } }) {
  const results = {};
  for (const name of ['ours', 'bare']) {
    const worker = await startWorkerd(peerOptions(name, { ...options, at: `memory-${name}` }));
    workers.push(worker);
    const of = full['read 20'](name);
    await closedLoop(worker.url, of, { connections: 8, count: 10_000 });
    const after10k = residentMiB(worker.pid);
    await closedLoop(worker.url, of, { connections: 8, count: 90_000 });
    results[name] = { after10k, after100k: residentMiB(worker.pid) };
  }
  return results;
}

/** CPU by size, and for responses the memory meanwhile. */
async function growth({ peers: { ours }, cases: { full, growth: by } }) {
  const results = {};
  await closedLoop(ours.url, full['read 20']('ours'), WARM_UP);
  for (const [kind, sizes] of Object.entries(SIZES)) {
    results[kind] = [];
    for (const size of sizes) {
      const request = by[kind](size);
      const load = { connections: 4, count: kind === 'bytes' && size > 100_000 ? 20 : 400 };
      await closedLoop(ours.url, request, load);
      const { cpuUs, p50 } = await turn(ours, request, load);
      results[kind].push({ size, cpuUs, p50, residentMiB: residentMiB(ours.pid) });
    }
  }
  return results;
}
