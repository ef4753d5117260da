// Where things are and which ports they use; everything may be set by the environment.

import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

const PORTS = {
  worker: ['CHAIRSIDE_PORT', 8787],
  gateway: ['GATEWAY_PORT', 54321],
  postgres: ['POSTGRES_PORT', 54322],
  postgrest: ['POSTGREST_PORT', 54323],
  postgrestAdmin: ['POSTGREST_ADMIN_PORT', 54324],
  control: ['GATEWAY_CONTROL_PORT', 54325],
  chroma: ['CHROMA_PORT', 54330],
  embeddings: ['EMBEDDINGS_PORT', 54331],
  chat: ['CHAT_PORT', 54332],
  pinecone: ['PINECONE_PORT', 54333],
};

/** The stack's settings by `env`: `{stateDir, ports}`. */
export function readSettings(env) {
  const ports = {};
  for (const [name, [variable, fallback]] of Object.entries(PORTS)) {
    ports[name] = Number(env[variable] || fallback);
    if (!Number.isInteger(ports[name]) || ports[name] < 1 || ports[name] > 65535) {
      throw new Error(`${variable} must be a port number`);
    }
  }
  return { stateDir: resolve(env.CHAIRSIDE_STATE_DIR || join(root, '.dev')), ports };
}

/** The same with free ports, for a stack beside others. */
export async function isolatedSettings(stateDir) {
  const ports = {};
  for (const name of Object.keys(PORTS)) ports[name] = await freePort(Object.values(ports));
  return { stateDir, ports };
}

/** A port nobody listens on now, and none of `taken`. */
export async function freePort(taken = []) {
  for (;;) {
    const port = await probe(0);
    if (!taken.includes(port)) return port;
  }
}

/** Throws, with what to do about it, when something listens on one of the ports. */
export async function requireFreePorts(ports) {
  for (const [name, port] of Object.entries(ports)) {
    await probe(port).catch(() => {
      const [variable] = PORTS[name];
      throw new Error(`port ${port} (${name}) is in use by something else; set ${variable} to another one`);
    });
  }
}

function probe(port) {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      const found = server.address().port;
      server.close(() => done(found));
    });
  });
}
