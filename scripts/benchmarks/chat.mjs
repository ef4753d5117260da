// scripts/bench-chat: turns of the chat through ours and the alternative, in turns, one at a time. Upstreams are one process,
// this one; what a turn costs without any edge is measured too, so that what the edge adds can be told.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { loadKeys } from '../stack/keys.mjs';
import { root } from '../stack/settings.mjs';
import { startWorkerd } from '../stack/workerd.mjs';
import { startUpstreams } from './chat-upstreams.mjs';
import { median, percentile, table } from './figures.mjs';
import { cpuNs } from './workerd.mjs';

const ROUNDS = 11;
const TURNS = 60;
const WARM_UP = 100;
// Clients of other embedding models, which chromadb-client imports only for who uses them.
const UNUSED = ['voyageai', 'cohere-ai', 'ollama', '@google/generative-ai', 'chromadb-default-embed', '@xenova/transformers'];
// Modules of Node's that it imports by their old names; workerd has them under `nodejs_compat`.
const NODE = ['stream', 'http', 'https', 'url', 'zlib', 'console'];
const QUESTION = 'How long after an extraction should I not smoke?';

const at = process.argv.indexOf('--json');
const file = at > 0 ? process.argv[at + 1] : null;
const stateDir = mkdtempSync(join(tmpdir(), 'chairside-bench-'));
const upstreams = await startUpstreams();
const running = [];
try {
  const figures = await measure();
  print(figures);
  if (file) writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
} finally {
  for (const worker of running) await worker.stop();
  upstreams.close();
  rmSync(stateDir, { recursive: true, force: true });
}

async function measure() {
  const keys = await loadKeys(stateDir);
  const vars = {
    SUPABASE_URL: upstreams.url,
    SUPABASE_ANON_KEY: keys.anonKey,
    SUPABASE_JWT_SECRET: keys.jwtSecret,
    CLINIC_ID: 'bench',
    VECTOR_STORE: 'chroma',
    CHROMA_URL: upstreams.url,
    CHROMA_COLLECTION: 'knowledge',
    EMBEDDINGS: 'openai',
    EMBEDDINGS_URL: `${upstreams.url}/v1`,
    EMBEDDINGS_MODEL: 'all-MiniLM-L6-v2',
    EMBEDDINGS_DIMENSION: '384',
    CHAT: 'openai',
    CHAT_URL: `${upstreams.url}/v1`,
    CHAT_MODEL: 'm',
    CHAT_ANON: 'true',
  };
  const peers = { chairside: await start('ours', { vars, chatbot: true }), hono: await start('hono', { vars: { ...vars, MODELS_URL: `${upstreams.url}/v1` }, modules: bundle(), flags: ['nodejs_compat'] }) };
  const headers = { apikey: keys.anonKey, 'content-type': 'application/json' };
  const samples = { direct: [], chairside: [], hono: [] };
  const cpu = { chairside: [], hono: [] };
  for (const name of Object.keys(peers)) await turns(() => turn(peers[name].url, headers), WARM_UP);
  await turns(direct, WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    samples.direct.push(await turns(direct, TURNS));
    for (const name of round % 2 === 0 ? ['chairside', 'hono'] : ['hono', 'chairside']) {
      const before = cpuNs(peers[name].pid);
      samples[name].push(await turns(() => turn(peers[name].url, headers), TURNS));
      cpu[name].push((cpuNs(peers[name].pid) - before) / 1e3 / TURNS);
    }
  }
  return summary(samples, cpu);
}

async function start(name, options) {
  const worker = await startWorkerd({ folder: join(stateDir, name), ...options });
  running.push(worker);
  return worker;
}

function bundle() {
  const outfile = join(stateDir, 'hono.js');
  buildSync({ entryPoints: [join(root, 'tests', 'peers', 'chat', 'hono.js')], outfile, bundle: true, format: 'esm', platform: 'browser', conditions: ['workerd', 'worker', 'browser'], minify: true, external: [...UNUSED, 'node:*'], alias: Object.fromEntries(NODE.map((name) => [name, `node:${name}`])), logLevel: 'error', absWorkingDir: root });
  return [{ name: 'hono.js', kind: 'esModule', file: outfile }];
}

async function turns(one, count) {
  const times = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await one();
    times.push(performance.now() - began);
  }
  return times;
}

async function turn(url, headers) {
  const body = JSON.stringify({ model: 'chairside', stream: true, messages: [{ role: 'user', content: QUESTION }] });
  const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  const text = await reply.text();
  if (reply.status !== 200 || !text.includes('[1]') || !text.trimEnd().endsWith('data: [DONE]')) throw new Error(`a turn was answered ${reply.status}: ${text.slice(0, 500)}`);
}

/** The same upstream calls without an edge: both searches at once, then the model. */
async function direct() {
  const post = (path, body) => fetch(`${upstreams.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((reply) => reply.text());
  const words = post('/rest/v1/rpc/search_knowledge', { query: QUESTION, k: 30 });
  const vector = await post('/v1/embeddings', { input: [QUESTION] });
  await Promise.all([words, post('/api/v2/x/query', { query_embeddings: [JSON.parse(vector).data[0].embedding], n_results: 30 })]);
  await post('/v1/chat/completions', { messages: [] });
}

function summary(samples, cpu) {
  const figure = (rounds, share) => median(rounds.map((times) => percentile(times, share)));
  const peers = Object.fromEntries(Object.keys(samples).map((name) => [name, { p50: figure(samples[name], 0.5), p99: figure(samples[name], 0.99), cpuUs: cpu[name] ? median(cpu[name]) : null }]));
  const ratio = (of) => median(samples.chairside.map((_, round) => of('chairside', round) / of('hono', round)));
  return {
    rounds: ROUNDS,
    turns: TURNS,
    peers,
    added: { p50: peers.chairside.p50 - peers.direct.p50, p99: peers.chairside.p99 - peers.direct.p99 },
    ratios: { p50: ratio((name, round) => percentile(samples[name][round], 0.5)), p99: ratio((name, round) => percentile(samples[name][round], 0.99)), cpu: ratio((name, round) => cpu[name][round]) },
  };
}

function print({ peers, added, ratios, rounds, turns: count }) {
  const ms = (value) => value.toFixed(2);
  const row = (name, { p50, p99, cpuUs }) => [name, ms(p50), ms(p99), cpuUs === null ? '-' : cpuUs.toFixed(0)];
  console.log(`a turn of the chat, streamed; medians of ${rounds} rounds of ${count} turns, one at a time`);
  console.log(table([
    ['', 'p50 ms', 'p99 ms', 'CPU us'],
    row('the upstreams alone', peers.direct),
    row('Chairside', peers.chairside),
    row('Hono, openai, chromadb-client', peers.hono),
    ['Chairside to Hono', ratios.p50.toFixed(2), ratios.p99.toFixed(2), ratios.cpu.toFixed(2)],
  ]));
  console.log(`the edge adds ${ms(added.p50)} ms at p50, ${ms(added.p99)} ms at p99`);
}
