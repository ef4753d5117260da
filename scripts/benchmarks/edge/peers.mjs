// Those that are compared: each a workerd of its own, configured alike, on the core that is theirs.

import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { publicJwk } from '../../stack/keys.mjs';
import { root } from '../../stack/settings.mjs';
import { workerVars } from '../../stack/worker.mjs';
import { startWorkerd } from '../../stack/workerd.mjs';
import { pinned } from '../workerd.mjs';

/** The core of the Workers; all else is on the first. */
export const WORKER_CORE = 1;
export const PEERS = ['ours', 'bare', 'hono'];
/** What the calls to the platform cost that ours cannot do without. */
export const FLOOR = 'floor';
/** Hono with an id, a limit of time and a log, as ours. */
export const LOGGED = 'hono-logged';

export const isHono = (name) => name === 'hono' || name === LOGGED;

function bundle(folder, name) {
  const outfile = join(folder, `${name}.bundle.js`);
  const entry = join(root, 'tests', 'peers', 'edge', `${name}.js`);
  buildSync({ entryPoints: [entry], outfile, bundle: true, minify: true, format: 'esm', platform: 'browser', conditions: ['workerd', 'worker', 'browser'], logLevel: 'error', absWorkingDir: root });
  return [{ name: `${name}.js`, kind: 'esModule', file: outfile }];
}

/** What `startWorkerd` is told to start one of them in front of `upstream`; `jwksUrl` has the keys. */
export function peerOptions(name, { stateDir, upstream, keys, jwksUrl, at = name }) {
  const vars = { ...workerVars({ gatewayUrl: upstream, keys, alg: 'HS256' }), SUPABASE_JWKS_URL: jwksUrl, CLINIC_ID: 'bench' };
  const hono = { SUPABASE_URL: upstream, SUPABASE_ANON_KEY: keys.anonKey, JWT_SECRET: keys.jwtSecret, JWKS: JSON.stringify({ keys: [publicJwk(keys)] }) };
  return {
    folder: join(stateDir, 'extra', at),
    vars: isHono(name) ? hono : vars,
    under: pinned(WORKER_CORE),
    // Lines of log are written, and no disk is waited for that is not the Worker's.
    isSilent: true,
    ...(name !== 'ours' && { modules: bundle(stateDir, name) }),
  };
}

/** Starts those of these names: `{ours, bare, hono}`. */
export async function startPeers(options, names = PEERS) {
  const peers = {};
  for (const name of names) peers[name] = await startWorkerd(peerOptions(name, { ...options, at: `${options.label}-${name}` }));
  return peers;
}
