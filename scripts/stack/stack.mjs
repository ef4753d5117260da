// The whole local stack: which parts there are, in which order they start, and what they are
// told. Starting and stopping of one part is that part's file; options and printing are dev.mjs.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChatbot, unusedPorts } from './chatbot.mjs';
import { loadKeys } from './keys.mjs';
import { loadFolder } from './models/knowledge.mjs';
import { makeTokens } from './people.mjs';
import { applyShim, databaseUrl, migrate, startPostgres } from './postgres.mjs';
import { startPostgrest } from './postgrest.mjs';
import { endLeftovers, Processes } from './processes.mjs';
import { requireFreePorts, root } from './settings.mjs';
import { startMainWorker, workerVars } from './worker.mjs';

/**
 * Starts everything. `say(line)` hears of each step and its time; `onCrash(name, how)` of a part
 * that ended by itself; `onProcesses` gets what must be stopped if the caller is told to stop
 * before all is up. `watch`: the Worker is rebuilt when src/ changes. `models`: with Chroma, the
 * embedding model and the language model; without them the chatbot says what is missing.
 * `vectorStore`: `chroma` or `pinecone`.
 * Returns `{env, stop()}`; `env` is what `.dev/env` holds.
 */
export async function startStack({ stateDir, ports, say, onCrash, onProcesses = () => {}, watch = true, models = true, vectorStore = 'chroma', alg = process.env.AUTH_JWT_ALG || 'HS256' }) {
  mkdirSync(join(stateDir, 'logs'), { recursive: true });
  const step = steps(say);
  const left = await endLeftovers(stateDir);
  if (left.length > 0) say(`ended what an earlier run had left running: ${left.join(', ')}`);
  const unused = unusedPorts({ models, vectorStore });
  await requireFreePorts(Object.fromEntries(Object.entries(ports).filter(([name]) => !unused.includes(name))));

  const processes = new Processes(stateDir, onCrash);
  onProcesses(processes);
  const keys = await loadKeys(stateDir);
  const gatewayUrl = `http://127.0.0.1:${ports.gateway}`;
  const auth = { databaseUrl: databaseUrl(ports.postgres, 'supabase_auth_admin'), keys, issuer: `${gatewayUrl}/auth/v1`, alg };
  const context = { stateDir, ports, keys, auth, alg, gatewayUrl, say, step, processes };
  try {
    // The build keeps a core busy while the database comes up.
    const [tokens, chatbot] = await settled([startBackend(context), startChatbot(processes, { ...context, models, vectorStore }), step('Worker built', () => build())]);
    const vars = { ...workerVars({ gatewayUrl, keys, alg }), ...chatbot.vars };
    await step('Worker (wrangler dev)', () => startMainWorker(processes, { stateDir, port: ports.worker, vars, watch }));
    const env = { ...describe(context, tokens), ...chatbot.env };
    await step('knowledge base (supabase/knowledge)', () => loadKnowledge(env));
    writeEnv(join(stateDir, 'env'), env);
    return { env, stop: () => processes.stopAll() };
  } catch (error) {
    await processes.stopAll();
    throw error;
  }
}

/** As Promise.all, but nothing is still under way when it fails. */
export async function settled(promises) {
  const results = await Promise.allSettled(promises);
  const failed = results.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  return results.map(({ value }) => value);
}

/** Everything but the Worker; returns the tokens. */
export async function startBackend({ stateDir, ports, keys, auth, say, step, processes }) {
  await step('PostgreSQL 17', () => startPostgres(processes, { stateDir, port: ports.postgres }));
  await step('Supabase roles and auth schema', () => applyShim(ports.postgres));
  await step('migrations and seed (supabase db push)', () => migrate(ports.postgres, stateDir));
  await step('PostgREST', () => startPostgrest(processes, { stateDir, ports, keys }));
  await step('gateway (/rest/v1, /auth/v1, /realtime/v1)', () => startGateway(processes, { stateDir, ports, auth }));
  return step('tokens', () => makeTokens(auth, say));
}

/** Puts the project's own documents into the knowledge base, through the Worker as an admin would. */
export async function loadKnowledge({ CHAIRSIDE_URL, TOKEN_ADMIN }) {
  const { failures } = await loadFolder({ url: CHAIRSIDE_URL, token: TOKEN_ADMIN }, join(root, 'supabase', 'knowledge'));
  if (failures.length > 0) throw new Error(`the knowledge base could not be loaded\n${failures.join('\n')}`);
}

async function startGateway(processes, { stateDir, ports, auth }) {
  const env = {
    ...process.env,
    CHAIRSIDE_STATE_DIR: stateDir,
    GATEWAY_PORT: String(ports.gateway),
    GATEWAY_CONTROL_PORT: String(ports.control),
    POSTGREST_PORT: String(ports.postgrest),
    AUTH_DATABASE_URL: auth.databaseUrl,
    AUTH_ISSUER: auth.issuer,
    AUTH_JWT_ALG: auth.alg,
    REALTIME_DATABASE_URL: databaseUrl(ports.postgres, 'supabase_admin'),
  };
  const handle = processes.start('gateway', process.execPath, [join(root, 'scripts', 'stack', 'gateway.mjs')], { env });
  const control = `http://127.0.0.1:${ports.control}`;
  await processes.ready(handle, async () => (await fetch(`${control}/mode`)).ok && (await fetch(`${auth.issuer}/.well-known/jwks.json`)).ok);
}

/** Builds the Worker; a build that has nothing to do takes a fraction of a second. */
export function build() {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, 'scripts', 'build'), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the Worker's build failed\n${output}`))));
  });
}

function describe({ stateDir, ports, keys, gatewayUrl, processes }, tokens) {
  return {
    CHAIRSIDE_URL: `http://127.0.0.1:${ports.worker}`,
    SUPABASE_URL: gatewayUrl,
    POSTGREST_URL: `http://127.0.0.1:${ports.postgrest}`,
    DATABASE_URL: databaseUrl(ports.postgres),
    ANON_KEY: keys.anonKey,
    SERVICE_ROLE_KEY: keys.serviceRoleKey,
    PUBLISHABLE_KEY: keys.publishableKey,
    SECRET_KEY: keys.secretKey,
    JWT_SECRET: keys.jwtSecret,
    ...tokens,
    GATEWAY_CONTROL_URL: `http://127.0.0.1:${ports.control}`,
    WORKER_LOG: processes.logFile('worker'),
    CHATBOT_LOG: processes.logFile('chatbot'),
    CHAIRSIDE_STATE_DIR: stateDir,
  };
}

/** To be sourced by a shell, or read by `node --env-file`. */
export function writeEnv(file, env) {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}='${value}'`);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** A function that runs a named step and tells `say` how long it took. */
export function steps(say) {
  return async (name, work) => {
    const started = performance.now();
    const result = await work();
    say(`${name} · ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return result;
  };
}
