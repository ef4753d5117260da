// Requests over kept connections, one at a time on each, and how long each took.

import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';

const PATIENCE_MS = 10_000;

/** A connection; `ask(request)` resolves to the time in ms, and fails when the answer is not the one that is due. */
class Connection {
  constructor(url) {
    this.client = new Client(url, { pipelining: 1, bodyTimeout: 20_000, headersTimeout: 20_000 });
  }

  ask({ path, method = 'GET', headers, body, status, holds, bytes = 0 }) {
    return new Promise((resolve, reject) => {
      const began = performance.now();
      const pieces = [];
      let [answered, length] = [0, 0];
      this.client.dispatch({ path, method, headers, body }, {
        onRequestStart() {},
        onResponseStart(_, code) {
          answered = code;
        },
        onResponseData(_, piece) {
          length += piece.length;
          if (answered !== status || (holds && length < 65_536)) pieces.push(piece);
        },
        onResponseEnd() {
          const took = performance.now() - began;
          const text = () => Buffer.concat(pieces).toString();
          if (answered === status && length >= bytes && (!holds || text().includes(holds))) resolve(took);
          else reject(new Error(`${method} ${path.slice(0, 200)} was answered ${answered} with ${length} bytes: ${text().slice(0, 400)}`));
        },
        onResponseError(_, error) {
          reject(error);
        },
      });
    });
  }

  close() {
    return this.client.destroy();
  }
}

/** As many requests as `connections` get done in `ms`, or `count` of them: the times, and how long all took. */
export async function closedLoop(url, request, { connections = 8, ms = Infinity, count = Infinity }) {
  const times = [];
  const began = performance.now();
  let asked = 0;
  const worker = async () => {
    const connection = new Connection(url);
    while (asked < count && performance.now() - began < ms) times.push(await connection.ask(request(asked++)));
    await connection.close();
  };
  await Promise.all(Array.from({ length: Math.min(connections, count) }, worker));
  return { times, ms: performance.now() - began };
}

/**
 * The targets in turns, at `rate` requests a second each for `seconds`, whether or not earlier ones have been answered: times
 * by target, each from when its request was due.
 */
export async function fixedRate(targets, { rate, seconds, connections = 32 }) {
  const names = Object.keys(targets);
  const idle = Object.fromEntries(names.map((name) => [name, Array.from({ length: connections }, () => new Connection(targets[name].url))]));
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const pending = [];
  const began = performance.now() + 50;
  const gap = 1000 / rate / names.length;
  for (let n = 0; n < rate * seconds * names.length; n++) {
    const name = names[n % names.length];
    const due = began + n * gap;
    const wait = due - performance.now();
    if (wait > 1.5) await sleep(wait - 1);
    // A timer is a millisecond late or more.
    while (performance.now() < due) await new Promise(setImmediate);
    const connection = idle[name].pop();
    if (!connection) throw new Error(`${name} does not keep up with ${rate} requests a second`);
    pending.push(connection.ask(targets[name].request(n)).then(() => {
      times[name].push(performance.now() - due);
      idle[name].push(connection);
    }));
  }
  await Promise.all(pending);
  for (const name of names) for (const connection of idle[name]) await connection.close();
  return times;
}

/** How long it takes from `began` until a server that was just started has answered, in ms. */
export async function firstAnswer(url, request, began) {
  for (;;) {
    const connection = new Connection(url);
    try {
      await connection.ask(request);
      return performance.now() - began;
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || performance.now() - began > PATIENCE_MS) throw error;
      await sleep(1);
    } finally {
      await connection.close();
    }
  }
}
