// The other end of a fan-out, in a process of its own: holds the sockets, sets off the sends and takes the time until
// the last has arrived. Told what to do by messages `{id, method, args}`.

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Socket } from './socket.mjs';

const AT_ONCE = 50;
const PATIENCE_MS = 30_000;
const agent = new http.Agent({ keepAlive: true });
const groups = new Map();

const methods = {
  /** Opens a socket for each of `clients`, `{path, hello?}`; who says hello waits for a frame with `welcome` in it. */
  async open({ name, port, clients, welcome }) {
    const sockets = [];
    groups.set(name, sockets);
    const queue = [...clients];
    const next = async () => {
      for (let client = queue.shift(); client; client = queue.shift()) sockets.push(await join(port, client, welcome));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  },

  /** Sets off one send; the text that the first socket got. */
  async sample({ name, push }) {
    const [socket] = groups.get(name);
    const got = new Promise((resolve) => (socket.onText = resolve));
    await post(push);
    const text = await within(got, () => `${name}: nothing arrived`);
    socket.onText = null;
    await sleep(200);
    return text;
  },

  /** Sets off one send after the other, each when the one before has arrived everywhere and was answered. `ms` is until
   *  all had arrived, `answeredMs` until the answer too. Frames are known by their length. */
  async run({ name, pushes, length }) {
    const sockets = groups.get(name);
    const counts = new Map(sockets.map((socket) => [socket, 0]));
    const round = { arrived: 0, done: null };
    const onFrame = (bytes, socket) => {
      if (bytes !== length) return;
      counts.set(socket, counts.get(socket) + 1);
      if (++round.arrived === sockets.length) round.done();
    };
    for (const socket of sockets) socket.onFrame = onFrame;
    let [ms, answeredMs] = [0, 0];
    const cpu = process.cpuUsage();
    for (const push of pushes) {
      round.arrived = 0;
      const done = new Promise((resolve) => (round.done = resolve));
      const began = performance.now();
      const posted = post(push);
      const late = () => `${name}: ${round.arrived} of ${sockets.length} arrived`;
      await within(done, late);
      ms += performance.now() - began;
      await within(posted, late);
      answeredMs += performance.now() - began;
    }
    const { user, system } = process.cpuUsage(cpu);
    const wrong = sockets.filter((socket) => socket.closed || counts.get(socket) !== pushes.length);
    if (wrong.length > 0) throw new Error(`${name}: ${wrong.length} sockets got other than ${pushes.length} frames (${wrong[0].closed})`);
    return { deliveries: sockets.length * pushes.length, ms, answeredMs, generatorMs: (user + system) / 1000 };
  },

  /** Sends a text on each socket, and waits for a frame in return. */
  async heartbeat({ name, text }) {
    const sockets = groups.get(name);
    let left = sockets.length;
    const answered = new Promise((resolve) => {
      for (const socket of sockets) {
        socket.onFrame = () => {
          socket.onFrame = null;
          if (--left === 0) resolve();
        };
        socket.send(text);
      }
    });
    await within(answered, () => `${name}: ${left} heartbeats were not answered`);
  },

  async close({ name }) {
    for (const socket of groups.get(name) ?? []) socket.close();
    groups.delete(name);
  },
};

async function join(port, { path, hello }, welcome) {
  const socket = await Socket.open(port, path);
  if (!hello) return socket;
  let last = 'nothing';
  const welcomed = new Promise((resolve) => {
    socket.onText = (text) => {
      last = text;
      if (text.includes(welcome)) resolve();
    };
  });
  socket.send(hello);
  await within(welcomed, () => `a socket was not welcome: ${socket.closed ?? last}`);
  socket.onText = null;
  return socket;
}

function post({ port, headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: '/push', method: 'POST', agent, headers }, (reply) => {
      reply.resume();
      reply.on('end', () => (reply.statusCode === 204 ? resolve() : reject(new Error(`the push was answered ${reply.statusCode}`))));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function within(promise, what) {
  const timer = new AbortController();
  const late = sleep(PATIENCE_MS, null, { signal: timer.signal }).then(() => {
    throw new Error(what());
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

process.on('message', async ({ id, method, args }) => {
  try {
    process.send({ id, result: await methods[method](args) });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
// Whoever started it is gone.
process.on('disconnect', () => process.exit(0));
