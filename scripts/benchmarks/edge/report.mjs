// The tables, and the goals of each figure.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from '../../stack/settings.mjs';
import { CHATBOT, CLINIC } from '../../stack/worker.mjs';
import { table } from '../figures.mjs';

const whole = (value) => (value === null ? '-' : value.toFixed(0));
const fine = (value) => (value === null ? '-' : value.toFixed(2));

/** What is uploaded: bytes of the Wasm, and of Wasm and glue gzipped; `chatbot` is its Worker's. */
export function artefact() {
  return { ...uploaded(CLINIC), chatbot: uploaded(CHATBOT) };
}

function uploaded({ build }) {
  const [wasm, glue] = ['index_bg.wasm', 'index.js'].map((name) => readFileSync(join(root, build, name)));
  return { wasmBytes: wasm.length, gzippedBytes: gzipSync(wasm, { level: 9 }).length + gzipSync(glue, { level: 9 }).length };
}

const GOALS = { 'read 20': { hono: 0.45, bare: 1.5 }, 'read 20, two embeds': { hono: 0.45, bare: 1.5 }, 'insert one': { hono: 0.5 }, 'invalid body': { hono: 0.8 } };

function inFull(title, results, goals) {
  console.log(`\n${title}`);
  const rows = [['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU us', 'ours: CPU', 'goal']];
  for (const [name, { peers, ratios }] of Object.entries(results)) {
    rows.push([name, '', '', '', '', '', '']);
    for (const [peer, { perSecond, p50, p99, cpuUs }] of Object.entries(peers)) {
      const goal = goals?.[name]?.[peer];
      rows.push([`  ${peer}`, whole(perSecond), fine(p50), fine(p99), whole(cpuUs), peer === 'ours' ? '' : fine(ratios[peer].cpuUs), goal ? `<= ${goal}` : '']);
    }
  }
  console.log(table(rows));
}

function own(results) {
  console.log('\nour own code, us: called over and over, and after other code and data than the caches hold');
  console.log(table([['', 'warm', 'cold'], ...Object.entries(results).map(([name, { warmUs, coldUs }]) => [name, fine(warmUs), fine(coldUs)])]));
}

function record(results) {
  console.log('\nfor the record, static upstream, once');
  const rows = [['', 'ours us', 'bare us', 'hono us', 'to hono', 'ours p50', 'hono p50']];
  for (const [name, { ours, bare, hono }] of Object.entries(results)) {
    rows.push([name, whole(ours.cpuUs), whole(bare?.cpuUs ?? null), whole(hono.cpuUs), fine(ours.cpuUs / hono.cpuUs), fine(ours.p50), fine(hono.p50)]);
  }
  console.log(table(rows));
}

function rate(results) {
  console.log('\nread 20 of real PostgREST at a fixed rate; goal: 0.5 ms and 2 ms added');
  const rows = Object.entries(results).map(([name, one]) => [name, fine(one.p50), fine(one.p99), name === 'direct' ? '' : fine(one.addedP50), name === 'direct' ? '' : fine(one.addedP99)]);
  console.log(table([['', 'p50 ms', 'p99 ms', 'added p50', 'added p99'], ...rows]));
}

function start(results, { wasmBytes, gzippedBytes, chatbot }) {
  console.log('\nfrom the start of workerd to the first answer');
  const rows = Object.entries(results).map(([name, { ms, cpuMs }]) => [name, whole(ms), whole(cpuMs), whole(cpuMs - results.bare.cpuMs)]);
  console.log(table([['', 'ms', 'CPU ms', 'beyond bare'], ...rows]));
  console.log(`Wasm ${whole(wasmBytes / 1000)} KB, uploaded gzipped ${whole(gzippedBytes / 1000)} KB (goal 600); the chatbot's ${whole(chatbot.wasmBytes / 1000)} and ${whole(chatbot.gzippedBytes / 1000)} KB`);
}

function memory(results) {
  console.log('\nresident memory, MiB; goal: at most 1.10 times as much');
  const rows = Object.entries(results).map(([name, { after10k, after100k }]) => [name, whole(after10k), whole(after100k), fine(after100k / after10k)]);
  console.log(table([['', '10,000 requests', '100,000', 'ratio'], ...rows]));
}

function growth(results) {
  console.log('\nCPU us by size, ours');
  for (const [kind, points] of Object.entries(results)) {
    console.log(`  ${kind}: ${points.map(({ size, cpuUs, residentMiB }) => `${size} ${whole(cpuUs)}${kind === 'bytes' ? ` (${whole(residentMiB)} MiB)` : ''}`).join(', ')}`);
  }
}

export function print(figures) {
  if (figures.static) inFull(`static upstream, a token seen before; medians of ${figures.rounds} rounds`, figures.static, GOALS);
  if (figures.own) own(figures.own);
  if (figures.real) inFull(`real PostgREST; medians of ${figures.rounds} rounds`, figures.real);
  if (figures.record) record(figures.record);
  if (figures.rate) rate(figures.rate);
  if (figures.start) start(figures.start, figures.artefact);
  if (figures.memory) memory(figures.memory);
  if (figures.growth) growth(figures.growth);
}
