// Further Workers with settings of their own, for tests that kill, starve or misconfigure one.

import { startWorker, workerVars } from '../../../scripts/stack/worker.mjs';

const env = process.env;
const keys = { anonKey: env.ANON_KEY, publishableKey: env.PUBLISHABLE_KEY, jwtSecret: env.JWT_SECRET };

/** All settings of a Worker on the stack; `undefined` in `changes` leaves one out. */
export function settings(changes = {}) {
  const vars = {
    ...workerVars({ gatewayUrl: env.SUPABASE_URL, keys, alg: 'HS256' }),
    CLINIC_ID: 'e2e',
    RATE_LIMITS: 'anon=100000/60 user=100000/60 auth=100000/60',
    ...changes,
  };
  return Object.fromEntries(Object.entries(vars).filter(([, value]) => value !== undefined));
}

/** Starts one; CHAIRSIDE_BUILD_DIR may name another build than build/. See startWorker for what it returns. */
export function start(changes, options = {}) {
  return startWorker({ build: env.CHAIRSIDE_BUILD_DIR, ...options, vars: settings(changes) });
}
