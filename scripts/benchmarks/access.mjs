// What the log of readings of medical records costs a reader: two Workers on one database, one with the log and one
// without it, asked in turns. A block of requests at a time, so that what is done after a reply falls to its own side.

import { setTimeout as sleep } from 'node:timers/promises';
import { loadKeys } from '../stack/keys.mjs';
import { databaseUrl } from '../stack/postgres.mjs';
import { startBackend, steps } from '../stack/stack.mjs';
import { workerVars } from '../stack/worker.mjs';
import { startWorkerd } from '../stack/workerd.mjs';
import { percentile } from './figures.mjs';

const PATH = '/rest/v1/treatment_records?select=*&patient_id=eq.00000000-0000-4000-8000-0000000a0001&limit=20';
const BLOCK = 100;
const WARM_UP = 200;
const SIDES = ['off', 'on'];

/** `{on, off, ratio, logged}`: p50 and p95 of each side in ms, the ratio of the p50s, and how many readings were logged. */
export async function measureAccessLog(processes, { stateDir, ports, rounds, say }) {
  const keys = await loadKeys(stateDir);
  const gatewayUrl = `http://127.0.0.1:${ports.gateway}`;
  const auth = { databaseUrl: databaseUrl(ports.postgres, 'supabase_auth_admin'), keys, issuer: `${gatewayUrl}/auth/v1`, alg: 'HS256' };
  const tokens = await startBackend({ stateDir, ports, keys, auth, say, step: steps(say), processes });
  const workers = {};
  for (const side of SIDES) {
    const vars = { ...workerVars({ gatewayUrl, keys, alg: 'HS256' }), CLINIC_ID: `bench-${side}`, ACCESS_LOG: side };
    workers[side] = await startWorkerd({ folder: `${stateDir}/extra/${side}`, vars });
  }
  try {
    const headers = { apikey: keys.anonKey, authorization: `Bearer ${tokens.TOKEN_DENTIST}` };
    const samples = { on: [], off: [] };
    for (const side of SIDES) await block(workers[side], headers, WARM_UP);
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? SIDES : [...SIDES].reverse()) samples[side].push(...(await block(workers[side], headers, BLOCK)));
    }
    // All that was read is in the log, or the comparison would be with something else.
    await sleep(3000);
    const logged = await countLogged(gatewayUrl, { ...headers, authorization: `Bearer ${tokens.TOKEN_ADMIN}` });
    const expected = WARM_UP + rounds * BLOCK;
    if (logged !== expected) throw new Error(`${logged} readings were logged, not ${expected}`);
    const figures = (values) => ({ p50: percentile(values, 0.5), p95: percentile(values, 0.95), samples: values.length });
    const [on, off] = [figures(samples.on), figures(samples.off)];
    return { on, off, ratio: on.p50 / off.p50, logged };
  } finally {
    for (const side of SIDES) await workers[side].stop();
  }
}

async function block({ url }, headers, count) {
  const times = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    const reply = await fetch(`${url}${PATH}`, { headers });
    const rows = await reply.json();
    times.push(performance.now() - began);
    if (reply.status !== 200 || rows.length === 0) throw new Error(`a reading was answered ${reply.status}`);
  }
  return times;
}

async function countLogged(gatewayUrl, headers) {
  const reply = await fetch(`${gatewayUrl}/rest/v1/access_log?select=id`, { method: 'HEAD', headers: { ...headers, prefer: 'count=exact' } });
  return Number(reply.headers.get('content-range').split('/')[1]);
}
