// What of a request is ours alone, which the load generator's figures hide in the runtime's: see tests/peers/edge/own.js.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../stack/settings.mjs';
import { CLINIC } from '../../stack/worker.mjs';
import { built, startWorkerd } from '../../stack/workerd.mjs';
import { percentile } from '../figures.mjs';
import { cpuNs } from '../workerd.mjs';
import { peerOptions } from './peers.mjs';

const ROUNDS = 21;
const WARM_UP = 20_000;
const COUNT = 400;
// A machine that others share is slow at times; how fast it is when it is not says what there is to do.
const QUICK = 0.25;

/** µs of each case when it is called over and over, and when its code has to be fetched anew as it has between other work. */
export async function own(options, full) {
  const filler = join(options.stateDir, 'filler.wasm');
  writeFileSync(filler, code());
  const wrapper = { name: 'own.js', kind: 'esModule', file: join(root, 'tests', 'peers', 'edge', 'own.js') };
  const modules = [wrapper, ...built(join(root, CLINIC.build)), { name: 'filler.wasm', kind: 'wasm', file: filler }];
  const worker = await startWorkerd({ ...peerOptions('ours', { ...options, at: 'own' }), modules });
  try {
    const results = {};
    for (const [name, of] of Object.entries({ ...less(full), ...full })) results[name] = await measure(worker, of('ours'));
    return results;
  } finally {
    await worker.stop();
  }
}

/** What is a part of every request, and what of every one with a token. */
function less(full) {
  const { headers } = full['read 20']('ours')(0);
  return {
    '/health': () => () => ({ path: '/health', headers: {}, status: 200 }),
    'a table that is not there': () => () => ({ path: '/rest/v1/nothing', headers, status: 404 }),
  };
}

async function measure(worker, of) {
  const requests = Array.from({ length: 50 }, (_, n) => of(n));
  const us = async (how) => {
    const before = cpuNs(worker.pid);
    const reply = await fetch(worker.url, { method: 'POST', body: JSON.stringify({ requests, count: COUNT, ...how }) });
    if (!reply.ok) throw new Error(await reply.text());
    await reply.arrayBuffer();
    return (cpuNs(worker.pid) - before) / 1e3 / (how.count ?? COUNT);
  };
  await us({ count: WARM_UP });
  const [warm, cold] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    warm.push(await us({}));
    cold.push((await us({ cold: true })) - (await us({ cold: true, none: true })));
  }
  return { warmUs: percentile(warm, QUICK), coldUs: percentile(cold, QUICK) };
}

const FUNCTIONS = 1500;
const OPERATIONS = 120;

/** A Wasm module whose `run` goes once through some two megabytes of machine code; its constants are of 27 bits, so that each takes room. */
function code() {
  const [I32, LOCAL_GET, CONST, CALL, END] = [0x7f, 0x20, 0x41, 0x10, 0x0b];
  const MIXES = [0x6a, 0x6b, 0x73]; // add, sub, xor
  const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
  const body = (bytes) => [...leb(bytes.length + 2), 0, ...bytes, END];
  const mix = (seed) => Array.from({ length: OPERATIONS }, (_, n) => [CONST, ...leb((seed * 7919 + n * 104_729) % 2 ** 27 | 2 ** 26), MIXES[(seed + n) % 3]]).flat();
  const functions = Array.from({ length: FUNCTIONS }, (_, n) => body([LOCAL_GET, 0, ...mix(n)]));
  const run = body([LOCAL_GET, 0, ...Array.from({ length: FUNCTIONS }, (_, n) => [CALL, ...leb(n)]).flat()]);
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [1, 0x60, 1, I32, 1, I32]),
    ...section(3, [...leb(FUNCTIONS + 1), ...new Array(FUNCTIONS + 1).fill(0)]),
    ...section(7, [1, 3, ...Buffer.from('run'), 0, ...leb(FUNCTIONS)]),
    ...section(10, [...leb(FUNCTIONS + 1), ...functions.flat(), ...run]),
  ]);
}

function leb(number) {
  const bytes = [];
  for (let rest = number; ; ) {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest > 0 ? low | 0x80 : low);
    if (rest === 0) return bytes;
  }
}
