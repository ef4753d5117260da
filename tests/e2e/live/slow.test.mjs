// Who does not read what is sent is closed with a code of its own, and costs nobody else anything: no message, no
// memory for long. Measured at a Worker of its own, both of wrangler's workerd processes together.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join as path } from 'node:path';
import { after, before, test } from 'node:test';
import { startWorker, workerVars } from '../../../scripts/stack/worker.mjs';
import { env, tokens } from '../lib/stack.mjs';
import { closeAll, join, raw, sleep, until } from './support.mjs';

const keys = { anonKey: env.ANON_KEY, publishableKey: env.PUBLISHABLE_KEY, jwtSecret: env.JWT_SECRET, serviceRoleKey: env.SERVICE_ROLE_KEY };
const vars = { ...workerVars({ gatewayUrl: env.SUPABASE_URL, keys, alg: 'HS256' }), CLINIC_ID: 'live-slow' };
const TOPIC = 'realtime:flood';
const HEARTBEAT = [null, '7', 'phoenix', 'heartbeat', {}];
// More than the 8 MiB that a socket may have unread.
const MESSAGES = 180;
const BYTES = 60_000;

let worker;
before(async () => {
  worker = await startWorker({ vars, build: env.CHAIRSIDE_BUILD_DIR });
});
after(async () => {
  await closeAll();
  await worker?.stop();
});

/** Resident memory of the Worker's workerd processes, in MiB. */
function resident() {
  const [{ pid }] = JSON.parse(readFileSync(path(dirname(dirname(worker.logFile)), 'processes.json')));
  const read = (id, file) => readFileSync(`/proc/${id}/${file}`, 'utf8');
  const sizes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((id) => {
    try {
      const group = Number(read(id, 'stat').replace(/^.*\) /, '').split(' ')[2]);
      if (group !== pid || read(id, 'comm').trim() !== 'workerd') return 0;
      return Number(/VmRSS:\s+(\d+)/.exec(read(id, 'status'))[1]) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.round(sizes.reduce((sum, size) => sum + size, 0));
}

async function member() {
  const socket = await raw({ url: worker.url });
  socket.send(join(TOPIC, { token: tokens.patient, entries: [], broadcast: { ack: true, self: false } }));
  await socket.next(([, ref, , event]) => event === 'phx_reply' && ref === '1');
  socket.count = 0;
  socket.ws.on('message', () => {
    socket.frames.length = 0;
    socket.count += 1;
    // As an official client: it shows that it reads by sending something now and then.
    if (socket.count % 40 === 0) socket.send(HEARTBEAT);
  });
  return socket;
}

async function flood(sender, readers) {
  const counts = readers.map(({ count }) => count);
  const text = 'x'.repeat(BYTES);
  for (let at = 0; at < MESSAGES; at++) {
    sender.send(['1', `m${at}`, TOPIC, 'broadcast', { type: 'broadcast', event: 'flood', payload: { at, text } }]);
    await sleep(12);
  }
  // The answers to heartbeats are among what they got.
  await until(() => readers.every(({ count }, at) => count - counts[at] >= MESSAGES), () => `all to reach ${readers.map(({ count }, at) => count - counts[at])}`, 15_000);
}

test('those who stop reading are closed with 4008; others get everything; the memory comes back', async (t) => {
  const sender = await member();
  const readers = await Promise.all(Array.from({ length: 4 }, member));
  for (let time = 0; time < 3; time++) await flood(sender, readers);
  const earlier = resident();

  const slow = await Promise.all(Array.from({ length: 4 }, member));
  for (const { ws } of slow) ws._socket.pause();
  await flood(sender, readers);
  const meanwhile = resident();
  // Two read on, late; two never do.
  for (const { ws } of slow.slice(0, 2)) ws._socket.resume();
  for (const { closed } of slow.slice(0, 2)) assert.deepEqual(await closed, { code: 4008, reason: 'Too much sent and not read' });
  await until(() => (readFileSync(worker.logFile, 'utf8').match(/Closed\(4008\)/g) ?? []).length === 4, 'the other two to be closed as well');
  assert.ok(slow[0].count < MESSAGES);

  // The others go on as before.
  await flood(sender, readers);
  for (const { ws } of slow) ws.terminate();
  await until(() => resident() <= earlier * 1.1, () => `the memory, ${earlier} MiB before, to be freed: ${resident()} MiB`, 20_000);
  t.diagnostic(`workerd: ${earlier} MiB before, ${meanwhile} MiB meanwhile, ${resident()} MiB after`);
});
