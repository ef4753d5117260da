// scripts/bench-rooms: options, the parts in their order, tables.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Processes } from '../stack/processes.mjs';
import { isolatedSettings } from '../stack/settings.mjs';
import { build } from '../stack/stack.mjs';
import { measureFanout, PEERS } from './fanout.mjs';
import { picture } from './edge/plots.mjs';
import { table } from './figures.mjs';
import { measureLatency } from './latency.mjs';

const PARTS = {
  room: (processes, about) => measureFanout(processes, { ...about, clients: 1_000, shards: 1, rounds: 31, deliveries: 25_000 }),
  shards: (processes, about) => measureFanout(processes, { ...about, clients: 5_000, shards: 4, rounds: 31, deliveries: 25_000 }),
  growth: (processes, about) => measureGrowth(processes, about),
  latency: (processes, about) => measureLatency(processes, { ...about, listeners: 100, rounds: 2, seconds: 10 }),
};
// How a message's cost grows: with the sockets of one Room, and with the Rooms of so many sockets.
const SOCKETS = [1, 100, 500, 1_000, 2_000, 3_500, 5_000];
const ROOMS = { clients: 1_000, counts: [1, 5, 10, 25, 50] };
const GOAL = { rate: 0.95, p50: 25, p99: 100, beyondStandIn: 10 };
const NAMES = { ours: 'Chairside', bare: 'bare loop', party: 'PartyServer' };

async function measureGrowth(processes, { stateDir, ...about }) {
  const measured = async (clients, shards) => {
    const folder = join(stateDir, `${clients}-${shards}`);
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const { peers } = await measureFanout(processes, { ...about, stateDir: folder, clients, shards, rounds: 7, deliveries: clients < 100 ? 300 : 20_000 });
    const perMessage = (name) => (peers[name].cpu * clients) / 1000;
    return { clients, shards, ours: perMessage('ours'), bare: perMessage('bare'), party: perMessage('party') };
  };
  const results = { sockets: [], rooms: [] };
  for (const clients of SOCKETS) results.sockets.push(await measured(clients, 1));
  for (const shards of ROOMS.counts) results.rooms.push(await measured(ROOMS.clients, shards));
  return results;
}

const say = (line) => console.error(`bench-rooms: ${line}`);

function readArguments(args) {
  const options = { json: null, only: null, plots: null };
  for (let at = 0; at < args.length; at += 2) {
    const [name, value] = [args[at]?.slice(2), args[at + 1]];
    const isKnown = args[at].startsWith('--') && name in options && value && (name !== 'only' || value in PARTS);
    if (!isKnown) {
      console.error(`usage: scripts/bench-rooms [--json FILE] [--plots DIR] [--only ${Object.keys(PARTS).join('|')}]`);
      process.exit(2);
    }
    options[name] = value;
  }
  return { json: options.json && resolve(options.json), plots: options.plots && resolve(options.plots), parts: options.only ? [options.only] : Object.keys(PARTS) };
}

const rounded = (value, digits = 0) => (value === null ? '-' : value.toFixed(digits));
const grouped = (value) => Math.round(value).toLocaleString('en');

function printFanout({ clients, shards, frameBytes, peers, ratios, rounds }) {
  console.log(`\n${grouped(clients)} sockets over ${shards === 1 ? 'one Room' : `${shards} Rooms`}, frames of ${frameBytes} bytes, medians of ${rounds.length} rounds`);
  const rows = PEERS.map((peer) => {
    const [figures, ratio] = [peers[peer], ratios[peer]];
    const beside = (figure) => (ratio ? rounded(ratio[figure], 2) : '');
    const rate = (figure) => [grouped(figures[figure]), beside(figure)];
    return [NAMES[peer], ...rate('rate'), ...rate('answered'), rounded(figures.cpu, 2), beside('cpu'), rounded(figures.readerCpu, 2)];
  });
  console.log(table([['', 'deliveries/s', 'ratio', 'with the answer', 'ratio', 'us of workerd each', 'ratio', 'us of the reader'], ...rows]));
  const verdict = (peer, goal) => `${rounded(ratios[peer].rate, 2)} of ${NAMES[peer]} (goal: ${goal})`;
  console.log(`Chairside has ${verdict('bare', `at least ${GOAL.rate}`)}, ${verdict('party', 'above 1')}`);
}

function printGrowth({ sockets, rooms }) {
  console.log('\nms of workerd for one message');
  const row = ({ clients, shards, ours, bare, party }) => [grouped(clients), String(shards), ...[ours, bare, party].map((value) => rounded(value, 2))];
  console.log(table([['sockets', 'rooms', ...Object.values(NAMES)], ...[...sockets, ...rooms].map(row)]));
}

/** Writes rooms.svg. */
function plotGrowth({ sockets, rooms }, folder) {
  const lines = (points, across) => ['ours', 'bare'].map((name) => ({ name: NAMES[name], points: points.map((one) => [one[across], one[name]]) }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'rooms.svg'), picture([
    { title: 'One message, one Room', across: 'sockets', up: 'CPU ms', lines: lines(sockets, 'clients') },
    { title: `One message, ${grouped(ROOMS.clients)} sockets`, across: 'Rooms', up: 'CPU ms', lines: lines(rooms, 'shards') },
  ]));
}

function printLatency({ listeners, writesPerSecond, chairside, postgres }) {
  console.log(`\n${writesPerSecond} writes a second, ${listeners} listeners, ms from commit to client`);
  const row = (name, { p50, p99, samples }) => [name, rounded(p50, 1), rounded(p99, 1), grouped(samples)];
  const rows = [
    row('written through Chairside', chairside.ours),
    row('  the stand-in, meanwhile', chairside.standIn),
    row('written to Postgres', postgres.ours),
    row('  the stand-in, meanwhile', postgres.standIn),
  ];
  console.log(table([['', 'p50', 'p99', 'samples'], ...rows]));
  const beyond = (figure) => `${rounded(postgres.ours[figure] - postgres.standIn[figure], 1)}`;
  console.log(`through Chairside, the goal: p50 <= ${GOAL.p50}, p99 <= ${GOAL.p99}`);
  console.log(`straight to Postgres, beyond the stand-in: p50 ${beyond('p50')}, p99 ${beyond('p99')} (goal: ${GOAL.beyondStandIn})`);
}

/** Builds what is deployed: settings for quick builds that this shell may have do not count. */
async function buildRelease() {
  for (const name of Object.keys(process.env)) if (name.startsWith('CARGO_PROFILE_')) delete process.env[name];
  say('building the Worker (a change of it takes a minute or two)');
  await build();
}

async function measure(processes, stateDir, parts) {
  const results = { machine: `${cpus().length} x ${cpus()[0].model.trim()}`, node: process.version };
  for (const name of parts) {
    const folder = join(stateDir, name);
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const { ports } = await isolatedSettings(folder);
    results[name] = await PARTS[name](processes, { stateDir: folder, ports, say });
    const print = { latency: printLatency, growth: printGrowth }[name] ?? printFanout;
    print(results[name]);
  }
  return results;
}

const { json, plots, parts } = readArguments(process.argv.slice(2));
const stateDir = mkdtempSync(join(tmpdir(), 'chairside-bench-'));
const processes = new Processes(stateDir, (name, how) => say(`${name} ${how}`));
const clean = () => processes.stopAll().finally(() => rmSync(stateDir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => clean().finally(() => process.exit(1)));
let status = 0;
try {
  await buildRelease();
  const results = await measure(processes, stateDir, parts);
  if (plots && results.growth) plotGrowth(results.growth, plots);
  if (json) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
} catch (error) {
  say(error.message);
  status = 1;
} finally {
  await clean();
}
process.exit(status);
